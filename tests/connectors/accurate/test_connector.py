"""What the contract kit does not look at: webhooks, stock, the chart, and records."""

from __future__ import annotations

import datetime as dt
import json
import time
from decimal import Decimal

import msgspec
import pytest

from selaras.connectors.contract import BadSignature, Done, Failed, Hint, LockedPeriod, Rejected, Webhook, Write
from selaras.connectors.kit.checks import done, drained
from selaras.connectors.kit.papers import Papers, write
from selaras.model.chart import Account, Dimension, TaxCode
from selaras.model.document import BankTransaction, Journal, Purchase, StockLevel
from tests.connectors.accurate.rig import AccurateRig, accurate_rig

TODAY = "01/11/2026"


# -- what is written -------------------------------------------------------------------------------------------------


async def test_the_mapping_is_honoured() -> None:
    """Warehouse, account, branch, department and project that the mapping chose stand on the document."""
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "map")
        order = papers.order(1)
        fee = msgspec.structs.replace(
            order.lines[0], code="", name="Biaya", role="fee", quantity=Decimal(1), unit_price=Decimal(500),
            amount=Decimal(500), discount=Decimal(0), tax=Decimal(0), account="4-3000",
        )  # fmt: skip
        lines = (msgspec.structs.replace(order.lines[0], warehouse="Gudang Rusak"), order.lines[1], fee)
        order = msgspec.structs.replace(
            order, lines=lines, total=order.total + 500,
            dimensions=(("branch", "Pusat"), ("department", "Toko Daring"), ("project", "P.01")),
        )  # fmt: skip
        made = done((await connector.write("sales_order", "create", [write(order)]))[0])
        assert made.total == order.total
        (body,) = rig.standin.bodies[-1][1]["data"]
        assert body["branchName"] == "Pusat"
        assert [row["warehouseName"] for row in body["detailItem"]] == ["Gudang Rusak", "Gudang Utama"]
        assert {(row["departmentName"], row["projectNo"]) for row in body["detailItem"]} == {("Toko Daring", "P.01")}
        assert [(row["accountNo"], row["expenseAmount"]) for row in body["detailExpense"]] == [("4-3000", 500)]
        for kind, value in (("cost_center", "1"), ("branch", "Tidak ada")):
            wrong = msgspec.structs.replace(order, reference=f"KIT-{kind}", dimensions=((kind, value),))
            (refused,) = await connector.write("sales_order", "create", [write(wrong)])
            assert isinstance(refused, Failed)
            assert refused.error.field == "dimensions"
        invoice = msgspec.structs.replace(papers.invoice(7, order, ""), receivable="1-2000", dimensions=())
        (refused,) = await connector.write("invoice", "create", [write(invoice)])
        assert isinstance(refused, Failed)
        assert refused.error.field == "receivable"


async def test_receipts_of_every_fate_in_one_batch() -> None:
    """A good one, one beyond what is owed, one without an invoice, one for another buyer's invoice."""
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "fates")
        rig.books.customer("C.00002", "Orang Lain")
        invoices = [papers.invoice(n, papers.order(n), "") for n in range(3)]
        made = await connector.write("invoice", "create", [write(one) for one in invoices])
        assert all(isinstance(one, Done) for one in made)
        receipts = [papers.receipt(n + 10, papers.order(n), "", invoices[n].reference) for n in range(3)]
        receipts[1] = msgspec.structs.replace(receipts[1], total=receipts[1].total + 1000)
        receipts[2] = msgspec.structs.replace(receipts[2], contact_id="C.00002")
        early = msgspec.structs.replace(receipts[0], reference="KIT-early", invoice_id="", sales_order_id="")
        outcomes = await connector.write("receipt", "create", [write(one) for one in (*receipts, early)])
        assert [type(one) for one in outcomes] == [Done, Done, Failed, Done]
        held = rig.books.of("sales-invoice")
        assert [held[i.reference]["primeOwing"] == 0 for i in invoices] == [True, True, False]
        assert held["KIT-early/UM"]["available"] == early.total
        # Everything again: nothing is doubled, and what was done is done.
        count = len(held), len(rig.books.of("sales-receipt"))
        again = await connector.write("receipt", "create", [write(one) for one in (*receipts, early)])
        assert [type(one) for one in again] == [Done, Done, Failed, Done]
        assert (len(held), len(rig.books.of("sales-receipt"))) == count


