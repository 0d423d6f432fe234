"""Explaining one record: what was seen, what was decided and why, what was sent, what waits, and what to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import Attempt, Link, Posting, RecordKey, State, StoredRecord, document_of
from selaras.model.document import Document
from selaras.model.order import Order
from selaras.rules.contacts import match_contact
from selaras.rules.explain import N_, Sentence
from selaras.rules.mapping import Chart, percent, version_used
from selaras.rules.products import match_product
from selaras.sync.changes import Change, changes_between
from selaras.sync.figures import instant, major
from selaras.sync.finding import find_records
from selaras.sync.held import PROBLEM_KEY
from selaras.sync.hub import Hub, order_stream
from selaras.sync.mappings import name_of
from selaras.sync.mirror import chart_of
from selaras.sync.money_explaining import MoneyShare, MoneySuggested, shares_of, suggested_of
from selaras.sync.offline import offline_hub
from selaras.sync.orders import OrderPlanner

_order = msgspec.json.Decoder(Order)

_NOT_PLANNED = Sentence(N_("The newest version is not planned yet."))
_NO_PAIR = Sentence(N_("%(connection)s is not paired with books yet, so nothing is planned."))
_BEHIND = Sentence(N_("Waits behind %(reference)s, which is not finished."))
_NEEDS = Sentence(N_("Waits for the buyer's contact."))
_DUE = Sentence(N_("Is due; it is sent with the next round."))
_LATER = Sentence(N_("Is tried again later."))
_IN_DOUBT = Sentence(N_("Was sent without a clear answer; it is looked for before it is sent again."))
_UNREAD = Sentence(N_("A hint says that it changed; it has not been read again yet."))
_CURE_PAIR = Sentence(N_("Run `selaras pair %(connection)s BOOKS`."))
_CURE_SERVE = Sentence(N_("Keep `selaras serve` running; nothing is needed from you."))
_CURE_RETRY = Sentence(N_("When it is mended, run `selaras retry %(name)s`; to leave it out, `selaras skip %(name)s`."))
_NOTHING = Sentence(N_("Nothing. Everything that follows from it stands in the books."))
_LEFT_OUT = Sentence(N_("Nothing. It was left out on purpose: %(why)s"))
_DECIDED = Sentence(N_("A person decided that this buyer is contact %(contact)s."))
_CREATING = Sentence(N_("No contact is linked yet."))


class Sighting(msgspec.Struct, frozen=True):
    """One version of the record: when and by which way (webhook, poll, reread, sweep …), and what changed in it."""

    version: int
    seen_at: dt.datetime
    via: str
    changes: list[Change]


class Try(msgspec.Struct, frozen=True):
    """One attempt: when, what was done (look, create …), how it ended, and the answer."""

    number: int
    at: dt.datetime
    act: str
    outcome: str
    answer: str


class Sent(msgspec.Struct, frozen=True):
    """One posting: which document in which state, why, and everything that was tried. `total` is in major units.

    `document` is the document as it was meant, for people to compare; None where there was nothing to send.
    """

    id: int
    target: str
    key: str
    version: int
    kind: str
    op: str
    reference: str
    currency: str
    total: Decimal | None
    state: str
    reason: str
    cause: str
    field: str
    message: str
    cure: str
    by_whom: str
    planned_at: dt.datetime
    settled_at: dt.datetime | None
    document: msgspec.Raw | None
    tries: list[Try]


class Linked(msgspec.Struct, frozen=True):
    """A document of the books that belongs to the record."""

    target: str
    key: str
    kind: str
    id: str
    number: str
    reference: str
    currency: str
    total: Decimal | None
    version: int


class CodeMatch(msgspec.Struct, frozen=True):
    """What a product code of the record means in the books, and why."""

    code: str
    how: str
    target: str
    reasons: list[str]


class BuyerMatch(msgspec.Struct, frozen=True):
    """Which contact the buyer is, and why. `contact` is "" while none is chosen."""

    stream: str
    decision: str
    contact: str
    reasons: list[str]
    candidates: list[str]


class Chosen(msgspec.Struct, frozen=True):
    """Something of the books that a document names because of the mapping: its word, its id, what the books call it.

    `posting` is the posting's number and `version` the version of the mapping that gave it; None where it was taken
    over from the document before it.
    """

    posting: int
    version: int | None
    word: str
    id: str
    name: str


class Waiting(msgspec.Struct, frozen=True):
    """Something that is not finished: what, why, and when it is due (None when it waits for something else)."""

    what: str
    why: str
    until: dt.datetime | None


class Explanation(msgspec.Struct, frozen=True):
    """Everything about one record. `status` is that of coverage; `todo` says what a person should do.

    `money` is what a line of money pays (for an order: the money that pays it), `suggested` what it may pay.
    """

    connection: str
    kind: str
    id: str
    number: str
    day: str
    currency: str
    total: Decimal
    version: int
    status: str
    record: msgspec.Raw
    seen: list[Sighting]
    reasons: list[str]
    buyer: BuyerMatch | None
    products: list[CodeMatch]
    sent: list[Sent]
    links: list[Linked]
    waiting: list[Waiting]
    todo: list[str]
    mapped: list[Chosen]
    money: list[MoneyShare]
    suggested: list[MoneySuggested]


def posting_state(state: State) -> str:
    """The state of a posting as one stable word: planned, in_doubt, done, blocked, skipped or superseded."""
    return state.name.lower()


def explain(ledger: Ledger, name: str, *, kind: str | None = None, connection: str | None = None) -> list[Explanation]:
    """Explain every record that is called `name` (number or id, or "connection:name"); several stores may have it.

    Raises `LedgerError` when nothing is called so.
    """
    records = find_records(ledger, name, kind, connection)
    if not records:
        raise LedgerError(
            f"Nothing is called {name!r}.", "Check the number, or run `selaras sweep` to read everything."
        )
    hub = offline_hub(ledger)
    return [explain_record(hub, record) for record in records]


def explain_record(hub: Hub, record: StoredRecord) -> Explanation:
    """Explain one record with a hub whose mirrors are filled. Runs in the ledger's thread."""
    ledger = hub.desk.ledger
    postings = _postings(hub, record)
    attempts = ledger.postings.attempts([posting.id for posting in postings])
    reasons, buyer, products = _decided(hub, record)
    waiting = _waiting(hub, record, postings)
    status = _status(record, postings)
    live = [p for p in postings if p.state is not State.SUPERSEDED]
    reasons = reasons or [r for p in live for r in p.reason.split("; ") if r and p.record == record.key]
    return Explanation(
        record.key.connection, record.key.kind, record.key.id, record.number, record.day, record.currency,
        major(record.total, record.currency), record.version, status, msgspec.Raw(record.body),
        sightings(ledger, record.key), list(dict.fromkeys(reasons)), buyer, products,
        [sent(posting, attempts) for posting in postings], _links(ledger, postings), waiting,
        _todo(hub, record, status, live), chosen_of(ledger, live), shares_of(ledger, record.key),
        suggested_of(ledger, record.key),
    )  # fmt: skip


