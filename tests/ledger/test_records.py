"""Records: kept when they change, never replaced by something older, with their history."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selaras.ledger import Ledger
from selaras.ledger.values import State, StoredRecord
from tests.ledger.tools import NOW, SECOND, keep, mark_planned, order, plan, posting, record


def stored(ledger: Ledger, number: int = 1) -> StoredRecord:
    found = ledger.records.get(order(number))
    assert found is not None
    return found


def test_a_record_is_kept_with_everything_it_says(ledger: Ledger) -> None:
    new = record(1, total=-(2**53) - 1, is_open=True)
    assert keep(ledger, new, now=NOW + 5) == [new]
    held = stored(ledger)
    assert held == StoredRecord(
        order(1), "#1", "2026-01-01", 1, 0, new.updated_at, NOW + 5, -(2**53) - 1, "IDR", new.body
    )
    assert ledger.records.history(order(1)) == [(1, NOW + 5, "poll", new.raw)]
    assert ledger.records.get(order(2)) is None


def test_an_unchanged_record_changes_nothing(ledger: Ledger) -> None:
    keep(ledger, record(1))
    mark_planned(ledger)
    assert keep(ledger, record(1), via="webhook", now=NOW + 9) == []
    assert stored(ledger).version == 1
    assert len(ledger.records.history(order(1))) == 1
    assert ledger.records.unplanned("shop", "order", 10) == []


def test_an_older_state_never_replaces_a_newer_one(ledger: Ledger) -> None:
    keep(ledger, record(1, "new", updated_at=10))
    assert keep(ledger, record(1, "old", updated_at=9)) == []
    assert stored(ledger).body == record(1, "new").body
    assert keep(ledger, record(1, "newer", updated_at=10)) != []  # stamps of one second are no order
    assert stored(ledger).version == 2


def test_an_older_state_never_replaces_one_that_came_back_to_what_it_was(ledger: Ledger) -> None:
    """a (10 s), then b (20 s) unseen, then a again (30 s): b arrives late and must not win."""
    keep(ledger, record(1, "a", updated_at=10))
    assert keep(ledger, record(1, "a", updated_at=30)) == []
    assert keep(ledger, record(1, "b", updated_at=20)) == []
    assert stored(ledger).body == record(1, "a").body


def test_of_several_states_in_one_page_the_newest_counts(ledger: Ledger) -> None:
    page = [record(1, "c", updated_at=3), record(2, "x"), record(1, "a", updated_at=1), record(1, "b", updated_at=2)]
    assert [r.digest for r in keep(ledger, *page)] == ["c", "x"]
    assert stored(ledger).body == record(1, "c").body
    assert keep(ledger, record(3, "first"), record(3, "last"))[0].digest == "last"


def test_mirrors_keep_no_history(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.records.keep([record(1)], "poll", NOW, history=False)
    assert ledger.records.history(order(1)) == []


def test_each_version_is_remembered(ledger: Ledger) -> None:
    for second, digest in enumerate("aba"):
        keep(ledger, record(1, digest, updated_at=second), via=digest)
    assert [(v, via) for v, _, via, _ in ledger.records.history(order(1))] == [(1, "a"), (2, "b"), (3, "a")]


def test_planned_below_version_is_the_queue_of_planning(ledger: Ledger) -> None:
    keep(ledger, record(2), now=NOW)
    keep(ledger, record(1), now=NOW + 1)
    waiting = ledger.records.unplanned("shop", "order", 10)
    assert [r.key.id for r in waiting] == ["2", "1"]
    assert len(ledger.records.unplanned("shop", "order", 1)) == 1
    keep(ledger, record(2, "b", updated_at=1))
    ledger.records.planned(waiting)
    again = ledger.records.unplanned("shop", "order", 10)
    assert [(r.key.id, r.version) for r in again] == [("2", 2)]
    ledger.records.planned(again)
    assert ledger.records.unplanned("shop", "order", 10) == []


def test_a_replan_is_not_lost_to_a_planning_that_is_under_way(ledger: Ledger) -> None:
    keep(ledger, record(1))
    planning = ledger.records.unplanned("shop", "order", 10)
    ledger.records.replan([order(1)])  # a mapping changed after it was read
    ledger.records.planned(planning)
    again = ledger.records.unplanned("shop", "order", 10)
    assert [r.key for r in again] == [order(1)]
    ledger.records.planned(again)
    assert ledger.records.unplanned("shop", "order", 10) == []
    for _ in range(3):
        ledger.records.replan([order(1)])
    assert len(ledger.records.unplanned("shop", "order", 10)) == 1


def test_replan_blocked_takes_the_blocked_of_a_cause(ledger: Ledger) -> None:
    keep(ledger, record(1), record(2), record(3))
    plan(
        ledger,
        posting("s1", number=1, state=State.BLOCKED, cause="unmatched_product", empty=True),
        posting("s2", number=2, state=State.BLOCKED, cause="total_differs", empty=True),
        posting("s3", number=3),
    )
    mark_planned(ledger)
    assert ledger.records.replan_blocked("shop", ["unmatched_product", "other"]) == 1
    assert [r.key.id for r in ledger.records.unplanned("shop", "order", 10)] == ["1"]
    assert ledger.records.replan_blocked("shop") == 2
    assert ledger.records.replan_blocked("other") == 0


def test_records_are_found_by_what_people_call_them(ledger: Ledger) -> None:
    keep(ledger, record(1), record(10))
    assert [r.key.id for r in ledger.records.named("#1")] == ["1"]
    assert [r.key.id for r in ledger.records.named("10")] == ["10"]
    assert [r.key.id for r in ledger.records.some("shop", "order", ["10", "1", "7"])] in (["10", "1"], ["1", "10"])
    assert [r.key.id for r in ledger.records.all("shop", "order")] == ["1", "10"]


def test_more_ids_than_one_statement_takes(ledger: Ledger) -> None:
    keep(ledger, record(1), record(69_999))
    ids = [str(number) for number in range(70_000)]
    assert {r.key.id for r in ledger.records.some("shop", "order", ids)} == {"1", "69999"}
    assert set(ledger.records.digests("shop", "order", ids)) == {"1", "69999"}


def test_open_records_come_up_until_they_are_read_again(ledger: Ledger) -> None:
    keep(ledger, record(1, is_open=True, updated_at=5), record(2), record(3, is_open=True, updated_at=1), now=NOW)
    assert ledger.records.open_ids("shop", "order", NOW + 1, 10) == ["3", "1"]
    ledger.records.touch("shop", "order", ["3", "2"], NOW + 1)
    assert ledger.records.open_ids("shop", "order", NOW + 1, 10) == ["1"]
    keep(ledger, record(1, updated_at=5))  # nothing changed but that it is final now
    assert ledger.records.open_ids("shop", "order", NOW + 1, 10) == []


def test_what_is_open_and_what_the_target_does_not_hold_yet(ledger: Ledger) -> None:
    keep(ledger, *(record(number, is_open=number % 2 == 0, updated_at=-number) for number in range(1, 7)))
    assert sorted(ledger.records.open_versions("shop", "order")) == ["2", "4", "6"]
    mark_planned(ledger)
    keep(ledger, record(1, "changed", updated_at=1))
    plan(
        ledger,
        posting("s2", number=2),
        posting("s3", number=3, state=State.BLOCKED, empty=True),
        posting("s4", number=4, state=State.SKIPPED, empty=True),
        posting("s5", number=5, target="other"),
    )
    assert [r.key.id for r in ledger.records.unrecorded("shop", "order", "books")] == ["1", "2", "3"]
    assert [r.key.id for r in ledger.records.unrecorded("shop", "order", "other")] == ["1", "5"]


def test_the_cursor_moves_with_the_rows_it_covers(ledger: Ledger) -> None:
    assert ledger.records.cursor("shop", "order") == ""

    def page(fail: bool) -> None:
        with ledger.transaction():
            ledger.records.keep([record(1)], "poll", NOW)
            ledger.records.advance("shop", "order", "page 2", NOW)
            if fail:
                raise RuntimeError("the power went")

    try:
        page(fail=True)
    except RuntimeError:
        pass
    assert ledger.records.cursor("shop", "order") == ""
    assert ledger.records.get(order(1)) is None
    page(fail=False)
    assert ledger.records.cursor("shop", "order") == "page 2"


def test_what_vendors_put_into_texts_is_kept_on_both_databases(ledger: Ledger) -> None:
    """NUL is refused by PostgreSQL, a lone surrogate by both; neither may fail a whole batch for ever."""
    ledger.connections.event(
        "shop", "warning", "odd", "nul \0 surrogate \ud83d smile \U0001f600 pair \ud83d\ude00", NOW
    )
    assert ledger.connections.events()[0][4] == "nul \ufffd surrogate \ufffd smile \U0001f600 pair \U0001f600"


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # the table is emptied below
@given(
    readings=st.lists(
        st.lists(st.tuples(st.integers(1, 2), st.sampled_from("abc"), st.integers(0, 4)), min_size=1, max_size=4),
        max_size=8,
    )
)
def test_the_newest_state_wins_in_any_order(ledger: Ledger, readings: list[list[tuple[int, str, int]]]) -> None:
    for table in ("record", "sighting"):
        ledger.db.run(f"DELETE FROM {table}")
    newest: dict[int, tuple[int, str]] = {}
    versions: dict[int, int] = {}
    for page in readings:
        keep(ledger, *(record(number, digest, updated_at=at) for number, digest, at in page))
        best: dict[int, tuple[int, str]] = {}
        for number, digest, at in page:
            if number not in best or best[number][0] <= at:
                best[number] = (at, digest)
        for number, (at, digest) in best.items():
            if number not in newest or newest[number][0] <= at:
                if number not in newest or newest[number][1] != digest:
                    versions[number] = versions.get(number, 0) + 1
                newest[number] = (at, digest)
    for number, (at, digest) in newest.items():
        held = stored(ledger, number)
        assert (held.body, held.updated_at) == (record(number, digest).body, NOW + at * SECOND)
        assert held.version == versions[number]
        assert len(ledger.records.history(order(number))) == held.version


def test_records_are_found_by_day_and_by_what_they_say(ledger: Ledger) -> None:
    keep(
        ledger,
        record(1, "x'y%", day="2026-01-01"),
        record(2, "cancelled", day="2026-01-02"),
        record(3, day="2026-02-01"),
    )

    def found(*args: object) -> list[str]:
        return [r.key.id for r in ledger.records.on_days("shop", "order", *args)]  # type: ignore[arg-type]

    assert found("", "9999") == ["1", "2", "3"]
    assert found("2026-01-01", "2026-01-31") == ["1", "2"]
    assert found("2026-01-02", "2026-01-01") == []
    assert found("", "9999", b'"cancelled"') == ["2"]
    assert found("", "9999", b"x'y%") == ["1"]
    assert found("", "9999", b"no such words") == []
