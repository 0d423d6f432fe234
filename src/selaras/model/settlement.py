"""Money that a gateway, marketplace or courier collects: payments, what went back of them, and payouts to the bank.

A payment is what the buyer gave (gross); the channel keeps a fee and pays the rest (net) out later, many payments in
one sum. Each channel therefore has one clearing account: gross goes in, fee and payout go out, and what is left there
is what the channel still owes. A courier who collects cash on delivery is such a channel, too
(reference/store-billing-payment-apis.md §18, reference/indonesia.md §3).

Every amount is in major units of the record's currency.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from selaras.model.money import ZERO

PaymentState = Literal["pending", "authorised", "paid", "failed", "expired", "cancelled", "reversed", "unknown"]
RefundKind = Literal["refund", "chargeback"]
RefundState = Literal["pending", "done", "failed"]
RowKind = Literal["payment", "refund", "chargeback", "adjustment", "fee"]
PayoutState = Literal["pending", "paid", "failed"]


class GatewayRefund(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that went back of a payment. `amount` > 0 is this refund alone, never the sum of all.

    `confirmed_at` is when the bank confirmed it: a second word about the same refund, never a second refund.
    `payment` names the gateway's payment where the refund is a record of its own.
    """

    id: str
    amount: Decimal
    refunded_at: dt.datetime
    kind: RefundKind = "refund"
    state: RefundState = "done"
    confirmed_at: dt.datetime | None = None
    reason: str = ""
    currency: str = ""
    payment: str = ""
    order_reference: str = ""
    gateway: str = ""


class GatewayPayment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment as the gateway holds it now. `id` is the gateway's own and never used twice.

    `order_reference` is the merchant's: several payments may carry one (a second try, a code that can be used again),
    so it is no key. `sent_reference` is what was really sent where a plug-in had to change it. `amount` was asked for,
    `received` came (they differ where a code takes any amount). `fee`, `fee_tax` and `withheld` (tax that the gateway
    withheld) are positive and None until the gateway says them; `net` is what it says that it will pay out.
    `unreadable` says why the gateway's answer could not be understood; nothing but id and reference counts then.
    `fee_apart` tells that the fee is not taken off the payout but billed later. `settled_at` is when the money became
    ours at the gateway: the day on which the fee is booked. `code` is the virtual account, QR or payment code,
    `request` the gateway's id of the request that the payment answers, by which refunds may name it.
    """

    id: str
    gateway: str
    order_reference: str
    amount: Decimal
    currency: str
    state: PaymentState
    created_at: dt.datetime
    channel: str = ""
    sent_reference: str = ""
    received: Decimal = ZERO
    paid_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    settled_at: dt.datetime | None = None
    fee: Decimal | None = None
    fee_tax: Decimal | None = None
    withheld: Decimal | None = None
    net: Decimal | None = None
    fee_apart: bool = False
    refunds: tuple[GatewayRefund, ...] = ()
    code: str = ""
    request: str = ""
    reason: str = ""
    unreadable: str = ""

    @property
    def refunded(self) -> Decimal:
        """Σ refunds and chargebacks that did not fail."""
        return sum((r.amount for r in self.refunds if r.state != "failed"), ZERO)

    @property
    def late(self) -> bool:
        """The money came after the time in which it was asked for; it came all the same."""
        if self.paid_at is None or self.expires_at is None:
            return False
        return self.state == "paid" and self.paid_at > self.expires_at

    @property
    def unexplained(self) -> Decimal:
        """received − fee − tax on it − net: not zero where the gateway's own figures contradict each other."""
        if self.net is None or self.fee is None:
            return ZERO
        taken = ZERO if self.fee_apart else self.fee + (self.fee_tax or ZERO)
        return self.received - taken - self.net


class SettlementRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a payout holds of one payment, refund or correction: gross − fee = net, all negative for money back.

    `fee` is everything that the channel kept, its tax included; `fee_tax` is the part of it that is tax. A fee that
    is given back is negative. `order_reference` is the merchant's, as the channel writes it.
    """

    kind: RowKind
    order_reference: str
    gross: Decimal
    fee: Decimal
    net: Decimal
    settled_on: dt.date
    id: str = ""
    fee_tax: Decimal = ZERO
    currency: str = "IDR"
    note: str = ""

    @property
    def difference(self) -> Decimal:
        """gross − fee − net; anything but zero is a row that cannot be booked."""
        return self.gross - self.fee - self.net


class Payout(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a channel paid out in one sum: the bank shows one line of `net` for all of it.

    `rows` are empty where the channel's interface names the sum alone; the settlement file has them.
    """

    id: str
    gateway: str
    currency: str
    net: Decimal
    paid_out_at: dt.datetime
    state: PayoutState = "paid"
    reference: str = ""
    rows: tuple[SettlementRow, ...] = ()

    @property
    def gross(self) -> Decimal:
        """Σ gross of the rows."""
        return sum((row.gross for row in self.rows), ZERO)

    @property
    def fee(self) -> Decimal:
        """Σ fee of the rows."""
        return sum((row.fee for row in self.rows), ZERO)

    @property
    def difference(self) -> Decimal:
        """Σ net of the rows − what was paid out; zero where no rows are known."""
        return sum((row.net for row in self.rows), ZERO) - self.net if self.rows else ZERO
