"""What stands billed and credited for one order, read from what is held, and the making of a credit note."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import cast

from selaras.model.document import CreditNote, DocumentLine, Invoice
from selaras.model.money import ZERO
from selaras.rules.explain import N_, Sentence
from selaras.rules.facts import Facts, refund_name
from selaras.rules.lines import Pile, lines_total
from selaras.rules.plan_types import Held, Stop, stop
from selaras.rules.refunds import Sale
from selaras.rules.stream import Stream, is_alive, is_sent

_CHANGED = Sentence(N_("Refund %(refund)s was booked as %(booked)s %(currency)s; the store now says %(amount)s."))
_VANISHED = Sentence(N_("Refund %(refund)s was booked, but the store no longer has it."))
_REFUND_CURE = Sentence(N_("Check the refund in the store; correct or void the booked credit note in the books."))
_MODE = Sentence(N_("Prices of the order changed between with and without tax after it was invoiced."))
_MODE_CURE = Sentence(N_("Credit the invoice in the books by hand and let the order be invoiced anew."))
_CAPACITY = Sentence(N_("%(amount)s %(currency)s shall be credited, but the invoices have only %(left)s left."))
_CAPACITY_CURE = Sentence(N_("Check the refunds and the changes of the order in the store."))


class Bill:
    """An invoice, sent or just planned, and what credit notes have left of it."""

    __slots__ = ("included", "key", "lines", "number", "pile")

    def __init__(self, number: int, key: str, lines: tuple[DocumentLine, ...], currency: str, included: bool) -> None:
        self.number = number
        self.key = key
        self.lines = lines
        self.included = included
        self.pile = Pile(currency, lines)

    @property
    def left(self) -> Decimal:
        """What can still be credited."""
        return self.pile.total(self.included)


class Bills:
    """The billing of one order.

    `invoices`: invoices that stand or may stand in the target, then those planned now. `slot`: the last invoice if it
    was never sent, free to be planned anew. `notes`: key → total of credit notes that stand, then those planned now.
    `unsent`: credit notes of refunds or of the cancellation that were never sent. `billed`: what the invoices and
    their corrections come to, before refunds.
    """

    __slots__ = ("any_sent", "billed", "facts", "invoices", "notes", "order", "sale", "slot", "stream", "unsent")

    def __init__(self, stream: Stream, facts: Facts, sale: Sale) -> None:
        self.stream = stream
        self.order = stream.order
        self.facts = facts
        self.sale = sale
        self.invoices: list[Bill] = []
        self.slot: Held | None = None
        self.notes: dict[str, Decimal] = {}
        self.unsent: dict[str, Held] = {}
        self.any_sent = False
        self.billed = Pile(stream.order.currency)
        if stream.held:
            self._read_invoices()
            self._read_notes()
            self._check_refunds()

    @property
    def active(self) -> str:
        """Key of the invoice that money belongs to, "" when nothing is invoiced."""
        return self.invoices[-1].key if self.invoices else ""

    @property
    def due(self) -> bool:
        """The order is to be billed. One that was cancelled is billed (and credited) only where that leaves a trace in
        stock: its goods had left, or a part of them was refunded. Else both would only cancel each other."""
        if self.facts.due_since is None:
            return False
        return not self.facts.cancelled or self.facts.shipped or bool(self.sale.credited)

    @property
    def now(self) -> dt.datetime:
        """The instant of what has none of its own: the cancellation, or the last change of the order."""
        return self.facts.cancelled_at or self.order.updated_at

    # -- reading what is held --------------------------------------------------------------------------------------

    def _read_invoices(self) -> None:
        alive = [(number, held) for number, held in self.stream.family("invoice") if is_alive(held)]
        for place, (number, held) in enumerate(alive, start=1):
            document = cast(Invoice, held.document)
            # After a cancellation nothing is billed anew, so an unsent further invoice stays as it is.
            if not is_sent(held) and place == len(alive) and not (self.facts.cancelled and self.invoices):
                self.slot = held
                continue
            if document.tax_included != self.order.tax_included:
                raise stop("tax_mode_changed", "tax_included", _MODE, _MODE_CURE)
            self.invoices.append(Bill(number, held.key, document.lines, self.order.currency, document.tax_included))
            self.billed.add(document.lines)
        self.any_sent = bool(self.invoices)

    def _read_notes(self) -> None:
        """Credit notes that stand. Those of refunds that are no longer to be credited, and of a cancellation that was
        taken back, work as corrections: what they credited is billed again."""
        wanted = {refund_name(r.refund.id) for r in self.sale.credited} if self.facts.due_since is not None else set()
        if self.facts.cancelled:
            wanted.add("cancel")
        for key, held in self.stream.held.items():
            if held.kind != "credit_note" or not is_alive(held):
                continue
            document = cast(CreditNote, held.document)
            name = key.removeprefix("credit_note:")
            correction = name.startswith(("reverse:", "edit:"))
            if not correction and not is_sent(held):
                self.unsent[key] = held
                continue
            if self.invoices:
                self._aimed_at(document).pile.take(document.lines)
            self.notes[key] = document.total
            if correction or family_name(name) not in wanted:
                self.billed.take(document.lines)

    def _aimed_at(self, note: CreditNote) -> Bill:
        for bill in self.invoices:
            if note.invoice_id == "@" + bill.key:
                return bill
        return max(self.invoices, key=lambda b: b.left)

    def _check_refunds(self) -> None:
        """A refund that was booked and has vanished or changed is asked, never silently taken back."""
        current = {refund_name(r.id): r for r in self.order.refunds}
        booked: dict[str, Decimal] = {}
        for key, held in self.stream.held.items():
            kind, _sep, rest = key.partition(":")
            name = family_name(rest)
            if kind not in ("credit_note", "refund_payment") or name in ("cancel", "reverse", "edit"):
                continue
            if not (is_alive(held) and is_sent(held)):
                continue
            refund = current.get(name)
            if refund is None or (kind == "refund_payment" and not refund.paid_back):
                raise stop("refund_vanished", "refunds", _VANISHED, _REFUND_CURE, refund=name)
            if kind == "credit_note":
                booked[name] = booked.get(name, ZERO) + self.notes[key]
        for name, total in booked.items():
            amount = current[name].amount
            if total > amount or (total < amount and not self.facts.cancelled and not self.partly_sent(name)):
                field = f"refunds[{current[name].id}].amount"
                known = {"booked": total, "currency": self.order.currency, "amount": amount}
                raise stop("refund_changed", field, _CHANGED, _REFUND_CURE, refund=name, **known)

    def partly_sent(self, name: str) -> bool:
        """Some of the credit notes of this refund were sent, some were not."""
        return any(is_alive(h) and not is_sent(h) for _n, h in self.stream.family(f"credit_note:{name}"))

    # -- credit notes ----------------------------------------------------------------------------------------------

    def allocate(self, lines: tuple[DocumentLine, ...]) -> list[tuple[Bill, tuple[DocumentLine, ...]]]:
        """Lines by the invoice that has them: the first that has the goods, else the one with most left."""
        groups: dict[str, list[DocumentLine]] = {}
        for line in lines:
            having = [b for b in self.invoices if line.code and b.pile.pieces(line) >= line.quantity]
            bill = having[0] if having else max(self.invoices, key=lambda b: (b.pile.pieces(line), b.left))
            groups.setdefault(bill.key, []).append(line)
        return [(b, tuple(groups[b.key])) for b in self.invoices if b.key in groups]

    def credit(
        self,
        key: str,
        reference: str,
        bill: Bill,
        lines: tuple[DocumentLine, ...],
        restock: bool,
        instant: dt.datetime,
        reason: str,
        cause: str = "",
    ) -> None:
        """Want the credit note `key` over `lines`, aimed at `bill`. Raises `Stop` if it exceeds what is left there."""
        stream, order = self.stream, self.order
        total = lines_total(lines, order.tax_included)
        if total > bill.left:
            raise self.no_capacity(total, bill.left)
        note = CreditNote(
            stream.number + reference,
            stream.local_day(instant),
            order.currency,
            total,
            lines,
            order.tax_included,
            stream.contact_id,
            "@" + bill.key,
            restock and any(line.code for line in lines),
            cause,
        )
        stream.want(key, "credit_note", note, reason)
        bill.pile.take(lines)
        self.notes[key] = total

    def no_capacity(self, amount: Decimal, left: Decimal) -> Stop:
        """The problem of crediting more than is billed."""
        known = {"amount": amount, "currency": self.order.currency, "left": left}
        return stop("credit_exceeds_invoice", "refunds", _CAPACITY, _CAPACITY_CURE, **known)


def family_name(name: str) -> str:
    """`R1` of `R1` and `R1:2`; `cancel` of `cancel:2`; `reverse` of `reverse:1`."""
    head, _sep, tail = name.rpartition(":")
    return head if head and tail.isdigit() else name
