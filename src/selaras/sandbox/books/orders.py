"""Sales orders: make, change, void."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from selaras.sandbox.books.kinds import ZERO, Line, SalesOrder
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books, Moves, Thread
from selaras.sandbox.books.wire import Change, SalesOrderChange, SalesOrderIn, Void

# Fields that may change at any time, invoiced or not, period closed or not: the parcel travels after the sale.
ALWAYS = frozenset(("tracking", "courier"))


def create(books: Books, item: SalesOrderIn, act: Act) -> SalesOrder:
    """A new order; reserves its goods."""
    books.check_reference(books.sales_orders, item.reference, act)
    books.check_currency(item.currency)
    books.check_open(item.date)
    books.check_contact(item.contact_id)
    books.makeup.check_dimensions(item.dimensions)
    priced = books.price(item.lines, item.currency, item.tax_included, item.total)
    books.check_stock(priced.moves, {})
    row_id, number = books.sales_orders.new_id()
    order = SalesOrder(
        id=row_id,
        number=number,
        reference=item.reference,
        source=act.source,
        date=item.date,
        currency=item.currency,
        total=priced.total,
        contact_id=item.contact_id,
        lines=priced.lines,
        tax_included=item.tax_included,
        tracking=item.tracking,
        courier=item.courier,
        note=item.note,
        dimensions=item.dimensions,
    )
    set_status(order)
    thread = books.threads[row_id] = Thread()
    thread.documents.append(order)
    books.sales_orders.add(order, act.stamp, act.visible_at)
    _reserve(books, thread, priced.moves, act)
    return order


def changed_fields(row: Any, item: Change) -> dict[str, Any]:
    """The fields that `item` states and that differ from `row`."""
    found: dict[str, Any] = {}
    for name in item.__struct_fields__:
        if name in ("id", "version"):
            continue
        value = getattr(item, name)
        if value is not UNSET and value != getattr(row, name) and not (name == "lines" and _same(value, row.lines)):
            found[name] = value
    return found


def _same(stated: tuple[Line, ...], kept: tuple[Line, ...]) -> bool:
    """Whether lines are equal but for amounts that were left to us."""
    return len(stated) == len(kept) and all(
        a == (replace(b, amount=None) if a.amount is None else b) for a, b in zip(stated, kept, strict=True)
    )


def check_version(row: Any, item: Change) -> None:
    """Refuse a conditional change of a version that is no longer the current one."""
    if item.version is not UNSET and item.version != str(row.version):
        raise Refused(
            "stale_version", "version", f"{row.id} has version {row.version} now, not {item.version}.", id=row.id
        )


def update(books: Books, item: SalesOrderChange, act: Act) -> SalesOrder:
    """Change an order: courier and tracking always, all else while it is neither void nor invoiced."""
    order = books.sales_orders.get(item.id)
    if order is None:
        raise Refused("not_found", "id", f"There is no sales order {item.id!r}.")
    check_version(order, item)
    changes = changed_fields(order, item)
    if not changes:
        return order
    if changes.keys() - ALWAYS:
        if order.status == "void":
            raise Refused("document_void", "id", f"Sales order {order.number} is void.", id=order.id)
        if order.invoiced or any(d.id.startswith("inv") for d in books.threads[order.id].documents):
            raise Refused("order_invoiced", "id", f"Sales order {order.number} is invoiced already.", id=order.id)
        _rewrite(books, order, changes, act)
    for name in ALWAYS & changes.keys():
        setattr(order, name, changes[name])
    books.sales_orders.touch(order, act.stamp, act.now, act.visible_at)
    return order


def _rewrite(books: Books, order: SalesOrder, changes: dict[str, Any], act: Act) -> None:
    """Everything but courier and tracking: priced anew, reserved anew."""
    want = {name: changes.get(name, getattr(order, name)) for name in order.__struct_fields__}
    books.check_currency(want["currency"])
    if want["currency"] != order.currency and order.received:
        raise Refused("document_locked", "currency", f"Sales order {order.number} has received money already.")
    books.check_open(order.date)
    books.check_open(want["date"])
    books.check_contact(want["contact_id"])
    books.makeup.check_dimensions(want["dimensions"])
    books.check_reference(books.sales_orders, want["reference"], act, order.id)
    priced = books.price(want["lines"], want["currency"], want["tax_included"], want["total"])
    thread = books.threads[order.id]
    books.check_stock(priced.moves, thread.reserved)
    if "reference" in changes:
        books.sales_orders.rename(order, changes["reference"])
    for name in ("date", "currency", "total", "contact_id", "lines", "tax_included", "note", "dimensions"):
        setattr(order, name, want[name])
    order.lines = priced.lines
    release(books, thread, act)
    _reserve(books, thread, priced.moves, act)
    set_status(order)


def void(books: Books, item: Void, act: Act) -> SalesOrder:
    """Void an order: nothing is deleted, its reservation is given back. Voiding twice is harmless."""
    order = books.sales_orders.get(item.id)
    if order is None:
        raise Refused("not_found", "id", f"There is no sales order {item.id!r}.")
    if order.status == "void":
        return order
    if order.credited < order.invoiced:
        raise Refused(
            "order_invoiced",
            "id",
            f"Sales order {order.number} is invoiced with {order.invoiced - order.credited} not credited yet.",
            id=order.id,
        )
    release(books, books.threads[order.id], act)
    order.status = "void"
    books.sales_orders.touch(order, act.stamp, act.now, act.visible_at)
    return order


def delete(books: Books, item: Void, act: Act) -> SalesOrder:
    """What a person may do and no application: throw an order away of which nothing was made."""
    order = books.sales_orders.get(item.id)
    if order is None:
        raise Refused("not_found", "id", f"There is no sales order {item.id!r}.")
    if len(books.threads[order.id].documents) > 1:
        raise Refused("document_locked", "id", f"Sales order {order.number} has documents of its own.", id=order.id)
    release(books, books.threads.pop(order.id), act)
    books.sales_orders.remove(order)
    return order


def set_status(order: SalesOrder) -> None:
    """open → paid as the money comes in; void stays void."""
    if order.status != "void":
        settled = order.received - order.refunded + order.credited
        order.status = "paid" if settled >= order.total else "open"


def _reserve(books: Books, thread: Thread, moves: Moves, act: Act) -> None:
    for place, pieces in moves.items():
        thread.reserved[place] = thread.reserved.get(place, ZERO) + pieces
        books.move_stock(place[0], act, ZERO, pieces, place[1])


def release(books: Books, thread: Thread, act: Act) -> None:
    """Give back what the sale still reserves."""
    for (code, warehouse), pieces in thread.reserved.items():
        if pieces:
            books.move_stock(code, act, ZERO, -pieces, warehouse)
    thread.reserved.clear()


def ship(books: Books, thread: Thread, moves: Moves, act: Act) -> None:
    """Take sold pieces off the shelf, out of the sale's reservation as far as it goes (its own warehouse first)."""
    for place, pieces in moves.items():
        code, left = place[0], pieces
        for other in sorted(thread.reserved, key=lambda one: one != place):
            held = min(thread.reserved[other], left) if other[0] == code else ZERO
            if held:
                thread.reserved[other] -= held
                left -= held
                books.move_stock(code, act, ZERO, -held, other[1])
        books.move_stock(code, act, -pieces, ZERO, place[1])
