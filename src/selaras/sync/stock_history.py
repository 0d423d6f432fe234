"""The stock history of one product code: what was offered in the store, why, and what the store answered (M8)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import RecordKey, State, document_of
from selaras.model.document import StockLevel
from selaras.model.product import Product, Stock
from selaras.sync.explain import Try, posting_state
from selaras.sync.figures import instant
from selaras.sync.installation import pairs_of
from selaras.sync.stock import stock_stream

_stock = msgspec.json.Decoder(Stock)
_product = msgspec.json.Decoder(Product)


class Offered(msgspec.Struct, frozen=True):
    """One write of the store's stock: how many pieces, on which version, why, and how it went."""

    posting: int
    planned_at: dt.datetime
    available: Decimal
    on_version: str
    state: str
    reason: str
    message: str
    settled_at: dt.datetime | None
    tries: list[Try]


class StockHistory(msgspec.Struct, frozen=True):
    """A code in one pair. Pieces of the books are as last read (`read_at`); `offered` is what the store last took.

    `kept_as` is the code in the books that the store's code was accepted as (the same one where none was).
    """

    store: str
    books: str
    code: str
    kept_as: str
    name: str
    on_hand: Decimal | None
    reserved: Decimal | None
    read_at: dt.datetime | None
    buffer: int
    offered: Decimal | None
    history: list[Offered]


def explain_stock(ledger: Ledger, code: str, store: str | None = None) -> list[StockHistory]:
    """The stock of a code in every pair that knows it. Raises `LedgerError` when none does."""
    found = []
    for pair in pairs_of(ledger):
        if store not in (None, pair.store):
            continue
        stream = stock_stream(pair.store, code)
        postings = ledger.postings.of_streams(pair.store, [stream]).get(stream, [])
        kept_as = ledger.connections.decisions(pair.store, "product").get(code, code)
        record = ledger.records.get(RecordKey(pair.books, "stock", kept_as))
        product = _named(ledger, pair.books, kept_as)
        if not (postings or record or product):
            continue
        attempts = ledger.postings.attempts([p.id for p in postings])
        history = []
        for posting in postings:
            level = document_of(posting.document)
            if not isinstance(level, StockLevel):
                continue
            tries = [
                Try(a.tried, instant(a.at), a.act, a.outcome, a.message) for a in attempts if a.posting == posting.id
            ]
            history.append(
                Offered(
                    posting.id, instant(posting.created_at), level.available, level.version,
                    posting_state(posting.state), posting.reason, posting.message,
                    None if posting.settled_at is None else instant(posting.settled_at), tries,
                )
            )  # fmt: skip
        held = _stock.decode(record.body) if record else None
        taken = [one.available for one in history if one.state == posting_state(State.DONE)]
        found.append(
            StockHistory(
                pair.store, pair.books, code, kept_as, product.name if product else "",
                held.on_hand if held else None, held.reserved if held else None,
                instant(record.seen_at) if record else None, pair.buffer, taken[-1] if taken else None, history,
            )
        )  # fmt: skip
    if not found:
        raise LedgerError(
            f"No books know the product code {code!r}.", "See `selaras products` for the codes of both sides."
        )
    return found


def _named(ledger: Ledger, connection: str, code: str) -> Product | None:
    for record in ledger.records.named(code, "product"):
        if record.key.connection == connection:
            return _product.decode(record.body)
    return None
