"""Lines with one order number as one order. Of an order with a line that cannot be read, the order says so: it is
counted and blocked with the line and column, and holds up no other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn, cast
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Seen
from selaras.connectors.files.numbers import Unreadable
from selaras.connectors.files.rows import Fault, Row
from selaras.model.money import EXPONENTS, ZERO, rounded
from selaras.model.order import Line, LineKind, Order, OrderStatus, Payment, Refund, Shipment
from selaras.model.party import Address, Buyer

ONE: Final = Decimal(1)
# What belongs to the whole order: it may stand on one of its lines or on each, but then it is the same.
_WHOLE: Final = (
    "order_id", "status", "placed_at", "updated_at", "currency", "total", "tax_included", "buyer_id", "buyer_name",
    "buyer_email", "buyer_phone", "address", "city", "province", "postcode", "country", "shipping", "fee",
    "order_discount", "paid", "cancelled_at", "cancel_reason",
)  # fmt: skip
_SINGLE: Final = ("payment_method", "paid_at", "tracking", "courier", "shipped_at", "note")
_DRAFT_NOTE: Final = "This line of the file is in order now or gone."


class Context(msgspec.Struct, frozen=True):
    """What a file does not say of itself: its name, when it was written, the connection's currency and zone."""

    file: str
    written: dt.datetime
    currency: str
    zone: ZoneInfo


def orders_of(rows: Iterable[Row], about: Context) -> tuple[list[Seen], list[Fault]]:
    """Every order of a table in the order of their first lines, and every fault.

    A refused line without an order number becomes a record of its own, called by file and line.
    """
    groups: dict[str, list[Row]] = {}
    faults: list[Fault] = []
    for row in rows:
        faults += row.faults
        number = row.values.get("order_number")
        if number:
            groups.setdefault(number, []).append(row)
        elif row.values or row.faults:
            if not row.refused:
                fault = Fault(about.file, row.line, "", "", "it has no order number", "Fill it in.")
                row = msgspec.structs.replace(row, faults=(*row.faults, fault))
                faults.append(fault)
            groups[f"{about.file}:{row.line}"] = [row]
    seen = []
    for number, lines in groups.items():
        record, more = _order(number, lines, about)
        faults += more
        seen.append(record)
    return seen, faults


def _order(number: str, rows: Sequence[Row], about: Context) -> tuple[Seen, list[Fault]]:
    faults = [fault for row in rows for fault in row.faults if not fault.warning]
    more: list[Fault] = []
    order: Order | None = None
    if not faults:
        try:
            order = _Group(number, rows, about).order()
        except _Refused as error:
            more.append(error.fault)
    if order is None:
        order = _unreadable(number, rows, [*faults, *more], about)
    raw = msgspec.json.encode({"file": about.file, "lines": {str(row.line): row.cells for row in rows}})
    day = order.placed_at.astimezone(about.zone).date()
    total = None if order.unreadable and not order.currency else order.total
    seen = Seen("order", order.id, order, raw, order.updated_at, day, order.number, total, order.currency)
    return seen, more


def _unreadable(number: str, rows: Sequence[Row], faults: Sequence[Fault], about: Context) -> Order:
    """What is known of an order that cannot be read whole: its name, its day, and its total if that is plain."""
    first = _firsts(rows)
    total, currency = first.get("total"), first.get("currency") or about.currency
    plain = total is not None and currency in EXPONENTS and rounded(total, currency) == total
    told = [fault.sentence() for fault in faults[:3]]
    if len(faults) > 3:
        told.append(f"and {len(faults) - 3} more")
    said = "; ".join(told)
    return Order(
        id=first.get("order_id") or number,
        number=number,
        currency=currency if plain else "",
        total=cast(Decimal, total) if plain else ZERO,
        placed_at=first.get("placed_at") or about.written,
        updated_at=first.get("updated_at") or about.written,
        unreadable=f"{about.file}, {said}" if number != f"{about.file}:{rows[0].line}" else said,
    )


def resolved(id: str, about: Context) -> Seen:
    """A refused line that is no longer there to be refused: nothing was ordered by it, and nothing is wrong now."""
    order = Order(
        id=id, number=id, currency="", total=ZERO, placed_at=about.written, updated_at=about.written,
        status="draft", note=_DRAFT_NOTE,
    )  # fmt: skip
    day = about.written.astimezone(about.zone).date()
    return Seen("order", id, order, b"{}", about.written, day, id)


