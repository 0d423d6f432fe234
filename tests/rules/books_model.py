"""A small pure model of books: applies intents the way a flow and a strict target would, and adds up what results."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from selaras.model.document import CreditNote, Document, Invoice, Receipt, RefundPayment, SalesOrder
from selaras.model.money import rounded
from selaras.rules.plan_types import Held, Intent, Plan

ZERO = Decimal(0)


class Effect(msgspec.Struct, frozen=True):
    """What the books come to for one order, whatever documents they took to get there."""

    billed: Decimal
    received: Decimal
    paid_back: Decimal
    stock: tuple[tuple[str, Decimal], ...]


class Books:
    """Documents of one stream by key, each with its latest version."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self.references: dict[tuple[str, str], str] = {}

    def alive(self) -> list[Held]:
        return [h for h in self.held.values() if h.op == "update" or (h.op == "create" and h.state != "skipped")]

    def apply(self, plan: Plan) -> None:
        """Take the intents in, refusing what a strict accounting application would refuse."""
        assert plan.problem is None, plan.problem
        for intent in plan.intents:
            self._take(intent)
        for held in self.alive():
            self._check(held.key, held.document)

    def _take(self, intent: Intent) -> None:
        # A new version queues behind everything that waits already.
        before = self.held.pop(intent.key, None)
        version = 1 if before is None else before.version + 1
        for symbol in intent.after:
            key = symbol[1:]
            if key == "contact":
                continue
            assert key in self.held, f"{intent.key} needs {symbol}, which nobody makes"
            assert self.held[key].state != "skipped", f"{intent.key} needs {symbol}, which is never sent"
        if intent.op == "void":
            assert before is not None
            if intent.withdraw:
                assert before.state in ("planned", "blocked"), f"{intent.key} was sent, it cannot be withdrawn"
                self.held[intent.key] = Held(
                    intent.key, intent.kind, version, "skipped", "void", intent.digest, intent.document
                )
                return
            undone = intent.key.startswith("receipt:bank:")
            assert undone or intent.kind in ("sales_order", "invoice"), "only these are ever voided"
            self.held[intent.key] = Held(
                intent.key, intent.kind, version, "planned", "void", intent.digest, intent.document
            )
            return
        if intent.op == "create":
            assert before is None or before.state in ("planned", "blocked", "skipped"), f"{intent.key} is sent already"
            reference = (intent.kind, intent.document.reference)
            assert self.references.setdefault(reference, intent.key) == intent.key, f"{reference} is taken"
        else:
            assert before is not None
            assert before.op == "update" or before.state in ("done", "in_doubt")
            assert intent.kind in ("sales_order", "invoice"), f"{intent.key} is never changed once sent"
            if intent.kind == "invoice":
                assert not any(
                    isinstance(h.document, Receipt) and h.state in ("done", "in_doubt") for h in self.alive()
                ), "an invoice with money on it is not changed"
                assert not self._notes_on(intent.key), "an invoice with a credit note is not changed"
        self.held[intent.key] = Held(
            intent.key, intent.kind, version, "planned", intent.op, intent.digest, intent.document
        )

    def _notes_on(self, key: str) -> list[tuple[str, CreditNote]]:
        return [
            (h.key, h.document)
            for h in self.alive()
            if isinstance(h.document, CreditNote) and h.document.invoice_id == "@" + key
        ]

    def _check(self, key: str, document: Document) -> None:
        if isinstance(document, (SalesOrder, Invoice, CreditNote)):
            total = ZERO
            for line in document.lines:
                net = rounded(line.quantity * line.unit_price - line.discount, document.currency)
                assert line.amount == net, f"{key}: a line comes to {net}, not {line.amount}"
                assert rounded(line.tax, document.currency) == line.tax
                assert not line.code or line.quantity >= 0
                total += line.amount + (ZERO if document.tax_included else line.tax)
            assert total == document.total, f"{key}: lines come to {total}, not {document.total}"
            assert document.total >= 0
        if isinstance(document, CreditNote):
            assert document.total > 0, f"{key} credits nothing"
            if document.invoice_id:
                invoice = self.held[document.invoice_id[1:]].document
                assert isinstance(invoice, Invoice)
                others = sum((n.total for k, n in self._notes_on(document.invoice_id[1:]) if k != key), ZERO)
                assert others + document.total <= invoice.total, f"{key} credits more than is left"
        if isinstance(document, (Receipt, RefundPayment)):
            assert document.total > 0
            assert document.account or getattr(document, "bank_transaction_id", "")
        if isinstance(document, RefundPayment) and document.credit_note_id:
            note = self.held[document.credit_note_id[1:]].document
            assert isinstance(note, CreditNote)
            others = sum(
                (
                    h.document.total
                    for h in self.alive()
                    if isinstance(h.document, RefundPayment)
                    and h.document.credit_note_id == document.credit_note_id
                    and h.key != key
                ),
                ZERO,
            )
            assert others + document.total <= note.total, f"{key} pays back more than was credited"

    def send(self, up_to: int, state: str = "done") -> None:
        """The first `up_to` unsent postings, in order of planning, reach the target; a blocked one blocks the rest."""
        left = up_to
        for key, held in self.held.items():
            if left <= 0:
                return
            if held.state == "planned":
                document = held.document
                for field in ("sales_order_id", "invoice_id", "credit_note_id"):
                    need = getattr(document, field, "")[1:]
                    assert not need or held.op == "void" or self._stands(need), f"{key} is sent before {need}"
                if state == "blocked":
                    self.held[key] = msgspec.structs.replace(held, state=state)
                    return
                self.held[key] = msgspec.structs.replace(held, state=state, id="T-" + key)
                left -= 1
            elif held.state == "blocked":
                # A person retries it: it is sent before all that waits behind it.
                self.held[key] = msgspec.structs.replace(held, state="done", id="T-" + key)
                left -= 1

    def _stands(self, key: str) -> bool:
        held = self.held[key]
        return held.op in ("update", "void") or held.state in ("done", "in_doubt")

    def effect(self) -> Effect:
        billed = received = back = ZERO
        stock: dict[str, Decimal] = {}
        for held in self.alive():
            document = held.document
            if isinstance(document, Invoice):
                billed += document.total
                for line in document.lines:
                    if line.code:
                        stock[line.code] = stock.get(line.code, ZERO) - line.quantity
            elif isinstance(document, CreditNote):
                billed -= document.total
                for line in document.lines:
                    if line.code and document.restock:
                        stock[line.code] = stock.get(line.code, ZERO) + line.quantity
            elif isinstance(document, Receipt):
                received += document.total
            elif isinstance(document, RefundPayment):
                back += document.total
        return Effect(billed, received, back, tuple(sorted((c, q) for c, q in stock.items() if q)))
