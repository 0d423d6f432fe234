"""The stand-in's answers: real ones of a WooCommerce 10.0.2 (data/) with the stand-in's own values put in."""

from __future__ import annotations

import datetime as dt
import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tests.connectors.woocommerce.standin_shop import ZERO, Goods, Item, Order, Refund, Shop

DATA = Path(__file__).parent / "data"


def real(name: str) -> Any:
    """A real answer."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


Json = dict[str, Any]
ORDER: Json = real("order-paid-excl.json")
LINE: Json = ORDER["line_items"][0]
TAX_LINE: Json = ORDER["tax_lines"][0]
SHIPPING: Json = ORDER["shipping_lines"][0]
COUPON: Json = ORDER["coupon_lines"][0]
FEE: Json = next(order for order in real("orders-list.json") if order["fee_lines"])["fee_lines"][0]
REFUND: Json = real("refund-partial.json")
PRODUCT: Json = real("product.json")
VARIATION: Json = real("product-variations.json")[0]


def amount(value: Decimal, places: int) -> str:
    """wc_format_decimal: cut to `places` decimals, half up."""
    return format(value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), "f")


def stored(value: Decimal) -> str:
    """As kept in the database: what `taxes[]` shows whatever number of decimals was asked for."""
    return format(value.normalize() if value else ZERO, "f")


def local(shop: Shop, second: int | None) -> str | None:
    return None if second is None else dt.datetime.fromtimestamp(second, shop.zone).strftime("%Y-%m-%dT%H:%M:%S")


def gmt(second: int | None) -> str | None:
    return None if second is None else dt.datetime.fromtimestamp(second, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def meta(pairs: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": 2000 + n, "key": key, "value": value} for n, (key, value) in enumerate(pairs.items())]


def _item(shop: Shop, item: Item, dp: int) -> Json:
    base = {"line": LINE, "shipping": SHIPPING, "fee": FEE}[item.kind]
    taxes = [{"id": r, "total": stored(t), "subtotal": stored(b) if b else ""} for r, (t, b) in item.taxes.items()]
    if item.kind == "line":
        taxes = [{"id": r, "total": stored(t), "subtotal": stored(b)} for r, (t, b) in item.taxes.items()]
    # The rate's taxes each rounded down at the half where prices include tax: total_tax may miss taxes[] by one.
    line_tax = sum((shop.unit(t, down=True) for t, _ in item.taxes.values()), ZERO)
    made = base | {"id": item.id, "total": amount(item.total, dp), "total_tax": amount(line_tax, dp), "taxes": taxes}
    marks: dict[str, Any] = {}
    if item.refunds:
        marks["_refunded_item_id"] = str(item.refunds)
    if item.kind == "line" and item.goods is not None:
        before = sum((shop.unit(b, down=True) for _, b in item.taxes.values()), ZERO)
        goods = item.goods
        if item.reduced:
            marks["_reduced_stock"] = str(item.reduced - item.restocked)
        if item.restocked:
            marks["_restock_refunded_items"] = str(item.restocked)
        made |= {
            "name": item.name,
            "product_id": goods.parent or goods.id,
            "variation_id": goods.id if goods.parent else 0,
            "quantity": item.quantity,
            "subtotal": amount(item.subtotal, dp),
            "subtotal_tax": amount(before, dp),
            "sku": None if item.gone else goods.sku,
            "price": float(item.total / item.quantity) if item.quantity else 0,
        }
    elif item.kind == "shipping":
        made["method_title"] = item.name
    else:
        made["name"] = item.name
    return made | {"meta_data": meta(marks)}


def order_json(shop: Shop, order: Order, dp: int | None = None) -> Json:
    """GET /orders/<id>."""
    dp = shop.config.decimals if dp is None else dp
    kinds = {kind: [i for i in order.items if i.kind == kind] for kind in ("line", "shipping", "fee")}
    taxes = {rate: [i.taxes[rate][0] for i in order.items if rate in i.taxes] for rate in shop.config.rates}
    off = sum((i.subtotal - i.total for i in kinds["line"]), ZERO)
    buyer = ORDER["billing"] | {"company": "", "email": f"buyer{order.id}@example.com"} | order.buyer
    return ORDER | {
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "currency": shop.config.currency,
        "prices_include_tax": order.included,
        "date_created": local(shop, order.created),
        "date_created_gmt": gmt(order.created),
        "date_modified": local(shop, order.modified),
        "date_modified_gmt": gmt(order.modified),
        "date_paid": local(shop, order.paid),
        "date_paid_gmt": gmt(order.paid),
        "date_completed": local(shop, order.completed),
        "date_completed_gmt": gmt(order.completed),
        "discount_total": amount(off, dp),
        "discount_tax": amount(ZERO, dp),
        "shipping_total": amount(sum((i.total for i in kinds["shipping"]), ZERO), dp),
        "total": amount(order.total, dp),
        "total_tax": amount(sum((t for each in taxes.values() for t in each), ZERO), dp),
        "customer_id": order.customer,
        "billing": buyer,
        "shipping": {key: buyer[key] for key in ORDER["shipping"]},
        "payment_method": order.method,
        "transaction_id": order.transaction,
        "customer_note": order.note,
        "created_via": "store-api",
        "meta_data": meta({key: value for key, value in order.meta.items() if key != "_was"}),
        "line_items": [_item(shop, item, dp) for item in kinds["line"]],
        "shipping_lines": [_item(shop, item, dp) for item in kinds["shipping"]],
        "fee_lines": [_item(shop, item, dp) for item in kinds["fee"]],
        "tax_lines": [
            TAX_LINE
            | {
                "id": 9000 + rate,
                "rate_id": rate,
                "rate_percent": int(percent) if percent == int(percent) else float(percent),
                "label": f"PPN {percent}%",
                "tax_total": amount(sum(taxes[rate], ZERO), dp),
            }
            for rate, percent in shop.config.rates.items()
            if taxes[rate]
        ],
        "coupon_lines": [COUPON | {"id": 9100, "discount": amount(off, dp)}] if off else [],
        "refunds": [
            {"id": r.id, "reason": r.reason, "total": "-" + amount(r.amount, dp)} for r in reversed(order.refunds)
        ],
        "needs_payment": order.status in ("pending", "failed") and order.total > 0,
        "needs_processing": shop.needs_processing(order),
    }


def refund_json(shop: Shop, refund: Refund, dp: int | None = None) -> Json:
    """GET /orders/<id>/refunds/<id>."""
    dp = shop.config.decimals if dp is None else dp
    return REFUND | {
        "id": refund.id,
        "date_created": local(shop, refund.created),
        "date_created_gmt": gmt(refund.created),
        "amount": amount(refund.amount, dp),
        "reason": refund.reason,
        "refunded_payment": refund.by_gateway,
        "line_items": [_item(shop, item, dp) for item in refund.items if item.kind == "line"],
        "shipping_lines": [_item(shop, item, dp) for item in refund.items if item.kind == "shipping"],
        "fee_lines": [_item(shop, item, dp) for item in refund.items if item.kind == "fee"],
    }


def goods_json(shop: Shop, goods: Goods, *, as_variation: bool = False) -> Json:
    """GET /products/<id>, which shows a variation as well, or GET /products/<parent>/variations/<id>."""
    base = VARIATION if as_variation else PRODUCT
    made = base | {
        "id": goods.id,
        "name": goods.name,
        "sku": goods.sku,
        "type": goods.type,
        "status": goods.status,
        "virtual": goods.virtual,
        "price": stored(goods.price) if goods.type != "grouped" else "",
        "manage_stock": goods.manage,
        "stock_quantity": goods.stock if goods.manage is True else None,
        "parent_id": goods.parent,
        "date_modified": local(shop, goods.modified),
        "date_modified_gmt": gmt(goods.modified),
        "variations": [child.id for child in shop.goods.values() if child.parent == goods.id],
    }
    if goods.manage == "parent":
        made["stock_quantity"] = shop.goods[goods.parent].stock
    if as_variation and shop.config.version < (9, 0):
        # Older versions do not say that it is a variation, nor whose.
        made = {key: value for key, value in made.items() if key not in ("type", "name", "parent_id")}
    return made