class _Refused(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.why)
        self.fault = fault


def _firsts(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in rows:
        for field in (*_WHOLE, *_SINGLE):
            if field in row.values:
                found.setdefault(field, row.values[field])
    return found


class _Group:
    """The lines of one order."""

    def __init__(self, number: str, rows: Sequence[Row], about: Context) -> None:
        self.number = number
        self.rows = rows
        self.about = about
        self.whole = self._whole()
        self.currency: str = str(self.whole.get("currency") or about.currency).upper()
        if self.currency not in EXPONENTS:
            self.refuse(rows[0], "currency", "it is no currency", "Write its code of three letters, such as IDR.")
        self.placed: dt.datetime = self.whole.get("placed_at") or self._lacks("placed_at")
        self.updated: dt.datetime = self.whole.get("updated_at") or max(about.written, self.placed)

    def refuse(self, row: Row, field: str, why: str, cure: str) -> NoReturn:
        """Raises `_Refused`."""
        raise _Refused(Fault(self.about.file, row.line, field, str(row.values.get(field, ""))[:80], why, cure))

    def _lacks(self, field: str) -> Any:
        raise _Refused(Fault(self.about.file, self.rows[0].line, field, "", "it is empty", "Fill it in."))

    def _whole(self) -> dict[str, Any]:
        found = _firsts(self.rows)
        for row in self.rows:
            for field in _WHOLE:
                if field in row.values and row.values[field] != found[field]:
                    first = next(r for r in self.rows if field in r.values)
                    self.refuse(
                        row, field, f"line {first.line} of the same order says {found[field]}",
                        "Write it once, or the same on every line of the order.",
                    )  # fmt: skip
        return found

    def _of(self, kind: str) -> list[Row]:
        return [row for row in self.rows if row.values.get("row", "line") == kind]

    def order(self) -> Order:
        """The order. Raises `_Refused`."""
        whole = self.whole
        lines = [self._line(row, place) for place, row in enumerate(self._of("line"), 1)]
        lines += self._extras()
        status = cast(OrderStatus, whole.get("status", "open"))
        order = Order(
            id=str(whole.get("order_id") or self.number),
            number=self.number,
            currency=self.currency,
            total=ZERO,
            placed_at=self.placed,
            updated_at=self.updated,
            status=status,
            buyer=Buyer(
                whole.get("buyer_name", ""),
                whole.get("buyer_email", ""),
                whole.get("buyer_phone", ""),
                whole.get("buyer_id", ""),
                Address(*(whole.get(f, "") for f in ("address", "city", "province", "postcode", "country"))),
            ),
            lines=tuple(lines),
            tax_included=bool(whole.get("tax_included", False)),
            shipments=self._shipments(),
            note=whole.get("note", ""),
            cancel_reason=whole.get("cancel_reason", "") if status == "cancelled" else "",
            cancelled_at=whole.get("cancelled_at") or (self.updated_when_known() if status == "cancelled" else None),
        )
        total = whole.get("total")
        order = msgspec.structs.replace(order, total=order.computed_total() if total is None else total)
        return msgspec.structs.replace(order, payments=self._payments(order), refunds=self._refunds())

    def updated_when_known(self) -> dt.datetime | None:
        """The moment of the last change if the file says it: a file's own age must not move a booking's day."""
        return self.whole.get("updated_at")

    def _line(self, row: Row, place: int) -> Line:
        v = row.values
        quantity = v.get("quantity")
        if quantity is None:
            self.refuse(row, "quantity", "it is empty", "Fill it in.")
        price, whole = v.get("unit_price"), v.get("line_total")
        discount = v.get("line_discount", ZERO)
        if price is None:
            if whole is None or not quantity:
                self.refuse(row, "unit_price", "it is empty", "Fill in the price, or the total of the line.")
            price = (whole + discount) / quantity
        line = Line(
            id=v.get("line_id", str(place)),
            code=v.get("product_code", ""),
            name=v.get("product_name", "") or v.get("product_code", ""),
            quantity=quantity,
            unit_price=price,
            discount=abs(discount),
            tax=v.get("line_tax", ZERO),
            tax_rate=v.get("tax_rate", ZERO),
            kind=cast(LineKind, v.get("line_kind", "product")),
        )
        if whole is not None and line.net(self.currency) != rounded(whole, self.currency):
            self.refuse(
                row, "line_total", f"quantity, price and discount come to {line.net(self.currency)}",
                "Compare quantity, price and discount of the line with its total.",
            )  # fmt: skip
        return line

    def _extras(self) -> list[Line]:
        """Amounts of the whole order that stand in columns of their own."""
        made = []
        for field, kind, sign in (("shipping", "shipping", 1), ("fee", "fee", 1), ("order_discount", "discount", -1)):
            amount = self.whole.get(field)
            if amount:
                amount = abs(amount) * sign if field == "order_discount" else amount
                made.append(Line(field, "", field.replace("_", " "), ONE, amount, kind=cast(LineKind, kind)))
        return made

    def _payments(self, order: Order) -> tuple[Payment, ...]:
        made = []
        method = next((r.values["payment_method"] for r in self.rows if "payment_method" in r.values), "")
        for place, row in enumerate(self._of("payment"), 1):
            v = row.values
            amount = v.get("paid_amount")
            if amount is None or amount <= 0:
                self.refuse(row, "paid_amount", "it is empty or not above zero", "Fill it in.")
            at = v.get("paid_at") or self.placed
            made.append(Payment(v.get("payment_id", str(place)), amount, at, v.get("payment_method", method)))
        if made:
            return tuple(made)
        rows = self._of("line")
        first: dict[str, Any] = {}
        for row in rows:
            for field in ("paid_amount", "paid_at", "payment_id"):
                if field in row.values and first.setdefault(field, row.values[field]) != row.values[field]:
                    self.refuse(
                        row, field, f"another line of the same order says {first[field]}",
                        "Write several payments on lines of their own, with payment in the column row.",
                    )  # fmt: skip
        paid = self.whole.get("paid")
        if paid is False or (order.status in ("pending", "draft") and "paid_amount" not in first):
            return ()
        amount = first.get("paid_amount", order.total if paid or "paid_at" in first else ZERO)
        if amount <= 0:
            return ()
        return (Payment(first.get("payment_id", "1"), amount, first.get("paid_at") or self.placed, method),)

    def _refunds(self) -> tuple[Refund, ...]:
        made: dict[str, Refund] = {}
        for row in [*self._of("refund"), *(r for r in self._of("line") if "refund_amount" in r.values)]:
            v = row.values
            amount = v.get("refund_amount")
            if amount is None:
                self.refuse(row, "refund_amount", "it is empty", "Fill it in.")
            if not amount:
                continue
            if "refunded_at" not in v:
                # The age of a file is no day to book money on: the next export would move it.
                self.refuse(row, "refunded_at", "it is empty", "Fill in when the money went back.")
            id = v.get("refund_id", "1")
            refund = Refund(
                id, abs(amount), v["refunded_at"], (), v.get("refund_reason", ""),
                bool(v.get("restock", False)), True, v.get("refund_method", ""),
            )  # fmt: skip
            if id in made and made[id] != refund:
                self.refuse(
                    row, "refund_id", "another line says something else of the same refund",
                    "Give each refund a number of its own.",
                )  # fmt: skip
            made[id] = refund
        for place, row in enumerate(self._of("refund_line"), 1):
            id = row.values.get("refund_id", "1")
            if id not in made:
                self.refuse(row, "refund_id", "there is no such refund", "Write the refund on a line of its own first.")
            line = self._line(row, place)
            line = msgspec.structs.replace(line, quantity=abs(line.quantity))
            made[id] = msgspec.structs.replace(made[id], lines=(*made[id].lines, line))
        return tuple(made.values())

    def _shipments(self) -> tuple[Shipment, ...]:
        rows = self._of("shipment")
        if not rows:
            rows = [r for r in self.rows if "tracking" in r.values or "shipped_at" in r.values]
        made: dict[str, Shipment] = {}
        for row in rows:
            v = row.values
            id = v.get("tracking", "1")
            at = v.get("shipped_at") or self.placed
            made.setdefault(id, Shipment(id, at, v.get("tracking", ""), v.get("courier", "")))
        return tuple(made.values())


__all__ = ["Context", "Unreadable", "orders_of", "resolved"]
