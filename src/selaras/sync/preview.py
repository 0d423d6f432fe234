"""Plan, then apply (X3): the exact documents, reversals and stock changes, without writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.values import NewPosting, State, StoredRecord, document_of
from selaras.model.document import CreditNote, Document, Invoice, SalesOrder
from selaras.model.money import ZERO
from selaras.sync.figures import Sum, major, sums
from selaras.sync.finding import one_record, pair_of
from selaras.sync.hub import Hub, Pair
from selaras.sync.offline import offline_hub
from selaras.sync.orders import Draft, OrderPlanner

_MOST = 2**31
_BATCH = 500
_ENCODER = msgspec.json.Encoder(decimal_format="string")


class PlannedDocument(msgspec.Struct, frozen=True):
    """One posting that would be written: create, update or void one document in `target`. `total` is major units.

    `reverses` says that it takes something back: a credit note, a refund, a void, an intention withdrawn.
    """

    target: str
    key: str
    kind: str
    op: str
    reference: str
    currency: str
    total: Decimal | None
    reason: str
    reverses: bool
    withdrawn: bool
    document: msgspec.Raw


class StockChange(msgspec.Struct, frozen=True):
    """Pieces by which a document would move a product of the books: negative leaves, positive comes back.

    `reserved` pieces are held by a sales order and not yet gone.
    """

    code: str
    on_hand: Decimal
    reserved: Decimal


class RecordPlan(msgspec.Struct, frozen=True):
    """What one record would come to: documents, or the problem that blocks it, or why nothing follows from it."""

    connection: str
    id: str
    number: str
    day: str
    currency: str
    total: Decimal
    documents: list[PlannedDocument]
    contact: str
    blocked: str
    skipped: str
    cause: str
    cure: str
    reasons: list[str]


class PlanReport(msgspec.Struct, frozen=True):
    """The whole dry run. `sums` adds the documents up by kind and operation; `stock` the pieces by code."""

    store: str
    books: str
    records: list[RecordPlan]
    sums: dict[str, list[Sum]]
    stock: list[StockChange]
    to_post: int
    unchanged: int
    blocked: int
    skipped: int


def plan(
    ledger: Ledger,
    store: str | None = None,
    *,
    names: Sequence[str] = (),
    first: str | None = None,
    last: str | None = None,
    everything: bool = False,
    hub: Hub | None = None,
) -> PlanReport:
    """What would be posted now: for `names`, for a span of days, for `everything`, or (default) for what is unplanned.

    Raises `LedgerError` for an unknown name or when there is no such pair. `hub` saves filling the mirrors again.
    Runs in the ledger's thread and writes nothing.
    """
    pair = pair_of(ledger, store)
    hub = hub or offline_hub(ledger)
    records = _records(ledger, pair, names, first, last, everything)
    planner, levels = OrderPlanner(hub, pair), Levels(ledger)
    plans: list[RecordPlan] = []
    amounts: dict[str, list[tuple[str, int | None]]] = {}
    for start in range(0, len(records), _BATCH):
        for draft in planner.draft(records[start : start + _BATCH]):
            plans.append(_record_plan(draft))
            for posting in draft.postings:
                if posting.document is not None and posting.state in (State.PLANNED, State.IN_DOUBT):
                    amounts.setdefault(f"{posting.kind} {posting.op}", []).append((posting.currency, posting.total))
                    levels.move(posting)
    return PlanReport(
        pair.store, pair.books, plans, {what: sums(rows) for what, rows in sorted(amounts.items())}, levels.changes(),
        to_post=sum(1 for one in plans if one.documents),
        unchanged=sum(1 for one in plans if not (one.documents or one.blocked or one.skipped)),
        blocked=sum(1 for one in plans if one.blocked),
        skipped=sum(1 for one in plans if one.skipped),
    )  # fmt: skip


def _records(
    ledger: Ledger, pair: Pair, names: Sequence[str], first: str | None, last: str | None, everything: bool
) -> list[StoredRecord]:
    if names:
        return [one_record(ledger, name, "order", pair.store) for name in dict.fromkeys(names)]
    if first or last or everything:
        return ledger.records.on_days(pair.store, "order", first or "", last or "9999")
    return ledger.records.unplanned(pair.store, "order", _MOST)


def _record_plan(draft: Draft) -> RecordPlan:
    record, plan = draft.record, draft.plan
    verdict = plan.problem or plan.skip
    contact = next((link.target_id for link in draft.links if link.kind == "contact"), "")
    return RecordPlan(
        record.key.connection, record.key.id, record.number, record.day, record.currency,
        major(record.total, record.currency),
        [_document(posting) for posting in draft.postings if posting.document is not None], contact,
        plan.problem.message if plan.problem else "", plan.skip.message if plan.skip else "",
        verdict.cause if verdict else "", verdict.cure if verdict else "", list(plan.reasons),
    )  # fmt: skip


def _document(posting: NewPosting) -> PlannedDocument:
    return PlannedDocument(
        posting.target, posting.key, posting.kind, posting.op, posting.reference, posting.currency,
        None if posting.total is None else major(posting.total, posting.currency), posting.reason,
        reverses=posting.op == "void" or posting.kind in ("credit_note", "refund_payment"),
        withdrawn=posting.state is State.SKIPPED, document=msgspec.Raw(_ENCODER.encode(posting.document)),
    )  # fmt: skip


class Levels:
    """How many pieces the documents of a plan would move, by code of the books.

    A sales order holds pieces; its invoice lets them go and takes them off the shelf; a credit note with `restock` lays
    them back. An update moves by the difference to the document before it, a void by the whole of it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._moved: dict[str, tuple[Decimal, Decimal]] = {}

    def changes(self) -> list[StockChange]:
        """What moves at all, by code."""
        return [StockChange(code, *moved) for code, moved in sorted(self._moved.items()) if moved != (ZERO, ZERO)]

    def move(self, posting: NewPosting) -> None:
        """Add the effect of one planned document."""
        assert posting.document is not None, "only documents move goods"  # noqa: S101
        if posting.op != "void":
            self._add(posting.document, 1)
        if posting.op != "create":
            past = self._ledger.postings.of_streams(posting.target, [posting.stream]).get(posting.stream, [])
            before = [p for p in past if p.key == posting.key and p.op != "void" and p.state is not State.SUPERSEDED]
            document = document_of(before[-1].document) if before else None
            if document is not None:
                self._add(document, -1)

    def _add(self, document: Document, sign: int) -> None:
        if not isinstance(document, SalesOrder | Invoice | CreditNote):
            return
        for line in document.lines:
            pieces = sign * line.quantity
            if not line.code:
                continue
            if isinstance(document, SalesOrder):
                shelf, held = ZERO, pieces
            elif isinstance(document, Invoice):
                shelf, held = -pieces, -pieces if document.sales_order_id else ZERO
            else:
                shelf, held = pieces if document.restock else ZERO, ZERO
            on_hand, reserved = self._moved.get(line.code, (ZERO, ZERO))
            self._moved[line.code] = (on_hand + shelf, reserved + held)
