"""Numbers, names, lines, signatures and limits of the Jurnal connector."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import Ambiguous, Done, Expired, Rate, Throttled, Tools, Transient, Write
from selaras.connectors.contract.errors import LockedPeriod, Rejected
from selaras.connectors.jurnal import build, errors
from selaras.connectors.jurnal.credit import choose
from selaras.connectors.jurnal.lines import split
from selaras.connectors.jurnal.mapping import VOID
from selaras.connectors.jurnal.pace import Pace
from selaras.connectors.jurnal.signing import MekariHmac
from selaras.connectors.jurnal.values import custom_id, day, money, reference_of
from selaras.connectors.limiter import Limiter
from selaras.connectors.oauth import Token
from selaras.model.document import ContactDraft, DocumentLine, Receipt, SalesOrder
from tests.connectors.jurnal.rig import ZONE, settings_for
from tests.connectors.jurnal.standin import StandIn, serve_jurnal
from tests.connectors.kit_signin import MemoryTokenStore


@pytest.fixture
async def books() -> AsyncIterator[StandIn]:
    async with serve_jurnal(limits=False) as books:
        yield books


def connected(books: StandIn, *, skew: float = 0.0, store: MemoryTokenStore | None = None, **more: str) -> Any:
    return build(settings_for(books, **more), Tools("buku", ZONE, store, lambda: time.time() + skew))


@given(st.integers(1, 5000), st.integers(0, 10**12))
def test_a_split_line_is_exact_in_pieces_and_money(quantity: int, amount: int) -> None:
    lines = split("A", Decimal(quantity), amount, "IDR", "", "")
    assert sum(line.quantity for line in lines) == quantity
    assert sum(line.gross for line in lines) == amount
    assert all(line.rate == line.rate.to_integral_value() for line in lines)
    assert len(lines) <= 2


@given(st.decimals(Decimal("0.001"), 999, places=3), st.integers(1, 10**10))
def test_parts_of_a_piece_come_to_the_amount_without_the_dust(quantity: Decimal, amount: int) -> None:
    lines = split("A", quantity, amount, "IDR", "", "")
    assert money(sum(line.gross for line in lines), "IDR") == amount


def test_dust_is_taken_off_and_differences_are_not() -> None:
    assert money("200000.00016", "IDR") == 200000
    assert money(199999.9998, "IDR") == 200000
    assert money("11099892.33", "IDR") == Decimal("11099892.33")
    assert money("10.005", "USD") == Decimal("10.01")


def test_days() -> None:
    assert day("30/01/2024") == day("2024-01-30") == day("30-01-2024")


@given(st.text(min_size=1, max_size=40))
def test_a_custom_id_can_stand_in_a_path_and_is_no_number(reference: str) -> None:
    own = custom_id("so", reference)
    assert own.replace("-", "").replace("_", "").isalnum()
    assert own.isascii()
    assert not own.isdecimal()
    assert reference_of("so", {"custom_id": own, "transaction_no": "5"}, ["x", reference]) == reference


def test_references_have_ids_of_their_own() -> None:
    names = ["1001", "1001/P1", "1001/P2", "1001-P1", "TS-#1", "ts-#1"]
    assert len({custom_id("so", name) for name in names}) == len(names)


def test_the_signature_is_that_of_the_documentation() -> None:
    signer = MekariHmac("klien", "rahasia", lambda: 784111777.0)
    headers = signer("POST", "/v2/x?page=1", b'{"hello": "world"}')
    assert headers["Date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    text = b"date: Sun, 06 Nov 1994 08:49:37 GMT\nPOST /v2/x?page=1 HTTP/1.1"
    mine = base64.b64encode(hmac.new(b"rahasia", text, hashlib.sha256).digest()).decode()
    assert f'signature="{mine}"' in headers["Authorization"]
    # The digest of this very body stands in Mekari's page on HMAC.
    assert headers["Digest"] == "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
    assert "Digest" not in signer("GET", "/v2/x", b"")


@pytest.mark.parametrize("text", ["is before the last Close the Book date", "Transaksi sebelum tanggal tutup buku"])
def test_closed_books(text: str) -> None:
    content = {"transaction_date": [text], "error_full_messages": [f"Transaction date {text}"]}
    assert isinstance(errors.error_of(422, content, "invoice 1"), LockedPeriod)


@pytest.mark.parametrize("content", [
    {"error_full_messages": ["X is wrong"], "x": "is wrong"}, {"errors": "X is wrong"}, {"x": ["is wrong"]},
    {"errors": {"x": ["is wrong"]}}, {"error": ["is wrong"]}, {"message": "is wrong"}, "is wrong",
])  # fmt: skip
def test_every_form_of_an_error_is_read(content: Any) -> None:
    error = errors.error_of(422, content, "invoice 1")
    assert isinstance(error, Rejected)
    assert "is wrong" in error.message
    assert error.cure


def test_pieces_that_come_back() -> None:
    def line(id: int, code: str, quantity: int, amount: str) -> dict[str, Any]:
        return {"id": id, "product": {"code": code}, "quantity": quantity, "amount": amount}

    invoice = {"transaction_lines_attributes": [line(1, "A", 2, "20.0"), line(2, "A", 1, "11.0"), line(3, "S", 1, "5")]}
    back = {"A": Decimal(1)}
    assert choose(invoice, {}, dict(back), 10, "IDR") == [("1", Decimal(1))]
    assert choose(invoice, {}, dict(back), 11, "IDR") == [("2", Decimal(1))]
    assert choose(invoice, {}, {"A": Decimal(3), "S": Decimal(1)}, 36, "IDR") is not None
    assert choose(invoice, {}, dict(back), 9, "IDR") is None
    assert choose(invoice, {"1": Decimal(2), "2": Decimal(1)}, dict(back), 10, "IDR") is None


async def test_a_wrong_clock_is_put_right_and_told(books: StandIn) -> None:
    connector = connected(books, skew=-900.0)
    try:
        check = await connector.check()
        assert -905 < check.clock_skew < -895
        assert not next(f for f in check.findings if f.what == "Clock").ok
        assert await connector.find("sales_order", ["x"]) == {}
    finally:
        await connector.close()


async def test_a_wrong_secret_is_expired(books: StandIn) -> None:
    connector = connected(books, client_secret="salah")
    try:
        with pytest.raises(Expired):
            await connector.find("sales_order", ["x"])
    finally:
        await connector.close()


async def test_the_wait_is_until_the_next_minute_of_the_gateway(books: StandIn) -> None:
    connector = connected(books)
    books.mode = "throttle:41"
    try:
        with pytest.raises(Throttled) as caught:
            await connector.find("sales_order", ["x"])
        assert 40 <= caught.value.retry_after <= 42
    finally:
        await connector.close()


async def test_a_single_use_refresh_token_is_kept_before_it_is_used(books: StandIn) -> None:
    store = MemoryTokenStore(Token(access="", refresh="refresh-0"))
    connector = connected(books, store=store, auth="oauth")
    try:
        await asyncio.gather(*(connector.find("sales_order", [f"x{n}"]) for n in range(5)))
        assert (books.granted, store.log) == (1, ["saving", "saved"])
        assert store.token is not None
        assert store.token.refresh == "refresh-1"
        assert books.refresh == {"refresh-1"}
        assert abs(store.token.refresh_expires_at - time.time() - 30 * 86400) < 600
    finally:
        await connector.close()


async def test_a_name_that_is_taken_is_no_obstacle_and_reads_back_plain(books: StandIn) -> None:
    connector = connected(books)
    try:
        drafts = [ContactDraft(f"phone:+6281{n}", "Budi", "b@x.id", f"+6281{n}") for n in range(3)]
        outcomes = await connector.write("contact", "create", [Write(d.reference, d) for d in drafts])
        rows = await connector.read("contact", [o.id for o in outcomes])
        assert [(r.record.name, r.record.reference) for r in rows] == [("Budi", d.reference) for d in drafts]
    finally:
        await connector.close()


@pytest.mark.parametrize("lost", [("", "before"), ("", "", "before"), ("", "", "after")])
async def test_voiding_a_paid_order_goes_on_when_an_answer_is_lost_on_the_way(
    books: StandIn, lost: tuple[str, ...]
) -> None:
    """Jurnal does not delete it, so it is marked; trouble on the way must not leave that refusal as the verdict."""
    connector = connected(books)
    books.books.add_product("A", 10)
    buyer = str(books.books.create_customers({"display_name": "X"}, batch=False)["id"])
    total, one = Decimal(100), Decimal(1)
    order = SalesOrder("1", day("2026-01-05"), "IDR", total, (DocumentLine("A", "A", one, total, total),), False, buyer)
    try:
        (made,) = await connector.write("sales_order", "create", [Write("1", order)])
        money = Receipt("1/P1", day("2026-01-05"), "IDR", total, buyer, sales_order_id=made.id, account="1-10003")
        (paid,) = await connector.write("receipt", "create", [Write("2", money)])
        assert isinstance(paid, Done)
        left = list(lost)
        books.turn = 2  # the gateway's error page: a read whose connection breaks is simply repeated
        books.chance = lambda: left.pop(0) if left else ""
        told: list[str] = []
        for _ in range(2):
            try:
                (outcome,) = await connector.write("sales_order", "void", [Write("3", order, made.id)])
                told.append(outcome.status if isinstance(outcome, Done) else outcome.error.kind)
            except (Transient, Ambiguous) as error:
                told.append(error.kind)
        assert left == []
        assert told == ["ambiguous" if len(lost) == 3 else "transient", "void"]
        assert str(books.books.get("sales_orders", made.id)["memo"]).startswith(VOID)
    finally:
        await connector.close()


async def test_what_the_mapping_chose_is_honoured_or_refused(books: StandIn) -> None:
    connector = connected(books)
    books.books.add_product("A", 10)
    buyer = books.books.create_customers({"display_name": "X"}, batch=False)["id"]
    jasa = books.books.number("4-40300")["id"]
    other = books.books.number("1-10003")["id"]

    async def put(reference: str, line: DocumentLine, **more: Any) -> Any:
        total = line.amount + line.tax
        document = SalesOrder(reference, day("2026-01-05"), "IDR", total, (line,), False, str(buyer), **more)
        (outcome,) = await connector.write("sales_order", "create", [Write(reference, document)])
        return outcome

    try:
        one = Decimal(1)
        made = await put("1", DocumentLine("A", "A", one, Decimal(100), Decimal(100), tax=Decimal(12),
                                           tax_rate=Decimal("0.12"), tax_code="32", warehouse="6"),
                         dimensions=(("project", "25"),))  # fmt: skip
        row = books.books.get("sales_orders", made.id)
        assert row["transaction_lines_attributes"][0]["line_tax"]["name"] == "PPN 12%"
        assert (row["warehouse"]["id"], row["tags"]) == (6, [{"name": "Bandung"}])
        made = await put("2", DocumentLine("", "jasa", one, Decimal(7), Decimal(7), role="fee", account=str(jasa)))
        row = books.books.get("sales_orders", made.id)
        assert row["transaction_lines_attributes"][0]["product"]["code"] == "JASA"
        refused = await put("3", DocumentLine("A", "A", one, Decimal(7), Decimal(7), account=str(other)))
        assert refused.error.code == "account_of_product"
        refused = await put("4", DocumentLine("", "x", one, Decimal(7), Decimal(7), role="sales"))
        assert refused.error.code == "missing_mapping"
        for kind, least in (("account", 12), ("tax", 2), ("warehouse", 2), ("dimension", 2)):
            assert len((await connector.changed(kind, "")).seen) >= least
    finally:
        await connector.close()


async def test_no_window_holds_more_calls_than_it_may() -> None:
    """A virtual clock, calls of any length: no span of a minute, at either end of a call, holds more than ten."""
    now = 0.0
    spans: list[tuple[float, float]] = []

    def clock() -> float:
        return now

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await asyncio.sleep(0)

    limiter = Limiter(Rate(10 / 60, burst=10, parallel=2, windows=((10, 60.0),)), clock=clock, sleep=sleep)

    async def call(length: float) -> None:
        async with limiter:
            begun = now
            await sleep(length)
            spans.append((begun, now))

    await asyncio.gather(*(call(n % 4 * 0.7) for n in range(60)))
    for _begun, ended in spans:
        assert sum(ended <= begun < ended + 60 for begun, _ in spans) <= 10
    assert now < 60 * 60 / 10 + 60 + 30


def test_polls_keep_to_their_share() -> None:
    now, calls = 0.0, 0
    pace = Pace(lambda: now, lambda: calls, lambda: 0, 0.5, 0.1)
    assert pace.due("contact")
    with pace.poll("contact", goes_on=False):
        calls += 10
    now = 199.0
    assert not pace.due("contact")
    now = 201.0
    assert pace.due("contact")
    pace.wrote()
    assert not pace.due("contact")
    assert pace.due("stock")