def sightings(ledger: Ledger, key: RecordKey) -> list[Sighting]:
    """Every version of a record with what changed against the version before."""
    found: list[Sighting] = []
    before: bytes | None = None
    for version, seen_at, via, raw in ledger.records.history(key):
        changes = [] if before is None else changes_between(before, raw)
        found.append(Sighting(version, instant(seen_at), via, changes))
        before = raw
    return found


def sent(posting: Posting, attempts: Iterable[Attempt]) -> Sent:
    """A posting with its attempts."""
    return Sent(
        posting.id, posting.target, posting.key, posting.version, posting.kind, posting.op, posting.reference,
        posting.currency, None if posting.total is None else major(posting.total, posting.currency),
        posting_state(posting.state), posting.reason, posting.cause, posting.field, posting.message, posting.cure,
        posting.by_whom, instant(posting.created_at),
        None if posting.settled_at is None else instant(posting.settled_at),
        msgspec.Raw(posting.document) if posting.document else None,
        [Try(a.tried, instant(a.at), a.act, a.outcome, a.message) for a in attempts if a.posting == posting.id],
    )  # fmt: skip


def chosen_of(ledger: Ledger, postings: Sequence[Posting]) -> list[Chosen]:
    """What the mapping put on these documents, each thing once for each document."""
    found: list[Chosen] = []
    charts: dict[str, Chart] = {}
    for posting in postings:
        words = _words_of(document_of(posting.document))
        if words and posting.target not in charts:
            charts[posting.target] = chart_of(ledger, posting.target)
        version = version_used(posting.reason)
        if version is None:  # without the mapping money lies where the policy says
            words = [pair for pair in words if pair[0] != "method"]
        found += [
            Chosen(posting.id, version, word, one, name_of(charts[posting.target], word, one)) for word, one in words
        ]
    return found


