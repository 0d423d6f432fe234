"""Documents that take several calls, cut off at each of them in turn: the next try ends in one document, not in two.

What the hub does after an ambiguous answer is done here: look, and write again what is not found.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import msgspec
import pytest
from aiohttp import web

from selaras.connectors import tryton as connector
from selaras.connectors.contract import Ambiguous, Done, Failed, Op, Throttled, Tools, Transient, Write
from selaras.model.document import CreditNote, Document, Exchanged, Journal, JournalLine, RefundPayment
from tests.connectors.kit_servers import served
from tests.connectors.kit_signin import MemoryTokenStore
from tests.connectors.tryton.rig import Proxy, writes
from tests.connectors.tryton.shop import BANK, CLEARING, ZONE, Shop, line, today
from tests.connectors.tryton.test_live_exchanges import billed, ordered, paid
from tests.connectors.tryton.test_live_money_in import balance
from tests.peers.tryton import Database

_TRIES = 6
pytestmark = pytest.mark.slow


class Cut:
    """Loses the n-th answer of a changing call, before or after its effect; counts them all."""

    def __init__(self, at: int, how: str) -> None:
        self.at = at
        self.how = how
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return self.how if self.count == self.at else ""


class CutProxy(Proxy):
    """Asks its `chance` about calls that change something only."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        chance, body = self.chance, await request.read()
        if not writes(request.method, request.path, body):
            self.chance = str
        try:
            return await super().handle(request)
        finally:
            self.chance = chance


class CutShop(Shop):
    """A shop whose connector goes through the proxy."""

    def __init__(self, database: Database, proxy: Proxy, url: str) -> None:
        super().__init__(database)
        self.proxy = proxy
        self._plain = self.books
        tools = Tools("buku", ZONE, MemoryTokenStore(), time.time)
        self.cut = connector.build({**database.settings, "base_url": url}, tools)

    async def insist(
        self, kind: str, document: Document, at: int, how: str, op: Op = "create", id: str = ""
    ) -> tuple[Done, bool]:
        """Write with the `at`-th changing call lost, then as the hub does; whether that call was reached."""
        cut = Cut(at, how)
        self.proxy.chance = cut
        reference = getattr(document, "reference", "")
        look = False
        for _ in range(_TRIES):
            if look and op == "create":
                found = await self.cut.find(kind, [reference])
                if reference in found:
                    hit = found[reference]
                    return Done(hit.id, hit.number, hit.total, hit.currency, hit.status), cut.count >= at
            try:
                (outcome,) = await self.cut.write(kind, op, [Write(reference, document, id)])
            except (Ambiguous, Transient, Throttled) as error:
                look = isinstance(error, Ambiguous)
                continue
            if isinstance(outcome, Failed):
                assert isinstance(outcome.error, Ambiguous | Transient), outcome.error
                look = isinstance(outcome.error, Ambiguous)
                continue
            return outcome, cut.count >= at
        raise AssertionError(f"{kind} {reference}: not written in {_TRIES} tries (cut {how} call {at})")


@pytest.fixture(scope="module")
def goods(tryton: Database) -> Database:
    """One product."""
    tryton.desk().goods({"KAOS": 10_000, "SENT": 10_000})
    tryton.desk().feed(CLEARING, "Rekening USD", currency="USD")
    return tryton


@pytest.fixture(scope="module")
def exchange(goods: Database) -> str:
    """The account for exchange differences."""
    return goods.desk().exchanges()


@pytest.fixture
async def shop(goods: Database) -> AsyncIterator[CutShop]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        proxy = CutProxy(goods.url, session)
        async with served(proxy.handle) as url:
            made = CutShop(goods, proxy, url)
            yield made
            await made.books.close()
            await made.cut.close()


def held(shop: Shop, model: str, field: str, reference: str, *fields: str) -> list[dict[str, object]]:
    return shop.desk.rows(model, [[field, "=", reference]], *fields)


@pytest.mark.parametrize("how", ["before", "after"])
async def test_orders(shop: CutShop, how: str) -> None:
    contact, at, reached = await shop.buyer(), 0, True
    while reached:
        at += 1
        order = shop.order(contact, line("KAOS", 1, "50000"))
        made, reached = await shop.insist("sales_order", order, at, how)
        (sale,) = held(shop, "sale.sale", "reference", order.reference, "total_amount")
        assert (str(sale["id"]), sale["total_amount"]) == (made.id, made.total)
    assert at > 2


