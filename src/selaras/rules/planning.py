"""The heart: from an order as it is now to the difference between what the books should hold and what they hold.

`plan_order` is a pure function of the order, the policy, the matches and what is held already. It never asks when or in
which order events arrived, so that repeats, losses and permutations of events end in the same books.

Decisions worth knowing:

* An order cancelled before anything was posted is still recorded: a sales order is created and voided, so that orders
  recorded ÷ orders placed can be 100 % (M11).
* An order whose total is zero although it has prices (a discount of 100 %) is recorded and invoiced over zero as soon
  as it is placed: its goods leave stock. Goods moved without any price are not a sale and are skipped.
* Once an invoice was sent, the sales order keeps its lines; only tracking and courier still reach it.
* A bundle that the books do not know is one priced line of sales and its components at price zero: stock falls by the
  parts, and no price is invented for any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from selaras.model.money import EXPONENTS, ZERO, rounded
from selaras.model.order import Order
from selaras.rules.billing import plan_billing
from selaras.rules.bills import Bills
from selaras.rules.cash import plan_money_back, plan_receipts
from selaras.rules.contacts import ContactMatch
from selaras.rules.explain import N_, Sentence
from selaras.rules.facts import gather
from selaras.rules.lines import document_lines
from selaras.rules.mapping import Mapped
from selaras.rules.plan_types import BankMatch, Held, Intent, Plan, Policy, Problem, Stop, problem, stop
from selaras.rules.products import ProductMatch
from selaras.rules.refunds import read_sale
from selaras.rules.returns import plan_return
from selaras.rules.sales_orders import record_order, void_order
from selaras.rules.stream import Stream, is_alive, is_sent

__all__ = ["BankMatch", "Held", "Intent", "Plan", "Policy", "Problem", "plan_order"]

_WAITS = Sentence(N_("Not invoiced yet: %(paid)s of %(total)s %(currency)s are paid."))
_WAITS_SHIPMENT = Sentence(N_("Not invoiced yet: nothing was shipped."))
_DRAFT = Sentence(N_("Order %(number)s is a draft; it is not placed yet."))
_NOTHING = Sentence(N_("Order %(number)s has no priced line; there is nothing to invoice."))
_ADJUSTMENT = Sentence(N_("%(number)s is an adjustment of %(total)s %(currency)s, not a sale."))
_ADJUSTMENT_CURE = Sentence(N_("Book it in the books as a journal entry, then skip this record."))
_UNREADABLE = Sentence(N_("Order %(number)s cannot be read: %(why)s."))
_UNREADABLE_CURE = Sentence(N_("Correct it in the store; it is read again by itself."))
_CURRENCY = Sentence(N_("The currency %(currency)s of order %(number)s is unknown."))
_CURRENCY_CURE = Sentence(N_("Correct the currency in the store; it must be a code of ISO 4217."))
_CURRENCY_CHANGED = Sentence(N_("Order %(number)s was posted in %(booked)s and is in %(currency)s now."))
_CURRENCY_CHANGED_CURE = Sentence(N_("Void the documents of this order in the books by hand, then plan it again."))
_TOTAL = Sentence(
    N_("The parts of order %(number)s come to %(parts)s %(currency)s, its total says %(total)s: %(difference)s apart.")
)
_TOTAL_CURE = Sentence(N_("Correct the order in the store, or its line, tax or discount that is missing or doubled."))
_FRACTION = Sentence(N_("The total %(total)s of order %(number)s has a part of the smallest unit of %(currency)s."))
_NEGATIVE_TOTAL = Sentence(N_("Order %(number)s mixes goods sold and taken back and comes to %(total)s %(currency)s."))
_NEGATIVE_TOTAL_CURE = Sentence(N_("Split it in the store into a sale and a return."))
_TIE = Sentence(N_("The buyer of order %(number)s cannot be told from %(count)s contacts of the books."))
_TIE_CURE = Sentence(N_("Choose the contact under Contacts, or let a new one be made."))


def plan_order(
    order: Order,
    policy: Policy,
    contact: ContactMatch,
    codes: Mapping[str, ProductMatch],
    held: Sequence[Held],
    bank: Sequence[BankMatch] = (),
    mapped: Mapped | None = None,
) -> Plan:
    """Plan one order.

    `codes` maps the store's codes of every product line (of the order and of its refunds) to matches; `held` are the
    documents of the order's stream (the latest version of each counts); `bank` the bank transactions matched with the
    order; `mapped` the pair's mapping to accounts and taxes. Never raises for what a record contains: that is
    `Plan.problem` or `Plan.skip`.
    """
    stream = Stream(order, policy, held, mapped)
    try:
        return _plan(stream, contact, codes, bank)
    except Stop as stopped:
        return Plan(problem=stopped.problem)


def _plan(stream: Stream, contact: ContactMatch, codes: Mapping[str, ProductMatch], bank: Sequence[BankMatch]) -> Plan:
    order, policy = stream.order, stream.policy
    alive = bool(stream.held) and any(is_alive(h) for h in stream.held.values())
    if order.status == "draft" and not alive:
        return Plan(skip=problem("draft", "status", _DRAFT, number=order.number))
    known = {"number": order.number, "total": order.total, "currency": order.currency}
    if order.unreadable:
        raise stop("unreadable", "", _UNREADABLE, _UNREADABLE_CURE, number=order.number, why=order.unreadable)
    if order.kind == "adjustment":
        raise stop("adjustment", "kind", _ADJUSTMENT, _ADJUSTMENT_CURE, **known)
    if order.currency not in EXPONENTS:
        raise stop("unknown_currency", "currency", _CURRENCY, _CURRENCY_CURE, **known)
    prove_total(order)
    if not alive and order.total == 0 and not any(line.unit_price for line in order.lines):
        return Plan(skip=problem("nothing_to_invoice", "lines", _NOTHING, number=order.number))
    returned = order.kind == "return" or order.total < 0
    if returned:
        # A return stands alone only when all its goods came back.
        mixed = any(line.quantity > 0 for line in order.lines if line.kind == "product")
        if order.total >= 0 or (mixed and order.kind != "return"):
            raise stop("negative_total", "total", _NEGATIVE_TOTAL, _NEGATIVE_TOTAL_CURE, **known)
    lines = document_lines(order.lines, order.currency, order.tax_included, codes, policy, -1 if returned else 1)
    if stream.mapper is not None:
        stream.mapper.goods = tuple(dict.fromkeys(line.code for line in lines if line.code))
    _choose_contact(stream, contact, alive)
    if alive:
        _check_currency(stream)
    if returned:
        skip = plan_return(stream, lines)
        return Plan(tuple(stream.intents), skip=skip, reasons=() if skip else tuple(stream.reasons))
    facts = gather(stream, bank)
    sale = read_sale(order, lines, codes, policy, facts)
    bills = Bills(stream, facts, sale)
    unwanted = facts.cancelled or not sale.remaining
    order_void = record_order(stream, sale.remaining or lines, unwanted, facts.cancelled)
    plan_billing(bills)
    plan_receipts(stream, facts, bills, order_void)
    plan_money_back(stream, facts, bills)
    if unwanted and not bills.active:
        void_order(stream, facts.cancelled)
    if not bills.active and not facts.cancelled and facts.due_since is None:
        if policy.invoice_at == "shipment":
            stream.reasons.append(_WAITS_SHIPMENT())
        else:
            paid = sum((amount for _at, amount in facts.money), ZERO)
            stream.reasons.append(_WAITS(paid=paid, total=order.total, currency=order.currency))
    return Plan(tuple(stream.intents), reasons=tuple(stream.reasons))


def prove_total(order: Order) -> None:
    """The order's own parts must come to its total, to the smallest unit (M5). Raises `Stop`."""
    parts = order.computed_total()
    known = {"number": order.number, "total": order.total, "currency": order.currency}
    if parts != order.total:
        raise stop("total_mismatch", "total", _TOTAL, _TOTAL_CURE, **known, parts=parts, difference=parts - order.total)
    if rounded(order.total, order.currency) != order.total:
        raise stop("total_mismatch", "total", _FRACTION, _TOTAL_CURE, **known)


def _choose_contact(stream: Stream, match: ContactMatch, alive: bool) -> None:
    """The contact of what was sent already; else what the match says. Raises `Stop` (contact_tie)."""
    if alive:
        for held in stream.held.values():
            contact_id = getattr(held.document, "contact_id", "")
            if contact_id and is_alive(held) and is_sent(held):
                stream.contact_id = contact_id
                return
    if match.decision == "use":
        stream.contact_id = match.contact_id
    elif match.decision == "ask":
        count, contacts = len(match.candidates), ", ".join(match.candidates)
        raise stop("contact_tie", "buyer", _TIE, _TIE_CURE, number=stream.order.number, count=count, contacts=contacts)
    else:
        stream.contact_id = "@contact"
    stream.reasons += match.reasons


def _check_currency(stream: Stream) -> None:
    order = stream.order
    for held in stream.held.values():
        booked = getattr(held.document, "currency", order.currency)
        if booked != order.currency and is_alive(held) and is_sent(held):
            known = {"number": order.number, "booked": booked, "currency": order.currency}
            raise stop("currency_changed", "currency", _CURRENCY_CHANGED, _CURRENCY_CHANGED_CURE, **known)
