"""Lines of bank statements (Tryton's origins): how much of each is still to be explained.

A bank statement that was posted cannot change any more (trytond 8.2 refuses it to everybody). What explains one of its
lines is then taken back by a cancelling entry, and what explains it anew stands on a statement of ours that bears the
line's id in its name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from selaras.connectors.tryton.chart import Books
from selaras.connectors.tryton.mapping import STAMPS
from selaras.connectors.tryton.slips import cancelled, named_bank_line, slips, statement_name
from selaras.connectors.tryton.values import Row, reference
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import ZERO

FIELDS: Final = (
    "date", "description", "amount", "currency", "pending_amount", "statement.state", "statement.journal.account.code",
    "lines.amount", "lines.move",
)  # fmt: skip


async def read(wire: Wire, ids: Sequence[int]) -> dict[int, Row]:
    """Bank lines by id; `pending_amount` is what is really left to explain."""
    numbers = sorted(set(ids))
    if not numbers:
        return {}
    rows = await wire.rows("account.statement.origin", [["id", "in", numbers]], FIELDS)
    return {row["id"]: row for row in rows}


async def set_free(wire: Wire, books: Books, rows: Sequence[Row]) -> None:
    """Put what is really left to explain into the `pending_amount` of lines of posted statements."""
    posted = {row["id"]: row for row in rows if row["statement"]["state"] == "posted"}
    gone = await cancelled(wire, [line["move"] for row in posted.values() for line in row["lines"] if line["move"]])
    freed = {
        id: sum((line["amount"] for line in row["lines"] if line["move"] in gone), ZERO) for id, row in posted.items()
    }
    names = [statement_name(id) for id, amount in freed.items() if amount]
    anew: dict[str, Decimal] = {}
    for slip in await slips(wire, books, [["statement.name", "in", names]]) if names else ():
        if slip.stands:
            name = str(slip.lines[0]["statement"]["name"])
            anew[name] = anew.get(name, ZERO) + slip.total
    for id, amount in freed.items():
        if amount:
            posted[id]["pending_amount"] += amount - anew.get(statement_name(id), ZERO)


async def changed(wire: Wire, books: Books, since: dt.datetime) -> list[int]:
    """Lines of posted statements of which an explanation was taken back or made anew at or after `since` (aware)."""
    stamp = since.astimezone(dt.UTC).replace(tzinfo=None)
    undone = await wire.rows(
        "account.move",
        [["company", "=", books.company_id], ["origin", "like", "account.move,%"], ["create_date", ">=", stamp],
         ["state", "=", "posted"]],
        ["origin"],
    )  # fmt: skip
    found: set[int] = set()
    if undone:
        moves = sorted({int(reference(row["origin"], "account.move")) for row in undone})
        lines = await wire.rows("account.statement.line", [["move", "in", moves]], ["origin", "statement.name"])
        found |= {line["origin"] or named_bank_line(line["statement"]["name"]) or 0 for line in lines}
    either: list[Any] = ["OR", *([name, ">=", stamp] for name in STAMPS)]
    domain = [["company", "=", books.company_id], ["name", "like", f"{statement_name(None)}%"], either]
    for row in await wire.rows("account.statement", domain, ["name"]):
        found.add(named_bank_line(row["name"]) or 0)
    return sorted(found - {0})
