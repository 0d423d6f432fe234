"""Xendit's balance and auto-withdrawal reports: payment, fee and tax of one transaction are lines of their own.

Source: https://docs.xendit.co/docs/balance-report – line types TRANSACTION, FEE, VAT and the same with _REVERSAL,
DEBIT or CREDIT, amounts without a sign; …/auto-withdrawal-report adds the day of the withdrawal, which is the batch.
The report says only what has moved, so nothing in it is pending.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

from selaras.files.settlement_rows import NO_SALE, Placed, Reader
from selaras.files.settlement_tables import squeezed
from selaras.model.money import ZERO
from selaras.model.settlement import RowKind, SettlementRow

_LINES: Final = ("transaction", "fee", "vat")
_KINDS: Final[dict[str, RowKind]] = {"refund": "refund", "chargeback": "chargeback", "other": "adjustment"}


class _Entry:
    """One transaction, gathered from its lines."""

    def __init__(self, kind: str, reference: str, id: str, line: int, currency: str) -> None:
        self.kind, self.reference, self.id, self.line, self.currency = kind, reference, id, line, currency
        self.gross = self.fee = self.tax = ZERO
        self.days: list[dt.date] = []
        self.batch = ""


def read_ledger(reader: Reader) -> tuple[list[Placed], dict[str, int]]:
    """The rows of a ledger, one for each transaction (and its reversal). Raises `Unreadable`."""
    entries: dict[tuple[str, bool], _Entry] = {}
    for line, cells in reader.table.lines:
        kind = squeezed(reader.text(cells, "kind")).replace(" ", "_")
        # What a withdrawal paid out is less by what was disbursed meanwhile: its report counts that, too.
        if kind in NO_SALE and ("batch" not in reader.roles or kind == "withdrawal"):
            reader.skip(reader.text(cells, "kind"))
            continue
        _take(reader, entries, line, cells, kind)
    placed = []
    for (_, reversal), entry in entries.items():
        role: RowKind = "adjustment" if entry.kind in NO_SALE else _KINDS.get(entry.kind, "payment")
        if reversal and role == "payment":
            role = "refund"
        if not entry.gross:
            role = "fee"
        net = entry.gross - entry.fee - entry.tax
        row = SettlementRow(
            role, entry.reference or entry.id, entry.gross, entry.fee + entry.tax, net, max(entry.days), entry.id,
            entry.tax, entry.currency,
        )  # fmt: skip
        placed.append(Placed(entry.batch, row, entry.line))
    return placed, reader.left_out


def _take(
    reader: Reader, entries: dict[tuple[str, bool], _Entry], line: int, cells: tuple[str, ...], kind: str
) -> None:
    id = reader.text(cells, "id")
    if not id:
        raise reader.wrong(line, reader.roles["id"][0], "the transaction's id is missing")
    name = squeezed(reader.text(cells, "line"))
    reversal = name.endswith(" reversal")
    part = name.removesuffix(" reversal")
    if part not in _LINES:
        raise reader.wrong(line, reader.roles["line"][0], f"{reader.text(cells, 'line')!r} is not a known type of line")
    direction = squeezed(reader.text(cells, "direction"))
    if direction not in ("debit", "credit"):
        raise reader.wrong(line, reader.roles["direction"][0], f"{direction!r} is neither DEBIT nor CREDIT")
    moved: Decimal = abs(reader.money(line, cells, reader.roles["gross"][0])) * (1 if direction == "credit" else -1)
    entry = entries.get((id, reversal))
    if entry is None:
        currency = reader.currency(line, cells)
        entry = entries[id, reversal] = _Entry(kind, reader.text(cells, "reference"), id, line, currency)
    if part == "transaction":
        entry.gross += moved
        entry.kind = kind
    elif part == "fee":
        entry.fee -= moved
    else:
        entry.tax -= moved
    entry.reference = entry.reference or reader.text(cells, "reference")
    day = reader.day(line, cells)
    entry.days.append(day)
    entry.batch = reader.batch(cells, max(entry.days))
