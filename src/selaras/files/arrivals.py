"""Exports of one account as they arrive, one after the other: each movement gets its id once and keeps it.

`identity.merge` sees all exports at once. A source sees them over months, and what it has told once must not change its
id when another export comes. Both count the same way: within a layout rows are compared by day, balance (or the bank's
number), amount and their number among equals; between layouts, whose rows may stand in another order, a day's rows of
one amount are counted. So an overlapping export adds nothing, and two true equal transfers of a day stay two.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from selaras.files.identity import Key, balances, keys, line_id
from selaras.model.statement import Statement, StatementLine

_Family = tuple[str, bool]
_Group = tuple[dt.date, Decimal]


class _Movement:
    """A movement that was told: its text as it came first, and its place in the exports of each layout."""

    __slots__ = ("keys", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.keys: dict[_Family, Key] = {}


class Register:
    """The movements of one account, by day and amount. `account` and `currency` go into the ids."""

    def __init__(self, account: str, currency: str) -> None:
        self._account = account
        self._currency = currency
        self._groups: dict[_Group, list[_Movement]] = {}

    def take(self, statement: Statement) -> list[tuple[str, StatementLine]]:
        """The booked lines of an export that no export before it had, with their ids, in the export's order.

        Pending lines are left until an export has them booked.
        """
        family = (statement.layout, None in balances(statement))
        wanted: list[tuple[int, Key]] = []
        for at, key in enumerate(keys(statement)):
            if key is not None and all(one.keys.get(family) != key for one in self._like(key)):
                wanted.append((at, key))
        rest: list[tuple[int, Key]] = []
        for at, key in wanted:
            # Another layout may have told the movement already: the same text first, then any that this layout has not.
            text = _plain(statement.lines[at].description)
            found = next((one for one in self._like(key) if family not in one.keys and one.text == text), None)
            if found is None:
                rest.append((at, key))
            else:
                found.keys[family] = key
        fresh: list[tuple[str, StatementLine]] = []
        for at, key in rest:
            line = statement.lines[at]
            group = self._like(key)
            found = next((one for one in group if family not in one.keys), None)
            if found is None:
                found = _Movement(_plain(line.description))
                group.append(found)
                fresh.append((line_id(self._account, self._currency, key[0], key[2], len(group)), line))
            found.keys[family] = key
        return fresh

    def _like(self, key: Key) -> list[_Movement]:
        """The movements of the same day and amount that were told."""
        return self._groups.setdefault((key[0], key[2]), [])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
