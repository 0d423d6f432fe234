"""Several workers on one PostgreSQL: each posting has one holder, each stream one posting under way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.errors import ConstraintBroken, DatabaseUnreachable, LedgerError, PlanOutOfDate
from selaras.ledger.values import Claimed, Link, State
from tests.ledger.tools import (
    NOW,
    TestSealer,
    claim,
    done,
    failed,
    keep,
    names,
    order,
    plan,
    posting,
    record,
    settle,
)

BARRIER = 4242


class Office:
    """Workers on one database, each with a connection of its own, and a thread to make one of them wait."""

    def __init__(self, dsn: str, stack: ExitStack) -> None:
        self._dsn = dsn
        self._stack = stack
        self.threads = ThreadPoolExecutor(8)
        stack.callback(self.threads.shutdown)

    def worker(self) -> Ledger:
        ledger = open_ledger(self._dsn, TestSealer())
        self._stack.callback(ledger.close)
        return ledger

    def waiting_for_a_lock(self) -> int:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            row = connection.execute(
                """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND wait_event_type = 'Lock'"""
            ).fetchone()
        assert row is not None
        return int(row[0])

    def until_blocked(self, work: Future[Any], workers: int = 1) -> None:
        """Return when so many workers wait for a lock of another one; fail when `work` ended instead."""
        for _ in range(24_000):
            if self.waiting_for_a_lock() >= workers:
                return
            assert not work.done(), work.result()
            time.sleep(0.005)
        pytest.fail("nobody came to wait")

    @contextmanager
    def snapshot_taken(self, claimer: Ledger) -> Iterator[Future[list[Claimed]]]:
        """A claim of `claimer` that has its snapshot and has not chosen yet; it goes on when the block ends."""
        sql = claimer.postings._claim
        gate = f"p.due <= ? AND (SELECT pg_advisory_lock_shared({BARRIER})::text) IS NOT NULL"
        assert sql.count("p.due <= ?") == 1
        claimer.postings._claim = sql.replace("p.due <= ?", gate)
        with psycopg.connect(self._dsn, autocommit=True) as holder:
            holder.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
            future = self.threads.submit(claim, claimer)
            self.until_blocked(future)
            yield future
        future.result()
        claimer.postings._claim = sql


@pytest.fixture
def office(pg_where: str) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(pg_where, stack)


# -- one claim beside another --------------------------------------------------------------------------------------


def test_an_uncommitted_claim_holds_its_stream(office: Office) -> None:
    a, b = office.worker(), office.worker()
    plan(a, posting("s", "first"), posting("s", "second"), posting("t", "first"))
    with a.transaction():
        assert names(a.postings.claim("books", NOW, 60, 1)) == [("s", "first")]
        # In b's snapshot the first is still planned, hence unfinished, hence before the second.
        assert names(claim(b)) == [("t", "first")]
    assert names(claim(b)) == []


def test_a_claim_that_is_rolled_back_never_was(office: Office) -> None:
    a, b = office.worker(), office.worker()
    plan(a, posting("s", "first"), posting("s", "second"))

    def cut_short() -> None:
        with a.transaction():
            a.postings.claim("books", NOW, 60, 1)
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        cut_short()
    assert [(c.key, c.tries, c.look) for c in claim(b)] == [("first", 1, False)]


def a_claims(a: Ledger) -> None:
    claim(a, limit=1)


def a_claims_and_finishes(a: Ledger) -> None:
    settle(a, done(claim(a, limit=1)[0]))


def a_claims_and_blocks(a: Ledger) -> None:
    settle(a, failed(claim(a, limit=1)[0], State.BLOCKED))


def a_claims_and_will_retry_later(a: Ledger) -> None:
    settle(a, failed(claim(a, limit=1)[0], State.PLANNED, wait=5))


def a_supersedes(a: Ledger) -> None:
    plan(a, posting("s", "first", 2, supersedes=1))


@pytest.mark.parametrize(
    ("meanwhile", "then"),
    [
        (a_claims, []),
        (a_claims_and_finishes, [("second", 1)]),
        (a_claims_and_blocks, []),
        (a_claims_and_will_retry_later, []),
        (a_supersedes, [("first", 2)]),
    ],
)
def test_what_happens_between_snapshot_and_lock_gives_nobody_the_second_of_a_stream(
    office: Office, meanwhile: Callable[[Ledger], None], then: list[tuple[str, int]]
) -> None:
    """b decided from a snapshot in which the first was planned; when it comes to lock it, it is not any more."""
    a, b = office.worker(), office.worker()
    plan(a, posting("s", "first"), posting("s", "second"))
    with office.snapshot_taken(b) as claiming:
        meanwhile(a)
    assert names(claiming.result()) == []
    assert [(c.key, c.version) for c in claim(b)] == then


def test_a_first_that_came_back_meanwhile_is_claimed_as_it_is_now(office: Office) -> None:
    a, b = office.worker(), office.worker()
    plan(a, posting("s", "first"), posting("s", "second"))
    with office.snapshot_taken(b) as claiming:
        settle(a, failed(claim(a)[0], State.IN_DOUBT))
    assert [(c.key, c.tries, c.look) for c in claiming.result()] == [("first", 2, True)]


# -- planning beside claiming and beside planning ------------------------------------------------------------------


def test_ids_of_a_target_are_in_the_order_of_commits(office: Office) -> None:
    """Else a worker could claim what b planned, and what a planned before it would appear in its stream later."""
    a, b, c = office.worker(), office.worker(), office.worker()
    with a.transaction():
        a.postings.plan([posting("s", "first")], NOW)
        planning = office.threads.submit(plan, b, posting("s", "second"))
        office.until_blocked(planning)
        assert claim(c) == []
        plan(c, posting("x", target="shop"))  # another target waits for nobody
    planning.result()
    assert names(claim(c)) == [("s", "first")]
    assert names(claim(c)) == []


def test_two_planners_of_one_record_plan_it_once(office: Office) -> None:
    a, b = office.worker(), office.worker()
    with a.transaction():
        a.postings.plan([posting("s")], NOW)
        planning = office.threads.submit(plan, b, posting("s"), posting("t"))
        office.until_blocked(planning)
    with pytest.raises(PlanOutOfDate):
        planning.result()
    assert names(claim(a)) == [("s", "invoice")]


def test_a_posting_that_is_being_claimed_is_not_superseded(office: Office) -> None:
    a, b = office.worker(), office.worker()
    plan(a, posting("s"))
    with a.transaction():
        a.postings.claim("books", NOW, 60, 1)
        planning = office.threads.submit(plan, b, posting("s", version=2, supersedes=1))
        office.until_blocked(planning)
    with pytest.raises(PlanOutOfDate):
        planning.result()


# -- settling ------------------------------------------------------------------------------------------------------


def test_one_document_is_not_linked_twice_by_two_workers_at_once(office: Office) -> None:
    a, b = office.worker(), office.worker()
    plan(a, posting("s"), posting("t"))
    s, t = claim(a)
    with a.transaction():
        a.postings.settle("books", [done(s, "INV-1")], NOW)
        settling = office.threads.submit(settle, b, done(t, "INV-1"))
        office.until_blocked(settling)
    with pytest.raises(ConstraintBroken):
        settling.result()
    # It stays in doubt, is looked for again, and this time the ledger knows.
    settle(b, done(t, "INV-1"))
    assert [p.stream for p in a.postings.in_state(State.BLOCKED)] == ["t"]


def test_a_document_adopted_by_hand_while_another_is_settled_is_not_hidden(office: Office) -> None:
    a, b = office.worker(), office.worker()
    plan(a, posting("s"))
    (claimed,) = claim(b)
    with a.transaction():
        a.postings.link(Link("books", "s", "invoice", "invoice", "INV-by-hand", "", "", None, "IDR", 1), 0, NOW)
        settling = office.threads.submit(settle, b, done(claimed, "INV-ours"))
        office.until_blocked(settling)
    with pytest.raises(ConstraintBroken):
        settling.result()
    settle(b, done(claimed, "INV-ours"))
    (blocked,) = b.postings.in_state(State.BLOCKED)
    assert "INV-by-hand" in blocked.message
    assert f"N{claimed.id}" in blocked.message


def test_a_zombie_that_settles_at_the_same_time_loses(office: Office) -> None:
    a, b = office.worker(), office.worker()
    plan(a, posting("s"))
    (zombie,) = claim(a, lease=0)
    with b.transaction():
        (holder,) = b.postings.claim("books", NOW, 60, 1)
        late = office.threads.submit(settle, a, done(zombie, "INV-1"))
        office.until_blocked(late)
    assert late.result() == set()
    assert settle(b, done(holder, "INV-2")) == {holder.id}
    assert b.postings.links("books", ["s"])[("s", "invoice")].target_id == "INV-2"


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