@pytest.mark.parametrize("how", ["before", "after"])
async def test_invoices(shop: CutShop, how: str) -> None:
    contact, at, reached = await shop.buyer(), 0, True
    while reached:
        at += 1
        order = shop.order(contact, line("KAOS", 1, "50000"))
        order_id = (await shop.put("sales_order", order)).id
        # Its own sale, and one that needs a sale of its own.
        for document in (
            shop.invoice(order, order_id),
            shop.invoice(order, order_id, reference=f"{order.reference}/2"),
        ):
            made, reached = await shop.insist("invoice", document, at, how)
            (bill,) = held(shop, "account.invoice", "reference", document.reference, "state", "total_amount")
            assert (str(bill["id"]), bill["state"], bill["total_amount"]) == (made.id, "posted", order.total)
        drafts = shop.desk.rows("account.invoice", [["state", "=", "draft"], ["party", "=", int(contact)]], "number")
        assert drafts == []
    assert at > 5


@pytest.mark.parametrize("how", ["before", "after"])
async def test_receipts_and_refunds(shop: CutShop, how: str) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        order, invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
        receipt = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total, invoice_id=invoice_id)
        made, reached = await shop.insist("receipt", receipt, at, how)
        (one,) = held(shop, "account.statement.line", "number", receipt.reference, "amount", "statement.state")
        assert (str(one["id"]), one["amount"], made.total) == (made.id, order.total, order.total)
        assert shop.bill(invoice_id)["state"] == "paid"
        credit = shop.credit(invoice, invoice_id)
        credit_id = (await shop.put("credit_note", credit)).id
        back: RefundPayment = shop.refund(credit, credit_id)
        _, again = await shop.insist("refund_payment", back, at, how)
        reached = reached or again
        (one,) = held(shop, "account.statement.line", "number", back.reference, "amount", "statement.state")
        assert one["amount"] == -order.total
        assert shop.bill(credit_id)["state"] == "paid"
    assert at > 3
    left = shop.desk.rows("account.statement", [["state", "!=", "posted"]], "name")
    assert left == []


def bank_line(shop: Shop, amount: Decimal) -> str:
    """A line of the bank, alone on its statement."""
    journal = shop.desk.one("account.statement.journal", [["account.code", "=", BANK]], "name")["id"]
    (made,) = shop.desk.create(
        "account.statement",
        {"name": "BCA", "date": today(), "company": shop.desk.company, "journal": journal, "total_amount": amount,
         "origins": [["create", [{"number": "T", "date": today(), "amount": amount}]]]},
    )  # fmt: skip
    return str(shop.desk.one("account.statement.origin", [["statement", "=", made]], "number")["id"])


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_bank_line_explained_taken_back_and_explained_anew(shop: CutShop, how: str) -> None:
    at, reached = 0, True
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    before = len(shop.desk.rows("account.move.line", [["account.code", "=", BANK]], "debit"))
    while reached:
        at += 1
        reached = False
        line_id = bank_line(shop, order.total)
        receipt = shop.receipt(f"{order.reference}/B{line_id}", order.contact_id, order.total, invoice_id=invoice_id,
                               account=BANK, bank_transaction_id=line_id)  # fmt: skip
        for _ in range(2):
            made, once = await shop.insist("receipt", receipt, at, how)
            assert shop.bill(invoice_id)["state"] == "paid", (at, how)
            gone, again = await shop.insist("receipt", receipt, at, how, "void", made.id)
            reached = reached or once or again
            assert gone.status == "void"
            assert shop.bill(invoice_id)["amount_to_pay"] == order.total, (at, how)
        moves = shop.desk.rows("account.move.line", [["account.code", "=", BANK]], "debit", "credit")
        assert sum(one["debit"] - one["credit"] for one in moves) == 0, (at, how)
        assert len(moves) - before == 4 * at, (at, how)
    assert at > 4


