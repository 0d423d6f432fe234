"""What buyers and the gateway call: registering, carts, checkout, payment. No key is needed, as in a real shop."""

from __future__ import annotations

from typing import Any

import msgspec

from selaras.sandbox.store.http import Answer, Request
from selaras.sandbox.store.records import Refused
from selaras.sandbox.store.requests import Basket, CustomerIn, PayIn
from selaras.sandbox.store.shop import Shop
from selaras.sandbox.store.wire import Scale


class Front:
    """Handlers of the shop front."""

    def __init__(self, shop: Shop, scale: Scale) -> None:
        self.shop = shop
        self.scale = scale
        self.routes = {
            ("GET", "/"): self.hello,
            ("POST", "/customers"): self.register,
            ("POST", "/checkout"): self.checkout,
            ("POST", "/carts"): self.cart,
            ("POST", "/carts/{id}/checkout"): self.finish,
            ("POST", "/orders/{id}/pay"): self.pay,
        }

    def hello(self, request: Request) -> Answer:
        """The shop's name: it is there."""
        return Answer(200, msgspec.json.encode({"shop": self.shop.config.name}))

    def register(self, request: Request) -> Answer:
        """A new customer."""
        return Answer(201, msgspec.json.encode(self.shop.register(request.decode(CustomerIn))))

    def checkout(self, request: Request) -> Answer:
        """One basket (201 with the order, or a refusal), or a list of them (200 with one result for each)."""
        if not request.body.lstrip().startswith(b"["):
            return Answer(201, self.scale.encode(self.shop.checkout(request.decode(Basket))))
        results: list[dict[str, Any]] = []
        for basket in request.decode(list[Basket]):
            try:
                order = self.shop.checkout(basket)
            except Refused as no:
                results.append({"status": no.status, **no.body()})
            else:
                results.append({"status": 201, "id": order.id, "number": order.number, "total": str(order.total)})
        return Answer(200, msgspec.json.encode({"results": results}))

    def cart(self, request: Request) -> Answer:
        """A cart that is left."""
        return Answer(201, self.scale.encode(self.shop.save_cart(request.decode(Basket))))

    def finish(self, request: Request) -> Answer:
        """A cart that becomes an order."""
        return Answer(201, self.scale.encode(self.shop.finish_cart(request.key)))

    def pay(self, request: Request) -> Answer:
        """The gateway has captured money. A transfer is not paid here: it comes over the bank."""
        wanted = request.decode(PayIn)
        if (wanted.method or self.shop.order(request.key).payment_method) == "transfer":
            raise Refused(422, "not_a_gateway_method", "a transfer is paid at the bank, not through the gateway")
        payment, new = self.shop.pay(request.key, wanted, "gateway")
        order = self.shop.order(request.key)
        body = {"payment": self.scale.plain(payment, order.currency), "payment_status": order.payment_status}
        return Answer(201 if new else 200, msgspec.json.encode(body))
