"""Invoices and credit notes: what is billed, what is taken back, and the difference to what should be.

* Nothing posted is ever deleted. A sent invoice is changed only while nothing was received or credited on it; otherwise
  it is taken back whole by `credit_note:reverse:<n>` and issued again as `invoice:<n+1>`.
* Once refunds have credited a part of it, only the difference is booked: what was added is billed by a further invoice,
  what fell away is credited by `credit_note:edit:<n>`. An exchange is that: a credit note for what came back and an
  additional invoice for what was sent instead.
* Each credit note is aimed at one invoice and never exceeds what is left of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import cast

import msgspec

from selaras.model.document import DocumentLine, Invoice
from selaras.model.money import ZERO, rounded
from selaras.rules.bills import AGAIN, Bill, Bills, carried_line, family_name
from selaras.rules.explain import N_, Sentence
from selaras.rules.facts import refund_name
from selaras.rules.lines import ONE, Pile, lines_print, lines_total
from selaras.rules.refunds import Returned
from selaras.rules.stream import is_alive, is_sent

_WHY = {
    "order": Sentence(N_("Invoiced at the order, as the policy says.")),
    "payment": Sentence(N_("Invoiced because the order is paid.")),
    "shipment": Sentence(N_("Invoiced because the goods were shipped.")),
}
_AGAIN = Sentence(N_("Invoiced anew after the order was changed."))
_ADDED = Sentence(N_("Invoiced in addition: the order has more than was billed."))
_AMENDED = Sentence(N_("Changed with the order; nothing was received or credited on it yet."))
_REVERSED = Sentence(N_("Takes back %(invoice)s whole, because the order was changed after it was posted."))
_NOT_DUE = Sentence(N_("Takes back %(invoice)s, because the order is no longer due to be invoiced."))
_TAKEN_OFF = Sentence(N_("Takes back what the changed order no longer has."))
_REFUND = Sentence(N_("Refund %(refund)s of %(amount)s %(currency)s."))
_CANCEL = Sentence(N_("The order was cancelled: what is left of the invoice is credited."))
_REBILLED = Sentence(
    N_("Nothing of %(invoice)s is left to credit; its goods are billed again, so that they can come back.")
)
_FREE = Sentence(N_("Goods without value came back (%(what)s): no credit note is due, correct the stock by hand."))
_UNWANTED = Sentence(N_("No longer needed; it was never sent."))


def plan_billing(bills: Bills) -> None:
    """Emit the invoices and credit notes that are missing."""
    facts, stream = bills.facts, bills.stream
    if not stream.held:
        if bills.due and bills.sale.billed:
            _invoice(bills, bills.sale.billed, _WHY[stream.policy.invoice_at]())
    elif not bills.frozen:
        _settle(bills, bills.sale.billed if bills.due else ())
    kept = _credit_refunds(bills) if bills.sale.credited else set[str]()
    if facts.cancelled:
        kept |= _credit_rest(bills)
    for key, held in bills.unsent.items():
        if key not in kept:
            stream.withdraw(key, held, _UNWANTED())


def _settle(bills: Bills, target: tuple[DocumentLine, ...]) -> None:
    """Bring the invoices to `target`."""
    stream, order = bills.stream, bills.order
    alone = len(bills.invoices) == 1 and bills.slot is None and not bills.notes
    if alone and target and lines_print(bills.invoices[0].lines) == lines_print(target):
        return  # the usual case, and the cheap one: one invoice, and it says what it should
    more, less = Pile(order.currency, target).minus(bills.billed)
    if bills.carried:
        more = (*more, carried_line(-bills.carried))
    if not more and not less:
        if bills.slot is not None:
            stream.withdraw(bills.slot.key, bills.slot, _UNWANTED())
        return
    if bills.billed.empty and not bills.carried:
        _invoice(bills, target, _AGAIN() if bills.any_sent else _WHY[stream.policy.invoice_at]())
        return
    bill = bills.invoices[-1]
    credited = bills.sale.credited or any(not key.startswith("credit_note:reverse:") for key in bills.notes)
    whole = bill.left == lines_total(bill.lines, bill.included) and all(b.pile.empty for b in bills.invoices[:-1])
    if not whole or credited or bills.slot is not None:
        _difference(bills, more, less)
    elif target and _may_amend(bills, bill):
        stream.want(bill.key, "invoice", _document(bills, bill.number, target), _AMENDED())
        bills.invoices[-1] = Bill(bill.number, bill.key, target, order.currency, order.tax_included)
    else:
        reason = (_REVERSED if target else _NOT_DUE)(invoice=bill.key)
        key = f"credit_note:reverse:{bill.number}"
        bills.credit(key, f"/V{bill.number}", bill, bill.lines, True, bills.now, reason)
        if target:
            _invoice(bills, target, _AGAIN())


def _may_amend(bills: Bills, bill: Bill) -> bool:
    """Only while nothing was received or credited on it, and its period is open."""
    stream = bills.stream
    if stream.policy.on_edit != "amend" or bills.notes:
        return False
    if any(h.kind == "receipt" and is_alive(h) and is_sent(h) for h in stream.held.values()):
        return False
    return not stream.is_closed(cast(Invoice, stream.held[bill.key].document).date)


def _difference(bills: Bills, more: tuple[DocumentLine, ...], less: tuple[DocumentLine, ...]) -> None:
    """Book only what was added and what fell away.

    What fell away may have been credited already by a refund without goods; that part is carried over to the additional
    invoice as a line that says so, for no invoice can be credited twice.
    """
    held = bills.stream.held
    groups, carried = bills.fit(bills.allocate(less)) if less else ([], ZERO)
    for bill, lines in groups:
        if not lines_total(lines, bills.order.tax_included):
            if bill.left or not carried:
                bills.stream.reasons.append(_FREE(what=", ".join(line.name for line in lines)))
                continue
            raise bills.no_capacity(lines_total(less, bills.order.tax_included), bill.left)
        number = 1
        while f"credit_note:edit:{number}" in held or f"credit_note:edit:{number}" in bills.notes:
            number += 1
        bills.credit(f"credit_note:edit:{number}", f"/E{number}", bill, lines, True, bills.now, _TAKEN_OFF())
    if carried:
        more = (*more, carried_line(-carried))
    if more:
        total = lines_total(more, bills.order.tax_included)
        if total < 0:
            raise bills.no_capacity(-total, sum((b.left for b in bills.invoices), ZERO))
        _invoice(bills, more, _ADDED())
    elif bills.slot is not None:
        bills.stream.withdraw(bills.slot.key, bills.slot, _UNWANTED())


def _invoice(bills: Bills, lines: tuple[DocumentLine, ...], reason: str) -> Bill:
    """Want a new invoice, in the place of one that was never sent if there is such."""
    if bills.slot is not None:
        key = bills.slot.key
        number = int(key.removeprefix("invoice:")) if ":" in key else 1
    else:
        number, key = bills.stream.next_key("invoice")
    bills.stream.want(key, "invoice", _document(bills, number, lines), reason)
    bill = Bill(number, key, lines, bills.order.currency, bills.order.tax_included)
    bills.invoices.append(bill)
    return bill


def _document(bills: Bills, number: int, lines: tuple[DocumentLine, ...]) -> Invoice:
    stream, order = bills.stream, bills.order
    instant = bills.facts.due_since if number == 1 else None
    return Invoice(
        stream.number if number == 1 else f"{stream.number}/{number}",
        stream.local_day(instant or bills.now),
        order.currency,
        lines_total(lines, order.tax_included),
        lines,
        order.tax_included,
        stream.contact_id,
        "@" + stream.sales_order,
    )


# -- credit notes --------------------------------------------------------------------------------------------------


def _credit_refunds(bills: Bills) -> set[str]:
    """Credit notes of the refunds; returns the keys that are wanted."""
    stream, order = bills.stream, bills.order
    kept: set[str] = set()
    if not bills.invoices or bills.facts.due_since is None:
        return kept
    # A cancellation credits all that is left. A refund told after that was sent has nothing to credit any more; one
    # that still waits behind it has kept its share.
    cancel_sent = any(family_name(key) == "credit_note:cancel" for key in bills.notes)
    for returned in bills.sale.credited:
        refund = returned.refund
        if bills.facts.cancelled and returned.amount_only:
            continue  # part of what the cancellation credits
        name = refund_name(refund.id)
        base = f"credit_note:{name}"
        if any(held.key in bills.notes for _number, held in stream.family(base)):
            continue
        if cancel_sent and refund.amount > sum((b.left for b in bills.invoices), ZERO):
            continue
        number = 0
        for bill, part in _spread(bills, returned):
            amount = lines_total(part, order.tax_included)
            if not amount:
                stream.reasons.append(_FREE(what=", ".join(line.name for line in part)))
                continue
            number += 1
            key = base if number == 1 else f"{base}:{number}"
            reference = f"/R{refund.id}" + ("" if number == 1 else f".{number}")
            reason = _REFUND(refund=refund.id, amount=amount, currency=order.currency)
            bills.credit(key, reference, bill, part, refund.restock, refund.refunded_at, reason, refund.reason)
            kept.add(key)
    return kept


def _spread(bills: Bills, returned: Returned) -> list[tuple[Bill, tuple[DocumentLine, ...]]]:
    """A refund's lines by the invoices they are aimed at."""
    lines = returned.lines
    if len(bills.invoices) == 1:
        return [(bills.invoices[0], lines)]
    if not returned.amount_only:
        groups, homeless = bills.fit(bills.allocate(lines))
        if homeless:
            raise bills.no_capacity(returned.refund.amount, returned.refund.amount - homeless)
        return groups
    # Money without goods: from the invoices that have some left, the oldest first.
    included, line = bills.order.tax_included, lines[0]
    money = whole = lines_total(lines, included)
    tax = line.tax
    parts: list[tuple[Bill, tuple[DocumentLine, ...]]] = []
    for bill in bills.invoices:
        part = min(money, bill.left)
        if part <= 0:
            continue
        levy = tax if part == money else rounded(line.tax * part / whole, bills.order.currency)
        net = part if included else part - levy
        parts.append((bill, (DocumentLine("", line.name, ONE, net, net, ZERO, levy, line.tax_rate, line.role),)))
        money, tax = money - part, tax - levy
        if not money:
            return parts
    raise bills.no_capacity(whole, whole - money)


