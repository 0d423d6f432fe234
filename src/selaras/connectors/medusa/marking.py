"""Writing payments: an order is marked paid because the money was found in the books.

First our field in the order's metadata is written (`paid.META`): the money, and the payments or collections of Medusa
that will stand for it. Only then are these captured, or marked as paid. So a process killed in between leaves an order
that knows of the money, and the repeat finds what is still to be captured; nothing is captured twice, and what stands
for our money is never told as money of the store's.

A part payment is written down and captures nothing. Cancelled orders are refused: somebody has to decide what becomes
of the money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import ConnectorError, Done, Failed, Outcome, Rejected, Write
from selaras.connectors.http import segment
from selaras.connectors.medusa.client import Client
from selaras.connectors.medusa.lines import to_unit
from selaras.connectors.medusa.mapping import number_of, order_decoder
from selaras.connectors.medusa.paid import META, Entry, entries_of, payments_of, text_of
from selaras.connectors.medusa.wire import ORDER_FIELDS, WireOrder, exact
from selaras.model.document import StorePayment
from selaras.model.money import ZERO

_OVER = frozenset({"completed", "canceled", "failed"})


async def write_payments(client: Client, writes: Sequence[Write]) -> list[Outcome]:
    """Write payments; one outcome for each, in order. A payment that was written before is done."""
    payments = [write.document for write in writes]
    ids = list(dict.fromkeys(p.order_id for p in payments if isinstance(p, StorePayment) and p.order_id))
    orders: dict[str, WireOrder] = {}
    for raw in await client.by("/orders", "orders", "id", ids, ORDER_FIELDS) if ids else ():
        try:
            order = order_decoder.decode(raw)
        except msgspec.MsgspecError:
            continue
        orders[order.id] = order
    turns: dict[str, list[tuple[int, StorePayment]]] = {}
    outcomes: dict[int, Outcome] = {}
    for place, payment in enumerate(payments):
        if not isinstance(payment, StorePayment):
            outcomes[place] = _refuse("this is no payment of an order of this store", "unsupported")
        elif payment.order_id not in orders:
            outcomes[place] = _refuse(f"the store has no order {payment.order_id}", "unknown_order")
        else:
            turns.setdefault(payment.order_id, []).append((place, payment))

    async def one(order: WireOrder, turn: list[tuple[int, StorePayment]]) -> None:
        for place, payment in turn:
            try:
                outcomes[place] = await _write(client, order, payment)
            except ConnectorError as error:
                outcomes[place] = Failed(error)

    await asyncio.gather(*(one(orders[id], turn) for id, turn in turns.items()))
    failures = [outcome.error for outcome in outcomes.values() if isinstance(outcome, Failed)]
    told = [error for error in failures if not isinstance(error, Rejected)]
    if told and len(told) == len(writes):
        raise told[0]
    return [outcomes[place] for place in range(len(writes))]


async def _write(client: Client, order: WireOrder, payment: StorePayment) -> Outcome:
    currency, number = order.currency_code.upper(), number_of(order.custom_display_id, order.display_id)
    try:
        entries = entries_of(order.metadata)
        total = to_unit(exact(order.total, order.raw_total), currency)
    except (msgspec.MsgspecError, ValueError):
        return _refuse(f"the field {META} of order {number} was changed by somebody else", "foreign_meta")
    known = next((entry for entry in entries if entry.reference == payment.reference), None)
    if known is None:
        if payment.currency != currency or payment.amount <= ZERO:
            return _refuse(
                f"{payment.amount} {payment.currency} cannot pay order {number} in {currency}", "bad_amount",
                "Compare the payment with the order in the store.",
            )  # fmt: skip
        if order.status == "canceled":
            return _refuse(
                f"order {number} is cancelled in the store, and money came for it", "order_closed",
                "Give the money back, or skip this payment.",
            )  # fmt: skip
        known = Entry(payment.reference, payment.amount, payment.currency, payment.paid_at, payment.method)
        covered = sum((p.amount for p in payments_of(order, currency)), known.amount)
        if covered >= total:
            known = msgspec.structs.replace(known, marked=await _to_mark(client, order, total - covered + known.amount))
        entries.append(known)
        text = text_of(entries)
        # Medusa merges metadata: the fields of others stay.
        await client.post(f"/orders/{segment(order.id)}", {"metadata": {META: text}})
        order.metadata = {**(order.metadata or {}), META: msgspec.Raw(msgspec.json.encode(text))}
    elif (known.amount, known.currency) != (payment.amount, payment.currency):
        return _refuse(
            f"{payment.reference} was written on order {number} as {known.amount} {known.currency} before",
            "reference_used",
            "Compare the two payments; one reference can pay one amount only.",
        )
    await _capture(client, order, known)
    return Done(f"{order.id}:{known.reference}", number, known.amount, known.currency, order.status)


async def _to_mark(client: Client, order: WireOrder, rest: Decimal) -> tuple[str, ...]:
    """The payments that wait to be captured and the collections that nobody has paid; a new collection if need be."""
    found: list[str] = []
    for collection in order.payment_collections or ():
        if collection.status in _OVER:
            continue
        waiting = [p.id for p in collection.payments or () if p.canceled_at is None and not p.captures]
        found += waiting or ([collection.id] if collection.status == "not_paid" else [])
    if found or rest <= ZERO:
        return tuple(found)
    body = {"order_id": order.id, "amount": rest}
    made = msgspec.json.decode(await client.post("/payment-collections", body))
    return (str(made["payment_collection"]["id"]),)


async def _capture(client: Client, order: WireOrder, entry: Entry) -> None:
    """Capture, or mark as paid, what stands for our money and was not yet."""
    captured = {p.id for p in order.payments if p.captures}
    over = {c.id for c in order.payment_collections or () if c.status != "not_paid"}
    for id in entry.marked:
        if id in captured or id in over:
            continue
        if id.startswith("pay_col_"):
            await client.post(f"/payment-collections/{segment(id)}/mark-as-paid", {"order_id": order.id})
        else:
            await client.post(f"/payments/{segment(id)}/capture", {})


def _refuse(message: str, code: str, cure: str = "") -> Failed:
    return Failed(Rejected(message, code=code, field="order_id", cure=cure or "Look at the order in the store."))
