"""Who takes part: buyers, the bank, the warehouse, the counter and the typist. They know HTTP and their own eyes.

The shelf is the goods as they really lie there. The counter and the warehouse look at it; nobody else can.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from selaras.sandbox.case.door import CaseError, Door
from selaras.sandbox.case.script import Arrival, AtCounter, Case, Wish

OUT_OF_STOCK = "out_of_stock"
_MOST = 100


class Placed(msgspec.Struct):
    """A wish that became an order of the store."""

    wish: Wish
    id: int
    number: str
    paid: bool = False
    done: bool = False


class Shelf:
    """Pieces that really lie in the shop, by product code."""

    def __init__(self, case: Case) -> None:
        self.pieces: Counter[str] = Counter({ware.sku: ware.opening for ware in case.goods})

    def holds(self, lines: Iterable[tuple[str, int]]) -> bool:
        """Whether all of this can be taken."""
        wanted: Counter[str] = Counter()
        for sku, quantity in lines:
            wanted[sku] += quantity
        return all(self.pieces[sku] >= quantity for sku, quantity in wanted.items())

    def take(self, lines: Iterable[tuple[str, int]]) -> None:
        """Goods leave."""
        for sku, quantity in lines:
            self.pieces[sku] -= quantity
            if self.pieces[sku] < 0:
                raise CaseError(f"somebody took {sku} that did not lie there")

    def put(self, lines: Iterable[tuple[str, int]]) -> None:
        """Goods come (back)."""
        for sku, quantity in lines:
            self.pieces[sku] += quantity


async def fit_out(case: Case, store: Door, books: Door) -> str:
    """The first morning: catalogue, stock-take and known contacts, alike in both systems; gives the supplier's id."""
    await store.post(
        "/sandbox/products",
        {
            "products": [
                {"sku": w.sku, "name": w.name, "type": "variant", "price": str(w.price), "stock": w.opening}
                for w in case.goods
            ]
        },
    )
    seeded = await books.post(
        "/sandbox/seed",
        {
            "contacts": [{"name": p.name, "phone": "0" + p.phone, "email": p.email} for p in case.known]
            + [{"name": "CV Sumber Makmur", "kind": "supplier"}],
            "products": [
                {"code": w.sku, "name": w.name, "price": str(w.price), "cost": str(w.cost)} for w in case.goods
            ],
            "stock": [{"code": w.sku, "on_hand": str(w.opening)} for w in case.goods],
        },
    )
    for kind in ("contacts", "products"):
        for result in seeded[kind]:
            if not result["ok"]:
                raise CaseError(f"the books did not take one of the {kind}: {result['message']}")
    if seeded["stock"]["refused"]:
        raise CaseError(f"the books did not take the stock: {seeded['stock']['refused'][0]}")
    return str(seeded["contacts"][-1]["id"])


class Buyers:
    """Web buyers: each takes the wanted variant, or the next best when the store says that it is sold out."""

    def __init__(self, store: Door) -> None:
        self._store = store
        self.second_choices = 0

    async def place(self, wish: Wish) -> Placed:
        """Order; raises `CaseError` when nothing that this buyer would take is left."""
        choice = [0] * len(wish.wants)
        while True:
            status, answer = await self._store.ask("POST", "/checkout", self._basket(wish, choice))
            if status == 201:
                self.second_choices += any(choice)
                return Placed(wish, int(answer["id"]), str(answer["number"]))
            error = answer.get("error", {})
            if status != 409 or error.get("code") != "sold_out":
                raise CaseError(f"checkout of wish {wish.number} answered {status}: {answer}")
            self._give_way(wish, choice, error["sku"])

    @staticmethod
    def _give_way(wish: Wish, choice: list[int], sku: str) -> None:
        for i, want in enumerate(wish.wants):
            if want.skus[choice[i]] == sku:
                if choice[i] + 1 == len(want.skus):
                    raise CaseError(f"wish {wish.number}: even {sku} is sold out")
                choice[i] += 1
                return
        raise CaseError(f"wish {wish.number}: the store says that {sku} is sold out, which nobody asked for")

    @staticmethod
    def _basket(wish: Wish, choice: Sequence[int]) -> dict[str, Any]:
        city, province, postcode = wish.person.city
        basket: dict[str, Any] = {
            "lines": [
                {"sku": want.skus[i], "quantity": want.quantity} for want, i in zip(wish.wants, choice, strict=True)
            ],
            "buyer": {
                "name": wish.person.name,
                "phone": wish.typed_phone,
                "email": wish.typed_email,
                "address": {"line": "Jl. Melati No. 8", "city": city, "province": province, "postcode": postcode,
                            "country": "ID"},
            },
            "shipping": {"name": f"Ongkos kirim {wish.courier}", "amount": str(wish.postage)},
            "payment_method": wish.method,
        }  # fmt: skip
        if wish.voucher:
            basket["discount"] = {"name": "Voucher", "amount": str(wish.voucher)}
        if wish.code:
            basket["fees"] = [{"name": "Kode unik", "amount": str(wish.code)}]
        return basket

    async def pay_gateway(self, orders: Iterable[Placed]) -> None:
        """QRIS and virtual accounts: the gateway captures the money at the store."""
        for order in orders:
            if order.wish.method != "transfer":
                body = {"method": order.wish.method, "reference": f"{order.wish.method}-{order.number}"}
                await self._store.post(f"/orders/{order.id}/pay", body)
                order.paid = True


