"""What stands billed and credited for one order, read from what is held, and the making of a credit note."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import cast

from selaras.model.document import CreditNote, DocumentLine, Invoice
from selaras.model.money import ZERO
from selaras.rules.explain import N_, Sentence
from selaras.rules.facts import Facts, refund_name
from selaras.rules.lines import ONE, Pile, lines_total
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
_REOPENED = Sentence(N_("The order is open again, but its cancellation was settled with its refunds already."))
_REOPENED_CURE = Sentence(N_("Let the store make a new order, or correct the documents of this one by hand."))
AGAIN = "invoice:again:"
_CORRECTIONS = ("reverse:", "edit:")
_CARRIED = Sentence(N_("Carried over"))


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
    their corrections come to, before refunds. `again`: invoices that bill goods a second time so that they can be
    credited, by the number of the invoice they stand for (only after a cancellation). `carried`: what corrections have
    carried over from other invoices and the next invoice has yet to bring in (its sign turned).
    """

    __slots__ = (
        "again",
        "any_sent",
        "billed",
        "carried",
        "facts",
        "invoices",
        "notes",
        "order",
        "sale",
        "slot",
        "stream",
        "unsent",
    )

    def __init__(self, stream: Stream, facts: Facts, sale: Sale) -> None:
        self.stream = stream
        self.order = stream.order
        self.facts = facts
        self.sale = sale
        self.invoices: list[Bill] = []
        self.again: dict[int, Bill] = {}
        self.slot: Held | None = None
        self.notes: dict[str, Decimal] = {}
        self.unsent: dict[str, Held] = {}
        self.any_sent = False
        self.carried = ZERO
        self.billed = Pile(stream.order.currency)
        if stream.held:
            self._read_invoices()
            self._read_notes()
            self._check_refunds()

    @property
    def active(self) -> str:
        """Key of the invoice that money belongs to, "" when nothing is invoiced."""
        return next((bill.key for bill in reversed(self.invoices) if self.stands(bill)), "")

    def stands(self, bill: Bill) -> bool:
        """The invoice was not taken back whole."""
        return f"credit_note:reverse:{bill.number}" not in self.notes

    @property
    def due(self) -> bool:
        """The order is to be billed. One that was cancelled is billed (and credited) only where that leaves a trace in
        stock: its goods had left, or a part of them was refunded. Else both would only cancel each other."""
        if self.facts.due_since is None:
            return False
        return not self.facts.cancelled or self.facts.shipped or any(not r.amount_only for r in self.sale.credited)

    @property
    def frozen(self) -> bool:
        """What was billed of a cancelled order stays as it is and is credited, if that leaves no trace in stock."""
        return self.facts.cancelled and not self.due and any(is_alive(h) and is_sent(h) for h in self.held_invoices)

    @property
    def held_invoices(self) -> list[Held]:
        """Invoices that are held, whatever their state."""
        return [held for _number, held in self.stream.family("invoice")]

    @property
    def now(self) -> dt.datetime:
        """The instant of what has none of its own: the cancellation, or the last change of the order."""
        return self.facts.cancelled_at or self.order.updated_at

    # -- reading what is held --------------------------------------------------------------------------------------

    def _read_invoices(self) -> None:
        alive = [(number, held) for number, held in self.stream.family("invoice") if is_alive(held)]
        fixed = {cast(CreditNote, held.document).invoice_id for _key, held in self._standing_notes()}
        for place, (number, held) in enumerate(alive, start=1):
            document = cast(Invoice, held.document)
            free = not is_sent(held) and place == len(alive) and "@" + held.key not in fixed
            if free and not (self.invoices and self.frozen):
                self.slot = held
                continue
            if document.tax_included != self.order.tax_included:
                raise stop("tax_mode_changed", "tax_included", _MODE, _MODE_CURE)
            self.invoices.append(Bill(number, held.key, document.lines, self.order.currency, document.tax_included))
            self.billed.add(_own(document.lines))
            self.carried += _carry(document.lines)
        self.any_sent = bool(self.invoices)
        for key, held in self.stream.held.items():
            if key.startswith(AGAIN) and is_alive(held):
                if not self.facts.cancelled:
                    raise stop("reopened", "status", _REOPENED, _REOPENED_CURE)
                document = cast(Invoice, held.document)
                number = int(key.removeprefix(AGAIN))
                self.again[number] = Bill(number, key, document.lines, self.order.currency, document.tax_included)

    def _read_notes(self) -> None:
        """Credit notes that stand. Those of refunds that are no longer to be credited, and of a cancellation that was
        taken back, work as corrections: what they credited is billed again."""
        wanted = {refund_name(r.refund.id) for r in self.sale.credited} if self.facts.due_since is not None else set()
        if self.facts.cancelled:
            wanted.add("cancel")
        standing = dict(self._standing_notes())
        for key, held in self.stream.held.items():
            if held.kind != "credit_note" or not is_alive(held):
                continue
            document = cast(CreditNote, held.document)
            name = key.removeprefix("credit_note:")
            correction = name.startswith(_CORRECTIONS)
            if key not in standing:
                self.unsent[key] = held
                continue
            if self.invoices:
                self._consume(self._aimed_at(document), document.lines)
            self.notes[key] = document.total
            if correction:
                self.carried -= _carry(document.lines)
            if correction or family_name(name) not in wanted:
                self.billed.take(_own(document.lines))

    def _standing_notes(self) -> list[tuple[str, Held]]:
        """Credit notes that are not planned anew: what was sent with its siblings of one refund, and corrections."""
        alive = [(k, h) for k, h in self.stream.held.items() if h.kind == "credit_note" and is_alive(h)]
        sent = {family_name(key) for key, held in alive if is_sent(held)}
        return [
            (key, held)
            for key, held in alive
            if family_name(key) in sent or key.removeprefix("credit_note:").startswith(_CORRECTIONS)
        ]

    def _aimed_at(self, note: CreditNote) -> Bill:
        for bill in (*self.invoices, *self.again.values()):
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
            if not is_alive(held) or not (is_sent(held) or key in self.notes):
                continue
            refund = current.get(name)
            if refund is None or (kind == "refund_payment" and not refund.paid_back):
                raise stop("refund_vanished", "refunds", _VANISHED, _REFUND_CURE, refund=name)
            if kind == "credit_note":
                booked[name] = booked.get(name, ZERO) + self.notes[key]
        for name, total in booked.items():
            amount = current[name].amount
            if total > amount or (total < amount and not self.facts.cancelled):
                field = f"refunds[{current[name].id}].amount"
                known = {"booked": total, "currency": self.order.currency, "amount": amount}
                raise stop("refund_changed", field, _CHANGED, _REFUND_CURE, refund=name, **known)

    # -- credit notes ----------------------------------------------------------------------------------------------

    def allocate(self, lines: tuple[DocumentLine, ...]) -> list[tuple[Bill, tuple[DocumentLine, ...]]]:
        """Lines by the invoice that has them: the first that has the goods, else the one with most left."""
        groups: dict[str, list[DocumentLine]] = {}
        for line in lines:
            having = [b for b in self.invoices if line.code and b.pile.pieces(line) >= line.quantity]
            bill = having[0] if having else max(self.invoices, key=lambda b: (b.pile.pieces(line), b.left))
            groups.setdefault(bill.key, []).append(line)
        return [(b, tuple(groups[b.key])) for b in self.invoices if b.key in groups]

    def fit(
        self, groups: list[tuple[Bill, tuple[DocumentLine, ...]]]
    ) -> tuple[list[tuple[Bill, tuple[DocumentLine, ...]]], Decimal]:
        """Keep each credit note within what is left of its invoice.

        A refund without goods may have credited a part already, or all: lines of an invoice that has nothing left go to
        the one with most room; what is beyond the room is taken off by a line that says so and credited on another
        invoice. The second value is what found no room at all.
        """
        included = self.order.tax_included
        room = {bill.key: bill.left for bill in self.invoices}
        fitted: dict[str, list[DocumentLine]] = {}
        for bill, lines in groups:
            key = bill.key
            total = lines_total(lines, included)
            if total > 0 and room[key] <= 0:
                key = max(room, key=lambda k: room[k])
            room[key] -= total
            fitted.setdefault(key, []).extend(lines)
        homeless = ZERO
        for key in [k for k in fitted if room[k] < 0]:
            fitted[key].append(carried_line(room[key]))
            homeless -= room[key]
            room[key] = ZERO
        for key, free in room.items():
            part = min(homeless, free)
            if part > 0:
                fitted.setdefault(key, []).append(carried_line(part))
                homeless -= part
        return [(b, tuple(fitted[b.key])) for b in self.invoices if b.key in fitted], homeless

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
        self._consume(bill, lines)
        self.notes[key] = total

    def _consume(self, bill: Bill, lines: tuple[DocumentLine, ...]) -> None:
        """Take credited lines off: the money off `bill`, the goods off the invoice that billed them."""
        for line in lines:
            if line.code and bill.pile.pieces(line) < line.quantity:
                other = next((b for b in self.invoices if b.pile.pieces(line) >= line.quantity), None)
                if other is not None:
                    worth = lines_total((line,), bill.included)
                    other.pile.take((line,))
                    other.pile.add((carried_line(worth),))
                    bill.pile.add((carried_line(worth),), -1)
                    continue
            bill.pile.take((line,))

    def no_capacity(self, amount: Decimal, left: Decimal) -> Stop:
        """The problem of crediting more than is billed."""
        known = {"amount": amount, "currency": self.order.currency, "left": left}
        return stop("credit_exceeds_invoice", "refunds", _CAPACITY, _CAPACITY_CURE, **known)


def carried_line(amount: Decimal) -> DocumentLine:
    """A line for money that counts on another document of this order: credited there before, or to be credited here."""
    return DocumentLine("", _CARRIED(), ONE, amount, amount)


def _own(lines: tuple[DocumentLine, ...]) -> list[DocumentLine]:
    """Lines without what was only carried from one invoice to another."""
    carried = _CARRIED()
    return [line for line in lines if line.code or line.name != carried]


def _carry(lines: tuple[DocumentLine, ...]) -> Decimal:
    carried = _CARRIED()
    return sum((line.amount for line in lines if not line.code and line.name == carried), ZERO)


def family_name(name: str) -> str:
    """`R1` of `R1` and `R1:2`; `cancel` of `cancel:2`; `reverse` of `reverse:1`."""
    head, _sep, tail = name.rpartition(":")
    return head if head and tail.isdigit() else name
