"""Tables of the demo in the terminal: both acts side by side, as Table 1 of the founding document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from selaras.i18n import _


def _cells(row: Mapping[str, Any] | None) -> list[str]:
    if not row:
        return ["", "", ""]
    return [
        f"{row['recorded']} {row['recorded_pct']}%",
        f"{row['stock_accuracy_pct']}%",
        str(row["stockout_cancellations"]),
    ]


def acts_table(shown: Mapping[str, Any]) -> RenderableType:
    """The table of what is known so far, with a line about what is going on."""
    acts = shown["acts"]
    table = Table(title=_("Web orders and books, 13 to 19 September 2018"), title_style="bold", box=box.SIMPLE)
    table.add_column(_("Day"), no_wrap=True, min_width=5)
    table.add_column(_("Orders"), justify="right", no_wrap=True, min_width=4)
    for number in (1, 2):
        style = "dim" if number == 1 else ""
        for head in (_("Recorded"), _("Stock"), _("Lost")):
            table.add_column(f"{head}\n({number})", justify="right", style=style, no_wrap=True)
    placed = {day["day"]: day["placed"] for act in acts for day in act["days"]}
    for day in sorted(placed):
        rows = [next((d for d in act["days"] if d["day"] == day), None) for act in acts]
        cells = [cell for row in (*rows, None, None)[:2] for cell in _cells(row)]
        table.add_row(f"{dt.date.fromisoformat(day):%d/%m}", str(placed[day]), *cells)
    totals = [act["total"] for act in acts]
    if any(totals):
        table.add_section()
        cells = [cell for total in (*totals, None)[:2] for cell in _cells(total)]
        table.add_row(_("Total"), str(totals[0]["placed"]), *cells, style="bold")
    names = Text("   ".join(f"({n}) {act['name']}" for n, act in enumerate(acts, 1)))
    running = acts[-1] if acts else {}
    progress = ""
    if running and not running["total"]:
        placed, of = running.get("placed", 0), running.get("of", 0)
        progress = _("%(name)s: %(placed)s of %(of)s orders placed", name=running["name"], placed=placed, of=of)
    key = Text(
        _(
            "Recorded: orders of the store that the books have. Stock: products whose offer on the site is what the "
            "books can promise. Lost: cancelled for lack of stock."
        ),
        style="dim",
    )
    return Group(table, names, key, Text(progress, style="italic"))
