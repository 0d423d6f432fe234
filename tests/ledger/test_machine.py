"""The ledger against a naive model of it: whatever happens in whatever order, both say the same.

The model keeps postings in a list and decides by reading it from the beginning, in plain Python; it knows no SQL, no
index and no constraint. After every step coverage must balance and agree with it, per day, in number and in money, and
a claim must take exactly what the model says may go.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from selaras.ledger import Ledger
from selaras.ledger.errors import PlanOutOfDate
from selaras.ledger.values import Claimed, PendingHint, RecordKey, State
from tests.ledger import tools
from tests.ledger.tools import NOW, SECOND

NUMBERS = st.integers(1, 3)
KEYS = st.sampled_from(["sales_order", "invoice"])
DAYS = ("2026-01-01", "2026-01-02")
CURRENCIES = ("IDR", "USD")
TABLES = ("hint", "record", "sighting", "posting", "link", "attempt")


@dataclasses.dataclass
class Row:
    """A posting as the model knows it."""

    stream: str
    key: str
    version: int
    number: int
    state: State
    due: int
    needs: str
    place: float
    op: str
    tries: int = 0

    @property
    def unfinished(self) -> bool:
        return self.state in (State.PLANNED, State.IN_DOUBT)

    @property
    def holds(self) -> bool:
        return self.unfinished or self.state is State.BLOCKED


@dataclasses.dataclass
class Held:
    """A record as the model knows it."""

    digest: str
    updated_at: int
    day: str
    currency: str
    total: int
    versions: int = 1
    planned: bool = False


def stream_of(number: int) -> str:
    return f"order:{number}"


class Model:
    """Everything that may be asked of the ledger, answered by reading lists."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.records: dict[int, Held] = {}
        self.hints: set[int] = set()

    def may_go(self, now: int) -> list[Row]:
        """The oldest of each stream that is due and whose needs are met, by due and then by age."""
        free = []
        for row in self.rows:
            if not row.unfinished or row.due > now:
                continue
            before = [r for r in self.rows if r.stream == row.stream and r.holds and r.place < row.place]
            needed = [r for r in self.rows if row.needs and r.stream == row.needs and r.holds]
            if not before and not needed:
                free.append(row)
        return sorted(free, key=lambda row: (row.due, self.rows.index(row)))

    def status(self, number: int) -> str:
        rows = [r for r in self.rows if r.number == number and r.state is not State.SUPERSEDED]
        states = [r.state for r in rows]
        if State.BLOCKED in states:
            return "blocked"
        if State.PLANNED in states or State.IN_DOUBT in states or not self.records[number].planned or not states:
            return "waiting"
        return "posted" if any(r.state is State.DONE and r.key != "contact" for r in rows) else "skipped"

    def find(self, claimed: Claimed) -> Row:
        (row,) = [
            r for r in self.rows if (r.stream, r.key, r.version) == (claimed.stream, claimed.key, claimed.version)
        ]
        return row

    def newest(self, stream: str, key: str) -> Row | None:
        rows = [r for r in self.rows if (r.stream, r.key) == (stream, key)]
        return max(rows, key=lambda r: r.version) if rows else None


