"""A seeded stream of orders and what happens to them: placed, edited, paid, cancelled, sent, refunded, mixed in time.

It knows the store's public HTTP (and its bank), nothing of a hub.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from selaras.sandbox.case.door import CaseError, Door

PRODUCTS = 24
_PIECES = 1_000_000
# Orders under way at once: their steps are mixed.
_WIDTH = 40
_NAMES = "Adi Budi Citra Dewi Eka Fajar Gita Hadi Indah Joko Kartika Lina".split()


class _Life(msgspec.Struct):
    """One order and the steps that are left of its life."""

    number: int
    steps: list[str]
    id: int = 0
    method: str = "qris"
    lines: list[dict[str, Any]] = []


def products() -> list[dict[str, Any]]:
    """Things to sell, in quantities that never run out."""
    return [
        {"sku": f"SKU-{n:03d}", "name": f"Barang {n}", "price": str(7_500 + 2_125 * n), "stock": _PIECES}
        for n in range(1, PRODUCTS + 1)
    ]


async def fit_out(store: Door, books: Door) -> None:
    """The same goods in both systems."""
    goods = products()
    await store.post("/sandbox/products", {"products": goods})
    answer = await books.post(
        "/sandbox/seed",
        {
            "products": [{"code": p["sku"], "name": p["name"], "price": p["price"], "cost": "5000"} for p in goods],
            "stock": [{"code": p["sku"], "on_hand": str(p["stock"])} for p in goods],
        },
    )
    bad = [result for result in answer["products"] if not result["ok"]]
    if bad or answer["stock"]["refused"]:
        raise CaseError(f"the books did not take the goods: {bad or answer['stock']['refused']}")


class Traffic:
    """`orders` orders of a seed. Iterate over `run()`: each turn is one call that a buyer or an admin made."""

    def __init__(self, seed: int, orders: int, store: Door, books: Door) -> None:
        self._draw = random.Random(f"{seed}:traffic")
        self._store = store
        self._books = books
        self._lives = [self._life(n) for n in range(1, orders + 1)]
        self.actions: Counter[str] = Counter()
        self.steps = sum(len(life.steps) for life in self._lives)

    def _life(self, number: int) -> _Life:
        draw = self._draw
        steps = ["place"]
        if draw.random() < 0.12:
            steps.append("edit")
        fate = draw.random()
        method = draw.choices(("qris", "va", "transfer"), (50, 30, 20))[0]
        if fate < 0.06:
            steps.append("cancel")
        elif fate < 0.12:
            steps += ["pay", "cancel_paid"]
            method = "qris"
        else:
            steps.append("pay")
            if method != "transfer":
                # A transfer is confirmed by the bank, in its own time; whoever packs waits for that.
                steps += ["ship"] if draw.random() < 0.6 else []
                if draw.random() < 0.12:
                    steps.append(draw.choice(("refund_piece", "refund_money", "refund_all")))
        return _Life(number, steps, method=method)

    async def run(self) -> AsyncIterator[str]:
        """Play every step of every order; yields its name after it was made."""
        waiting = iter(self._lives)
        under_way: list[_Life] = []
        while True:
            while len(under_way) < _WIDTH and (life := next(waiting, None)) is not None:
                under_way.append(life)
            if not under_way:
                return
            at = self._draw.randrange(len(under_way))
            life = under_way[at]
            step = life.steps.pop(0)
            await getattr(self, f"_{step}")(life)
            self.actions[step] += 1
            if not life.steps:
                under_way[at] = under_way[-1]
                under_way.pop()
            yield step

    async def _place(self, life: _Life) -> None:
        draw = self._draw
        name = draw.choice(_NAMES)
        who = draw.randrange(1, 500)
        buyer = {"name": f"{name} {who}", "phone": f"0812{who:07d}", "email": f"{name.lower()}{who}@contoh.id"}
        if draw.random() < 0.1:
            buyer = {"name": name}  # a guest who leaves nothing
        skus = draw.sample(range(1, PRODUCTS + 1), draw.choice((1, 1, 2, 3)))
        basket: dict[str, Any] = {
            "lines": [{"sku": f"SKU-{n:03d}", "quantity": draw.choice((2, 2, 3))} for n in skus],
            "buyer": buyer,
            "payment_method": life.method,
            "shipping": {"name": "Ongkos kirim", "amount": str(draw.choice((9_000, 12_000, 15_500)))},
            "prices_include_tax": draw.random() < 0.5,
            "tax_rate": draw.choice(("0", "0.11")),
        }
        if draw.random() < 0.15:
            basket["discount"] = {"name": "Voucher", "amount": "5000"}
        order = await self._store.post("/checkout", basket)
        life.id = int(order["id"])
        life.lines = order["lines"]

    async def _edit(self, life: _Life) -> None:
        body = {"lines": [{"line_id": life.lines[0]["id"], "quantity": self._draw.choice((1, 4, 5))}]}
        status, answer = await self._store.ask("PATCH", f"/api/orders/{life.id}", body)
        if status != 200:
            raise CaseError(f"the edit of order {life.id} was refused: {answer}")
        life.lines = answer["lines"]

    async def _pay(self, life: _Life) -> None:
        if life.method == "transfer":
            await self._store.post("/sandbox/bank/transfers", {"order_id": life.id, "with_number": True})
            feed = {"books": self._books.url, "key": self._books.admin_key, "account": "bank"}
            await self._store.post("/sandbox/bank/forward", feed)
            return
        await self._store.post(f"/orders/{life.id}/pay", {"method": life.method, "reference": f"PG-{life.id}"})

    async def _cancel(self, life: _Life) -> None:
        await self._store.post(f"/api/orders/{life.id}/cancel", {"reason": "buyer"})

    async def _cancel_paid(self, life: _Life) -> None:
        await self._store.post(f"/api/orders/{life.id}/cancel", {"reason": "buyer", "refund": True})

    async def _ship(self, life: _Life) -> None:
        body = {"courier": "JNE", "tracking": f"RESI{life.id:06d}"}
        await self._store.post(f"/api/orders/{life.id}/shipments", body)

    async def _refund_piece(self, life: _Life) -> None:
        body = {"lines": [{"line_id": life.lines[0]["id"], "quantity": 1}], "reason": "damaged", "restock": True}
        await self._store.post(f"/api/orders/{life.id}/refunds", body)

    async def _refund_money(self, life: _Life) -> None:
        await self._store.post(f"/api/orders/{life.id}/refunds", {"amount": "2500", "reason": "goodwill"})

    async def _refund_all(self, life: _Life) -> None:
        await self._store.post(f"/api/orders/{life.id}/refunds", {"full": True, "reason": "wrong", "restock": True})
