"""What a gateway's payment asks for: any order, repeat or loss of what was seen of it ends in the same books."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.money import ZERO
from selaras.model.settlement import GatewayPayment, GatewayRefund, Payout, SettlementRow
from selaras.rules.collected import Booked, after, due

AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
STATES = ("pending", "authorised", "paid", "failed", "expired", "cancelled", "reversed", "unknown")
amounts = st.integers(1, 10**9).map(Decimal)
refunds = st.lists(
    st.builds(
        GatewayRefund, id=st.sampled_from("abc"), amount=amounts, refunded_at=st.just(AT),
        state=st.sampled_from(("pending", "done", "failed")), confirmed_at=st.sampled_from((None, AT)),
    ),
    max_size=3, unique_by=lambda refund: refund.id,
).map(tuple)  # fmt: skip
payments = st.builds(
    GatewayPayment, id=st.just("1"), gateway=st.just("g"), order_reference=st.just("1001"), amount=amounts,
    currency=st.just("IDR"), state=st.sampled_from(STATES), created_at=st.just(AT), received=amounts, refunds=refunds,
)  # fmt: skip


def settled(now: GatewayPayment, booked: Booked) -> Booked:
    return after(booked, due(now, booked))


@given(st.lists(payments, max_size=6), payments)
def test_the_end_depends_on_the_last_state_alone(seen: list[GatewayPayment], last: GatewayPayment) -> None:
    booked = Booked()
    for payment in seen:
        booked = settled(payment, booked)
    if last.state == "unknown":
        assert settled(last, booked) == booked
        return
    booked = settled(last, booked)
    assert booked == settled(last, Booked())
    assert booked.received == (last.received if last.state == "paid" else ZERO)


@given(payments)
def test_what_is_done_is_not_asked_for_again(payment: GatewayPayment) -> None:
    booked = settled(payment, Booked())
    again = due(payment, booked)
    assert all(item.act == "ask" for item in again)
    assert bool(again) == (payment.state == "unknown")


@given(payments, payments, st.booleans())
def test_amounts_are_positive_and_money_is_never_dropped(
    before: GatewayPayment, now: GatewayPayment, open: bool
) -> None:
    booked = settled(before, Booked())
    items = due(now, booked, open=open)
    assert all(item.amount > 0 for item in items)
    if not open:
        assert all(item.act != "receipt" for item in items)
        came = [item for item in items if item.act == "suspense"]
        assert bool(came) == (now.state == "paid" and now.received > booked.received)


def test_a_refund_that_turns_out_failed_is_reversed() -> None:
    """Trap 9, its last part."""
    paid = GatewayPayment("1", "g", "1001", Decimal(100), "IDR", "paid", AT, received=Decimal(100),
                          refunds=(GatewayRefund("r", Decimal(30), AT),))  # fmt: skip
    booked = settled(paid, Booked())
    failed = msgspec.structs.replace(paid, refunds=(GatewayRefund("r", Decimal(30), AT, state="failed"),))
    (item,) = due(failed, booked)
    assert (item.act, item.id) == ("reverse_refund", "r")
    assert item.amount == 30
    assert settled(failed, booked).refunds == {}


def test_a_payout_of_rows_proves_itself() -> None:
    rows = (
        SettlementRow("payment", "1", Decimal(100), Decimal(4), Decimal(96), AT.date()),
        SettlementRow("refund", "2", Decimal(-30), ZERO, Decimal(-30), AT.date()),
    )
    payout = Payout("p", "g", "IDR", Decimal(66), AT, rows=rows)
    assert payout.gross == 70
    assert payout.fee == 4
    assert payout.difference == ZERO
    assert all(row.difference == ZERO for row in rows)
    assert msgspec.structs.replace(payout, net=Decimal(65)).difference == 1
    assert msgspec.structs.replace(payout, rows=()).difference == ZERO
