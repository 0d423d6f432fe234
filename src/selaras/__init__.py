"""Selaras keeps what a business sells and what its books say the same, and proves it."""

from typing import Final

__version__: Final = "0.1.0"
