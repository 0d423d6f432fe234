"""Xendit against its stand-in: every trap of its documentation."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from selaras.connectors.contract import (
    BadSignature,
    Expired,
    Hint,
    Positioned,
    Rejected,
    Seen,
    Throttled,
    Tools,
    Transient,
)
from selaras.connectors.xendit import CONNECTOR, Xendit, build
from selaras.model.settlement import GatewayPayment, GatewayRefund, Payout
from tests.connectors.xendit.standin import KEY, START, TOKEN, StandIn, xendit


def plain(*parts: object) -> tuple[object, ...]:
    """Values side by side, to be compared with plain ones."""
    return parts


@pytest.fixture
async def gateway() -> AsyncIterator[StandIn]:
    async with xendit() as made:
        yield made


@pytest.fixture
async def connector(gateway: StandIn) -> AsyncIterator[Xendit]:
    made = connect(gateway)
    yield made
    await made.close()


def connect(gateway: StandIn, *, skew: float = 0.0, **more: str) -> Xendit:
    settings = {
        "secret_key": KEY, "callback_token": TOKEN, "base_url": gateway.url, "rate": "60000", "overlap": "5", **more,
    }  # fmt: skip
    tools = Tools("gerbang", "Asia/Jakarta", None, lambda: gateway.now.timestamp() + skew)
    made = build(settings, tools)
    assert isinstance(made, Xendit)
    return made


async def drained(connector: Xendit, kind: str, cursor: str = "") -> tuple[list[Seen], str]:
    found: list[Seen] = []
    for _ in range(200):
        changes = await connector.changed(kind, cursor)
        found += changes.seen
        cursor = changes.cursor
        if not changes.more:
            return found, cursor
    raise AssertionError("it never ends")


async def now(connector: Xendit, row: dict[str, Any]) -> GatewayPayment:
    record = (await connector.read("payment", [row["id"]]))[0].record
    assert isinstance(record, GatewayPayment)
    return record


# -- the walk -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newest_first", [True, False])
async def test_ties_at_the_edge_of_a_page(gateway: StandIn, connector: Xendit, newest_first: bool) -> None:
    """Trap 1: 130 payments of one second, pages of 50."""
    gateway.newest_first = newest_first
    rows = [gateway.pay(str(n), 10_000 + n) for n in range(130)]
    gateway.tick()
    seen, _ = await drained(connector, "payment")
    assert sorted(s.id for s in seen) == sorted(row["id"] for row in rows)


async def test_writes_while_paging(gateway: StandIn, connector: Xendit) -> None:
    """Trap 2: settled and new ones while the pages are read; two rounds later the last state is known."""
    rows = [gateway.pay(str(n), 10_000 + n) for n in range(120)]
    rng = random.Random(7)

    def meanwhile() -> None:
        gateway.tick()
        for row in rng.sample(rows, 10):
            gateway.settle(row)
        if len(gateway.rows) < 150:
            rows.append(gateway.pay(f"baru-{len(gateway.rows)}", 5_000))

    gateway.tick()
    gateway.between = meanwhile
    known, cursor = await drained(connector, "payment")
    gateway.between = None
    gateway.tick(10)
    more, _ = await drained(connector, "payment", cursor)
    last = {s.id: s.record for s in [*known, *more]}
    assert set(last) == {row["id"] for row in rows}
    settled = {row["id"] for row in rows if row["settlement_status"] == "SETTLED"}
    assert {id for id, record in last.items() if record.settled_at is not None} == settled


@pytest.mark.parametrize("skew", [-86_400.0, -600.0, 0.0, 600.0, 86_400.0])
async def test_a_wrong_clock_here_loses_nothing(gateway: StandIn, skew: float) -> None:
    """Trap 3: the end of a window is Xendit's time."""
    connector = connect(gateway, skew=skew)
    first = gateway.pay("1", 10_000)
    gateway.tick()
    seen, cursor = await drained(connector, "payment")
    gateway.tick(30)
    second = gateway.pay("2", 20_000)
    gateway.tick()
    more, _ = await drained(connector, "payment", cursor)
    assert [s.id for s in seen] == [first["id"]]
    assert second["id"] in {s.id for s in more}
    await connector.close()


async def test_the_very_second_of_the_last_poll_is_seen(gateway: StandIn, connector: Xendit) -> None:
    gateway.pay("1", 10_000)
    _, cursor = await drained(connector, "payment")
    late = gateway.pay("2", 10_000)  # in the same second, after the answer
    gateway.tick(60)
    seen, _ = await drained(connector, "payment", cursor)
    assert late["id"] in {s.id for s in seen}


