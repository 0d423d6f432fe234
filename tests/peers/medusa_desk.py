"""A plain client of Medusa for tests: the owner at the admin API, buyers at the store API. Nothing of the connector."""

from __future__ import annotations

import base64
import itertools
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_MONEY = (
    "*payment_collections,*payment_collections.payments,*payment_collections.payments.refunds,"
    "*payment_collections.payments.captures"
)
ORDER = f"+total,+credit_line_total,+email,+currency_code,*items,*items.detail,*fulfillments,+metadata,{_MONEY}"
_turns = itertools.count(1)


class Refused(Exception):
    """Medusa said no."""


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value))


class Desk:
    """Signed in with a secret key, and at the store's counter with a publishable one. Amounts come as `Decimal`."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self.url = url
        self.keys = keys
        basic = base64.b64encode(f"{keys['secret']}:".encode()).decode()
        self._admin = {"Authorization": f"Basic {basic}"}
        self._shopper = {"x-publishable-api-key": keys["publishable"]}
        self.place: dict[str, str] = {}

    def call(self, method: str, path: str, body: Any = None, head: dict[str, str] | None = None, **query: Any) -> Any:
        """One call. Raises `Refused` with Medusa's words."""
        url = self.url + path + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
        data = None if body is None else json.dumps(body, default=_plain).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(head or {})}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null", parse_float=Decimal, parse_int=Decimal)
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read()[:600].decode(errors='replace')}") from None

    def admin(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """What the owner does."""
        return self.call(method, f"/admin{path}", body, self._admin, **query)

    def shop(self, method: str, path: str, body: Any = None) -> Any:
        """What a buyer does."""
        return self.call(method, f"/store{path}", body, self._shopper)

    # -- the shop ---------------------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """A small shop in Indonesia: prices with PPN inside, one warehouse, two ways of sending, payment by hand."""
        store = self.admin("GET", "/stores")["stores"][0]
        rupiah = [{"currency_code": "idr", "is_default": True, "is_tax_inclusive": True}]
        self.admin("POST", f"/stores/{store['id']}", {"name": "Toko Uji", "supported_currencies": rupiah})
        channel = store["default_sales_channel_id"]
        paying = {"currency_code": "idr", "automatic_taxes": True, "payment_providers": ["pp_system_default"]}
        inside = self.admin("POST", "/regions", {**paying, "name": "Indonesia", "countries": ["id"],
                                                 "is_tax_inclusive": True})["region"]  # fmt: skip
        outside = self.admin("POST", "/regions", {**paying, "name": "Grosir", "countries": ["sg"],
                                                  "is_tax_inclusive": False})["region"]  # fmt: skip
        for country in ("id", "sg"):
            rate = {"rate": 11, "code": "PPN", "name": "PPN 11%"}
            self.admin("POST", "/tax-regions", {"country_code": country, "provider_id": "tp_system",
                                                "default_tax_rate": rate})  # fmt: skip
        address = {"address_1": "Jl. Kemang Raya 1", "city": "Jakarta Selatan", "country_code": "id"}
        place = self.admin("POST", "/stock-locations", {"name": "Gudang", "address": address})["stock_location"]
        at = f"/stock-locations/{place['id']}"
        self.admin("POST", f"{at}/fulfillment-providers", {"add": ["manual_manual"]})
        kept = self.admin("POST", f"{at}/fulfillment-sets", {"name": "Kirim", "type": "shipping"},
                          fields="*fulfillment_sets")["stock_location"]["fulfillment_sets"][0]  # fmt: skip
        self.admin("POST", f"{at}/sales-channels", {"add": [channel]})
        zones = [{"type": "country", "country_code": country} for country in ("id", "sg")]
        zone = self.admin("POST", f"/fulfillment-sets/{kept['id']}/service-zones",
                          {"name": "Indonesia", "geo_zones": zones})["fulfillment_set"]["service_zones"][0]  # fmt: skip
        profile = self.admin("POST", "/shipping-profiles", {"name": "Biasa", "type": "default"})["shipping_profile"]
        self.place = {"channel": channel, "inside": inside["id"], "outside": outside["id"], "location": place["id"],
                      "zone": zone["id"], "profile": profile["id"]}  # fmt: skip
        self.place["sending"] = self._sending("JNE REG", 18000)
        self.place["free"] = self._sending("Gratis", 0)
        self.admin("POST", f"/api-keys/{self.keys['publishable_id']}/sales-channels", {"add": [channel]})
        half = {"type": "percentage", "target_type": "items", "allocation": "across", "value": 10,
                "currency_code": "idr"}  # fmt: skip
        promotion = {"code": "HEMAT10", "type": "standard", "status": "active", "application_method": half}
        self.admin("POST", "/promotions", promotion)
        off = {"type": "fixed", "target_type": "order", "value": 5001, "currency_code": "idr"}
        self.admin("POST", "/promotions", {**promotion, "code": "POTONG", "application_method": off})

    def _sending(self, name: str, amount: int) -> str:
        rules = [{"attribute": "enabled_in_store", "operator": "eq", "value": "true"},
                 {"attribute": "is_return", "operator": "eq", "value": "false"}]  # fmt: skip
        made = self.admin("POST", "/shipping-options", {
            "name": name, "service_zone_id": self.place["zone"], "shipping_profile_id": self.place["profile"],
            "provider_id": "manual_manual", "price_type": "flat", "rules": rules,
            "type": {"label": name, "description": name, "code": name.lower().replace(" ", "-")},
            "prices": [{"currency_code": "idr", "amount": amount}],
        })  # fmt: skip
        return str(made["shipping_option"]["id"])

    def goods(self, stock: dict[str, int], price: int = 50_000, **more: Any) -> dict[str, str]:
        """Products with so many pieces; ids of their variants by code."""
        made = {}
        for code, pieces in stock.items():
            variant = {"title": "Standar", "sku": code, "manage_inventory": True, "options": {"Jenis": "Standar"},
                       "prices": [{"currency_code": "idr", "amount": price}]}  # fmt: skip
            product = self.admin("POST", "/products", {
                "title": f"Barang {code}", "status": "published", "shipping_profile_id": self.place["profile"],
                "sales_channels": [{"id": self.place["channel"]}], "variants": [variant],
                "options": [{"title": "Jenis", "values": ["Standar"]}], **more,
            })["product"]  # fmt: skip
            made[code] = product["variants"][0]["id"]
            self.put(code, pieces)
        return made

    def variants(self) -> dict[str, str]:
        """Ids of all variants by code."""
        rows = self.admin("GET", "/product-variants", limit=500, fields="id,sku")["variants"]
        return {row["sku"]: row["id"] for row in rows}

    def level(self, code: str) -> dict[str, Any]:
        """The stock of a code: its item, pieces that lie there, and pieces that orders hold."""
        (item,) = self.admin("GET", "/inventory-items", sku=code, fields="id,*location_levels")["inventory_items"]
        (row,) = item["location_levels"] or [{"stocked_quantity": Decimal(0), "reserved_quantity": Decimal(0)}]
        return {"id": item["id"], "on_hand": row["stocked_quantity"], "reserved": row["reserved_quantity"],
                "there": bool(item["location_levels"])}  # fmt: skip

    def put(self, code: str, pieces: int) -> None:
        """From now on so many pieces lie there."""
        level, at = self.level(code), self.place["location"]
        path = f"/inventory-items/{level['id']}/location-levels"
        if level["there"]:
            self.admin("POST", f"{path}/{at}", {"stocked_quantity": pieces})
        else:
            self.admin("POST", path, {"location_id": at, "stocked_quantity": pieces})

    # -- buyers -----------------------------------------------------------------------------------------------------

    def checkout(
        self, *lines: tuple[str, int], phone: str = "", name: str = "", region: str = "inside",
        sending: str = "sending", codes: Sequence[str] = (), email: str = "",
    ) -> str:  # fmt: skip
        """A guest fills a cart, chooses how it is sent, and checks out; the order's id."""
        turn = next(_turns)
        variants = self.variants()
        first, _, last = (name or f"Pembeli {turn:04d}").partition(" ")
        country = "id" if region == "inside" else "sg"
        address = {"first_name": first, "last_name": last, "address_1": "Jl. Braga 99", "city": "Bandung",
                   "country_code": country, "postal_code": "40111", "phone": phone or f"0812{turn:08d}"}  # fmt: skip
        cart = self.shop("POST", "/carts", {
            "region_id": self.place[region], "email": email or f"pembeli{turn}@example.test",
            "shipping_address": address, "billing_address": address,
            "items": [{"variant_id": variants[code], "quantity": n} for code, n in lines],
        })["cart"]["id"]  # fmt: skip
        if codes:
            self.shop("POST", f"/carts/{cart}/promotions", {"promo_codes": list(codes)})
        self.shop("POST", f"/carts/{cart}/shipping-methods", {"option_id": self.place[sending]})
        collection = self.shop("POST", "/payment-collections", {"cart_id": cart})["payment_collection"]["id"]
        session = {"provider_id": "pp_system_default"}
        self.shop("POST", f"/payment-collections/{collection}/payment-sessions", session)
        made = self.shop("POST", f"/carts/{cart}/complete", {})
        if made["type"] != "order":
            raise Refused(f"the cart was not taken: {json.dumps(made, default=str)[:400]}")
        return str(made["order"]["id"])

    def cart(self, *lines: tuple[str, int]) -> str:
        """A cart that nobody pays for."""
        variants = self.variants()
        items = [{"variant_id": variants[code], "quantity": n} for code, n in lines]
        return str(self.shop("POST", "/carts", {"region_id": self.place["inside"], "items": items})["cart"]["id"])

    def draft(self, *lines: tuple[str, int]) -> str:
        """A draft order of the owner."""
        variants = self.variants()
        address = {"first_name": "Sari", "address_1": "Jl. Braga 1", "city": "Bandung", "country_code": "id"}
        made = self.admin("POST", "/draft-orders", {
            "region_id": self.place["inside"], "sales_channel_id": self.place["channel"], "currency_code": "idr",
            "email": "sari@example.test", "shipping_address": address, "billing_address": address,
            "items": [{"variant_id": variants[code], "quantity": n} for code, n in lines],
        })  # fmt: skip
        return str(made["draft_order"]["id"])

    # -- what happens to an order -----------------------------------------------------------------------------------

    def order(self, id: str) -> Any:
        """An order with its money and parcels."""
        return self.admin("GET", f"/orders/{id}", fields=ORDER)["order"]

    def orders(self) -> list[Any]:
        """All orders, oldest first."""
        rows: list[Any] = []
        while True:
            page = self.admin("GET", "/orders", limit=200, offset=len(rows), order="id", fields=ORDER)
            rows += page["orders"]
            if len(rows) >= page["count"]:
                return rows

    def payment(self, id: str) -> Any:
        """The order's first payment that stands."""
        payments = [p for c in self.order(id)["payment_collections"] for p in c.get("payments") or ()]
        return next((p for p in payments if not p["canceled_at"]), None)

    def capture(self, id: str) -> None:
        """The money of an order has come. An edit before that calls the payment off and asks for another one."""
        payment = self.payment(id)
        if payment is not None:
            self.admin("POST", f"/payments/{payment['id']}/capture", {})
            return
        (asked,) = (c for c in self.order(id)["payment_collections"] if c["status"] == "not_paid")
        self.admin("POST", f"/payment-collections/{asked['id']}/mark-as-paid", {"order_id": id})

    def refund(self, id: str, amount: Decimal, note: str = "") -> None:
        """Money goes back to the buyer."""
        self.admin("POST", f"/payments/{self.payment(id)['id']}/refund", {"amount": amount, "note": note})

    def cancel(self, id: str) -> None:
        """The order is cancelled; Medusa pays back what was captured."""
        self.admin("POST", f"/orders/{id}/cancel", {})

    def edit(self, id: str, quantities: dict[str, int] | None = None, add: dict[str, int] | None = None) -> None:
        """The owner edits an order: new quantities by code, and further goods."""
        self.admin("POST", "/order-edits", {"order_id": id})
        lines = {item["variant_sku"]: item["id"] for item in self.order(id)["items"]}
        for code, quantity in (quantities or {}).items():
            self.admin("POST", f"/order-edits/{id}/items/item/{lines[code]}", {"quantity": quantity})
        if add:
            variants = self.variants()
            items = [{"variant_id": variants[code], "quantity": n} for code, n in add.items()]
            self.admin("POST", f"/order-edits/{id}/items", {"items": items})
        self.admin("POST", f"/order-edits/{id}/request", {})
        self.admin("POST", f"/order-edits/{id}/confirm", {})

    def ship(self, id: str, tracking: str) -> None:
        """Everything is packed and handed to the courier."""
        items = [{"id": item["id"], "quantity": item["quantity"]} for item in self.order(id)["items"]]
        body = {"items": items, "location_id": self.place["location"]}
        packed = self.admin("POST", f"/orders/{id}/fulfillments", body, fields="*fulfillments")
        parcel = packed["order"]["fulfillments"][0]["id"]
        label = {"tracking_number": tracking, "tracking_url": "#", "label_url": "#"}
        self.admin("POST", f"/orders/{id}/fulfillments/{parcel}/shipments", {"items": items, "labels": [label]})

    def take_back(self, id: str, quantities: dict[str, int]) -> None:
        """Goods come back and lie on the shelf again. Medusa pays nothing back by itself."""
        lines = {item["variant_sku"]: item["id"] for item in self.order(id)["items"]}
        wanted = [{"id": lines[code], "quantity": n} for code, n in quantities.items()]
        made = self.admin("POST", "/returns", {"order_id": id, "location_id": self.place["location"]})["return"]["id"]
        self.admin("POST", f"/returns/{made}/request-items", {"items": wanted})
        self.admin("POST", f"/returns/{made}/request", {})
        self.admin("POST", f"/returns/{made}/receive", {})
        self.admin("POST", f"/returns/{made}/receive-items", {"items": wanted})
        self.admin("POST", f"/returns/{made}/receive/confirm", {})
