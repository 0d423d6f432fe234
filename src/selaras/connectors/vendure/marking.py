"""Writing payments: an order is marked paid because the money was found in the books.

The order is looked at first; our note in its history (`paid`) tells whether this money was written before. Then the
note is written, and once our money covers what is open, the store is told by the means that it has:

* an authorised payment (bank transfer: nothing was received when the order was placed) is settled, as an administrator
  settles it;
* of an order that waits for an additional payment after an edit, a manual payment takes what is open. Vendure sets its
  amount itself: it is always all that is open.

A part payment is noted and marks nothing. An order that is paid already gets the note alone. Cancelled orders are
refused: somebody has to decide what becomes of the money. Each step may be lost and is found by the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import ConnectorError, Done, Failed, Outcome, Rejected, Write
from selaras.connectors.vendure.client import Client
from selaras.connectors.vendure.errors import refusal
from selaras.connectors.vendure.mapping import STATES, UNPLACED
from selaras.connectors.vendure.paid import MARK, Entry, entries_of, is_ours, text_of
from selaras.connectors.vendure.reading import Reader
from selaras.connectors.vendure.wire import Scale, WireOrder, WirePayment, decoder
from selaras.model.document import StorePayment
from selaras.model.money import ZERO

_NOTE: Final = "mutation($i: AddNoteToOrderInput!) { addNoteToOrder(input: $i) { id } }"
_SETTLE: Final = """mutation($i: ID!) { settlePayment(id: $i) { __typename
 ... on Payment { id state } ... on ErrorResult { errorCode message }
 ... on SettlePaymentError { paymentErrorMessage } ... on PaymentStateTransitionError { transitionError }
 ... on OrderStateTransitionError { transitionError } } }"""
_MANUAL: Final = """mutation($i: ManualPaymentInput!) { addManualPaymentToOrder(input: $i) { __typename
 ... on Order { id state } ... on ErrorResult { errorCode message } } }"""
_WAITS: Final = "ArrangingAdditionalPayment"
_decoder = decoder(WireOrder)


async def write_payments(client: Client, reader: Reader, writes: Sequence[Write]) -> list[Outcome]:
    """Write payments one after the other; one outcome for each, in order. A payment written before is done.

    Raises what a call raises when nothing at all was written before it; else the items carry their errors.
    """
    outcomes: list[Outcome] = []
    for write in writes:
        document = write.document
        try:
            if not isinstance(document, StorePayment):
                raise _no("this is no payment of an order", "unsupported", "order_id")
            outcomes.append(await _pay(client, reader, document))
        except Rejected as error:
            outcomes.append(Failed(error))
        except ConnectorError as error:
            if len(writes) == 1 or not any(isinstance(one, Done) for one in outcomes):
                raise
            outcomes.append(Failed(error))
    return outcomes


async def _pay(client: Client, reader: Reader, payment: StorePayment) -> Outcome:
    order = await _look(reader, payment.order_id)
    scale = (await client.shop()).scale
    entries = entries_of(order)
    mine = next((entry for entry in entries if entry.reference == payment.reference), None)
    if mine is not None and (mine.amount, mine.currency) != (payment.amount, payment.currency):
        raise _no(
            f"{payment.reference} was written on order {order.code} as {mine.amount} {mine.currency} before",
            "reference_used", "reference", "Compare the two payments; one reference can pay one amount only.",
        )  # fmt: skip
    if payment.currency != order.currency_code or payment.amount <= ZERO:
        raise _no(
            f"{payment.amount} {payment.currency} cannot pay order {order.code} in {order.currency_code}",
            "bad_amount", "amount", "Compare the payment with the order in the store.",
        )  # fmt: skip
    if mine is None and STATES.get(order.state) == "cancelled":
        raise _no(
            f"order {order.code} is cancelled in the store, and money came for it",
            "order_closed", "order_id", "Make a new order in the store or give the money back, then skip this payment.",
        )  # fmt: skip
    promised = [one for one in order.payments or () if one.state == "Authorized"]
    ours = sum((entry.amount for entry in entries if entry is not mine), payment.amount)
    covered = ours + _received(order, entries, scale) >= scale.major(order.total_with_tax)
    marks = [one.id for one in promised] if covered else []
    entry = Entry(
        payment.reference, payment.amount, payment.currency, payment.paid_at, payment.method, tuple(marks)
    )  # fmt: skip
    if mine is None or not set(marks) <= {id for one in entries for id in one.payments}:
        note = {"id": order.id, "note": text_of(entry), "isPublic": False}
        await client.ask(_NOTE, dict[str, Any], {"i": note}, effect=True)
    if covered:
        await _mark(client, order, promised, payment)
    return Done(f"{order.id}:{payment.reference}", order.code, payment.amount, payment.currency, order.state)


async def _mark(client: Client, order: WireOrder, promised: Sequence[WirePayment], payment: StorePayment) -> None:
    for one in promised:
        _taken(await client.ask(_SETTLE, dict[str, Any], {"i": one.id}, effect=True))
    if (
        not promised
        and order.state == _WAITS
        and not any(is_ours(p.metadata) and _open(p, payment) for p in _all(order))
    ):
        given = {
            "orderId": order.id, "method": payment.method or "bank", "transactionId": payment.reference,
            "metadata": {MARK: payment.reference},
        }  # fmt: skip
        _taken(await client.ask(_MANUAL, dict[str, Any], {"i": given}, effect=True))


def _open(wire: WirePayment, payment: StorePayment) -> bool:
    """Whether this is the payment that we added for the same money before."""
    return isinstance(wire.metadata, dict) and wire.metadata.get(MARK) == payment.reference


def _all(order: WireOrder) -> Sequence[WirePayment]:
    return order.payments or ()


def _received(order: WireOrder, entries: Sequence[Entry], scale: Scale) -> Decimal:
    """What the store has received by itself, less what it gave back: not by us, and not marked by us."""
    marked = {id for entry in entries for id in entry.payments}
    total = ZERO
    for one in order.payments or ():
        if one.state == "Settled" and one.id not in marked and not is_ours(one.metadata):
            back = sum(refund.total for refund in one.refunds if refund.state == "Settled")
            total += scale.major(one.amount - back)
    return total


async def _look(reader: Reader, id: str) -> WireOrder:
    rows = await reader.raw_orders([id]) if id.isascii() and id.replace("-", "").isalnum() else []
    if not rows:
        raise _no(f"the store has no order {id}", "unknown_order", "order_id")
    try:
        order = _decoder.decode(rows[0])
    except msgspec.MsgspecError as error:
        raise _no(f"order {id} of the store cannot be read: {error}", "unreadable", "order_id") from None
    if order.state in UNPLACED:
        raise _no(
            f"order {order.code} is not placed yet", "not_placed", "order_id", "Finish the checkout in the store."
        )
    return order


def _taken(answer: dict[str, Any]) -> None:
    """Raise when the result of a mutation is an error, though nothing stands in `errors`."""
    for result in answer.values():
        refused = refusal(result)
        if refused is not None:
            raise refused


def _no(message: str, code: str, field: str, cure: str = "") -> Rejected:
    return Rejected(message, code=code, field=field, cure=cure or "Look at the order in the store.")
