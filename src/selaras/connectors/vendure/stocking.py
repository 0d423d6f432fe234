"""Writing stock: what the books can promise becomes what the store offers.

Vendure takes the pieces on hand as an absolute number and cannot make a write conditional; it turns the number into a
difference from what it reads at that moment (stock-level.service.js; reference/store-billing-payment-apis.md §5). So

1. each write is preceded by a fresh look; where the stock is no longer the one that the decision was made on (its
   version), the item is `Stale` and worked out anew;
2. what is sent is the wanted offer plus what orders hold of it (`stockAllocated`). An order placed between our look and
   the write allocates pieces and leaves the number on hand alone, so it stays sold: 10 offered, 7 wanted, 1 ordered
   meanwhile, 6 are offered;
3. the answer is compared: a parcel that left meanwhile takes pieces from the hand, which our number would put back.
   The item is then `Stale`, and the next write, seconds later, puts it right.

All items travel in one mutation, which the store does wholly or not at all. Setting the same number twice is harmless,
and a repeat looks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from selaras.connectors.contract import Done, Failed, Outcome, Rejected, Stale, Write
from selaras.connectors.vendure.client import Client, Shop
from selaras.connectors.vendure.goods import allocated, counted, offered, on_hand, variant, version_of
from selaras.connectors.vendure.reading import Reader
from selaras.connectors.vendure.wire import VARIANT, WireVariant
from selaras.model.document import StockLevel

_WRITE: Final = f"""mutation($input: [UpdateProductVariantInput!]!) {{
 updateProductVariants(input: $input) {{ {VARIANT} }} }}"""


class _Written(msgspec.Struct, rename="camel"):
    update_product_variants: list[msgspec.Raw]


class Move(msgspec.Struct, frozen=True):
    """A stock to set: the place of its write in the call, the variant as it is now, and the pieces to offer."""

    place: int
    wire: WireVariant
    wanted: int
    location: str
    hand: int


async def write_stock(client: Client, reader: Reader, writes: Sequence[Write], location: str = "") -> list[Outcome]:
    """Bring offers to what is wanted; one outcome for each, in order. `location` is the place to write to ("" = the
    only one, or the first). Raises what the call raises: then nothing, or an unknown part of it, was written."""
    outcomes: dict[int, Outcome] = {}
    levels: dict[int, StockLevel] = {}
    for place, write in enumerate(writes):
        try:
            levels[place] = _level(write)
        except Rejected as error:
            outcomes[place] = Failed(error)
    codes = list(dict.fromkeys(level.code for level in levels.values()))
    if codes:
        shop, found = await client.shop(), await reader.by_codes(codes)
        moves: list[Move] = []
        for place, level in levels.items():
            row = found.get(level.code)
            decided = _decide(place, level, row[1] if row else None, shop, location)
            if isinstance(decided, Move):
                moves.append(decided)
            else:
                outcomes[place] = decided
        if moves:
            outcomes |= await _send(client, moves, shop)
    return [outcomes[place] for place in range(len(writes))]


def _level(write: Write) -> StockLevel:
    level = write.document
    if not isinstance(level, StockLevel):
        raise Rejected(f"Vendure takes no {type(level).__name__} as stock", code="unsupported")
    if level.available % 1:
        raise Rejected(
            f"{level.available} of {level.code} is no number of whole pieces",
            code="bad_quantity",
            field="available",
            cure="Correct the stock in the books: Vendure counts whole pieces.",
        )
    return level


def _decide(place: int, level: StockLevel, wire: WireVariant | None, shop: Shop, location: str) -> Move | Outcome:
    if wire is None:
        return _refuse(
            f"the store has no product with the code {level.code}",
            "unknown_sku",
            "Match the product code with one that the store has.",
        )
    if not counted(wire, shop):
        return _refuse(
            f"the store keeps no stock of {level.code}",
            "not_stocked",
            "Let Vendure track the inventory of this product, or exclude it from the stock that is pushed.",
        )
    levels = {one.stock_location_id: one for one in wire.stock_levels}
    here = location or next(iter(levels), "")
    if here not in levels:
        return _refuse(
            f"{level.code} has no stock level at the stock location {here or '(none)'} of this connection",
            "unknown_location",
            "Give the product a stock level there in Vendure, or change the setting stock_location.",
        )
    wanted = int(level.available)
    there = offered(wire, shop)
    if there == wanted:
        return _done(wire)
    if level.version and level.version != version_of(wire):
        return Failed(
            Stale(
                f"the store has {version_of(wire)} of {level.code} now (on hand/allocated), no longer {level.version}",
                code="stock_moved",
                field="version",
            )
        )
    hand = levels[here].stock_on_hand + wanted - there
    if hand < 0:
        return _refuse(
            f"other stock locations of the store offer more of {level.code} than the {wanted} that the books have",
            "other_locations",
            "Lower the stock at the other locations in Vendure, or name the location that Selaras keeps.",
        )
    return Move(place, wire, wanted, here, hand)


async def _send(client: Client, moves: Sequence[Move], shop: Shop) -> dict[int, Outcome]:
    items: dict[str, Move] = {}
    outcomes: dict[int, Outcome] = {}
    for move in moves:
        if move.wire.id in items:
            outcomes[move.place] = Failed(Stale(f"{move.wire.sku} is written twice in one call", code="twice"))
        else:
            items[move.wire.id] = move
    body = [
        {"id": id, "stockLevels": [{"stockLocationId": move.location, "stockOnHand": move.hand}]}
        for id, move in items.items()
    ]
    answer = await client.ask(_WRITE, _Written, {"input": body}, effect=True)
    told = {
        wire.id: wire
        for wire in (variant(bytes(raw)) for raw in answer.update_product_variants if bytes(raw) != b"null")
    }
    for id, move in items.items():
        outcomes[move.place] = _outcome(move, told.get(id), shop)
    return outcomes


def _outcome(move: Move, now: WireVariant | None, shop: Shop) -> Outcome:
    if now is None:
        return _refuse(
            f"the store has left the stock of {move.wire.sku} as it was",
            "not_changed",
            "Look whether a plugin of the store keeps its stock; if so, exclude the product from the stock pushed.",
        )
    expected = on_hand(move.wire) - offered(move.wire, shop) + move.wanted
    if on_hand(now) != expected or allocated(now) < allocated(move.wire):
        return Failed(
            Stale(
                f"the stock of {move.wire.sku} moved while it was written: {version_of(now)} (on hand/allocated)",
                code="stock_moved",
                field="version",
            )
        )
    return _done(now)


def _done(wire: WireVariant) -> Done:
    return Done(wire.id, wire.sku, version=version_of(wire))


def _refuse(message: str, code: str, cure: str) -> Failed:
    return Failed(Rejected(message, code=code, field="code", cure=cure))


__all__ = ["Move", "write_stock"]
