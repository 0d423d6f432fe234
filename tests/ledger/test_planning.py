"""Planning: postings are inserted in order, replaced in place, and never behind the back of a worker."""

from __future__ import annotations

import msgspec
import pytest

from selaras.ledger import Ledger
from selaras.ledger.errors import ConstraintBroken, PlanOutOfDate
from selaras.ledger.values import Posting, State, document_of
from tests.ledger.tools import NOW, claim, done, failed, names, order, plan, posting, settle


def only(ledger: Ledger, stream: str) -> list[Posting]:
    return ledger.postings.of_streams("books", [stream]).get(stream, [])


def test_a_posting_is_stored_with_everything_it_says(ledger: Ledger) -> None:
    new = posting("s", needs="contact:1", total=-5)
    plan(ledger, new)
    held = only(ledger, "s")[0]
    assert document_of(held.document) == new.document
    assert held == Posting(
        held.id, "books", "s", "invoice", 1, "invoice", "create", order(1), "s/invoice", held.document,
        "digest of 1", "contact:1", -5, "IDR", State.PLANNED, NOW, 0, "because of the test", "", "", "", "", "",
        NOW, None,
    )  # fmt: skip
    assert ledger.postings.get(held.id) == held
    assert ledger.postings.of_record(order(1)) == [held]
    assert ledger.postings.get(held.id + 1) is None


def test_a_row_that_stands_for_a_record_has_no_document(ledger: Ledger) -> None:
    plan(ledger, posting("s", "!", state=State.BLOCKED, cause="unmatched_product", empty=True))
    held = only(ledger, "s")[0]
    assert document_of(held.document) is None
    assert (held.state, held.settled_at) == (State.BLOCKED, NOW)


def test_a_document_version_is_planned_once(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    # On SQLite nobody else can have written it, so it is our mistake; on PostgreSQL it was another worker.
    wanted = ConstraintBroken if ledger.db.dialect == "sqlite" else PlanOutOfDate
    with pytest.raises(wanted):
        plan(ledger, posting("t"), posting("s"))
    assert only(ledger, "t") == []
    plan(ledger, posting("s", version=2), posting("s", "receipt"), posting("s", target="other"))
    assert len(only(ledger, "s")) == 3


def test_a_planned_version_is_superseded(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    plan(ledger, posting("s", version=2, supersedes=1), now=NOW + 1)
    first, second = only(ledger, "s")
    assert (first.state, first.settled_at, second.state) == (State.SUPERSEDED, NOW + 1, State.PLANNED)
    claimed = claim(ledger, NOW + 1)
    assert [(c.version, c.look) for c in claimed] == [(2, False)]


def test_a_claimed_version_is_not_superseded(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    claim(ledger)
    with pytest.raises(PlanOutOfDate, match="s invoice version 1"):
        plan(ledger, posting("t"), posting("s", version=2, supersedes=1))
    assert only(ledger, "t") == []
    assert [p.state for p in only(ledger, "s")] == [State.IN_DOUBT]


def test_a_done_version_is_not_superseded(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    settle(ledger, done(claim(ledger)[0]))
    with pytest.raises(PlanOutOfDate):
        plan(ledger, posting("s", version=2, supersedes=1))


def test_what_supersedes_stands_in_the_place_of_what_it_supersedes(ledger: Ledger) -> None:
    """The invoice refers to the sales order: it must not be sent before the new version of it."""
    plan(ledger, posting("s", "sales_order"), posting("s", "invoice"))
    plan(ledger, posting("s", "sales_order", 2, supersedes=1))
    plan(ledger, posting("s", "sales_order", 3, supersedes=2))
    first = claim(ledger)
    assert [(c.key, c.version) for c in first] == [("sales_order", 3)]
    settle(ledger, done(first[0]))
    assert [(c.key, c.version) for c in claim(ledger)] == [("invoice", 1)]


def test_a_version_after_one_that_was_tried_and_blocked_looks_first(ledger: Ledger) -> None:
    """It was refused, timed out before, or its total differed: something may stand there."""
    plan(ledger, posting("s"))
    settle(ledger, failed(claim(ledger)[0], State.BLOCKED))
    plan(ledger, posting("s", version=2, supersedes=1))
    assert [(c.version, c.look) for c in claim(ledger)] == [(2, True)]


def test_a_version_after_one_that_certainly_did_not_happen_need_not_look(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    settle(ledger, failed(claim(ledger)[0], State.PLANNED))
    plan(ledger, posting("s", version=2, supersedes=1))
    assert [(c.version, c.look) for c in claim(ledger)] == [(2, False)]


def test_a_version_after_one_that_was_never_tried_need_not_look(ledger: Ledger) -> None:
    plan(ledger, posting("s", state=State.BLOCKED, cause="period_locked"))
    plan(ledger, posting("s", version=2, supersedes=1))
    assert [(c.version, c.look) for c in claim(ledger)] == [(2, False)]


def test_supersede_takes_back_only_what_stands_for_a_record(ledger: Ledger) -> None:
    plan(ledger, posting("s", "!", state=State.BLOCKED, empty=True), posting("t", "!", state=State.SKIPPED, empty=True))
    plan(ledger, posting("u", "!"))
    with ledger.transaction():
        for stream in "stu":
            ledger.postings.supersede("books", stream, "!", NOW)
    assert [only(ledger, stream)[0].state for stream in "stu"] == [State.SUPERSEDED, State.SUPERSEDED, State.PLANNED]


def test_supersede_planned_takes_back_what_nobody_claimed(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t"))
    claimed = claim(ledger, limit=1)[0]
    other = only(ledger, "t")[0]
    assert not ledger.postings.supersede_planned(claimed.id, NOW)
    assert ledger.postings.supersede_planned(other.id, NOW)
    assert names(claim(ledger)) == []


def test_many_streams_at_once(ledger: Ledger) -> None:
    plan(ledger, posting("s1"), posting("s1", "receipt"), posting("s69999"))
    found = ledger.postings.of_streams("books", [f"s{number}" for number in range(70_000)])
    assert {stream: len(rows) for stream, rows in found.items()} == {"s1": 2, "s69999": 1}
    assert ledger.postings.of_streams("books", []) == {}


def test_what_supersedes_never_stands_before_what_it_refers_to(ledger: Ledger) -> None:
    """Money that was to be a deposit pays an invoice that was planned meanwhile: the invoice goes first."""
    plan(ledger, posting("s", "receipt"))
    paid = msgspec.structs.replace(posting("s", "receipt", 2, supersedes=1), after=("invoice",))
    plan(ledger, posting("s", "invoice"), paid)
    assert [claimed.key for claimed in claim(ledger)] == ["invoice"]
    plan(ledger, posting("t", "receipt"))
    plan(ledger, posting("t", "invoice"))
    plan(ledger, msgspec.structs.replace(posting("t", "receipt", 2, supersedes=1), after=("invoice",)))
    assert [(claimed.stream, claimed.key) for claimed in claim(ledger)] == [("t", "invoice")]