async def test_a_closed_order_is_void_and_stays_so() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "close")
        order = papers.order(1)
        made = done((await connector.write("sales_order", "create", [write(order)]))[0])
        for _ in range(2):  # a repeat, as after a lost answer
            (closed,) = await connector.write("sales_order", "void", [write(order, made.id)])
            assert done(closed).status == "void"
        assert (await connector.find("sales_order", [order.reference]))[order.reference].status == "void"
        (row,) = await connector.read("stock", ["KIT-A"])
        assert row.record.reserved == 0


async def test_stock_is_set_to_what_was_counted() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        levels = [StockLevel(f"s-{code}", code, code, Decimal(7)) for code in ("KIT-A", "TIDAK-ADA", "KIT-B")]
        outcomes = await connector.write("stock", "update", [Write(one.reference, one, one.code) for one in levels])
        assert [type(one) for one in outcomes] == [Done, Failed, Done]
        assert [rig.books.balance(code) for code in ("KIT-A", "KIT-B", "KIT-C")] == [7, 7, 100_000]
        (refused,) = await rig.built(account_adjustments="").write("stock", "update", [Write("s", levels[0], "KIT-A")])
        assert isinstance(refused, Failed)
        assert refused.error.field == "account_adjustments"


async def test_a_closed_period_is_told_whatever_the_document() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "locked")
        await rig.close_period(papers.day)
        order = papers.order(1)
        payment = papers.refund(3, papers.credit_note(2, papers.invoice(1, order, ""), ""), "")
        note = msgspec.structs.replace(papers.credit_note(2, papers.invoice(1, order, ""), ""), invoice_id="")
        for kind, document in (("credit_note", note), ("refund_payment", payment)):
            (refused,) = await connector.write(kind, "create", [write(document)])
            assert isinstance(refused, Failed)
            assert isinstance(refused.error, LockedPeriod), refused.error


# -- what is read ----------------------------------------------------------------------------------------------------


async def test_thousands_in_one_second_are_all_read_and_nothing_is_missed_meanwhile() -> None:
    async with accurate_rig() as rig:
        second = time.time()
        rig.books.now = lambda: second
        for number in range(250):
            rig.books.customer(f"S.{number:05d}", f"Pembeli {number}")
        connector = rig.built()
        seen: set[str] = set()
        cursor, more = "", True
        while more:
            page = await connector.changed("contact", cursor)
            seen |= {row.id for row in page.seen}
            if len(seen) < 150:
                rig.books.customer(f"T.{len(seen):05d}", "Datang belakangan")
            cursor, more = page.cursor, page.more
        assert set(rig.books.of("customer")) <= seen
        second += 5
        rig.books.customer("U.00001", "Baru")
        later, _ = await drained(connector, "contact", cursor)
        assert "U.00001" in {row.id for row in later}


