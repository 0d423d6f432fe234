"""The fee that a channel should have taken, by a dated rate card, and the rows in which it took another one.

Rates change (QRIS for micro merchants on 2025-03-15, VAT on fees, new programmes of marketplaces) and differ from one
merchant to the next, so they are data with a first day, never code. A fee belongs to the day of the settlement
(reference/store-billing-payment-apis.md §16). What no rate fits is said to be unknown, not fine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal, localcontext
from typing import Final, Literal

import msgspec

from selaras.model.money import ZERO, exponent
from selaras.model.settlement import SettlementRow

Rounding = Literal["half_up", "down", "up"]
Verdict = Literal["as_agreed", "more", "less", "unknown"]
AMOUNTS: Final = ("fixed", "share", "least", "most", "tax", "up_to")
SHARES: Final = ("share", "tax")
MOST: Final = Decimal(10) ** 15
_DECIMALS: Final = 15
_MODES: Final = {"half_up": ROUND_HALF_UP, "down": ROUND_DOWN, "up": ROUND_UP}


class Rate(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a rate card: `fixed` + `share` × gross, within `least` and `most`, and `tax` (a fraction) on that.

    In force from `since` on, for payments up to `up_to` (None = any). `channel` is a channel or the beginning of one
    ("bank_transfer" is every bank); "" is any. Fee and tax are each rounded once to the currency's smallest unit.
    """

    gateway: str
    since: dt.date
    channel: str = ""
    fixed: Decimal = ZERO
    share: Decimal = ZERO
    least: Decimal = ZERO
    most: Decimal | None = None
    tax: Decimal = ZERO
    up_to: Decimal | None = None
    currency: str = "IDR"
    rounding: Rounding = "half_up"

    def unfit(self) -> str:
        """The field by which no fee can be reckoned; "" when there is none.

        Amounts are from 0 to below 10^15 with at most 15 decimals, shares below 1; NaN and Infinity are none.
        """
        for name in AMOUNTS:
            value = getattr(self, name)
            if value is not None and not _fits(value, Decimal(1) if name in SHARES else MOST):
                return name
        return ""

    def fee(self, gross: Decimal) -> tuple[Decimal, Decimal]:
        """Fee and the tax on it of a payment of `gross` > 0."""
        fee = max(self.least, self.fixed + self.share * gross)
        fee = self._rounded(fee if self.most is None else min(self.most, fee))
        return fee, self._rounded(fee * self.tax)

    def _rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(Decimal(1).scaleb(-exponent(self.currency)), rounding=_MODES[self.rounding])


def _fits(value: Decimal, below: Decimal) -> bool:
    if not value.is_finite() or not 0 <= value < below:
        return False
    with localcontext(
        prec=40
    ):  # of fifteen places before the point and fifteen behind it the usual 28 digits lose some
        return value == round(value, _DECIMALS)


class Audited(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row held against the card. `difference` is what was taken beyond what was agreed (negative: less)."""

    row: SettlementRow
    verdict: Verdict
    expected: Decimal | None = None
    difference: Decimal = ZERO


def rate_for(
    card: Iterable[Rate], gateway: str, channel: str, day: dt.date, gross: Decimal, currency: str
) -> Rate | None:
    """The rate in force: the channel's own before its group's, then the newest, then the narrowest band."""
    fitting = [
        rate for rate in card
        if rate.gateway == gateway and rate.currency == currency and rate.since <= day
        and (rate.up_to is None or gross <= rate.up_to)
        and (not rate.channel or channel == rate.channel or channel.startswith(f"{rate.channel}:"))
    ]  # fmt: skip

    def order(rate: Rate) -> tuple[int, dt.date, int, Decimal]:
        return len(rate.channel), rate.since, rate.up_to is not None, -(rate.up_to or ZERO)

    return max(fitting, key=order, default=None)


def audit(card: Sequence[Rate], gateway: str, rows: Iterable[SettlementRow], channels: dict[str, str]) -> list[Audited]:
    """Each payment's fee against the card; `channels` says by which channel an order was paid (by its reference).

    Refunds and corrections have no agreed fee of their own here: what was taken for them is "unknown" unless nothing
    was.
    """
    found = []
    for row in rows:
        if row.kind != "payment" or row.gross <= 0:
            found.append(Audited(row, "unknown" if row.fee else "as_agreed"))
            continue
        channel = channels.get(row.order_reference, "")
        rate = rate_for(card, gateway, channel, row.settled_on, row.gross, row.currency)
        if rate is None:
            found.append(Audited(row, "unknown"))
            continue
        expected = sum(rate.fee(row.gross), ZERO)
        difference = row.fee - expected
        verdict: Verdict = "as_agreed" if not difference else "more" if difference > 0 else "less"
        found.append(Audited(row, verdict, expected, difference))
    return found
