"""Loading complete orders and products by the thousand, as they are, without asking the stock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from selaras.model.money import exponent, rounded
from selaras.sandbox.store.amounts import line_net, order_total, tax_of
from selaras.sandbox.store.records import (
    Buyer,
    Held,
    Order,
    OrderLine,
    Payment,
    Product,
    Refund,
    Refused,
    Shipment,
    Shipped,
)
from selaras.sandbox.store.requests import LoadedLine, LoadedOrder, ProductIn
from selaras.sandbox.store.shop import Shop


def load_products(shop: Shop, wanted: Sequence[ProductIn]) -> list[Product]:
    """Put products into the catalogue. Raises `Refused` 409 for an id that is used."""
    now = shop.clock.now()
    return [
        shop.goods.add(
            Product(
                id=p.id,
                sku=p.sku,
                name=p.name or p.sku,
                type=p.type,
                price=p.price,
                currency=shop.config.currency,
                updated_at=now,
                parent_id=p.parent_id,
                components=p.components,
                active=p.active,
            ),
            p.stock,
        )
        for p in wanted
    ]


def load_orders(shop: Shop, wanted: Sequence[LoadedOrder], *, webhooks: bool = False) -> list[Order]:
    """Put complete orders into the store; all are built before the first is kept.

    An order without `updated_at` counts as changed when it was placed as long as nobody has read the list of
    orders; afterwards as changed now, because a reader may have passed that second already.
    """
    now = shop.clock.now()
    built = [_order(shop, order, now) for order in wanted]
    rows: list[tuple[int, int]] = []
    for order, held in built:
        if not order.number and order.status != "draft":
            order.number = shop.next_number()
        order.id = shop.next_order_id()
        shop.orders[order.id] = order
        shop.held[order.id] = held
        if order.number:
            shop.by_number.setdefault(order.number, order)
        for payment in order.payments:
            if payment.reference:
                shop.references.setdefault(payment.reference, (order, payment))
        status = order.status
        shop.settle_status(order)
        order.status = status
        rows.append((int(order.updated_at.timestamp()), order.id))
    if shop.faults.search_lag:
        for second, key in rows:
            shop.order_index.touch(key, second)
    else:
        shop.order_index.load(rows)
    if webhooks:
        for order, _ in built:
            if order.status != "draft":
                shop.announce(order)
    return [order for order, _ in built]


def _order(shop: Shop, wanted: LoadedOrder, now: dt.datetime) -> tuple[Order, dict[int, Held]]:
    currency = wanted.currency or shop.config.currency
    try:
        exponent(currency)
        placed = _time(shop, wanted.placed_at, now)
        updated = _time(shop, wanted.updated_at, now if shop.listed or not wanted.placed_at else placed)
        order = Order(
            id=0,
            number=wanted.number,
            kind=wanted.kind,
            status=wanted.status,
            payment_status="unpaid",
            currency=currency,
            total=Decimal(0),
            prices_include_tax=wanted.prices_include_tax,
            placed_at=placed,
            updated_at=updated,
            buyer=wanted.buyer or Buyer(),
            lines=[_line(shop, line, wanted.prices_include_tax, currency) for line in wanted.lines],
            discount=shop.charge(wanted.discount, wanted.prices_include_tax, currency),
            shipping=shop.charge(wanted.shipping, wanted.prices_include_tax, currency),
            fees=[c for f in wanted.fees if (c := shop.charge(f, wanted.prices_include_tax, currency))],
            payment_method=wanted.payment_method,
            payments=[
                Payment(
                    shop.part_id(),
                    rounded(p.amount, currency),
                    p.method or wanted.payment_method,
                    p.reference,
                    _time(shop, p.paid_at, placed),
                    p.source,
                )
                for p in wanted.payments
            ],
            refunds=[
                Refund(
                    shop.part_id(),
                    rounded(r.amount, currency),
                    _time(shop, r.refunded_at, placed),
                    [],
                    r.reason,
                    r.restock,
                    r.paid_back,
                    r.method or wanted.payment_method,
                )
                for r in wanted.refunds
            ],
            note=wanted.note,
            cancelled_at=updated if wanted.status == "cancelled" else None,
            cancel_reason=wanted.cancel_reason,
        )
    except ValueError as error:
        raise Refused(422, "bad_order", f"order {wanted.number or '(new)'}: {error}") from None
    order.shipments = [
        Shipment(
            shop.part_id(), _time(shop, s.shipped_at, placed), s.courier, s.tracking,
            [Shipped(line.id, line.quantity) for line in order.lines] if i == 0 else [],
        )
        for i, s in enumerate(wanted.shipments)
    ]  # fmt: skip
    order.total = order_total(order) if wanted.total is None else rounded(wanted.total, currency)
    sent = bool(order.shipments) or order.status == "completed"
    return order, {line.id: _bookkeeping(shop, line, sent) for line in order.lines}


def _line(shop: Shop, wanted: LoadedLine, included: bool, currency: str) -> OrderLine:
    product = shop.goods.by_sku(wanted.sku)
    discount = rounded(wanted.discount, currency)
    tax = wanted.tax
    if tax is None:
        net = line_net(wanted.quantity, wanted.unit_price, discount, currency)
        tax = tax_of(net, wanted.tax_rate, included, currency)
    return OrderLine(
        shop.part_id(),
        product.id if product else 0,
        wanted.sku,
        wanted.name or (product.name if product else wanted.sku),
        wanted.quantity,
        wanted.unit_price,
        discount,
        rounded(tax, currency),
        wanted.tax_rate,
    )


def _bookkeeping(shop: Shop, line: OrderLine, sent: bool) -> Held:
    product = shop.goods.by_sku(line.sku)
    parts = shop.goods.need(product, 1) if product else {}
    service = product is not None and product.type == "service"
    return Held(parts, shipped=max(0, line.quantity) if sent else 0, tracked=False, service=service)


def _time(shop: Shop, text: str, default: dt.datetime) -> dt.datetime:
    return shop.clock.instant(text).replace(microsecond=0) if text else default
