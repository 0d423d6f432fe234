"""What people do in a Vendure shop: the owner in the admin API, buyers in the shop API. Nothing of ours is in it.

Every amount that goes in or comes out is in major units; Vendure itself counts in hundredths, of rupiah too.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
HUNDRED = Decimal(100)
_PLACED = {"orderPlacedAt": {"isNull": False}}
_FAULT = "__typename ... on ErrorResult { errorCode message }"
_TRUTH = """id code state active orderPlacedAt updatedAt currencyCode totalWithTax
 lines { id quantity productVariant { sku } } payments { id state amount method refunds { id state total } }"""


class Refused(Exception):
    """Vendure said no, in `errors` or in a result that is an error."""


def minor(amount: Decimal | int) -> int:
    """An amount as Vendure wants it."""
    scaled = Decimal(amount) * HUNDRED
    assert scaled == int(scaled), amount
    return int(scaled)


def major(amount: int) -> Decimal:
    """An amount of Vendure's."""
    return Decimal(amount) / HUNDRED


class Api:
    """One of the two APIs, with its own session."""

    def __init__(self, url: str, channel: str = "", token: str = "") -> None:
        self.url = url
        self.channel = channel
        self.token = token

    def __call__(self, query: str, **variables: Any) -> Any:
        """The data of an answer. Raises `Refused`."""
        head = {"Content-Type": "application/json"}
        if self.channel:
            head["vendure-token"] = self.channel
        if self.token:
            head["Authorization"] = f"Bearer {self.token}"
        body = json.dumps({"query": query, "variables": variables}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url, body, head), timeout=120) as answer:
            said = json.loads(answer.read())
            self.token = answer.headers.get("vendure-auth-token") or self.token
        if said.get("errors"):
            raise Refused(json.dumps(said["errors"])[:600])
        for name, value in said["data"].items():
            if isinstance(value, dict) and value.get("errorCode"):
                raise Refused(f"{name}: {value['errorCode']} {value['message']}")
        return said["data"]

    def one(self, query: str, **variables: Any) -> Any:
        """The only field of an answer."""
        (value,) = self(query, **variables).values()
        return value


