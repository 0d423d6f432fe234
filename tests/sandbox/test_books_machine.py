"""Whatever is asked of the sandbox books, in whatever order: stock, journal and documents agree with each other.

The machine keeps its own count of the stock and works the control accounts out from the documents alone.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from selaras.model.money import rounded
from selaras.sandbox.books import truth
from selaras.sandbox.books.kinds import Receipt
from tests.sandbox.books_client import Local, line

ZERO = Decimal(0)
CODES = ("P1", "P2", "SET", "WRAP", "NONE")
PARTS = {"P1": {"P1": 1}, "P2": {"P2": 1}, "SET": {"P1": 1, "P2": 2}, "WRAP": {}}
CURRENCIES = ("IDR", "USD", "KWD")

days = st.dates(dt.date(2026, 10, 25), dt.date(2026, 11, 20)).map(str)
pieces = st.integers(0, 9).map(str)
prices = st.decimals("0", "99999", places=3, allow_nan=False).map(str)


@st.composite
def lines(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Lines of products, sometimes of one that is not there."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        code = draw(st.sampled_from(CODES[:4] * 15 + CODES[4:]))
        tax = str(draw(st.integers(0, 999)))
        found.append(line(code, draw(pieces), draw(prices), tax=tax))
    return found


def total_of(items: list[dict[str, Any]], currency: str, included: bool) -> str:
    total = sum((rounded(Decimal(i["quantity"]) * Decimal(i["unit_price"]), currency) for i in items), ZERO)
    return str(total if included else total + sum((Decimal(i["tax"]) for i in items), ZERO))


def moved(items: list[dict[str, Any]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for item in items:
        for code, number in PARTS[item["code"]].items():
            found[code] = found.get(code, ZERO) + number * Decimal(item["quantity"])
    return found


class Books(RuleBasedStateMachine):
    """Orders, invoices, money, goods, by hand and by API, in any order."""

    @initialize(unique=st.booleans(), negative=st.booleans(), over=st.booleans())
    def begin(self, unique: bool, negative: bool, over: bool) -> None:
        self.local = Local(unique_references=unique, negative_stock=negative, overpayment=over)
        self.books = self.local.books
        self.on_hand = {"P1": Decimal(100), "P2": Decimal(50)}
        self.held: dict[str, dict[str, Decimal]] = {}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.counter = 0

    # -- help ---------------------------------------------------------------------------------------------------

    def do(self, kind: str, op: str, item: dict[str, Any], hand: bool = False) -> str:
        """The id of what stands now, or "" after a refusal, which must have changed nothing."""
        before = truth.truth(self.books)
        (result,) = self.local.run(kind, op, item, source="hand" if hand else "api")
        if not result["ok"]:
            assert truth.truth(self.books) == before, result
            return ""
        return str(result["id"])

    def reference(self) -> str:
        self.counter += 1
        return str(self.counter % 60)

    def any_id(self, data: st.DataObject, kind: str) -> str:
        rows = list(self.books.tables[kind].rows)
        # The youngest mostly, so that whole stories come about.
        return str(data.draw(st.sampled_from([*rows[-1:] * 12, *rows[-3:] * 2, *rows, "gone"]), label=kind))

    def amount(self, data: st.DataObject, total: Decimal | None) -> str:
        """All of it, half of it, or anything."""
        choices = [str(data.draw(st.integers(0, 50_000)))]
        if total:
            choices = [str(total)] * 3 + [str(rounded(total / 2, "IDR"))] + choices
        return str(data.draw(st.sampled_from(choices)))

    def priced(self, data: st.DataObject, currency: str = "") -> dict[str, Any]:
        items = data.draw(lines())
        currency = currency or data.draw(st.sampled_from(CURRENCIES))
        included = data.draw(st.booleans())
        wrong = data.draw(st.sampled_from((*[0] * 15, 1)))
        total = str(Decimal(total_of(items, currency, included)) + wrong)
        return {"lines": items, "currency": currency, "tax_included": included, "total": total, "date": data.draw(days)}

    def ship(self, order_id: str, moves: dict[str, Decimal]) -> None:
        held = self.held.get(order_id, {})
        for code, number in moves.items():
            self.on_hand[code] -= number
            held[code] = held.get(code, ZERO) - min(held.get(code, ZERO), number)

    # -- rules --------------------------------------------------------------------------------------------------

    @rule(data=st.data(), hand=st.booleans())
    def order(self, data: st.DataObject, hand: bool) -> None:
        item = self.priced(data) | {"reference": self.reference(), "contact_id": "con00000001"}
        made = self.do("sales_orders", "create", item, hand)
        if made:
            self.lines[made] = item["lines"]
            self.held[made] = moved(item["lines"])
            if data.draw(st.booleans(), label="deposit"):
                row = self.books.sales_orders.rows[made]
                self.pay(data, "sales_order_id", made, row.total, row.currency)
            if data.draw(st.booleans(), label="invoice at once"):
                self.bill(data, made)

    @rule(data=st.data())
    def change_order(self, data: st.DataObject) -> None:
        target = self.any_id(data, "sales_orders")
        item = self.priced(data) | {"id": target}
        if self.do("sales_orders", "update", item):
            self.lines[target] = item["lines"]
            self.held[target] = moved(item["lines"])

    @rule(data=st.data())
    def void_order(self, data: st.DataObject) -> None:
        target = self.any_id(data, "sales_orders")
        if self.do("sales_orders", "void", {"id": target}):
            self.held[target] = {}

    @rule(data=st.data())
    def invoice(self, data: st.DataObject) -> None:
        self.bill(data, data.draw(st.sampled_from(["", self.any_id(data, "sales_orders")])))

    def bill(self, data: st.DataObject, order_id: str) -> None:
        row = self.books.sales_orders.get(order_id)
        item = self.priced(data, row.currency if row else "")
        if row is not None and data.draw(st.booleans(), label="as ordered"):
            item |= {"lines": self.lines[order_id], "tax_included": row.tax_included, "total": str(row.total)}
        item |= {"reference": self.reference(), "contact_id": "con00000001", "sales_order_id": order_id}
        made = self.do("invoices", "create", item, data.draw(st.booleans(), label="by hand"))
        if made:
            self.lines[made] = item["lines"]
            self.ship(order_id, moved(item["lines"]))

    @rule(data=st.data())
    def change_invoice(self, data: st.DataObject) -> None:
        target = self.any_id(data, "invoices")
        row = self.books.invoices.get(target)
        item = self.priced(data, row.currency if row else "") | {"id": target}
        if self.do("invoices", "update", item):
            for code, number in moved(self.lines[target]).items():
                self.on_hand[code] += number
            for code, number in moved(item["lines"]).items():
                self.on_hand[code] -= number
            self.lines[target] = item["lines"]

    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        field, kind = data.draw(st.sampled_from([("sales_order_id", "sales_orders"), ("invoice_id", "invoices")]))
        target = self.any_id(data, kind)
        row = self.books.tables[kind].get(target)
        self.pay(data, field, target, row.total if row else ZERO, row.currency if row else "IDR")

    def pay(self, data: st.DataObject, field: str, target: str, total: Decimal, currency: str) -> None:
        item: dict[str, Any] = {"reference": self.reference(), "date": data.draw(days), "currency": currency}
        item[field] = target
        item["total"] = self.amount(data, total)
        if data.draw(st.sampled_from((True, False, False)), label="from the bank"):
            item["bank_transaction_id"] = self.any_id(data, "bank_transactions")
        if data.draw(st.sampled_from((True, False, False)), label="more or less than the money"):
            off = data.draw(st.sampled_from(("2500", "-123", "0", "-9999999")))
            role = data.draw(st.sampled_from(("transfer_fee", "withholding", "rounding", "sales")))
            item["write_offs"] = [{"role": role, "amount": off}]
        if data.draw(st.sampled_from((True, False, False)), label="of another currency"):
            bank = self.books.bank_transactions.get(item.get("bank_transaction_id", ""))
            came = bank.currency if bank is not None else data.draw(st.sampled_from(CURRENCIES))
            item["exchanged"] = {"amount": str(data.draw(st.integers(0, 2000))), "currency": came}
        self.do("receipts", "create", item, data.draw(st.booleans(), label="by hand"))

    @rule(data=st.data(), kind=st.sampled_from(("receipts", "journals")), hand=st.booleans())
    def take_back(self, data: st.DataObject, kind: str, hand: bool) -> None:
        self.do(kind, "void", {"id": self.any_id(data, kind)}, hand)

    @rule(data=st.data(), restock=st.booleans())
    def credit(self, data: st.DataObject, restock: bool) -> None:
        target = self.any_id(data, "invoices")
        row = self.books.invoices.get(target)
        item = self.priced(data, row.currency if row else "")
        if row is not None and data.draw(st.booleans(), label="in full"):
            item |= {"lines": self.lines[target], "tax_included": row.tax_included, "total": str(row.total)}
        item |= {"reference": self.reference(), "invoice_id": target, "restock": restock}
        if self.do("credit_notes", "create", item) and restock:
            for code, number in moved(item["lines"]).items():
                self.on_hand[code] += number

    @rule(data=st.data())
    def pay_back(self, data: st.DataObject) -> None:
        field, kind = data.draw(
            st.sampled_from([("sales_order_id", "sales_orders"), ("credit_note_id", "credit_notes")])
        )
        target = self.any_id(data, kind)
        row = self.books.tables[kind].get(target)
        total = self.amount(data, row.total if row else None)
        item = {"reference": self.reference(), "date": data.draw(days), "total": total, field: target}
        self.do("refund_payments", "create", item | {"currency": row.currency if row else "IDR"})

    @rule(data=st.data(), received=st.booleans())
    def buy(self, data: st.DataObject, received: bool) -> None:
        item = self.priced(data) | {"reference": self.reference(), "contact_id": "con00000002", "received": received}
        made = self.do("purchases", "create", item)
        if made:
            self.lines[made] = item["lines"]
            if received:
                self.arrive(made)

    @rule(data=st.data())
    def unload(self, data: st.DataObject) -> None:
        target = self.any_id(data, "purchases")
        row = self.books.purchases.get(target)
        waiting = row is not None and not row.received
        if self.do("purchases", "update", {"id": target, "received": True}) and waiting:
            self.arrive(target)

    def arrive(self, purchase: str) -> None:
        for code, number in moved(self.lines[purchase]).items():
            self.on_hand[code] += number

    @rule(amount=st.integers(1, 100_000), currency=st.sampled_from(CURRENCIES))
    def bank_line(self, amount: int, currency: str) -> None:
        self.local.bank_line(str(amount), currency=currency)

    @rule(data=st.data(), amount=st.integers(1, 1000), currency=st.sampled_from(CURRENCIES))
    def journal(self, data: st.DataObject, amount: int, currency: str) -> None:
        # Not on the control accounts, so that those stay provable from the documents.
        sides = [{"account": "cash", "debit": str(amount)}, {"account": "fee", "credit": str(amount)}]
        item = {"reference": self.reference(), "date": data.draw(days), "currency": currency, "lines": sides}
        self.do("journals", "create", item, data.draw(st.booleans(), label="by hand"))

    @rule(data=st.data(), fee=st.integers(1, 1000), wrong=st.sampled_from((*[0] * 9, 1)))
    def payout(self, data: st.DataObject, fee: int, wrong: int) -> None:
        target = self.any_id(data, "bank_transactions")
        bank = self.books.bank_transactions.get(target)
        amount = (bank.amount if bank else ZERO) + wrong
        sides = [
            {"account": "bank", "debit": str(amount)},
            {"account": "gateway_fee", "debit": str(fee)},
            {"account": "clearing", "credit": str(amount + fee)},
        ]
        item = {"reference": self.reference(), "date": data.draw(days), "lines": sides, "bank_transaction_id": target}
        self.do("journals", "create", item | {"currency": bank.currency if bank else "IDR"})

    @rule(day=st.one_of(st.none(), st.dates(dt.date(2026, 10, 20), dt.date(2026, 10, 30))))
    def close(self, day: dt.date | None) -> None:
        self.books.closed_until = day

    # -- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def every_entry_balances(self) -> None:
        for found in truth.trial_balance(self.books).values():
            assert Decimal(found["sum"]) == 0
        for entry in self.books.journals.rows.values():
            assert sum((one.debit - one.credit for one in entry.lines), ZERO) == 0

    @invariant()
    def stock_is_what_was_counted(self) -> None:
        reserved = dict.fromkeys(self.on_hand, ZERO)
        for held in self.held.values():
            for code, number in held.items():
                reserved[code] += number
        for code, row in self.books.stock_of.items():
            assert (row.on_hand, row.reserved) == (self.on_hand[code], reserved[code])
            assert row.reserved >= 0
            if not self.books.config.negative_stock:
                assert row.on_hand >= 0

    @invariant()
    def control_accounts_are_what_the_documents_say(self) -> None:
        books = self.books
        balances = truth.balances(books)
        for currency in CURRENCIES:
            found = balances.get(currency, {})
            owed = sum((row.balance for row in books.invoices.rows.values() if row.currency == currency), ZERO)
            assert found.get("receivable", ZERO) == owed
            deposits = sum(
                (
                    r.settled - r.applied - r.returned
                    for r in books.receipts.rows.values()
                    if r.currency == currency and r.status != "void"
                ),
                ZERO,
            )
            assert found.get("deposits", ZERO) == -deposits
            income = sum((found.get(role, ZERO) for role in ("sales", "output_tax")), ZERO)
            billed = sum((row.total for row in books.invoices.rows.values() if row.currency == currency), ZERO)
            credited = sum((row.total for row in books.credit_notes.rows.values() if row.currency == currency), ZERO)
            assert income == credited - billed

    @invariant()
    def receipts_and_bank_lines_are_used_once(self) -> None:
        for receipt in self.books.receipts.rows.values():
            assert ZERO <= receipt.applied + receipt.returned <= receipt.settled
            if receipt.status == "void":
                assert receipt.applied == receipt.returned == ZERO
        for bank in self.books.bank_transactions.rows.values():
            standing = [
                row
                for table in (self.books.receipts, self.books.journals)
                for row in table.rows.values()
                if row.bank_transaction_id == bank.id and row.status != "void"
            ]
            total = sum((row.money if isinstance(row, Receipt) else bank.amount for row in standing), ZERO)
            assert bank.explained == total <= bank.amount
            assert bank.reconciled is (total == bank.amount)

    @invariant()
    def references_are_unique_where_they_must_be(self) -> None:
        if self.books.config.unique_references:
            for kind in truth.KINDS:
                typed = [
                    row.reference
                    for row in self.books.tables[kind].rows.values()
                    if row.source == "api" and (kind != "receipts" or row.status != "void")
                ]
                assert len(set(typed)) == len(typed)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
