"""The stand-in's REST API v3, as far as a connector may use it. Paths, codes and statuses are the real ones."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.connectors.woocommerce.standin_auth import WooError
from tests.connectors.woocommerce.standin_hooks import Hooks
from tests.connectors.woocommerce.standin_json import goods_json, order_json, real, refund_json
from tests.connectors.woocommerce.standin_lists import Listed, bad_param, only_fields, select
from tests.connectors.woocommerce.standin_shop import Goods, Order, Refund, Shop

STATUSES = (
    "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft",
)  # fmt: skip
Answer = tuple[Any, dict[str, str]]
Query = Mapping[str, str]


def invalid(kind: str, status: int) -> WooError:
    return WooError(f"woocommerce_rest_{kind}_invalid_id", "Invalid ID.", status)


class Rest:
    """Handlers by path."""

    def __init__(self, shop: Shop, hooks: Hooks, seed: int = 1) -> None:
        self.shop = shop
        self.hooks = hooks
        self.batch_limit = 100
        self.hears_deltas = True
        self.settings_visible = True
        self.between: list[Callable[[], None]] = []
        """Things that happen in the shop while a batch is worked through, one before each item."""
        self.statuses = set(STATUSES)
        self.chance = random.Random(seed)

    async def answer(self, method: str, path: str, query: Query, body: bytes) -> Answer:
        """Raises `WooError`."""
        routes: list[tuple[str, str, Callable[..., Awaitable[Answer]]]] = [
            ("GET", r"/orders", self._orders),
            ("GET", r"/orders/(\d+)", self._order),
            ("PUT", r"/orders/(\d+)", self._put_order),
            ("POST", r"/orders/batch", self._orders_batch),
            ("GET", r"/orders/(\d+)/refunds", self._order_refunds),
            ("POST", r"/orders/(\d+)/refunds", self._create_refund),
            ("GET", r"/refunds", self._refunds),
            ("GET", r"/products", self._products),
            ("POST", r"/products/batch", self._products_batch),
            ("GET", r"/products/(\d+)", self._product),
            ("GET", r"/products/(\d+)/variations", self._variations),
            ("POST", r"/products/(\d+)/variations/batch", self._variations_batch),
            ("GET", r"/webhooks", self._webhooks),
            ("POST", r"/webhooks/batch", self._webhooks_batch),
            ("GET", r"/settings/(\w+)", self._settings),
        ]
        for verb, pattern, handler in routes:
            found = re.fullmatch(pattern, path)
            if found and verb == method and not (path == "/refunds" and self.shop.config.version < (9, 0)):
                arguments = [int(part) if part.isdigit() else part for part in found.groups()]
                if method == "GET":
                    return await handler(query, *arguments)
                return await handler(json.loads(body or b"{}"), *arguments)
        raise WooError("rest_no_route", "No route was found matching the URL and request method.", 404)

    # -- orders -----------------------------------------------------------------------------------------

    def _listed(self, wanted: set[str]) -> list[Listed]:
        """`any` shows registered statuses only: not the bin, nor what a plugin that is gone has left."""
        shown = [
            order for order in self.shop.orders.values()
            if (order.status in self.statuses if "any" in wanted else order.status in wanted)
        ]  # fmt: skip
        return [Listed(order.id, order.created, order.modified, order) for order in shown]

    async def _orders(self, query: Query) -> Answer:
        wanted = set(query.get("status", "any").split(","))
        if wanted - self.statuses - {"any", "trash"}:
            raise bad_param("status", "status[0] is not one of any, trash, " + ", ".join(STATUSES))
        orders, headers = select(self.shop, self._listed(wanted), query, self.chance)
        dp = int(query["dp"]) if "dp" in query else None
        return [only_fields(order_json(self.shop, order, dp), query) for order in orders], headers

    def _find(self, id: int, status: int = 404) -> Order:
        order = self.shop.orders.get(id)
        if order is None:
            raise invalid("shop_order", status)
        return order

    async def _order(self, query: Query, id: int) -> Answer:
        dp = int(query["dp"]) if "dp" in query else None
        return only_fields(order_json(self.shop, self._find(id), dp), query), {}

    async def _put_order(self, body: Any, id: int) -> Answer:
        return self._update_order({**body, "id": id}), {}

    def _update_order(self, body: dict[str, Any]) -> dict[str, Any]:
        order = self._find(body["id"], 400)
        for field in body.get("meta_data", []):
            order.meta[field["key"]] = field["value"]
        if "customer_note" in body:
            order.note = body["customer_note"]
        if body.get("status"):
            if body["status"] not in self.statuses:
                raise bad_param("status", "status is not one of " + ", ".join(STATUSES))
            self.shop.set_status(order, body["status"])
        else:
            self.shop.touch(order)
        # needs_payment(): set_paid is ignored for an order on hold.
        if body.get("set_paid") is True and order.status in ("pending", "failed") and order.total > 0:
            self.shop.pay(order, body.get("transaction_id") or "")
        return order_json(self.shop, order)

    async def _orders_batch(self, body: Any) -> Answer:
        return self._batch(body, self._update_order), {}

    async def _order_refunds(self, query: Query, id: int) -> Answer:
        order = self._find(id)
        return self._show_refunds(order.refunds, query)

    async def _refunds(self, query: Query) -> Answer:
        return self._show_refunds([r for order in self.shop.orders.values() for r in order.refunds], query)

    def _show_refunds(self, refunds: list[Refund], query: Query) -> Answer:
        rows = [Listed(r.id, r.created, r.created, r) for r in refunds]
        shown, headers = select(self.shop, rows, query, self.chance)
        dp = int(query["dp"]) if "dp" in query else None
        return [refund_json(self.shop, refund, dp) for refund in shown], headers

    async def _create_refund(self, body: Any, id: int) -> Answer:
        """Calls the gateway and restocks unless told not to."""
        refund = self.shop.refund(
            self._find(id),
            Decimal(str(body["amount"])),
            by_gateway=body.get("api_refund", True),
            restock=body.get("api_restock", True),
        )
        return refund_json(self.shop, refund), {}

    # -- goods ------------------------------------------------------------------------------------------

    async def _products(self, query: Query) -> Answer:
        goods = [g for g in self.shop.goods.values() if g.status != "trash"]
        if "sku" in query:
            codes = {*query["sku"].split(","), query["sku"]}
            # The database compares without regard to case.
            goods = [g for g in goods if g.sku and g.sku.lower() in {code.lower() for code in codes}]
        else:
            goods = [g for g in goods if not g.parent]
        rows = [Listed(g.id, g.modified, g.modified, g) for g in goods]
        shown, headers = select(self.shop, rows, query, self.chance)
        return [only_fields(goods_json(self.shop, g), query) for g in shown], headers

    async def _product(self, query: Query, id: int) -> Answer:
        if id not in self.shop.goods:
            raise invalid("product", 404)
        return only_fields(goods_json(self.shop, self.shop.goods[id]), query), {}

    async def _variations(self, query: Query, parent: int) -> Answer:
        rows = [Listed(g.id, g.modified, g.modified, g) for g in self.shop.goods.values() if g.parent == parent]
        shown, headers = select(self.shop, rows, query, self.chance)
        return [only_fields(goods_json(self.shop, g, as_variation=True), query) for g in shown], headers

    async def _products_batch(self, body: Any) -> Answer:
        def change(item: dict[str, Any]) -> dict[str, Any]:
            goods = self.shop.goods.get(item["id"])
            if goods is None:
                raise invalid("product", 400)
            if goods.parent:
                raise WooError("woocommerce_rest_invalid_product_id", "Use the variations endpoint.", 404)
            return self._set_stock(goods, item)

        return self._batch(body, change), {}

    async def _variations_batch(self, body: Any, parent: int) -> Answer:
        def change(item: dict[str, Any]) -> dict[str, Any]:
            goods = self.shop.goods.get(item["id"])
            if goods is None:
                raise invalid("product_variation", 400)
            goods.parent = parent  # whatever it was before
            return self._set_stock(goods, item, as_variation=True)

        return self._batch(body, change), {}

    def _set_stock(self, goods: Goods, item: dict[str, Any], *, as_variation: bool = False) -> dict[str, Any]:
        if goods.manage is True:
            if "stock_quantity" in item:
                goods.stock = int(item["stock_quantity"])
            elif "inventory_delta" in item and self.hears_deltas:
                goods.stock = (goods.stock or 0) + int(item["inventory_delta"])
        goods.modified = self.shop.now()
        return goods_json(self.shop, goods, as_variation=as_variation)

    def _batch(self, body: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Item by item; an item's error stands inside an answer of 200."""
        if sum(len(body.get(part, [])) for part in ("create", "update", "delete")) > self.batch_limit:
            raise WooError(
                "woocommerce_rest_request_entity_too_large",
                f"Unable to accept more than {self.batch_limit} items for this request.",
                413,
            )
        answer: dict[str, Any] = {}
        for item in body.get("update", []):
            if self.between:
                self.between.pop(0)()
            try:
                answer.setdefault("update", []).append(change(item))
            except WooError as error:
                told = {"code": error.code, "message": error.message, "data": {"status": error.status, **error.data}}
                answer.setdefault("update", []).append({"id": item["id"], "error": told})
        return answer

    # -- webhooks and settings --------------------------------------------------------------------------

    async def _webhooks(self, query: Query) -> Answer:
        rows = [Listed(h.id, h.created, h.created, h) for h in self.hooks.hooks.values()]
        shown, headers = select(self.shop, rows, query, self.chance)
        return [self.hooks.show(hook) for hook in shown], headers

    async def _webhooks_batch(self, body: Any) -> Answer:
        answer: dict[str, Any] = {}
        for item in body.get("create", []):
            try:
                answer.setdefault("create", []).append(await self.hooks.create(item))
            except WooError as error:
                told = {"code": error.code, "message": error.message, "data": {"status": error.status}}
                answer.setdefault("create", []).append({"id": 0, "error": told})
        for item in body.get("update", []):
            answer.setdefault("update", []).append(await self.hooks.update(item["id"], item))
        for id in body.get("delete", []):
            hook = self.hooks.hooks.pop(id, None)
            if hook is not None:
                answer.setdefault("delete", []).append(self.hooks.show(hook))
        return answer, {}

    async def _settings(self, query: Query, group: str) -> Answer:
        if not self.settings_visible:
            raise WooError("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 403)
        config = self.shop.config
        values = {
            "woocommerce_currency": config.currency,
            "woocommerce_price_num_decimals": str(config.decimals),
            "woocommerce_prices_include_tax": "yes" if config.prices_include_tax else "no",
            "woocommerce_tax_round_at_subtotal": "yes" if config.round_at_subtotal else "no",
        }
        settings = real(f"settings-{group}.json") if group in ("general", "tax") else []
        return [only_fields(s | {"value": values.get(s["id"], s["value"])}, query) for s in settings], {}
