"""Stock out: what the books can promise is what the store offers (M8).

For each product code the order of reading is what keeps the shelf from being raised above truth:

1. the store's row with its version, 2. every order that the store has by then, 3. the sum of those not yet in the
books, 4. the books' stock, 5. a write conditional on the version of step 1.

An order placed after 1 moves the version, so the write is refused and the code is worked out anew; one that reaches the
books between 3 and 4 is subtracted twice for a moment, which errs on the safe side and is corrected by the change of
the books' stock that it causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from selaras.ledger.values import NewPosting, NewRecord, RecordKey, Settlement, State, StoredRecord, document_of
from selaras.model.document import SalesOrder, StockLevel
from selaras.model.money import ZERO
from selaras.model.order import Order
from selaras.model.product import Stock
from selaras.rules.availability import sellable
from selaras.sync.hub import Hub, Pair, order_stream
from selaras.sync.intake import Intake

_order = msgspec.json.Decoder(Order)
_stock = msgspec.json.Decoder(Stock)


def stock_stream(store: str, code: str) -> str:
    """The stream of one product's stock in one store; its postings are the history of what was sent and why."""
    return f"stock:{store}:{code}"


class StockFlow:
    """Stock of one pair. `wanted` gathers the codes whose stock has to be worked out."""

    def __init__(self, hub: Hub, pair: Pair, orders_in: Intake) -> None:
        self._hub = hub
        self._pair = pair
        self._orders_in = orders_in
        self.wanted: set[str] = set()

    def changed(self, kind: str, records: Sequence[NewRecord]) -> None:
        """Listener of the books' intake: these codes moved."""
        if kind == "stock":
            self.wanted.update(record.key.id for record in records)

    async def overtaken(self, settlements: Sequence[Settlement]) -> None:
        """Listener of the store's dispatcher: a version moved or a write failed for good, work the code out anew."""
        for settlement in settlements:
            if settlement.claimed.kind == "stock" and settlement.cause == "overtaken":
                level = document_of(settlement.claimed.document)
                if isinstance(level, StockLevel):
                    self.wanted.add(level.code)

    async def push(self, codes: Iterable[str] | None = None) -> int:
        """Work out the wanted codes (or `codes`) and plan the writes that differ; returns how many were planned."""
        todo = sorted(self.wanted if codes is None else set(codes))
        self.wanted.difference_update(todo)
        size = max(1, self._hub.connectors[self._pair.store].capabilities.read_batch)
        planned = 0
        try:
            while todo:
                planned += await self._push(todo[:size])
                del todo[:size]
        finally:
            self.wanted.update(todo)  # what a failure left over is worked out next time
        return planned

    async def _push(self, codes: list[str]) -> int:
        store, books = self._hub.connectors[self._pair.store], self._hub.connectors[self._pair.books]
        shelf = {s.id: s.record for s in await store.read("stock", codes) if isinstance(s.record, Stock)}
        if not shelf:
            return 0  # nothing of this is sold in this store
        await self._orders_in.poll("order")
        waiting = await self._hub.desk(self.waiting_pieces)
        size = max(1, books.capabilities.read_batch)
        there: dict[str, Stock] = {}
        wanted = list(shelf)
        for start in range(0, len(wanted), size):
            for seen in await books.read("stock", wanted[start : start + size]):
                if isinstance(seen.record, Stock):
                    there[seen.id] = seen.record
        return await self._hub.desk.write(self._plan, shelf, there, waiting)

    def waiting_pieces(self) -> dict[str, Decimal]:
        """Pieces per code that store orders hold and the books do not know of yet (in the ledger's thread)."""
        ledger, books, store = self._hub.desk.ledger, self._pair.books, self._pair.store
        records = ledger.records.unrecorded(store, "order", books)
        streams = [order_stream(store, record.key.id) for record in records]
        history = ledger.postings.of_streams(books, streams)
        pieces: dict[str, Decimal] = {}
        for record, stream in zip(records, streams, strict=True):
            order = _order.decode(record.body)
            if order.status in ("draft", "cancelled"):
                continue
            booked: dict[str, Decimal] = {}
            for posting in history.get(stream, ()):
                if posting.key == "sales_order" and posting.state is State.DONE:
                    document = document_of(posting.document)
                    if isinstance(document, SalesOrder):
                        booked = {}
                        for sold in document.lines:
                            booked[sold.code] = booked.get(sold.code, ZERO) + sold.quantity
            for line in order.lines:
                if line.kind == "product" and line.quantity > ZERO:
                    rest = line.quantity - min(line.quantity, booked.get(line.code, ZERO))
                    booked[line.code] = booked.get(line.code, ZERO) - line.quantity
                    if rest > ZERO:
                        pieces[line.code] = pieces.get(line.code, ZERO) + rest
        return pieces

    def _plan(self, shelf: dict[str, Stock], there: dict[str, Stock], waiting: dict[str, Decimal]) -> int:
        ledger, store, now = self._hub.desk.ledger, self._pair.store, self._hub.now()
        streams = {code: stock_stream(store, code) for code in shelf}
        history = ledger.postings.of_streams(store, list(streams.values()))
        rows = []
        for code, offered in shelf.items():
            held = there.get(code)
            if held is None:
                continue  # the books do not keep stock of it; product matching reports that
            answer = sellable(held, Decimal(self._pair.buffer), waiting.get(code, ZERO))
            past = history.get(streams[code], [])
            pending = [p for p in past if p.state in (State.PLANNED, State.IN_DOUBT, State.BLOCKED)]
            if any(p.state is State.IN_DOUBT for p in pending):
                self.wanted.add(code)  # wait for the answer that is still out
                continue
            for posting in pending:
                ledger.postings.supersede_planned(posting.id, now)
            if answer.quantity == offered.available:
                continue
            version = 1 + max((p.version for p in past), default=0)
            level = StockLevel(f"{code}@{version}", code, offered.product_id, answer.quantity, offered.version)
            rows.append(
                NewPosting(
                    store, streams[code], "stock", version, "stock", "update", RecordKey(self._pair.books, "stock", code),
                    level.reference, f"{answer.quantity}|{offered.version}", level, "; ".join(answer.reasons),
                )
            )  # fmt: skip
        ledger.postings.plan(rows, now)
        return len(rows)


def books_stock(records: Sequence[StoredRecord]) -> dict[str, Stock]:
    """The books' stock by code as last read."""
    return {record.key.id: _stock.decode(record.body) for record in records}
