"""Midtrans against its stand-in: every trap of its documentation."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest

from selaras.connectors.contract import BadSignature, Expired, Hint, Rejected, Tools, Transient, Webhook
from selaras.connectors.midtrans import CONNECTOR, Midtrans, build
from selaras.connectors.midtrans.hooks import signature_of
from selaras.connectors.midtrans.mapping import WireStatus, payment_of
from selaras.model.settlement import GatewayPayment
from tests.connectors.midtrans.standin import KEY, StandIn, midtrans

SUFFIX = re.compile(r"-wc-mdtrs-\d+")


def plain(*parts: object) -> tuple[object, ...]:
    """Values side by side, to be compared with plain ones."""
    return parts


@pytest.fixture
async def gateway() -> AsyncIterator[StandIn]:
    async with midtrans() as made:
        yield made


@pytest.fixture
async def connector(gateway: StandIn) -> AsyncIterator[Midtrans]:
    made = connect(gateway)
    yield made
    await made.close()


def connect(gateway: StandIn, **more: str) -> Midtrans:
    settings = {"server_key": KEY, "base_url": gateway.url, "rate": "1000", **more}
    made = build(settings, Tools("gerbang", "Asia/Jakarta", None, time.time))
    assert isinstance(made, Midtrans)
    return made


async def now(connector: Midtrans, id: str) -> GatewayPayment:
    seen = (await connector.read("payment", [id]))[0]
    assert isinstance(seen.record, GatewayPayment)
    return seen.record


# -- notifications -------------------------------------------------------------------------------------------------


def test_the_signature_is_of_four_texts() -> None:
    """The example of the documentation (reference/handle-notifications), its digest worked out with openssl."""
    found = signature_of("1111", "200", "100000.00", "askvnoibnosifnboseofinbofinfgbiufglnbfg")
    assert found == VECTOR


VECTOR = (
    "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e237"
    "5d308a2bc94f3265ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231"
)


def test_a_notification_asks_to_look_by_the_transactions_id(gateway: StandIn) -> None:
    payment = gateway.pay("1001", 150_000)
    assert connect(gateway).hints(gateway.notice(payment)) == [Hint("payment", payment.id)]


@pytest.mark.parametrize("changes", [
    {"gross_amount": "150000"}, {"order_id": "1002"}, {"status_code": "201"}, {"signature_key": ""},
    {"signature_key": "0" * 128}, {"gross_amount": 150000},
])  # fmt: skip
def test_what_is_signed_cannot_be_changed(gateway: StandIn, changes: dict[str, object]) -> None:
    payment = gateway.pay("1001", 150_000)
    with pytest.raises(BadSignature):
        connect(gateway).hints(gateway.notice(payment, **changes))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"order_id": 1}',
        b"order_id=1001",
        b'{"order_id":"\\ud800","status_code":"200","gross_amount":"1","signature_key":"\\udfff"}',
        b"1" * 100_000,
    ],
)
def test_what_is_no_notification_is_refused(gateway: StandIn, body: bytes) -> None:
    with pytest.raises(BadSignature):
        connect(gateway).hints(Webhook({}, body, dt.datetime.now(dt.UTC)))


def test_the_key_of_another_merchant_does_not_fit(gateway: StandIn) -> None:
    notice = gateway.notice(gateway.pay("1001", 150_000))
    with pytest.raises(BadSignature):
        connect(gateway, server_key="SB-Mid-server-lain").hints(notice)


def test_a_notification_written_anew_still_verifies_because_its_texts_do(gateway: StandIn) -> None:
    """Midtrans signs four texts, not the bytes: spaces and order of keys do not matter, the amount's form does."""
    notice = gateway.notice(gateway.pay("1001", 150_000))
    again = json.dumps(dict(sorted(json.loads(notice.body).items())), indent=2).encode()
    assert connect(gateway).hints(Webhook({}, again, notice.received_at))


async def test_a_replayed_message_with_another_status_books_nothing(gateway: StandIn, connector: Midtrans) -> None:
    """Trap 7: `transaction_status` is not under the signature; the status call decides."""
    payment = gateway.pay("1001", 150_000, "deny")
    payment.code = "200"  # once it was signed with 200
    forged = gateway.notice(payment, transaction_status="settlement", fraud_status="accept")
    (hint,) = connector.hints(forged)
    found = await now(connector, hint.id)
    assert plain(found.state, found.received) == ("failed", 0)


