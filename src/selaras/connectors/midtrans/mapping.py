"""Midtrans' JSON → the model. Pure.

Facts (https://docs.midtrans.com/reference/get-transaction-status, …/docs/transaction-status-cycle): amounts are texts
in rupiah with two decimals; times are GMT+7 without an offset; `refund_amount` at the top is the sum of all refunds,
each one stands in `refunds[]` and gets `bank_confirmed_at` later; a card payment that is `capture` is paid only when
the fraud check says `accept`; DANA and ShopeePay write the status in capitals. What was settled can become `deny`
within minutes (the bank takes it back), or be refunded or charged back.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from selaras.connectors.contract import Rejected
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.settlement import GatewayPayment, GatewayRefund, PaymentState, RefundKind

GATEWAY: Final = "midtrans"
ZONE: Final = dt.timezone(dt.timedelta(hours=7))
_STATES: Final[dict[str, PaymentState]] = {
    "pending": "pending",
    "authorize": "authorised",
    "settlement": "paid",
    "refund": "paid",
    "partial_refund": "paid",
    "chargeback": "paid",
    "partial_chargeback": "paid",
    "deny": "failed",
    "failure": "failed",
    "expire": "expired",
    "cancel": "cancelled",
}
_AMOUNT: Final = re.compile(r"-?\d{1,15}(\.\d{1,2})?")


class WireVa(msgspec.Struct):
    """A virtual account number."""

    va_number: str = ""
    bank: str = ""


class WirePart(msgspec.Struct):
    """Money that came into a virtual account."""

    amount: str = ""
    paid_at: str = ""


class WireRefund(msgspec.Struct):
    """One refund or chargeback."""

    refund_amount: str
    created_at: str = ""
    refund_key: str = ""
    refund_chargeback_id: int | str = ""
    refund_chargeback_uuid: str = ""
    reason: str = ""
    bank_confirmed_at: str = ""


class WireStatus(msgspec.Struct):
    """The answer of the status call. HTTP may say 200 where `status_code` says 404."""

    status_code: str = ""
    status_message: str = ""
    transaction_id: str = ""
    order_id: str = ""
    gross_amount: str = ""
    currency: str = "IDR"
    payment_type: str = ""
    transaction_status: str = ""
    fraud_status: str = ""
    transaction_time: str = ""
    settlement_time: str = ""
    expiry_time: str = ""
    bank: str = ""
    store: str = ""
    va_numbers: tuple[WireVa, ...] = ()
    permata_va_number: str = ""
    biller_code: str = ""
    bill_key: str = ""
    payment_code: str = ""
    payment_amounts: tuple[WirePart, ...] = ()
    refund_amount: Decimal | None = None
    refunds: tuple[WireRefund, ...] = ()


def payment_of(wire: WireStatus, suffix: re.Pattern[str]) -> GatewayPayment:
    """The payment that an answer tells of. Raises `Rejected`, naming the field, where it cannot be read."""
    name = wire.order_id or wire.transaction_id
    currency = wire.currency or "IDR"
    if currency not in EXPONENTS:
        raise _unreadable(name, "currency", currency)
    amount = _amount(wire.gross_amount, name, "gross_amount")
    state = state_of(wire)
    settled = _instant(wire.settlement_time, name, "settlement_time")
    created = _instant(wire.transaction_time, name, "transaction_time")
    if created is None:
        raise _unreadable(name, "transaction_time", wire.transaction_time)
    if state == "failed" and settled is not None:
        state = "reversed"
    parts = [(_amount(p.amount, name, "payment_amounts"), _instant(p.paid_at, name, "paid_at"))
             for p in wire.payment_amounts]  # fmt: skip
    came = max((at for _, at in parts if at is not None), default=None)
    received = sum((a for a, _ in parts), ZERO) if parts else amount
    paid = state in ("paid", "reversed")
    return GatewayPayment(
        id=wire.transaction_id,
        gateway=GATEWAY,
        order_reference=reference_of(wire.order_id, suffix),
        sent_reference=wire.order_id,
        amount=amount,
        currency=currency,
        state=state,
        created_at=created,
        channel=channel_of(wire),
        received=received if paid else ZERO,
        paid_at=(came or settled or created) if paid else None,
        expires_at=_instant(wire.expiry_time, name, "expiry_time"),
        settled_at=settled if state == "paid" else None,
        refunds=_refunds(wire, name),
        code=code_of(wire),
        reason="" if paid or state == "pending" else wire.status_message,
    )


def state_of(wire: WireStatus) -> PaymentState:
    """The state; a captured card payment under review is only authorised, and a status not known is "unknown"."""
    status, fraud = wire.transaction_status.lower(), wire.fraud_status.lower()
    if status == "capture":
        return {"": "paid", "accept": "paid", "challenge": "authorised"}.get(fraud, "failed")  # type: ignore[return-value]
    state = _STATES.get(status, "unknown")
    if state == "paid" and fraud in ("deny", "challenge"):
        return "authorised" if fraud == "challenge" else "failed"
    return state


def reference_of(order_id: str, suffix: re.Pattern[str]) -> str:
    """The order's own number: a plug-in that tries again sends `123-wc-mdtrs-1712345678` for order 123."""
    found = suffix.search(order_id)
    return order_id[: found.start()] if found and found.start() and found.end() == len(order_id) else order_id


