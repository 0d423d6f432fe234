"""Documents that people changed in the books: what we wrote, what they hold, what the store says, and the decision.

*Keep*: the books' version stands; a later change of the order that would touch the document is blocked and says so.
*Restore*: ours is written again, over exactly the version that the person saw. Both keep who decided.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import Link, NewPosting, NewRecord, Posting, State, StoredRecord, document_of
from selaras.rules.hand_edits import is_booked, picture
from selaras.sync import upkeep_words as words
from selaras.sync.figures import instant
from selaras.sync.hand_edits import CHANGED, DELETED, EDITED, VOIDED, Agreed, record_key

_ALL = 2**62
_CAUSES = (CHANGED, VOIDED, DELETED)


class FieldDifference(msgspec.Struct, frozen=True):
    """One field three times; "" where it is not there."""

    field: str
    wrote: str
    books: str
    store: str


class DifferenceItem(msgspec.Struct, frozen=True):
    """One document that a person changed. `posting` names the row ("#12"); `state` is open or kept.

    `what` is edited_in_books, voided_in_books or deleted_in_books. `waiting` says that a newer change of the order is
    held back because of it. `why` and `by_whom` are those of a decision to keep it.
    """

    posting: int
    target: str
    kind: str
    reference: str
    document: str
    document_number: str
    order: str
    what: str
    state: str
    fields: list[FieldDifference]
    waiting: bool
    since: dt.datetime
    why: str
    by_whom: str


class DifferenceDecided(msgspec.Struct, frozen=True):
    """What was decided about which documents (their references)."""

    decision: str
    documents: list[str]


def differences(ledger: Ledger, *, kept: bool = False) -> list[DifferenceItem]:
    """Documents whose version in the books is not ours, oldest first; with `kept` those too that were accepted."""
    items = []
    for row in _rows(ledger, kept):
        item = _item(ledger, row)
        if item is not None:
            items.append(item)
    return items


def keep_books(ledger: Ledger, names: Sequence[str], why: str, now: int, who: str) -> DifferenceDecided:
    """The version of the books stands. `names`: references, order numbers, or "#posting".

    Raises `LedgerError` for a name that no open difference belongs to, and without a reason.
    """
    if not why.strip():
        raise LedgerError("Keeping the books' version needs its reason.", "Say why with --why.")
    rows = _choose(ledger, names)
    with ledger.transaction():
        ledger.postings.skip([row.id for row in rows], now, who, why.strip())
        for row in rows:
            for waiting in _waiting(ledger, row):
                ledger.postings.supersede_planned(waiting.id, now)
        ledger.records.replan({row.record for row in rows})
    return DifferenceDecided("keep", [row.reference for row in rows])


def restore(
    ledger: Ledger, names: Sequence[str], updates: Mapping[str, frozenset[str]], now: int, who: str
) -> DifferenceDecided:
    """Ours is written again. `updates`: connection → kinds that it lets be changed.

    A document that was deleted is created again, one that was voided gets a successor where the rules want one. Raises
    `LedgerError` for an unknown name, and where the books let nobody change such a document.
    """
    rows = _choose(ledger, names, kept=True)
    with ledger.transaction():
        for row in rows:
            _restore(ledger, row, updates.get(row.target, frozenset()), now, who)
        ledger.records.replan({row.record for row in rows})
    return DifferenceDecided("restore", [row.reference for row in rows])


# -- parts -------------------------------------------------------------------------------------------------------------


def _rows(ledger: Ledger, kept: bool) -> list[Posting]:
    states = (State.BLOCKED, State.SKIPPED) if kept else (State.BLOCKED,)
    rows = [row for state in states for row in ledger.postings.in_state(state, _ALL) if row.key.startswith(EDITED)]
    return sorted(rows, key=lambda row: row.id)


def _choose(ledger: Ledger, names: Sequence[str], *, kept: bool = False) -> list[Posting]:
    if not names:
        raise LedgerError("Nothing was chosen.", "Name documents as `selaras differences` shows them.")
    rows, chosen = _rows(ledger, kept), dict[int, Posting]()
    for name in names:
        mine = [row for row in rows if name in _names(ledger, row)]
        if not mine:
            raise LedgerError(f"No difference belongs to {name!r}.", "See `selaras differences`.")
        chosen.update({row.id: row for row in mine})
    return [chosen[i] for i in sorted(chosen)]


def _names(ledger: Ledger, row: Posting) -> set[str]:
    record = ledger.records.get(row.record)
    return {f"#{row.id}", row.reference, row.record.id, record.number if record else ""} - {""}


def _link(ledger: Ledger, row: Posting) -> Link | None:
    return ledger.postings.links(row.target, [row.stream]).get((row.stream, row.key.removeprefix(EDITED)))


def _history(ledger: Ledger, row: Posting) -> list[Posting]:
    key = row.key.removeprefix(EDITED)
    return [p for p in ledger.postings.of_streams(row.target, [row.stream]).get(row.stream, []) if p.key == key]


def _waiting(ledger: Ledger, row: Posting) -> list[Posting]:
    """Changes of the same document that are not written because of the difference."""
    return [p for p in _history(ledger, row) if p.op != "create" and p.state in (State.PLANNED, State.BLOCKED)]


def _agreed(ledger: Ledger, row: Posting, link: Link) -> tuple[StoredRecord, Agreed] | None:
    record = ledger.records.get(record_key(row.target, link.kind, link.target_id))
    return (record, msgspec.json.decode(record.body, type=Agreed)) if record is not None else None


def _item(ledger: Ledger, row: Posting) -> DifferenceItem | None:
    link = _link(ledger, row)
    kept = _agreed(ledger, row, link) if link is not None else None
    if link is None or kept is None:
        return None
    agreed, now = kept[1].agreed, kept[1].now or {}
    live = [p for p in _history(ledger, row) if p.state is not State.SUPERSEDED]
    meant = document_of(live[-1].document) if live else None
    # What the store says now is what we would write now; the buyer's contact is the same by any of its names.
    store = picture(meant, agreed.get("contact", "")) if is_booked(meant) else {}  # type: ignore[arg-type]
    names = [n for n in dict.fromkeys([*agreed, *now]) if agreed.get(n, "") != now.get(n, "")]
    fields = [FieldDifference(n, agreed.get(n, ""), now.get(n, ""), store.get(n, "")) for n in names]
    record = ledger.records.get(row.record)
    what = row.cause if row.cause in _CAUSES else (DELETED if not now else VOIDED if now.get("state") else CHANGED)
    is_open = row.state is State.BLOCKED
    return DifferenceItem(
        row.id, row.target, row.kind, row.reference, link.target_id, link.number,
        record.number if record else row.record.id, what, "open" if is_open else "kept", fields,
        bool(_waiting(ledger, row)), instant(row.created_at), "" if is_open else row.message, row.by_whom,
    )  # fmt: skip


def _restore(ledger: Ledger, row: Posting, updates: frozenset[str], now: int, who: str) -> None:
    link = _link(ledger, row)
    kept = _agreed(ledger, row, link) if link is not None else None
    wrote = next((p for p in reversed(_history(ledger, row)) if p.state is State.DONE), None)
    if link is None or kept is None or wrote is None:
        raise LedgerError(f"{row.kind} {row.reference} is no longer known.", "Run `selaras sweep`, then look again.")
    what = DELETED if not kept[1].now else VOIDED if kept[1].now.get("state") == "void" else CHANGED
    if what == CHANGED and row.kind not in updates:
        raise LedgerError(
            f"{row.target} lets nobody change a {row.kind} through its interface.",
            f"Correct {row.reference} there by hand, or keep it: `selaras differences keep {row.reference}`.",
        )
    ledger.postings.supersede(row.target, row.stream, row.key, now)
    for waiting in _waiting(ledger, row):
        ledger.postings.supersede_planned(waiting.id, now)
    op, state, reason = "update", State.PLANNED, words.AGAIN(who=who)
    if what == DELETED:
        ledger.postings.forget_document(row.target, row.stream, link.key)
        op, state, reason = "create", State.IN_DOUBT, words.CREATED_AGAIN(who=who)
    elif what == VOIDED:
        op, state, reason = "void", State.DONE, words.HAD_VOIDED()
    else:
        _allow(ledger, kept, now)
    version = 1 + max(p.version for p in _history(ledger, row))
    ledger.postings.plan(
        [
            NewPosting(
                row.target, row.stream, link.key, version, row.kind, op, wrote.record, wrote.reference, wrote.digest,
                document_of(wrote.document), reason, needs=wrote.needs, total=wrote.total, currency=wrote.currency,
                state=state,
            )
        ],
        now,
    )  # fmt: skip


def _allow(ledger: Ledger, kept: tuple[StoredRecord, Agreed], now: int) -> None:
    """The version that the person saw may be written over; one that is changed again meanwhile may not."""
    record, agreed = kept
    body = msgspec.json.encode(Agreed(agreed.version, agreed.now or agreed.agreed))
    again = NewRecord(
        record.key, record.number, record.day, body.hex()[:32] + str(now), now, record.total, record.currency, body, b""
    )
    ledger.records.keep([again], "books", now, history=False)