async def test_a_forged_transaction_id_only_chooses_what_is_read(gateway: StandIn, connector: Midtrans) -> None:
    other = gateway.pay("1002", 90_000, "pending")
    (hint,) = connector.hints(gateway.notice(gateway.pay("1001", 150_000), transaction_id=other.id))
    assert (await now(connector, hint.id)).state == "pending"


@pytest.mark.parametrize("id", ["../../v1/x", "..", ".", "", "a/b", "%2e%2e", "x" * 5000, "a?b=c#d", "Ω"])
async def test_an_id_leads_to_no_other_path(gateway: StandIn, connector: Midtrans, id: str) -> None:
    seen = (await connector.read("payment", [id]))[0]
    assert seen.record is None
    assert all(path.startswith("GET /v2/") and path.endswith("/status") for path in gateway.calls)


# -- the state, whatever was told -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "more", "state"), [
    ("pending", {}, "pending"), ("settlement", {}, "paid"), ("capture", {}, "paid"), ("expire", {}, "expired"),
    ("capture", {"fraud_status": "challenge"}, "authorised"), ("capture", {"fraud_status": "deny"}, "failed"),
    ("cancel", {}, "cancelled"), ("deny", {}, "failed"), ("failure", {}, "failed"), ("authorize", {}, "authorised"),
    ("PENDING", {}, "pending"), ("SETTLEMENT", {}, "paid"), ("settlement", {"fraud_status": ""}, "paid"),
    ("capture", {"fraud_status": ""}, "paid"), ("refund", {}, "paid"), ("something_new", {}, "unknown"),
])  # fmt: skip
async def test_states(gateway: StandIn, connector: Midtrans, status: str, more: dict[str, str], state: str) -> None:
    payment = gateway.pay("1001", 150_000, status, **more)
    found = await now(connector, payment.id)
    assert found.state == state
    assert found.received == (150_000 if state == "paid" else 0)


async def test_money_zone_and_day(gateway: StandIn, connector: Midtrans) -> None:
    """23:35 in Jakarta is 16:35 UTC and the day of Jakarta; "150000.00" is 150 000 rupiah."""
    payment = gateway.pay("1001", 150_000, va_numbers=[{"bank": "bca", "va_number": "333"}])
    seen = (await connector.read("payment", [payment.id]))[0]
    found = seen.record
    assert (found.amount, found.currency, seen.total) == (Decimal(150_000), "IDR", Decimal(150_000))
    assert found.paid_at == dt.datetime(2026, 11, 20, 16, 35, tzinfo=dt.UTC)
    assert seen.day == dt.date(2026, 11, 20)
    assert (found.channel, found.code, found.fee) == ("bank_transfer:bca", "333", None)
    assert json.loads(seen.raw)["order_id"] == "1001"


async def test_read_by_order_it_comes_back_under_its_own_id(gateway: StandIn, connector: Midtrans) -> None:
    payment = gateway.pay("1001", 150_000)
    seen = (await connector.read("payment", ["1001"]))[0]
    assert seen.id == payment.id


async def test_dana_is_found_by_the_transactions_id_alone(gateway: StandIn, connector: Midtrans) -> None:
    payment = gateway.pay("1001", 150_000, type="dana")
    assert (await connector.read("payment", ["1001"]))[0].record is None
    assert (await now(connector, payment.id)).state == "paid"


@pytest.mark.parametrize("soft", [False, True])
async def test_a_payment_without_a_way_of_paying_is_not_there_yet(
    gateway: StandIn, connector: Midtrans, soft: bool
) -> None:
    gateway.soft = soft
    seen = (await connector.read("payment", ["snap-1001"]))[0]
    assert (seen.id, seen.record) == ("snap-1001", None)


@pytest.mark.parametrize(("sent", "order"), [
    ("123-wc-mdtrs-1712345678", "123"), ("A-7-wc-mdtrs-1", "A-7"), ("123", "123"), ("-wc-mdtrs-1", "-wc-mdtrs-1"),
    ("123-wc-mdtrs-1-x", "123-wc-mdtrs-1-x"),
])  # fmt: skip
async def test_a_second_try_of_the_plugin_is_the_same_order(
    gateway: StandIn, connector: Midtrans, sent: str, order: str
) -> None:
    """Trap 13."""
    found = await now(connector, gateway.pay(sent, 150_000).id)
    assert (found.order_reference, found.sent_reference) == (order, sent)


