"""Many workers on one PostgreSQL at once: no stream shared, no deadlock, and connections that end."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from selaras.ledger import Ledger
from selaras.ledger.errors import DatabaseUnreachable, LedgerError, PlanOutOfDate
from selaras.ledger.values import State
from tests.ledger.office import Office
from tests.ledger.tools import NOW, claim, done, failed, keep, order, plan, posting, record, settle

# -- many at once --------------------------------------------------------------------------------------------------


def test_workers_share_a_backlog_without_ever_sharing_a_stream(office: Office, rng: random.Random) -> None:
    streams, length = 25, 4
    boss = office.worker()
    plan(
        boss,
        *(
            posting(f"s{number}", f"k{place}", needs="contact" if number % 5 == 0 and place == 0 else "")
            for place in range(length)
            for number in range(streams)
        ),
        posting("contact", "contact"),
    )
    guard, flying = threading.Lock(), set[str]()
    finished: dict[str, list[str]] = {}
    tries: dict[int, int] = {}

    def work(ledger: Ledger, chance: random.Random) -> None:
        idle = 0
        while idle < 200:
            claimed = claim(ledger, limit=chance.randint(1, 6))
            idle = 0 if claimed else idle + 1
            with guard:
                for c in claimed:
                    assert c.stream not in flying, f"{c.stream} is held twice"
                    assert c.needs == "" or finished.get(c.needs), f"{c.stream} went before {c.needs}"
                    assert c.tries == tries.get(c.id, 0) + 1
                    tries[c.id] = c.tries
                    flying.add(c.stream)
            outcomes = [
                failed(c, State.PLANNED) if chance.random() < 0.2 else done(c, f"doc {c.stream} {c.key}")
                for c in claimed
            ]
            with guard:  # before the commit: after it another worker may have the next of the stream already
                for outcome in outcomes:
                    flying.discard(outcome.claimed.stream)
                    if outcome.state is State.DONE:
                        finished.setdefault(outcome.claimed.stream, []).append(outcome.claimed.key)
            assert settle(ledger, *outcomes) == {c.id for c in claimed}
            if len(finished) == streams + 1 and all(
                len(keys) == length for stream, keys in finished.items() if stream != "contact"
            ):
                return

    workers = [office.threads.submit(work, office.worker(), random.Random(rng.random())) for _ in range(4)]
    for worker in workers:
        worker.result(timeout=120)
    assert finished == {"contact": ["contact"]} | {
        f"s{number}": [f"k{place}" for place in range(length)] for number in range(streams)
    }
    assert len(boss.postings.links("books", finished)) == streams * length + 1


def hint_both(ledger: Ledger) -> None:
    ledger.records.hint([order(2), order(1)], "webhook", NOW)


def hint_both_in_one_group(ledger: Ledger) -> None:
    ledger.records.hint_all([([order(2)], "webhook", NOW), ([order(1)], "webhook", NOW)])


def look_at_both(ledger: Ledger) -> None:
    ledger.records.looked(list(reversed(ledger.records.hints("shop", "order", NOW, 10))))


def postpone_both(ledger: Ledger) -> None:
    ledger.records.postpone(list(reversed(ledger.records.hints("shop", "order", NOW, 10))), NOW, "later")


def keep_both(ledger: Ledger) -> None:
    ledger.records.keep([record(2, "new"), record(1, "new")], "poll", NOW)


def mark_both(ledger: Ledger) -> None:
    ledger.records.planned(list(reversed(ledger.records.unplanned("shop", "order", 10))))


def replan_both(ledger: Ledger) -> None:
    ledger.records.replan([order(2), order(1)])


def touch_both(ledger: Ledger) -> None:
    ledger.records.touch("shop", "order", ["2", "1"], NOW)


@pytest.mark.parametrize(
    "work",
    [
        hint_both, hint_both_in_one_group, look_at_both, postpone_both, keep_both, mark_both, replan_both, touch_both,
    ],
)  # fmt: skip
def test_rows_are_changed_in_one_order_so_that_workers_cannot_deadlock(
    office: Office, work: Callable[[Ledger], None]
) -> None:
    """a holds the first row and will want the second; b, who was told them the other way round, may not hold that."""
    a, b = office.worker(), office.worker()
    keep(a, record(1), record(2))
    a.records.hint([order(1), order(2)], "webhook", NOW)

    def change(number: str) -> None:
        for table in ("record", "hint"):
            a.db.run(f"UPDATE {table} SET kind = kind WHERE id = ?", (number,))

    def working() -> None:
        with b.transaction():
            work(b)

    with a.transaction():
        change("1")
        waiting = office.threads.submit(working)
        office.until_blocked(waiting)
        change("2")
    waiting.result(timeout=120)


def test_two_readers_of_one_record_leave_both_readings_in_its_history(office: Office) -> None:
    a, b = office.worker(), office.worker()
    with a.transaction():
        a.records.keep([record(1, "a")], "poll", NOW)
        reading = office.threads.submit(keep, b, record(1, "b", updated_at=1))
        office.until_blocked(reading)
    assert [r.digest for r in reading.result()] == ["b"]
    assert [raw for _, _, _, raw in a.records.history(order(1))] == [record(1, "a").raw, record(1, "b").raw]

    with a.transaction():
        a.records.keep([record(1, "d", updated_at=3)], "poll", NOW)
        reading = office.threads.submit(keep, b, record(1, "c", updated_at=2))
        office.until_blocked(reading)
    assert reading.result() == []  # when b came to write, a newer state was there
    assert len(a.records.history(order(1))) == 3


def test_a_lane_has_one_holder_however_many_ask(office: Office) -> None:
    start = threading.Barrier(4)

    def take(ledger: Ledger, owner: str) -> int | None:
        start.wait()
        with ledger.transaction():
            return ledger.connections.take_lane("books", owner, NOW, 10)

    takers = [office.threads.submit(take, office.worker(), f"w{number}") for number in range(4)]
    assert sorted(str(taker.result(timeout=60)) for taker in takers) == ["1", "None", "None", "None"]


# -- the connection ------------------------------------------------------------------------------------------------


def test_a_deadlock_is_undone_and_asks_for_a_new_plan(office: Office) -> None:
    a, b = office.worker(), office.worker()
    keep(a, record(1), record(2))

    def touch(ledger: Ledger, number: int) -> None:
        ledger.records.touch("shop", "order", [str(number)], NOW + number)

    def crosswise() -> None:
        with b.transaction():
            touch(b, 2)
            start.wait(120)
            touch(b, 1)

    def straight(other: Future[None]) -> None:
        with a.transaction():
            touch(a, 1)
            start.set()
            office.until_blocked(other)
            touch(a, 2)

    start = threading.Event()
    other = office.threads.submit(crosswise)
    refusals: list[BaseException | None] = []
    try:
        straight(other)
    except PlanOutOfDate as refusal:
        refusals.append(refusal)
    refusals.append(other.exception(timeout=120))
    assert [type(refusal) for refusal in refusals if refusal] == [PlanOutOfDate]


def test_an_ended_connection_is_opened_anew_and_loses_only_what_was_not_committed(office: Office) -> None:
    a, b = office.worker(), office.worker()
    pid = a.db.rows("SELECT pg_backend_pid()")[0][0]
    keep(a, record(1))

    def cut() -> None:
        with a.transaction():
            a.records.keep([record(2)], "poll", NOW)
            b.db.rows("SELECT pg_terminate_backend(?, 5000)", (pid,))
            a.records.keep([record(3)], "poll", NOW)

    with pytest.raises(DatabaseUnreachable, match="ended the connection"):
        cut()
    assert [r.key.id for r in a.records.all("shop", "order")] == ["1"]
    keep(a, record(2))
    pid = a.db.rows("SELECT pg_backend_pid()")[0][0]
    b.db.rows("SELECT pg_terminate_backend(?, 5000)", (pid,))
    with pytest.raises(DatabaseUnreachable):
        a.records.all("shop", "order")
    assert len(a.records.all("shop", "order")) == 2


def test_a_closed_ledger_stays_closed(office: Office) -> None:
    ledger = office.worker()
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.postings.next_due("books")