class LedgerMachine(RuleBasedStateMachine):
    """What the flows, a person, a crash and a slow zombie may do."""

    claims = Bundle("claims")
    looks = Bundle("looks")

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        with ledger.transaction():
            for table in TABLES:
                ledger.db.run(f"DELETE FROM {table}")
        self.model = Model()
        self.now = NOW
        self.age = 0

    def ids(self, rows: list[Row]) -> list[int]:
        found = []
        for row in rows:
            of_stream = self.ledger.postings.of_streams("books", [row.stream])[row.stream]
            found += [p.id for p in of_stream if (p.key, p.version) == (row.key, row.version)]
        return found

    # -- intake ----------------------------------------------------------------------------------------------------

    @rule(number=NUMBERS, number2=NUMBERS)
    def hint(self, number: int, number2: int) -> None:
        with self.ledger.transaction():
            self.ledger.records.hint([tools.order(number), tools.order(number2)], "webhook", self.now)
        self.model.hints |= {number, number2}

    @rule(target=looks)
    def begin_to_look(self) -> tuple[list[PendingHint], set[int]]:
        hints = self.ledger.records.hints("shop", "order", self.now, 100)
        assert {int(h.key.id) for h in hints} == self.model.hints
        self.now += 1
        return hints, set(self.model.hints)

    @rule(look=consumes(looks))
    def end_the_look(self, look: tuple[list[PendingHint], set[int]]) -> None:
        bumps = {h.key: h.bumps for h in self.ledger.records.hints("shop", "order", self.now, 100)}
        self.ledger.records.looked(look[0])
        for hint in look[0]:
            if bumps.get(hint.key) == hint.bumps:
                self.model.hints.discard(int(hint.key.id))

    @rule(
        number=NUMBERS,
        digest=st.sampled_from("ab"),
        at=st.integers(0, 3),
        total=st.sampled_from([1, 1, 1, -(10**12)]),
    )
    def keep(self, number: int, digest: str, at: int, total: int) -> None:
        day, currency = DAYS[(number + len(digest)) % 2], CURRENCIES[number % 2]
        new = tools.record(number, f"{digest}{total}", updated_at=at, total=total, day=day, currency=currency)
        changed = tools.keep(self.ledger, new, now=self.now)
        held = self.model.records.get(number)
        if held is None:
            self.model.records[number] = Held(new.digest, new.updated_at, day, currency, total)
            assert changed == [new]
        elif held.updated_at <= new.updated_at and held.digest != new.digest:
            self.model.records[number] = Held(new.digest, new.updated_at, day, currency, total, held.versions + 1)
            assert changed == [new]
        else:
            if held.digest == new.digest:
                held.updated_at = max(held.updated_at, new.updated_at)
            assert changed == []

    # -- planning --------------------------------------------------------------------------------------------------

    @rule(
        number=NUMBERS,
        key=KEYS,
        needs=st.sampled_from(["", "", "contact:1"]),
        state=st.sampled_from([State.PLANNED] * 4 + [State.BLOCKED, State.SKIPPED]),
        op=st.sampled_from(["create", "update"]),
    )
    def plan(self, number: int, key: str, needs: str, state: State, op: str) -> None:
        self.plan_one(stream_of(number), key, number, needs, state, op)

    @rule(number=NUMBERS)
    def plan_a_contact(self, number: int) -> None:
        self.plan_one("contact:1", "contact", number, "", State.PLANNED, "create")

    def plan_one(self, stream: str, key: str, number: int, needs: str, state: State, op: str) -> None:
        before = self.model.newest(stream, key)
        supersedes = 0
        if before is not None and before.state in (State.PLANNED, State.BLOCKED, State.SKIPPED):
            supersedes = before.version
        version = before.version + 1 if before else 1
        new = tools.posting(
            stream, key, version, number=number, op=op, needs=needs, state=state, supersedes=supersedes,
            kind=key, empty=state is not State.PLANNED,
        )  # fmt: skip
        tools.plan(self.ledger, new, now=self.now)
        self.age += 1
        row = Row(stream, key, version, number, state, self.now, needs, self.age, op)
        if before is not None and supersedes:
            row.place = before.place
            if before.tries and before.state is not State.PLANNED and state is State.PLANNED and op == "create":
                row.state = State.IN_DOUBT
            before.state = State.SUPERSEDED
        self.model.rows.append(row)

    @precondition(lambda self: any(r.state in (State.IN_DOUBT, State.DONE) for r in self.model.rows))
    @rule(data=st.data())
    def plan_behind_the_back_of_a_worker(self, data: Any) -> None:
        taken = [r for r in self.model.rows if r.state in (State.IN_DOUBT, State.DONE)]
        row = data.draw(st.sampled_from(taken))
        new = tools.posting(row.stream, row.key, row.version + 100, supersedes=row.version)
        with pytest.raises(PlanOutOfDate):
            tools.plan(self.ledger, tools.posting("order:other"), new)

    @rule()
    def mark_planned(self) -> None:
        waiting = {n for n, held in self.model.records.items() if not held.planned}
        found = self.ledger.records.unplanned("shop", "order", 100)
        assert {int(r.key.id) for r in found} == waiting
        with self.ledger.transaction():
            self.ledger.records.planned(found)
        for number in waiting:
            self.model.records[number].planned = True

    @rule(number=NUMBERS)
    def replan(self, number: int) -> None:
        self.ledger.records.replan([tools.order(number)])
        if number in self.model.records:
            self.model.records[number].planned = False

    @rule()
    def replan_blocked(self) -> None:
        blocked = {r.number for r in self.model.rows if r.state is State.BLOCKED} & set(self.model.records)
        assert self.ledger.records.replan_blocked("shop") == len(blocked)
        for number in blocked:
            self.model.records[number].planned = False

    # -- sending ---------------------------------------------------------------------------------------------------

    @rule(target=claims, limit=st.integers(1, 4), lease=st.integers(0, 5))
    def claim(self, limit: int, lease: int) -> Any:
        wanted = self.model.may_go(self.now)[:limit]
        claimed = tools.claim(self.ledger, self.now, lease=lease, limit=limit)
        assert {(c.stream, c.key, c.version, c.tries, c.look) for c in claimed} == {
            (r.stream, r.key, r.version, r.tries + 1, r.state is State.IN_DOUBT) for r in wanted
        }
        assert len({c.stream for c in claimed}) == len(claimed)
        for row in wanted:
            row.state, row.tries, row.due = State.IN_DOUBT, row.tries + 1, self.now + lease * SECOND
        return multiple(*claimed)

    @rule(
        claimed=claims,  # not consumed: a zombie may answer again, after others have
        outcome=st.sampled_from([State.DONE, State.DONE, State.PLANNED, State.IN_DOUBT, State.BLOCKED, State.SKIPPED]),
        wait=st.integers(0, 3),
    )
    def settle(self, claimed: Claimed, outcome: State, wait: int) -> None:
        row = self.model.find(claimed)
        mine = row.state is State.IN_DOUBT and row.tries == claimed.tries
        settlement = tools.done(claimed) if outcome is State.DONE else tools.failed(claimed, outcome, wait)
        links = self.ledger.postings.links("books", [claimed.stream])
        settled = tools.settle(self.ledger, settlement, now=self.now)
        assert settled == ({claimed.id} if mine else set())
        if mine:
            row.state = outcome
            row.due = self.now + (0 if outcome is State.DONE else wait * SECOND)
        if mine and outcome is State.DONE:
            assert (claimed.stream, claimed.key) in self.ledger.postings.links("books", [claimed.stream])
        else:
            assert self.ledger.postings.links("books", [claimed.stream]) == links

    @rule(target=claims)
    def a_good_hour(self) -> Any:
        """Everything is planned, and what can be sent goes well."""
        self.mark_planned()
        self.now += 10 * SECOND
        sent = []
        while wanted := self.model.may_go(self.now):
            claimed = tools.claim(self.ledger, self.now)
            assert len(claimed) == len(wanted)
            for row in wanted:
                row.state, row.tries = State.DONE, row.tries + 1
            tools.settle(self.ledger, *(tools.done(c) for c in claimed), now=self.now)
            sent += claimed
        return multiple(*sent)

    @rule(settle=st.integers(0, 2))
    def crash_and_resume(self, settle: int) -> None:
        due = self.now + settle * SECOND
        held = [r for r in self.model.rows if r.state is State.IN_DOUBT and r.due > due]
        assert self.ledger.postings.resume("books", self.now, settle) == len(held)
        for row in held:
            row.due = due

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    # -- people ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: any(r.state is State.BLOCKED for r in self.model.rows))
    @rule(retry=st.booleans())
    def decide(self, retry: bool) -> None:
        blocked = [r for r in self.model.rows if r.state is State.BLOCKED]
        if retry:
            # Rows that were blocked when they were planned carry no document here.
            blocked = [r for r in blocked if r.tries]
            assert self.ledger.postings.retry(self.ids(blocked), self.now, "admin") == len(blocked)
        else:
            assert self.ledger.postings.skip(self.ids(blocked), self.now, "admin", "why") == len(blocked)
        for row in blocked:
            row.state = State.IN_DOUBT if retry else State.SKIPPED
            row.due = self.now

    # -- what always holds -----------------------------------------------------------------------------------------

    @invariant()
    def coverage_balances_and_agrees(self) -> None:
        wanted: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
        for number, held in self.model.records.items():
            parts = wanted.setdefault((held.day, held.currency), {})
            for part in ("seen", self.model.status(number)):
                count, total = parts.get(part, (0, 0))
                parts[part] = (count + 1, total + held.total)
        unread = len(self.model.hints - set(self.model.records))
        if unread:
            wanted[("", "")] = {"seen": (unread, 0), "waiting": (unread, 0)}
        cells = self.ledger.coverage.cells("shop", "order")
        assert all(cell.balanced for cell in cells)
        found = {
            (c.day, c.currency): {
                part: figures
                for part, figures in {
                    "seen": (c.seen, c.sum_seen), "posted": (c.posted, c.sum_posted),
                    "waiting": (c.waiting, c.sum_waiting), "blocked": (c.blocked, c.sum_blocked),
                    "skipped": (c.skipped, c.sum_skipped),
                }.items()
                if figures[0]
            }
            for c in cells
        }  # fmt: skip
        assert found == wanted

    @invariant()
    def next_due_is_when_the_model_could_claim(self) -> None:
        free = self.model.may_go(2**62)
        assert self.ledger.postings.next_due("books") == min((row.due for row in free), default=None)

    @invariant()
    def history_has_every_version(self) -> None:
        for number, held in self.model.records.items():
            stored = self.ledger.records.get(RecordKey("shop", "order", str(number)))
            assert stored is not None
            assert (stored.version, stored.updated_at) == (held.versions, held.updated_at)
            assert len(self.ledger.records.history(stored.key)) == held.versions


def test_the_ledger_does_what_a_naive_model_does(ledger: Ledger) -> None:
    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(ledger)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=50,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
