"""Money in the stand-in's database, and everything that is saved or deleted there.

==============================================  ====================================================================
a payment beyond what is owed is refused        not known: the stricter
==============================================  ====================================================================
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.connectors.accurate.standin_rows import ZERO, ZONE, Refused, Row, number_in
from tests.connectors.accurate.standin_sales import Sales, settle


class Books(Sales):
    """One database, whole."""

    def save(self, entity: str, body: Mapping[str, Any]) -> Row:
        """`save.do` of one entity; also each item of `bulk-save.do`."""
        makers: dict[str, Callable[[Mapping[str, Any]], Row]] = {
            "customer": self._customer,
            "sales-order": self._order,
            "sales-invoice": self._invoice,
            "sales-receipt": self._receipt,
            "sales-return": self._return,
            "other-payment": self._payment,
        }
        if entity not in makers:
            raise Refused("URL API tidak tepat")
        return makers[entity](body)

    def _receipt(self, body: Mapping[str, Any]) -> Row:
        number = self.number("sales-receipt", body)
        row = self.head("sales-receipt", body) | {"number": number}
        row["bank"] = {"no": self.bank(body.get("bankNo"))["no"]}
        cheque = number_in(body, "chequeAmount")
        if cheque <= 0 or not body.get("detailInvoice"):
            raise Refused("Nilai pembayaran harus diisi")
        paid: list[tuple[Row, Decimal]] = []
        for one in body["detailInvoice"]:
            invoice = self.known("sales-invoice", one.get("invoiceNo"), "Faktur Penjualan")
            amount = number_in(one, "paymentAmount")
            if invoice["customer"]["customerNo"] != row["customer"]["customerNo"]:
                raise Refused("Faktur Penjualan tidak tepat")
            if not 0 < amount <= invoice["primeOwing"]:
                raise Refused(f"Nilai pembayaran melebihi nilai terutang Faktur {invoice['number']}")
            early = self.day(body) < dt.datetime.strptime(invoice["transDate"], "%d/%m/%Y").replace(tzinfo=ZONE).date()
            if early and body.get("passValidateInvoiceDate") is not True:
                raise Refused("Tanggal pembayaran lebih kecil dari tanggal Faktur")
            paid.append((invoice, amount))
        if sum((amount for _invoice, amount in paid), ZERO) > cheque:
            raise Refused("Nilai pembayaran melebihi nilai cek")
        for invoice, amount in paid:
            invoice["primeOwing"] -= amount
            if invoice["invoiceDp"]:
                invoice["available"] += amount
            settle(invoice)
            self.put("sales-invoice", invoice["number"], invoice)
        row |= {"chequeAmount": cheque, "totalPayment": cheque}
        row["detailInvoice"] = [{"invoice": {"number": i["number"]}, "paymentAmount": a} for i, a in paid]
        return self.put("sales-receipt", number, row)

    def _payment(self, body: Mapping[str, Any]) -> Row:
        number = self.number("other-payment", body)
        day = self.day(body)
        bank = self.bank(body.get("bankNo"))
        if not body.get("payee"):
            raise Refused("Penerima harus diisi")
        rows: list[Row] = []
        for one in body.get("detailAccount") or ():
            account = self.known("glaccount", one.get("accountNo"), "Akun Perkiraan")
            if not one.get("expenseName"):
                raise Refused("Nama Beban harus diisi")
            rows.append({"account": {"no": account["no"]}, "amount": number_in(one, "amount")})
        if not rows or any(one["amount"] <= 0 for one in rows):
            raise Refused("Rincian Pembayaran harus diisi")
        total = sum((one["amount"] for one in rows), ZERO)
        row = {
            "number": number, "transDate": f"{day:%d/%m/%Y}", "bank": {"no": bank["no"]}, "chequeAmount": total,
            "description": str(body.get("description") or ""), "payee": body["payee"], "detailAccount": rows,
        }  # fmt: skip
        return self.put("other-payment", number, row)

    def target_quantity(self, body: Mapping[str, Any]) -> Row:
        """`item-adjustment/save-target-quantity.do`: one document, whole or not at all."""
        self.day(body)
        self.known("glaccount", body.get("adjustmentAccountNo"), "Akun Perkiraan")
        wanted = []
        for one in body.get("detail") or ():
            item = self.known("item", one.get("itemNo"), "Barang & Jasa")
            warehouse = self.known("warehouse", one.get("warehouseName"), "Gudang")
            wanted.append((item["no"], warehouse["name"], number_in(one, "targetQuantity")))
        if not wanted:
            raise Refused("Rincian Barang harus diisi")
        for no, name, quantity in wanted:
            self.on_hand[no, name] = quantity
        self._id += 1
        return {"id": self._id, "number": f"IA.{self._id}"}


__all__ = ["ZONE", "Books", "Refused", "Row"]
