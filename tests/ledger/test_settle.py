"""Settling: outcome, link and attempt in one transaction, fenced by the number of the try."""

from __future__ import annotations

import msgspec
import pytest

from selaras.ledger import Ledger
from selaras.ledger.errors import ConstraintBroken, LinkTaken
from selaras.ledger.values import Claimed, Link, Posting, Settlement, State
from tests.ledger.tools import NOW, SECOND, claim, done, failed, names, plan, posting, settle


def held(ledger: Ledger, claimed: Claimed) -> Posting:
    found = ledger.postings.get(claimed.id)
    assert found is not None
    return found


def link_of(ledger: Ledger, stream: str, key: str = "invoice") -> Link | None:
    return ledger.postings.links("books", [stream]).get((stream, key))


def test_done_writes_state_link_and_attempt(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (claimed,) = claim(ledger)
    outcome = msgspec.structs.replace(done(claimed, "INV-7"), total=1234)
    assert settle(ledger, outcome, now=NOW + 5) == {claimed.id}
    row = held(ledger, claimed)
    assert (row.state, row.settled_at) == (State.DONE, NOW + 5)
    number = f"N{claimed.id}"
    link = Link("books", "s", "invoice", "invoice", "INV-7", number, "s/invoice", 1234, "IDR", 1)
    assert link_of(ledger, "s") == link
    assert ledger.postings.linked("books", "invoice", ["INV-7", "INV-8"]) == {"INV-7": link}
    assert ledger.postings.links_page("books", "invoice", "", 10) == [link]
    assert ledger.postings.links_page("books", "invoice", "INV-7", 10) == []
    (attempt,) = ledger.postings.attempts([claimed.id])
    assert (attempt.posting, attempt.tried, attempt.at, attempt.act) == (claimed.id, 1, NOW + 5, "create")


def test_the_total_of_the_link_is_ours_where_the_target_says_none(ledger: Ledger) -> None:
    plan(ledger, posting("s", total=777))
    settle(ledger, done(claim(ledger)[0]))
    link = link_of(ledger, "s")
    assert link is not None
    assert link.total == 777


def test_blocked_says_what_why_and_the_cure(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (claimed,) = claim(ledger)
    settle(
        ledger,
        Settlement(
            claimed, State.BLOCKED, "create", "rejected", "SKU K-7 is unknown.", cause="unknown_product", field="code",
            cure="Create it.",
        ),
    )  # fmt: skip
    row = held(ledger, claimed)
    assert (row.cause, row.field, row.message, row.cure) == (
        "unknown_product", "code", "SKU K-7 is unknown.", "Create it.",
    )  # fmt: skip
    assert link_of(ledger, "s") is None


def test_a_lost_lease_changes_nothing_but_the_attempts(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (zombie,) = claim(ledger, lease=1)
    (holder,) = claim(ledger, NOW + SECOND)
    before = held(ledger, holder)
    assert settle(ledger, done(zombie, "INV-1"), now=NOW + 2 * SECOND) == set()
    assert held(ledger, holder) == before
    assert link_of(ledger, "s") is None
    assert settle(ledger, done(holder, "INV-2"), now=NOW + 3 * SECOND) == {holder.id}
    assert [(a.tried, a.outcome) for a in ledger.postings.attempts([holder.id])] == [(1, "done"), (2, "done")]


def test_a_zombie_does_not_turn_a_link_back(ledger: Ledger) -> None:
    plan(ledger, posting("s", total=100))
    (zombie,) = claim(ledger, lease=1)
    (holder,) = claim(ledger, NOW + SECOND)
    settle(ledger, done(holder, "INV-1"))
    plan(ledger, posting("s", version=2, op="update", total=200))
    settle(ledger, done(claim(ledger, NOW + SECOND)[0], "INV-1"))
    settle(ledger, done(zombie, "INV-1"))
    link = link_of(ledger, "s")
    assert link is not None
    assert (link.version, link.total) == (2, 200)


def test_a_late_answer_counts_while_nobody_else_has_claimed(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (late,) = claim(ledger, lease=1)
    assert settle(ledger, done(late), now=NOW + 60 * SECOND) == {late.id}
    assert claim(ledger, NOW + 60 * SECOND) == []


def test_settling_twice_is_settling_once(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (claimed,) = claim(ledger)
    assert settle(ledger, done(claimed), failed(claimed, State.BLOCKED)) == {claimed.id}
    assert held(ledger, claimed).state is State.DONE
    assert settle(ledger, failed(claimed, State.BLOCKED)) == set()
    assert held(ledger, claimed).state is State.DONE


def test_settle_of_nothing(ledger: Ledger) -> None:
    assert settle(ledger) == set()


def test_settle_is_all_or_nothing(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    (claimed,) = claim(ledger)

    def cut_short() -> None:
        with ledger.transaction():
            ledger.postings.settle("books", [done(claimed)], NOW)
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        cut_short()
    assert held(ledger, claimed).state is State.IN_DOUBT
    assert link_of(ledger, "s") is None
    assert ledger.postings.attempts([claimed.id]) == []


def test_a_second_document_of_one_posting_is_blocked_not_hidden(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t"))
    settle(ledger, *(done(c, f"INV-{c.stream}") for c in claim(ledger)))
    plan(ledger, posting("s", version=2, op="update"), posting("t", version=2, op="update"))
    first, second = claim(ledger)
    assert settle(ledger, done(first, "INV-other"), done(second, "INV-t")) == {first.id, second.id}
    row = held(ledger, first)
    assert (row.state, row.cause, row.field) == (State.BLOCKED, "second_document", "id")
    assert "N1" in row.message
    assert f"N{first.id}" in row.message
    assert held(ledger, second).state is State.DONE  # one bad document does not hold up its batch
    link = link_of(ledger, "s")
    assert link is not None
    assert (link.target_id, link.version) == ("INV-s", 1)


def test_a_document_of_another_record_is_blocked_not_shared(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    settle(ledger, done(claim(ledger)[0], "INV-1"))
    plan(ledger, posting("t"), posting("u"))
    t, u = claim(ledger)
    settle(ledger, done(t, "INV-1"), done(u, "INV-2"))
    assert (held(ledger, t).state, held(ledger, t).cause) == (State.BLOCKED, "second_document")
    assert "belongs to s (invoice)" in held(ledger, t).message
    assert held(ledger, u).state is State.DONE
    assert link_of(ledger, "t") is None


def test_two_postings_of_one_batch_cannot_have_one_document(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t"))
    settle(ledger, *(done(c, "INV-1") for c in claim(ledger)))
    assert sorted(p.state for p in ledger.postings.in_state(State.DONE) + ledger.postings.in_state(State.BLOCKED)) == [
        State.DONE,
        State.BLOCKED,
    ]
    assert len(ledger.postings.links("books", ["s", "t"])) == 1


def test_one_contact_may_be_known_by_several_keys(ledger: Ledger) -> None:
    plan(
        ledger, posting("contact:+62811", "contact", kind="contact"), posting("contact:a@b", "contact", kind="contact")
    )
    settle(ledger, *(done(c, "C-1") for c in claim(ledger)))
    assert len(ledger.postings.in_state(State.DONE)) == 2
    assert len(ledger.postings.links("books", ["contact:+62811", "contact:a@b"])) == 2


def test_a_contact_that_a_person_chose_meanwhile_stays_chosen(ledger: Ledger) -> None:
    plan(ledger, posting("c", "contact", kind="contact"), posting("s", needs="c"))
    (creating,) = claim(ledger)
    with ledger.transaction():
        ledger.postings.link(adopted("c", "C-9", "contact"), 0, NOW)
    settle(ledger, done(creating, "C-10"))
    row = held(ledger, creating)
    assert row.state is State.DONE
    assert "now answers with another one" in row.message
    link = link_of(ledger, "c", "contact")
    assert link is not None
    assert link.target_id == "C-9"
    assert names(claim(ledger)) == [("s", "invoice")]  # the buyer's order is not held up


def test_only_contacts_are_let_go(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.postings.link(adopted("c", "C-9", "contact"), 0, NOW)
        ledger.postings.link(adopted("s", "INV-1"), 0, NOW)
    assert ledger.postings.unlink_contact("books", "c")
    assert not ledger.postings.unlink_contact("books", "c")
    assert not ledger.postings.unlink_contact("books", "s")
    assert link_of(ledger, "s") is not None


def adopted(stream: str, target_id: str, kind: str = "invoice") -> Link:
    return Link("books", stream, kind, kind, target_id, "No. 1", "ref", 5, "IDR", 1)


def test_a_document_made_by_hand_is_adopted_once(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.postings.link(adopted("s", "INV-1"), 0, NOW)
        ledger.postings.link(adopted("s", "INV-1"), 0, NOW)  # again is the same
    for link in (adopted("s", "INV-2"), adopted("t", "INV-1")):
        with pytest.raises(LinkTaken), ledger.transaction():
            ledger.postings.link(link, 0, NOW)
    with ledger.transaction():
        ledger.postings.link(adopted("c1", "C", "contact"), 0, NOW)
        ledger.postings.link(adopted("c2", "C", "contact"), 0, NOW)
    assert len(ledger.postings.links("books", ["s", "t", "c1", "c2"])) == 3


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        (
            """INSERT INTO link (target, stream, key, kind, target_id, number, reference, currency, version, posting,
            linked_at) VALUES ('books', ?, ?, 'invoice', ?, '', '', '', 1, 0, 0)""",
            [("s", "invoice", "INV-9"), ("t", "invoice", "INV-1")],
        ),
        (
            "INSERT INTO decision (connection, kind, subject, answer, how, at) VALUES ('shop', ?, ?, ?, '', 0)",
            [("product", "K", "other")],
        ),
    ],
    ids=["link", "decision"],
)
def test_the_tables_themselves_refuse_a_second_one(ledger: Ledger, sql: str, values: list[tuple[str, ...]]) -> None:
    with ledger.transaction():
        ledger.postings.link(adopted("s", "INV-1"), 0, NOW)
        ledger.connections.decide("shop", "product", "K", "B", "by hand", NOW)
    for row in values:
        with pytest.raises(ConstraintBroken):
            ledger.db.run(sql, row)


def test_a_whole_life_leaves_its_story(ledger: Ledger) -> None:
    plan(ledger, posting("s"))
    settle(ledger, failed(claim(ledger)[0], State.PLANNED, wait=1), now=NOW + 1)
    settle(ledger, failed(claim(ledger, NOW + 2 * SECOND)[0], State.IN_DOUBT, wait=1), now=NOW + 3 * SECOND)
    (third,) = claim(ledger, NOW + 9 * SECOND)
    assert third.look
    settle(ledger, msgspec.structs.replace(done(third), act="look"), now=NOW + 10 * SECOND)
    assert [(a.tried, a.act, a.outcome) for a in ledger.postings.attempts([third.id])] == [
        (1, "create", "failed"),
        (2, "create", "failed"),
        (3, "look", "done"),
    ]
    assert names(claim(ledger, NOW + 99 * SECOND)) == []
