"""Decisions of people: which order a payment pays, which contact a buyer is, what was skipped, and taking them back.

Every decision is a row with who and why; a later one, or an undo, leaves it in the history. What it concerns is planned
again, so that the books follow.
"""

from __future__ import annotations

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import Link, RecordKey, State, StoredRecord
from selaras.model.order import Order
from selaras.rules.contacts import match_contact
from selaras.sync.finding import one_record, pair_of
from selaras.sync.held import PROBLEM_KEY
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import pairs_of
from selaras.sync.orders import NEW_CONTACT, OrderPlanner

_ALL = 2**62
_order = msgspec.json.Decoder(Order)


class Decided(msgspec.Struct, frozen=True):
    """What was decided. `connection`, `kind` and `subject` name the decision for an undo; `before` is the answer it
    replaced ("" when there was none)."""

    connection: str
    kind: str
    subject: str
    answer: str
    before: str = ""


class Undone(msgspec.Struct, frozen=True):
    """A decision that no longer holds."""

    connection: str
    kind: str
    subject: str
    answer: str


# -- contacts ----------------------------------------------------------------------------------------------------------


class Candidate(msgspec.Struct, frozen=True):
    """A contact of the books that may be the buyer."""

    id: str
    name: str
    phone: str
    email: str


class Tie(msgspec.Struct, frozen=True):
    """A buyer whom several contacts (or one of another name) may be; `orders` wait for the answer."""

    store: str
    subject: str
    buyer: str
    phone: str
    email: str
    reasons: list[str]
    candidates: list[Candidate]
    orders: list[str]


def contact_ties(hub: Hub, store: str | None = None) -> list[Tie]:
    """Buyers who wait for a person to say which contact they are (M4). Runs in the ledger's thread."""
    ledger = hub.desk.ledger
    ties: dict[tuple[str, str], Tie] = {}
    for pair in hub.pairs:
        if store not in (None, pair.store):
            continue
        planner, contacts = OrderPlanner(hub, pair), hub.mirrors[pair.books].contacts
        stuck = {p.record.id for p in ledger.postings.in_state(State.BLOCKED, _ALL) if p.key == PROBLEM_KEY}
        for record in ledger.records.some(pair.store, "order", sorted(stuck)):
            order = _order.decode(record.body)
            match = match_contact(order.buyer, contacts.candidates(order.buyer), pair.policy.walk_in)
            if match.decision != "ask":
                continue
            subject = planner.buyer_stream(order)
            if subject in ledger.connections.decisions(pair.store, "contact"):
                continue  # answered; the order is on its way
            tie = ties.get((pair.store, subject))
            if tie is not None:
                tie.orders.append(order.number)
                continue
            known = [contacts.get(i) for i in match.candidates]
            ties[(pair.store, subject)] = Tie(
                pair.store, subject, order.buyer.name, order.buyer.phone, order.buyer.email, list(match.reasons),
                [Candidate(c.id, c.name, c.phone, c.email) for c in known if c is not None], [order.number],
            )  # fmt: skip
    return list(ties.values())


def decide_contact(hub: Hub, name: str, contact: str, now: int, who: str) -> Decided:
    """Say which contact of the books a buyer is; "" makes a new contact. `name` is an order of the buyer, or a subject.

    A contact that was linked before (by a rule or by hand) is let go: documents posted so far keep it, what comes next
    gets the chosen one. Raises `LedgerError` when the order or the contact is unknown, or the contact is being created
    right now. Runs in the ledger's thread.
    """
    ledger = hub.desk.ledger
    pair, subject, order = _subject(hub, name)
    if contact and hub.mirrors[pair.books].contacts.get(contact) is None:
        raise LedgerError(
            f"The books {pair.books} have no active contact with the id {contact!r}.",
            "See `selaras contacts ties` for the contacts to choose from.",
        )
    before = ledger.connections.decisions(pair.store, "contact").get(subject, "")
    with ledger.transaction():
        _let_go(ledger, pair, subject, now)
        ledger.connections.decide(pair.store, "contact", subject, contact or NEW_CONTACT, f"by hand: {who}", now)
        # Documents that wait for the contact must find one the moment that this is committed.
        if contact:
            ledger.postings.link(Link(pair.books, subject, "contact", "contact", contact, "", "", None, "", 1), 0, now)
        elif order is not None:
            fresh = OrderPlanner(hub, pair).draft([order])[0].postings
            ledger.postings.plan([posting for posting in fresh if posting.stream == subject], now)
        ledger.records.replan_blocked(pair.store)
    return Decided(pair.store, "contact", subject, contact or NEW_CONTACT, before)


