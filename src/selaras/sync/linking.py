"""Tying a document that stands in the books already to the record it belongs to, after comparing both."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from selaras.connectors.contract import Seen
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import Link, NewPosting, Posting, State, StoredRecord, document_of
from selaras.model.document import Document
from selaras.model.money import NotExact, UnknownCurrency, to_minor
from selaras.sync.figures import major
from selaras.sync.finding import one_record, pair_of
from selaras.sync.held import PROBLEM_KEY
from selaras.sync.hub import Hub, Pair, order_stream
from selaras.sync.orders import OrderPlanner

KINDS = ("sales_order", "invoice", "receipt", "credit_note")


class DocumentLinked(msgspec.Struct, frozen=True):
    """A document of the books that belongs to a record from now on. `total` is major units, equal on both sides."""

    record: str
    number: str
    kind: str
    key: str
    target: str
    document: str
    document_number: str
    currency: str
    total: Decimal


class _Meant(msgspec.Struct, frozen=True):
    """The document that we would create, and the posting it supersedes (version 0: none)."""

    key: str
    version: int
    supersedes: int
    digest: str
    document: Document
    total: int | None
    currency: str
    reference: str
    owner: Posting | NewPosting


async def link_document(
    hub: Hub, name: str, kind: str, books_id: str, who: str, *, key: str = "", store: str | None = None
) -> DocumentLinked:
    """Tie document `books_id` of the books to the order `name`, instead of creating one.

    The document is read through the connector; its total and currency must be what we would post. `key` chooses where
    an order has several documents of a kind. Raises `LedgerError` (nothing to tie, totals differ, it belongs to another
    record) and `ConnectorError`.
    """
    if kind not in KINDS:
        raise LedgerError(f"A {kind!r} cannot be linked by hand.", f"Kinds: {', '.join(KINDS)}.")
    ledger = hub.desk.ledger
    record = await hub.desk(one_record, ledger, name, "order", store)
    pair = await hub.desk(pair_of, ledger, record.key.connection)
    found = await _read(hub, pair, kind, books_id)
    return await hub.desk.write(_tie, hub, pair, record, kind, found, key, who)


async def _read(hub: Hub, pair: Pair, kind: str, books_id: str) -> Seen:
    connector = hub.connectors[pair.books]
    if kind not in connector.capabilities.sources:
        raise LedgerError(
            f"{pair.books} does not let a {kind} be read by its id.", "Skip the record instead, with the reason."
        )
    seen = await connector.read(kind, [books_id])
    if not seen or seen[0].record is None:
        raise LedgerError(f"{pair.books} has no {kind} with the id {books_id!r}.", "Check the id in the books.")
    return seen[0]


def _tie(hub: Hub, pair: Pair, record: StoredRecord, kind: str, found: Seen, key: str, who: str) -> DocumentLinked:
    ledger, now = hub.desk.ledger, hub.now()
    meant = _meant(hub, pair, record, kind, key)
    _must_agree(pair, meant, kind, found)
    stream = order_stream(pair.store, record.key.id)
    owner = meant.owner
    ledger.postings.supersede(pair.books, stream, PROBLEM_KEY, now)
    ledger.postings.plan(
        [
            NewPosting(
                pair.books, stream, meant.key, meant.version, kind, "create", owner.record, meant.reference,
                meant.digest, meant.document, f"linked by hand to {found.number or found.id}: {who}", needs=owner.needs,
                total=meant.total, currency=meant.currency, state=State.DONE, supersedes=meant.supersedes,
            )
        ],
        now,
    )  # fmt: skip
    row = next(
        p
        for p in ledger.postings.of_streams(pair.books, [stream])[stream]
        if (p.key, p.version) == (meant.key, meant.version)
    )
    link = Link(
        pair.books, stream, meant.key, kind, found.id, found.number, meant.reference, meant.total, meant.currency,
        meant.version,
    )  # fmt: skip
    ledger.postings.link(link, row.id, now)
    ledger.records.replan([record.key])
    return DocumentLinked(
        record.key.id, record.number, kind, meant.key, pair.books, found.id, found.number, meant.currency,
        major(meant.total, meant.currency),
    )  # fmt: skip


def _meant(hub: Hub, pair: Pair, record: StoredRecord, kind: str, key: str) -> _Meant:
    """The document of this kind that is still to be created, from what is planned or would be planned now."""
    ledger, stream = hub.desk.ledger, order_stream(pair.store, record.key.id)
    past = ledger.postings.of_streams(pair.books, [stream]).get(stream, [])
    draft = OrderPlanner(hub, pair).draft([record])[0]
    if draft.plan.problem is not None:
        raise LedgerError(
            f"Order {record.number} cannot be planned: {draft.plan.problem.message}", draft.plan.problem.cure
        )
    versions: dict[str, int] = {}
    for posting in past:
        versions[posting.key] = max(versions.get(posting.key, 0), posting.version)
    wanted: dict[str, _Meant] = {}
    for posting in past:
        if posting.state is State.IN_DOUBT and posting.kind == kind:
            raise LedgerError(
                f"{posting.kind} {posting.reference} is being sent; its answer is not clear yet.",
                "Try again in a minute.",
            )
        document = document_of(posting.document)
        if posting.kind == kind and posting.op == "create" and document is not None:
            if posting.state in (State.PLANNED, State.BLOCKED, State.SKIPPED):
                wanted[posting.key] = _Meant(
                    posting.key, versions[posting.key] + 1, posting.version, posting.digest, document, posting.total,
                    posting.currency, posting.reference, posting,
                )  # fmt: skip
            else:
                wanted.pop(posting.key, None)
    for fresh in draft.postings:
        unsent = fresh.document is not None and fresh.state in (State.PLANNED, State.IN_DOUBT)
        if fresh.kind == kind and fresh.op == "create" and fresh.document is not None and unsent:
            wanted[fresh.key] = _Meant(
                fresh.key, fresh.version, fresh.supersedes, fresh.digest, fresh.document, fresh.total, fresh.currency,
                fresh.reference, fresh,
            )  # fmt: skip
    if key:
        wanted = {k: v for k, v in wanted.items() if k == key}
    if len(wanted) == 1:
        return next(iter(wanted.values()))
    if not wanted:
        raise LedgerError(
            f"Order {record.number} needs no {kind} that is not in the books already.",
            f"See `selaras explain {record.number}`.",
        )
    raise LedgerError(f"Order {record.number} needs several: {', '.join(wanted)}.", "Choose one with --key.")


def _must_agree(pair: Pair, meant: _Meant, kind: str, found: Seen) -> None:
    if getattr(found.record, "status", "") == "void":
        raise LedgerError(f"{kind} {found.number or found.id} of {pair.books} is void.", "Choose a living document.")
    try:
        theirs = None if found.total is None else to_minor(found.total, found.currency)
    except (NotExact, UnknownCurrency):
        theirs = None
    if found.currency != meant.currency or theirs != meant.total:
        raise LedgerError(
            f"{kind} {found.number or found.id} of {pair.books} says {found.total} {found.currency}, "
            f"the order comes to {major(meant.total, meant.currency)} {meant.currency}.",
            "Correct the document in the books, or choose another one.",
        )
