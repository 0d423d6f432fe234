"""The rest of the stand-in's books: changes, lists, and rows as they are sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.connectors.jurnal.standin_books import ZERO, Row, invalid, plain
from tests.connectors.jurnal.standin_money import Money


class Books(Money):
    """One company."""

    def change(self, table: str, name: str, body: Row) -> Row:
        row = self.get(table, name)
        if table == "customers":
            row |= {k: v for k, v in body.items() if k in row}
        elif table == "sales_orders":
            if row["transaction_status"]["name"] == "Closed" and body.get("transaction_lines_attributes"):
                gone = {p["id"] for p in body["transaction_lines_attributes"] if p.get("_destroy")}
                kept = [p for p in body["transaction_lines_attributes"] if not p.get("_destroy")]
                if not gone or not kept:
                    raise invalid("transaction_lines_attributes", "can't be blank")
            # Lines without an id are added, with one they are kept (swagger, "Update a Sales Order").
            parts = body.get("transaction_lines_attributes") or ()
            if not parts:
                raise invalid("transaction_lines_attributes", "has to be sent")
            gone = {p["id"] for p in parts if p.get("_destroy")}
            stays = [line for line in row["transaction_lines_attributes"] if line["id"] not in gone]
            fresh = [p for p in parts if not p.get("id")]
            more, total, tax = (
                self.lines({**body, "transaction_lines_attributes": fresh}) if fresh else ([], ZERO, ZERO)
            )
            total += sum((Decimal(line["amount"]) for line in stays), ZERO)
            row["transaction_lines_attributes"] = stays + more
            if row["transaction_status"]["name"] == "Closed":
                for line in row["transaction_lines_attributes"]:
                    line["remaining_quantity"] = 0
            row["original_amount"], row["tax_amount"] = plain(total), plain(tax)
            row.update({k: body[k] for k in ("tracking_no", "ship_via", "memo") if k in body})
        else:
            raise invalid("base", "cannot be changed")
        row["updated_at"] = self.stamp()
        return row

    def listed(self, table: str, query: dict[str, str], lag: float) -> list[Row]:
        """The rows of a list; new ones show only after `lag` seconds."""
        rows = [r for r in self.tables[table].values()
                if not r.get("deleted_at") and r.get("visible_at", 0.0) + lag <= self.now()]  # fmt: skip
        key = query.get("sort_key", "")
        sorts: dict[str, Callable[[Row], Any]] = {
            "created_at": lambda r: r["id"],
            "transaction_no": lambda r: str(r["transaction_no"]),
            "transaction_date": lambda r: (r["transaction_date"][6:], r["transaction_date"][3:5],
                                           r["transaction_date"][:2], r["id"]),
            "transaction_status_name": lambda r: r["transaction_status"]["name"],
            "display_name": lambda r: r["display_name"],
            "name": lambda r: r["name"],
        }  # fmt: skip
        if table in ("sales_orders",) and key == "created_at":
            key = "transaction_date"  # not documented for them
        default = "display_name" if table == "customers" else "name" if table == "products" else "transaction_date"
        if table in ("customers", "products") and key not in ("display_name", "name"):
            key = default
        rows.sort(key=sorts.get(key) or sorts[default], reverse=query.get("sort_order") == "desc")
        return rows

    @staticmethod
    def shown(row: Row) -> Row:
        """A row as it is sent."""
        hidden = ("visible_at", "warehouses")
        made = {k: v for k, v in row.items() if k not in hidden}
        if "transaction_lines_attributes" in made:
            made["transaction_lines_attributes"] = [
                {k: v for k, v in line.items() if k not in ("pieces", "back")}
                for line in made["transaction_lines_attributes"]
            ]
        if "payments" in made:
            made["payments"] = [{"id": p["id"]} for p in made["payments"]]
        return made