async def test_a_settlement_days_later_is_a_change(gateway: StandIn, connector: Xendit) -> None:
    """The window goes by the time of the change, not of the payment."""
    row = gateway.pay("1", 10_000)
    gateway.tick(86_400)
    _, cursor = await drained(connector, "payment")
    gateway.tick(86_400)
    gateway.settle(row)
    gateway.tick(60)
    seen, cursor = await drained(connector, "payment", cursor)
    assert [s.record.fee for s in seen] == [4_000]
    gateway.tick(600)
    assert (await drained(connector, "payment", cursor))[0] == []


async def test_an_old_cursor_and_a_broken_one(gateway: StandIn, connector: Xendit) -> None:
    gateway.pay("1", 10_000)
    gateway.tick()
    _, cursor = await drained(connector, "payment")
    for again in (cursor, "", "{", "null"):
        seen, _ = await drained(connector, "payment", again)
        assert len(seen) == 1


async def test_from_a_moment_on(gateway: StandIn, connector: Xendit) -> None:
    assert isinstance(connector, Positioned)
    gateway.pay("1", 10_000)
    gateway.tick(3600)
    later = gateway.pay("2", 10_000)
    seen, _ = await drained(connector, "payment", connector.cursor_at("payment", START + dt.timedelta(seconds=1800)))
    assert [s.id for s in seen] == [later["id"]]


async def test_a_page_that_comes_again_is_not_read_for_ever(gateway: StandIn, connector: Xendit) -> None:
    for n in range(80):
        gateway.pay(str(n), 10_000)
    gateway.tick()
    gateway.stuck = True
    with pytest.raises(Transient):
        await drained(connector, "payment")


async def test_calls_are_few(gateway: StandIn, connector: Xendit) -> None:
    """500 payments are ten pages; a poll for nothing is one call; a hundred webhooks are one poll."""
    for n in range(500):
        gateway.pay(str(n), 10_000)
    gateway.tick(60)
    _, cursor = await drained(connector, "payment")
    assert sum(gateway.calls.values()) == 10 + 1  # one for Xendit's clock
    gateway.tick(600)
    await drained(connector, "payment", cursor)
    assert sum(gateway.calls.values()) == 12
    asked = {hint for n in range(100) for hint in connector.hints(gateway.delivery({"external_id": str(n)}))}
    assert asked == {Hint("payment", "")}


# -- webhooks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "kind"), [
    ({"event": "payment.capture", "data": {"payment_id": "py-1"}}, "payment"),
    ({"id": "5f", "external_id": "1001", "status": "PAID"}, "payment"),
    ({"payment_id": "1", "callback_virtual_account_id": "x"}, "payment"), ({"event": "qr.payment"}, "payment"),
    ({"event": "refund.succeeded"}, "refund"), ({"event": "payout.succeeded"}, "payout"), ({}, "payment"),
])  # fmt: skip
def test_a_delivery_asks_for_a_poll(gateway: StandIn, body: dict[str, Any], kind: str) -> None:
    assert connect(gateway).hints(gateway.delivery(body)) == [Hint(kind, "")]


@pytest.mark.parametrize("token", ["", "salah", TOKEN + " ", TOKEN.upper()])
def test_a_wrong_token_is_refused(gateway: StandIn, token: str) -> None:
    with pytest.raises(BadSignature):
        connect(gateway).hints(gateway.delivery({}, token))


def test_without_a_token_of_its_own_nothing_is_taken(gateway: StandIn) -> None:
    for given in ("", TOKEN):
        with pytest.raises(BadSignature):
            connect(gateway, callback_token="").hints(gateway.delivery({}, given))


async def test_what_a_body_says_is_not_believed(gateway: StandIn, connector: Xendit) -> None:
    row = gateway.pay("1001", 150_000, status="FAILED")
    gateway.tick()
    told = {"event": "payment.capture", "data": {"payment_id": row["product_id"], "status": "SUCCEEDED"}}
    (hint,) = connector.hints(gateway.delivery(told))
    seen, _ = await drained(connector, hint.kind)
    assert [plain(s.record.state, s.record.received) for s in seen] == [("failed", 0)]


# -- payments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "state"), [
    ("PENDING", "pending"), ("SUCCESS", "paid"), ("FAILED", "failed"), ("VOIDED", "cancelled"),
    ("REVERSED", "reversed"), ("NEW_STATUS", "unknown"),
])  # fmt: skip
async def test_states(gateway: StandIn, connector: Xendit, status: str, state: str) -> None:
    found = await now(connector, gateway.pay("1001", 150_000, status=status))
    assert found.state == state
    assert found.received == (150_000 if state in ("paid", "reversed") else 0)