class Bank:
    """Transfers reach the shop's account; its statement lines are the bank feed of the books."""

    def __init__(self, store: Door, books: Door) -> None:
        self._store = store
        self._books = books

    async def transfer(self, orders: Iterable[Placed]) -> list[Placed]:
        """Buyers transfer what they owe, with or without the order number; then the feed is delivered."""
        paid = []
        for order in orders:
            body = {"order_id": order.id, "payer": order.wish.person.name, "with_number": order.wish.names_number}
            await self._store.post("/sandbox/bank/transfers", body)
            order.paid = True
            paid.append(order)
        if paid:
            feed = {"books": self._books.url, "key": self._books.admin_key, "account": "bank"}
            await self._store.post("/sandbox/bank/forward", feed)
        return paid

    async def confirm_by_hand(self, orders: Iterable[Placed]) -> None:
        """The admin looks into internet banking and marks the orders paid in the store, one by one."""
        for order in orders:
            await self._store.post(f"/api/orders/{order.id}/payments", {"method": "transfer"})


class Warehouse:
    """Packs what is paid. What does not lie on the shelf is cancelled, as the founding document tells."""

    def __init__(self, store: Door, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self._parcels = 0

    async def orders(self, wanted: Sequence[Placed]) -> list[dict[str, Any]]:
        """The orders as the store shows them now."""
        rows: list[dict[str, Any]] = []
        for start in range(0, len(wanted), _MOST):
            ids = ",".join(str(order.id) for order in wanted[start : start + _MOST])
            rows += (await self._store.get(f"/api/orders?ids={ids}"))["orders"]
        return rows

    async def pack(self, orders: Sequence[Placed]) -> int:
        """Ship every paid order among these, or cancel it for lack of stock; returns how many left."""
        waiting = {order.id: order for order in orders if not order.done}
        sent = 0
        for row in await self.orders(list(waiting.values())):
            if row["status"] != "open" or row["payment_status"] != "paid":
                continue
            lines = [(line["sku"], int(line["quantity"])) for line in row["lines"]]
            order = waiting[row["id"]]
            order.done = True
            if not self._shelf.holds(lines):
                await self._store.post(f"/api/orders/{order.id}/cancel", {"reason": OUT_OF_STOCK, "refund": True})
                continue
            self._shelf.take(lines)
            self._parcels += 1
            tracking = f"{order.wish.courier.replace('&', '')}{order.wish.day:%d%m%y}{self._parcels:05d}"
            await self._store.post(
                f"/api/orders/{order.id}/shipments", {"courier": order.wish.courier, "tracking": tracking}
            )
            sent += 1
        return sent


class Clerk:
    """The clerk at the counter sells what lies there and what the books' screen calls free, and books it at once."""

    def __init__(self, case: Case, books: Door, shelf: Shelf, supplier: str) -> None:
        self._costs = {ware.sku: ware.cost for ware in case.goods}
        self._books = books
        self._shelf = shelf
        self._supplier = supplier

    async def receive(self, arrivals: Iterable[Arrival]) -> None:
        """Goods arrive from the supplier: a purchase is booked as received."""
        costs = self._costs
        for arrival in arrivals:
            lines = [{"code": s, "quantity": str(n), "unit_price": str(costs[s])} for s, n in arrival.pieces]
            total = sum(costs[sku] * n for sku, n in arrival.pieces)
            item = {
                "date": arrival.day.isoformat(), "currency": "IDR", "total": str(total), "contact_id": self._supplier,
                "lines": lines, "received": True,
            }  # fmt: skip
            await self._books.batch("/sandbox/typist", {"kind": "purchases", "items": [item]})
            self._shelf.put(arrival.pieces)

    async def sell(self, people: Sequence[AtCounter]) -> int:
        """Serve everybody who can be served; returns how many pieces left."""
        if not people:
            return 0
        screen = (await self._books.get("/sandbox/truth?parts=stock"))["stock"]
        sold: Counter[str] = Counter()
        items = []
        for person in people:
            row = screen[person.sku]
            free = int(row["on_hand"].split(".")[0]) - int(row["reserved"].split(".")[0]) - sold[person.sku]
            pieces = min(person.quantity, free, self._shelf.pieces[person.sku])
            if pieces > 0:
                sold[person.sku] += pieces
                self._shelf.take([(person.sku, pieces)])
                items.append({"code": person.sku, "quantity": str(pieces)})
        if items:
            await self._books.batch("/sandbox/sale", {"items": items})
        return sum(sold.values())


class Typist:
    """Types orders of the day into the books at its end, as many as there is time for."""

    def __init__(self, books: Door) -> None:
        self._books = books

    async def type_in(self, rows: Sequence[dict[str, Any]], day: dt.date, most: int) -> int:
        """Order, invoice and receipt of each sent order; of the others the order alone. Sent ones go first."""
        rank = {"completed": 0, "open": 1, "cancelled": 2}
        chosen = sorted(rows, key=lambda row: (rank[row["status"]], row["id"]))[:most]
        for row in sorted(chosen, key=lambda row: row["id"]):
            await self._type(row, day)
        return len(chosen)

    async def _type(self, row: dict[str, Any], day: dt.date) -> None:
        contact = (await self._books.batch(
            "/sandbox/typist", {"kind": "contacts", "items": [{"name": row["buyer"]["name"] or "Pembeli web"}]}
        ))[0]["id"]  # fmt: skip
        head = {"date": day.isoformat(), "currency": row["currency"], "total": row["total"], "contact_id": contact}
        head |= {"reference": row["number"], "lines": _lines(row)}
        order = (await self._do("sales_orders", head))["id"]
        if row["status"] == "cancelled":
            await self._do("sales_orders", {"id": order}, "void")
        elif row["status"] == "completed":
            await self._do("invoices", {**head, "sales_order_id": order})
            money = {k: head[k] for k in ("date", "currency", "total", "contact_id", "reference")}
            account = "bank" if row["payment_method"] == "transfer" else "clearing"
            await self._do("receipts", {**money, "sales_order_id": order, "account": account})

    async def _do(self, kind: str, item: dict[str, Any], op: str = "create") -> Any:
        return (await self._books.batch("/sandbox/typist", {"kind": kind, "op": op, "items": [item]}))[0]


def _lines(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of an order as a person copies them."""
    lines = [
        {"code": line["sku"], "name": line["name"], "quantity": str(line["quantity"]),
         "unit_price": line["unit_price"], "discount": line["discount"]}
        for line in row["lines"]
    ]  # fmt: skip
    if row["shipping"] is not None:
        lines.append({"name": row["shipping"]["name"], "unit_price": row["shipping"]["amount"], "role": "shipping"})
    lines += [{"name": fee["name"], "unit_price": fee["amount"], "role": "fee"} for fee in row["fees"]]
    if row["discount"] is not None:
        amount = row["discount"]["amount"]
        lines.append({"name": row["discount"]["name"], "unit_price": f"-{amount}", "role": "discount"})
    return lines
