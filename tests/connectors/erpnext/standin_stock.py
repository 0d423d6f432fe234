"""Stock and advances of the stand-in's sales documents, and the settings of the site.

Facts: `Bin` with `reserved_qty` of submitted, open orders – erpnext/stock/stock_balance.py; negative stock –
stock_ledger.py; advances – accounts_controller.py `set_advances`.
"""

from __future__ import annotations

import datetime as dt

from tests.connectors.erpnext.standin_db import Database, Doc, flt, throw

SO, SI = "Sales Order", "Sales Invoice"


class Options:
    """Settings of the site that change what is refused."""

    def __init__(self) -> None:
        self.frozen_until: str = ""
        self.fiscal_year = (2024, dt.datetime.now(dt.UTC).year + 1)
        self.allow_multiple_items = False
        self.allow_negative_rates = False
        self.allow_negative_stock = False
        self.unlink_advance = True
        self.precision = 2
        self.rates: dict[str, float] = {}
        """Currency Exchange records: what one unit is worth in the company's currency."""
        self.keeps_differences = True
        """`set_exchange_gain_loss` of erpnext 15; versions before want the deduction from who writes."""


class Shelves:
    """What sales documents do to stock, and to money that came before them."""

    def __init__(self, db: Database, options: Options) -> None:
        self.db = db
        self.options = options

    # -- stock ------------------------------------------------------------------------------------------------------

    def bin(self, code: str, warehouse: str) -> Doc:
        name = f"{code}|{warehouse}"
        if name not in self.db.table("Bin"):
            fresh = {
                "doctype": "Bin",
                "item_code": code,
                "warehouse": warehouse,
                "actual_qty": 0.0,
                "reserved_qty": 0.0,
            }
            self.db.insert(fresh, name)
        return self.db.edit("Bin", name)

    def reserve(self, order: Doc) -> None:
        """`reserved_qty` of every item of an order, worked out anew from all open orders."""
        for code, warehouse in {(r["item_code"], r["warehouse"]) for r in order["items"] if r.get("warehouse")}:
            own = self.bin(code, warehouse)
            orders = [o for o in self.db.table(SO).values() if o["name"] != order["name"]] + [order]
            own["reserved_qty"] = flt(
                sum(
                    max(0.0, row["qty"] - row["delivered_qty"])
                    for one in orders
                    if one["docstatus"] == 1 and one["status"] != "Closed"
                    for row in one["items"]
                    if (row["item_code"], row.get("warehouse")) == (code, warehouse)
                ),
                6,
            )
            own["projected_qty"] = own["actual_qty"] - own["reserved_qty"]

    def _move(self, doc: Doc, sign: int) -> None:
        if not doc.get("update_stock"):
            return
        for row in doc["items"]:
            if not row.get("warehouse"):
                continue
            own = self.bin(row["item_code"], row["warehouse"])
            own["actual_qty"] = flt(own["actual_qty"] - sign * row["qty"], 6)
            own["projected_qty"] = own["actual_qty"] - own["reserved_qty"]
            if own["actual_qty"] < 0 and not self.options.allow_negative_stock:
                throw(
                    f"{-own['actual_qty']} units of <a href='/app/Item/{row['item_code']}'>Item {row['item_code']}</a> "
                    f"needed in <a>Warehouse {row['warehouse']}</a> to complete this transaction.",
                    "NegativeStockError", module="erpnext.stock.stock_ledger",
                )  # fmt: skip

    # -- advances ---------------------------------------------------------------------------------------------------

    def _advances(self, doc: Doc) -> None:
        """Money allocated to this invoice's orders moves onto the invoice (`set_advances`, on submit)."""
        orders = {row["sales_order"] for row in doc["items"] if row.get("sales_order")}
        for payment in list(self.db.table("Payment Entry").values()):
            if payment["docstatus"] != 1 or payment["party"] != doc["customer"]:
                continue
            for place, reference in enumerate(payment["references"]):
                if reference["reference_name"] not in orders or doc["outstanding_amount"] <= 0:
                    continue
                own = self.db.edit("Payment Entry", payment["name"])
                part = min(reference["allocated_amount"], doc["outstanding_amount"])
                row = own["references"][place]
                if part == row["allocated_amount"]:
                    row |= {"reference_doctype": SI, "reference_name": doc["name"]}
                else:
                    row["allocated_amount"] -= part
                    own["references"].append({**row, "reference_doctype": SI, "reference_name": doc["name"],
                                              "allocated_amount": part, "name": row["name"] + "a"})  # fmt: skip
                doc["outstanding_amount"] = flt(doc["outstanding_amount"] - part, 2)