def _words_of(document: Document | None) -> list[tuple[str, str]]:
    """(word of the mapping, id) of everything of the books that a document names, each once."""
    found: list[tuple[str, str]] = []
    for line in getattr(document, "lines", ()):
        found.append((f"account:{line.role}", line.account))
        found.append((f"tax:{percent(line.tax_rate)}", line.tax_code))
        found.append(("account:output_tax", line.tax_account))
        found.append(("warehouse", line.warehouse))
    found.append(("account:receivable", getattr(document, "receivable", "")))
    found.append(("account:deposits", getattr(document, "deposits", "")))
    found.append(("method", getattr(document, "account", "")))
    found += [(f"dimension:{kind}", one) for kind, one in getattr(document, "dimensions", ())]
    return [pair for pair in dict.fromkeys(found) if pair[1]]


# -- parts -------------------------------------------------------------------------------------------------------------


def _postings(hub: Hub, record: StoredRecord) -> list[Posting]:
    """The postings of the record and of its streams: the order's own documents, and its buyer's contact."""
    ledger = hub.desk.ledger
    found = {posting.id: posting for posting in ledger.postings.of_record(record.key)}
    if record.key.kind == "order":
        own = order_stream(record.key.connection, record.key.id)
        for pair in hub.pairs_of(record.key.connection):
            buyer = OrderPlanner(hub, pair).buyer_stream(_order.decode(record.body))
            for target, streams in ((pair.books, [own, buyer]), (pair.store, [own])):
                for postings in ledger.postings.of_streams(target, streams).values():
                    found.update({posting.id: posting for posting in postings})
    return [found[i] for i in sorted(found)]


def _status(record: StoredRecord, postings: Sequence[Posting]) -> str:
    """The record's status by the rule of coverage (`selaras.ledger.coverage`)."""
    states = {p.state for p in postings if p.record == record.key and p.state is not State.SUPERSEDED}
    if State.BLOCKED in states:
        return "blocked"
    if not states or states & {State.PLANNED, State.IN_DOUBT} or record.planned < record.version:
        return "waiting"
    done = any(p.state is State.DONE and p.kind != "contact" and p.record == record.key for p in postings)
    return "posted" if done else "skipped"


def _links(ledger: Ledger, postings: Sequence[Posting]) -> list[Linked]:
    found: dict[tuple[str, str, str], Link] = {}
    for target in sorted({p.target for p in postings}):
        streams = [s for p in postings if p.target == target for s in (p.stream, p.needs) if s]
        for (stream, key), link in ledger.postings.links(target, streams).items():
            found[(target, stream, key)] = link
    return [
        Linked(
            link.target, link.key, link.kind, link.target_id, link.number, link.reference, link.currency,
            None if link.total is None else major(link.total, link.currency), link.version,
        )
        for link in found.values()
    ]  # fmt: skip


