"""Receipts that are more than their invoice has open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from selaras.connectors.accurate.drafts import Choices
from selaras.connectors.accurate.wire import Item
from selaras.connectors.accurate.writing import Writer
from selaras.connectors.contract import Failed, Rejected, Write
from selaras.model.document import Receipt


async def test_a_payment_that_stays_too_much_is_refused_and_not_sent_for_ever() -> None:
    """Accurate may count against an invoice what its `primeOwing` does not show: the same body is not sent again."""

    class Wire:
        sent = 0

        async def bulk(self, entity: str, rows: Sequence[Any]) -> list[Item]:
            self.sent += 1
            assert self.sent < 5
            return [Item(False, {}, ["Nilai pembayaran melebihi nilai terutang Faktur INV-1"]) for _ in rows]

        async def detail(self, entity: str, pairs: Any) -> dict[str, Any]:
            return {"number": "INV-1", "primeOwing": 60_000}

    wire: Any = Wire()
    reader: Any = None
    writer = Writer(wire, reader, Choices(), ZoneInfo("Asia/Jakarta"), lambda: 0.0)
    receipt = Receipt(
        "R-1", dt.date(2026, 11, 20), "IDR", Decimal(100_000), contact_id="C-1", invoice_id="INV-1", account="1-1200"
    )  # fmt: skip
    (outcome,) = await writer.write("receipt", "create", [Write("k", receipt)])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Rejected)
    assert wire.sent == 2
