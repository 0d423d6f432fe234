"""Coverage: seen = posted + waiting + blocked + skipped, in number and in money."""

from __future__ import annotations

import msgspec
import pytest

from selaras.ledger import Ledger, coverage
from selaras.ledger.coverage import Cell
from selaras.ledger.values import RecordKey, State
from tests.ledger.tools import NOW, claim, done, failed, keep, mark_planned, order, plan, posting, record, settle


def cell(ledger: Ledger, day: str = "2026-01-01", currency: str = "IDR") -> Cell:
    (found,) = [c for c in ledger.coverage.cells("shop", "order") if (c.day, c.currency) == (day, currency)]
    assert found.balanced
    return found


def counts(c: Cell) -> tuple[int, int, int, int, int]:
    return c.seen, c.posted, c.waiting, c.blocked, c.skipped


def status(ledger: Ledger, number: int = 1) -> str:
    (found,) = [row for row in ledger.coverage.statuses("shop", "order") if row[0] == str(number)]
    return found[5]


def test_a_record_from_its_hint_to_its_documents(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.records.hint([order(1)], "webhook", NOW)
    assert counts(cell(ledger, "", "")) == (1, 0, 1, 0, 0)
    keep(ledger, record(1, total=1500))
    assert [c.day for c in ledger.coverage.cells("shop", "order")] == ["2026-01-01"]  # the hint names what we hold
    assert counts(cell(ledger)) == (1, 0, 1, 0, 0)
    plan(ledger, posting("s", "sales_order"), posting("s", "invoice"))
    mark_planned(ledger)
    assert status(ledger) == "waiting"
    settle(ledger, done(claim(ledger)[0]))
    assert status(ledger) == "waiting"
    (invoice,) = claim(ledger)
    assert status(ledger) == "waiting"
    settle(ledger, failed(invoice, State.BLOCKED))
    assert status(ledger) == "blocked"
    ledger.postings.retry([invoice.id], NOW, "admin")
    settle(ledger, done(claim(ledger)[0]))
    assert (counts(cell(ledger)), cell(ledger).sum_posted) == ((1, 1, 0, 0, 0), 1500)
    assert cell(ledger).green
    keep(ledger, record(1, "changed", total=1600, updated_at=1))
    assert status(ledger) == "waiting"


def test_a_hint_to_poll_a_kind_is_no_record(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.records.hint([RecordKey("shop", "order", "")], "webhook", NOW)
    assert ledger.coverage.cells("shop", "order") == []


def test_blocked_shows_even_while_a_new_version_waits_to_be_planned(ledger: Ledger) -> None:
    keep(ledger, record(1))
    plan(ledger, posting("s", "!", state=State.BLOCKED, empty=True))
    assert status(ledger) == "blocked"


def test_a_record_that_nobody_decided_about_waits(ledger: Ledger) -> None:
    keep(ledger, record(1))
    mark_planned(ledger)
    assert status(ledger) == "waiting"


def test_only_skipped_is_skipped_and_only_superseded_is_nothing(ledger: Ledger) -> None:
    keep(ledger, record(1), record(2))
    plan(ledger, posting("s", "!", state=State.SKIPPED, empty=True), posting("t", number=2))
    mark_planned(ledger)
    ledger.postings.supersede_planned(ledger.postings.of_record(order(2))[0].id, NOW)
    assert (status(ledger, 1), status(ledger, 2)) == ("skipped", "waiting")


def test_a_contact_alone_posts_nothing_of_an_order(ledger: Ledger) -> None:
    keep(ledger, record(1))
    plan(ledger, posting("buyer", "contact", kind="contact"), posting("s", "!", state=State.BLOCKED, empty=True))
    mark_planned(ledger)
    settle(ledger, done(claim(ledger)[0]))
    assert status(ledger) == "blocked"
    (problem,) = ledger.postings.in_state(State.BLOCKED)
    ledger.postings.skip([problem.id], NOW, "admin", "a trial order")
    assert status(ledger) == "skipped"


def test_days_and_currencies_are_cells_of_their_own(ledger: Ledger) -> None:
    keep(
        ledger,
        record(1, total=1),
        record(2, total=2, currency="USD"),
        record(3, total=4, day="2026-01-02"),
        record(4, total=None, day="2026-01-02", currency=""),
        record(5, total=-8, day="2026-01-03"),
    )
    found = {(c.day, c.currency): (c.seen, c.sum_seen) for c in ledger.coverage.cells("shop", "order")}
    assert found == {
        ("2026-01-01", "IDR"): (1, 1), ("2026-01-01", "USD"): (1, 2), ("2026-01-02", "IDR"): (1, 4),
        ("2026-01-02", ""): (1, 0), ("2026-01-03", "IDR"): (1, -8),
    }  # fmt: skip
    assert [c.day for c in ledger.coverage.cells("shop", "order", "2026-01-02", "2026-01-02")] == ["2026-01-02"] * 2
    assert [row[0] for row in ledger.coverage.statuses("shop", "order", "2026-01-02", "2026-01-03")] == ["3", "4", "5"]
    assert ledger.coverage.cells("other", "order") == []


def test_sums_are_exact_where_floating_point_is_not(ledger: Ledger) -> None:
    big = 2**53
    keep(ledger, record(1, total=big), record(2, total=1), record(3, total=big))
    assert cell(ledger).sum_seen == 2 * big + 1


def test_green_needs_the_source_to_count_the_same(ledger: Ledger) -> None:
    keep(ledger, record(1, total=100))
    plan(ledger, posting("s"))
    mark_planned(ledger)
    settle(ledger, done(claim(ledger)[0]))
    assert cell(ledger).green
    day = ("2026-01-01", "IDR")
    for figures, green in (({day: (1, 100)}, True), ({day: (2, 100)}, False), ({day: (1, 99)}, False)):
        with ledger.transaction():
            ledger.coverage.census("shop", "order", figures, NOW)
        assert cell(ledger).green is green
    with ledger.transaction():
        ledger.coverage.census("shop", "order", {("2026-01-09", "IDR"): (3, 7)}, NOW)
    assert cell(ledger).source_count is None
    missed = cell(ledger, "2026-01-09")
    assert (missed.seen, missed.source_count, missed.source_sum, missed.green) == (0, 3, 7, False)


@pytest.mark.parametrize("field", ["posted", "waiting", "blocked", "skipped", "sum_posted", "sum_skipped"])
def test_an_imbalance_is_never_green(field: str) -> None:
    fine = Cell("shop", "order", "2026-01-01", "IDR", 1, 1, 0, 0, 0, 5, 5, 0, 0, 0)
    assert fine.green
    off = msgspec.structs.replace(fine, **{field: getattr(fine, field) + 1})
    assert not off.balanced
    assert not off.green


def test_a_status_that_coverage_does_not_know_shows_as_an_imbalance(ledger: Ledger) -> None:
    """Seen is counted without the postings: a record that falls through the cases is missed, not hidden."""
    keep(ledger, record(1), record(2))
    mark_planned(ledger)
    plan(ledger, posting("s", number=1))
    assert cell(ledger).seen == 2
    original = coverage._STATUS
    try:
        coverage._STATUS = original.replace("'waiting'", "'in transit'")
        (off,) = ledger.coverage.cells("shop", "order")
    finally:
        coverage._STATUS = original
    assert (off.seen, off.waiting, off.balanced) == (2, 0, False)


def test_what_is_recorded_is_what_has_a_document_in_the_books(ledger: Ledger) -> None:
    keep(ledger, record(1), record(2), record(3), record(4, day="2026-01-02"))
    plan(ledger, posting("shop:1"), posting("shop:2", "contact", kind="contact", number=2), posting("shop:3", number=3))
    mark_planned(ledger)
    claims = claim(ledger)
    settle(ledger, *(done(c) for c in claims[:2]), failed(claims[2], State.BLOCKED))
    found = ledger.coverage.recorded("shop", "order", "books")
    assert {(day, linked): count for day, status, linked, count in found if status != "blocked"} == {
        ("2026-01-01", True): 1, ("2026-01-01", False): 1, ("2026-01-02", False): 1,
    }  # fmt: skip
    assert ledger.coverage.recorded("shop", "order", "store", last="2026-01-01") == [
        (day, status, False, count)
        for day, status, _linked, count in ledger.coverage.recorded("shop", "order", "books", last="2026-01-01")
    ]


def test_causes_are_grouped_with_examples(ledger: Ledger) -> None:
    keep(ledger, *(record(number) for number in range(1, 8)))
    plan(
        ledger,
        *(
            posting(f"s{n}", "!", number=n, state=State.BLOCKED, cause="unmatched_product", empty=True)
            for n in range(1, 7)
        ),
        posting("s7", "!", number=7, state=State.BLOCKED, cause="total_differs", empty=True),
        posting("s8", "!", number=8, state=State.SKIPPED, cause="draft", empty=True),
    )
    first, second = ledger.coverage.causes(examples=3)
    assert (first.state, first.cause, first.connection, first.records) == ("blocked", "unmatched_product", "shop", 6)
    assert len(first.examples) == 3
    assert set(first.examples) < {f"#{n}" for n in range(1, 7)}
    assert (second.cause, second.records, second.examples) == ("total_differs", 1, ["#7"])
    (skipped,) = ledger.coverage.causes(states=(4,))
    assert (skipped.state, skipped.examples) == ("skipped", ["8"])  # a record that we do not hold is named by its id


def test_waiting_and_kinds(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t", number=2, target="other"))
    assert [(key, message) for key, message, _ in ledger.coverage.waiting()] == [(order(1), ""), (order(2), "")]
    assert [key for key, _, _ in ledger.coverage.waiting("other")] == [order(2)]
    with ledger.transaction():
        ledger.records.hint([RecordKey("bank", "bank_transaction", "1"), RecordKey("shop", "product", "1")], "poll", 0)
    assert ledger.coverage.kinds() == [("bank", "bank_transaction"), ("shop", "order")]


def test_a_reader_sees_one_moment_beside_the_writer(ledger: Ledger) -> None:
    keep(ledger, record(1))
    reader = ledger.reader()
    try:
        with ledger.transaction():
            ledger.records.keep([record(2)], "poll", NOW)
            assert counts(reader.coverage.cells("shop", "order")[0]) == (1, 0, 1, 0, 0)
        assert counts(reader.coverage.cells("shop", "order")[0]) == (2, 0, 2, 0, 0)
    finally:
        reader.close()
