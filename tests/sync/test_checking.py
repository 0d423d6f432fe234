"""What the hub itself judges of connections: clocks, zones, currencies, the mapping, webhooks and the search."""

from __future__ import annotations

import datetime as dt
import inspect
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from selaras.connectors.contract import (
    Capabilities,
    Check,
    Connector,
    ConnectorError,
    Finding,
    Found,
    Rejected,
    Transient,
)
from selaras.ledger import Desk, Ledger, open_ledger
from selaras.ledger.connections import Connection
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import NewPosting, RecordKey, Settlement, State
from selaras.model.document import SalesOrder
from selaras.rules.explain import Sentence, recognised
from selaras.rules.plan_types import Policy
from selaras.sync import checking, mapping_changes, mappings
from selaras.sync.checking import check_connections, own_findings, pair_findings, webhook_finding
from selaras.sync.hub import Pair
from selaras.sync.installation import set_pairs
from tests.sync.target import Plain

NOW = 1_770_000_000_000_000
SECRETS = {"api_key": "k", "webhook_secret": "s"}
STORE = Connection("toko", "sandbox_store", "store", "Asia/Jakarta", {"base_url": "https://toko.example"}, SECRETS)
BOOKS = Connection("buku", "sandbox_books", "books", "Asia/Jakarta", {}, {})


def a_check(*findings: Finding, **changes: Any) -> Check:
    return msgspec.structs.replace(Check("Toko", "IDR", "Asia/Jakarta", 0.0, findings), **changes)


def pair_of(zone: str) -> Pair:
    return Pair("toko", "buku", Policy(zone=zone))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path, Plain())
    with ledger.transaction():
        for one in (STORE, BOOKS):
            ledger.connections.add(one, NOW)
    set_pairs(ledger, [pair_of("Asia/Jakarta")])
    yield ledger
    ledger.close()


def test_every_sentence_of_the_check_can_be_said_in_another_language() -> None:
    """Each detail and cure is a sentence that a face recognises again, with its values."""
    sentences = [value for value in vars(checking).values() if isinstance(value, Sentence)]
    assert len(sentences) > 30
    for sentence in sentences:
        filled = sentence(**{name: f"«{name}»" for name in sentence.names})
        found = recognised(filled)
        assert found is not None
        assert found.text == sentence.text
    source = inspect.getsource(checking)
    assert "Finding(" in source
    assert 'Finding("' not in source, "what a finding is about is a text to translate as well"


# -- one connection ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skew", "word"), [(121.0, "121 s ahead"), (-3600.0, "3600 s behind"), (1e6, "1000000 s ahead")]
)
def test_clocks_that_differ_by_more_than_two_minutes_need_a_cure(skew: float, word: str) -> None:
    mine = Finding("clock", True, "the store's clock differs a little")
    found = own_findings(STORE, a_check(Finding("API key", True), mine, clock_skew=skew))
    assert [f.what for f in found] == ["API key", "Clock"]
    assert not found[1].ok
    assert word in found[1].detail
    assert "NTP" in found[1].cure


@pytest.mark.parametrize("skew", [0.0, 120.0, -120.0])
def test_clocks_that_are_nearly_alike_are_left_to_the_connector(skew: float) -> None:
    mine = Finding("Clock", True, "+0.1 s")
    assert own_findings(STORE, a_check(mine, clock_skew=skew)) == [mine]


def test_a_connector_that_knows_more_of_its_clock_is_not_contradicted() -> None:
    mine = Finding("Clock", False, "+900 s", "Signatures are refused; set the clock.")
    assert own_findings(BOOKS, a_check(mine, clock_skew=900.0)) == [mine]


def test_zone_and_currency_are_looked_at_where_the_connector_did_not() -> None:
    found = own_findings(STORE, a_check(zone="Asia/Makassar", currency=""))
    assert [(f.what, f.ok) for f in found] == [("Time zone", False), ("Currency", False)]
    assert "`selaras connect sandbox_store --name toko --zone Asia/Makassar`" in found[0].cure
    mine = (Finding("time zone", True, "none of its own"), Finding("Currency", True, "as set"))
    assert own_findings(STORE, a_check(*mine, zone="UTC", currency="")) == list(mine)


