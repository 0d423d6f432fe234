"""Fees against a dated card, and order – settlement – bank without a line to fill a gap."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.money import ZERO
from selaras.model.settlement import Payout, SettlementRow
from selaras.rules.rate_card import Rate, audit, rate_for
from selaras.rules.three_way import Credit, Sold, three_way

DAY = dt.date(2026, 11, 20)
AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
OLD = dt.date(2020, 1, 1)
CARD = (
    Rate("midtrans", OLD, "bank_transfer", fixed=Decimal(4000), tax=Decimal("0.11")),
    Rate("midtrans", OLD, "qris", share=Decimal("0.007")),
    Rate("midtrans", OLD, "credit_card", fixed=Decimal(2000), share=Decimal("0.029"), tax=Decimal("0.11")),
    Rate("bank_qris", OLD, "qris", share=Decimal("0.003")),
    Rate("bank_qris", dt.date(2025, 3, 15), "qris", share=ZERO, up_to=Decimal(500_000)),
    Rate("bank_qris", dt.date(2025, 3, 15), "qris", share=Decimal("0.003")),
    Rate("xendit", OLD, fixed=Decimal(5000), tax=Decimal("0.11")),
    Rate("xendit", OLD, "ewallet", share=Decimal("0.015"), least=Decimal(100), most=Decimal(5000)),
)


def row(gross: int, fee: int, reference: str = "1", kind: str = "payment") -> SettlementRow:
    return SettlementRow(kind, reference, Decimal(gross), Decimal(fee), Decimal(gross - fee), DAY)  # type: ignore[arg-type]


@pytest.mark.parametrize(("gateway", "channel", "gross", "day", "fee"), [
    ("midtrans", "bank_transfer:bca", 100_000, DAY, 4_440), ("midtrans", "qris", 5_539, DAY, 39),
    ("midtrans", "credit_card", 1_000_000, DAY, 34_410), ("xendit", "virtual_account:bca", 100_000, DAY, 5_550),
    ("bank_qris", "qris", 500_000, DAY, 0), ("bank_qris", "qris", 500_001, DAY, 1_500),
    ("bank_qris", "qris", 500_000, dt.date(2025, 3, 14), 1_500), ("xendit", "ewallet:ovo", 1_000, DAY, 100),
    ("xendit", "ewallet:ovo", 10_000_000, DAY, 5_000),
])  # fmt: skip
def test_fees_of_the_vendors_own_examples(gateway: str, channel: str, gross: int, day: dt.date, fee: int) -> None:
    """VA 100 000 → 95 560 (Midtrans), fee 5 000 → 5 550 (Xendit), QRIS of micro merchants since 2025-03-15."""
    rate = rate_for(CARD, gateway, channel, day, Decimal(gross), "IDR")
    assert rate is not None
    assert sum(rate.fee(Decimal(gross))) == fee


def test_what_no_rate_fits_is_unknown() -> None:
    found = audit(CARD, "doku", [row(100_000, 4_000)], {})
    assert [a.verdict for a in found] == ["unknown"]
    assert rate_for(CARD, "midtrans", "bank_transferx", DAY, Decimal(1), "IDR") is None
    assert rate_for(CARD, "midtrans", "qris", dt.date(2019, 1, 1), Decimal(1), "IDR") is None
    assert rate_for(CARD, "midtrans", "qris", DAY, Decimal(1), "USD") is None


@given(st.integers(1, 10**9), st.integers(-10_000, 10_000))
def test_every_rupiah_beyond_the_card_is_found(gross: int, beyond: int) -> None:
    rate = rate_for(CARD, "midtrans", "credit_card", DAY, Decimal(gross), "IDR")
    assert rate is not None
    agreed = int(sum(rate.fee(Decimal(gross))))
    (found,) = audit(CARD, "midtrans", [row(gross, agreed + beyond)], {"1": "credit_card"})
    assert found.difference == beyond
    assert found.verdict == ("as_agreed" if not beyond else "more" if beyond > 0 else "less")


def test_money_back_has_no_agreed_fee() -> None:
    rows = [row(-50_000, 0, kind="refund"), row(-50_000, 2_500, kind="refund")]
    assert [a.verdict for a in audit(CARD, "midtrans", rows, {})] == ["as_agreed", "unknown"]


# -- three ways -------------------------------------------------------------------------------------------------------

rows = st.builds(
    row, st.integers(-10**6, 10**6), st.integers(0, 10**4), st.sampled_from([str(n) for n in range(8)]),
    st.sampled_from(["payment", "refund", "chargeback", "adjustment", "fee"]),
)  # fmt: skip


@st.composite
def months(draw: st.DrawFn) -> tuple[list[Sold], list[Payout], list[Credit]]:
    payouts = []
    for number in range(draw(st.integers(0, 4))):
        inside = tuple(draw(st.lists(rows, max_size=5)))
        payouts.append(Payout(f"p{number}", "g", "IDR", sum((r.net for r in inside), ZERO), AT, rows=inside))
    credits = [
        Credit(f"b{n}", Decimal(draw(st.integers(-10**6, 10**7))), "IDR",
               tuple(draw(st.lists(st.sampled_from(["p0", "p1", "p2", "p3", "p9"]), max_size=3))))
        for n in range(draw(st.integers(0, 4)))
    ]  # fmt: skip
    sold = [
        Sold(str(n), Decimal(draw(st.integers(1, 10**6))), "IDR")
        for n in draw(st.lists(st.integers(0, 9), max_size=6, unique=True))
    ]
    return sold, payouts, credits


@given(months())
def test_bank_is_gross_less_fee_and_what_is_open(month: tuple[list[Sold], list[Payout], list[Credit]]) -> None:
    """No filler line: the open items between payouts and bank are exactly what is missing between the sums."""
    sold, payouts, credits = month
    found = three_way(sold, payouts, credits)
    between = ("bank_differs", "no_payout", "not_in_bank")
    open_ = sum((item.amount for item in found.items if item.found in between), ZERO)
    total = found.gross.get("IDR", ZERO) - found.fee.get("IDR", ZERO)
    assert found.bank.get("IDR", ZERO) == total + open_


@given(months())
def test_orders_and_settlement_differ_by_the_items_about_them(
    month: tuple[list[Sold], list[Payout], list[Credit]],
) -> None:
    sold, payouts, credits = month
    found = three_way(sold, payouts, credits)
    about = sum((i.amount for i in found.items if i.found in
                 ("not_settled", "settled_short", "settled_over", "no_order")), ZERO)  # fmt: skip
    came = sum((r.gross for p in payouts for r in p.rows if r.kind in ("payment", "refund", "chargeback")), ZERO)
    assert came - sum((order.amount for order in sold), ZERO) == about
    assert 0 <= found.agreed <= len(sold)


def test_three_orders_with_fees_in_one_line() -> None:
    """Trap 15: bank = Σ gross − fee; what is short by a transfer's fee stays open, by name."""
    inside = (row(100_000, 4_440, "1"), row(250_000, 1_750, "2"), row(-30_000, 0, "1", "refund"))
    payout = Payout("WD-77", "midtrans", "IDR", Decimal(313_810), AT, rows=inside)
    sold = [Sold("1", Decimal(70_000), "IDR"), Sold("2", Decimal(250_000), "IDR")]
    whole = three_way(sold, [payout], [Credit("b1", Decimal(313_810), "IDR", ("WD-77",))])
    assert whole.items == ()
    assert whole.agreed == 2
    short = three_way(sold, [payout], [Credit("b1", Decimal(311_310), "IDR", ("WD-77",))])
    (item,) = short.items
    assert (item.found, item.subject) == ("bank_differs", "b1")
    assert item.amount == -2_500
    assert short.agreed == 0
    twice = three_way(sold, [payout], [Credit(b, Decimal(313_810), "IDR", ("WD-77",)) for b in ("b1", "b2")])
    assert [(i.found, i.subject) for i in twice.items] == [("no_payout", "b2")]
