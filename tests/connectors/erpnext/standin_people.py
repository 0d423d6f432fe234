"""Customers with their contacts, and the company with its chart, as the stand-in has them.

Facts: the primary Contact of a customer and the fields fetched from it – erpnext/selling/doctype/customer/customer.py;
the names of accounts, warehouses and templates – samples of a live site.
"""

from __future__ import annotations

from tests.connectors.erpnext.standin_db import Database, Doc, throw

COMPANY = "PT Contoh Integrasi"
CLEARING, BANK, RECEIVABLE = "Dana Midtrans - PCI", "Bank BCA - PCI", "1131.0010 - Piutang Dagang - PCI"
FEE = "6110.000 - Biaya Bank - PCI"
EXCHANGE, BANK_USD, RECEIVABLE_USD = (
    "7200.000 - Selisih Kurs - PCI",
    "Bank BCA USD - PCI",
    "1131.0011 - Piutang USD - PCI",
)
STORES = "Stores - PCI"
ACCOUNTS = (
    ("1111.001 - Kas Kecil - PCI", "Kas Kecil", "1111.001", "Cash", "Asset"),
    (BANK, "Bank BCA", "", "Bank", "Asset"),
    (CLEARING, "Dana Midtrans", "", "Bank", "Asset"),
    (RECEIVABLE, "Piutang Dagang", "1131.0010", "Receivable", "Asset"),
    ("4110.000 - Penjualan - PCI", "Penjualan", "4110.000", "Income Account", "Income"),
    ("4190.000 - Potongan Penjualan - PCI", "Potongan Penjualan", "4190.000", "", "Income"),
    ("4200.000 - Pendapatan Ongkir - PCI", "Pendapatan Ongkir", "4200.000", "", "Income"),
    ("4300.000 - Pendapatan Lain - PCI", "Pendapatan Lain", "4300.000", "", "Income"),
    ("PPN Keluaran 11% - PCI", "PPN Keluaran 11%", "", "Tax", "Liability"),
    ("PPN Keluaran 12% - PCI", "PPN Keluaran 12%", "", "Tax", "Liability"),
    ("Round Off - PCI", "Round Off", "", "Round Off", "Expense"),
    ("6110.000 - Biaya Bank - PCI", "Biaya Bank", "6110.000", "Expense Account", "Expense"),
    (EXCHANGE, "Selisih Kurs", "7200.000", "", "Income"),
)


