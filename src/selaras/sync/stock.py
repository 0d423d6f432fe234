"""Stock out: what the books can promise is what the store offers (M8).

For each product code the order of reading is what keeps the shelf from being raised above truth:

1. the store's row with its version, 2. every order that the store has by then, 3. the sum of those not yet in the
books, 4. the books' stock, 5. a write conditional on the version of step 1.

An order placed after 1 moves the version, so the write is refused and the code is worked out anew; one that reaches the
books between 3 and 4 is subtracted twice for a moment, which errs on the safe side and is corrected by the change of
the books' stock that it causes. Where nothing has to be written, no version tells that a write of ours, sent before,
landed after 1: its answer came since, or is still out, and the code is worked out anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Connector, Seen
from selaras.ledger.values import NewPosting, NewRecord, Posting, RecordKey, Settlement, State, document_of
from selaras.model.document import Invoice, SalesOrder, StockLevel
from selaras.model.money import ZERO
from selaras.model.order import Order
from selaras.model.product import Shelf, Stock
from selaras.rules.availability import Availability, lying_in, sellable, sellable_bundle
from selaras.rules.mapping import Mapping
from selaras.sync import mappings
from selaras.sync.hub import Hub, Pair, order_stream
from selaras.sync.intake import Intake

_order = msgspec.json.Decoder(Order)


Parts = tuple[tuple[str, Decimal], ...]
Lying = tuple[Decimal, tuple[Shelf, ...]]
ONE = Decimal(1)


def stock_stream(store: str, code: str) -> str:
    """The stream of one product's stock in one store; its postings are the history of what was sent and why."""
    return f"stock:{store}:{code}"


class Offer(msgspec.Struct, frozen=True):
    """Pieces of one store code: offered in the store, and sellable by the books (None: they keep no stock of it)."""

    code: str
    offered: Decimal
    sellable: Decimal | None


