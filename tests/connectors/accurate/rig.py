"""The rig of the contract kit over the stand-in, with OAuth 2.0 or with an API token."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from selaras.connectors import accurate
from selaras.connectors.accurate import Accurate
from selaras.connectors.contract import Connector, Rate, Tools
from selaras.connectors.kit import BooksRig, Held
from selaras.connectors.limiter import Limiter
from selaras.connectors.oauth import Token
from tests.connectors.accurate.standin import API_TOKEN, CLIENT, SECRET, SIGNATURE_SECRET, StandIn, running
from tests.connectors.kit_signin import MemoryTokenStore

ZONE = "Asia/Jakarta"
LAG = 0.3
SETTINGS = {
    "warehouse": "Gudang Utama",
    "item_shipping": "ONGKIR",
    "item_fee": "BIAYA",
    "item_sales": "JASA",
    "account_shipping": "4-3000",
    "account_discount": "4-2000",
    "account_refunds": "2-3000",
    "account_deposits": "2-2000",
    "account_clearing": "1-1400",
    "account_adjustments": "6-1000",
}
Wrap = Callable[[Connector], Connector]
ENTITY = {
    "contact": "customer",
    "sales_order": "sales-order",
    "invoice": "sales-invoice",
    "receipt": "sales-receipt",
    "credit_note": "sales-return",
    "refund_payment": "other-payment",
    "journal": "journal-voucher",
}


def hurried(connector: Accurate) -> Accurate:
    """The same connector without waiting for the vendor's limit, which these tests are not about."""
    limiter = connector._https[0].limiter
    assert isinstance(limiter, Limiter)
    limiter.rate = Rate(10_000, 100, 8)
    limiter._capacity = 100.0
    return connector


class AccurateRig(BooksRig):
    """A database of the stand-in."""

    reasons: ClassVar[dict[str, str]] = {
        "expire_tokens": "an API token does not expire",
        "tokens_granted": "an API token is made by hand",
        "bank_line": "its API matches no bank lines: money goes on from the clearing account, the line stays as it is",
    }

    def __init__(self, standin: StandIn, stack: AsyncExitStack, *, api_token: bool, wrap: Wrap) -> None:
        self.standin = standin
        self.books = standin.books
        self._stack = stack
        self._api = api_token
        self._wrap = wrap
        self.tokens = MemoryTokenStore()
        if not api_token:
            grant = standin.sign_in()
            self.tokens.token = Token(access=grant["access_token"], refresh=grant["refresh_token"])
        self.books.customer("C.00001", "Pembeli")
        for code in ("KIT-A", "KIT-B", "KIT-C"):
            self.books.item(code, f"Barang {code}", stock=100_000)
        for code in ("ONGKIR", "BIAYA", "JASA"):
            self.books.item(code, kind="SERVICE")

    def settings(self, **more: str) -> dict[str, str]:
        signed = {"api_token": API_TOKEN, "signature_secret": SIGNATURE_SECRET}
        oauth = {"client_id": CLIENT, "client_secret": SECRET}
        return {
            "account_url": self.standin.url, "visibility_lag": str(LAG), **SETTINGS,
            **(signed if self._api else oauth), **more,
        }  # fmt: skip

    def built(self, clock: Callable[[], float] = time.time, **more: str) -> Accurate:
        made = accurate.build(self.settings(**more), Tools("buku", ZONE, self.tokens, clock))
        self._stack.push_async_callback(made.close)
        return hurried(made)

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        return self._wrap(self.built(lambda: time.time() + clock_skew))

    async def calm(self) -> None:
        self.standin.mode = ""

    async def fail_before(self) -> None:
        self.standin.mode = "before"

    async def fail_after(self) -> None:
        self.standin.mode = "after"

    async def half_batch(self) -> None:
        self.standin.mode = "half"

    async def throttle(self, seconds: float) -> None:
        self.standin.mode, self.standin.wait = "throttle", seconds

    async def refuse_credentials(self) -> None:
        self.standin.access.clear()
        self.standin.refresh.clear()
        self.standin.api_tokens.clear()

    async def expire_tokens(self) -> None:
        if self._api:
            self.cannot("expire_tokens")
        self.standin.access.clear()

    async def tokens_granted(self) -> int:
        if self._api:
            self.cannot("tokens_granted")
        return self.standin.granted

    async def slow_search(self) -> None:
        self.books.lag = LAG

    async def close_period(self, until: dt.date) -> None:
        self.books.closed_until = until

    async def held(self, kind: str, reference: str) -> list[Held]:
        row: Any = self.books.of(ENTITY[kind]).get(reference)
        if row is None:
            return []
        if kind == "contact":
            return [Held(reference, None)]
        total = row.get("totalAmount", row.get("chequeAmount"))
        if kind == "journal":
            rows = row["detailJournalVoucher"]
            total = sum((one["amount"] for one in rows if one["amountType"] == "DEBIT"), Decimal(0))
        return [Held(reference, total, row.get("status") == "CLOSED")]

    async def contact_id(self) -> str:
        return "C.00001"

    async def products(self) -> list[str]:
        return ["KIT-A", "KIT-B", "KIT-C"]

    async def account(self) -> str:
        return "1-1200"

    async def fee_account(self) -> str:
        return "6-2000"

    async def clearing_account(self) -> str:
        return "1-1300"

    async def owed(self, invoice_id: str) -> Decimal:
        return Decimal(self.books.of("sales-invoice")[invoice_id]["primeOwing"])

    async def open_day(self) -> dt.date:
        return dt.datetime.now(ZoneInfo(ZONE)).date()


@asynccontextmanager
async def accurate_rig(*, api_token: bool = False, wrap: Wrap = lambda c: c) -> AsyncIterator[AccurateRig]:
    """A rig over a fresh stand-in."""
    async with running(StandIn()) as standin, AsyncExitStack() as stack:
        yield AccurateRig(standin, stack, api_token=api_token, wrap=wrap)
