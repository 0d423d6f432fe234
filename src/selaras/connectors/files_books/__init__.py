"""Books in files: the other side of `selaras.connectors.files`, under a name of its own because a type has one role."""

from __future__ import annotations

from selaras.connectors.files import BOOKS as CONNECTOR
from selaras.connectors.files import FileBooks, build_books

__all__ = ["CONNECTOR", "FileBooks", "build_books"]
