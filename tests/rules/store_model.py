"""A small pure store: an order that is paid, shipped, refunded, edited, exchanged and cancelled, event by event."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
from hypothesis import strategies as st

from selaras.model.money import exponent, rounded
from selaras.model.order import Line, Order, Payment, Refund, Shipment
from selaras.rules.plan_types import BankMatch

START = dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC)
ZERO = Decimal(0)
EVENTS = (
    "pay", "pay_part", "bank", "ship", "refund_lines", "refund_amount", "refund_all", "edit", "add", "exchange_kept",
    "exchange_dropped", "cancel",
)  # fmt: skip


def line(draw: st.DrawFn, code: str, currency: str, included: bool) -> Line:
    """A random line; its tax is exact in the currency."""
    unit = Decimal(1).scaleb(-exponent(currency))
    price = draw(st.integers(1, 500_000)) * unit
    quantity = Decimal(draw(st.integers(1, 4)))
    discount = rounded(price * quantity * draw(st.sampled_from([0, 0, 10, 33])) / 100, currency)
    rate = draw(st.sampled_from([ZERO, ZERO, Decimal("0.11")]))
    net = rounded(price * quantity - discount, currency)
    tax = rounded(net * rate / (1 + rate), currency) if included else rounded(net * rate, currency)
    return Line(f"L{code}", code, f"Barang {code}", quantity, price, discount, tax, rate)


class Store:
    """The order as the store holds it, and the bank's matches; time passes with every event."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.bank: list[BankMatch] = []
        self.at = START
        self.serial = 0

    def _set(self, **changes: object) -> None:
        self.order = msgspec.structs.replace(self.order, updated_at=self.at, **changes)

    def _total(self, lines: tuple[Line, ...]) -> Decimal:
        return msgspec.structs.replace(self.order, lines=lines).computed_total()

    @property
    def received(self) -> Decimal:
        return self.order.paid + sum((m.amount for m in self.bank), ZERO)

    def refundable(self) -> list[tuple[Line, Decimal]]:
        """Lines with the pieces that were not refunded yet."""
        found = []
        for one in self.order.lines:
            gone = sum((x.quantity for r in self.order.refunds for x in r.lines if x.code == one.code), ZERO)
            if one.quantity > gone and one.kind == "product":
                found.append((one, one.quantity - gone))
        return found

    def left(self) -> Decimal:
        """Money of the order that was not refunded."""
        codes = {x.code for x in self.order.lines}
        dropped = sum((_value(x, self.order) for r in self.order.refunds for x in r.lines if x.code not in codes), ZERO)
        return self.order.total + dropped - self.order.refunded

    def part(self, one: Line, pieces: Decimal) -> Line:
        """`pieces` of a line as a refund states them: discount and tax in proportion."""
        gone = [x for r in self.order.refunds for x in r.lines if x.code == one.code]
        before = sum((x.quantity for x in gone), ZERO)
        if before + pieces == one.quantity:
            discount = one.discount - sum((x.discount for x in gone), ZERO)
            tax = one.tax - sum((x.tax for x in gone), ZERO)
        else:
            discount = rounded(one.discount * pieces / one.quantity, self.order.currency)
            tax = rounded(one.tax * pieces / one.quantity, self.order.currency)
        return msgspec.structs.replace(one, id=f"R{self.serial}", quantity=pieces, discount=discount, tax=tax)

    def step(self, draw: st.DrawFn, event: str) -> bool:
        """Let an event happen; False when it cannot happen now."""
        self.at += dt.timedelta(minutes=draw(st.integers(1, 2000)))
        self.serial += 1
        order = self.order
        cancelled = order.status == "cancelled"
        if event in ("pay", "pay_part"):
            due = order.total - self.received
            if due <= 0:
                return False
            amount = due if event == "pay" else rounded(due * draw(st.integers(1, 99)) / 100, order.currency)
            if amount <= 0:
                return False
            payment = Payment(f"P{self.serial}", amount, self.at, draw(st.sampled_from(["card", "qris"])))
            self._set(payments=(*order.payments, payment))
        elif event == "bank":
            due = order.total - self.received
            if due <= 0 or cancelled:
                return False
            day = self.at.astimezone(dt.timezone(dt.timedelta(hours=7))).date()
            self.bank.append(BankMatch(f"T{self.serial}", due, day, "1-1100"))
        elif event == "ship":
            self._set(shipments=(*order.shipments, Shipment(f"S{self.serial}", self.at, f"JP{self.serial}", "JNE")))
        elif event == "refund_lines" or event.startswith("exchange"):
            return self._take_back(draw, event)
        elif event in ("refund_amount", "refund_all"):
            left = self.left()
            if left <= 0 or (event == "refund_all" and cancelled):
                return False
            amount = left if event == "refund_all" else rounded(left * draw(st.integers(1, 100)) / 100, order.currency)
            if amount <= 0:
                return False
            self._refund(draw, amount, ())
        elif event in ("edit", "add"):
            return self._edit(draw, event)
        elif event == "cancel":
            if cancelled:
                return False
            self._set(status="cancelled", cancelled_at=self.at)
        return True

    def _refund(self, draw: st.DrawFn, amount: Decimal, lines: tuple[Line, ...], back: bool | None = None) -> None:
        paid_back = draw(st.booleans()) if back is None else back
        restock = draw(st.booleans()) if lines else False
        refund = Refund(f"R{self.serial}", amount, self.at, lines, "rusak", restock, paid_back)
        self._set(refunds=(*self.order.refunds, refund))

    def _take_back(self, draw: st.DrawFn, event: str) -> bool:
        choices = self.refundable()
        if not choices:
            return False
        one, most = draw(st.sampled_from(choices))
        pieces = most if event == "exchange_dropped" else Decimal(draw(st.integers(1, int(most))))
        taken = self.part(one, pieces)
        amount = _value(taken, self.order)
        if taken.discount < 0 or taken.net(self.order.currency) < 0 or amount > self.left():
            return False
        if event == "refund_lines":
            self._refund(draw, amount, (taken,))
            return True
        if self.order.status == "cancelled" or (event == "exchange_dropped" and most != one.quantity):
            return False
        instead = line(draw, f"X{self.serial}", self.order.currency, self.order.tax_included)
        lines = (*(x for x in self.order.lines if event == "exchange_kept" or x.id != one.id), instead)
        self._set(lines=lines, total=self._total(lines))
        self._refund(draw, amount, (taken,), False)
        return True

    def _edit(self, draw: st.DrawFn, event: str) -> bool:
        order = self.order
        if order.status == "cancelled":
            return False
        if event == "add":
            lines = (*order.lines, line(draw, f"N{self.serial}", order.currency, order.tax_included))
        else:
            touched = {x.code for r in order.refunds for x in r.lines}
            free = [x for x in order.lines if x.code not in touched]
            if not free:
                return False
            old = draw(st.sampled_from(free))
            new = line(draw, old.code, order.currency, order.tax_included)
            new = msgspec.structs.replace(new, id=old.id, kind=old.kind)
            dropped = draw(st.booleans()) and len(order.lines) > 1
            lines = tuple(new if x.id == old.id else x for x in order.lines if not (dropped and x.id == old.id))
        before = self.order
        self._set(lines=lines, total=self._total(lines))
        if self.left() < 0 or self.order.total <= 0:
            self.order = before
            return False
        return True


