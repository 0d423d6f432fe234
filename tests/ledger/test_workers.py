"""Several workers on one PostgreSQL: each posting has one holder, each stream one posting under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selaras.ledger import Ledger
from selaras.ledger.errors import ConstraintBroken, PlanOutOfDate
from selaras.ledger.values import Link, State
from tests.ledger.office import Office
from tests.ledger.tools import NOW, claim, done, failed, names, plan, posting, settle

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
