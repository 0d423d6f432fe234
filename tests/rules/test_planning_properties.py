"""Promise 3: any permutation of one order's events ends in the same books. Found by random histories."""

from __future__ import annotations

import datetime as dt

import msgspec
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from selaras.model.order import Order
from selaras.rules.contacts import ContactMatch
from selaras.rules.plan_types import BankMatch, Plan, Policy
from selaras.rules.planning import plan_order
from selaras.rules.products import ProductMatch
from tests.rules.books_model import Books
from tests.rules.store_model import histories, told

CONTACT = ContactMatch("create")


class AnyCode(dict[str, ProductMatch]):
    """Every code of the store exists in the books."""

    def get(self, code: str, default: object = None) -> ProductMatch:
        return ProductMatch(code, "exact", code)


CODES = AnyCode()


def plan(order: Order, policy: Policy, books: Books, bank: list[BankMatch]) -> Plan:
    return plan_order(order, policy, CONTACT, CODES, list(books.held.values()), bank)


policies = st.builds(
    Policy,
    invoice_at=st.sampled_from(["order", "payment", "shipment"]),
    on_edit=st.sampled_from(["amend", "reverse"]),
    default_account=st.just("1-1000"),
)


@settings(max_examples=400, deadline=None)
@given(states=histories(), policy=policies, data=st.data())
def test_planning_after_each_event_equals_planning_once(
    states: list[tuple[Order, list[BankMatch]]], policy: Policy, data: st.DataObject
) -> None:
    once = Books()
    order, bank = states[-1]
    first = plan(order, policy, once, bank)
    note(told(order))
    note(f"once: {[(i.key, i.op, getattr(i.document, 'total', '')) for i in first.intents]} {first.problem}")
    # More went back than ever came in, and then the order was cancelled: a person is asked, whatever was seen before.
    assume(first.problem is None or first.problem.cause != "refund_exceeds_paid")
    once.apply(first)

    stepwise = Books()
    # Some states are never seen (lost events), some twice; between them some postings reach the target, some do not.
    for number, (state, matches) in enumerate(states):
        if number < len(states) - 1 and data.draw(st.integers(0, 4), "lost") == 0:
            continue
        # Periods are closed meanwhile: dates move, the books come to the same.
        closed = data.draw(st.sampled_from([None, None, dt.date(2026, 3, 2), dt.date(2026, 3, 4)]), "closed")
        policy = msgspec.structs.replace(policy, closed_until=closed)
        made = plan(state, policy, stepwise, matches)
        note(f"{number}: {told(state)} {[f'{m.transaction_id}:{m.amount}@{m.date}' for m in matches]}")
        note(f"   {[(i.key, i.op, getattr(i.document, 'total', '')) for i in made.intents]} {made.problem}")
        # The one thing that has no documents: an invoice credited whole by a refund without goods, then edited. Asked.
        assume(made.problem is None or made.problem.cause != "credit_exceeds_invoice")
        if made.problem is not None and made.problem.cause == "refund_exceeds_paid":
            continue  # asked: nothing is booked until the store says otherwise
        stepwise.apply(made)
        again = plan(state, policy, stepwise, matches)
        note(f"   again {[(i.key, i.op, i.withdraw, i.document) for i in again.intents]}")
        assert again.intents == (), "planning twice gives nothing new"
        assert all(i.op != "create" or closed is None or i.document.date > closed for i in made.intents)  # type: ignore[union-attr]
        state_name = data.draw(st.sampled_from(["done", "done", "in_doubt", "blocked"]), "sent as")
        stepwise.send(data.draw(st.sampled_from([0, 1, 2, 99]), "sent"), state_name)
        assert plan(state, policy, stepwise, matches).intents == (), "sending changes nothing"
    assert stepwise.effect() == once.effect()


@settings(max_examples=150, deadline=None)
@given(states=histories(), policy=policies)
def test_planning_is_a_function_of_its_arguments(states: list[tuple[Order, list[BankMatch]]], policy: Policy) -> None:
    order, bank = states[-1]
    first = plan(order, policy, Books(), bank)
    shuffled = msgspec.structs.replace(
        order, payments=order.payments[::-1], refunds=order.refunds[::-1], shipments=order.shipments[::-1]
    )
    second = plan(shuffled, policy, Books(), bank[::-1])
    digests = {(i.key, i.op, i.digest) for i in first.intents if i.kind != "sales_order"}
    assert digests == {(i.key, i.op, i.digest) for i in second.intents if i.kind != "sales_order"}
