"""Finding what people changed in documents of ours: by the books' own cursor, by the sweep, and before each change.

What both sides agreed on is kept for each document (a record of kind "books.<kind>" of the books' connection). Where a
later reading says otherwise, a blocked row of the order's own stream tells it ("edited:<key>"): whatever is planned for
the order after that waits behind it, so that nothing is written over what a person did, until a person decides.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, cast

import msgspec

from selaras.connectors.contract import Positioned, Seen, Write
from selaras.ledger.values import MICROSECOND, Claimed, Link, NewPosting, NewRecord, Posting, RecordKey, State
from selaras.ledger.values import document_of as posted
from selaras.model.money import NotExact, UnknownCurrency, to_minor
from selaras.rules.hand_edits import Booked, FieldChange, Picture, first_changes, is_booked, later_changes, picture
from selaras.sync import upkeep_words as words
from selaras.sync.hub import Hub

KINDS: Final = ("sales_order", "invoice", "receipt", "credit_note", "refund_payment")
EDITED: Final = "edited:"
CHANGED, VOIDED, DELETED = "edited_in_books", "voided_in_books", "deleted_in_books"
# Before the first reading of the books' own cursor nothing is known to have been changed by hand.
_SLACK: Final = dt.timedelta(minutes=5)


class Agreed(msgspec.Struct, frozen=True):
    """The body of a record "books.<kind>": which version of ours stands there, how both sides saw it last alike, and
    (`now`) how the books say it where they say otherwise."""

    version: int
    agreed: Picture
    now: Picture | None = None


class Edit(msgspec.Struct, frozen=True):
    """A document that was changed by hand. `cause` is edited_in_books, voided_in_books or deleted_in_books."""

    link: Link
    cause: str
    changes: list[FieldChange]


class Compared(msgspec.Struct, frozen=True):
    """What a reading showed: the edits, and by (stream, key) what we wrote so shortly before it that it cannot tell."""

    edits: list[Edit]
    early: set[tuple[str, str]]


def record_key(books: str, kind: str, target_id: str) -> RecordKey:
    """The record that keeps what both sides agreed on."""
    return RecordKey(books, f"books.{kind}", target_id)


class HandEdits:
    """Compares the documents of one set of books."""

    def __init__(self, hub: Hub, books: str) -> None:
        self._hub = hub
        self._books = books
        self._connector = hub.connectors[books]
        can = self._connector.capabilities
        self.kinds = [kind for kind in KINDS if kind in can.sources]
        # Seconds after our own writing until a reading is sure to tell it.
        self.settle_time = can.visibility_lag + 0.1

    async def poll(self) -> int:
        """Read what changed in the books since the last time; returns how many edits were found. Raises
        `ConnectorError`. Books whose cursor cannot be set to the present are left to the sweep."""
        found = 0
        if not isinstance(self._connector, Positioned):
            return found
        ledger = self._hub.desk.ledger
        for kind in self.kinds:
            name = f"books.{kind}"
            cursor = await self._hub.desk(ledger.records.cursor, self._books, name)
            if not cursor:
                now = dt.datetime.fromtimestamp(self._hub.clock(), dt.UTC)
                cursor = self._connector.cursor_at(kind, now - _SLACK)
            more = True
            while more:
                started = self._hub.now()
                page = await self._connector.changed(kind, cursor)
                cursor, more = page.cursor, page.more
                compared = await self._hub.desk.write(self._page, kind, page.seen, started, cursor)
                found += len(compared.edits)
                if compared.early:
                    break
        return found

    def _page(self, kind: str, seen: Sequence[Seen], started: int, cursor: str) -> Compared:
        compared = self.compare(kind, seen, started)
        if not compared.early:  # else this page is read again
            self._hub.desk.ledger.records.advance(self._books, f"books.{kind}", cursor, self._hub.now())
        return compared

    async def read(self, kind: str, ids: Sequence[str]) -> Compared:
        """Read these documents and compare them, deleted ones too. Raises `ConnectorError`."""
        started = self._hub.now()
        seen = await self._connector.read(kind, ids)
        return await self._hub.desk.write(self.compare, kind, seen, started)

    async def before_change(
        self, kind: str, ready: Sequence[tuple[Claimed, Write]]
    ) -> tuple[dict[int, Edit], set[int]]:
        """Read documents that are about to be changed.

        Returns, by the ids of the postings, those that a person changed, which must not be sent, and those that were
        written a moment ago, of which a reading cannot say yet. Raises `ConnectorError`.
        """
        size, held, early = max(1, self._connector.capabilities.read_batch), dict[int, Edit](), set[int]()
        for start in range(0, len(ready), size):
            part = ready[start : start + size]
            compared = await self.read(kind, [write.id for _, write in part])
            edits = {(e.link.stream, e.link.key): e for e in compared.edits}
            held.update({c.id: edits[c.stream, c.key] for c, _ in part if (c.stream, c.key) in edits})
            early |= {c.id for c, _ in part if (c.stream, c.key) in compared.early}
        return held, early

    # -- in the ledger's thread ------------------------------------------------------------------------------------

    def compare(self, kind: str, seen: Sequence[Seen], started: int) -> Compared:
        """Hold a reading that began at `started` (µs) against what was agreed; keeps what it finds."""
        ledger, edits, early = self._hub.desk.ledger, list[Edit](), set[tuple[str, str]]()
        links = ledger.postings.linked(self._books, kind, [one.id for one in seen])
        if not links:
            return Compared(edits, early)
        history = ledger.postings.of_streams(self._books, list({link.stream for link in links.values()}))
        stored = ledger.records.some(self._books, f"books.{kind}", list(links))
        known = {record.key.id: msgspec.json.decode(record.body, type=Agreed) for record in stored}
        for one in seen:
            link = links.get(one.id)
            if link is None:
                continue
            edit = self._one(link, one, history.get(link.stream, []), known.get(one.id), started, early)
            if edit is not None:
                edits.append(edit)
        return Compared(edits, early)

    def _one(
        self,
        link: Link,
        seen: Seen,
        history: Sequence[Posting],
        known: Agreed | None,
        started: int,
        early: set[tuple[str, str]],
    ) -> Edit | None:
        mine = [p for p in history if p.key == link.key]
        wrote = next((p for p in reversed(mine) if p.state is State.DONE), None)
        document = posted(wrote.document) if wrote is not None else None
        if wrote is None or wrote.op == "void" or not is_booked(document):
            return None
        standing = next(
            (p for p in history if p.key == EDITED + link.key and p.state in (State.BLOCKED, State.SKIPPED)), None
        )
        fresh = known is None or known.version != wrote.version
        credited = any(p.kind == "credit_note" and p.state in (State.DONE, State.IN_DOUBT) for p in history)
        if seen.record is None:
            now: Picture = {}
            changes = [FieldChange("document", link.number or link.target_id, "")]
            agreed = picture(cast(Booked, document)) if known is None or fresh else known.agreed
        else:
            theirs = cast(Booked, seen.record)
            now = picture(theirs)
            agreed = now if known is None or fresh else known.agreed
            if fresh:
                changes = first_changes(cast(Booked, document), theirs, self._contact(wrote), credited)
                changes = [c for c in changes if not (c.field == "reference" and c.books == link.reference)]
                if changes and not self._sent(wrote):
                    changes = []  # typed by a person and linked: as it was found is how it was agreed on
                if changes:
                    agreed = picture(cast(Booked, document), self._contact(wrote))
            else:
                changes = later_changes(agreed, now, credited)
        if not changes:
            self._agree(link, wrote, now, standing, fresh)
            return None
        if self._ours_on_the_way(mine, seen, wrote):
            return None
        if wrote.settled_at is not None and wrote.settled_at + int(self.settle_time * MICROSECOND) > started:
            early.add((link.stream, link.key))  # our own writing may not be visible yet
            return None
        void = now.get("state") == "void" and agreed.get("state") != "void"
        cause = DELETED if not now else VOIDED if void else CHANGED
        edit = Edit(link, cause, changes)
        digest = hashlib.blake2b(msgspec.json.encode(now, order="deterministic"), digest_size=16).hexdigest()
        if standing is not None and standing.digest == digest:
            return edit if standing.state is State.BLOCKED else None
        self._keep(link, Agreed(wrote.version, agreed, now))
        self._tell(edit, wrote, digest, history)
        return edit

    def _ours_on_the_way(self, mine: Sequence[Posting], seen: Seen, wrote: Posting) -> bool:
        """Whether the books say what a change of ours says that was sent and has no clear answer yet."""
        for posting in mine:
            if not posting.tries or posting.state not in (State.PLANNED, State.IN_DOUBT, State.BLOCKED):
                continue
            # Some books void a document by deleting it.
            if posting.op == "void" and (seen.record is None or getattr(seen.record, "status", "") == "void"):
                return True
            meant = posted(posting.document)
            if posting.op == "update" and seen.record is not None and is_booked(meant):
                contact = self._contact(wrote)
                if not first_changes(cast(Booked, meant), cast(Booked, seen.record), contact, credited=False):
                    return True
        return False

    def _contact(self, wrote: Posting) -> str:
        document = posted(wrote.document)
        named = str(getattr(document, "contact_id", ""))
        if named != "@contact":
            return "" if named.startswith("@") else named
        link = self._hub.desk.ledger.postings.links(self._books, [wrote.needs]).get((wrote.needs, "contact"))
        return link.target_id if link is not None else ""

    def _sent(self, wrote: Posting) -> bool:
        """Whether we wrote it ourselves: what was only found there is somebody else's."""
        attempts = self._hub.desk.ledger.postings.attempts([wrote.id])
        return any(attempt.act in ("create", "update") for attempt in attempts)

    def _agree(self, link: Link, wrote: Posting, now: Picture, standing: Posting | None, fresh: bool) -> None:
        ledger = self._hub.desk.ledger
        if fresh or standing is not None:
            self._keep(link, Agreed(wrote.version, now))
        if standing is not None:  # somebody has put it right
            ledger.postings.supersede(self._books, link.stream, standing.key, self._hub.now())
            ledger.records.replan([wrote.record])

    def _keep(self, link: Link, agreed: Agreed) -> None:
        body, now = msgspec.json.encode(agreed), self._hub.now()
        digest = hashlib.blake2b(body, digest_size=16).hexdigest()
        day = (agreed.now or agreed.agreed).get("date", "")
        key = record_key(self._books, link.kind, link.target_id)
        record = NewRecord(key, link.number, day, digest, now, link.total, link.currency, body, b"")
        self._hub.desk.ledger.records.keep([record], "books", now, history=False)

    def _tell(self, edit: Edit, wrote: Posting, digest: str, history: Sequence[Posting]) -> None:
        ledger, now, key = self._hub.desk.ledger, self._hub.now(), EDITED + edit.link.key
        known = {"kind": edit.link.kind, "reference": wrote.reference}
        if edit.cause == CHANGED:
            message = words.EDITED(**known, fields=", ".join(f"{c.field} {c.wrote} → {c.books}" for c in edit.changes))
        else:
            message = (words.VOIDED if edit.cause == VOIDED else words.DELETED)(**known)
        ledger.postings.supersede(self._books, edit.link.stream, key, now)
        version = 1 + max((p.version for p in history if p.key == key), default=0)
        total = next((c.books for c in edit.changes if c.field == "total"), "")
        ledger.postings.plan(
            [
                NewPosting(
                    self._books, edit.link.stream, key, version, edit.link.kind, "check", wrote.record,
                    wrote.reference, digest, None, "", total=_minor(total, edit.link), currency=edit.link.currency,
                    state=State.BLOCKED, cause=edit.cause, field=edit.changes[0].field, message=message,
                    cure=words.CURE_EDITED(reference=wrote.reference),
                )
            ],
            now,
        )  # fmt: skip


def _minor(total: str, link: Link) -> int | None:
    """Smallest units of a total as the books say it; what we wrote where they say the same or what has no unit."""
    try:
        return to_minor(Decimal(total), link.currency) if total else link.total
    except (NotExact, UnknownCurrency):
        return link.total
