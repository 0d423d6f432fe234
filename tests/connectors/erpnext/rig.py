"""The contract kit's levers on the stand-in."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.erpnext import CONNECTOR
from selaras.connectors.kit import BooksRig, Held
from selaras.connectors.tokens import Token
from selaras.model.money import rounded
from tests.connectors.erpnext.standin import CLIENT, CLIENT_SECRET, KEY, SECRET, ZONE, StandIn, Trouble, serve_erpnext
from tests.connectors.erpnext.standin_db import Doc
from tests.connectors.erpnext.standin_people import BANK, CLEARING, FEE, STORES
from tests.connectors.kit_signin import MemoryTokenStore

Wrap = Callable[[Connector], Connector]
DOCTYPES = {
    "contact": "Customer",
    "sales_order": "Sales Order",
    "invoice": "Sales Invoice",
    "credit_note": "Sales Invoice",
    "receipt": "Payment Entry",
    "refund_payment": "Payment Entry",
    "journal": "Journal Entry",
}
SETTINGS = {
    "company": "PT Contoh Integrasi",
    "warehouse": "Stores - PCI",
    "account_shipping": "4200.000",
    "account_fee": "Pendapatan Lain",
    "account_discount": "4190.000 - Potongan Penjualan - PCI",
    "account_sales": "4110.000",
    "item_service": "JASA",
    "rate": "5000",
    "parallel": "8",
    "visibility_lag": "0.3",
}


def settings_for(site: StandIn, **more: str) -> dict[str, str]:
    """A connection with the key of a user."""
    return {"base_url": site.url, "api_key": KEY, "api_secret": SECRET, **SETTINGS, **more}


def as_it_is(connector: Connector) -> Connector:
    """The connector itself; mutants wrap it."""
    return connector


class ErpnextRig(BooksRig):
    """A site with three items and a customer, and connectors that reach it by key or by OAuth."""

    reasons: ClassVar[dict[str, str]] = {
        "half_batch": "insert_many is one transaction: it happens whole or not at all",
        "expire_tokens": "the key of a user does not expire",
        "tokens_granted": "the key of a user is made by hand",
    }

    def __init__(self, site: StandIn, stack: AsyncExitStack, wrap: Wrap, *, oauth: bool, **more: str) -> None:
        self.site = site
        self._stack = stack
        self._wrap = wrap
        self._oauth = oauth
        self._more = more
        self._tokens = MemoryTokenStore()
        for code in ("KIT-A", "KIT-B", "KIT-C"):
            site.people.item(code, price=51_500)
            site.selling.bin(code, STORES)["actual_qty"] = 100_000.0
        site.people.item("JASA", stocked=False)
        site.people.customer("Pembeli")
        site.options.rates[self.foreign] = 16_000.0

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = settings_for(self.site, **self._more)
        if self._oauth:
            settings |= {"api_key": "", "api_secret": "", "client_id": CLIENT, "client_secret": CLIENT_SECRET}
            if self._tokens.token is None:
                given: dict[str, Any] = self.site._grant()
                self._tokens.token = Token(
                    access=given["access_token"], refresh=given["refresh_token"], expires_at=time.time() + 3600
                )
        made = CONNECTOR.build(settings, Tools("buku", ZONE, self._tokens, lambda: time.time() + clock_skew))
        self._stack.push_async_callback(made.close)
        return self._wrap(made)

    async def calm(self) -> None:
        self.site.trouble = Trouble(turn=self.site.trouble.turn)

    async def fail_before(self) -> None:
        self.site.trouble.fail_before = True

    async def fail_after(self) -> None:
        self.site.trouble.fail_after = True

    async def throttle(self, seconds: float) -> None:
        self.site.trouble.throttle = seconds

    async def refuse_credentials(self) -> None:
        self.site.key_revoked = True
        self.site.refreshes.clear()

    async def expire_tokens(self) -> None:
        if not self._oauth:
            self.cannot("expire_tokens")
        self.site.bearers = dict.fromkeys(self.site.bearers, False)

    async def tokens_granted(self) -> int:
        return self.site.granted

    async def half_batch(self) -> None:
        self.cannot("half_batch")

    async def slow_search(self) -> None:
        """Nothing to switch on: what was answered is seen at once. `test_troubles` has the write that ends late."""

    async def close_period(self, until: dt.date) -> None:
        self.site.options.frozen_until = until.isoformat()

    async def held(self, kind: str, reference: str) -> list[Held]:
        """An order and its amendments are one document, under its first name."""
        table = self.site.db.table(DOCTYPES[kind])
        if kind == "contact":
            return [Held(d["name"], None) for d in table.values() if d.get("customer_details") == reference]
        if kind == "journal":
            booked = [d for d in table.values() if d.get("cheque_no") == reference]
            return [Held(d["name"], Decimal(str(d["total_debit"])), d["docstatus"] == 2) for d in booked]
        if kind in ("receipt", "refund_payment"):
            paid = [d for d in table.values() if d["reference_no"] == reference]
            found = [Held(d["name"], _pays(d), d["docstatus"] == 2) for d in paid]
            entries = [d for d in self.site.db.table("Journal Entry").values() if d.get("cheque_no") == reference]
            return found + [Held(d["name"], Decimal(str(d["total_debit"])), d["docstatus"] == 2) for d in entries]
        own = [
            d for d in table.values() if d["po_no"] == reference and bool(d.get("is_return")) == (kind == "credit_note")
        ]
        past = {d.get("amended_from"): d["name"] for d in own if d.get("amended_from")}
        held = []
        for doc in own:
            if doc["name"] in past:
                continue
            first = doc
            while first.get("amended_from"):
                first = table[first["amended_from"]]
            held.append(Held(first["name"], abs(Decimal(str(doc["grand_total"]))), doc["docstatus"] == 2))
        return held

    async def contact_id(self) -> str:
        return "Pembeli"

    async def products(self) -> list[str]:
        return ["KIT-A", "KIT-B", "KIT-C"]

    async def account(self) -> str:
        return CLEARING

    async def bank_account(self) -> str:
        return BANK

    async def fee_account(self) -> str:
        return FEE

    async def clearing_account(self) -> str:
        return CLEARING

    async def bank_line(self, amount: Decimal) -> str:
        line = {
            "doctype": "Bank Transaction", "docstatus": 1, "date": self.site.db.today(), "currency": "IDR",
            "deposit": float(max(amount, Decimal(0))), "withdrawal": float(max(-amount, Decimal(0))),
            "bank_account": "Rekening BCA - BCA", "company": "PT Contoh Integrasi", "description": "TRSF",
            "transaction_id": f"KIT-{len(self.site.db.table('Bank Transaction'))}",
        }  # fmt: skip
        return str(self.site.insert(line)["name"])

    async def explained(self, id: str) -> Decimal:
        line = self.site.db.get("Bank Transaction", id)
        return Decimal(str(line["deposit"])) - Decimal(str(line["unallocated_amount"]))

    async def owed(self, invoice_id: str) -> Decimal:
        """In the invoice's own currency: what it is owed in is the company's."""
        bill = self.site.db.get("Sales Invoice", invoice_id)
        return rounded(
            Decimal(str(bill["outstanding_amount"])) / Decimal(str(bill["conversion_rate"])), bill["currency"]
        )

    async def open_day(self) -> dt.date:
        return dt.datetime.now(ZoneInfo(ZONE)).date()


@asynccontextmanager
async def erpnext_rig(*, wrap: Wrap = as_it_is, oauth: bool = False, **more: str) -> AsyncIterator[ErpnextRig]:
    """A rig over a fresh stand-in."""
    async with serve_erpnext() as site, AsyncExitStack() as stack:
        yield ErpnextRig(site, stack, wrap, oauth=oauth, **more)


def _pays(payment: Doc) -> Decimal:
    """What a payment pays, which only its remarks say where the money is of another currency."""
    told = str(payment["remarks"]).partition("Selaras pays ")[2]
    return Decimal(told.split()[0] if told else str(payment["paid_amount"]))
