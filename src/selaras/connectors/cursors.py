"""Cursors that are a struct in JSON, and what one means that cannot be read."""

from __future__ import annotations

from typing import TypeVar

import msgspec

P = TypeVar("P", bound=msgspec.Struct)


def read_cursor(text: str, kind: type[P]) -> P:
    """Where a cursor points; one that cannot be read means the beginning: too much is read, never too little."""
    try:
        return msgspec.json.decode(text, type=kind) if text else kind()
    except msgspec.MsgspecError:
        return kind()
