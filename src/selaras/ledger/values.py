"""Rows of the ledger as typed values."""

from __future__ import annotations

import enum

import msgspec

from selaras.model.document import Document

MICROSECOND = 1_000_000


class State(enum.IntEnum):
    """States of a posting; the first two are unfinished."""

    PLANNED = 0
    IN_DOUBT = 1
    DONE = 2
    BLOCKED = 3
    SKIPPED = 4
    SUPERSEDED = 5


class RecordKey(msgspec.Struct, frozen=True):
    """What names a record: which connection, which kind, which id there."""

    connection: str
    kind: str
    id: str


class StoredRecord(msgspec.Struct, frozen=True):
    """A record as last seen. `body` is the model value as JSON; `version` grows with every change of it."""

    key: RecordKey
    number: str
    day: str
    version: int
    planned: int
    updated_at: int
    seen_at: int
    total: int | None
    currency: str
    body: bytes


class NewRecord(msgspec.Struct, frozen=True):
    """A record to keep. `digest` tells whether it changed; `open` whether it still deserves a re-read."""

    key: RecordKey
    number: str
    day: str
    digest: str
    updated_at: int
    total: int | None
    currency: str
    body: bytes
    raw: bytes
    open: bool = False


class PendingHint(msgspec.Struct, frozen=True):
    """A hint that waits to be looked at; `bumps` tells whether a newer one came while we looked."""

    key: RecordKey
    bumps: int
    tries: int


class NewPosting(msgspec.Struct, frozen=True):
    """A posting to plan. `document` None only for a blocked or skipped row that stands for a record as a whole.

    `needs` names the stream that must have no unfinished posting first (the buyer's contact). `supersedes` is the
    version of the same key that is still planned and never to be sent. `after` are keys of the same stream whose
    documents this one refers to.
    """

    target: str
    stream: str
    key: str
    version: int
    kind: str
    op: str
    record: RecordKey
    reference: str
    digest: str
    document: Document | None
    reason: str
    needs: str = ""
    total: int | None = None
    currency: str = ""
    state: State = State.PLANNED
    cause: str = ""
    field: str = ""
    message: str = ""
    cure: str = ""
    supersedes: int = 0
    after: tuple[str, ...] = ()


class Posting(msgspec.Struct, frozen=True):
    """A posting as stored."""

    id: int
    target: str
    stream: str
    key: str
    version: int
    kind: str
    op: str
    record: RecordKey
    reference: str
    document: bytes
    digest: str
    needs: str
    total: int | None
    currency: str
    state: State
    due: int
    tries: int
    reason: str
    cause: str
    field: str
    message: str
    cure: str
    by_whom: str
    created_at: int
    settled_at: int | None


class Claimed(msgspec.Struct, frozen=True):
    """A posting under our lease, which ends at `until` (µs).

    `tries` is the fencing token; `look` means: search before sending.
    """

    id: int
    stream: str
    key: str
    version: int
    kind: str
    op: str
    reference: str
    document: bytes
    needs: str
    tries: int
    look: bool
    currency: str
    total: int | None
    until: int


class Link(msgspec.Struct, frozen=True):
    """The proof that a document of the target belongs to a stream and key."""

    target: str
    stream: str
    key: str
    kind: str
    target_id: str
    number: str
    reference: str
    total: int | None
    currency: str
    version: int


class Settlement(msgspec.Struct, frozen=True):
    """What became of one claimed posting.

    `state` PLANNED says that certainly nothing stands in the target, so the next try need not search; IN_DOUBT that
    something may. Amounts are smallest units; `wait` is seconds until it is due again.
    """

    claimed: Claimed
    state: State
    act: str
    outcome: str
    message: str = ""
    wait: float = 0.0
    target_id: str = ""
    number: str = ""
    total: int | None = None
    cause: str = ""
    field: str = ""
    cure: str = ""


class Attempt(msgspec.Struct, frozen=True):
    """One thing tried for a posting: when, what (`look`, `create` …), how it ended."""

    posting: int
    tried: int
    at: int
    act: str
    outcome: str
    message: str


_POSTING_DECODER = msgspec.json.Decoder(Document)


def document_of(blob: bytes) -> Document | None:
    """The document of a posting row; None for rows that stand for a record as a whole."""
    return _POSTING_DECODER.decode(blob) if blob else None
