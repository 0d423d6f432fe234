"""Payments in: money seen in the books marks orders paid (M6, M12).

The books' own bank lines are matched with unpaid orders; a match is remembered as a decision and the order is planned
again, which posts the receipt that reconciles the line. Receipts and journals that a person booked by hand count as
payment too: the store is told, and nothing is posted a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from selaras.ledger.values import NewPosting, RecordKey, State, StoredRecord
from selaras.model.document import BankTransaction, Journal, Receipt, StorePayment
from selaras.model.money import ZERO, to_minor
from selaras.model.order import Order
from selaras.rules.payments import BankDecision, match_bank
from selaras.sync.admission import Admission
from selaras.sync.held import PROBLEM_KEY
from selaras.sync.hub import Hub, Pair, order_stream

UNMATCHED = "unmatched_payment"
_order = msgspec.json.Decoder(Order)
_bank = msgspec.json.Decoder(BankTransaction)
_receipt = msgspec.json.Decoder(Receipt)
_journal = msgspec.json.Decoder(Journal)


class PaymentFlow:
    """Payments of one pair."""

    def __init__(self, hub: Hub, pair: Pair) -> None:
        self._hub = hub
        self._pair = pair

    async def match(self) -> int:
        """Match bank lines that are new, or that nothing could pay before; returns how many lines were decided."""
        ledger = self._hub.desk.ledger
        lines = await self._hub.desk(ledger.records.unplanned, self._pair.books, "bank_transaction", 2000)
        if not lines:
            return 0
        return await self._hub.desk.write(self._match, lines)

    async def reconsider(self) -> None:
        """New orders came: lines without an order get another chance."""
        ledger = self._hub.desk.ledger
        await self._hub.desk.write(ledger.records.replan_blocked, self._pair.books, (UNMATCHED,))

    def _match(self, lines: Sequence[StoredRecord]) -> int:
        ledger, books, store = self._hub.desk.ledger, self._pair.books, self._pair.store
        decided = ledger.connections.decisions(books, "bank")
        fresh: list[BankTransaction] = []
        verdicts: dict[str, tuple[State, str, str, str]] = {}
        for line in lines:
            transaction = _bank.decode(line.body)
            if line.key.id in decided:
                continue  # an order has it
            if transaction.amount <= ZERO:
                verdicts[line.key.id] = (State.SKIPPED, "money_out", "This line is money out, it pays no order.", "")
            elif transaction.reconciled:
                verdicts[line.key.id] = (
                    State.SKIPPED, "reconciled_by_hand", "A person has reconciled this line in the books.", "",
                )  # fmt: skip
            else:
                fresh.append(transaction)
        awaiting = self._awaiting() if fresh else {}
        decisions = match_bank(fresh, [order for order, _ in awaiting.values()]) if fresh else []
        now = self._hub.now()
        for decision in decisions:
            if decision.order_id:
                stream = order_stream(store, decision.order_id)
                ledger.connections.decide(
                    books, "bank", decision.transaction_id, stream, "; ".join(decision.reasons), now
                )
                ledger.records.replan([RecordKey(store, "order", decision.order_id)])
            else:
                verdicts[decision.transaction_id] = self._unmatched(decision)
        self._keep_verdicts(lines, verdicts)
        ledger.records.planned(lines)
        return len(lines)

    def _unmatched(self, decision: BankDecision) -> tuple[State, str, str, str]:
        return (
            State.BLOCKED,
            UNMATCHED,
            "; ".join(decision.reasons) or "No unpaid order fits this payment.",
            "Say which order it pays with `selaras link`, or skip it.",
        )

    def _awaiting(self) -> dict[str, tuple[Order, StoredRecord]]:
        """Orders whose money is expected in the bank: open, not fully paid, with a method that the bank confirms."""
        ledger = self._hub.desk.ledger
        found = {}
        admission = Admission(ledger, self._pair)
        for record in ledger.records.open_records(self._pair.store, "order"):
            if not admission.admits(record):
                continue
            order = self._confirmed(_order.decode(record.body))
            if order.status in ("pending", "open", "completed") and order.total - order.paid > ZERO:
                found[order.id] = (order, record)
        taken = set(ledger.connections.decisions(self._pair.books, "bank").values())
        return {i: o for i, o in found.items() if order_stream(self._pair.store, i) not in taken}

    def _confirmed(self, order: Order) -> Order:
        """The order with the payments that count: where only the bank can confirm, the store's word is none yet."""
        methods = self._pair.policy.bank_methods
        told = tuple(p for p in order.payments if p.origin == "books" or p.method not in methods)
        return order if len(told) == len(order.payments) else msgspec.structs.replace(order, payments=told)

    def _keep_verdicts(self, lines: Sequence[StoredRecord], verdicts: dict[str, tuple[State, str, str, str]]) -> None:
        ledger, books, now = self._hub.desk.ledger, self._pair.books, self._hub.now()
        streams = {line.key.id: f"bank:{books}:{line.key.id}" for line in lines}
        history = ledger.postings.of_streams(books, list(streams.values()))
        rows = []
        for line in lines:
            stream = streams[line.key.id]
            past = history.get(stream, [])
            standing = next((p.digest for p in past if p.state is not State.SUPERSEDED), "")
            verdict = verdicts.get(line.key.id)
            if verdict is not None and standing == f"{verdict[1]}|{verdict[2]}":
                continue
            if standing:
                ledger.postings.supersede(books, stream, PROBLEM_KEY, now)
            if verdict is None:
                continue
            state, cause, message, cure = verdict
            rows.append(
                NewPosting(
                    books, stream, PROBLEM_KEY, 1 + max((p.version for p in past), default=0), "bank_transaction",
                    "plan", line.key, line.number, f"{cause}|{message}", None, message, total=line.total,
                    currency=line.currency, state=state, cause=cause, field="description", message=message, cure=cure,
                )
            )  # fmt: skip
        ledger.postings.plan(rows, now)

    # -- booked by hand --------------------------------------------------------------------------------------------

    async def by_hand(self) -> int:
        """Receipts and journals that a person booked against our documents: tell the store that the order is paid."""
        ledger, told = self._hub.desk.ledger, 0
        for kind, reader in (("receipt", self._from_receipts), ("journal", self._from_journals)):
            records = await self._hub.desk(ledger.records.unplanned, self._pair.books, kind, 1000)
            if records:
                told += await self._hub.desk.write(reader, records)
        return told

    def _from_receipts(self, records: Sequence[StoredRecord]) -> int:
        ledger, books = self._hub.desk.ledger, self._pair.books
        receipts = [_receipt.decode(record.body) for record in records]
        ours = ledger.postings.linked(books, "receipt", [r.id for r in receipts])
        orders = ledger.postings.linked(books, "sales_order", [r.sales_order_id for r in receipts if r.sales_order_id])
        invoices = ledger.postings.linked(books, "invoice", [r.invoice_id for r in receipts if r.invoice_id])
        streams = dict.fromkeys(link.stream for link in (*orders.values(), *invoices.values()))
        # A receipt of ours whose answer is still out (or was lost with a killed process) has no link yet.
        sent = {
            (posting.stream, posting.reference)
            for history in ledger.postings.of_streams(books, list(streams)).values()
            for posting in history
            if posting.kind == "receipt"
        }
        rows = []
        for record, receipt in zip(records, receipts, strict=True):
            link = orders.get(receipt.sales_order_id) or invoices.get(receipt.invoice_id)
            if receipt.id in ours or link is None or receipt.status == "void":
                continue
            if (link.stream, receipt.reference) not in sent:
                rows += self._tell(record, link.stream, f"receipt:{receipt.id}", receipt)
        ledger.postings.plan(rows, self._hub.now())
        ledger.records.planned(records)
        return len(rows)

    def _from_journals(self, records: Sequence[StoredRecord]) -> int:
        ledger, store = self._hub.desk.ledger, self._pair.store
        rows = []
        for record in records:
            journal = _journal.decode(record.body)
            credit = sum((line.credit for line in journal.lines if line.contact_id), ZERO)
            if not journal.reference or credit <= ZERO or journal.source or journal.status == "void":
                continue  # made by a document, taken back, or no money from a customer
            for order in ledger.records.named(journal.reference):
                if order.key.connection == store and _order.decode(order.body).paid < _order.decode(order.body).total:
                    money = Receipt("", journal.date, journal.currency, credit)
                    rows += self._tell(record, order_stream(store, order.key.id), f"journal:{journal.id}", money)
        ledger.postings.plan(rows, self._hub.now())
        ledger.records.planned(records)
        return len(rows)

    def _tell(self, record: StoredRecord, stream: str, source: str, money: Receipt) -> list[NewPosting]:
        """The posting that marks the order paid in the store, unless it has been planned before."""
        ledger, store = self._hub.desk.ledger, self._pair.store
        key = f"store_payment:{source}"
        past = ledger.postings.of_streams(store, [stream]).get(stream, [])
        if any(p.key == key for p in past):
            return []
        order = ledger.records.get(RecordKey(store, "order", stream.removeprefix(f"{store}:")))
        if order is None:
            return []
        payment = StorePayment(
            reference=f"books:{source}",
            order_id=order.key.id,
            amount=money.total,
            currency=money.currency,
            paid_at=_order.decode(order.body).placed_at,
            method="transfer",
        )
        return [
            NewPosting(
                store, stream, key, 1, "store_payment", "create", record.key, payment.reference, key, payment,
                "a person booked this receipt in the books",
                total=to_minor(money.total, money.currency), currency=money.currency,
            )
        ]  # fmt: skip
