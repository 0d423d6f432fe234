"""What happens to an order after it was placed: shipment, cancellation, refund, exchange, edit, trash."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from selaras.model.money import rounded
from selaras.sandbox.store.amounts import (
    charges,
    line_net,
    order_total,
    refund_charge,
    refund_line,
    refund_total,
    tax_of,
)
from selaras.sandbox.store.records import (
    ZERO,
    Held,
    Order,
    OrderLine,
    Payment,
    Refund,
    RefundLine,
    Refused,
    Shipment,
    Shipped,
)
from selaras.sandbox.store.requests import CancelIn, EditIn, ExchangeIn, LineIn, Pieces, RefundIn, ShipIn
from selaras.sandbox.store.shop import Shop


def ship(shop: Shop, order_id: int, wanted: ShipIn) -> Shipment:
    """Reserved goods leave with a courier. Raises `Refused` 409 for what cannot be sent any more."""
    order = shop.live(order_id)
    if order.status == "cancelled":
        raise Refused(409, "cancelled", f"order {order.number} is cancelled", order_id=order.id)
    pieces = _pieces(order, wanted.lines) if wanted.lines else [(line, 0) for line in order.lines]
    sending: list[tuple[OrderLine, Held, int]] = []
    for line, quantity in pieces:
        kept = _held(shop, order, line)
        left = line.quantity - kept.shipped - (kept.refunded - kept.returned)
        count = quantity if wanted.lines else left
        if count > left:
            raise Refused(409, "not_left", f"only {left} of {line.sku} are still to be sent", sku=line.sku)
        if count > 0:
            sending.append((line, kept, count))
    if not sending:
        raise Refused(409, "nothing_left", f"nothing of order {order.number} is still to be sent", order_id=order.id)
    for _, kept, count in sending:
        if kept.tracked:
            shop.goods.take(kept.goods(count))
            kept.reserved -= count
        kept.shipped += count
    shipment = Shipment(
        id=shop.part_id(),
        shipped_at=shop.clock.now(),
        courier=wanted.courier,
        tracking=wanted.tracking,
        lines=[Shipped(line.id, count) for line, _, count in sending],
    )
    order.shipments = [*order.shipments, shipment]
    shop.settle_status(order)
    shop.touch(order)
    return shipment


def cancel(shop: Shop, order_id: int, wanted: CancelIn) -> Order:
    """The order will not be sent: its goods are free again. A second cancellation changes nothing."""
    order = shop.live(order_id)
    if order.status == "cancelled":
        return order
    if order.shipments:
        raise Refused(409, "shipped", f"order {order.number} has been sent; refund it instead", order_id=order.id)
    _release_all(shop, order)
    order.status = "cancelled"
    order.cancelled_at = shop.clock.now()
    order.cancel_reason = wanted.reason
    money = shop.paid(order) - sum((r.amount for r in order.refunds if r.paid_back), ZERO)
    if wanted.refund and money > 0:
        _add_refund(shop, order, RefundIn(reason=wanted.reason), [], money)
    shop.settle_status(order)
    shop.touch(order)
    return order


def trash(shop: Shop, order_id: int) -> Order:
    """The order vanishes from every list; it can still be read by its id. Nobody is told."""
    order = shop.order(order_id)
    if order.status == "trash":
        return order
    if order.status == "open":
        _release_all(shop, order)
    order.status = "trash"
    order.updated_at = shop.clock.now()
    shop.encoded.pop(order.id, None)
    shop.order_index.remove(order.id)
    return order


def refund(shop: Shop, order_id: int, wanted: RefundIn) -> Refund:
    """Give back lines, everything that is left, or an amount. Raises `Refused` 409 or 422."""
    order = shop.live(order_id)
    left = order.total - shop.refunded(order)
    if wanted.full:
        pieces = [(line, left_of) for line in order.lines if (left_of := _not_refunded(shop, order, line)) > 0]
    else:
        pieces = _pieces(order, wanted.lines)
    lines = _refund_lines(shop, order, pieces)
    if wanted.full:
        before = {line.kind for made in order.refunds for line in made.lines}
        every = [("shipping", c) for c in charges(order.shipping)] + [("fee", c) for c in order.fees]
        every += [("discount", c) for c in charges(order.discount)]
        lines += [refund_charge(kind, c) for kind, c in every if kind not in before]
    amount = wanted.amount
    if amount is None:
        amount = left if wanted.full else refund_total(lines, order.prices_include_tax, order.currency)
    if amount <= 0 or amount > left or rounded(amount, order.currency) != amount:
        raise Refused(
            422, "bad_amount", f"{amount} cannot be refunded of order {order.number}: {left} is left", left=str(left)
        )
    _take_back(shop, order, pieces, restock=wanted.restock)
    made = _add_refund(shop, order, wanted, lines, amount)
    shop.settle_status(order)
    # Goods that come back are more than money: such a change is never silent.
    shop.touch(order, money=not pieces)
    return made


def exchange(shop: Shop, order_id: int, wanted: ExchangeIn) -> tuple[Refund, Order]:
    """Pieces come back and others go out instead.

    The way back is a refund, the way out are new lines. Of a paid order the money that stays is shown as paid back
    and paid in again by the method "exchange", so that payments − refunds is always the money that really moved.
    """
    order = shop.live(order_id)
    if order.status == "cancelled":
        raise Refused(409, "cancelled", f"order {order.number} is cancelled", order_id=order.id)
    pieces = _pieces(order, wanted.back)
    if not pieces or not wanted.out:
        raise Refused(422, "empty", "an exchange needs something back and something out")
    back = _refund_lines(shop, order, pieces)
    amount = refund_total(back, order.prices_include_tax, order.currency)
    if amount <= 0 or amount > order.total - shop.refunded(order):
        raise Refused(422, "bad_amount", f"{amount} cannot be exchanged of order {order.number}")
    settled = shop.balance(order) <= 0
    before = order.total
    _add_lines(shop, order, wanted.out, pieces[0][0].tax_rate)
    order.total = order_total(order)
    _take_back(shop, order, pieces, restock=wanted.restock)
    terms = RefundIn(reason=wanted.reason, restock=wanted.restock, paid_back=settled, method="exchange")
    made = _add_refund(shop, order, terms, back, amount)
    again = min(amount, order.total - before)
    if settled and again > 0:
        payment = Payment(shop.part_id(), again, "exchange", f"exchange-{made.id}", shop.clock.now(), "gateway")
        order.payments = [*order.payments, payment]
    shop.settle_status(order)
    shop.touch(order)
    return made, order


def edit(shop: Shop, order_id: int, wanted: EditIn) -> Order:
    """Change an order that has not left yet. Raises `Refused` 409 once something was sent, refunded or cancelled."""
    order = shop.live(order_id)
    if order.status == "cancelled" or order.shipments or order.refunds:
        raise Refused(409, "too_late", f"order {order.number} cannot be edited any more", order_id=order.id)
    pieces = _pieces(order, wanted.lines, least=0)
    removed = {line.id for line, quantity in pieces if quantity == 0}
    if not wanted.add and len(removed) == len(order.lines):
        raise Refused(422, "empty", f"order {order.number} would be empty; cancel it instead", order_id=order.id)
    if wanted.add:
        _add_lines(shop, order, wanted.add, order.lines[0].tax_rate)
    try:
        shop.goods.reserve(
            kept.goods(quantity - line.quantity)
            for line, quantity in pieces
            if (kept := _held(shop, order, line)).tracked and quantity > line.quantity
        )
    except Refused:
        _drop_lines(shop, order, {line.id for line in order.lines[len(order.lines) - len(wanted.add) :]})
        raise
    for line, quantity in pieces:
        kept = _held(shop, order, line)
        if kept.tracked:
            shop.goods.release(kept.goods(max(0, line.quantity - quantity)))
            kept.reserved = quantity
        line.quantity = quantity
        line.discount = min(line.discount, max(ZERO, quantity * line.unit_price))
        net = line_net(quantity, line.unit_price, line.discount, order.currency)
        line.tax = tax_of(net, line.tax_rate, order.prices_include_tax, order.currency)
    _drop_lines(shop, order, removed)
    if wanted.buyer is not None:
        order.buyer = wanted.buyer
    if wanted.address is not None:
        buyer = order.buyer
        order.buyer = type(buyer)(buyer.name, buyer.phone, buyer.email, buyer.customer_id, wanted.address)
    if wanted.note is not None:
        order.note = wanted.note
    order.total = order_total(order)
    shop.settle_status(order)
    shop.touch(order)
    return order


def _held(shop: Shop, order: Order, line: OrderLine) -> Held:
    return shop.held[order.id].setdefault(line.id, Held({}, tracked=False))


def _not_refunded(shop: Shop, order: Order, line: OrderLine) -> int:
    return line.quantity - _held(shop, order, line).refunded


def _pieces(order: Order, wanted: Sequence[Pieces], *, least: int = 1) -> list[tuple[OrderLine, int]]:
    lines = {line.id: line for line in order.lines}
    found: dict[int, tuple[OrderLine, int]] = {}
    for piece in wanted:
        line = lines.get(piece.line_id)
        if line is None or piece.line_id in found:
            what = f"order {order.number} has no line {piece.line_id}, or it is named twice"
            raise Refused(422, "unknown_line", what, order_id=order.id)
        if piece.quantity < least:
            raise Refused(422, "bad_quantity", f"{piece.quantity} pieces of line {piece.line_id} make no sense")
        found[piece.line_id] = (line, piece.quantity)
    return list(found.values())


def _add_lines(shop: Shop, order: Order, wanted: Sequence[LineIn], rate: Decimal) -> None:
    built = [shop.new_line(order, shop.find_product(line), line, rate) for line in wanted]
    shop.goods.reserve(kept.goods(kept.reserved) for _, kept in built)
    for line, kept in built:
        order.lines.append(line)
        shop.held[order.id][line.id] = kept


def _drop_lines(shop: Shop, order: Order, ids: set[int]) -> None:
    for line_id in ids:
        kept = shop.held[order.id].pop(line_id, None)
        if kept is not None:
            shop.goods.release(kept.goods(kept.reserved))
    order.lines = [line for line in order.lines if line.id not in ids]


def _release_all(shop: Shop, order: Order) -> None:
    for kept in shop.held[order.id].values():
        shop.goods.release(kept.goods(kept.reserved))
        kept.reserved = 0


def _refund_lines(shop: Shop, order: Order, pieces: Sequence[tuple[OrderLine, int]]) -> list[RefundLine]:
    lines: list[RefundLine] = []
    for line, quantity in pieces:
        kept = _held(shop, order, line)
        left = line.quantity - kept.refunded
        if quantity > left:
            raise Refused(409, "not_left", f"only {left} of {line.sku} can still be taken back", sku=line.sku)
        lines.append(refund_line(line, quantity, order, tax_left=line.tax - kept.refunded_tax, last=quantity == left))
    return lines


def _take_back(shop: Shop, order: Order, pieces: Sequence[tuple[OrderLine, int]], *, restock: bool) -> None:
    """Move the goods: pieces not sent yet lose their reservation, sent ones lie on the shelf again if `restock`."""
    for line, quantity in pieces:
        kept = _held(shop, order, line)
        unsent = min(quantity, kept.reserved)
        back = min(quantity - unsent, kept.shipped - kept.returned)
        if restock:
            shop.goods.release(kept.goods(unsent))
            shop.goods.put_back(kept.goods(back))
        else:
            shop.goods.take(kept.goods(unsent))
        kept.reserved -= unsent
        kept.returned += back
        kept.refunded += quantity


def _add_refund(shop: Shop, order: Order, terms: RefundIn, lines: list[RefundLine], amount: Decimal) -> Refund:
    made = Refund(
        id=shop.part_id(),
        amount=amount,
        refunded_at=shop.clock.now(),
        lines=lines,
        reason=terms.reason,
        restock=terms.restock,
        paid_back=terms.paid_back,
        method=terms.method or order.payment_method,
    )
    order.refunds = [*order.refunds, made]
    for line in lines:
        if line.line_id:
            shop.held[order.id][line.line_id].refunded_tax += line.tax
    return made
