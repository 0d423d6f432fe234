"""Money in the stand-in's database, and everything that is saved or deleted there.

==============================================  ====================================================================
a payment beyond what is owed is refused        not known: the stricter
a voucher that does not balance is refused      public code
lines on receivables and payables name whose    not known: the stricter (public code sends `customerNo` there)
`delete.do` takes the internal id               vendor, "Menghapus data … berdasarkan id tertentu"
a record of a closed period is not deleted      not known: the stricter
a used down payment holds its receipt           not known: the stricter
what is paid is not deleted                     not known: the stricter
the number of a deleted record is free again    not known: the nastier
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
            "journal-voucher": self._voucher,
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

    def _voucher(self, body: Mapping[str, Any]) -> Row:
        if "id" in body:
            raise Refused("Jurnal Umum tidak dapat diubah pada peniru ini")
        number = self.number("journal-voucher", body)
        day = self.day(body)
        if body.get("branchName"):
            self.known("branch", body["branchName"], "Cabang")
        rows: list[Row] = []
        sides = {"DEBIT": ZERO, "CREDIT": ZERO}
        for one in body.get("detailJournalVoucher") or ():
            account = self.known("glaccount", one.get("accountNo"), "Akun Perkiraan")
            amount, side = number_in(one, "amount"), one.get("amountType")
            if side not in sides:
                raise Refused('Invalid field value for field "amountType".')
            if amount <= 0:
                raise Refused("Nilai Jurnal harus lebih besar dari 0")
            self._id += 1
            row = {"id": self._id, "glAccount": {"no": account["no"]}, "amount": amount, "amountType": side}
            if account["accountType"] in ("ACCOUNT_RECEIVABLE", "ACCOUNT_PAYABLE"):
                if one.get("subsidiaryType") != "CUSTOMER":
                    raise Refused("Tipe Pelanggan/Pemasok harus diisi")
                customer = self.known("customer", one.get("customerNo"), "Pelanggan")
                row["customer"] = {"customerNo": customer["customerNo"]}
            sides[side] += amount
            rows.append(row)
        if not rows or sides["DEBIT"] != sides["CREDIT"]:
            raise Refused("Jurnal tidak balance")
        return self.put("journal-voucher", number, {
            "number": number, "transDate": f"{day:%d/%m/%Y}", "description": str(body.get("description") or ""),
            "transactionType": "JOURNAL_VOUCHER", "detailJournalVoucher": rows,
        })  # fmt: skip

    def delete(self, entity: str, id: str) -> None:
        """`delete.do`."""
        row = self.by_id(entity, int(id) if id.isdecimal() else id)
        self.day(row)
        bills: list[tuple[Row, Row]] = []
        if entity == "sales-invoice":
            paid = any(
                one["invoice"]["number"] == row["number"]
                for receipt in self.of("sales-receipt").values()
                for one in receipt["detailInvoice"]
            )
            if not row["invoiceDp"] or paid:
                raise Refused(f"Faktur {row['number']} tidak dapat dihapus karena sudah digunakan")
        elif entity == "sales-receipt":
            bills = [(self.of("sales-invoice")[one["invoice"]["number"]], one) for one in row["detailInvoice"]]
            for bill, one in bills:
                if bill["invoiceDp"] and bill["available"] < one["paymentAmount"]:
                    raise Refused(f"Uang Muka {bill['number']} sudah digunakan, penerimaan tidak dapat dihapus")
        elif entity != "journal-voucher":
            raise Refused("Data tidak dapat dihapus pada peniru ini")
        del self.of(entity)[row["number"]]
        for bill, one in bills:
            if bill["invoiceDp"]:
                bill["available"] -= one["paymentAmount"]
            self.owed(bill)
            self.put("sales-invoice", bill["number"], bill)

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
