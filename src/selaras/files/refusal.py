"""How a file is refused: one sentence that names file, row and column, says why, and how to mend it."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_, gettext

EXPORT_AGAIN: Final = N_("Export this period again from the bank and do not change the file.")
SAY_LAYOUT: Final = N_("Name the right one with --layout, or save your own with `selaras statement preview`.")
MEND: Final = N_("Correct the cell as the bank shows it, or export the period again.")

_WHOLE: Final = N_("%(file)s: %(why)s. %(cure)s")
_ROW: Final = N_("%(file)s, row %(row)s: %(why)s. %(cure)s")
_COLUMN: Final = N_("%(file)s, row %(row)s, column %(column)s: %(why)s. %(cure)s")


class Refused(ValueError):
    """A statement is not taken. `why` is a text of the catalogue with the places of `params`; `cure` likewise.

    `file`, `row` (from 1; 0 for the whole file) and `column` say where.
    """

    def __init__(self, why: str, cure: str = MEND, *, file: str = "", row: int = 0, column: str = "", **params: object):
        super().__init__(why)
        self.why, self.cure, self.params = why, cure, params
        self.file, self.row, self.column = file, row, column

    def at(self, file: str, row: int = 0, column: str = "") -> Refused:
        """The same refusal with its place, as far as it does not know it yet."""
        self.file = self.file or file
        self.row = self.row or row
        self.column = self.column or column
        return self

    def _said(self, translated: bool) -> str:
        say = gettext if translated else str
        form = (_COLUMN if self.column else _ROW) if self.row else _WHOLE
        why, cure = say(self.why) % self.params, say(self.cure) % self.params
        return say(form) % {"file": self.file, "row": self.row, "column": self.column, "why": why, "cure": cure}

    def spoken(self) -> str:
        """The sentence in the language of the moment."""
        return self._said(True)

    def __str__(self) -> str:
        return self._said(False)
