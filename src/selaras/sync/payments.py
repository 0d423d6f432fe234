"""Receipts and journals that a person booked by hand in the books count as payment too: the store is told, and nothing
is posted a second time (M12). What Selaras itself finds in banks and gateways is `sync.money`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from selaras.ledger.values import NewPosting, RecordKey, StoredRecord
from selaras.model.document import BankTransaction, Journal, Receipt, StorePayment
from selaras.model.money import ZERO, to_minor
from selaras.model.order import Order
from selaras.sync.hub import Hub, order_stream

UNMATCHED = "unmatched_payment"
_ALL = 2**31
_order = msgspec.json.Decoder(Order)
_bank = msgspec.json.Decoder(BankTransaction)
_receipt = msgspec.json.Decoder(Receipt)
_journal = msgspec.json.Decoder(Journal)


class _Named(NamedTuple):
    """An order that a journal names: its stream, and what is paid of its total."""

    stream: str
    paid: Decimal
    total: Decimal


class PaymentFlow:
    """Payments that people booked in one set of books, for whichever of its stores."""

    def __init__(self, hub: Hub, books: str) -> None:
        self._hub = hub
        self._books = books
        self._pairs = {pair.store: pair for pair in hub.pairs if pair.books == books}
        # Whether receipts wait for the answer to a document that was sent before they were seen: it may be theirs.
        self.held = False

    async def by_hand(self) -> int:
        """Receipts and journals that a person booked against our documents: tell their stores that the order is paid.

        Returns how many are to be told.
        """
        ledger, told, self.held = self._hub.desk.ledger, 0, False
        for kind, reader in (("receipt", self._from_receipts), ("journal", self._from_journals)):
            records = await self._hub.desk(ledger.records.unplanned, self._books, kind, _ALL)
            if records:
                told += await self._hub.desk.write(reader, records)
        return told

    def _from_receipts(self, records: Sequence[StoredRecord]) -> int:
        ledger, books = self._hub.desk.ledger, self._books
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
        # A person can book money for a document of ours before we have heard that it stands there.
        unheard = ledger.postings.unheard_since(books, ("sales_order", "invoice"))
        rows, planned = [], []
        for record, receipt in zip(records, receipts, strict=True):
            link = orders.get(receipt.sales_order_id) or invoices.get(receipt.invoice_id)
            if link is None and receipt.id not in ours and unheard is not None and record.seen_at >= unheard:
                self.held = True
                continue
            planned.append(record)
            if receipt.id in ours or link is None or receipt.status == "void":
                continue
            if (link.stream, receipt.reference) not in sent:
                rows += self._tell(record, link.stream, f"receipt:{receipt.id}", receipt)
        ledger.postings.plan(rows, self._hub.now())
        ledger.records.planned(planned)
        return len(rows)

    def _from_journals(self, records: Sequence[StoredRecord]) -> int:
        ledger = self._hub.desk.ledger
        rows = []
        for record in records:
            journal = _journal.decode(record.body)
            credit = sum((line.credit for line in journal.lines if line.contact_id), ZERO)
            if not journal.reference or credit <= ZERO or journal.source or journal.status == "void":
                continue  # made by a document, taken back, or no money from a customer
            open_ = [order for order in self._named(journal.reference) if order.paid < order.total]
            if len(open_) == 1:  # of two stores that number alike neither is told
                money = Receipt("", journal.date, journal.currency, credit)
                rows += self._tell(record, open_[0].stream, f"journal:{journal.id}", money)
        ledger.postings.plan(rows, self._hub.now())
        ledger.records.planned(records)
        return len(rows)

    def _named(self, reference: str) -> list[_Named]:
        """Orders of the stores of these books that a reference names, as the books call them."""
        found = []
        for store, pair in self._pairs.items():
            prefix = pair.policy.reference_prefix
            if reference.startswith(prefix):
                for record in self._hub.desk.ledger.records.named(reference.removeprefix(prefix)):
                    if record.key.connection == store:
                        order = _order.decode(record.body)
                        found.append(_Named(order_stream(store, order.id), order.paid, order.total))
        return found

    def _tell(self, record: StoredRecord, stream: str, source: str, money: Receipt) -> list[NewPosting]:
        """The posting that marks the order paid in the store, unless it has been planned before."""
        ledger, (store, _colon, order_id) = self._hub.desk.ledger, stream.partition(":")
        key = f"store_payment:{source}"
        past = ledger.postings.of_streams(store, [stream]).get(stream, [])
        if any(p.key == key for p in past):
            return []
        order = ledger.records.get(RecordKey(store, "order", order_id))
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
