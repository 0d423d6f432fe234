"""Which files may be read: not those that somebody is still writing.

A file is ready when its size and stamp have stood still for the quiet time by our own clock, its name is not one that
programs give to unfinished files, no spreadsheet program holds it open, and its last line is ended. A file whose end
looks broken off waits longer before it is taken at its word.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection
from pathlib import Path
from typing import Final

from selaras.connectors.places import Entry

TABLES: Final = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")
_UNFINISHED: Final = (
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".tmp",
    ".temp",
    ".swp",
    ".lock",
    "~",
)
_PATIENCE: Final = 6


def is_table(name: str) -> bool:
    """Whether a file of this name is meant to be read at all."""
    low = name.lower()
    return low.endswith(TABLES) and not low.startswith((".", "~$")) and not low.endswith(_UNFINISHED)


def is_unfinished(name: str) -> bool:
    """Whether a program says by the name that it is still writing."""
    low = name.lower()
    return low.endswith(_UNFINISHED) and not low.startswith(".")


def held_open(name: str, names: Collection[str]) -> bool:
    """Whether Excel (`~$name`) or LibreOffice (`.~lock.name#`) has the workbook open."""
    if f".~lock.{name}#" in names or f"~${name}" in names:
        return True
    # Excel leaves out the first two letters of long names.
    return len(name) > 8 and f"~${name[2:]}" in names


def ended(path: Path, name: str) -> bool:
    """Whether the last line of a text file is ended; workbooks are tried when they are opened."""
    if name.lower().endswith((".xlsx", ".xlsm")):
        return True
    with path.open("rb") as handle:
        head = handle.read(2)
        handle.seek(0, 2)
        if handle.tell() < 2:
            return False
        handle.seek(-2, 2)
        tail = handle.read(2)
    if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return tail in (b"\n\0", b"\0\n")
    return tail.endswith((b"\n", b"\r"))


class Watch:
    """Remembers since when each file has stood still."""

    def __init__(self, quiet: float) -> None:
        self.quiet = quiet
        self._since: dict[str, tuple[Entry, float]] = {}

    def look(self, entries: Collection[Entry], now: float) -> None:
        """Take a listing in."""
        kept = {}
        for entry in entries:
            before = self._since.get(entry.name)
            kept[entry.name] = before if before and before[0] == entry and before[1] <= now else (entry, now)
        self._since = kept

    def quiet_for(self, entry: Entry, now: float) -> float:
        """Seconds that the file has not changed under our eyes."""
        return now - self._since[entry.name][1] if entry.name in self._since else 0.0

    def still(self, entry: Entry, now: float) -> bool:
        """Whether it has stood still long enough."""
        return self.quiet_for(entry, now) >= self.quiet

    def old(self, entry: Entry, now: float) -> bool:
        """Whether it has stood still so long that a broken end is its real end."""
        return self.quiet_for(entry, now) >= self.quiet * _PATIENCE
