"""Xendit's JSON → the model. Pure.

Facts (https://docs.xendit.co/apidocs/list-transactions): money is a JSON number in major units; times are UTC. The
fee of a transaction is `xendit_fee`, the VAT on it stands beside it, both final when `fee.status` is COMPLETED (or does
not apply). A fee is either taken off (`net_amount` is less) or billed monthly (`net_amount` is the whole amount). It
belongs to the day of the settlement (https://docs.xendit.co/docs/transaction-fees). A reference is the merchant's and
comes again where a code may be paid many times; the transaction's id does not.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final, Literal

import msgspec

from selaras.connectors.contract import Rejected
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.settlement import GatewayPayment, GatewayRefund, PaymentState, Payout

GATEWAY: Final = "xendit"
TYPES: Final = {
    "payment": ("PAYMENT", "IN_PERSON_PAYMENT", "REMITTANCE_COLLECTION_PAYMENT"),
    "refund": ("REFUND", "CHARGEBACK"),
    "payout": ("WITHDRAWAL",),
}
_STATES: Final[dict[str, PaymentState]] = {
    "PENDING": "pending",
    "SUCCESS": "paid",
    "FAILED": "failed",
    "VOIDED": "cancelled",
    "REVERSED": "reversed",
}
_DONE: Final[dict[str, Literal["pending", "done", "failed"]]] = {"PENDING": "pending", "SUCCESS": "done"}
_SETTLED: Final = ("SETTLED", "EARLY_SETTLED")


class WireFee(msgspec.Struct):
    """What Xendit takes of a transaction."""

    xendit_fee: Decimal = ZERO
    value_added_tax: Decimal = ZERO
    xendit_withholding_tax: Decimal = ZERO
    third_party_withholding_tax: Decimal = ZERO
    status: str = ""


class WireProduct(msgspec.Struct):
    """The payment that a transaction comes from (payments API v3)."""

    payment_request_id: str = ""


class WireTransaction(msgspec.Struct):
    """A row of the list of transactions."""

    id: str
    type: str
    status: str
    amount: Decimal
    created: str
    updated: str
    product_id: str | None = None
    channel_category: str | None = None
    channel_code: str | None = None
    reference_id: str | None = None
    currency: str = "IDR"
    net_amount: Decimal | None = None
    settlement_status: str | None = None
    estimated_settlement_time: str | None = None
    fee: WireFee | None = None
    product_data: WireProduct | None = None


class WireRefund(msgspec.Struct):
    """A refund, which names the payment it belongs to."""

    id: str = ""
    payment_request_id: str | None = None
    payment_id: str | None = None
    invoice_id: str | None = None
    reference_id: str | None = None
    reason: str | None = None
    status: str = ""


def payment_of(row: WireTransaction) -> GatewayPayment:
    """The payment that a row tells of. Raises `Rejected`, naming the field."""
    state = _STATES.get(row.status, "unknown")
    currency = _currency(row)
    created = instant(row.created, row.id, "created")
    came = state in ("paid", "reversed")
    fee, tax, withheld = _fees(row)
    net = row.net_amount
    return GatewayPayment(
        id=row.id,
        gateway=GATEWAY,
        order_reference=row.reference_id or "",
        sent_reference=row.product_id or "",
        request=(row.product_data.payment_request_id if row.product_data is not None else "") or "",
        amount=whole(row.amount),
        currency=currency,
        state=state,
        created_at=created,
        channel=f"{row.channel_category or ''}:{row.channel_code or ''}".strip(":").lower(),
        received=whole(row.amount) if came else ZERO,
        paid_at=created if came else None,
        settled_at=_settled(row) if state == "paid" else None,
        fee=fee,
        fee_tax=tax,
        withheld=withheld,
        net=None if net is None or fee is None else whole(net),
        fee_apart=fee is not None and fee > 0 and net is not None and net == row.amount,
        # Not the code that was paid into: for a virtual account it is the payer's own account.
        code="",
    )


def refund_of(row: WireTransaction, known: WireRefund | None) -> GatewayRefund:
    """The refund or chargeback that a row tells of; `known` is the refund's own record, which names the payment."""
    payment = (known.payment_id or known.payment_request_id or known.invoice_id or "") if known is not None else ""
    return GatewayRefund(
        id=row.id,
        amount=whole(abs(row.amount)),
        refunded_at=instant(row.created, row.id, "created"),
        kind="chargeback" if row.type == "CHARGEBACK" else "refund",
        state=_DONE.get(row.status, "failed"),
        reason=(known.reason or "") if known is not None else "",
        currency=_currency(row),
        payment=payment,
        order_reference=row.reference_id or "",
        gateway=GATEWAY,
    )


def payout_of(row: WireTransaction) -> Payout:
    """A withdrawal to the merchant's bank. Which payments are in it, the API does not say; the report does."""
    state: Literal["pending", "paid", "failed"] = (
        "paid" if row.status == "SUCCESS" else "pending" if row.status == "PENDING" else "failed"
    )
    return Payout(
        id=row.id, gateway=GATEWAY, currency=_currency(row), net=whole(abs(row.amount)),
        paid_out_at=instant(row.updated if state == "paid" else row.created, row.id, "updated"),
        state=state, reference=row.reference_id or "",
    )  # fmt: skip


def _fees(row: WireTransaction) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Fee, tax on it, tax withheld; None while Xendit still works them out."""
    fee = row.fee
    if fee is None or fee.status == "PENDING":
        return None, None, None
    if fee.status in ("CANCELED", "REVERSED"):
        return ZERO, ZERO, ZERO
    return (
        whole(fee.xendit_fee), whole(fee.value_added_tax),
        whole(fee.xendit_withholding_tax + fee.third_party_withholding_tax),
    )  # fmt: skip


def _settled(row: WireTransaction) -> dt.datetime | None:
    if row.settlement_status not in _SETTLED:
        return None
    # The list names no other time of the settlement; after it has happened this is its own.
    return instant(row.estimated_settlement_time or row.updated, row.id, "estimated_settlement_time")


def _currency(row: WireTransaction) -> str:
    if row.currency not in EXPONENTS:
        raise unreadable(row.id, "currency", row.currency)
    return row.currency


def whole(value: Decimal) -> Decimal:
    """100000.00 is 100000: equal amounts look alike."""
    plain = value.to_integral_value()
    return plain if plain == value else value


def instant(text: str, id: str, field: str) -> dt.datetime:
    """An instant as Xendit writes it, in UTC. Raises `Rejected`."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise unreadable(id, field, text) from None
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def unreadable(id: str, field: str, value: str) -> Rejected:
    """A row of which `field` cannot be read."""
    return Rejected(
        f"transaction {id} of Xendit cannot be read: {field} is {value[:40]!r}",
        code="unreadable",
        field=field,
        cure="Report this with the raw record: Xendit may have changed its answers.",
    )