def _decided(hub: Hub, record: StoredRecord) -> tuple[list[str], BuyerMatch | None, list[CodeMatch]]:
    """The reasons of the plan, the buyer and the products, worked out again by the same pure rules."""
    pair = next((p for p in hub.pairs_of(record.key.connection) if p.store == record.key.connection), None)
    if record.key.kind != "order" or pair is None:
        return [], None, []
    ledger, order, planner = hub.desk.ledger, _order.decode(record.body), OrderPlanner(hub, pair)
    stream = planner.buyer_stream(order)
    contacts = hub.mirrors[pair.books].contacts
    match = match_contact(order.buyer, contacts.candidates(order.buyer), pair.policy.walk_in)
    link = ledger.postings.links(pair.books, [stream]).get((stream, "contact"))
    chosen = ledger.connections.decisions(pair.store, "contact").get(stream)
    if chosen:
        buyer = BuyerMatch(stream, "use", chosen, [_DECIDED(contact=chosen)], [])
    elif link is not None:
        why = next((p.reason for p in ledger.postings.of_streams(pair.books, [stream]).get(stream, []) if p.reason), "")
        reasons = why.split("; ") if why else list(match.reasons)
        buyer = BuyerMatch(stream, "use", link.target_id, reasons, [])
    else:
        buyer = BuyerMatch(stream, match.decision, "", list(match.reasons) or [_CREATING()], list(match.candidates))
    accepted = ledger.connections.decisions(pair.store, "product")
    index, sold = hub.mirrors[pair.books].products, hub.mirrors[pair.store].products
    codes: dict[str, CodeMatch] = {}
    for line in order.lines:
        if line.kind == "product" and line.code not in codes:
            parts = next((p.components for p in sold.by_code(line.code)), ())
            found = match_product(line.code, line.name, index, accepted, parts)
            codes[line.code] = CodeMatch(line.code, found.how, found.target, list(found.reasons))
    return list(planner.draft([record])[0].plan.reasons), buyer, list(codes.values())


def _waiting(hub: Hub, record: StoredRecord, postings: Sequence[Posting]) -> list[Waiting]:
    ledger, now = hub.desk.ledger, hub.now()
    found: list[Waiting] = []
    hints = ledger.records.hints(record.key.connection, record.key.kind, 2**62, 100_000)
    if any(hint.key == record.key for hint in hints):
        found.append(Waiting(record.number, _UNREAD(), None))
    if record.planned < record.version:
        found.append(Waiting(record.number, _NOT_PLANNED(), None))
    open_ones = [p for p in postings if p.state in (State.PLANNED, State.IN_DOUBT, State.BLOCKED)]
    for posting in postings:
        if posting.state not in (State.PLANNED, State.IN_DOUBT):
            continue
        ahead = next((p for p in open_ones if p.stream == posting.stream and p.id < posting.id), None)
        needed = next((p for p in open_ones if p.stream == posting.needs and p.id != posting.id), None)
        until = instant(posting.due) if posting.due > now else None
        if ahead is not None:
            why, until = _BEHIND(reference=f"{ahead.kind} {ahead.reference}"), None
        elif needed is not None:
            why, until = _NEEDS(), None
        elif posting.state is State.IN_DOUBT:
            why = _IN_DOUBT()
        else:
            why = _LATER() if until else _DUE()
        found.append(Waiting(f"{posting.op} {posting.kind} {posting.reference}", why, until))
    return found


def _todo(hub: Hub, record: StoredRecord, status: str, live: Sequence[Posting]) -> list[str]:
    connection = record.key.connection
    if not hub.pairs_of(connection) and all(feed.connection != connection for feed in hub.feeds):
        return [_NO_PAIR(connection=connection), _CURE_PAIR(connection=connection)]
    stuck = [p for p in live if p.state is State.BLOCKED]
    if stuck:
        cures = [cure for p in stuck for cure in (p.cure,) if cure]
        return [*dict.fromkeys(cures), _CURE_RETRY(name=record.number)]
    if status == "waiting":
        return [_CURE_SERVE()]
    if status == "skipped":
        why = next((p.message for p in reversed(live) if p.key == PROBLEM_KEY or p.state is State.SKIPPED), "")
        return [_LEFT_OUT(why=why)]
    return [_NOTHING()]
