"""One line of a settlement file → its rows: gross − fee = net for each, or a refusal by file, line and column."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.files import settlement_values as values
from selaras.files.claims import Unreadable
from selaras.files.settlement_forms import Form
from selaras.files.settlement_tables import Table, squeezed
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.settlement import RowKind, SettlementRow

_SUFFIX: Final = re.compile(r"-wc-mdtrs-\d+$")
"""What Midtrans' plug-in for WooCommerce puts behind an order's number when it tries again."""
# 578912345678901234 as Excel keeps it: no order has this number.
_CUT: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_TOTAL: Final = re.compile(r"(grand |sub ?)?total\b|jumlah\b", re.I)
# Money that does not belong to a sale: what goes out to the bank, comes in as a top-up or moves between accounts.
NO_SALE: Final = frozenset(
    "withdrawal disbursement batch_disbursement transfer_in transfer_out transfer topup top_up conversion remittance "
    "remittance_payout loan_repayment reserves_hold reserves_release forex_deposit forex_deduction "
    "balance_transfer payout".split()
)
# Channels that name no batch: they release money day by day into a balance.
_BY_DAY: Final = frozenset({"xendit", "shopee", "tiktok"})
_SETTLED: Final = frozenset({"settled", "early settled", "early_settled"})
_HAPPENED: Final = frozenset({"success", "successful", "completed", "settled", "settlement", "paid", "sukses", ""})


class Placed(msgspec.Struct, frozen=True):
    """A row, the batch it belongs to and the line it came from."""

    batch: str
    row: SettlementRow
    line: int


class Given(msgspec.Struct, frozen=True):
    """What the caller says of a file that does not say it itself."""

    batch: str
    named: bool = False
    settled_on: dt.date | None = None
    currency: str = "IDR"


class Reader:
    """Reads the lines of one table. `left_out` counts lines that are no settlement, by why."""

    def __init__(self, table: Table, form: Form, given: Given) -> None:
        self.table = table
        self.form = form
        self.given = given
        self.left_out: dict[str, int] = {}
        self.totals: list[tuple[int, Decimal]] = []
        self.roles = form.roles(table.header)

    # -- cells ----------------------------------------------------------------------------------------------------

    def wrong(self, line: int, place: int | None, why: str) -> Unreadable:
        """A refusal of a line, and of one of its columns."""
        column = "" if place is None else f", column {self.table.header[place].strip()!r}"
        return Unreadable(f"{self.table.where}, line {line}{column}: {why}")

    def text(self, cells: Sequence[str], role: str) -> str:
        """The text of a role's column, "" where there is none."""
        places = self.roles.get(role)
        return cells[places[0]].strip() if places else ""

    def money(self, line: int, cells: Sequence[str], place: int) -> Decimal:
        """An amount. Raises `Unreadable`."""
        try:
            return values.amount(cells[place])
        except ValueError as error:
            raise self.wrong(line, place, str(error)) from None

    def reference(self, line: int, cells: Sequence[str]) -> str:
        """The order's reference. Raises `Unreadable` for one that a spreadsheet has shortened to an exponent."""
        text = self.text(cells, "reference")
        if _CUT.fullmatch(text):
            raise self.wrong(line, self.roles["reference"][0], "a spreadsheet has cut its digits off")
        return text

    def total(self, line: int, cells: Sequence[str], role: str) -> Decimal:
        """The sum of a role's columns."""
        return sum((self.money(line, cells, place) for place in self.roles.get(role, ())), ZERO)

    def day(self, line: int, cells: Sequence[str]) -> dt.date:
        """The day of the settlement: the file's own, else the caller's. Raises `Unreadable`."""
        text = self.text(cells, "settled")
        if text:
            try:
                return values.day(text, self.text(cells, "timezone"))
            except ValueError as error:
                raise self.wrong(line, self.roles["settled"][0], str(error)) from None
        if self.given.settled_on is None:
            place = self.roles["settled"][0] if "settled" in self.roles else None
            raise self.wrong(line, place, "the day of the settlement is missing; give it with --settled-on")
        return self.given.settled_on

    def currency(self, line: int, cells: Sequence[str]) -> str:
        """The currency of a line."""
        found = self.text(cells, "currency") or self.given.currency
        if found not in EXPONENTS:
            raise self.wrong(line, self.roles["currency"][0], f"{found!r} is no currency of ISO 4217")
        return found

    def batch(self, cells: Sequence[str], day: dt.date) -> str:
        """The batch: as the caller names it, as the file does, else one for each gateway and day."""
        if self.given.named:
            return self.given.batch
        text = self.text(cells, "batch")
        if text and self.roles["batch"] != self.roles.get("settled"):
            return text
        by_day = self.form.gateway in _BY_DAY
        return f"{self.form.gateway.upper()}-{day:%Y%m%d}" if by_day or not self.given.batch else self.given.batch

    def skip(self, why: str) -> list[Placed]:
        """A line that is no settlement."""
        self.left_out[why] = self.left_out.get(why, 0) + 1
        return []

    def is_total(self, line: int, cells: Sequence[str]) -> bool:
        """Whether this is the line that sums the file up; its net is kept, to be held against ours."""
        if self.text(cells, "reference") and not _TOTAL.match(self.text(cells, "reference")):
            return False
        if not any(_TOTAL.match(cell) for cell in cells):
            return False
        if "net" in self.roles and cells[self.roles["net"][0]].strip():
            self.totals.append((line, self.money(line, cells, self.roles["net"][0])))
        return True

    # -- lines ----------------------------------------------------------------------------------------------------

    def read(self, line: int, cells: Sequence[str]) -> list[Placed]:
        """The rows of a line; none for a line that is no settlement. Raises `Unreadable`."""
        if self.is_total(line, cells):
            return self.skip("total")
        if self.form.shape == "parts":
            return self._parts(line, cells)
        return self._row(line, cells)

    def _row(self, line: int, cells: Sequence[str]) -> list[Placed]:
        kind_text = self.text(cells, "kind")
        kind_name = squeezed(kind_text).replace(" ", "_")
        if kind_name in NO_SALE:
            return self.skip(kind_text)
        status = self.text(cells, "status")
        if squeezed(status) not in _HAPPENED:
            return self.skip(status)
        settlement = self.text(cells, "settlement_status")
        if "settlement_status" in self.roles and settlement and squeezed(settlement) not in _SETTLED:
            return self.skip(settlement)
        gross = self.money(line, cells, self.roles["gross"][0])
        kind = self._kind(kind_text, self.text(cells, "refund_type"), gross)
        if kind in ("refund", "chargeback"):
            gross = -abs(gross)
        if kind_name.endswith("_deduct") or kind_name == "adjustment_deduct":
            gross = -abs(gross)
        reference = self.reference(line, cells) or self.text(cells, "related") or self.text(cells, "id")
        if not reference and kind != "adjustment":
            raise self.wrong(line, self.roles["reference"][0], "the order's reference is missing")
        fee, tax = self.total(line, cells, "fee"), self.total(line, cells, "tax")
        net_places = self.roles.get("net")
        if net_places and cells[net_places[0]].strip():
            net = self.money(line, cells, net_places[0])
            fee, net = self._fitting(line, kind, gross, fee, tax, self.total(line, cells, "withheld"), net)
        else:
            fee = abs(fee) + abs(tax) if kind == "payment" else fee + tax
            net = gross - fee
        day = self.day(line, cells)
        return [Placed(self.batch(cells, day), SettlementRow(
            kind, _SUFFIX.sub("", reference), gross, fee, net, day, self.text(cells, "id"),
            tax if tax and abs(tax) <= abs(fee) else ZERO, self.currency(line, cells), kind_text,
        ), line)]  # fmt: skip

    def _kind(self, kind: str, refund: str, gross: Decimal) -> RowKind:
        text = f"{kind} {refund}".lower()
        if "chargeback" in text:
            return "chargeback"
        if "refund" in text or "pengembalian" in text or "retur" in text or "void" in text:
            return "refund"
        # The corrections of a marketplace name no payment at all.
        if "adjust" in text or "penyesuaian" in text or "reference" not in self.form.columns or "cashback" in text:
            return "adjustment"
        return "refund" if gross < 0 else "payment"

    def _fitting(
        self, line: int, kind: RowKind, gross: Decimal, fee: Decimal, tax: Decimal, withheld: Decimal, net: Decimal
    ) -> tuple[Decimal, Decimal]:
        """Fee and net with the signs by which gross − fee = net. Files write both as amounts and as deductions."""
        nets = (net,) if net < 0 or kind in ("payment", "adjustment", "fee") else (-net, net)
        for n in nets:
            for f in (fee + tax, fee + tax + withheld, fee + tax - withheld):
                for signed in (f, -f):
                    if gross - signed == n:
                        return signed, n
        raise self.wrong(
            line, self.roles["net"][0],
            f"gross {gross} − fee {fee + tax} is {gross - fee - tax}, the file says net {net}",
        )  # fmt: skip

    def _parts(self, line: int, cells: Sequence[str]) -> list[Placed]:
        """A marketplace's line: what is not a fee, less the fees, is what was paid out; money back stands apart."""
        # Shopee's file may hold a line for each product under the order's own line.
        if squeezed(self.text(cells, "kind")) in ("sku", "produk"):
            return self.skip(self.text(cells, "kind"))
        reference = self.reference(line, cells)
        if not reference:
            raise self.wrong(line, self.roles["reference"][0], "the order's number is missing")
        net = self.money(line, cells, self.roles["net"][0])
        back = self.total(line, cells, "refund")
        day, currency = self.day(line, cells), self.currency(line, cells)
        batch = self.batch(cells, day)
        if "fees" in self.roles:
            revenue, fees = self.total(line, cells, "revenue"), -self.total(line, cells, "fees")
            correction = self.total(line, cells, "adjustment")
        else:
            revenue, fees = self._sum_of_parts(line, cells)
            correction = ZERO
        if revenue - fees + correction != net:
            told = f"{revenue} − fees {fees}" + (f" + correction {correction}" if correction else "")
            raise self.wrong(
                line, self.roles["net"][0],
                f"{told} is {revenue - fees + correction}, the file says {net}",
            )  # fmt: skip
        found: list[SettlementRow] = []
        sale = revenue - back
        if sale or fees or not (back or correction):
            kind: RowKind = "payment" if sale or not fees else "fee"
            found.append(SettlementRow(kind, reference, sale, fees, sale - fees, day, reference, currency=currency))
        if back:
            gone = -abs(back)
            if back > 0:
                raise self.wrong(line, self.roles["refund"][0], "money back is written as a deduction (negative)")
            found.append(SettlementRow("refund", reference, gone, ZERO, gone, day, reference, currency=currency))
        if correction:
            about = self.text(cells, "related").strip("/- ") or reference
            note = self.text(cells, "kind")
            found.append(SettlementRow("adjustment", about, correction, ZERO, correction, day, reference,
                                       currency=currency, note=note))  # fmt: skip
        return [Placed(batch, row, line) for row in found]

    def _sum_of_parts(self, line: int, cells: Sequence[str]) -> tuple[Decimal, Decimal]:
        """What is not a fee, and the fees (positive), of the columns between the day and what was paid out."""
        rest, fees = ZERO, ZERO
        for place in range(self.roles["first"][0] + 1, self.roles["net"][0]):
            if not cells[place].strip():
                continue
            part = self.money(line, cells, place)
            name = squeezed(self.table.header[place])
            if name.startswith(("biaya", "premi", "bea masuk", "ongkos kirim pengembalian", "pph", "pajak")):
                fees -= part
            else:
                rest += part
        return rest, fees