class StockFlow:
    """Stock of one pair. `wanted` gathers the codes whose stock has to be worked out."""

    def __init__(self, hub: Hub, pair: Pair, orders_in: Intake) -> None:
        self._hub = hub
        self._pair = pair
        self._orders_in = orders_in
        self.wanted: set[str] = set()
        # Pieces of books codes that waited in orders when the code was last worked out: such an order may have reached
        # the books between the two readings and then counts twice, without moving the books' stock again.
        self._early: dict[str, Decimal] = {}
        # Orders were planned or booked since the waiting pieces were counted.
        self._uncounted = False
        # What the books could promise of each books code when it was last worked out.
        self._read: dict[str, Lying] = {}
        # What polls said of them while stock was being worked out: it may be newer than what is worked with.
        self._heard: dict[str, Lying] | None = None
        # From which warehouses goods leave for this store.
        self._mapping = Mapping()

    def everything(self) -> None:
        """Work out every code (in the ledger's thread): a process before us may have left some half done."""
        self.wanted.update(r.key.id for r in self._hub.desk.ledger.records.all(self._pair.books, "stock"))

    def remapped(self) -> None:
        """Look at the mapping (in the ledger's thread): other warehouses than before mean another stock."""
        found = mappings.current(self._hub.desk.ledger, self._pair.store, self._pair.books).mapping
        before, self._mapping = self._mapping, found
        if (before.warehouses, before.rules) != (found.warehouses, found.rules):
            self.everything()

    @property
    def open(self) -> bool:
        """Whether there is stock to be worked out, or to be looked at for it."""
        return bool(self.wanted) or self._uncounted

    def moved(self) -> bool:
        """Listener of planning and of the books' dispatcher: what waited may wait no longer; whether that matters."""
        if self._early or self._heard is not None:
            self._uncounted = True
        return self.open

    def recount(self) -> None:
        """Want the codes of which another number waits than when they were worked out (in the ledger's thread)."""
        if self._uncounted:
            self._uncounted = False
            try:
                waiting = self.waiting_pieces()
            except BaseException:
                self._uncounted = True
                raise
            for code in [code for code, pieces in self._early.items() if waiting.get(code, ZERO) != pieces]:
                del self._early[code]
                self.wanted.add(code)

    def changed(self, kind: str, records: Sequence[NewRecord]) -> None:
        """Listener of the books' intake: these codes moved."""
        if kind == "stock":
            self.wanted.update(record.key.id for record in records)

    def seen(self, kind: str, rows: Sequence[Seen]) -> bool:
        """Listener of what the books' intake reads, changed or not; whether there is stock to be worked out.

        What was worked out may rest on a reading of goods in motion (Tryton takes a shipment apart and makes it anew),
        of which the readings before and after know nothing: to them nothing has changed.
        """
        if kind == "stock":
            for row in rows:
                if isinstance(row.record, Stock):
                    self._compare(row.id, _lying(row.record))
        return bool(self.wanted)

    def _compare(self, code: str, lying: Lying) -> None:
        if self._heard is not None:
            self._heard[code] = lying
        if self._read.get(code, lying) != lying:
            self.wanted.add(code)

    async def overtaken(self, settlements: Sequence[Settlement]) -> None:
        """Listener of the store's dispatcher: a version moved or a write failed for good, work the code out anew."""
        levels = [document_of(s.claimed.document) for s in settlements if s.cause == "overtaken"]
        if levels:
            accepted = await self._hub.desk(self._hub.desk.ledger.connections.decisions, self._pair.store, "product")
            for level in levels:
                if isinstance(level, StockLevel):
                    self.wanted.update(code for code, _ in self._parts_of(level.code, accepted))

    async def push(self) -> int:
        """Work out what depends on the wanted books codes, by the mapping last looked at, and plan what differs.

        Returns how many writes were planned. What a failure left over is worked out next time.
        """
        await self._hub.desk(self.recount)
        todo = sorted(self.wanted)
        if not todo:
            return 0
        self.wanted.difference_update(todo)
        self._heard = {}
        try:
            return await self._push(await self._hub.desk(self._sold_as, todo))
        except BaseException:
            self.wanted.update(todo)
            raise
        finally:
            self._heard = None

    async def offers(self) -> list[Offer]:
        """Every code sold in the store: what the store offers now and what the books can promise. Writes nothing."""
        await self._hub.desk(self.remapped)
        accepted = await self._hub.desk(self._hub.desk.ledger.connections.decisions, self._pair.store, "product")
        codes = sorted(set(self._hub.mirrors[self._pair.store].products.codes))
        parts = {code: self._parts_of(code, accepted) for code in codes}
        shelf, there, waiting = await self._both_sides(parts)
        return [
            Offer(
                code,
                offered.available,
                None
                if any(part not in there for part, _ in parts[code])
                else self._answer(parts[code], there, waiting).quantity,
            )
            for code, offered in shelf.items()
        ]

    async def _push(self, parts: dict[str, Parts]) -> int:
        started = self._hub.now()
        shelf, there, waiting = await self._both_sides(parts)
        if not shelf:
            return 0
        for code, stock in there.items():
            self._read[code] = lying = _lying(stock)
            if self._heard is not None and self._heard.get(code, lying) != lying:
                self.wanted.add(code)
        return await self._hub.desk.write(self._plan, shelf, parts, there, waiting, started)

    async def _both_sides(
        self, parts: dict[str, Parts]
    ) -> tuple[dict[str, Stock], dict[str, Stock], dict[str, Decimal]]:
        """The shelf, the books' stock and the pieces that wait, read in the order that errs on the safe side."""
        store, books = self._hub.connectors[self._pair.store], self._hub.connectors[self._pair.books]
        shelf = {s.id: s.record for s in await _read_stock(store, list(parts))}
        if not shelf:
            return {}, {}, {}  # nothing of this is sold in this store
        await self._orders_in.poll("order")
        waiting = await self._hub.desk(self.waiting_pieces)
        needed = dict.fromkeys(code for sold in shelf for code, _ in parts[sold])
        there = {s.id: s.record for s in await _read_stock(books, list(needed))}
        return shelf, there, waiting

    def _sold_as(self, codes: Sequence[str]) -> dict[str, Parts]:
        """Store codes whose offer depends on these books codes, each with its parts in the books."""
        wanted = set(codes)
        accepted = self._hub.desk.ledger.connections.decisions(self._pair.store, "product")
        sold: dict[str, Parts] = {code: ((code, ONE),) for code in codes if code not in accepted}
        for store_code, books_code in accepted.items():
            if books_code in wanted:
                sold[store_code] = ((books_code, ONE),)
        known = self._hub.mirrors[self._pair.books].products
        for product in self._hub.mirrors[self._pair.store].products.bundles():
            parts = tuple((accepted.get(c.code, c.code), c.quantity) for c in product.components)
            if product.code not in known and product.code not in accepted and any(code in wanted for code, _ in parts):
                sold[product.code] = parts
        return sold

    def _parts_of(self, code: str, accepted: dict[str, str]) -> Parts:
        """What one piece of a store code is in the books."""
        if code in accepted:
            return ((accepted[code], ONE),)
        if code not in self._hub.mirrors[self._pair.books].products:
            for product in self._hub.mirrors[self._pair.store].products.by_code(code):
                if product.components:
                    return tuple((accepted.get(c.code, c.code), c.quantity) for c in product.components)
        return ((code, ONE),)

    def waiting_pieces(self) -> dict[str, Decimal]:
        """Pieces per books code that store orders hold and the books do not know of yet (in the ledger's thread)."""
        ledger, books, store = self._hub.desk.ledger, self._pair.books, self._pair.store
        records = ledger.records.unrecorded(store, "order", books)
        streams = [order_stream(store, record.key.id) for record in records]
        history = ledger.postings.of_streams(books, streams)
        accepted = ledger.connections.decisions(store, "product")
        pieces: dict[str, Decimal] = {}
        for record, stream in zip(records, streams, strict=True):
            order = _order.decode(record.body)
            if order.status in ("draft", "cancelled"):
                continue
            booked = _booked_pieces(history.get(stream, ()))
            for line in order.lines:
                if line.kind != "product" or line.quantity <= ZERO:
                    continue
                for code, each in self._parts_of(line.code, accepted):
                    held = booked.get(code, ZERO)
                    rest = max(ZERO, line.quantity * each - held)
                    booked[code] = max(ZERO, held - line.quantity * each)
                    pieces[code] = pieces.get(code, ZERO) + rest
        return pieces

    def _plan(
        self,
        shelf: dict[str, Stock],
        parts: dict[str, Parts],
        there: dict[str, Stock],
        waiting: dict[str, Decimal],
        started: int,
    ) -> int:
        ledger, store, now = self._hub.desk.ledger, self._pair.store, self._hub.now()
        streams = {code: stock_stream(store, code) for code in shelf}
        history = ledger.postings.of_streams(store, list(streams.values()))
        rows = []
        for code, offered in shelf.items():
            if any(part not in there for part, _ in parts[code]):
                continue  # the books do not keep stock of it; product matching reports that
            answer = self._answer(parts[code], there, waiting)
            for part, _each in parts[code]:
                if pieces := waiting.get(part):
                    self._early[part] = pieces
                else:
                    self._early.pop(part, None)
            past = history.get(streams[code], [])
            pending = [p for p in past if p.state in (State.PLANNED, State.IN_DOUBT, State.BLOCKED)]
            # A write of ours whose answer is out, or came since we started: the shelf was perhaps read before it.
            if any(p.state is State.IN_DOUBT for p in pending) or any(_done_since(p, started) for p in past):
                self.wanted.update(part for part, _ in parts[code])
                continue
            for posting in pending:
                ledger.postings.supersede_planned(posting.id, now)
            if answer.quantity == offered.available:
                continue
            version = 1 + max((p.version for p in past), default=0)
            level = StockLevel(f"{code}@{version}", code, offered.product_id, answer.quantity, offered.version)
            rows.append(
                NewPosting(
                    store, streams[code], "stock", version, "stock", "update",
                    RecordKey(self._pair.books, "stock", code), level.reference,
                    f"{answer.quantity}|{offered.version}", level, "; ".join(answer.reasons),
                )
            )  # fmt: skip
        ledger.postings.plan(rows, now)
        return len(rows)

    def _answer(self, parts: Parts, there: dict[str, Stock], waiting: dict[str, Decimal]) -> Availability:
        buffer = Decimal(self._pair.buffer)
        lying = {code: lying_in(there[code], self._mapping.leaves_from(code)) for code, _each in parts}
        if len(parts) == 1 and parts[0][1] == ONE:
            code = parts[0][0]
            return sellable(lying[code], buffer, waiting.get(code, ZERO))
        return sellable_bundle([(lying[code], waiting.get(code, ZERO), each) for code, each in parts], buffer)


