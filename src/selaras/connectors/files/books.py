"""Books in files: contacts, products, stock and the chart in; contacts, orders, invoices and money out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import Changes, Seen
from selaras.connectors.cursors import read_cursor
from selaras.connectors.files.folder import Folder
from selaras.connectors.files.journal import Held, Journal
from selaras.connectors.files.known import Known
from selaras.connectors.files.outbox import PICKED
from selaras.connectors.files.shelf import Cursor, encode
from selaras.model.document import ContactDraft, CreditNote, Invoice, SalesOrder
from selaras.model.document import Journal as Entry
from selaras.model.money import ZERO
from selaras.model.party import Contact
from selaras.model.product import Stock

DOCUMENTS: Final = ("sales_order", "invoice", "receipt", "credit_note", "refund_payment", "journal")
_MOVING: Final = ("sales_order", "invoice", "credit_note")


class FileBooks(Folder):
    """See `Folder`. The journal of what was written is what these books hold of documents; contacts, products and
    stock come from files that the accounting application exports."""

    kinds = ("contact", "product", "stock", "account", "tax", "warehouse", "dimension")
    sources = frozenset((*kinds, *DOCUMENTS))
    targets = frozenset(("contact", *DOCUMENTS))
    updates = frozenset(("contact", "sales_order", "invoice"))
    voids = frozenset(("receipt", "journal"))
    write_offs = True

    # -- reading --------------------------------------------------------------------------------------------------

    async def changed(self, kind: str, cursor: str) -> Changes:
        """Files first, then what the journal adds: documents, contacts of ours, stock that documents moved."""
        self._knows(kind)
        if kind in DOCUMENTS:
            return await self._documents(kind, cursor)
        page = await self.shelf.changed(kind, cursor)
        if kind not in ("contact", "stock"):
            return page
        journal = await self.outbox.fresh()
        seen = [await self._with(journal, row) for row in page.seen]
        at = read_cursor(page.cursor, Cursor)
        if page.more or at.batch >= journal.last:
            return Changes(seen, page.cursor, page.more)
        seen += await (self._new_contacts(journal, at.batch) if kind == "contact" else self._moved(journal, at.batch))
        at.batch = journal.last
        return Changes(seen, encode(at), False)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records as they are now."""
        self._knows(kind)
        if not ids:
            return []
        if kind in DOCUMENTS:
            journal = await self.outbox.fresh()
            return [self._document(kind, id, journal.held.get(id)) for id in ids]
        rows = await self.shelf.read(kind, ids)
        if kind not in ("contact", "stock"):
            return rows
        journal = await self.outbox.fresh()
        return [await self._with(journal, row) for row in rows]

    async def _documents(self, kind: str, cursor: str) -> Changes:
        journal = await self.outbox.fresh()
        at = read_cursor(cursor, Cursor)
        held = [h for h in journal.of_kind(kind) if h.batch > at.batch]
        page: list[Held] = []
        for one in held:
            # A batch is told whole: the cursor counts batches.
            if len(page) >= self.capabilities.page and one.batch != page[-1].batch:
                break
            page.append(one)
        more = len(page) < len(held)
        at.batch = page[-1].batch if more else journal.last
        return Changes([self._document(kind, h.id, h) for h in page], encode(at), more)

    def _document(self, kind: str, id: str, held: Held | None) -> Seen:
        if held is None or held.kind != kind:
            now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
            return Seen(kind, id, None, b"", now, now.astimezone(self.zone).date())
        document: Any = held.document
        status = "void" if held.void else document.status
        record = msgspec.structs.replace(
            document, id=held.id, number=held.reference, status=status, updated_at=held.at.isoformat()
        )
        if isinstance(record, Entry):
            record = msgspec.structs.replace(record, source="journal")  # ours: no person's, no document's
        raw = msgspec.json.encode(document)
        return Seen(kind, id, record, raw, held.at, document.date, held.reference, document.total, document.currency)

    # -- contacts -------------------------------------------------------------------------------------------------

    async def _with(self, journal: Journal, row: Seen) -> Seen:
        if row.kind == "stock":
            return await self._less(journal, row) if isinstance(row.record, Stock) else row
        held = journal.held.get(row.id)
        if held is not None and held.kind == "contact":
            return self._contact(held)
        if isinstance(row.record, Contact):
            return _ours(journal, row, row.record)
        return row

    async def _new_contacts(self, journal: Journal, after: int) -> list[Seen]:
        ids = dict.fromkeys(i.id for i in journal.touched(after) if isinstance(i.document, ContactDraft))
        return [self._contact(journal.held[id]) for id in ids]

    def _contact(self, held: Held) -> Seen:
        draft = held.document
        assert isinstance(draft, ContactDraft)  # noqa: S101
        record = Contact(
            held.id, draft.name, draft.email, draft.phone, draft.kind, draft.reference, held.at.isoformat(),
            active=not held.void,
        )  # fmt: skip
        raw = msgspec.json.encode(draft)
        return Seen("contact", held.id, record, raw, held.at, held.at.astimezone(self.zone).date(), draft.name)

    # -- stock ----------------------------------------------------------------------------------------------------

    async def _moved(self, journal: Journal, after: int) -> list[Seen]:
        """Stock of the products that documents behind a batch name."""
        codes = dict.fromkeys(
            code
            for item in journal.touched(after)
            for line in getattr(item.document, "lines", ())
            if (code := getattr(line, "code", ""))
        )
        rows = await self.shelf.read("stock", list(codes))
        return [await self._with(journal, row) for row in rows if row.record is not None]

    async def _less(self, journal: Journal, row: Seen) -> Seen:
        """A stock row of the export with the pieces that were written out and cannot be in it yet."""
        written = self.shelf.written("stock", row.id) or row.updated_at
        stock = row.record
        pieces = await self._pieces(journal, stock.code, written)
        if not pieces:
            return row
        stock = msgspec.structs.replace(stock, reserved=stock.reserved + pieces)
        return msgspec.structs.replace(row, record=stock)

    async def _pieces(self, journal: Journal, code: str, written: dt.datetime) -> Decimal:
        """Pieces of sales that the export does not know: sent after it was written, or not picked up yet."""
        waiting = await self.outbox.unpicked_cached()
        ordered: dict[str, Decimal] = {}
        billed: dict[str, Decimal] = {}
        back = ZERO
        for held in journal.with_code(code):
            if held.kind not in _MOVING or held.void:
                continue
            document: Any = held.document
            count = sum((line.quantity for line in document.lines if line.code == code), ZERO)
            unknown = held.at > written or held.batch in waiting or held.created in waiting
            if isinstance(document, SalesOrder) and unknown:
                ordered[held.id] = ordered.get(held.id, ZERO) + count
            elif isinstance(document, Invoice) and unknown:
                key = document.sales_order_id or held.id
                order = journal.held.get(key)
                if order is not None and not (order.at > written or order.created in waiting):
                    # The export reserves these pieces for the order already.
                    continue
                billed[key] = billed.get(key, ZERO) + count
            elif isinstance(document, CreditNote) and document.restock and unknown:
                back += count
        total = sum((max(ordered.get(k, ZERO), billed.get(k, ZERO)) for k in {*ordered, *billed}), ZERO)
        return total - back

    # -- what these books can take --------------------------------------------------------------------------------

    async def _known(self) -> Known:
        products = await self.shelf.ids("product")
        contacts = await self.shelf.ids("contact")
        return Known(products or None, contacts or None, unread=self.shelf.unread())


def _ours(journal: Journal, row: Seen, contact: Contact) -> Seen:
    """A contact of the export that we made is ours still: known by our reference, or by our id."""
    held = journal.named("contact", contact.reference) if contact.reference else None
    if held is None:
        return row
    contact = msgspec.structs.replace(contact, id=held.id, active=contact.active and not held.void)
    return msgspec.structs.replace(row, id=held.id, record=contact)


__all__ = ["DOCUMENTS", "PICKED", "FileBooks"]
