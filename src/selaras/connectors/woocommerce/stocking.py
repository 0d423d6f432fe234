"""Writing stock: what the books can promise becomes what the store offers.

WooCommerce has no conditional write: `stock_quantity` is set blindly, and a sale between our look and our write is
undone by it. Two things together come near (facts in README.md):

1. each write is preceded by a fresh look; where the quantity is no longer the one that the decision was made on (its
   version), the item is `Stale` and worked out anew;
2. what is sent is the difference (`inventory_delta`), which the store adds to what it has at that moment. A sale in
   between, and a batch of a hundred takes seconds, stays sold: 10 there, 7 wanted, 1 sold meanwhile, 6 stand.

A difference must not be added twice. It is sent only while the quantity is the one that it was worked out for, so a
repeat after a lost answer finds the wanted quantity (done) or another one (stale). The answer to each item is
checked: a store that ignores the difference, or keeps no stock of the item, says so by its number and is never taken
for success.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import (
    Ambiguous,
    ConnectorError,
    Done,
    Failed,
    Outcome,
    Rejected,
    Stale,
    Write,
)
from selaras.connectors.woocommerce.client import Client, Item
from selaras.connectors.woocommerce.errors import refused_item
from selaras.connectors.woocommerce.goods import counted, product, version_of
from selaras.connectors.woocommerce.reading import Reader
from selaras.connectors.woocommerce.wire import WireProduct
from selaras.model.document import StockLevel


class Move(msgspec.Struct, frozen=True):
    """A difference to send: the place of its write in the call, the product as it is now, and the pieces wanted."""

    place: int
    wire: WireProduct
    wanted: Decimal

    @property
    def path(self) -> str:
        """Variations are written below their parent; sent elsewhere, the store would move them there."""
        return f"/products/{self.wire.parent_id}/variations" if self.wire.type == "variation" else "/products"

    @property
    def there(self) -> Decimal:
        """Pieces there now."""
        return self.wire.stock_quantity or Decimal(0)


async def write_stock(client: Client, reader: Reader, writes: Sequence[Write]) -> list[Outcome]:
    """Bring stocks to what is wanted; one outcome for each, in order.

    Raises what a call raises when no call at all was successful; else the items of a call that failed carry its error.
    """
    outcomes: dict[int, Outcome] = {}
    levels: dict[int, StockLevel] = {}
    for place, write in enumerate(writes):
        try:
            levels[place] = _level(write)
        except Rejected as error:
            outcomes[place] = Failed(error)
    codes = list(dict.fromkeys(level.code for level in levels.values()))
    found: dict[str, WireProduct] = {}
    for _raw, wire in await reader.by_codes(codes) if codes else ():
        found.setdefault(str(wire.sku), wire)
    moves: list[Move] = []
    for place, level in levels.items():
        decided = _decide(place, level, found.get(level.code))
        if isinstance(decided, Move):
            moves.append(decided)
        else:
            outcomes[place] = decided
    errors: list[ConnectorError] = []
    for group, result in await _send(client, moves):
        if isinstance(result, ConnectorError):
            errors.append(result)
            outcomes.update((move.place, Failed(result)) for move in group)
        else:
            outcomes.update((move.place, _outcome(move, item)) for move, item in zip(group, result, strict=True))
    if errors and len(errors) == len({move.path for move in moves}):
        raise next((e for e in errors if isinstance(e, Ambiguous)), errors[0])
    return [outcomes[place] for place in range(len(writes))]


def _level(write: Write) -> StockLevel:
    level = write.document
    if not isinstance(level, StockLevel):
        raise Rejected(f"WooCommerce takes no {type(level).__name__} as stock", code="unsupported")
    if level.available % 1:
        raise Rejected(
            f"{level.available} of {level.code} is no number of whole pieces",
            code="bad_quantity",
            field="available",
            cure="Correct the stock in the books: WooCommerce counts whole pieces.",
        )
    return level


def _decide(place: int, level: StockLevel, wire: WireProduct | None) -> Move | Outcome:
    if wire is None:
        return _refuse(
            f"the store has no product with the code {level.code}",
            "unknown_sku",
            "Match the product code with one that the store has.",
        )
    if wire.manage_stock == "parent":
        return _refuse(
            f"the variation {level.code} shares the stock of all variations of its product",
            "stock_of_parent",
            "Switch `Manage stock?` on for this variation in the store, or exclude it from the stock that is pushed.",
        )
    if not counted(wire):
        return _refuse(
            f"the store keeps no stock of {level.code}",
            "not_stocked",
            "Switch `Manage stock?` on for this product in the store, or exclude it from the stock that is pushed.",
        )
    move = Move(place, wire, level.available)
    if move.there == level.available:
        return _done(wire)
    if level.version and level.version != version_of(wire):
        return Failed(
            Stale(
                f"the store has {move.there} of {level.code} now, no longer {level.version}",
                code="stock_moved",
                field="version",
            )
        )
    return move


async def _send(client: Client, moves: Sequence[Move]) -> list[tuple[list[Move], list[Item] | ConnectorError]]:
    """One call for all simple products, one for the variations of each product."""
    paths = dict.fromkeys(move.path for move in moves)
    groups = [[move for move in moves if move.path == path] for path in paths]

    async def call(path: str, group: list[Move]) -> list[Item] | ConnectorError:
        try:
            return await client.update(path, [_item(move) for move in group])
        except ConnectorError as error:
            return error

    results = await asyncio.gather(*(call(path, group) for path, group in zip(paths, groups, strict=True)))
    return list(zip(groups, results, strict=True))


def _item(move: Move) -> dict[str, object]:
    return {"id": move.wire.id, "inventory_delta": int(move.wanted - move.there)}


def _outcome(move: Move, item: Item) -> Outcome:
    if item.error is not None:
        return Failed(refused_item(item.error))
    now = product(item.raw)
    if not counted(now) or now.stock_quantity is None or now.stock_quantity == move.there:
        return _refuse(
            f"the store has left the stock of {move.wire.sku} as it was",
            "not_changed",
            "Look whether a plugin of the store keeps its stock; if so, exclude the product from the stock pushed.",
        )
    return _done(now)


def _done(wire: WireProduct) -> Done:
    return Done(str(wire.id), "" if wire.sku is None else str(wire.sku), version=version_of(wire))


def _refuse(message: str, code: str, cure: str) -> Failed:
    return Failed(Rejected(message, code=code, field="code", cure=cure))
