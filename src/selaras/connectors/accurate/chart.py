"""What the books are made of: accounts, taxes, warehouses, branches, departments and projects, for the mapping.

Ids are what Accurate's own API takes when a document names one: the number of an account or a project, the name of a
warehouse, a branch or a department, the id of a tax.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.accurate.values import Row, encoded, exact, text_of
from selaras.connectors.accurate.wire import Wire
from selaras.connectors.contract import Changes, Seen
from selaras.model.chart import Account, AccountType, Dimension, TaxCode, Warehouse
from selaras.model.money import ZERO

KINDS: Final = ("account", "tax", "warehouse", "dimension")

# GlAccountType of the vendor's documentation.
_TYPES: Final[Mapping[str, AccountType]] = {
    "CASH_BANK": "bank",
    "ACCOUNT_RECEIVABLE": "receivable",
    "INVENTORY": "inventory",
    "OTHER_CURRENT_ASSET": "asset",
    "FIXED_ASSET": "asset",
    "ACCUMULATED_DEPRECIATION": "asset",
    "OTHER_ASSET": "asset",
    "ACCOUNT_PAYABLE": "payable",
    "OTHER_CURRENT_LIABILITY": "liability",
    "LONG_TERM_LIABILITY": "liability",
    "EQUITY": "equity",
    "REVENUE": "income",
    "COGS": "cost",
    "EXPENSE": "expense",
    "OTHER_INCOME": "income",
    "OTHER_EXPENSE": "expense",
}
# (entity, filters, fields, kind of dimension)
_PARTS: Final[Mapping[str, tuple[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], str], ...]]] = {
    "account": (
        (
            "glaccount",
            (("filter.leafOnly", "true"),),
            ("id", "no", "name", "accountType", "currency", "suspended", "parentNode"),
            "",
        ),
    ),
    "tax": (("tax", (), ("id", "description", "name", "rate", "taxType", "suspended"), ""),),
    "warehouse": (("warehouse", (), ("id", "name", "suspended"), ""),),
    "dimension": (
        ("branch", (), ("id", "name", "suspended"), "branch"),
        ("department", (), ("id", "name", "suspended"), "department"),
        ("project", (), ("id", "no", "name", "suspended"), "project"),
    ),
}  # fmt: skip


class _At(msgspec.Struct, frozen=True, omit_defaults=True):
    part: int = 0
    page: int = 1


class Chart:
    """Lists of one database. They are short, and read whole each time."""

    def __init__(self, wire: Wire, zone: ZoneInfo, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._zone = zone
        self._clock = clock

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of the list; behind the last page it begins anew."""
        try:
            at = msgspec.json.decode(cursor, type=_At) if cursor else _At()
        except msgspec.MsgspecError:
            at = _At()
        parts = _PARTS[kind]
        entity, filters, fields, dimension = parts[min(at.part, len(parts) - 1)]
        found = await self._wire.page(entity, list(filters), fields, page=at.page, sort="id|asc")
        seen = [one for row in found.rows if (one := self._seen(kind, dimension, row)) is not None]
        if found.page < found.pages and found.rows:
            return Changes(seen, _text(_At(at.part, at.page + 1)), True)
        more = at.part + 1 < len(parts)
        return Changes(seen, _text(_At(at.part + 1 if more else 0)), more)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Some of the list, by walking it."""
        there: dict[str, Seen] = {}
        cursor, more = "", True
        while more and ids:
            page = await self.changed(kind, cursor)
            there.update((seen.id, seen) for seen in page.seen)
            cursor, more = page.cursor, page.more
        now = self._now()
        return [there.get(one) or Seen(kind, one, None, b"", now, now.astimezone(self._zone).date()) for one in ids]

    def _seen(self, kind: str, dimension: str, row: Row) -> Seen | None:
        record = _record(kind, dimension, row)
        if record is None:
            return None
        now = self._now()
        return Seen(kind, record.id, record, encoded(row), now, now.astimezone(self._zone).date(), record.name)

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC)


def _record(kind: str, dimension: str, row: Row) -> Any:
    name, active = text_of(row, "name"), row.get("suspended") is not True
    if kind == "account":
        number = text_of(row, "no")
        if not number or row.get("parentNode") is True:
            return None  # a group: nothing is booked on it
        kind_of = _TYPES.get(text_of(row, "accountType"), "other")
        return Account(number, name, kind_of, number, text_of(row, "currency", "code"), active)
    if kind == "tax":
        percent = exact(row.get("rate")) or ZERO
        if text_of(row, "taxType") not in ("", "PPN"):
            return None  # withholding taxes are not charged on sales
        return TaxCode(text_of(row, "id"), text_of(row, "description") or name, percent / Decimal(100), "ID", active)
    if kind == "warehouse":
        return Warehouse(name, name, active) if name else None
    known_as = text_of(row, "no") if dimension == "project" else name
    return Dimension(known_as, dimension, name or known_as, active) if known_as else None


def _text(at: _At) -> str:
    return msgspec.json.encode(at).decode() if at != _At() else "{}"