async def test_expire_of_one_try_after_payment_of_another(gateway: StandIn, connector: Midtrans) -> None:
    """Trap 6: two transactions of one order are two records; the dead one takes nothing from the living."""
    first, second = gateway.pay("1001-wc-mdtrs-1", 150_000, "pending"), gateway.pay("1001-wc-mdtrs-2", 150_000)
    gateway.become(first, "expire")
    both = [await now(connector, p.id) for p in (second, first)]
    assert [plain(p.order_reference, p.state, p.received) for p in both] == [
        ("1001", "paid", 150_000), ("1001", "expired", 0),
    ]  # fmt: skip


async def test_a_virtual_account_that_took_another_amount_says_so(gateway: StandIn, connector: Midtrans) -> None:
    parts = [{"paid_at": "2026-11-20 23:40:00", "amount": "100000.00"}]
    found = await now(connector, gateway.pay("1001", 150_000, payment_amounts=parts).id)
    assert plain(found.amount, found.received) == (150_000, 100_000)
    assert found.paid_at == dt.datetime(2026, 11, 20, 16, 40, tzinfo=dt.UTC)


async def test_paid_after_its_expiry_it_is_paid_and_late(gateway: StandIn, connector: Midtrans) -> None:
    """Trap 14: the money is not dropped; it says that it came after its time."""
    payment = gateway.pay("1001", 150_000, "expire", expiry_time="2026-11-20 23:31:00")
    found = await now(connector, payment.id)
    assert plain(found.state, found.received) == ("expired", 0)
    found = await now(connector, gateway.become(payment, "settlement").id)
    assert plain(found.late, found.state, found.received) == (True, "paid", 150_000)


async def test_settled_then_denied_it_is_reversed(gateway: StandIn, connector: Midtrans) -> None:
    payment = gateway.pay("1001", 150_000)
    assert (await now(connector, payment.id)).state == "paid"
    assert (await now(connector, gateway.become(payment, "deny").id)).state == "reversed"


async def test_a_refund_told_twice_is_one(gateway: StandIn, connector: Midtrans) -> None:
    """Trap 9: cumulative 30 000 → 50 000 is 30 000 and 20 000; the bank's confirmation is no refund."""
    payment = gateway.pay("1001", 150_000)
    paid_back: dict[str, Decimal] = {}
    for step in ("refund 30000", "confirm", "refund 20000", "confirm", "again"):
        if step.startswith("refund"):
            gateway.refund(payment, int(step.split()[1]))
        elif step == "confirm":
            gateway.confirm(payment)
        found = await now(connector, payment.id)
        told = {refund.id: refund.amount for refund in found.refunds}
        assert paid_back.items() <= told.items(), "what was told once stays what it was"
        paid_back = told
    assert sorted(paid_back.values()) == [Decimal(20_000), Decimal(30_000)]
    found = await now(connector, payment.id)
    assert plain(found.state, found.refunded) == ("paid", 50_000)
    assert all(r.confirmed_at is not None for r in found.refunds)


async def test_a_sum_without_its_parts_is_one_refund_that_grows(gateway: StandIn, connector: Midtrans) -> None:
    payment = gateway.pay("1001", 150_000, "partial_refund", settlement_time="2026-11-20 23:35:00")
    for total in (30_000, 50_000, 50_000):
        payment.more["refund_amount"] = f"{total}.00"
        (refund,) = (await now(connector, payment.id)).refunds
        assert plain(refund.id, refund.amount) == ("sum", total)


async def test_a_chargeback_is_told_apart(gateway: StandIn, connector: Midtrans) -> None:
    payment = gateway.refund(gateway.pay("1001", 150_000), 150_000)
    payment.status = "chargeback"
    assert [r.kind for r in (await now(connector, payment.id)).refunds] == ["chargeback"]


async def test_duplicates_and_disorder_read_the_same(gateway: StandIn, connector: Midtrans) -> None:
    """Three times the same, settlement before pending: one record, and the same at every look."""
    payment = gateway.pay("1001", 150_000, "pending")
    early = gateway.notice(payment)
    gateway.become(payment, "settlement")
    late = gateway.notice(payment)
    notices = (late, late, early, late, early, early)
    found = [await now(connector, hint.id) for notice in notices for hint in connector.hints(notice)]
    assert len(found) == 6
    assert all(one == found[0] for one in found)
    assert plain(found[0].state, found[0].received) == ("paid", 150_000)


# -- trouble ----------------------------------------------------------------------------------------------------------