class Channel:
    """A shop of its own on the running server: its goods, its buyers, its orders."""

    def __init__(self, url: str, token: str, id: str, admin_token: str, facts: Row) -> None:
        self.url = url
        self.token = token
        self.id = id
        self.admin = Api(f"{url}/admin-api", token, admin_token)
        self.facts = facts
        self.variants: dict[str, str] = {}
        self._buyers = 0

    # -- the owner -------------------------------------------------------------------------------------------------

    def goods(self, stock: dict[str, int], price: Decimal | int = 50_000) -> None:
        """Products of one variant each, with so many pieces; `price` as the channel states prices."""
        parts, values = [], {}
        for n, code in enumerate(stock):
            parts.append(f"p{n}: createProduct(input: $p{n}) {{ id }}")
            words = [{"languageCode": "en", "name": f"Barang {code}", "slug": f"{self.token}-{code}".lower()}]
            values[f"p{n}"] = {"enabled": True, "translations": [{**words[0], "description": ""}]}
        heads = ", ".join(f"${name}: CreateProductInput!" for name in values)
        made = self.admin(f"mutation({heads}) {{ {' '.join(parts)} }}", **values)
        inputs = [
            {
                "productId": made[f"p{n}"]["id"], "sku": code, "price": minor(price), "trackInventory": "TRUE",
                "taxCategoryId": self.facts["tax"], "translations": [{"languageCode": "en", "name": f"Barang {code}"}],
                "stockLevels": [{"stockLocationId": self.facts["location"], "stockOnHand": count}],
            }
            for n, (code, count) in enumerate(stock.items())
        ]  # fmt: skip
        rows = self.admin.one(
            "mutation($i: [CreateProductVariantInput!]!) { createProductVariants(input: $i) { id sku } }", i=inputs
        )
        self.variants |= {row["sku"]: row["id"] for row in rows}

    def count(self, code: str, pieces: int) -> None:
        """Somebody counts: so many pieces lie there."""
        level = {"stockLocationId": self.facts["location"], "stockOnHand": pieces}
        self.admin(
            "mutation($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { id } }",
            i=[{"id": self.variants[code], "stockLevels": [level]}],
        )

    def shelf(self, code: str) -> tuple[int, int]:
        """(pieces on hand, pieces that orders hold)."""
        found = self.admin.one(
            "query($i: ID!) { productVariant(id: $i) { stockLevels { stockOnHand stockAllocated } } }",
            i=self.variants[code],
        )["stockLevels"]
        return sum(one["stockOnHand"] for one in found), sum(one["stockAllocated"] for one in found)

    def order(self, id: str) -> Row:
        """An order as Vendure shows it."""
        found: Row = self.admin.one(f"query($i: ID!) {{ order(id: $i) {{ {_TRUTH} }} }}", i=id)
        return found

    def placed(self) -> list[Row]:
        """Every order that was placed, oldest first."""
        rows: list[Row] = []
        while True:
            page = self.admin.one(
                "query($o: OrderListOptions) { orders(options: $o) { totalItems items { " + _TRUTH + " } } }",
                o={"skip": len(rows), "take": 100, "sort": {"id": "ASC"}, "filter": _PLACED},
            )  # fmt: skip
            rows += page["items"]
            if len(rows) >= page["totalItems"] or not page["items"]:
                return rows

    def settle(self, id: str) -> None:
        """The owner says that the authorised money has come."""
        for payment in self.order(id)["payments"]:
            if payment["state"] == "Authorized":
                self.admin(f"mutation($i: ID!) {{ settlePayment(id: $i) {{ {_FAULT} }} }}", i=payment["id"])

    def refund(self, id: str, amount: Decimal | int, pieces: dict[str, int] | None = None) -> str:
        """Money goes back (for these pieces, if named) and is known to have arrived; the refund's id."""
        order = self.order(id)
        payment = next(p for p in order["payments"] if p["state"] == "Settled")
        made = self.admin.one(
            f"mutation($i: RefundOrderInput!) {{ refundOrder(input: $i) {{ {_FAULT} ... on Refund {{ id state }} }} }}",
            i={
                "lines": self._lines(order, pieces or {}), "shipping": 0, "adjustment": 0, "amount": minor(amount),
                "paymentId": payment["id"], "reason": "barang rusak",
            },
        )  # fmt: skip
        if made["state"] == "Pending":
            self.admin(
                f"mutation($i: SettleRefundInput!) {{ settleRefund(input: $i) {{ {_FAULT} }} }}",
                i={"id": made["id"], "transactionId": f"RF{made['id']}"},
            )
        return str(made["id"])

    def settle_refunds(self, id: str) -> None:
        """Money that an edit gave back has arrived."""
        for payment in self.order(id)["payments"]:
            for refund in payment["refunds"]:
                if refund["state"] == "Pending":
                    self.admin(
                        f"mutation($i: SettleRefundInput!) {{ settleRefund(input: $i) {{ {_FAULT} }} }}",
                        i={"id": refund["id"], "transactionId": f"RF{refund['id']}"},
                    )

    def cancel(self, id: str, pieces: dict[str, int] | None = None, *, shipping: bool = True) -> None:
        """Pieces come off the order and back on the shelf; all of them, and the shipping, unless some are named."""
        wanted: Row = {"orderId": id, "reason": "buyer", "cancelShipping": shipping and pieces is None}
        if pieces is not None:
            wanted["lines"] = self._lines(self.order(id), pieces)
        self.admin(f"mutation($i: CancelOrderInput!) {{ cancelOrder(input: $i) {{ {_FAULT} }} }}", i=wanted)

    def edit(self, id: str, pieces: dict[str, int], refund: str = "") -> Row:
        """The owner changes how many pieces of a code are in the order. Cheaper edits name the payment to refund."""
        order = self.order(id)
        self.state(id, "Modifying")
        wanted: Row = {"dryRun": False, "orderId": id, "note": "diubah"}
        lines = {line["productVariant"]["sku"]: line["id"] for line in order["lines"]}
        wanted["adjustOrderLines"] = [
            {"orderLineId": lines[code], "quantity": n} for code, n in pieces.items() if code in lines
        ]
        wanted["addItems"] = [
            {"productVariantId": self.variants[code], "quantity": n} for code, n in pieces.items() if code not in lines
        ]
        if refund:
            wanted["refund"] = {"paymentId": refund, "reason": "diubah"}
        self.admin(f"mutation($i: ModifyOrderInput!) {{ modifyOrder(input: $i) {{ {_FAULT} }} }}", i=wanted)
        return self.order(id)

    def state(self, id: str, state: str) -> None:
        """Press the button of a state."""
        self.admin(
            f"mutation($i: ID!, $s: String!) {{ transitionOrderToState(id: $i, state: $s) {{ {_FAULT} }} }}",
            i=id, s=state,
        )  # fmt: skip

    def manual(self, id: str, method: str = "tunai") -> None:
        """The owner takes down a payment of all that is open."""
        self.admin(
            f"mutation($i: ManualPaymentInput!) {{ addManualPaymentToOrder(input: $i) {{ {_FAULT} }} }}",
            i={"orderId": id, "method": method, "transactionId": f"T{id}", "metadata": {}},
        )

    def ship(self, id: str, tracking: str, pieces: dict[str, int] | None = None) -> None:
        """Goods leave with a tracking number."""
        order = self.order(id)
        lines = self._lines(order, pieces) if pieces else [
            {"orderLineId": line["id"], "quantity": line["quantity"]} for line in order["lines"] if line["quantity"]
        ]  # fmt: skip
        arguments = [{"name": "method", "value": "JNE"}, {"name": "trackingCode", "value": tracking}]
        made = self.admin.one(
            "mutation($i: FulfillOrderInput!) { addFulfillmentToOrder(input: $i) {"
            f" {_FAULT} ... on Fulfillment {{ id }} }} }}",
            i={"lines": lines, "handler": {"code": "manual-fulfillment", "arguments": arguments}},
        )  # fmt: skip
        self.admin(
            f"mutation($i: ID!) {{ transitionFulfillmentToState(id: $i, state: \"Shipped\") {{ {_FAULT} }} }}",
            i=made["id"],
        )  # fmt: skip

    @staticmethod
    def _lines(order: Row, pieces: dict[str, int]) -> list[Row]:
        ids = {line["productVariant"]["sku"]: line["id"] for line in order["lines"]}
        return [{"orderLineId": ids[code], "quantity": n} for code, n in pieces.items()]

    def touch(self, id: str, city: str) -> None:
        """The owner corrects the address of an order."""
        state = self.order(id)["state"]
        self.state(id, "Modifying")
        change = {"dryRun": False, "orderId": id, "updateShippingAddress": {"city": city, "countryCode": "ID"}}
        self.admin(f"mutation($i: ModifyOrderInput!) {{ modifyOrder(input: $i) {{ {_FAULT} }} }}", i=change)
        self.state(id, state)

    def coupon(self, code: str, percent: int) -> None:
        """A coupon on the whole order."""
        action = {"code": "order_percentage_discount", "arguments": [{"name": "discount", "value": str(percent)}]}
        self.admin(
            f"mutation($i: CreatePromotionInput!) {{ createPromotion(input: $i) {{ {_FAULT} }} }}",
            i={
                "enabled": True, "couponCode": code, "conditions": [], "actions": [action],
                "translations": [{"languageCode": "en", "name": code, "description": ""}],
            },
        )  # fmt: skip

    def dismiss(self, name: str) -> None:
        """An administrator may no longer come in."""
        found = self.admin.one("{ administrators(options: { take: 1000 }) { items { id emailAddress } } }")["items"]
        id = next(one["id"] for one in found if one["emailAddress"] == name)
        self.admin("mutation($i: ID!) { deleteAdministrator(id: $i) { result message } }", i=id)

    def sql(self, statement: str) -> None:
        """By the back door."""
        query = urllib.parse.urlencode({"sql": statement})
        urllib.request.urlopen(f"{self.url}/back-door?{query}", timeout=30).close()

    # -- buyers ----------------------------------------------------------------------------------------------------

    def cart(self, *lines: tuple[str, int]) -> Api:
        """Somebody fills a cart; the session that holds it."""
        shop = Api(f"{self.url}/shop-api", self.token)
        for code, count in lines:
            shop(
                f"mutation($i: ID!, $n: Int!) {{ addItemToOrder(productVariantId: $i, quantity: $n) {{ {_FAULT} }} }}",
                i=self.variants[code], n=count,
            )  # fmt: skip
        return shop

    def checkout(
        self, *lines: tuple[str, int], method: str = "qris", phone: str = "", name: str = "",
        coupons: Iterable[str] = (),
    ) -> str:  # fmt: skip
        """A guest orders through the shop API, as a storefront does; the order's id."""
        shop = self.cart(*lines)
        for code in coupons:
            shop(f"mutation($c: String!) {{ applyCouponCode(couponCode: $c) {{ {_FAULT} }} }}", c=code)
        return self.place(shop, method, phone, name)

    def place(self, shop: Api, method: str = "qris", phone: str = "", name: str = "") -> str:
        """A guest gives name, address and way of paying, and pays; the order's id."""
        self._buyers += 1
        phone = phone or f"08121{self.id:0>3}{self._buyers:05d}"
        name = name or f"Pembeli {phone[-6:]}"
        first, _blank, last = name.partition(" ")
        buyer = {
            "firstName": first,
            "lastName": last,
            "phoneNumber": phone,
            "emailAddress": f"{phone}@shop.test",
        }
        place = {"fullName": name, "streetLine1": "Jl. Braga 1", "city": "Bandung", "countryCode": "ID"}
        # One call for each step, as a storefront does: Vendure reads the session's order once for a call.
        shop(f"mutation($c: CreateCustomerInput!) {{ setCustomerForOrder(input: $c) {{ {_FAULT} }} }}", c=buyer)
        shop(
            f"mutation($a: CreateAddressInput!) {{ setOrderShippingAddress(input: $a) {{ {_FAULT} }} }}",
            a={**place, "phoneNumber": phone},
        )
        shop(
            f"mutation($m: [ID!]!) {{ setOrderShippingMethod(shippingMethodId: $m) {{ {_FAULT} }} }}",
            m=[self.facts["shipping"]],
        )
        shop(f'mutation {{ transitionOrderToState(state: "ArrangingPayment") {{ {_FAULT} }} }}')
        done = shop.one(
            f"mutation($p: PaymentInput!) {{ addPaymentToOrder(input: $p) {{ {_FAULT} ... on Order {{ id }} }} }}",
            p={"method": method, "metadata": {}},
        )
        return str(done["id"])

    def checkouts(self, count: int, codes: Sequence[str]) -> list[str]:
        """So many small orders, one after the other."""
        return [self.checkout((codes[n % len(codes)], 1 + n % 3)) for n in range(count)]
