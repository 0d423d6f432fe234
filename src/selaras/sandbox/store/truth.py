"""What really happened, for comparing with what anybody believes: only the sandbox's admin may ask."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from selaras.sandbox.store.records import ZERO
from selaras.sandbox.store.shop import Shop
from selaras.sandbox.store.webhooks import Webhooks

OUT_OF_STOCK = "out_of_stock"


def truth(shop: Shop, webhooks: Webhooks, calls: Counter[tuple[str, int]], cuts: Counter[str]) -> dict[str, Any]:
    """The whole truth as a JSON object. Amounts are decimal strings in major units, whatever the wire's scale.

    `orders` (drafts left out, trash included) come in the order of their ids; `days` counts them and sums their
    totals by currency under the shop's business day of `placed_at`. `calls` counts API calls by path and status.
    """
    orders: list[dict[str, Any]] = []
    days: dict[str, dict[str, Any]] = {}
    sums: dict[str, Decimal] = {}
    drafts = 0
    lost: list[str] = []
    for order in shop.orders.values():
        if order.status == "draft":
            drafts += 1
            continue
        day = shop.clock.day(order.placed_at).isoformat()
        orders.append(
            {
                "id": order.id,
                "number": order.number,
                "kind": order.kind,
                "day": day,
                "currency": order.currency,
                "total": str(order.total),
                "status": order.status,
                "payment_status": order.payment_status,
                "paid": str(shop.paid(order)),
                "refunded": str(shop.refunded(order)),
                "tracking": [s.tracking for s in order.shipments],
            }
        )
        of_day = days.setdefault(day, {"orders": 0, "totals": {}})
        of_day["orders"] += 1
        of_day["totals"][order.currency] = of_day["totals"].get(order.currency, ZERO) + order.total
        sums[order.currency] = sums.get(order.currency, ZERO) + order.total
        if order.status == "cancelled" and order.cancel_reason == OUT_OF_STOCK:
            lost.append(order.number)
    for of_day in days.values():
        of_day["totals"] = {currency: str(total) for currency, total in of_day["totals"].items()}
    by_path: dict[str, dict[str, int]] = {}
    for (path, status), count in sorted(calls.items()):
        by_path.setdefault(path, {})[str(status)] = count
    return {
        "time": shop.clock.now(),
        "orders": orders,
        "placed": len(orders),
        "drafts": drafts,
        "days": dict(sorted(days.items())),
        "totals": {currency: str(total) for currency, total in sums.items()},
        "stock": {
            (row.sku or f"#{row.product_id}"): {
                "on_hand": row.on_hand,
                "reserved": row.reserved,
                "available": row.available,
                "version": row.version,
            }
            for row in shop.goods.stock.values()
        },
        "out_of_stock_cancellations": lost,
        "sold_out": dict(shop.refusals),
        "webhooks": {
            **dict.fromkeys(("events", "attempted", "delivered", "failed", "dropped", "lost_while_off"), 0),
            **webhooks.counts,
            "subscriptions": [s.shown() for s in webhooks.subscriptions.values()],
        },
        "calls": by_path,
        "cut_connections": dict(cuts),
        "faults": shop.faults.report(),
    }