async def test_a_payment_that_cannot_be_read_is_shown_and_holds_up_no_other(
    gateway: StandIn, connector: Midtrans
) -> None:
    bad, good = gateway.pay("1001", 1), gateway.pay("1002", 2)
    for field, value in (("gross_amount", "1.000,00"), ("currency", "QQQ"), ("transaction_time", "kemarin")):
        bad.more = {field: value}
        seen = [s.record for s in await connector.read("payment", [bad.id, good.id])]
        assert field in seen[0].unreadable
        assert (await connector.read("payment", [bad.id]))[0].record == seen[0]  # one version, not one for each look
        assert (seen[0].state, seen[1].state) == ("unknown", "paid")


async def test_a_key_that_is_refused(gateway: StandIn) -> None:
    connector = connect(gateway, server_key="SB-Mid-server-salah")
    with pytest.raises(Expired):
        await connector.read("payment", ["1001"])
    check = await connector.check()
    assert not check.ok
    assert "access keys" in next(f for f in check.findings if not f.ok).cure.lower()
    await connector.close()


async def test_the_check_is_one_call_and_no_write(gateway: StandIn, connector: Midtrans) -> None:
    assert (await connector.check()).ok
    assert sum(gateway.calls.values()) == 1


@pytest.mark.parametrize(("key", "url", "ok"), [
    ("SB-Mid-server-a", "https://api.midtrans.com", False), ("Mid-server-a", "https://api.midtrans.com", True),
    ("Mid-server-a", "https://api.sandbox.midtrans.com", False),
    ("SB-Mid-server-a", "https://api.sandbox.midtrans.com", True),
])  # fmt: skip
def test_sandbox_and_live_are_not_mixed(gateway: StandIn, key: str, url: str, ok: bool) -> None:
    assert connect(gateway, server_key=key, base_url=url)._environment().ok is ok


async def test_trouble_there_is_transient(gateway: StandIn, connector: Midtrans) -> None:
    payment = gateway.pay("1001", 150_000)
    gateway.fail = 1
    with pytest.raises(Transient):
        await connector.read("payment", [payment.id])
    assert (await now(connector, payment.id)).state == "paid"


async def test_an_answer_about_another_payment_is_not_taken(gateway: StandIn, connector: Midtrans) -> None:
    payment = gateway.pay("1001", 150_000)
    gateway.lie = "another"
    with pytest.raises(Transient):
        await connector.read("payment", [payment.id])


async def test_one_call_for_each_payment(gateway: StandIn, connector: Midtrans) -> None:
    ids = [gateway.pay(str(n), 1000 + n).id for n in range(300)]
    seen = await connector.read("payment", ids)
    assert [s.id for s in seen] == ids
    assert sum(gateway.calls.values()) == len(ids)


async def test_it_lists_nothing_and_writes_nothing(gateway: StandIn, connector: Midtrans) -> None:
    changes = await connector.changed("payment", "x")
    assert (list(changes.seen), changes.cursor, changes.more) == ([], "x", False)
    assert await connector.find("payment", ["1001"]) == {}
    assert await connector.subscribe("https://hub.example") == "none"
    with pytest.raises(Rejected):
        await connector.write("refund_payment", "create", [])
    with pytest.raises(ValueError, match="payout"):
        await connector.read("payout", [])


@pytest.mark.parametrize("bad", [{"rate": "fast"}, {"reference_suffix": "("}, {"base_url": "http://api.midtrans.com"}])
def test_settings_that_cannot_be(gateway: StandIn, bad: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        connect(gateway, **bad)
    assert {s.name for s in CONNECTOR.settings} >= set(bad)


def test_no_secret_is_shown(gateway: StandIn) -> None:
    assert KEY not in repr(connect(gateway).http)


DOCUMENTED = b"""{"va_numbers":[{"va_number":"3333000000111111","bank":"bni"}],"transaction_time":"2021-06-23 11:41:33",
"transaction_status":"settlement","transaction_id":"9aed5972-5b6a-401e-894b-a32c91ed1a3a","status_code":"200",
"settlement_time":"2021-06-23 11:42:03","payment_type":"bank_transfer",
"payment_amounts":[{"paid_at":"2021-06-23 11:42:02","amount":"150000.00"}],"order_id":"bni-va-01",
"gross_amount":"150000.00","fraud_status":"accept","currency":"IDR"}"""


def test_the_form_of_the_documentation_is_read() -> None:
    """The BNI sample of docs/https-notification-webhooks."""
    found = payment_of(msgspec.json.decode(DOCUMENTED, type=WireStatus), SUFFIX)
    assert plain(found.state, found.received, found.channel, found.code) == (
        "paid", 150_000, "bank_transfer:bni", "3333000000111111",
    )  # fmt: skip