class People:
    """Doctypes without entries: customers, contacts, and what the chart is made of."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def company(self, currency: str = "IDR") -> None:
        """One company as the setup wizard leaves it, with two tax templates; the default one is 11 %."""
        self._put("Company", COMPANY, company_name=COMPANY, abbr="PCI", default_currency=currency,
                  default_receivable_account=RECEIVABLE, cost_center="Main - PCI",
                  exchange_gain_loss_account=EXCHANGE)  # fmt: skip
        self._put("Account", "1000 - Aset - PCI", account_name="Aset", is_group=1, company=COMPANY, root_type="Asset")
        for name, title, number, kind, root in ACCOUNTS:
            self._put("Account", name, account_name=title, account_number=number or None, account_type=kind,
                      root_type=root, is_group=0, account_currency=currency, disabled=0, company=COMPANY)  # fmt: skip
        for title in ("Stores", "Finished Goods"):
            self._put("Warehouse", f"{title} - PCI", warehouse_name=title, is_group=0, disabled=0, company=COMPANY)
        self._put("Warehouse", "Goods In Transit - PCI", warehouse_name="Goods In Transit", warehouse_type="Transit",
                  is_group=0, disabled=0, company=COMPANY)  # fmt: skip
        for percent in (11, 12):
            rows = [{"charge_type": "On Net Total", "account_head": f"PPN Keluaran {percent}% - PCI", "rate": percent,
                     "description": f"PPN {percent}%", "cost_center": "Main - PCI"}]  # fmt: skip
            self._put("Sales Taxes and Charges Template", f"PPN {percent}% - PCI", title=f"PPN {percent}%",
                      is_default=int(percent == 11), disabled=0, company=COMPANY, taxes=rows)  # fmt: skip
        self._put("Cost Center", "Main - PCI", cost_center_name="Main", is_group=0, disabled=0, company=COMPANY)
        self._put("Project", "PROJ-0001", project_name="Toko web", status="Open", company=COMPANY)
        self._put("Branch", "Bandung", branch="Bandung")
        self._put("Bank Account", "Rekening BCA - BCA", account_name="Rekening BCA", account=BANK, bank="BCA",
                  company=COMPANY, is_company_account=1)  # fmt: skip

    def abroad(self) -> None:
        """A bank account in dollars, and customers who owe dollars."""
        for name, title, kind in ((BANK_USD, "Bank BCA USD", "Bank"), (RECEIVABLE_USD, "Piutang USD", "Receivable")):
            self._put("Account", name, account_name=title, account_number=None, account_type=kind, root_type="Asset",
                      is_group=0, account_currency="USD", disabled=0, company=COMPANY)  # fmt: skip
        self._put("Bank Account", "Rekening USD - BCA", account_name="Rekening USD", account=BANK_USD, bank="BCA",
                  company=COMPANY, is_company_account=1)  # fmt: skip

    def item(self, code: str, *, price: float = 0.0, stocked: bool = True, **more: object) -> Doc:
        """An item that may be sold."""
        values: Doc = {"is_stock_item": int(stocked), "is_sales_item": 1, "has_variants": 0, "disabled": 0, **more}
        return self._put(
            "Item", code, item_code=code, item_name=f"Barang {code}", stock_uom="Nos", standard_rate=price, **values
        )  # fmt: skip

    def customer(self, name: str) -> Doc:
        """A customer that a person entered."""
        return self._put("Customer", name, customer_name=name, customer_type="Individual", disabled=0)

    def _put(self, doctype: str, name: str, **values: object) -> Doc:
        return self.db.insert({"doctype": doctype, **values}, name)

    # -- customers --------------------------------------------------------------------------------------------------

    def validate(self, doc: Doc) -> None:
        if doc["doctype"] == "Customer" and not doc.get("customer_name"):
            throw("Error: Value missing for Customer: Customer Name", "MandatoryError")
        if doc["doctype"] == "Customer" and doc.get("customer_primary_contact"):
            contact = self.db.get("Contact", doc["customer_primary_contact"])
            doc |= {"email_id": contact.get("email_id"), "mobile_no": contact.get("mobile_no")}
        if doc["doctype"] == "Contact":
            doc["email_id"] = next((r["email_id"] for r in doc.get("email_ids") or () if r.get("is_primary")), None)
            doc["mobile_no"] = next(
                (r["phone"] for r in doc.get("phone_nos") or () if r.get("is_primary_mobile_no")), None
            )

    def after_insert(self, doc: Doc) -> None:
        """ERPNext makes the primary contact of a customer that came with an address of mail or a number."""
        if doc["doctype"] != "Customer" or not (doc.get("email_id") or doc.get("mobile_no")):
            return
        doc.setdefault("disabled", 0)
        contact = {
            "doctype": "Contact", "first_name": doc["customer_name"],
            "email_ids": [{"email_id": doc["email_id"], "is_primary": 1}] if doc.get("email_id") else [],
            "phone_nos": [{"phone": doc["mobile_no"], "is_primary_mobile_no": 1}] if doc.get("mobile_no") else [],
        }  # fmt: skip
        self.validate(contact)
        name = f"{doc['customer_name']}-{doc['name']}"
        doc["customer_primary_contact"] = self.db.insert(contact, name)["name"]

    def on_update(self, doc: Doc, change: Doc) -> None:
        """A customer without a contact gets one from what was written."""
        if doc["doctype"] == "Customer" and not doc.get("customer_primary_contact"):
            self.after_insert(doc)
