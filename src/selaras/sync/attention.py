"""What needs a person: blocked records grouped by cause, and the two answers to them, retry and skip."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import Posting, RecordKey, State, StoredRecord
from selaras.sync.closing import CAUSES, TAKE_NEXT
from selaras.sync.figures import Sum, instant, major, sums

_ALL = 2**62
_EXAMPLES = 5


class BlockedItem(msgspec.Struct, frozen=True):
    """One blocked (or skipped) posting. `posting` is its id, `name` what people call the record, `total` major units.

    `document` is empty when the record as a whole could not be planned. `by_whom` says who skipped it.
    """

    posting: int
    connection: str
    kind: str
    record: str
    name: str
    day: str
    document: str
    reference: str
    currency: str
    total: Decimal
    state: str
    cause: str
    field: str
    message: str
    cure: str
    since: dt.datetime
    by_whom: str


class BlockedGroup(msgspec.Struct, frozen=True):
    """All items of one cause and connection: what stands in the way, how to mend it, how many records, how much."""

    cause: str
    connection: str
    message: str
    field: str
    cure: str
    postings: int
    records: int
    sums: list[Sum]
    examples: list[str]


class BlockedReport(msgspec.Struct, frozen=True):
    """Groups, the most frequent first, and every item, oldest first. A record counts once in `records` and `sums`."""

    groups: list[BlockedGroup]
    items: list[BlockedItem]
    records: int
    sums: list[Sum]


class Retried(msgspec.Struct, frozen=True):
    """Postings that will be sent again (looking first) and records that will be planned again."""

    postings: int
    records: int


class Skipped(msgspec.Struct, frozen=True):
    """Postings that a person decided shall not be sent."""

    postings: int


def blocked(ledger: Ledger, cause: str | None = None, *, skipped: bool = False) -> BlockedReport:
    """What is blocked, by cause; with `skipped` what was left out, by a rule or by a person, and why."""
    postings = ledger.postings.in_state(State.SKIPPED if skipped else State.BLOCKED, _ALL, cause or "")
    records = _records(ledger, postings)
    items = [_item(posting, records.get(posting.record)) for posting in postings]
    groups: dict[tuple[str, str], list[Posting]] = {}
    for posting in postings:
        groups.setdefault((posting.cause, posting.record.connection), []).append(posting)
    ranked = sorted(groups.values(), key=lambda group: (-len(group), group[0].id))
    return BlockedReport(
        [_group(group, records) for group in ranked],
        items,
        len({posting.record for posting in postings}),
        _record_sums(postings, records),
    )


def retry(
    ledger: Ledger,
    now: int,
    who: str,
    *,
    cause: str | None = None,
    names: Sequence[str] = (),
    everything: bool = False,
    next_open_day: bool = False,
) -> Retried:
    """Try blocked postings again: by cause, by name (order number, record id or "#posting"), or all of them.

    A posting with a document looks in the target before it sends; a record that could not be planned is planned again.
    With `next_open_day` a person decides that what is blocked because its day is closed gets the next open day.
    Raises `LedgerError` for a name that nothing blocked belongs to.
    """
    chosen = _choose(ledger, cause, names, everything)
    if next_open_day:
        return _next_open_day(ledger, [p for p in chosen if p.cause in CAUSES], now, who)
    with ledger.transaction():
        sent = ledger.postings.retry([p.id for p in chosen if p.document], now, who)
        keys = {p.record for p in chosen if not p.document}
        ledger.records.replan(keys)
    return Retried(sent, len(keys))


def _next_open_day(ledger: Ledger, chosen: Sequence[Posting], now: int, who: str) -> Retried:
    if not chosen:
        raise LedgerError("None of these is blocked by a closed day.", "See `selaras blocked --cause period_closed`.")
    streams = {posting.stream for posting in chosen}
    with ledger.transaction():
        for posting in chosen:
            store = posting.stream.partition(":")[0]
            ledger.connections.decide(store, "period", posting.stream, TAKE_NEXT, f"by hand: {who}", now)
        keys = {RecordKey(*_order_of(stream)) for stream in streams}
        ledger.records.replan(keys)
    return Retried(0, len(keys))


def _order_of(stream: str) -> tuple[str, str, str]:
    store, _colon, order = stream.partition(":")
    return store, "order", order


def skip(ledger: Ledger, now: int, who: str, why: str, names: Sequence[str], cause: str | None = None) -> Skipped:
    """A person decides that these blocked postings shall not be sent; the reason and the name are kept.

    Raises `LedgerError` for an empty reason and for a name that nothing blocked belongs to.
    """
    if not why.strip():
        raise LedgerError("A skip needs its reason.", "Say why with --why; it stands in the certificate of the month.")
    chosen = _choose(ledger, cause, names, everything=False)
    with ledger.transaction():
        return Skipped(ledger.postings.skip([p.id for p in chosen], now, who, why.strip()))


def _choose(ledger: Ledger, cause: str | None, names: Sequence[str], everything: bool) -> list[Posting]:
    if not (cause or names or everything):
        raise LedgerError("Nothing was chosen.", "Name records, or choose with --cause or --all.")
    postings = ledger.postings.in_state(State.BLOCKED, _ALL, cause or "")
    if cause and not postings:
        causes = sorted({p.cause for p in ledger.postings.in_state(State.BLOCKED, _ALL)})
        raise LedgerError(f"Nothing is blocked by {cause!r}.", f"Causes: {', '.join(causes) or 'none'}.")
    if not names:
        return postings
    records = _records(ledger, postings)
    chosen: dict[int, Posting] = {}
    for name in names:
        mine = [p for p in postings if name in _names(p, records.get(p.record))]
        if not mine:
            raise LedgerError(f"Nothing blocked belongs to {name!r}.", "See `selaras blocked` for what is.")
        chosen.update({p.id: p for p in mine})
    return [chosen[i] for i in sorted(chosen)]


def _names(posting: Posting, record: StoredRecord | None) -> set[str]:
    """What a person may call the posting: its id with "#", the record's id or number, the document's reference."""
    return {f"#{posting.id}", posting.record.id, posting.reference, record.number if record else ""} - {""}


def _records(ledger: Ledger, postings: Iterable[Posting]) -> dict[RecordKey, StoredRecord]:
    wanted: dict[tuple[str, str], set[str]] = {}
    for posting in postings:
        wanted.setdefault((posting.record.connection, posting.record.kind), set()).add(posting.record.id)
    return {
        record.key: record
        for (connection, kind), ids in wanted.items()
        for record in ledger.records.some(connection, kind, sorted(ids))
    }


def _record_sums(postings: Sequence[Posting], records: dict[RecordKey, StoredRecord]) -> list[Sum]:
    """Σ of the records behind the postings, each once; without a record the posting's own amount stands for it."""
    amounts: dict[RecordKey, tuple[str, int | None]] = {}
    for posting in postings:
        record = records.get(posting.record)
        amounts[posting.record] = (record.currency, record.total) if record else (posting.currency, posting.total)
    return sums(amounts.values())


def _group(group: Sequence[Posting], records: dict[RecordKey, StoredRecord]) -> BlockedGroup:
    first = group[0]
    names = dict.fromkeys(records[p.record].number if p.record in records else p.record.id for p in group)
    return BlockedGroup(
        first.cause, first.record.connection, first.message, first.field, first.cure, len(group),
        len({p.record for p in group}), _record_sums(group, records), list(names)[:_EXAMPLES],
    )  # fmt: skip


def _item(posting: Posting, record: StoredRecord | None) -> BlockedItem:
    currency = posting.currency or (record.currency if record else "")
    return BlockedItem(
        posting.id, posting.record.connection, posting.record.kind, posting.record.id,
        record.number if record else posting.record.id, record.day if record else "",
        posting.kind if posting.document else "", posting.reference, currency, major(posting.total, currency),
        "blocked" if posting.state is State.BLOCKED else "skipped", posting.cause, posting.field, posting.message,
        posting.cure, instant(posting.settled_at or posting.created_at), posting.by_whom,
    )  # fmt: skip
