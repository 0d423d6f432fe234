"""What staff do in the store with some orders after they were placed: change, cancel, refund, exchange."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from selaras.sandbox.case.door import Door
from selaras.sandbox.case.goods import PLENTY
from selaras.sandbox.case.people import Placed, Shelf

_GOODWILL = "10000"


class Staff:
    """The people who answer the buyers."""

    def __init__(self, store: Door, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self.done: dict[str, int] = {}
        self._heard: set[int] = set()

    def _note(self, fate: str) -> None:
        self.done[fate] = self.done.get(fate, 0) + 1

    async def before_payment(self, orders: Iterable[Placed]) -> None:
        """Buyers who think again before the parcel is packed."""
        for order in orders:
            fate = order.wish.fate
            path = f"/api/orders/{order.id}"
            if fate == "changed_mind":
                await self._store.post(path + "/cancel", {"reason": "buyer_changed_mind"})
                order.done = True
            elif fate == "cancel_paid":
                await self._store.post(path + "/cancel", {"reason": "wrong_address", "refund": True})
                order.done = True
            elif fate == "edit":
                line = (await self._order(order))["lines"][0]
                status, answer = await self._store.ask(
                    "PATCH", path, {"lines": [{"line_id": line["id"], "quantity": 1}], "note": "satu saja"}
                )
                if status != 200:
                    raise RuntimeError(f"the edit of order {order.number} was refused: {answer}")
            else:
                continue
            self._note(fate)

    async def after_delivery(self, orders: Iterable[Placed]) -> None:
        """Buyers who send something back; what goes out instead leaves at once."""
        for order in orders:
            fate = order.wish.fate
            if fate not in ("refund_piece", "refund_money", "refund_all", "exchange") or order.id in self._heard:
                continue
            row = await self._order(order)
            if row["status"] != "completed":
                continue  # it was not delivered, or not yet
            self._heard.add(order.id)
            if fate == "exchange":
                await self._exchange(order, row)
            else:
                await self._refund(order, row, fate)
            self._note(fate)

    async def _refund(self, order: Placed, row: dict[str, Any], fate: str) -> None:
        line = row["lines"][0]
        body: dict[str, Any]
        if fate == "refund_money":
            body = {"amount": _GOODWILL, "reason": "goodwill"}
        elif fate == "refund_piece":
            body = {"lines": [{"line_id": line["id"], "quantity": 1}], "reason": "damaged_box", "restock": True}
            self._shelf.put([(line["sku"], 1)])
        else:
            body = {"full": True, "reason": "wrong_size", "restock": True}
            self._shelf.put((one["sku"], one["quantity"]) for one in row["lines"])
        await self._store.post(f"/api/orders/{order.id}/refunds", body)

    async def _exchange(self, order: Placed, row: dict[str, Any]) -> None:
        line = row["lines"][0]
        out = next(sku for sku in PLENTY if sku != line["sku"])
        body = {
            "back": [{"line_id": line["id"], "quantity": 1}],
            "out": [{"sku": out, "quantity": 1}],
            "reason": "exchange",
        }
        await self._store.post(f"/api/orders/{order.id}/exchanges", body)
        self._shelf.put([(line["sku"], 1)])
        # The parcel with what goes out instead.
        self._shelf.take([(out, 1)])
        await self._store.post(
            f"/api/orders/{order.id}/shipments", {"courier": order.wish.courier, "tracking": f"TUKAR{order.number}"}
        )

    async def _order(self, order: Placed) -> dict[str, Any]:
        answer: dict[str, Any] = await self._store.get(f"/api/orders/{order.id}")
        return answer