async def test_the_fee_is_known_when_it_is_settled(gateway: StandIn, connector: Xendit) -> None:
    """5 000 and VAT 550 off 100 000; the fee's day is the settlement's, over the end of the month."""
    gateway.now = dt.datetime(2026, 11, 30, 15, 0, tzinfo=dt.UTC)
    row = gateway.pay("1001", 100_000)
    early = await now(connector, row)
    assert plain(early.fee, early.net, early.settled_at, early.unexplained) == (None, None, None, 0)
    gateway.tick(86_400)
    gateway.settle(row, 5_000, 550)
    seen = (await connector.read("payment", [row["id"]]))[0]
    found = seen.record
    assert (found.fee, found.fee_tax, found.net, found.unexplained) == (5_000, 550, 94_450, 0)
    assert seen.day == dt.date(2026, 11, 30)
    assert found.settled_at == dt.datetime(2026, 12, 1, 15, 0, tzinfo=dt.UTC)


async def test_a_fee_that_is_billed_apart(gateway: StandIn, connector: Xendit) -> None:
    row = gateway.pay("1001", 100_000)
    gateway.settle(row, 5_000, 550, apart=True)
    found = await now(connector, row)
    assert plain(found.fee_apart, found.net, found.unexplained) == (True, 100_000, 0)


async def test_figures_that_contradict_each_other_are_named(gateway: StandIn, connector: Xendit) -> None:
    row = gateway.pay("1001", 100_000)
    gateway.settle(row, 5_000, 550, net_amount=94_000)
    assert (await now(connector, row)).unexplained == 450


@pytest.mark.parametrize("amount", [Decimal("2.22"), Decimal("0.1"), Decimal("1234567890.55")])
async def test_money_is_exact(gateway: StandIn, connector: Xendit, amount: Decimal) -> None:
    row = gateway.pay("1001", 1, currency="MYR")
    # The stand-in writes JSON numbers, as Xendit does; read back they are the same decimals.
    row["amount"] = float(str(amount))
    found = await now(connector, row)
    assert (found.amount, found.currency) == (amount, "MYR")


async def test_a_code_that_is_paid_twice_is_two_payments(gateway: StandIn, connector: Xendit) -> None:
    """Trap 13: a reusable virtual account or a static QR; the reference is no key."""
    for amount in (150_000, 150_000):
        gateway.pay("VA-PELANGGAN-7", amount)
        gateway.tick()
    seen, _ = await drained(connector, "payment")
    assert len({s.id for s in seen}) == 2
    assert {s.record.order_reference for s in seen} == {"VA-PELANGGAN-7"}
    assert [plain(s.record.state, s.record.received) for s in seen] == [("paid", 150_000)] * 2


async def test_money_after_the_request_has_expired_is_taken(gateway: StandIn, connector: Xendit) -> None:
    """Trap 14: the request stays EXPIRED, the transaction comes a day later all the same."""
    _, cursor = await drained(connector, "payment")
    gateway.tick(86_400)
    gateway.pay("1001", 150_000, created="2026-11-20T10:00:05.000Z")  # found by Xendit's own reconciliation
    gateway.tick()
    seen, _ = await drained(connector, "payment", cursor)
    assert [plain(s.record.state, s.record.received) for s in seen] == [("paid", 150_000)]


async def test_reversed_after_it_was_booked(gateway: StandIn, connector: Xendit) -> None:
    row = gateway.pay("1001", 150_000)
    assert (await now(connector, row)).state == "paid"
    gateway.tick()
    gateway.touch(row, status="REVERSED")
    assert (await now(connector, row)).state == "reversed"


async def test_read_by_the_payments_own_id(gateway: StandIn, connector: Xendit) -> None:
    row = gateway.pay("1001", 150_000)
    seen = await connector.read("payment", [row["product_id"], row["id"], "py-nobody", "txn_nobody", ""])
    assert [s.id for s in seen[:2]] == [row["id"], row["id"]]
    assert [s.record for s in seen[2:]] == [None, None, None]


# -- refunds and payouts --------------------------------------------------------------------------------------------


async def test_a_refund_names_its_payment_and_is_read_once(gateway: StandIn, connector: Xendit) -> None:
    payment = gateway.pay("1001", 150_000)
    gateway.refund(payment, 30_000)
    gateway.tick()
    gateway.refund(payment, 20_000, status="FAILED")
    gateway.tick()
    seen, cursor = await drained(connector, "refund")
    records = [s.record for s in seen]
    assert all(isinstance(r, GatewayRefund) for r in records)
    paid = await now(connector, payment)
    assert {(r.amount, r.state, r.payment) for r in records} == {
        (Decimal(30_000), "done", paid.request), (Decimal(20_000), "failed", paid.request),
    }  # fmt: skip
    for _ in range(3):
        await drained(connector, "refund", cursor)
    assert sum(count for path, count in gateway.calls.items() if "/refunds/" in path) == 2


