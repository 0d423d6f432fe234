"""What programs call with an API key: lists with all their traps, reads by id, stock, payments, webhooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from selaras.sandbox.store import changes
from selaras.sandbox.store.http import Answer, Cut, Request
from selaras.sandbox.store.listing import UpdateIndex
from selaras.sandbox.store.records import Order, Product, Refused, Stock
from selaras.sandbox.store.requests import (
    CancelIn,
    EditIn,
    ExchangeIn,
    LineIn,
    PayIn,
    PaymentIn,
    PaymentsIn,
    RefundIn,
    ShipIn,
    StockIn,
    StocksIn,
    WebhookIn,
)
from selaras.sandbox.store.shop import Shop
from selaras.sandbox.store.webhooks import Webhooks
from selaras.sandbox.store.wire import Scale

MOST = 100


class Api:
    """Handlers under `/api`."""

    def __init__(self, shop: Shop, scale: Scale, webhooks: Webhooks) -> None:
        self.shop = shop
        self.scale = scale
        self.webhooks = webhooks
        self.routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/api/shop"): self.get_shop,
            ("GET", "/api/orders"): self.list_orders,
            ("GET", "/api/orders/{id}"): self.get_order,
            ("PATCH", "/api/orders/{id}"): self.edit,
            ("DELETE", "/api/orders/{id}"): self.trash,
            ("POST", "/api/orders/{id}/payments"): self.pay,
            ("POST", "/api/orders/{id}/cancel"): self.cancel,
            ("POST", "/api/orders/{id}/refunds"): self.refund,
            ("POST", "/api/orders/{id}/exchanges"): self.exchange,
            ("POST", "/api/orders/{id}/shipments"): self.ship,
            ("GET", "/api/payments"): self.find_payments,
            ("POST", "/api/payments"): self.pay_many,
            ("GET", "/api/products"): self.list_products,
            ("GET", "/api/stock"): self.list_stock,
            ("POST", "/api/stock"): self.set_stock,
            ("GET", "/api/webhooks"): self.list_webhooks,
            ("POST", "/api/webhooks"): self.add_webhook,
            ("POST", "/api/webhooks/{id}/restore"): self.restore_webhook,
            ("DELETE", "/api/webhooks/{id}"): self.delete_webhook,
        }

    # -- reading ----------------------------------------------------------------------------------------

    def get_shop(self, request: Request) -> Answer:
        """The shop, its currency, zone and time."""
        config = self.shop.config
        return _json(
            {
                "name": config.name,
                "currency": config.currency,
                "zone": config.zone,
                "amounts": config.amounts,
                "server_time": self.shop.clock.now(),
                "writable": request.access != "read",
            }
        )

    def list_orders(self, request: Request) -> Answer:
        """A page of orders by time of change, or up to 100 by id (`ids`), drafts and trash included then."""
        self.shop.listed = True
        ids = _ids(request)
        if ids is not None:
            return self._rows("orders", [self._order(self.shop.orders[i]) for i in ids if i in self.shop.orders])
        return self._page(request, "orders", self.shop.order_index, lambda key: self._order(self.shop.orders[key]))

    def get_order(self, request: Request) -> Answer:
        """One order."""
        return Answer(200, self._order(self.shop.order(request.key)))

    def list_products(self, request: Request) -> Answer:
        """A page of products by time of change, or up to 100 by `ids` or `skus`."""
        products = self.shop.goods.products
        ids = _ids(request)
        skus = request.listed("skus", "sku", MOST)
        if skus is not None:
            found = [p for sku in skus if (p := self.shop.goods.by_sku(sku))]
            return self._rows("products", [self._product(p) for p in found])
        if ids is not None:
            return self._rows("products", [self._product(products[i]) for i in ids if i in products])
        return self._page(request, "products", self.shop.product_index, lambda key: self._product(products[key]))

    def list_stock(self, request: Request) -> Answer:
        """A page of stock rows by time of change, or up to 100 by `skus` (or repeated `sku`) or products' `ids`."""
        stock = self.shop.goods.stock
        ids = _ids(request)
        if ids is not None:
            return self._rows("stock", [self.scale.encode(stock[i]) for i in ids if i in stock])
        skus = request.listed("skus", "sku", MOST)
        if skus is not None:
            found = [row for sku in skus if (p := self.shop.goods.by_sku(sku)) and (row := stock.get(p.id))]
            return self._rows("stock", [self.scale.encode(row) for row in found])
        return self._page(request, "stock", self.shop.stock_index, lambda key: self.scale.encode(stock[key]))

    def _order(self, order: Order) -> bytes:
        known = self.shop.encoded.get(order.id)
        if known is None:
            known = self.shop.encoded[order.id] = self.scale.encode(order)
        return known

    def _product(self, product: Product) -> bytes:
        return self.scale.encode(product, available=self.shop.goods.available(product))

    def _page(self, request: Request, name: str, index: UpdateIndex, encode: Callable[[int], bytes]) -> Answer:
        page = request.number("page", 1, 1, 1_000_000)
        per_page = request.number("per_page", 10, 1, MOST)
        keys, total = index.page(
            self._second(request, "updated_after"),
            self._second(request, "updated_before"),
            page,
            per_page,
        )
        return self._rows(name, [encode(key) for key in keys], total=total, page=page, per_page=per_page)

    def _second(self, request: Request, name: str) -> int | None:
        """A bound of the window. The store compares whole seconds: a fraction in the bound is cut off."""
        text = request.query(name)
        if not text:
            return None
        try:
            return int(self.shop.clock.instant(text).timestamp() // 1)
        except ValueError:
            raise Refused(400, "bad_parameter", f"{name} must be an ISO 8601 time", parameter=name) from None

    def _rows(self, name: str, rows: Sequence[bytes], **facts: int) -> Answer:
        body = b'{"%s":[%s]' % (name.encode(), b",".join(rows))
        for fact, value in facts.items():
            body += b',"%s":%d' % (fact.encode(), value)
        return Answer(200, body + b"}")

    # -- orders -----------------------------------------------------------------------------------------

    def edit(self, request: Request) -> Answer:
        """Change an order that has not left."""
        wanted = request.decode(EditIn)
        self._lines(wanted.add)
        return Answer(200, self._order(changes.edit(self.shop, request.key, wanted)))

    def trash(self, request: Request) -> Answer:
        """Throw an order away."""
        return Answer(200, self._order(changes.trash(self.shop, request.key)))

    def cancel(self, request: Request) -> Answer:
        """Cancel an order."""
        return Answer(200, self._order(changes.cancel(self.shop, request.key, request.decode(CancelIn))))

    def refund(self, request: Request) -> Answer:
        """Refund lines, an amount, or everything."""
        wanted = request.decode(RefundIn)
        currency = self.shop.order(request.key).currency
        wanted.amount = self.scale.amount(wanted.amount, currency)
        made = changes.refund(self.shop, request.key, wanted)
        return _json(self.scale.plain(made, currency), 201)

    def exchange(self, request: Request) -> Answer:
        """Exchange goods of an order."""
        wanted = request.decode(ExchangeIn)
        self._lines(wanted.out)
        _, order = changes.exchange(self.shop, request.key, wanted)
        return Answer(201, self._order(order))

    def ship(self, request: Request) -> Answer:
        """Send goods of an order."""
        return _json(changes.ship(self.shop, request.key, request.decode(ShipIn)), 201)

    def _lines(self, lines: Sequence[LineIn]) -> None:
        for line in lines:
            line.discount = self.scale.amount(line.discount) or Decimal(0)

    # -- payments ---------------------------------------------------------------------------------------

    def pay(self, request: Request) -> Answer:
        """Mark an order paid (in part): 201 with the payment, 200 when the reference is known already."""
        shown, new = self._pay(request, request.key, request.decode(PayIn))
        return _json(shown, 201 if new else 200)

    def pay_many(self, request: Request) -> Answer:
        """Up to 100 payments in one call; each has its own result, the answer is always 200."""

        def one(wanted: PaymentIn) -> dict[str, Any]:
            shown, new = self._pay(request, wanted.order_id, wanted)
            return {"status": 201 if new else 200, "payment": shown}

        return self._batch(request.decode(PaymentsIn).payments, one)

    def find_payments(self, request: Request) -> Answer:
        """Payments by `references` (or repeated `reference`), at most 100."""
        wanted = request.listed("references", "reference", MOST)
        if wanted is None:
            raise Refused(400, "bad_parameter", "references are missing", parameter="references")
        found = [self._payment(*self.shop.references[r]) for r in wanted if r in self.shop.references]
        return _json({"payments": found})

    def _pay(self, request: Request, order_id: int, wanted: PayIn) -> tuple[dict[str, Any], bool]:
        order = self.shop.order(order_id)
        wanted.amount = self.scale.amount(wanted.amount, order.currency)
        payment, new = self.shop.pay(order_id, wanted, "admin" if request.access == "admin" else "api")
        return self._payment(order, payment), new

    def _payment(self, order: Order, payment: Any) -> dict[str, Any]:
        facts = {"order_id": order.id, "order_number": order.number, "currency": order.currency}
        return {**self.scale.plain(payment, order.currency), **facts, "payment_status": order.payment_status}

    # -- stock ------------------------------------------------------------------------------------------

    def set_stock(self, request: Request) -> Answer:
        """Set up to 100 stocks absolutely; each has its own result, the answer is always 200."""

        def one(wanted: StockIn) -> dict[str, Any]:
            row: Stock = self.shop.goods.set(
                wanted.sku,
                available=_pieces(wanted.sku, wanted.available),
                on_hand=_pieces(wanted.sku, wanted.on_hand),
                version=wanted.version,
            )
            return {"status": 200, "stock": row}

        return self._batch(request.decode(StocksIn).items, one)

    def _batch(self, items: Sequence[Any], one: Callable[[Any], dict[str, Any]]) -> Answer:
        if len(items) > MOST:
            raise Refused(413, "too_many", f"at most {MOST} items in one call, not {len(items)}")
        half = self.shop.faults.half_batch(len(items))
        results: list[bytes] = []
        for item in items if half is None else items[:half]:
            try:
                result = one(item)
            except Refused as no:
                result = {"status": no.status, **no.body()}
            # Encoded at once: a row may change again before the batch is through.
            results.append(msgspec.json.encode(result))
        if half is not None:
            raise Cut
        return Answer(200, b'{"results":[%s]}' % b",".join(results))

    # -- webhooks ---------------------------------------------------------------------------------------

    def list_webhooks(self, request: Request) -> Answer:
        """All subscriptions."""
        return _json({"webhooks": [s.shown() for s in self.webhooks.subscriptions.values()]})

    async def add_webhook(self, request: Request) -> Answer:
        """Subscribe; the URL must answer the ping."""
        wanted = request.decode(WebhookIn)
        made = await self.webhooks.register(wanted.url, wanted.topics, wanted.secret)
        return _json(made.shown(), 201)

    def restore_webhook(self, request: Request) -> Answer:
        """Switch a subscription on again."""
        return _json(self.webhooks.restore(request.key).shown())

    def delete_webhook(self, request: Request) -> Answer:
        """End a subscription."""
        self.webhooks.delete(request.key)
        return _json({"deleted": request.key})


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(value))


def _ids(request: Request) -> list[int] | None:
    values = request.listed("ids", "id", MOST)
    if values is None:
        return None
    if any(not v.isdigit() or len(v) > 15 for v in values):
        raise Refused(400, "bad_parameter", "ids must be numbers", parameter="ids")
    return [int(v) for v in values]


def _pieces(sku: str, value: Decimal | None) -> int | None:
    if value is None:
        return None
    if value != int(value) or value < 0:
        raise Refused(422, "bad_quantity", f"{value} pieces of {sku} make no sense: whole numbers from 0", sku=sku)
    return int(value)
