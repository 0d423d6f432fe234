"""What payments are matched from, as columns: orders that wait for money, bank lines, settlement rows.

Columns instead of values, because a million of them has to fit. Amounts are integers of one *hundredth of the
currency's smallest unit* (`FINE`), so that the sen of interest survives beside rupiah; days are proleptic ordinals
(`datetime.date.toordinal`), 0 for none. Source of the shape: the file interface of `selaras match`
(docs/reference/matching.md).
"""

from __future__ import annotations

from array import array
from typing import Final

import msgspec

FINE: Final = 100
METHODS: Final = ("transfer", "gw_va", "gw_qris", "market")


def _ints() -> array[int]:
    return array("q")


class OrderColumns(msgspec.Struct):
    """Orders. `due` is what the buyer was asked for: `total` and a unique code of `code`. `method` indexes `METHODS`.

    `captured` is the day on which a gateway or marketplace took the money.
    """

    ids: list[str] = []
    references: list[str] = []
    names: list[str] = []
    phones: list[str] = []
    currencies: list[str] = []
    total: array[int] = msgspec.field(default_factory=_ints)
    code: array[int] = msgspec.field(default_factory=_ints)
    due: array[int] = msgspec.field(default_factory=_ints)
    ordered: array[int] = msgspec.field(default_factory=_ints)
    captured: array[int] = msgspec.field(default_factory=_ints)
    method: array[int] = msgspec.field(default_factory=_ints)

    def __len__(self) -> int:
        return len(self.ids)


class LineColumns(msgspec.Struct):
    """Lines of bank accounts; `amount` > 0 is money in."""

    ids: list[str] = []
    currencies: list[str] = []
    descriptions: list[str] = []
    amount: array[int] = msgspec.field(default_factory=_ints)
    booked: array[int] = msgspec.field(default_factory=_ints)

    def __len__(self) -> int:
        return len(self.ids)


class SettlementColumns(msgspec.Struct):
    """Rows of settlement reports: what a gateway paid out for an order. Refund rows are negative."""

    gateways: list[str] = []
    batches: list[str] = []
    references: list[str] = []
    settled: array[int] = msgspec.field(default_factory=_ints)
    gross: array[int] = msgspec.field(default_factory=_ints)
    fee: array[int] = msgspec.field(default_factory=_ints)
    net: array[int] = msgspec.field(default_factory=_ints)

    def __len__(self) -> int:
        return len(self.batches)
