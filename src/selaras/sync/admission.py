"""Which orders may be posted: those from the pair's first day on, and older ones that a back-fill has reached.

How far back-fills have come stands in one setting of the ledger, so that a kill at any step loses nothing: the place is
moved in the transaction that plans the orders before it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.values import StoredRecord
from selaras.sync.hub import Pair

_END = "\U0010ffff"


class Span(msgspec.Struct, frozen=True):
    """Days (ISO, inclusive) that a back-fill has gone through; of the last one ids up to `last_id` ("" = all)."""

    first: str
    last: str
    last_id: str = ""

    def covers(self, day: str, record_id: str) -> bool:
        """Whether the order of this day and id was reached."""
        return self.first <= day and (day, record_id) <= (self.last, self.last_id or _END)


class Backfill(msgspec.Struct, frozen=True):
    """The back-fill of one store: what was asked for, how far it is, and what came of it so far.

    `day` and `id` are the place of the last order that was planned ("" before the first). `linked` counts orders of
    which a document was found in the books, `documents` those documents, `conflicts` orders that were found with
    another total. `earlier` are spans of back-fills before this one. Times are microseconds since 1970 UTC.
    """

    first: str
    last: str
    state: Literal["running", "paused", "done"] = "running"
    day: str = ""
    id: str = ""
    linked: int = 0
    documents: int = 0
    conflicts: int = 0
    who: str = ""
    started_at: int = 0
    finished_at: int = 0
    earlier: tuple[Span, ...] = ()

    @property
    def reached(self) -> tuple[Span, ...]:
        """Everything that this and earlier back-fills went through."""
        if self.state == "done":
            return (*self.earlier, Span(self.first, self.last))
        return (*self.earlier, Span(self.first, self.day, self.id)) if self.day else self.earlier


def setting_name(store: str) -> str:
    """The setting that holds the back-fill of a store."""
    return f"backfill:{store}"


def backfill_of(ledger: Ledger, store: str) -> Backfill | None:
    """The running or last back-fill of a store."""
    text = ledger.connections.setting(setting_name(store))
    return msgspec.json.decode(text, type=Backfill) if text else None


def keep_backfill(ledger: Ledger, store: str, backfill: Backfill, now: int) -> None:
    """Keep its state; call it in the transaction of what it tells of."""
    ledger.connections.set(setting_name(store), msgspec.json.encode(backfill).decode(), now)


class Admission:
    """Answers for the orders of one pair, as things stand now. `chosen` are ids that a back-fill plans right now."""

    def __init__(self, ledger: Ledger, pair: Pair, chosen: Collection[str] = ()) -> None:
        begin = pair.policy.begin
        self._begin = "" if begin is None else begin.isoformat()
        backfill = backfill_of(ledger, pair.store)
        self._spans = backfill.reached if backfill is not None else ()
        self._chosen = chosen

    def admits(self, record: StoredRecord) -> bool:
        """Whether the order may be posted."""
        return record.day >= self._begin or self.asked(record)

    def asked(self, record: StoredRecord) -> bool:
        """Whether a back-fill asked for it: people may have typed its documents, so they are looked for first."""
        chosen = record.key.id in self._chosen
        return chosen or any(span.covers(record.day, record.key.id) for span in self._spans)
