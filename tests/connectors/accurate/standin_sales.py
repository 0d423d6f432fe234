"""Sales in the stand-in's database: customers, orders, invoices, down payments and returns.

==============================================  ====================================================================
`NOT_RETURNED` brings nothing back on the shelf vendor, ReturnStatusType
an order's rows can be billed once              not known: the stricter
a down payment counts once it is paid           not known: the stricter
rows of `detailDownPayment` go by `_status`     public code (list of the vendor's parameters)
==============================================  ====================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.connectors.accurate.standin_rows import ZERO, Refused, Row, Rows, number_in


class Sales(Rows):
    """Customers, and what is sold to them."""

    def _customer(self, body: Mapping[str, Any]) -> Row:
        self.day(body)
        if not body.get("name"):
            raise Refused("Nama harus diisi")
        kept = {n: body[n] for n in ("name", "email", "mobilePhone") if body.get(n)}
        if "id" in body:
            found = next((r for r in self.of("customer").values() if r["id"] == body["id"]), None)
            if found is None:
                raise Refused("Data tidak ditemukan")
            return self.put("customer", found["customerNo"], found | kept)
        number = str(body.get("customerNo") or f"C.{self._id + 1:05d}")
        if number in self.of("customer"):
            raise Refused(f"Sudah ada data lain dengan ID Pelanggan {number}")
        return self.put("customer", number, {"customerNo": number, "suspended": False} | kept)

    def _order(self, body: Mapping[str, Any]) -> Row:
        if "id" in body:
            return self._edited_order(body)
        number = self.number("sales-order", body)
        row = self.head("sales-order", body) | {"number": number, "status": "QUEUE", "statusName": "Menunggu diproses"}
        self.details(body, row)
        return self.put("sales-order", number, row)

    def _edited_order(self, body: Mapping[str, Any]) -> Row:
        found = next((r for r in self.of("sales-order").values() if r["id"] == body["id"]), None)
        if found is None:
            raise Refused("Data tidak ditemukan")
        if found["status"] == "CLOSED":
            raise Refused("Pesanan Penjualan sudah ditutup")
        row = found | self.head("sales-order", body)
        if "detailItem" in body or "detailExpense" in body:
            if any(one["open"] != one["quantity"] for one in found["detailItem"]):
                raise Refused("Pesanan Penjualan sudah diproses")
            gone = {one["id"] for one in body.get("detailItem", ()) if one.get("_status") == "delete"}
            kept = [_again(one) for one in found["detailItem"] if one["id"] not in gone]
            spent = {one["id"] for one in body.get("detailExpense", ()) if one.get("_status") == "delete"}
            costs = [
                {"accountNo": one["account"]["no"], "expenseAmount": one["expenseAmount"]}
                for one in found["detailExpense"]
                if one["id"] not in spent
            ]
            merged = {
                **body,
                "detailItem": [*kept, *body.get("detailItem", ())],
                "detailExpense": [*costs, *body.get("detailExpense", ())],
            }
            self.details(merged, row)
        return self.put("sales-order", row["number"], row)

    def close_order(self, body: Mapping[str, Any]) -> Row:
        """`sales-order/manual-close-order.do`."""
        order = self.known("sales-order", body.get("number"), "Pesanan Penjualan")
        if body.get("orderClosed") is not True:
            raise Refused('Invalid field value for field "orderClosed".')
        if order["status"] == "CLOSED":
            raise Refused("Pesanan Penjualan sudah ditutup")
        order.update(status="CLOSED", statusName="Ditutup")
        return self.put("sales-order", order["number"], order)

    def _invoice(self, body: Mapping[str, Any]) -> Row:
        if "id" in body:
            return self._less_deposits(body)
        number = self.number("sales-invoice", body)
        row = self.head("sales-invoice", body) | {"number": number, "invoiceDp": False}
        self.details(body, row)
        takes: list[tuple[Row, Decimal]] = []
        for one in row["detailItem"]:
            if one["salesOrderNumber"]:
                takes.append((self._of_order(one, takes, row), one["quantity"]))
        deposits = []
        for one in body.get("detailDownPayment") or ():
            paid = self.known("sales-invoice", one.get("invoiceNumber"), "Faktur Uang Muka")
            amount = number_in(one, "paymentAmount")
            same = paid.get("invoiceDp") and paid["customer"]["customerNo"] == row["customer"]["customerNo"]
            if not same or not 0 < amount <= paid["available"]:
                raise Refused(f"Uang Muka {paid['number']} tidak tepat")
            deposits.append((paid, amount))
        applied = sum((amount for _paid, amount in deposits), ZERO)
        if applied > row["totalAmount"]:
            raise Refused("Uang Muka melebihi nilai Faktur")
        for paid, amount in deposits:
            paid["available"] -= amount
        for line, quantity in takes:
            line["open"] -= quantity
        for order in {one["salesOrderNumber"] for one in row["detailItem"] if one["salesOrderNumber"]}:
            self._progress(self.of("sales-order")[order])
        for one in row["detailItem"]:
            self.move(one["item"]["no"], one["warehouse"]["name"], -one["quantity"])
        row.update(primeOwing=row["totalAmount"] - applied, returned=ZERO)
        for paid, amount in deposits:
            self._id += 1
            used = {"id": self._id, "invoice": {"number": paid["number"]}, "paymentAmount": amount}
            row.setdefault("detailDownPayment", []).append(used)
        settle(row)
        return self.put("sales-invoice", number, row)

    def _less_deposits(self, body: Mapping[str, Any]) -> Row:
        """An invoice that is changed; this stand-in takes down payments off it and refuses everything else."""
        row = self.by_id("sales-invoice", body.get("id"))
        self.head("sales-invoice", body)
        if set(body) - {"id", "customerNo", "transDate", "detailDownPayment"}:
            raise Refused("Faktur Penjualan tidak dapat diubah pada peniru ini")
        for one in body.get("detailDownPayment") or ():
            used = next((r for r in row.get("detailDownPayment", ()) if r["id"] == one.get("id")), None)
            if used is None or one.get("_status") != "delete":
                raise Refused("Uang Muka tidak tepat")
            row["detailDownPayment"].remove(used)
            self.of("sales-invoice")[used["invoice"]["number"]]["available"] += used["paymentAmount"]
        self.owed(row)
        return self.put("sales-invoice", row["number"], row)

    def owed(self, invoice: Row) -> None:
        """What is open of an invoice after money or down payments were taken off it."""
        used = sum((one["paymentAmount"] for one in invoice.get("detailDownPayment", ())), ZERO)
        paid = sum(
            (
                one["paymentAmount"]
                for receipt in self.of("sales-receipt").values()
                for one in receipt["detailInvoice"]
                if one["invoice"]["number"] == invoice["number"]
            ),
            ZERO,
        )
        invoice["primeOwing"] = max(ZERO, invoice["totalAmount"] - invoice["returned"] - used - paid)
        settle(invoice)

    def _of_order(self, one: Row, takes: list[tuple[Row, Decimal]], row: Row) -> Row:
        order = self.of("sales-order").get(one["salesOrderNumber"])
        line: Row
        if order is None or order["customer"]["customerNo"] != row["customer"]["customerNo"]:
            raise Refused("Pesanan Penjualan tidak tepat")
        if order["status"] not in ("QUEUE", "WAITING"):
            raise Refused(f"Pesanan Penjualan {order['number']} sudah diproses")
        for line in order["detailItem"]:
            taken = sum((q for taken_of, q in takes if taken_of is line), ZERO)
            if line["item"]["no"] == one["item"]["no"] and line["open"] - taken >= one["quantity"]:
                return line
        raise Refused(f"Kuantitas barang melebihi Pesanan Penjualan {order['number']}")

    def _progress(self, order: Row) -> None:
        left = any(line["open"] > 0 for line in order["detailItem"])
        order.update(status="WAITING" if left else "PROCEED", statusName="Sebagian diproses" if left else "Terproses")
        self.put("sales-order", order["number"], order)

    def down_payment(self, body: Mapping[str, Any]) -> Row:
        """`sales-invoice/create-down-payment.do`."""
        number = self.number("sales-invoice", body)
        amount = number_in(body, "dpAmount")
        if amount <= 0:
            raise Refused("Nilai Uang Muka harus diisi")
        row = self.head("sales-invoice", body)
        row |= {
            "number": number, "invoiceDp": True, "totalAmount": amount, "primeOwing": amount, "available": ZERO,
            "returned": ZERO, "detailItem": [],
        }  # fmt: skip
        settle(row)
        return self.put("sales-invoice", number, row)

    def _return(self, body: Mapping[str, Any]) -> Row:
        number = self.number("sales-return", body)
        row = self.head("sales-return", body) | {"number": number}
        self.day(body, "taxDate")
        kind, goods = body.get("returnType"), body.get("returnStatusType", "RETURNED")
        if kind not in ("INVOICE", "NO_INVOICE"):
            raise Refused('Invalid field value for field "returnType".')
        if goods not in ("RETURNED", "NOT_RETURNED"):
            raise Refused('Invalid field value for field "returnStatusType".')
        self.details(body, row)
        if kind == "INVOICE":
            self._of_invoice(body, row)
        if goods == "RETURNED":
            for one in row["detailItem"]:
                self.move(one["item"]["no"], one["warehouse"]["name"], one["quantity"])
        row["returnType"] = kind
        return self.put("sales-return", number, row)

    def _of_invoice(self, body: Mapping[str, Any], row: Row) -> None:
        invoice = self.known("sales-invoice", body.get("invoiceNumber"), "Faktur Penjualan")
        if invoice["customer"]["customerNo"] != row["customer"]["customerNo"]:
            raise Refused("Faktur Penjualan tidak tepat")
        takes: list[tuple[Row, Decimal]] = []
        for one in row["detailItem"]:
            line: Row | None = next(
                (
                    line
                    for line in invoice["detailItem"]
                    if line["item"]["no"] == one["item"]["no"]
                    and line["open"] - sum((q for of, q in takes if of is line), ZERO) >= one["quantity"]
                ),
                None,
            )
            if line is None:
                raise Refused(f"Barang {one['item']['no']} melebihi Faktur {invoice['number']}")
            takes.append((line, one["quantity"]))
        if invoice["returned"] + row["totalAmount"] > invoice["totalAmount"]:
            raise Refused(f"Nilai retur melebihi Faktur {invoice['number']}")
        for line, quantity in takes:
            line["open"] -= quantity
        invoice["returned"] += row["totalAmount"]
        # What the buyer has paid already becomes the buyer's credit.
        invoice["primeOwing"] = max(ZERO, invoice["primeOwing"] - row["totalAmount"])
        settle(invoice)
        row["invoice"] = {"number": invoice["number"]}
        self.put("sales-invoice", invoice["number"], invoice)


def _again(one: Row) -> Row:
    """A row that stays, in the spelling of a body."""
    kept = {name: one[name] for name in ("quantity", "unitPrice", "itemCashDiscount", "useTax1", "detailName")}
    return kept | {"itemNo": one["item"]["no"], "warehouseName": one["warehouse"]["name"]}


def settle(invoice: Row) -> None:
    paid = invoice["primeOwing"] == 0
    invoice.update(status="PAID" if paid else "OUTSTANDING", statusName="Lunas" if paid else "Belum Lunas")
