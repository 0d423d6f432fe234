"""Tables of the demo in the terminal: both acts side by side, as Table 1 of the founding document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from selaras.i18n import _

_COLUMNS = ("placed", "recorded", "recorded_pct", "stock_accuracy_pct", "stockout_cancellations")


def _cells(row: Mapping[str, Any] | None) -> list[str]:
    if not row:
        return ["" for _name in _COLUMNS]
    return [f"{row[name]} %" if name.endswith("_pct") else str(row[name]) for name in _COLUMNS]


def acts_table(shown: Mapping[str, Any]) -> RenderableType:
    """The table of what is known so far, with a line about what is going on."""
    acts = shown["acts"]
    table = Table(title=_("Web orders and books, 13 to 19 September 2018"), title_style="bold", show_footer=False)
    table.add_column(_("Day"))
    heads = (_("Placed"), _("Recorded"), _("Recorded, share"), _("Stock right"), _("Out of stock"))
    for number in (1, 2):
        for head in heads:
            table.add_column(f"{head}\n({number})", justify="right", style="dim" if number == 1 else "")
    days = {day["day"] for act in acts for day in act["days"]}
    for day in sorted(days):
        rows = [next((d for d in act["days"] if d["day"] == day), None) for act in acts]
        cells = [cell for row in (*rows, None, None)[:2] for cell in _cells(row)]
        table.add_row(day, *cells)
    if any(act["total"] for act in acts):
        table.add_section()
        cells = [cell for act in (*acts, {"total": None})[:2] for cell in _cells(act["total"])]
        table.add_row(_("Total"), *cells, style="bold")
    names = Text("   ".join(f"({n}) {act['name']}" for n, act in enumerate(acts, 1)))
    running = acts[-1] if acts else {}
    progress = ""
    if running and not running["total"]:
        placed, of = running.get("placed", 0), running.get("of", 0)
        progress = _("%(name)s: %(placed)s of %(of)s orders placed", name=running["name"], placed=placed, of=of)
    return Group(table, names, Text(progress, style="italic"))