async def test_a_chargeback_and_a_refund_without_a_record(gateway: StandIn, connector: Xendit) -> None:
    gateway.add("CHARGEBACK", "1001", 150_000, product_id="cb-1")
    gateway.add("REFUND", "1001", 10_000, product_id="rfd-gone")
    gateway.tick()
    seen, _ = await drained(connector, "refund")
    assert {(s.record.kind, s.record.payment) for s in seen} == {("chargeback", ""), ("refund", "")}


async def test_a_withdrawal_is_one_sum(gateway: StandIn, connector: Xendit) -> None:
    gateway.pay("1001", 150_000)
    gateway.withdraw(1_234_567)
    gateway.withdraw(5, status="PENDING")
    gateway.withdraw(6, status="FAILED")
    gateway.tick()
    seen, _ = await drained(connector, "payout")
    assert all(isinstance(s.record, Payout) for s in seen)
    assert {plain(s.total, s.record.state) for s in seen} == {(1_234_567, "paid"), (5, "pending"), (6, "failed")}


# -- trouble --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [
    {"estimated_settlement_time": "kemarin", "settlement_status": "SETTLED"},
    {"currency": "QQQ"}, {"amount": "seratus"}, {"fee": {"xendit_fee": "x"}}, {"status": None},
])  # fmt: skip
async def test_a_row_that_cannot_be_read_holds_up_no_other(
    gateway: StandIn, connector: Xendit, broken: dict[str, Any]
) -> None:
    bad, good = gateway.pay("1001", 1), gateway.pay("1002", 2)
    gateway.tick()
    bad.update(broken)
    seen = {s.id: s.record for s in (await drained(connector, "payment"))[0]}
    assert seen[bad["id"]].unreadable
    gateway.tick(5)
    again = {s.id: s.record for s in (await drained(connector, "payment"))[0]}
    assert again == seen  # one version, not one for each poll
    assert seen[bad["id"]].state == "unknown"
    assert seen[good["id"]].state == "paid"


async def test_a_row_without_a_time_of_change_holds_up_no_other(gateway: StandIn, connector: Xendit) -> None:
    bad, good = gateway.pay("1001", 1), gateway.pay("1002", 2)
    bad["updated"] = "kemarin"
    seen = await connector.read("payment", [bad["id"], good["id"]])
    assert "updated" in seen[0].record.unreadable
    assert [s.record.state for s in seen] == ["unknown", "paid"]


async def test_a_key_that_is_refused_and_one_without_the_right(gateway: StandIn, connector: Xendit) -> None:
    other = connect(gateway, secret_key="xnd_production_salah")
    with pytest.raises(Expired):
        await other.changed("payment", "")
    assert not (await other.check()).ok
    await other.close()
    gateway.forbidden = True
    check = await connector.check()
    assert next(f.cure for f in check.findings if not f.ok).startswith("Make a secret key")
    with pytest.raises(Rejected):
        await connector.changed("payment", "")


async def test_throttled_and_down(gateway: StandIn, connector: Xendit) -> None:
    await connector.check()
    gateway.throttle = 1
    with pytest.raises(Throttled):
        await connector.changed("payment", "")
    down = connect(gateway, account="5f")  # a limiter of its own: the other one waits now
    gateway.fail = 1
    with pytest.raises(Transient):
        await down.changed("payment", "")
    await down.close()


async def test_the_check(gateway: StandIn, connector: Xendit) -> None:
    gateway.pay("1001", 1)
    check = await connector.check()
    assert (check.ok, check.currency, sum(gateway.calls.values())) == (True, "IDR", 1)
    assert any("test key" in f.detail for f in check.findings)


async def test_it_writes_nothing(gateway: StandIn, connector: Xendit) -> None:
    assert await connector.find("payment", ["1001"]) == {}
    assert await connector.subscribe("https://hub.example") == "none"
    with pytest.raises(Rejected):
        await connector.write("refund_payment", "create", [])
    with pytest.raises(ValueError, match="order"):
        await connector.changed("order", "")


@pytest.mark.parametrize("bad", [{"rate": "fast"}, {"overlap": "-1"}, {"base_url": "http://api.xendit.co"}])
def test_settings_that_cannot_be(gateway: StandIn, bad: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        connect(gateway, skew=0.0, **bad)
    assert {s.name for s in CONNECTOR.settings} >= set(bad)


@pytest.mark.parametrize(("key", "calls"), [("xnd_development_a", 1.0), ("xnd_production_a", 10.0)])
def test_the_rate_is_that_of_the_key(gateway: StandIn, key: str, calls: float) -> None:
    assert connect(gateway, secret_key=key, rate="").capabilities.rate.per_second == calls
