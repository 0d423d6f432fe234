"""A chart of books, and orders that wait for a mapping: for the pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Seen
from selaras.ledger import Ledger
from selaras.ledger.values import NewPosting, RecordKey, State
from selaras.model.chart import Account, Dimension, TaxCode, Warehouse
from selaras.rules.mapper import MISSING, MISSING_CURE
from selaras.rules.mapping import choices, said
from selaras.sync.intake import as_new_record
from selaras.sync.mappings import Declared
from tests.web.stock_room import NOW, an_order, keep_orders

ACCOUNTS = (
    Account("acc-1-1001", "Bank BCA", "bank", "1-1001"),
    Account("acc-1-1050", "Dana Belum Disetor", "asset", "1-1050"),
    Account("acc-1-1200", "Piutang Usaha", "receivable", "1-1200"),
    Account("acc-2-1100", "PPN Keluaran", "tax", "2-1100"),
    Account("acc-4-1000", "Penjualan", "income", "4-1000"),
    Account("acc-4-1001", "Penjualan Web", "income", "4-1001"),
    Account("acc-4-4000", "Diskon Penjualan", "income", "4-4000"),
    Account("acc-4-7000", "Pendapatan Ongkos Kirim", "income", "4-7000"),
    Account("acc-6-9000", "Beban lama", "expense", "6-9000", active=False),
)
TAXES = (TaxCode("ppn11", "PPN 11%", Decimal("0.11")), TaxCode("ppn12", "PPN 12%", Decimal("0.12")))
WAREHOUSES = (Warehouse("JKT", "Gudang Jakarta"), Warehouse("SBY", "Gudang Surabaya"))
DIMENSIONS = (Dimension("jkt", "branch", "Jakarta"), Dimension("web", "project", "Toko web"))
CHART: tuple[tuple[str, Sequence[Account | TaxCode | Warehouse | Dimension]], ...] = (
    ("account", ACCOUNTS), ("tax", TAXES), ("warehouse", WAREHOUSES), ("dimension", DIMENSIONS),
)  # fmt: skip


def keep_chart(ledger: Ledger, books: str = "buku", *, more: Sequence[Account] = ()) -> None:
    """Keep a chart as a reading of the books would; runs in the ledger's thread."""
    at = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    parts = [*CHART, ("account", more)]
    with ledger.transaction():
        for kind, found in parts:
            seen = [Seen(kind, one.id, one, b"{}", at, at.date(), one.id) for one in found]
            ledger.records.keep([as_new_record(books, one) for one in seen], "poll", NOW)


def needs(ledger: Ledger, *words: str, books: str = "buku") -> None:
    """Keep that these books cannot choose some things themselves."""
    text = msgspec.json.encode(Declared(frozenset(words), frozenset(kind for kind, _ in CHART), known=True)).decode()
    with ledger.transaction():
        ledger.connections.set(f"maps:{books}", text, NOW)


def keep_waiting(ledger: Ledger, number: int, *words: str, store: str = "toko", books: str = "buku") -> None:
    """Keep an order that is stopped because the mapping names nothing for these words, as the rules stop it."""
    keep_orders(ledger, [an_order(number)], store)
    named = {"store": store, "books": books}
    posting = NewPosting(
        books, f"{store}:{number}", "!", 1, "sales_order", "create", RecordKey(store, "order", str(number)),
        str(number), "d", None, "", state=State.BLOCKED, cause="missing_mapping",
        message=MISSING(**named, what="; ".join(said(word) for word in words)),
        cure=MISSING_CURE(**named, choices=choices(words)),
    )  # fmt: skip
    with ledger.transaction():
        ledger.postings.plan([posting], NOW)


def fill(ledger: Ledger) -> None:
    """A chart, books that need a tax and an account for sales, and two orders that wait for them."""
    keep_chart(ledger)
    needs(ledger, "tax", "account:sales")
    keep_waiting(ledger, 1, "account:sales", "tax:11@ID")
    keep_waiting(ledger, 2, "account:sales")