def _credit_rest(bills: Bills) -> set[str]:
    """After a cancellation: credit what is left of every invoice; goods go back on the shelf unless they had left."""
    kept: set[str] = set()
    for bill in bills.invoices:
        aim, lines = bill, bill.pile.lines()
        if bill.left <= 0:
            lines = tuple(line for line in lines if line.code)
            if bills.facts.shipped or not lines_total(lines, bill.included):
                continue
            aim = bills.again.get(bill.number) or _bill_again(bills, bill, lines_total(lines, bill.included))
            if not aim.left:
                continue
        number, key = 1, "credit_note:cancel"
        while key in bills.notes:
            number += 1
            key = f"credit_note:cancel:{number}"
        reference = "/C" if number == 1 else f"/C{number}"
        cause = bills.order.cancel_reason
        bills.credit(key, reference, aim, lines, not bills.facts.shipped, bills.now, _CANCEL(), cause)
        kept.add(key)
    return kept


def _bill_again(bills: Bills, bill: Bill, amount: Decimal) -> Bill:
    """Bill goods again whose invoice has nothing left to credit, so that a credit note can bring them back.

    Refunds without goods have credited it, or a discount made it worth nothing. Billed and credited, the money stays as
    it is and the stock comes right; no accounting application takes a credit note over nothing.
    """
    lines = (carried_line(amount),)
    again = Bill(bill.number, f"{AGAIN}{bill.number}", lines, bills.order.currency, bills.order.tax_included)
    document = _document(bills, bill.number, lines)
    document = msgspec.structs.replace(
        document, reference=f"{document.reference}/A", date=bills.stream.local_day(bills.now)
    )
    bills.stream.want(again.key, "invoice", document, _REBILLED(invoice=bill.key))
    return again
