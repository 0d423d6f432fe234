"""Documents out: written into the journal first (that is when they exist), then as a file into `out/`.

`out/` is the letter box. Whoever imports a file moves it to `out/taken/` (or deletes it) and so has picked it up; from
then on it is never written again, and what changes follows in a later file. A batch whose documents are all undone
before it was picked up is withdrawn: its file goes to `withdrawn/` at once, and no undoing lines are needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from selaras.connectors.contract import (
    Ambiguous,
    ConnectorError,
    Done,
    Failed,
    Found,
    LockedPeriod,
    Op,
    Outcome,
    Rejected,
    Transient,
    Write,
)
from selaras.connectors.entries import no_exchange
from selaras.connectors.files.entries import check_entry, check_write_offs
from selaras.connectors.files.journal import SENT, Batch, Held, Item, Journal
from selaras.connectors.files.known import Known, not_read
from selaras.connectors.files.outfiles import Style, table_of
from selaras.connectors.files.profiles import Profile
from selaras.connectors.places import Place, Taken
from selaras.model.document import ContactDraft, DocumentLine, Receipt, StockLevel, StorePayment
from selaras.model.document import Journal as Entry
from selaras.model.money import EXPONENTS, ZERO, rounded

OUT: Final = "out"
PICKED: Final = "out/taken"
WITHDRAWN: Final = "withdrawn"
_TRIES: Final = 50
_PREFIX: Final = {
    "contact": "C", "sales_order": "SO", "invoice": "INV", "receipt": "RC", "credit_note": "CN",
    "refund_payment": "RF", "journal": "JE", "stock": "ST", "store_payment": "SP",
}  # fmt: skip
# What is missing in files may stand in one that is not read yet.
_OF_FILES: Final = ("unknown_product", "unknown_order", "unknown_contact")
# Of these a new one may bear the name of one that was undone: money is matched anew.
_AGAIN: Final = ("receipt", "journal")
_REFERS: Final = {"sales_order_id": "sales_order", "invoice_id": "invoice", "credit_note_id": "credit_note"}


class Outbox:
    """Writes documents of one folder, and finds what it wrote."""

    def __init__(
        self,
        place: Place,
        *,
        style: Style,
        clock: Callable[[], float],
        known: Callable[[], Awaitable[Known]],
        closed_until: Callable[[], Awaitable[dt.date | None]],
        profiles: Callable[[], Sequence[Profile]],
    ) -> None:
        self.place = place
        self.journal = Journal(place)
        self._style = style
        self._clock = clock
        self._known = known
        self._closed_until = closed_until
        self._profiles = profiles
        self._mine = asyncio.Lock()
        self._box: tuple[tuple[int, int], frozenset[int]] | None = None

    # -- finding --------------------------------------------------------------------------------------------------

    async def fresh(self) -> Journal:
        """The journal as the folder has it, every batch of it published. Raises `Transient`."""
        async with self._mine:
            await self._catch_up()
            return self.journal

    async def _catch_up(self) -> None:
        await self.journal.refresh()
        for number in sorted(set(self.journal.batches) - self.journal.published):
            try:
                await self._publish(self.journal.batches[number])
            except Ambiguous as error:
                await self.journal.refresh()
                if number not in self.journal.published:
                    # Nothing new was begun; the next look tries again, and the number keeps it from being made twice.
                    raise Transient(error.message, code=error.code, cure=error.cure) from None

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents under these references."""
        journal = await self.fresh()
        found = {}
        for reference in references:
            held = journal.named(kind, reference)
            if held is not None:
                found[reference] = found_of(held)
        return found

    # -- writing --------------------------------------------------------------------------------------------------

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """One batch: one journal file, one file in `out/`. Whole or not at all.

        Raises `Transient` when nothing happened, `Ambiguous` when the batch may stand.
        """
        async with self._mine:
            await self._catch_up()
            known = await self._known()
            closed = await self._closed_until()
            for _ in range(_TRIES):
                outcomes: list[Outcome] = []
                items: list[Item] = []
                fresh: dict[str, Item] = {}
                for write in writes:
                    try:
                        outcomes.append(self._one(kind, op, write, known, closed, items, fresh))
                    except ConnectorError as error:
                        unsure = known.unread and error.code in _OF_FILES
                        outcomes.append(Failed(not_read(known.unread) if unsure else error))
                if not items:
                    return outcomes
                now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
                try:
                    batch = await self.journal.commit(kind, op, items, now)
                except Taken:
                    await self._catch_up()
                    continue
                await self._publish_own(batch)
                return outcomes
        raise Transient(f"{self.place.label}: others write into it all the time", code="busy")

    async def _publish_own(self, batch: Batch) -> None:
        try:
            await self._publish(batch)
        except Transient as error:
            # The documents stand in the journal; their file follows at the next look.
            raise Ambiguous(error.message, code=error.code, cure=error.cure) from None

    def _one(
        self,
        kind: str,
        op: Op,
        write: Write,
        known: Known,
        closed: dt.date | None,
        items: list[Item],
        fresh: dict[str, Item],
    ) -> Outcome:
        """The outcome of one document if the batch is kept; what has to be written for it is put into `items`."""
        document = write.document
        if op == "create" or kind == "stock":
            held = None if kind == "stock" else self.journal.named(kind, document.reference)
            if held is not None and not (held.void and kind in _AGAIN):
                return self._again(kind, write, held)
            if document.reference in fresh:
                raise _rejected(
                    "duplicate_reference", "reference", kind, document.reference, "it is twice in one batch"
                )
            self._check(kind, write, known, closed)
            number = f"{self.journal.last + 1:06d}-{len(items) + 1}"
            id = f"stock:{document.code}" if isinstance(document, StockLevel) else f"{_PREFIX[kind]}{number}"
            fresh[document.reference] = item = Item(id, write.key, document)
        else:
            held = self.journal.held.get(write.id)
            if kind == "contact" and held is None and op == "update" and write.id in (known.contacts or ()):
                item = Item(write.id, write.key, document)
            elif held is None or held.kind != kind:
                raise _rejected(
                    "not_found", "id", kind, document.reference, f"{write.id} was never written into these files",
                    "Link another document, or create it anew.",
                )  # fmt: skip
            elif held.void and op == "update":
                raise _rejected("document_void", "id", kind, document.reference, "it was undone before")
            elif held.void:
                return done_of(held)
            else:
                if op == "update":
                    self._check(kind, write, known, closed)
                item = Item(write.id, write.key, document if op == "update" else held.document)
        items.append(item)
        total = getattr(document, "total", getattr(document, "amount", None))
        status = "void" if op == "void" else getattr(document, "status", "")
        return Done(item.id, document.reference, total, getattr(document, "currency", ""), status, "")

    def _again(self, kind: str, write: Write, held: Held) -> Outcome:
        """The same document again is the one that stands; another one under its reference is refused."""
        document = write.document
        same = held.total == getattr(document, "total", getattr(document, "amount", None))
        if same and held.currency == getattr(document, "currency", "") and not held.void:
            return done_of(held)
        raise _rejected(
            "duplicate_reference", "reference", kind, document.reference,
            "the reference is taken by another document" if not held.void else "the document of this name was undone",
            "Link the document that is there, or give this one another reference.",
        )  # fmt: skip

    def _check(self, kind: str, write: Write, known: Known, closed: dt.date | None) -> None:
        """Raises `Rejected` or `LockedPeriod` for what the person at the books could not take."""
        document = write.document
        reference = document.reference
        if isinstance(document, StockLevel):
            if known.shelf is not None and document.code not in known.shelf:
                raise _rejected(
                    "unknown_product", "code", kind, document.code, "the store's stock file has no such product",
                    "Export the stock of the store again, or match the product.",
                )  # fmt: skip
            return
        if isinstance(document, StorePayment):
            if known.orders is not None and document.order_id not in known.orders:
                raise _rejected(
                    "unknown_order", "order_id", kind, reference, f"no file has the order {document.order_id}",
                    "Look whether this payment belongs to another store.",
                )  # fmt: skip
            return
        if isinstance(document, ContactDraft):
            return
        if closed is not None and document.date <= closed:
            raise LockedPeriod(
                f"{kind} {reference}: the books are closed until {closed}", field="date",
                cure="Open the period, or choose a later date.",
            )  # fmt: skip
        if document.currency not in EXPONENTS:
            raise _rejected("unknown_currency", "currency", kind, reference, f"{document.currency} is no currency")
        if document.total != rounded(document.total, document.currency):
            raise _rejected("not_exact", "total", kind, reference, "its total has a part of the smallest unit")
        if isinstance(document, Entry):
            check_entry(document)
        if isinstance(document, Receipt):
            check_write_offs(document, self._profiles())
            no_exchange(document)
        lines: Sequence[DocumentLine] = () if isinstance(document, Entry) else getattr(document, "lines", ())
        if lines:
            included = bool(getattr(document, "tax_included", False))
            parts = sum((line.amount + (ZERO if included else line.tax) for line in lines), ZERO)
            if parts != document.total:
                raise _rejected(
                    "total_mismatch", "total", kind, reference,
                    f"its lines come to {parts} and its total says {document.total}",
                    "Compare lines, tax and total of the order with each other.",
                )  # fmt: skip
        for line in lines:
            if line.code and known.products is not None and line.code not in known.products:
                raise _rejected(
                    "unknown_product", "lines.code", kind, reference, f"the books have no product {line.code}",
                    "Match this product with one of the books, or export the books' products again.",
                )  # fmt: skip
        sides = document.lines if isinstance(document, Entry) else (document,)
        for contact in dict.fromkeys(side.contact_id for side in sides if side.contact_id):
            if contact not in self.journal.held and contact not in (known.contacts or {contact}):
                raise _rejected(
                    "unknown_contact", "contact_id", kind, reference, f"the books have no contact {contact}",
                    "Link the buyer to a contact that exists in the books.",
                )  # fmt: skip
        for field, other in _REFERS.items():
            id = getattr(document, field, "")
            if id and (id not in self.journal.held or self.journal.held[id].kind != other):
                raise _rejected(
                    "not_found", field, kind, reference, f"{id} was never written into these files",
                    "Link another document, or create it anew.",
                )  # fmt: skip

    # -- the letter box -------------------------------------------------------------------------------------------

    async def _publish(self, batch: Batch) -> None:
        """Make a batch's file, once. Raises `Transient` or `Ambiguous`; repeating it is harmless."""
        head = batch.head
        name = f"{head.batch:06d}-{head.kind}-{head.op}"
        placed = await self._standing()
        if not any(one.startswith(f"{head.batch:06d}-") for one in placed):
            withdrawn = await self._withdraw(batch) if head.op == "void" else frozenset[int]()
            made = table_of(
                batch,
                lambda id: head.op != "void" or self.journal.held[id].created not in withdrawn,
                self.journal.held.get,
                next((p for p in self._profiles() if p.direction == "out" and p.kind == head.kind), None),
                self._style,
            )
            if made is not None:
                try:
                    await self.place.put(f"{OUT}/{name}.{made[0]}", made[1])
                except Taken:
                    # Another process has made the same file a moment before.
                    self.journal.published.add(head.batch)
        with contextlib.suppress(Taken):
            await self.place.put(f"{SENT}/{head.batch:06d}.out", b"")
        self.journal.published.add(head.batch)

    async def _standing(self) -> set[str]:
        """Names of the files that were made and are still to be seen."""
        names: set[str] = set()
        for folder in (OUT, PICKED, WITHDRAWN):
            names |= {entry.name for entry in await self.place.list(folder) or ()}
        return names

    async def _withdraw(self, batch: Batch) -> frozenset[int]:
        """Take back files whose documents are all undone and that nobody has picked up; the batches they are of."""
        wanted = {self.journal.held[item.id].created for item in batch.items}
        gone = await self._numbers(WITHDRAWN)
        waiting = await self._files(OUT)
        taken_back = set(wanted & gone)
        for number in sorted(wanted - gone):
            made = self.journal.batches[number]
            alone = all(
                held.void and not self._changed_between(item.id, number, batch.head.batch)
                for item in made.items
                if (held := self.journal.held.get(item.id)) is not None
            )
            if not alone or number not in waiting:
                continue
            name = waiting[number]
            if await self.place.move(f"{OUT}/{name}", f"{WITHDRAWN}/{name}"):
                taken_back.add(number)
        return frozenset(taken_back)

    def _changed_between(self, id: str, first: int, last: int) -> bool:
        """Whether a file after its creation says something of a document: then its undoing must be said too."""
        return any(item.id == id for number in range(first + 1, last) for item in self.journal.batches[number].items)

    async def _files(self, folder: str) -> dict[int, str]:
        found = {}
        for entry in await self.place.list(folder) or ():
            number, _, rest = entry.name.partition("-")
            if rest and number.isdigit():
                found[int(number)] = entry.name
        return found

    async def _numbers(self, folder: str) -> frozenset[int]:
        return frozenset(await self._files(folder))

    async def unpicked_cached(self) -> frozenset[int]:
        """The same, asked once for each state of the journal and each second."""
        now = int(self._clock())
        if self._box is None or self._box[0] != (now, self.journal.last):
            self._box = ((now, self.journal.last), await self.unpicked())
        return self._box[1]

    async def unpicked(self) -> frozenset[int]:
        """Batches whose file still lies in the letter box."""
        return await self._numbers(OUT)


def found_of(held: Held) -> Found:
    """A document as the contract tells it."""
    status = "void" if held.void else getattr(held.document, "status", "")
    return Found(held.id, held.reference, held.reference, held.total, held.currency, status)


def done_of(held: Held) -> Done:
    """The same, as the answer to a write."""
    status = "void" if held.void else getattr(held.document, "status", "")
    return Done(held.id, held.reference, held.total, held.currency, status)


def _rejected(code: str, field: str, kind: str, reference: str, why: str, cure: str = "") -> Rejected:
    return Rejected(f"{kind} {reference}: {why}", code=code, field=field, cure=cure or "Correct the order, then retry.")


__all__ = ["OUT", "PICKED", "WITHDRAWN", "Outbox", "found_of"]