async def test_deposits_payments_journals_and_purchases_are_records() -> None:
    async with accurate_rig() as rig:
        books = rig.books
        money = {"transDate": TODAY, "chequeAmount": Decimal(150_000), "bank": {"no": "1-1200"}}
        for number, account in (("OD.1", "1-1400"), ("OD.2", "4-1000")):
            row = {
                "number": number,
                "description": f"TRSF {number}",
                "detailAccount": [{"account": {"no": account}, "amount": 150_000}],
            }
            books.put("other-deposit", number, money | row)
        books.put("other-payment", "OP.1", money | {"number": "OP.1", "description": "Listrik"})
        books.put("journal-voucher", "JV.1", {
            "number": "JV.1", "transDate": TODAY, "description": "1001", "transactionType": "JOURNAL_VOUCHER",
            "detailJournalVoucher": [
                {"glAccount": {"no": "1-1200"}, "amount": Decimal(5), "amountType": "DEBIT"},
                {
                    "glAccount": {"no": "1-2000"}, "amount": Decimal(5), "amountType": "CREDIT",
                    "customer": {"customerNo": "C.00001"},
                },
            ],
        })  # fmt: skip
        line = {"item": {"no": "KIT-A"}, "quantity": Decimal(10), "unitPrice": Decimal(700)}
        books.put("receive-item", "RI.1", {"number": "RI.1", "transDate": TODAY, "detailItem": [line]})
        books.put("purchase-invoice", "PI.1", {
            "number": "PI.1", "transDate": TODAY, "totalAmount": Decimal(9000),
            "detailItem": [line | {"receiveItem": {"number": "RI.1"}}, line | {"quantity": Decimal(2)}],
        })  # fmt: skip
        connector = rig.built()
        bank = {row.id: row.record for row in (await drained(connector, "bank_transaction"))[0]}
        assert {i: (b.amount, b.reconciled) for i, b in bank.items()} == {
            "D:OD.1": (150_000, False), "D:OD.2": (150_000, True), "P:OP.1": (-150_000, True),
        }  # fmt: skip
        assert isinstance(bank["D:OD.1"], BankTransaction)
        assert [row.record for row in await connector.read("bank_transaction", ["P:OP.1"])] == [bank["P:OP.1"]]
        ((journal,), _) = await drained(connector, "journal")
        assert isinstance(journal.record, Journal)
        five, none = Decimal(5), Decimal(0)
        sides = [(j.debit, j.credit, j.contact_id) for j in journal.record.lines]
        assert sides == [(five, none, ""), (none, five, "C.00001")]
        bought = {row.id: row.record for row in (await drained(connector, "purchase"))[0]}
        assert isinstance(bought["RI.1"], Purchase)
        assert [sum(line.quantity for line in bought[i].lines) for i in ("RI.1", "PI.1")] == [10, 2]
        gone = await connector.read("purchase", ["XX"])
        assert [(row.id, row.record) for row in gone] == [("XX", None)]


async def test_our_own_receipts_are_not_fetched_one_by_one() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "own")
        invoices = [papers.invoice(n, papers.order(n), "") for n in range(2)]
        await connector.write("invoice", "create", [write(one) for one in invoices])
        ours = papers.receipt(10, papers.order(0), "", invoices[0].reference)
        done((await connector.write("receipt", "create", [write(ours)]))[0])
        rig.books.save("sales-receipt", {
            "number": "BKM.1", "bankNo": "1-1200", "customerNo": "C.00001", "transDate": f"{papers.day:%d/%m/%Y}",
            "chequeAmount": 9, "detailInvoice": [{"invoiceNo": invoices[1].reference, "paymentAmount": 9}],
        })  # fmt: skip
        rows = {row.id: row.record for row in (await drained(connector, "receipt"))[0]}
        assert rig.standin.calls["sales-receipt/detail"] == 1
        assert rows["BKM.1"].invoice_id == invoices[1].reference


async def test_the_chart_is_read() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        accounts = {row.id: row.record for row in (await drained(connector, "account"))[0]}
        assert accounts["1-1200"] == Account("1-1200", "Bank BCA", "bank", "1-1200")
        assert "1" not in accounts  # a group
        (tax,) = (await drained(connector, "tax"))[0]
        assert isinstance(tax.record, TaxCode)
        assert (tax.record.name, tax.record.rate) == ("PPN 11%", Decimal("0.11"))
        assert [row.id for row in (await drained(connector, "warehouse"))[0]] == ["Gudang Utama", "Gudang Rusak"]
        kinds = [row.record for row in (await drained(connector, "dimension"))[0]]
        assert all(isinstance(one, Dimension) for one in kinds)
        assert [(one.kind, one.id) for one in kinds] == [
            ("branch", "Pusat"), ("department", "Toko Daring"), ("project", "P.01"),
        ]  # fmt: skip
        assert [row.record for row in await connector.read("warehouse", ["Tidak ada"])] == [None]