def _value(one: Line, order: Order) -> Decimal:
    return one.net(order.currency) + (ZERO if order.tax_included else one.tax)


@st.composite
def histories(draw: st.DrawFn, longest: int = 7) -> list[tuple[Order, list[BankMatch]]]:
    """The states of one order after each of its events, oldest first."""
    currency = draw(st.sampled_from(["IDR", "USD", "KWD"]))
    included = draw(st.booleans())
    lines = tuple(line(draw, code, currency, included) for code in "ABC"[: draw(st.integers(1, 3))])
    if draw(st.booleans()):
        shipping = draw(st.integers(1, 90_000)) * Decimal(1).scaleb(-exponent(currency))
        lines += (Line("ship", "", "JNE", Decimal(1), shipping, kind="shipping"),)
    order = Order("77", "1077", currency, ZERO, START, START, lines=lines, tax_included=included)
    store = Store(msgspec.structs.replace(order, total=order.computed_total()))
    states = [(store.order, list(store.bank))]
    for event in draw(st.lists(st.sampled_from(EVENTS), max_size=longest)):
        if store.step(draw, event):
            states.append((store.order, list(store.bank)))
    return states


def told(order: Order) -> str:
    """An order in one line, for the notes of a failing history."""
    lines = " ".join(f"{x.code or x.kind}×{x.quantity}@{x.unit_price}-{x.discount}+{x.tax}" for x in order.lines)
    paid = " ".join(f"{p.id}:{p.amount}@{p.paid_at:%d %H:%M}" for p in order.payments)
    back = " ".join(
        f"{r.id}:{r.amount}@{r.refunded_at:%d %H:%M}"
        f"{'[' + ' '.join(f'{x.code}×{x.quantity}' for x in r.lines) + ']' if r.lines else ''}"
        f"{' restock' if r.restock else ''}{' paid' if r.paid_back else ''}"
        for r in order.refunds
    )
    sent = " ".join(f"{s.shipped_at:%d %H:%M}" for s in order.shipments)
    off = f" cancelled {order.cancelled_at:%d %H:%M}" if order.cancelled_at else ""
    return f"{order.total} {order.currency} | {lines} | paid {paid} | refunds {back} | shipped {sent}{off}"
