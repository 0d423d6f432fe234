"""The lines of a document, so that Jurnal comes to the same total whatever it rounds.

Jurnal knows a discount of a line only as a percentage and rounds neither lines nor taxes
(reference/accounting-apis.md §5: a total of 200000.00016). Therefore every line goes with its gross price,
`use_tax_inclusive`, and a price in whole smallest units: what a quantity does not divide is written as two lines,
some pieces a unit dearer. Discounts are inside the prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from selaras.connectors.contract import Rejected
from selaras.connectors.jurnal.chart import Chart
from selaras.model.document import DocumentLine
from selaras.model.money import ZERO, exponent, from_minor, to_minor

_MANY = 1_000_000


class Priced(msgspec.Struct, frozen=True):
    """Pieces of a product at one gross price. `tax` is Jurnal's tax id, "" for none."""

    code: str
    quantity: Decimal
    rate: Decimal
    tax: str
    text: str

    @property
    def gross(self) -> Decimal:
        """What the line comes to."""
        return self.quantity * self.rate

    def wire(self) -> dict[str, Any]:
        """As it is sent."""
        row: dict[str, Any] = {
            "product_code": self.code,
            "quantity": self.quantity,
            "rate": self.rate,
            "discount": 0,
            "description": self.text,
        }
        if self.tax:
            row["line_tax_id"] = int(self.tax) if self.tax.isdecimal() else self.tax
        return row


async def priced(lines: Sequence[DocumentLine], currency: str, included: bool, chart: Chart) -> list[Priced]:
    """The lines of a sales order or invoice. Raises `Rejected`."""
    gross = [to_minor(line.amount + (ZERO if included else line.tax), currency) for line in lines]
    taxes = [await _tax(line, included, chart) for line in lines]
    _spread(lines, gross, taxes)
    made: list[Priced] = []
    for line, money, tax in zip(lines, gross, taxes, strict=True):
        if money < 0 or (not money and not line.quantity) or (not money and not line.code):
            continue
        code = await chart.product_for(line.code, line.role, line.account)
        made += split(code, line.quantity or Decimal(1), money, currency, tax if money else "", line.name)
    return made


def split(code: str, quantity: Decimal, money: int, currency: str, tax: str, text: str) -> list[Priced]:
    """Lines of `quantity` pieces that come to `money` smallest units exactly."""
    if quantity <= 0 or quantity != quantity.to_integral_value() or quantity > _MANY:
        rate = (from_minor(money, currency) / quantity).quantize(Decimal(1).scaleb(-exponent(currency) - 8))
        return [Priced(code, quantity, rate.normalize() + 0, tax, text)]
    pieces = int(quantity)
    each, rest = divmod(money, pieces)
    made = [Priced(code, Decimal(pieces - rest), from_minor(each, currency), tax, text)]
    if rest:
        made.append(Priced(code, Decimal(rest), from_minor(each + 1, currency), tax, text))
    return made


async def _tax(line: DocumentLine, included: bool, chart: Chart) -> str:
    if not line.tax:
        return await chart.tax(line.tax_code, line.tax_rate) if line.tax_code else ""
    rate = line.tax_rate
    if not rate and not line.tax_code:
        net = line.amount - line.tax if included else line.amount
        rate = await chart.near_rate(line.tax / net) if net else ZERO
    return await chart.tax(line.tax_code, rate)


def _spread(lines: Sequence[DocumentLine], gross: list[int], taxes: Sequence[str]) -> None:
    """Take negative lines off the others, those of the same tax first, in proportion and to the last unit."""
    for place, money in enumerate(gross):
        if money >= 0:
            continue
        if lines[place].code:
            raise Rejected(
                f"the line {lines[place].name} is negative, and Jurnal sells nothing for less than nothing",
                code="negative_line", field="lines.amount", cure="Correct the line in the store.",
            )  # fmt: skip
        rest = -money
        for same in (True, False):
            bearers = [n for n, have in enumerate(gross) if have > 0 and (taxes[n] == taxes[place]) is same]
            rest -= _take(gross, bearers, rest)
        if rest:
            raise Rejected(
                "the discounts of this document are larger than what they are taken off", code="negative_total",
                field="total", cure="Correct the discount in the store.",
            )  # fmt: skip
        gross[place] = -1  # written nowhere; `priced` leaves it out


def _take(gross: list[int], bearers: Sequence[int], wanted: int) -> int:
    have = sum(gross[n] for n in bearers)
    part = min(wanted, have)
    if not part:
        return 0
    shares = {n: gross[n] * part // have for n in bearers}
    left = part - sum(shares.values())
    for n in sorted(bearers, key=lambda n: (-(gross[n] * part % have), n))[:left]:
        shares[n] += 1
    for n, share in shares.items():
        gross[n] -= share
    return part
