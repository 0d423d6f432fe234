"""Writing stock: what the books can promise becomes what the store offers.

Medusa offers what lies there less what orders hold, and an order holds its pieces as soon as it is placed. So
`stocked_quantity` is set to the pieces wanted **plus** those held: a sale between our look and our write only holds
more, and stays sold. There is no conditional write, so each write is preceded by a fresh look; where the pieces are no
longer those that the decision was made on (their version), the item is `Stale` and worked out anew. Only a parcel
packed within that moment could be undone, and the next look at the books sets it right.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from selaras.connectors.contract import ConnectorError, Done, Failed, Outcome, Rejected, Stale, Write
from selaras.connectors.medusa.client import Client
from selaras.connectors.medusa.goods import WireLevel, WireStock, version_of
from selaras.connectors.medusa.reading import Reader
from selaras.model.document import StockLevel

_PATH = "/inventory-items/location-levels/batch"


class Move(msgspec.Struct, frozen=True):
    """A level to be written."""

    place: int
    item: WireStock
    there: WireLevel
    wanted: StockLevel

    @property
    def body(self) -> dict[str, object]:
        """The change of the level."""
        stocked = self.wanted.available + self.there.reserved
        return {
            "inventory_item_id": self.item.id,
            "location_id": self.there.location_id,
            "stocked_quantity": int(stocked) if stocked == int(stocked) else stocked,
        }


async def write_stock(client: Client, reader: Reader, writes: Sequence[Write]) -> list[Outcome]:
    """Bring levels to what is wanted; one outcome for each, in order. All that is sent goes in one call of the store,
    which happens whole or not at all. Raises what that call raises.
    """
    levels = [write.document for write in writes]
    codes = list(dict.fromkeys(level.code for level in levels if isinstance(level, StockLevel)))
    found: dict[str, WireStock] = {}
    for _raw, wire in await reader.items(codes) if codes else ():
        found.setdefault(wire.sku or "", wire)
    outcomes: dict[int, Outcome] = {}
    moves: dict[str, Move] = {}
    for place, level in enumerate(levels):
        try:
            decided = _decide(place, level, found, reader.location)
        except ConnectorError as error:
            decided = Failed(error)
        if isinstance(decided, Move):
            if decided.item.id in moves:
                decided = Failed(Stale(f"{decided.item.sku} is written twice in one call", code="stock_moved"))
            else:
                moves[decided.item.id] = decided
                continue
        outcomes[place] = decided
    if moves:
        await client.post(_PATH, {"update": [move.body for move in moves.values()]})
    for move in moves.values():
        now = f"{(move.wanted.available + move.there.reserved).normalize():f}/{move.there.reserved.normalize():f}"
        outcomes[move.place] = Done(move.item.id, move.item.sku or "", version=now)
    return [outcomes[place] for place in range(len(writes))]


def _decide(place: int, level: object, found: dict[str, WireStock], location: str) -> Move | Outcome:
    if not isinstance(level, StockLevel):
        raise Rejected("this is no stock level", code="unsupported", field="document")
    if level.available < 0:
        raise Rejected(
            f"{level.available} pieces of {level.code} cannot be offered",
            code="bad_quantity",
            field="available",
            cure="Correct the stock in the books.",
        )
    item = found.get(level.code)
    if item is None:
        raise Rejected(
            f"the store has no inventory item with the code {level.code}",
            code="unknown_sku",
            field="code",
            cure="Give the variant in Medusa this SKU and switch Manage inventory on, or match the product code.",
        )
    there = item.level(location)
    if there is None:
        raise Rejected(
            f"{level.code} is not kept in the location of this connection",
            code="not_stocked",
            field="code",
            cure="Add the location to the inventory item in Medusa's admin, or exclude the product from stock.",
        )
    if there.on_hand - there.reserved == level.available:
        return Done(item.id, item.sku or "", version=version_of(there))
    if level.version and level.version != version_of(there):
        raise Stale(
            f"the store has {version_of(there)} of {level.code} now, no longer {level.version}",
            code="stock_moved",
            field="version",
        )
    return Move(place, item, there, level)