def channel_of(wire: WireStatus) -> str:
    """The way of paying: `bank_transfer:bca`, `qris`, `gopay`, `cstore:alfamart`, `credit_card` and so on."""
    kind = wire.payment_type
    if kind == "bank_transfer":
        bank = wire.va_numbers[0].bank if wire.va_numbers else "permata" if wire.permata_va_number else wire.bank
        return f"{kind}:{bank}" if bank else kind
    if kind == "echannel":
        return "echannel:mandiri"
    return f"{kind}:{wire.store}" if kind == "cstore" and wire.store else kind


def code_of(wire: WireStatus) -> str:
    """What the buyer paid into: a virtual account, a bill key or a counter's payment code."""
    if wire.va_numbers:
        return wire.va_numbers[0].va_number
    bill = f"{wire.biller_code}/{wire.bill_key}" if wire.bill_key else ""
    return wire.permata_va_number or bill or wire.payment_code


def _refunds(wire: WireStatus, name: str) -> tuple[GatewayRefund, ...]:
    """Each refund once, whatever was told of it and how often.

    Where only the sum is told (some channels), it stands as one refund under a name that does not change, so that a
    growing sum changes it instead of adding another.
    """
    kind: RefundKind = "chargeback" if "chargeback" in wire.transaction_status.lower() else "refund"
    found: dict[str, GatewayRefund] = {}
    for part in wire.refunds:
        id = str(part.refund_chargeback_id or part.refund_chargeback_uuid or part.refund_key)
        at = _instant(part.created_at, name, "refunds.created_at")
        confirmed = _instant(part.bank_confirmed_at, name, "refunds.bank_confirmed_at")
        if not id or at is None:
            raise _unreadable(name, "refunds", part.refund_key or part.created_at)
        found[id] = GatewayRefund(
            id, _amount(part.refund_amount, name, "refunds.refund_amount"), at, kind=kind,
            confirmed_at=confirmed, reason=part.reason,
        )  # fmt: skip
    total = ZERO if wire.refund_amount is None else _amount(format(wire.refund_amount, "f"), name, "refund_amount")
    rest = total - sum((r.amount for r in found.values()), ZERO)
    if not found and not total and wire.transaction_status.lower() in ("refund", "chargeback"):
        rest = _amount(wire.gross_amount, name, "gross_amount")
    if rest > 0:
        at = _instant(wire.settlement_time or wire.transaction_time, name, "settlement_time")
        if at is None:
            raise _unreadable(name, "settlement_time", "")
        found["sum"] = GatewayRefund("sum", rest, at, kind=kind)
    return tuple(found.values())


def _amount(text: str, name: str, field: str) -> Decimal:
    try:
        if not _AMOUNT.fullmatch(text):
            raise InvalidOperation
        value = Decimal(text)
    except InvalidOperation:
        raise _unreadable(name, field, text) from None
    whole = value.to_integral_value()
    return whole if whole == value else value


def _instant(text: str, name: str, field: str) -> dt.datetime | None:
    """A time of Midtrans (GMT+7 without an offset; one with an offset is taken as it is) in UTC."""
    if not text:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _unreadable(name, field, text) from None
    return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(dt.UTC)


def _unreadable(name: str, field: str, value: str) -> Rejected:
    return Rejected(
        f"payment {name} of Midtrans cannot be read: {field} is {value[:40]!r}",
        code="unreadable",
        field=field,
        cure="Report this with the raw record: Midtrans may have changed its answers.",
    )
