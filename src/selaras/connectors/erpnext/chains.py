"""A sales order and its amendments are one document to us.

A submitted order of ERPNext cannot change: it is cancelled and *amended*, which makes a new document that names the old
one in `amended_from` (SAL-ORD-2026-00016 → SAL-ORD-2026-00016-1; the naming is a setting, the field is not). The first
name is the id that the hub keeps; the last document is the one that counts. So an order that a person amends in ERPNext
stays linked too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from selaras.connectors.erpnext.values import Row
from selaras.connectors.erpnext.wire import Wire

ORDER = "Sales Order"
_MOST = 30


async def roots(wire: Wire, names: Iterable[str]) -> dict[str, str]:
    """The first name of each order. Names that ERPNext does not have stand for themselves."""
    before: dict[str, str] = {}
    asked: set[str] = set()
    todo = {name for name in names if name}
    wanted = set(todo)
    for _ in range(_MOST):
        if not todo:
            break
        rows = await wire.rows_in(ORDER, ["name", "amended_from"], "name", sorted(todo))
        asked |= todo
        before |= {row["name"]: row["amended_from"] for row in rows if row.get("amended_from")}
        todo = set(before.values()) - asked
    return {name: _first(name, before) for name in wanted}


def _first(name: str, before: dict[str, str]) -> str:
    for _ in range(_MOST):
        if name not in before:
            break
        name = before[name]
    return name


async def living(wire: Wire, ids: Iterable[str], fields: Sequence[str]) -> dict[str, Row]:
    """By the id that the hub keeps: the last document of each order, cancelled or not. Unknown ids are left out."""
    wanted = ["name", "docstatus", "amended_from", *fields]
    found = {row["name"]: row for row in await wire.rows_in(ORDER, wanted, "name", ids)}
    last = dict(found)
    for _ in range(_MOST):
        ends = {row["name"]: id for id, row in last.items() if row["docstatus"] == 2 and not row.get("_end")}
        if not ends:
            break
        after = await wire.rows_in(ORDER, wanted, "amended_from", sorted(ends))
        for name, id in ends.items():
            heirs = [row for row in after if row["amended_from"] == name]
            # Of several amendments the one that is not cancelled counts.
            heirs.sort(key=lambda row: (row["docstatus"] == 2, row["name"]))
            last[id] = heirs[0] if heirs else {**last[id], "_end": True}
    return last


async def superseded(wire: Wire, rows: Iterable[Row]) -> set[str]:
    """Those of cancelled `rows` that were amended: another document stands for them."""
    cancelled = [row["name"] for row in rows if row["docstatus"] == 2]
    if not cancelled:
        return set()
    return {
        row["amended_from"] for row in await wire.rows_in(ORDER, ["name", "amended_from"], "amended_from", cancelled)
    }