async def test_stock_is_read_in_all_or_in_one_warehouse() -> None:
    async with accurate_rig() as rig:
        rig.books.on_hand["KIT-A", "Gudang Rusak"] = Decimal(3)
        papers = await Papers.of(rig, "stock")
        one, all_of_them = rig.built(), rig.built(warehouse="")
        done((await one.write("sales_order", "create", [write(papers.order(1))]))[0])  # three of KIT-A
        for connector, on_hand in ((one, 100_000), (all_of_them, 100_003)):
            rows = {row.id: row.record for row in (await drained(connector, "stock"))[0]}
            assert (rows["KIT-A"].on_hand, rows["KIT-A"].reserved) == (on_hand, 3)
            assert "ONGKIR" not in rows
            read = await connector.read("stock", ["KIT-A", "KIT-B", "TIDAK-ADA"])
            assert [row.record and (row.record.on_hand, row.record.reserved) for row in read][::2] == [
                (on_hand, 3),
                None,
            ]


# -- webhooks --------------------------------------------------------------------------------------------------------


def hook(body: object) -> Webhook:
    return Webhook({}, json.dumps(body).encode(), dt.datetime.now(dt.UTC))


async def test_a_delivery_means_look_again_and_nothing_more() -> None:
    async with accurate_rig() as rig:
        connector = rig.built(webhooks="yes", database="9173")
        events = [
            {"type": "SALES_INVOICE", "databaseId": 9173, "data": [{"salesInvoiceId": 1}]},
            {"type": "ITEM_QUANTITY", "databaseId": 9173, "data": [{"itemNo": "KIT-A"}]},
            {"type": "SALES_INVOICE", "databaseId": 9173, "data": [{"salesInvoiceId": 2}]},
            {"type": "JOB_ORDER", "databaseId": 9173, "data": []},
        ]
        assert connector.hints(hook(events)) == [Hint("invoice", ""), Hint("stock", "")]
        for strange in ([{**events[0], "databaseId": 1}], {"type": "ITEM"}, "x", [events[0], {"type": "ITEM"}]):
            with pytest.raises(BadSignature):
                connector.hints(hook(strange))


async def test_webhooks_are_renewed_daily_and_a_lapse_is_told() -> None:
    async with accurate_rig() as rig:
        now = dt.datetime(2026, 11, 1, 5, tzinfo=dt.UTC).timestamp()
        rig.standin.access = dict.fromkeys(rig.standin.access, now + 10**9)
        rig.standin.clock = lambda: now
        connector = rig.built(lambda: now, webhooks="yes")
        calls = rig.standin.account_calls
        assert await connector.subscribe("https://hub.example/webhooks/buku") == "ok"
        assert (await connector.subscribe(""), calls["webhook-renew"]) == ("ok", 1)
        now += 86400
        assert (await connector.subscribe(""), calls["webhook-renew"]) == ("ok", 2)
        assert rig.standin.webhooks_until == dt.date(2026, 11, 9)
        now += 9 * 86400
        assert (await connector.subscribe(""), calls["webhook-renew"]) == ("restored", 3)
        assert await rig.built().subscribe("") == "none"


async def test_unknown_refusals_are_told_with_a_cure() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "odd")
        receipt = msgspec.structs.replace(papers.receipt(1, papers.order(1), "", "X"), account="4-1000")
        (refused,) = await connector.write("receipt", "create", [write(receipt)])
        assert isinstance(refused, Failed)
        assert isinstance(refused.error, Rejected)
        assert (refused.error.field, bool(refused.error.cure)) == ("account", True)
        assert rig.standin.last_language == "ID"


__all__ = ["AccurateRig"]
