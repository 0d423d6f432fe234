"""Catalogue and stock: what can be sold, what lies there, what is promised.

available = on_hand − reserved, never below zero: whatever would make it so is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from selaras.sandbox.store.records import Product, Refused, Stock

Need = dict[int, int]
"""Pieces by product id."""


class Goods:
    """Products and their stock rows. `changed(kind, id)` is told of every row that moved."""

    def __init__(self, now: Callable[[], dt.datetime], changed: Callable[[str, int], None]) -> None:
        self.products: dict[int, Product] = {}
        self.stock: dict[int, Stock] = {}
        self._by_sku: dict[str, Product] = {}
        self._now = now
        self._changed = changed
        self._next = 1

    def add(self, product: Product, on_hand: int) -> Product:
        """Take a product into the catalogue (`product.id` 0 = give it the next one). Stock only for real goods.

        Two products may carry the same SKU, as in real shops; the SKU then means the first of them.
        """
        if not product.id:
            product.id = self._next
        if product.id in self.products:
            raise Refused(409, "id_used", f"product {product.id} exists already", product_id=product.id)
        if on_hand < 0:
            raise Refused(422, "bad_quantity", f"the stock of {product.sku} cannot be {on_hand}", sku=product.sku)
        self._next = max(self._next, product.id + 1)
        self.products[product.id] = product
        if product.sku:
            self._by_sku.setdefault(product.sku, product)
        if product.type in ("simple", "variant"):
            row = Stock(product.id, product.sku, on_hand, 0, on_hand, 1, product.updated_at)
            self.stock[product.id] = row
            self._changed("stock", product.id)
        self._changed("product", product.id)
        return product

    def by_sku(self, sku: str) -> Product | None:
        """The product that a SKU means."""
        return self._by_sku.get(sku)

    def rename(self, product: Product, sku: str) -> None:
        """Give a product another SKU."""
        if self._by_sku.get(product.sku) is product:
            del self._by_sku[product.sku]
            for other in self.products.values():
                if other is not product and other.sku == product.sku:
                    self._by_sku[product.sku] = other
                    break
        product.sku = sku
        if sku:
            self._by_sku.setdefault(sku, product)
        row = self.stock.get(product.id)
        if row is not None:
            row.sku = sku
            self._moved(row)

    def need(self, product: Product, quantity: int) -> Need:
        """The goods that `quantity` of a product takes: itself, the components of a bundle, nothing for a service."""
        if product.type == "service":
            return {}
        if product.type != "bundle":
            return {product.id: quantity}
        need: Need = {}
        for part in product.components:
            component = self._by_sku.get(part.sku)
            if component is None:
                raise Refused(
                    409, "broken_bundle", f"component {part.sku} of bundle {product.sku} does not exist", sku=part.sku
                )
            need[component.id] = need.get(component.id, 0) + part.quantity * quantity
        return need

    def available(self, product: Product) -> int | None:
        """Pieces that can be sold now; of a bundle as many as its scarcest component allows; None for a service."""
        counts = [self._free(i) // n for i, n in self.need(product, 1).items()]
        return min(counts) if counts else None

    def reserve(self, needs: Iterable[Need]) -> None:
        """Promise goods to a buyer, all or none. Raises `Refused` "sold_out", naming the SKU."""
        total: Need = {}
        for need in needs:
            for key, quantity in need.items():
                total[key] = total.get(key, 0) + quantity
        for key, quantity in total.items():
            if quantity > self._free(key):
                sku = self.products[key].sku
                raise Refused(
                    409,
                    "sold_out",
                    f"only {self._free(key)} of {sku} left, {quantity} wanted",
                    sku=sku,
                    available=self._free(key),
                    wanted=quantity,
                )
        self._shift(total, reserved=1)

    def release(self, need: Need) -> None:
        """Take a promise back."""
        self._shift(need, reserved=-1)

    def take(self, need: Need) -> None:
        """Promised goods leave the shelf."""
        self._shift(need, reserved=-1, on_hand=-1)

    def put_back(self, need: Need) -> None:
        """Goods lie on the shelf again."""
        self._shift(need, on_hand=1)

    def set(
        self, sku: str, *, available: int | None = None, on_hand: int | None = None, version: int | None = None
    ) -> Stock:
        """Set the stock absolutely: what can be sold, or what lies there.

        With `version` only if the row still has it; otherwise `Refused` 409 "version_moved" with the current row.
        """
        product = self._by_sku.get(sku)
        if product is None:
            raise Refused(404, "unknown_sku", f"there is no product with the SKU {sku}", sku=sku)
        row = self.stock.get(product.id)
        if row is None:
            raise Refused(422, "not_stocked", f"{sku} is a {product.type} and has no stock of its own", sku=sku)
        if version is not None and version != row.version:
            raise Refused(
                409, "version_moved", f"the stock of {sku} has moved to version {row.version}", sku=sku, current=row
            )
        if (available is None) == (on_hand is None):
            raise Refused(422, "bad_quantity", f"give either available or on_hand for {sku}", sku=sku)
        new = on_hand if on_hand is not None else (available or 0) + row.reserved
        if new < row.reserved:
            raise Refused(
                422, "bad_quantity", f"{sku}: {new} on hand is less than the {row.reserved} already promised", sku=sku
            )
        row.on_hand = new
        self._moved(row)
        return row

    def _free(self, key: int) -> int:
        row = self.stock.get(key)
        return row.available if row is not None else 0

    def _shift(self, need: Need, *, reserved: int = 0, on_hand: int = 0) -> None:
        for key, quantity in need.items():
            row = self.stock.get(key)
            if row is None or not quantity:
                continue
            row.reserved += reserved * quantity
            row.on_hand += on_hand * quantity
            assert 0 <= row.reserved <= row.on_hand, f"stock of {row.sku} out of balance: {row}"  # noqa: S101
            self._moved(row)

    def _moved(self, row: Stock) -> None:
        row.available = row.on_hand - row.reserved
        row.version += 1
        row.updated_at = self._now()
        self._changed("stock", row.product_id)