# -- webhooks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("public", "base", "ok", "word"),
    [
        ("", "https://toko.example", True, "by polling"),
        ("https://hub.example", "https://toko.example", True, "https://hub.example/webhooks/toko"),
        ("https://hub.example/", "https://toko.example", True, "https://hub.example/webhooks/toko"),
        ("http://hub.example", "https://toko.example", False, "not encrypted"),
        ("http://127.0.0.1:8600", "https://toko.example", False, "from this machine or network only"),
        ("https://192.168.1.4", "https://toko.example", False, "from this machine or network only"),
        ("https://server", "https://toko.example", False, "from this machine or network only"),
        ("http://127.0.0.1:8600", "http://127.0.0.1:8801", True, "http://127.0.0.1:8600/webhooks/toko"),
        ("http://10.0.0.2", "https://toko.lan", True, "http://10.0.0.2/webhooks/toko"),
        ("hub.example", "https://toko.example", False, "not a web address"),
    ],
)
def test_whether_webhooks_can_reach_us(public: str, base: str, ok: bool, word: str) -> None:
    connection = Connection("toko", "sandbox_store", "store", "Asia/Jakarta", {"base_url": base}, SECRETS)
    found = webhook_finding(connection, public)
    assert (found.ok, word in found.detail) == (ok, True), found
    assert ok or "--public-url" in found.cure


@pytest.mark.parametrize("public", ["", "https://hub.example"])
def test_without_a_secret_the_store_is_polled_and_the_person_told_how_to_change_that(public: str) -> None:
    connection = Connection("toko", "woocommerce", "store", "Asia/Jakarta", {}, {"consumer_key": "k"})
    found = webhook_finding(connection, public)
    assert found.ok
    assert "SELARAS_SECRET_WEBHOOK_SECRET" in found.detail
    assert "selaras connect woocommerce --name toko" in found.detail


# -- both sides of a pair ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("store", "books", "policy", "ok"),
    [
        ("Asia/Jakarta", "Asia/Jakarta", "Asia/Jakarta", True),
        ("Asia/Jakarta", "Asia/Bangkok", "Asia/Pontianak", True),  # other names, the same hours
        (
            "Asia/Makassar",
            "Asia/Jakarta",
            "Asia/Jakarta",
            True,
        ),  # the store's day is another; documents go by the books
        ("Asia/Makassar", "Asia/Jakarta", "Asia/Makassar", False),
        ("Asia/Jakarta", "Asia/Jakarta", "UTC", False),
        ("Asia/Jakarta", "Mars/Olympus", "Asia/Jakarta", False),
    ],
)
def test_documents_are_dated_by_the_day_of_the_books(
    ledger: Ledger, store: str, books: str, policy: str, ok: bool
) -> None:
    found = pair_findings(ledger, pair_of(policy), a_check(zone=store), a_check(zone=books), NOW / 1e6)
    (zone,) = [f for f in found if f.what == "Time zone of the pair"]
    assert zone.ok is ok
    if not ok:
        assert zone.cure == f"Date documents by the day of the books: `selaras pair toko buku --set zone={books}`."


def test_a_currency_that_the_books_are_not_kept_in_is_told_until_they_have_taken_one(ledger: Ledger) -> None:
    def currency() -> Finding:
        store = a_check(currency="USD")
        found = pair_findings(ledger, pair_of("Asia/Jakarta"), store, a_check(), NOW / 1e6)
        (one,) = [f for f in found if f.what == "Currency of the pair"]
        return one

    first = currency()
    assert not first.ok
    assert first.detail == "toko sells in USD, buku is kept in IDR"
    assert first.cure.startswith("Switch USD on")
    written(ledger, "1001", currency="USD")
    assert currency().ok


def test_what_the_mapping_lacks_is_named(ledger: Ledger) -> None:
    with ledger.transaction():
        mappings.remember(ledger, "buku", Capabilities(maps=frozenset({"account:sales", "tax"})), NOW)

    def mapping() -> Finding:
        found = pair_findings(ledger, pair_of("Asia/Jakarta"), a_check(), a_check(), NOW / 1e6)
        (one,) = [f for f in found if f.what == "Accounts and taxes"]
        return one

    assert not mapping().ok
    assert mapping().detail == "the mapping of toko to buku lacks account:sales, tax"
    assert "selaras mapping propose toko buku" in mapping().cure
    mapping_changes.set_words(ledger, "toko", "buku", {"account:sales": "4-1", "tax:11": "PPN"}, NOW, "wati")
    assert mapping().ok


# -- whether what we wrote is found ------------------------------------------------------------------------------------


def written(ledger: Ledger, order: str, *, currency: str = "IDR", at: int = NOW) -> None:
    """An order of ours that stands in the books."""
    key = RecordKey("toko", "order", order)
    document = SalesOrder(order, dt.date(2026, 2, 2), currency, Decimal(1000))
    posting = NewPosting(
        "buku", f"toko:{order}", "order", 1, "sales_order", "create", key, order, "digest", document, "", total=1000,
        currency=currency,
    )  # fmt: skip
    with ledger.transaction():
        ledger.postings.plan([posting], at)
    with ledger.transaction():
        (claimed,) = ledger.postings.claim("buku", at, 60.0, 10)
    with ledger.transaction():
        done = Settlement(claimed, State.DONE, "create", "done", target_id=f"id-{order}", number=order, total=1000)
        ledger.postings.settle("buku", [done], at)


