"""The levers behind the shop, under `/sandbox`: only with the admin key (`X-Sandbox-Key`)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from selaras.sandbox.store import bulk
from selaras.sandbox.store.bank import Bank
from selaras.sandbox.store.http import Answer, Budget, Request
from selaras.sandbox.store.records import Refused
from selaras.sandbox.store.requests import (
    Body,
    ClockIn,
    ForwardIn,
    OrdersIn,
    ProductsIn,
    TransferIn,
)
from selaras.sandbox.store.shop import Shop
from selaras.sandbox.store.truth import truth
from selaras.sandbox.store.webhooks import Webhooks


class SwitchesIn(Body):
    """The store's own traps, at run time; what is not named stays as it is."""

    shuffle_ties: bool | None = None
    silent_money: bool | None = None
    rate: float | None = None
    burst: int | None = None


class Control:
    """Handlers under `/sandbox`."""

    def __init__(
        self,
        shop: Shop,
        webhooks: Webhooks,
        bank: Bank,
        budget: Budget,
        calls: Counter[tuple[str, int]],
        cuts: Counter[str],
    ) -> None:
        self.shop = shop
        self.webhooks = webhooks
        self.bank = bank
        self.budget = budget
        self.calls = calls
        self.cuts = cuts
        self.routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("POST", "/sandbox/orders"): self.load_orders,
            ("POST", "/sandbox/products"): self.load_products,
            ("GET", "/sandbox/truth"): self.truth,
            ("GET", "/sandbox/faults"): self.faults,
            ("POST", "/sandbox/faults"): self.faults,
            ("GET", "/sandbox/clock"): self.clock,
            ("POST", "/sandbox/clock"): self.clock,
            ("GET", "/sandbox/switches"): self.switches,
            ("POST", "/sandbox/switches"): self.switches,
            ("GET", "/sandbox/bank/transfers"): self.transfers,
            ("POST", "/sandbox/bank/transfers"): self.transfer,
            ("POST", "/sandbox/bank/forward"): self.forward,
        }

    def load_orders(self, request: Request) -> Answer:
        """Complete orders, as they are: 201 with the id and number of each."""
        wanted = request.decode(OrdersIn)
        loaded = bulk.load_orders(self.shop, wanted.orders, webhooks=wanted.webhooks)
        rows = [{"id": o.id, "number": o.number, "total": str(o.total)} for o in loaded]
        return Answer(201, msgspec.json.encode({"orders": rows}))

    def load_products(self, request: Request) -> Answer:
        """Products with their stock: 201 with the id of each."""
        loaded = bulk.load_products(self.shop, request.decode(ProductsIn).products)
        return Answer(201, msgspec.json.encode({"products": [{"id": p.id, "sku": p.sku} for p in loaded]}))

    def truth(self, request: Request) -> Answer:
        """What really happened."""
        return Answer(200, msgspec.json.encode(truth(self.shop, self.webhooks, self.calls, self.cuts)))

    def faults(self, request: Request) -> Answer:
        """The fault switches."""
        key = request.headers.get(b"x-sandbox-key", b"").decode("latin-1")
        return Answer(*self.shop.faults.handle(request.method, key, request.body))

    def clock(self, request: Request) -> Answer:
        """Read, set, advance, stop or release the store's clock."""
        clock = self.shop.clock
        if request.method == "POST":
            wanted = request.decode(ClockIn)
            try:
                if wanted.real:
                    clock.real()
                if wanted.set:
                    clock.set(wanted.set)
                clock.advance(wanted.advance)
            except (ValueError, OverflowError) as error:
                raise Refused(422, "bad_time", str(error)) from None
            if wanted.frozen is not None:
                (clock.freeze if wanted.frozen else clock.run)()
        shown = {"time": clock.now(), "zone": self.shop.config.zone, "frozen": clock.frozen}
        return Answer(200, msgspec.json.encode(shown))

    def switches(self, request: Request) -> Answer:
        """The store's traps and its rate limit."""
        shop = self.shop
        if request.method == "POST":
            wanted = request.decode(SwitchesIn)
            given = {f: v for f in wanted.__struct_fields__ if (v := getattr(wanted, f)) is not None}
            shop.config = msgspec.structs.replace(shop.config, **given)
            for index in (shop.order_index, shop.product_index, shop.stock_index):
                index.shuffle = shop.config.shuffle_ties
            if "rate" in given or "burst" in given:
                self.budget.set(shop.config.rate, shop.config.burst)
        names = SwitchesIn.__struct_fields__
        return Answer(200, msgspec.json.encode({name: getattr(shop.config, name) for name in names}))

    # -- bank -------------------------------------------------------------------------------------------

    def transfers(self, request: Request) -> Answer:
        """All lines of the shop's bank account."""
        return Answer(200, msgspec.json.encode({"transfers": self.bank.transfers}))

    def transfer(self, request: Request) -> Answer:
        """A buyer transfers money, for an order (by `order_id` or `number`) or out of the blue."""
        wanted = request.decode(TransferIn)
        order = self.shop.by_number.get(wanted.number)
        if wanted.order_id:
            order = self.shop.order(wanted.order_id)
        if order is None and wanted.amount is None:
            raise Refused(422, "bad_amount", "a transfer needs an order or an amount")
        amount = wanted.amount if wanted.amount is not None or order is None else self.shop.balance(order)
        assert amount is not None  # noqa: S101
        try:
            date = dt.date.fromisoformat(wanted.date) if wanted.date else None
        except ValueError as error:
            raise Refused(422, "bad_time", str(error)) from None
        made = self.bank.transfer(
            amount,
            order.currency if order else self.shop.config.currency,
            wanted.payer or (order.buyer.name if order else "") or "TANPA NAMA",
            number=order.number if order else wanted.number,
            with_number=wanted.with_number,
            description=wanted.description,
            date=date,
        )
        return Answer(201, msgspec.json.encode(made))

    async def forward(self, request: Request) -> Answer:
        """Send new bank lines to the books' bank feed."""
        wanted = request.decode(ForwardIn)
        count = await self.bank.forward(wanted.books, key=wanted.key, account=wanted.account)
        return Answer(200, msgspec.json.encode({"forwarded": count}))