@pytest.mark.parametrize("currency", ["USD", "IDR"], ids=["dollars paid in rupiah", "rupiah paid in dollars"])
@pytest.mark.parametrize("how", ["before", "after"])
async def test_exchanges_booked_and_taken_back(shop: CutShop, exchange: str, how: str, currency: str) -> None:
    """However it was cut: the invoice is paid, and the difference is posted once, and gone with the receipt."""
    at, reached = 0, True
    came = Exchanged(Decimal(380_000), "IDR") if currency == "USD" else Exchanged(Decimal("3.61"), "USD")
    while reached:
        at += 1
        order, order_id = await ordered(shop, currency)
        invoice_id = await billed(shop, order, order_id)
        receipt = paid(shop, order, came, invoice_id=invoice_id)
        if currency == "USD":
            line_id = bank_line(shop, came.amount)
            receipt = msgspec.structs.replace(receipt, account=BANK, bank_transaction_id=line_id)
        made, reached = await shop.insist("receipt", receipt, at, how)
        assert (made.total, made.currency) == (order.total, currency)
        assert shop.bill(invoice_id)["state"] == "paid", (at, how)
        mine = [["party", "=", int(order.contact_id)], ["move.journal.code", "=", "EXC"]]
        moves = shop.desk.rows("account.move.line", mine, "move.state", "debit", "credit")
        assert [one["move."]["state"] for one in moves] == ["posted"] * (currency == "USD"), (at, how)
        assert balance(shop, "1.2.1", order.contact_id) == 0, (at, how)
        gone, again = await shop.insist("receipt", receipt, at, how, "void", made.id)
        reached = reached or again
        assert gone.status == "void"
        assert shop.bill(invoice_id)["amount_to_pay"] == order.total, (at, how)
        left = shop.desk.rows("account.move.line", mine, "debit", "credit")
        assert sum(one["debit"] - one["credit"] for one in left) == 0, (at, how)
    assert at > 4


@pytest.mark.parametrize("how", ["before", "after"])
async def test_entries_that_are_written_and_taken_back(shop: CutShop, how: str) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        sides = (JournalLine(CLEARING, debit=Decimal(at)), JournalLine("4-4201", credit=Decimal(at)))
        document = Journal("", today(), "IDR", sides, f"E-{how}-{at}", total=Decimal(at))
        made, reached = await shop.insist("journal", document, at, how)
        (move,) = held(shop, "account.move", "description", f"Selaras {document.reference}", "state")
        assert (str(move["id"]), move["state"], made.total) == (made.id, "posted", Decimal(at))
        _, again = await shop.insist("journal", document, at, how, "void", made.id)
        reached = reached or again
        (_back,) = held(shop, "account.move", "origin", f"account.move,{made.id}", "state")
    assert at > 2


@pytest.mark.parametrize("shipped", [False, True], ids=["waiting", "shipped"])
@pytest.mark.parametrize("how", ["before", "after"])
async def test_credit_notes_with_their_goods(shop: CutShop, how: str, shipped: bool) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        order, invoice, invoice_id = await shop.sold(line("SENT", 3, "50000"), line("KAOS", 1, "10000"))
        if shipped:
            order_id = (await shop.books.find("sales_order", [order.reference]))[order.reference].id
            (parcel,) = shop.desk.rows(
                "stock.shipment.out", [["moves.origin.sale", "=", int(order_id), "sale.line"]], "state"
            )
            for button in ("assign_try", "pick", "pack", "do"):
                shop.desk.press("stock.shipment.out", button, parcel["id"])
        before = await shop.available("SENT")
        credit: CreditNote = shop.credit(invoice, invoice_id, line("SENT", 1, "50000"), restock=True)
        made, reached = await shop.insist("credit_note", credit, at, how)
        (bill,) = held(shop, "account.invoice", "reference", credit.reference, "state", "total_amount")
        assert (str(bill["id"]), bill["state"], bill["total_amount"]) == (made.id, "posted", -credit.total)
        after = await shop.available("SENT")
        assert after[0] - after[1] == before[0] - before[1] + 1, (at, how, before, after)
        other = shop.desk.rows("stock.move", [["product.code", "=", "KAOS"], ["state", "=", "draft"],
                                              ["origin.sale.reference", "=", order.reference, "sale.line"],
                                              ["to_location.type", "=", "customer"]], "quantity")  # fmt: skip
        assert [move["quantity"] for move in other] == ([] if shipped else [1]), (at, how)
    assert at > 4
    assert shop.desk.balance() == Decimal(0)