def _done_since(posting: Posting, moment: int) -> bool:
    return posting.state is State.DONE and posting.settled_at is not None and posting.settled_at >= moment


def _lying(stock: Stock) -> Lying:
    """What tells one reading of the books' stock from another: goods may move between warehouses, too."""
    return stock.available, stock.shelves


def _booked_pieces(history: Sequence[Posting]) -> dict[str, Decimal]:
    """Pieces per books code that an order's documents have taken: those of its sales order, or of its invoices where
    they are more (what was added after the first invoice is billed without the sales order)."""
    ordered: dict[str, Decimal] = {}
    invoices: dict[str, Invoice] = {}
    for posting in history:
        document = document_of(posting.document) if posting.state is State.DONE else None
        if isinstance(document, SalesOrder):
            ordered = {}
            for line in document.lines:
                ordered[line.code] = ordered.get(line.code, ZERO) + line.quantity
        elif isinstance(document, Invoice):
            invoices[posting.key] = document  # the newest version of each
    billed: dict[str, Decimal] = {}
    for invoice in invoices.values():
        for line in invoice.lines:
            billed[line.code] = billed.get(line.code, ZERO) + line.quantity
    return {code: max(ordered.get(code, ZERO), billed.get(code, ZERO)) for code in ordered.keys() | billed.keys()}


async def _read_stock(connector: Connector, codes: Sequence[str]) -> list[Seen]:
    """Stock rows of these codes as they are now; codes that the system does not keep are left out."""
    size, found = max(1, connector.capabilities.read_batch), []
    for start in range(0, len(codes), size):
        found += [s for s in await connector.read("stock", codes[start : start + size]) if isinstance(s.record, Stock)]
    return found