def _let_go(ledger: Ledger, pair: Pair, subject: str, now: int) -> None:
    """The link of a buyer's contact no longer holds. One that is being written now cannot be let go."""
    for posting in ledger.postings.of_streams(pair.books, [subject]).get(subject, []):
        if posting.state is State.IN_DOUBT:
            raise LedgerError(f"The contact {posting.reference} is being created right now.", "Try again in a minute.")
        if posting.state in (State.PLANNED, State.BLOCKED):
            ledger.postings.supersede_planned(posting.id, now)
    ledger.postings.unlink_contact(pair.books, subject)


def _nothing_waits_for(ledger: Ledger, pair: Pair, subject: str) -> None:
    for state in (State.PLANNED, State.IN_DOUBT):
        for posting in ledger.postings.in_state(state, _ALL):
            if posting.target == pair.books and posting.needs == subject:
                raise LedgerError(
                    f"{posting.kind} {posting.reference} of this buyer is still being sent.",
                    "Undo the decision when it is done, or decide on another contact.",
                )


def _subject(hub: Hub, name: str) -> tuple[Pair, str, StoredRecord | None]:
    """The pair, the buyer's stream and one of their orders (None when a stream was named that no tie has)."""
    ledger = hub.desk.ledger
    if name.startswith("contact:"):
        tie = next((tie for tie in contact_ties(hub) if tie.subject == name), None)
        if tie is None:
            return pair_of(ledger), name, None
        return pair_of(ledger, tie.store), name, one_record(ledger, tie.orders[0], "order", tie.store)
    record = one_record(ledger, name, "order")
    pair = pair_of(ledger, record.key.connection)
    return pair, OrderPlanner(hub, pair).buyer_stream(_order.decode(record.body)), record


# -- taking back -------------------------------------------------------------------------------------------------------


class Standing(msgspec.Struct, frozen=True):
    """A decision that holds."""

    connection: str
    kind: str
    subject: str
    answer: str


def decisions(ledger: Ledger) -> list[Standing]:
    """Every decision that holds, of every pair."""
    found: dict[tuple[str, str, str], Standing] = {}
    for pair in pairs_of(ledger):
        for connection, kind in ((pair.store, "product"), (pair.store, "contact")):
            for subject, answer in sorted(ledger.connections.decisions(connection, kind).items()):
                found[(connection, kind, subject)] = Standing(connection, kind, subject, answer)
    return list(found.values())


def undo(ledger: Ledger, kind: str, subject: str, now: int, store: str | None = None) -> Undone:
    """Take a decision back: kind "product" (a store code), "contact" (a buyer), "skip" (a record). Money
    is taken back with `money_decisions.undo_money`.

    A document that was already written because of it stays in the books; planning shows what would change. Raises
    `LedgerError` when there is no such decision.
    """
    if kind == "skip":
        return _undo_skip(ledger, subject, now)
    if kind not in ("product", "contact"):
        raise LedgerError(f"{kind!r} is not a kind of decision.", "Kinds: product, contact, money, skip.")
    for pair in pairs_of(ledger):
        if store not in (None, pair.store):
            continue
        answer = ledger.connections.decisions(pair.store, kind).get(subject)
        if answer is None:
            continue
        with ledger.transaction():
            ledger.connections.undo(pair.store, kind, subject, now)
            if kind == "contact":
                _nothing_waits_for(ledger, pair, subject)
                _let_go(ledger, pair, subject, now)
            ledger.records.replan_blocked(pair.store)
        return Undone(pair.store, kind, subject, answer)
    raise LedgerError(f"There is no {kind} decision on {subject!r}.", "See `selaras undo --list` for those that hold.")


def _undo_skip(ledger: Ledger, name: str, now: int) -> Undone:
    record = one_record(ledger, name)
    mine = [
        posting
        for posting in ledger.postings.of_record(record.key)
        if posting.state is State.SKIPPED and posting.cause == "skipped_by_hand"
    ]
    if not mine:
        raise LedgerError(f"Nothing of {name!r} was skipped by a person.", "See `selaras blocked --skipped`.")
    with ledger.transaction():
        keys = {record.key}
        for posting in mine:
            ledger.postings.supersede(posting.target, posting.stream, posting.key, now)
            store, _colon, order = posting.stream.partition(":")
            keys.add(RecordKey(store, "order", order))
        ledger.records.replan(keys)
    return Undone(record.key.connection, "skip", record.number, mine[0].message)
