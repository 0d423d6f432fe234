"""The contract kit's levers on the stand-in."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import ClassVar

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.jurnal import build
from selaras.connectors.jurnal.values import custom_id
from selaras.connectors.kit import BooksRig, Held
from selaras.connectors.oauth import Token
from tests.connectors.jurnal.standin import StandIn, serve_jurnal
from tests.connectors.kit_signin import MemoryTokenStore

ZONE = "Asia/Jakarta"
Wrap = Callable[[Connector], Connector]
PLACES = {
    "contact": (("customers", "cu"),),
    "sales_order": (("sales_orders", "so"),),
    "invoice": (("sales_invoices", "si"),),
    "receipt": (("receive_payments", "rp"), ("sales_order_payments", "op"), ("bank_deposits", "bd")),
    "credit_note": (("credit_memos", "cm"), ("sales_returns", "")),
    "refund_payment": (("bank_withdrawals", "bw"),),
    "journal": (("journal_entries", "je"),),
}
MARKS = {"receive_payments": "r", "sales_order_payments": "o", "bank_deposits": "d", "bank_withdrawals": "w",
         "credit_memos": "cm", "sales_returns": "sr"}  # fmt: skip


def settings_for(books: StandIn, **more: str) -> dict[str, str]:
    return {
        "base_url": books.url, "account_url": books.url, "client_id": books.client_id,
        "client_secret": books.secret, "per_minute": "60000", "per_minute_address": "60000", "poll_share": "0",
        "visibility_lag": "0.5", **more,
    }  # fmt: skip


def held_in(books: StandIn, kind: str, reference: str) -> list[Held]:
    """What the stand-in holds under a reference."""
    found = []
    for table, mark in PLACES[kind]:
        for row in books.books.tables[table].values():
            own = row["memo"] == reference if not mark else row["custom_id"] == custom_id(mark, reference)
            if not own:
                continue
            amount = row.get("original_amount") or row.get("return_amount") or row.get("total")
            if amount is None and "transaction_account_lines" in row:
                lines = row["transaction_account_lines"]
                both = ("debit",) if kind == "journal" else ("debit", "credit")
                amount = sum((Decimal(part[side]) for part in lines for side in both), Decimal(0))
            total = None if amount is None else Decimal(str(amount)).quantize(Decimal("0.01"))
            found.append(Held(f"{MARKS.get(table, '')}{row['id']}", total, bool(row["deleted_at"])))
    return found


class JurnalRig(BooksRig):
    """A stand-in with a customer and three products, and connectors to it."""

    reasons: ClassVar[dict[str, str]] = {
        "expire_tokens": "a request that is signed has no token that could expire",
        "tokens_granted": "a request that is signed has no token",
        "bank_line": "its API matches no bank lines: money goes on from the suspense account, the line stays as it is",
    }

    def __init__(self, books: StandIn, stack: AsyncExitStack, wrap: Wrap, *, oauth: bool) -> None:
        self.books = books
        self._stack = stack
        self._wrap = wrap
        self._oauth = oauth
        self.tokens = MemoryTokenStore(Token(access="", refresh="refresh-0"))
        for code in ("KIT-A", "KIT-B", "KIT-C"):
            books.books.add_product(code, 100_000)
        self._contact = books.books.create_customers({"display_name": "Pembeli"}, batch=False)

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        tools = Tools("buku", ZONE, self.tokens, lambda: time.time() + clock_skew)
        made = build(settings_for(self.books, auth="oauth" if self._oauth else "hmac"), tools)
        self._stack.push_async_callback(made.close)
        return self._wrap(made)

    async def calm(self) -> None:
        self.books.mode = ""

    async def fail_before(self) -> None:
        self.books.mode = "before"

    async def fail_after(self) -> None:
        self.books.mode = "after"

    async def throttle(self, seconds: float) -> None:
        self.books.mode = f"throttle:{seconds}"

    async def half_batch(self) -> None:
        self.books.mode = "half"

    async def refuse_credentials(self) -> None:
        self.books.revoked = True

    async def expire_tokens(self) -> None:
        if not self._oauth:
            self.cannot("expire_tokens")
        self.books.tokens.clear()

    async def tokens_granted(self) -> int:
        if not self._oauth:
            self.cannot("tokens_granted")
        return self.books.granted

    async def slow_search(self) -> None:
        self.books.lag = 0.5

    async def close_period(self, until: dt.date) -> None:
        self.books.books.closed = until

    async def held(self, kind: str, reference: str) -> list[Held]:
        return held_in(self.books, kind, reference)

    async def contact_id(self) -> str:
        return str(self._contact["id"])

    async def products(self) -> list[str]:
        return ["KIT-A", "KIT-B", "KIT-C"]

    async def account(self) -> str:
        return "1-10003"

    async def fee_account(self) -> str:
        return "6-60200"

    async def clearing_account(self) -> str:
        return "1-10003"

    async def bank_account(self) -> str:
        return "1-10002"

    async def owed(self, invoice_id: str) -> Decimal:
        return Decimal(self.books.books.tables["sales_invoices"][int(invoice_id)]["remaining"])

    async def open_day(self) -> dt.date:
        return dt.datetime.now(dt.UTC).date()


@asynccontextmanager
async def jurnal_rig(*, oauth: bool = False, wrap: Wrap = lambda c: c) -> AsyncIterator[JurnalRig]:
    """A rig whose stand-in counts calls and refuses none for their number: the limits have tests of their own."""
    async with AsyncExitStack() as stack:
        books = await stack.enter_async_context(serve_jurnal(limits=False))
        yield JurnalRig(books, stack, wrap, oauth=oauth)