class FakeBooks:
    """Books that find what they are told to find."""

    def __init__(
        self, finds: Sequence[str] = (), error: ConnectorError | None = None, check: Check | None = None
    ) -> None:
        self.capabilities = Capabilities(visibility_lag=1.5, read_batch=2)
        self.finds = finds
        self.error = error
        self.answer = check or a_check()
        self.asked: list[list[str]] = []

    async def check(self) -> Check:
        if self.error is not None and not self.finds:
            raise self.error
        return self.answer

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        self.asked.append(list(references))
        if self.error is not None:
            raise self.error
        return {r: Found(f"id-{r}", r) for r in references if r in self.finds}


async def asked(ledger: Ledger, books: FakeBooks, names: Sequence[str] = ("buku",), **more: Any) -> Any:
    @asynccontextmanager
    async def opened(connection: Connection) -> AsyncIterator[Connector]:
        yield cast(Connector, books)

    return await check_connections(Desk(ledger), opened, names, NOW / 1e6 + 60, **more)


def of(answer: Any, what: str) -> Finding:
    (one,) = [f for f in answer.check.findings if f.what == what]
    return cast(Finding, one)


async def test_the_lag_is_told_and_proven_by_the_newest_order_of_ours(ledger: Ledger) -> None:
    (answer,) = await asked(ledger, FakeBooks())
    assert answer.ok
    assert (
        of(answer, "Search lag").detail == "a new document is found within 1.5 s; none of ours is there yet to prove it"
    )
    for number in range(3):
        written(ledger, f"100{number}", at=NOW + number)
    books = FakeBooks(["1001"])
    (answer,) = await asked(ledger, books)
    assert books.asked == [["1002", "1001"]], "the newest, as many as one call may ask for"
    assert of(answer, "Search lag").detail == "a new document is found within 1.5 s; 1001 of ours was found"
    (answer,) = await asked(ledger, FakeBooks(["another"]))
    assert not answer.ok
    assert of(answer, "Search lag").detail == "1002 was written into buku, and is not found there by its reference"
    assert "visibility_lag" in of(answer, "Search lag").cure


async def test_what_was_written_within_the_lag_is_no_proof_against_the_books(ledger: Ledger) -> None:
    written(ledger, "1001", at=NOW + 59_000_000)
    books = FakeBooks(["another"])
    (answer,) = await asked(ledger, books)
    assert (answer.ok, books.asked) == (True, [])


async def test_a_search_that_fails_is_told_with_its_cure(ledger: Ledger) -> None:
    written(ledger, "1001")
    (answer,) = await asked(ledger, FakeBooks(["1001"], Transient("the books are away")))
    assert not answer.ok
    assert (of(answer, "Search lag").detail, of(answer, "Search lag").cure) == (
        "the books are away",
        "Check the connection again later.",
    )


async def test_a_system_that_cannot_be_asked_is_one_sentence_with_its_cure(ledger: Ledger) -> None:
    (answer,) = await asked(ledger, FakeBooks(error=Rejected("no such company", cure="Enter another.")))
    assert (answer.ok, answer.check, answer.error, answer.cure) == (False, None, "no such company", "Enter another.")


async def test_the_other_side_of_a_pair_is_asked_and_only_what_was_named_is_told(ledger: Ledger) -> None:
    set_pairs(ledger, [pair_of("UTC")])
    for names, place in ((["toko"], "toko"), (["buku"], "buku"), (["toko", "buku"], "buku")):
        answers = await asked(ledger, FakeBooks(), names)
        assert [a.name for a in answers] == sorted(names)
        told = {a.name for a in answers if any(f.what == "Time zone of the pair" for f in a.check.findings)}
        assert told == {place}


async def test_an_unknown_name_is_told_before_anybody_is_asked(ledger: Ledger) -> None:
    books = FakeBooks()
    with pytest.raises(LedgerError, match="There is no connection 'bukku'"):
        await asked(ledger, books, ["buku", "bukku"])


async def test_now_is_the_present_of_the_caller(ledger: Ledger) -> None:
    """The zones are compared as they are at that moment: London and Lisbon are alike, Jakarta and London are not."""
    for first, second, alike in (("Europe/London", "Europe/Lisbon", True), ("Asia/Jakarta", "Europe/London", False)):
        found = pair_findings(ledger, pair_of(second), a_check(zone=first), a_check(zone=second), time.time())
        detail = next(f.detail for f in found if f.what == "Time zone of the pair")
        assert (detail == second) is alike
