"""Settlement reports of gateways for a list of payments: Midtrans' and Xendit's CSV, net for each day.

Fees as Indonesian gateways publish them: QRIS 0.7 %, a virtual account Rp 4,000, and VAT of 11 % on the fee, which
the gateway keeps with it. Columns as `docs.midtrans.com` and Xendit's transactions report name them.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

import msgspec

from selaras.model.money import ZERO

Channel = Literal["qris", "bank_transfer"]
QRIS_RATE: Final = Decimal("0.007")
TRANSFER_FEE: Final = Decimal(4000)
VAT_RATE: Final = Decimal("0.11")
_MIDTRANS: Final = (
    "Order ID", "Transaction ID", "Date & Time", "Transaction Type", "Channel", "Amount", "Fee", "VAT", "Net Amount",
    "Withdrawal ID", "Completed Date",
)  # fmt: skip
_XENDIT: Final = (
    "Status", "Type", "Channel", "Channel Name", "Currency", "Amount", "Total Fee", "Total VAT", "Net Amount",
    "Reference", "Transaction ID", "Payment Date", "Actual Settlement Time", "Timezone", "Settlement Status",
)  # fmt: skip


class Collected(msgspec.Struct, frozen=True):
    """A payment that a gateway collected, or money back (`amount` < 0), in whole rupiah. `id` is the gateway's."""

    reference: str
    amount: Decimal
    channel: Channel
    paid_at: dt.datetime
    id: str


def fee_of(amount: Decimal, channel: Channel) -> tuple[Decimal, Decimal]:
    """(fee, VAT on it) of a payment, each in whole rupiah, halves up. Money back costs nothing."""
    if amount <= 0:
        return ZERO, ZERO
    fee = _whole(amount * QRIS_RATE) if channel == "qris" else TRANSFER_FEE
    return fee, _whole(fee * VAT_RATE)


def net_of(payments: Sequence[Collected]) -> Decimal:
    """What the gateway pays out for these."""
    return sum((one.amount - sum(fee_of(one.amount, one.channel), ZERO) for one in payments), ZERO)


def midtrans_csv(payments: Sequence[Collected], settled_on: dt.date, batch: str = "") -> bytes:
    """The report of one withdrawal. Without `batch` it names none, as reports of automatic payouts do."""
    rows = []
    for one in payments:
        fee, vat = fee_of(one.amount, one.channel)
        kind = "Payment" if one.amount > 0 else "Refund"
        rows.append((
            one.reference, one.id, f"{one.paid_at:%Y-%m-%d %H:%M:%S}", kind, one.channel,
            *_amounts(one.amount, fee, vat), batch, f"{settled_on} 10:00:00",
        ))  # fmt: skip
    return _table(_MIDTRANS, rows)


def xendit_csv(payments: Sequence[Collected], settled_on: dt.date) -> bytes:
    """The transactions report of what settled on a day."""
    rows = []
    for one in payments:
        fee, vat = fee_of(one.amount, one.channel)
        kind, channel = (
            "PAYMENT" if one.amount > 0 else "REFUND",
            "QR_CODE" if one.channel == "qris" else "VIRTUAL_ACCOUNT",
        )
        rows.append((
            "SUCCESS", kind, channel, "QRIS" if one.channel == "qris" else "BCA", "IDR",
            *_amounts(one.amount, fee, vat), one.reference, one.id, f"{one.paid_at:%Y-%m-%d %H:%M:%S}",
            f"{settled_on} 10:00:00", "+0700 WIB", "Settled",
        ))  # fmt: skip
    return _table(_XENDIT, rows)


def _amounts(amount: Decimal, fee: Decimal, vat: Decimal) -> tuple[str, str, str, str]:
    return format(amount, "f"), format(fee, "f"), format(vat, "f"), format(amount - fee - vat, "f")


def _whole(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1), ROUND_HALF_UP)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
