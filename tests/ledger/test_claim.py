"""Claiming: the oldest of a stream, under a lease, and in doubt until its outcome is written."""

from __future__ import annotations

import pytest

from selaras.ledger import Ledger
from selaras.ledger.values import State
from tests.ledger.tools import NOW, SECOND, claim, done, failed, names, plan, posting, settle


def state(ledger: Ledger, posting_id: int) -> State:
    found = ledger.postings.get(posting_id)
    assert found is not None
    return found.state


def test_a_claim_is_the_durable_intent(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (claimed,) = claim(ledger, lease=30)
    assert (claimed.tries, claimed.look, claimed.total, claimed.currency) == (1, False, 1000, "IDR")
    held = ledger.postings.get(claimed.id)
    assert held is not None
    assert (held.state, held.due, held.tries) == (State.IN_DOUBT, NOW + 30 * SECOND, 1)


def test_one_of_each_stream_and_the_oldest(ledger: Ledger) -> None:
    plan(ledger, posting("s", "a"), posting("t", "a"), posting("s", "b"), posting("t", "b"))
    first = claim(ledger)
    assert names(first) == [("s", "a"), ("t", "a")]
    assert claim(ledger) == []
    settle(ledger, done(first[1]))
    assert names(claim(ledger)) == [("t", "b")]


def test_up_to_the_limit_and_of_one_target(ledger: Ledger) -> None:
    plan(ledger, *(posting(f"s{number}") for number in range(5)), posting("x", target="shop"))
    assert names(claim(ledger, limit=3)) == [("s0", "invoice"), ("s1", "invoice"), ("s2", "invoice")]
    assert names(claim(ledger, limit=3)) == [("s3", "invoice"), ("s4", "invoice")]
    assert names(claim(ledger, target="shop")) == [("x", "invoice")]


def test_a_blocked_row_holds_its_stream_and_no_other(ledger: Ledger) -> None:
    plan(ledger, posting("s", "a"), posting("s", "b"), posting("t", "a"), posting("t", "b"))
    first = claim(ledger)
    settle(ledger, failed(first[0], State.BLOCKED), done(first[1]))
    assert names(claim(ledger)) == [("t", "b")]
    ledger.postings.skip([first[0].id], NOW, "owner", "a test order")
    assert names(claim(ledger)) == [("s", "b")]


def test_a_retry_keeps_its_place(ledger: Ledger) -> None:
    plan(ledger, posting("s", "a"), posting("s", "b"))
    settle(ledger, failed(claim(ledger)[0], State.PLANNED, wait=10))
    assert claim(ledger, NOW + 9 * SECOND) == []
    again = claim(ledger, NOW + 10 * SECOND)
    assert names(again) == [("s", "a")]
    assert again[0].tries == 2


def test_what_a_posting_needs_comes_first(ledger: Ledger) -> None:
    plan(ledger, posting("order:1", needs="contact:1"), posting("order:2", needs="contact:2"))
    plan(ledger, posting("contact:1", "contact"))
    first = claim(ledger)
    assert names(first) == [("order:2", "invoice"), ("contact:1", "contact")]
    settle(ledger, failed(first[1], State.BLOCKED))
    assert claim(ledger) == []
    ledger.postings.retry([first[1].id], NOW, "owner")
    contact = claim(ledger)
    assert names(contact) == [("contact:1", "contact")]
    settle(ledger, done(contact[0]))
    assert names(claim(ledger)) == [("order:1", "invoice")]


def test_the_lease_ends_at_its_time(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    claim(ledger, lease=30)
    assert claim(ledger, NOW + 30 * SECOND - 1) == []
    again = claim(ledger, NOW + 30 * SECOND)
    assert [(c.tries, c.look) for c in again] == [(2, True)]


@pytest.mark.parametrize(
    ("outcome", "look"), [(None, True), (State.IN_DOUBT, True), (State.PLANNED, False)], ids=["crash", "silence", "429"]
)
def test_look_is_true_exactly_when_the_row_was_in_doubt(ledger: Ledger, outcome: State | None, look: bool) -> None:
    plan(ledger, posting("s"))
    (first,) = claim(ledger, lease=1)
    assert not first.look
    if outcome is not None:
        settle(ledger, failed(first, outcome))
    (second,) = claim(ledger, NOW + SECOND)
    assert second.look is look


def test_a_posting_that_was_in_doubt_and_is_known_absent_need_not_look(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    claim(ledger, lease=1)
    (second,) = claim(ledger, NOW + SECOND)
    assert second.look
    settle(ledger, failed(second, State.PLANNED))
    (third,) = claim(ledger, NOW + SECOND)
    assert not third.look


def test_blocked_is_retried_with_a_look_and_by_name(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t", "!", state=State.BLOCKED, empty=True))
    (first,) = claim(ledger)
    settle(ledger, failed(first, State.BLOCKED))
    problem = ledger.postings.of_streams("books", ["t"])["t"][0].id
    # A row without a document is planned again, never sent.
    assert ledger.postings.retry([first.id, problem, 10**9], NOW + 5, "admin") == 1
    (second,) = claim(ledger, NOW + 5)
    assert (second.id, second.look, second.tries) == (first.id, True, 2)
    held = ledger.postings.get(first.id)
    assert held is not None
    assert (held.by_whom, held.settled_at) == ("admin", None)
    assert ledger.postings.retry([first.id], NOW, "admin") == 0  # it is not blocked now


def test_only_blocked_postings_are_skipped(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t", "!", state=State.BLOCKED, empty=True), posting("u"))
    claimed = claim(ledger)
    ids = [c.id for c in claimed] + [p.id for p in ledger.postings.in_state(State.BLOCKED)]
    assert ledger.postings.skip([], NOW, "owner", "why") == 0
    assert ledger.postings.skip(ids, NOW + 1, "owner", "it was a test order") == 1
    (skipped,) = ledger.postings.in_state(State.SKIPPED)
    assert (skipped.stream, skipped.cause, skipped.message, skipped.by_whom, skipped.settled_at) == (
        "t", "skipped_by_hand", "it was a test order", "owner", NOW + 1,
    )  # fmt: skip


def test_more_ids_than_one_statement_takes(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (first,) = claim(ledger)
    settle(ledger, failed(first, State.BLOCKED))
    everything = list(range(70_000))
    assert len(ledger.postings.attempts(everything)) == 1
    assert ledger.postings.retry(everything, NOW, "owner") == 1
    settle(ledger, failed(claim(ledger)[0], State.BLOCKED))
    assert ledger.postings.skip(everything, NOW, "owner", "enough") == 1


def test_resume_makes_what_a_dead_process_held_due_once_the_target_has_settled(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t"), posting("u"), posting("x", target="shop"))
    claim(ledger, lease=600)
    claim(ledger, lease=600, target="shop")
    assert ledger.postings.resume("books", NOW, settle=2) == 3
    assert claim(ledger, NOW + 2 * SECOND - 1) == []
    assert [c.look for c in claim(ledger, NOW + 2 * SECOND)] == [True] * 3
    assert claim(ledger, NOW + 2 * SECOND, target="shop") == []


def test_resume_makes_nothing_later(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    settle(ledger, failed(claim(ledger)[0], State.IN_DOUBT, wait=1))
    assert ledger.postings.resume("books", NOW, settle=5) == 0
    assert len(claim(ledger, NOW + SECOND)) == 1


def test_what_waits_for_a_sign_in_is_due_after_a_restart(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t"))
    first, second = claim(ledger)
    settle(ledger, failed(first, State.PLANNED, wait=60, outcome="expired"))
    settle(ledger, failed(second, State.PLANNED, wait=60, outcome="throttled"))
    assert ledger.postings.hasten_expired("books", NOW) == 1
    assert [c.stream for c in claim(ledger)] == ["s"]


def test_next_due_is_when_something_can_be_claimed(ledger: Ledger) -> None:
    assert ledger.postings.next_due("books") is None
    plan(ledger, posting("s", "a"), posting("s", "b"), posting("t", needs="s"), now=NOW)
    assert ledger.postings.next_due("books") == NOW
    (first,) = claim(ledger, lease=30)
    assert ledger.postings.next_due("books") == NOW + 30 * SECOND  # not b, which is due and cannot go
    settle(ledger, failed(first, State.BLOCKED))
    assert ledger.postings.next_due("books") is None  # only a person can move this
    plan(ledger, posting("u"), now=NOW + 99)
    assert ledger.postings.next_due("books") == NOW + 99
    assert ledger.postings.next_due("shop") is None


def test_a_claim_of_nothing(ledger: Ledger) -> None:
    assert claim(ledger) == []
    plan(ledger, posting("s"), now=NOW + 1)
    assert claim(ledger, NOW) == []
    assert claim(ledger, NOW + 1, limit=0) == []
