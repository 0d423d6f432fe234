"""What a database of the stand-in holds, and what it does when something is saved.

Each rule has its source; where there is none the stricter reading is taken, and README.md of the connector lists it
under "ask a live account".

==============================================  ====================================================================
number unique for each kind, text of refusal    reference/accounting-apis.md §4 "Idempotency", "Envelope"; public code
a second save without `id` is refused           §4; an edit needs `id`, rows are removed by `_status: delete` (vendor)
unknown customer / item: "… tidak tepat"        public code ("Barang & Jasa tidak tepat", HTTP 200)
days are dd/MM/yyyy and nothing else            §4; 'Invalid field value for field "transDate".' (public code)
six decimals, below 999 billion                 vendor, "Tipe Data Umum"
required fields                                 vendor, `…Param$Parameter`
`NOT_RETURNED` brings nothing back on the shelf vendor, ReturnStatusType
tax of a document is not rounded                not known: the strictest, all six decimals stay (total with tax on top)
a payment beyond what is owed is refused        not known: the stricter
an order's rows can be billed once              not known: the stricter
a down payment counts once it is paid           not known: the stricter
==============================================  ====================================================================
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

ZERO = Decimal(0)
SIX = Decimal("0.000001")
ZONE = ZoneInfo("Asia/Jakarta")
LOCKED = "Tanggal transaksi berada pada periode yang sudah ditutup"
_DAY = re.compile(r"\d{2}/\d{2}/\d{4}")
_LABELS = {
    "sales-order": "No Pesanan",
    "sales-invoice": "No Faktur",
    "sales-receipt": "No Form # Penerimaan Penjualan",
    "sales-return": "No Retur",
    "other-payment": "No Bukti",
    "other-deposit": "No Bukti",
}

Row = dict[str, Any]


class Refused(Exception):
    """A sentence, as Accurate says it."""


def number_in(body: Mapping[str, Any], name: str, *, needed: bool = True) -> Decimal:
    """A number of a body, as strict as the vendor's type."""
    value = body.get(name)
    if value is None and not needed:
        return ZERO
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Refused(f'Invalid field value for field "{name}".')
    found = Decimal(value)
    if abs(found) > 999_000_000_000 or found != found.quantize(SIX):
        raise Refused(f'Invalid field value for field "{name}".')
    return found


class Books:
    """One database. `now` is Unix time; `lag` seconds pass until lists show what was saved."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.lag = 0.0
        self.closed_until: dt.date | None = None
        self.rows: dict[str, dict[str, Row]] = {}
        self.on_hand: dict[tuple[str, str], Decimal] = {}
        self.seen_at: dict[int, float] = {}
        self.taxed: dict[str, bool] = {}
        self._id = 100
        self._stamp = 0
        for name in ("Gudang Utama", "Gudang Rusak"):
            self.put("warehouse", name, {"name": name, "suspended": False})
        accounts = (
            ("1-1100", "Kas", "CASH_BANK"), ("1-1200", "Bank BCA", "CASH_BANK"),
            ("1-1300", "Kliring QRIS", "CASH_BANK"),
            ("1-1400", "Penerimaan belum dikenal", "CASH_BANK"), ("1-2000", "Piutang Usaha", "ACCOUNT_RECEIVABLE"),
            ("1-3000", "Persediaan", "INVENTORY"), ("2-1000", "Utang Usaha", "ACCOUNT_PAYABLE"),
            ("2-2000", "Uang Muka Pelanggan", "OTHER_CURRENT_LIABILITY"),
            ("2-3000", "Pengembalian Dana", "OTHER_CURRENT_LIABILITY"),
            ("2-4000", "PPN Keluaran", "OTHER_CURRENT_LIABILITY"),
            ("4-1000", "Penjualan", "REVENUE"), ("4-2000", "Diskon Penjualan", "REVENUE"),
            ("4-3000", "Pendapatan Kirim", "OTHER_INCOME"), ("5-1000", "HPP", "COGS"),
            ("6-1000", "Selisih Stok", "EXPENSE"),
        )  # fmt: skip
        for no, name, kind in accounts:
            self.put("glaccount", no, {"no": no, "name": name, "accountType": kind, "parentNode": False})
        self.put("glaccount", "1", {"no": "1", "name": "Aset", "accountType": "OTHER_ASSET", "parentNode": True})
        self.put("tax", "PPN", {"description": "PPN 11%", "rate": Decimal(11), "taxType": "PPN"})
        self.put("tax", "PPh", {"description": "PPh 23", "rate": Decimal(2), "taxType": "PPH23"})
        self.put("branch", "Pusat", {"name": "Pusat"})
        self.put("department", "Toko Daring", {"name": "Toko Daring"})
        self.put("project", "P.01", {"no": "P.01", "name": "Ramadan"})

    # -- rows -------------------------------------------------------------------------------------------------------

    def of(self, entity: str) -> dict[str, Row]:
        return self.rows.setdefault(entity, {})

    def put(self, entity: str, key: str, row: Row) -> Row:
        """Keep a row and stamp it; a whole second can hold many."""
        if "id" not in row:
            self._id += 1
            row["id"] = self._id
        now = self.now()
        row["lastUpdate"] = f"{dt.datetime.fromtimestamp(now, ZONE):%d/%m/%Y %H:%M:%S}"
        self.seen_at[row["id"]] = now + self.lag
        self.of(entity)[key] = row
        return row

    def item(self, no: str, name: str = "", *, kind: str = "INVENTORY", price: int = 0, stock: int = 0) -> None:
        """An item of the catalogue, with stock in the first warehouse."""
        self.put("item", no, {"no": no, "name": name or no, "itemType": kind, "unitPrice": price, "suspended": False})
        self.on_hand[no, "Gudang Utama"] = Decimal(stock)

    def customer(self, number: str, name: str) -> None:
        """A customer that a person has entered."""
        self.put("customer", number, {"customerNo": number, "name": name, "suspended": False})

    # -- stock ------------------------------------------------------------------------------------------------------

    def balance(self, no: str, warehouse: str = "") -> Decimal:
        """What lies there, in one warehouse or in all."""
        return sum((q for (n, w), q in self.on_hand.items() if n == no and warehouse in ("", w)), ZERO)

    def reserved(self, no: str) -> Decimal:
        """What open orders hold."""
        held = ZERO
        for order in self.of("sales-order").values():
            if order["status"] in ("QUEUE", "WAITING"):
                held += sum((r["open"] for r in order["detailItem"] if r["item"]["no"] == no), ZERO)
        return held

    def move(self, no: str, warehouse: str, quantity: Decimal) -> None:
        if self.of("item")[no]["itemType"] == "INVENTORY":
            key = (no, warehouse or "Gudang Utama")
            self.on_hand[key] = self.on_hand.get(key, ZERO) + quantity

    # -- saving -----------------------------------------------------------------------------------------------------

    def day(self, body: Mapping[str, Any], name: str = "transDate") -> dt.date:
        text = body.get(name)
        if not isinstance(text, str) or not _DAY.fullmatch(text):
            raise Refused(f'Invalid field value for field "{name}".')
        try:
            day = dt.datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=ZONE).date()
        except ValueError:
            raise Refused(f'Invalid field value for field "{name}".') from None
        if name == "transDate" and self.closed_until is not None and day <= self.closed_until:
            raise Refused(LOCKED)
        return day

    def known(self, entity: str, key: Any, label: str) -> Row:
        found = self.of(entity).get(str(key))
        if found is None or found.get("suspended") is True:
            raise Refused(f"{label} tidak tepat")
        return found

    def bank(self, no: Any) -> Row:
        account = self.known("glaccount", no, "Kas/Bank")
        if account["accountType"] != "CASH_BANK":
            raise Refused("Kas/Bank tidak tepat")
        return account

    def number(self, entity: str, body: Mapping[str, Any]) -> str:
        number = str(body.get("number") or f"AUTO.{self._id + 1:06d}")
        if number in self.of(entity):
            raise Refused(f"Sudah ada data lain dengan {_LABELS[entity]} {number}")
        return number

    def head(self, entity: str, body: Mapping[str, Any]) -> Row:
        """What every document has."""
        day = self.day(body)
        customer = self.known("customer", body.get("customerNo"), "Pelanggan")
        if body.get("branchName"):
            self.known("branch", body["branchName"], "Cabang")
        if "branchId" in body and body["branchId"] not in [row["id"] for row in self.of("branch").values()]:
            raise Refused("Cabang tidak tepat")
        return {
            "transDate": f"{day:%d/%m/%Y}",
            "customer": {"customerNo": customer["customerNo"], "name": customer["name"]},
            "currency": {"code": str(body.get("currencyCode") or "IDR")},
            "description": str(body.get("description") or ""),
            "poNumber": str(body.get("poNumber") or ""),
        }

    def details(self, body: Mapping[str, Any], row: Row) -> None:
        """Rows and their total. Tax inside is part of the total; on top it is added without rounding."""
        rows, total, tax = [], ZERO, ZERO
        for one in body.get("detailItem") or ():
            if one.get("_status") == "delete":
                continue
            item = self.known("item", one.get("itemNo"), "Barang & Jasa")
            quantity, price = number_in(one, "quantity"), number_in(one, "unitPrice")
            discount = number_in(one, "itemCashDiscount", needed=False)
            if quantity <= 0:
                raise Refused("Kuantitas harus lebih besar dari 0")
            if price < 0 or discount < 0 or discount > quantity * price:
                raise Refused(f"Harga atau diskon barang {item['no']} tidak valid")
            warehouse = str(one.get("warehouseName") or "")
            if warehouse:
                self.known("warehouse", warehouse, "Gudang")
            if one.get("departmentName"):
                self.known("department", one["departmentName"], "Departemen")
            if one.get("projectNo"):
                self.known("project", one["projectNo"], "Proyek")
            self._id += 1
            amount = quantity * price - discount
            rows.append({
                "id": self._id, "item": {"no": item["no"], "name": item["name"]},
                "detailName": one.get("detailName", ""),
                "quantity": quantity, "unitPrice": price, "itemCashDiscount": discount, "totalPrice": amount,
                "useTax1": bool(one.get("useTax1")), "warehouse": {"name": warehouse or "Gudang Utama"},
                "open": quantity,
                "salesOrderNumber": one.get("salesOrderNumber", ""), "departmentName": one.get("departmentName", ""),
            })  # fmt: skip
            total += amount
            if body.get("taxable") and one.get("useTax1"):
                tax += amount * 11 / (111 if body.get("inclusiveTax") else 100)
        if not rows:
            raise Refused("Rincian Barang harus diisi")
        expenses = []
        for one in body.get("detailExpense") or ():
            if one.get("_status") == "delete":
                continue
            account = self.known("glaccount", one.get("accountNo"), "Akun Perkiraan")
            amount = number_in(one, "expenseAmount")
            self._id += 1
            expenses.append({"id": self._id, "account": {"no": account["no"]}, "expenseAmount": amount})
            total += amount
        if total < 0:
            raise Refused("Nilai transaksi tidak valid")
        on_top = ZERO if body.get("inclusiveTax") else tax
        row.update(
            detailItem=rows, detailExpense=expenses, totalAmount=(total + on_top).quantize(SIX),
            tax1Amount=tax.quantize(SIX), inclusiveTax=bool(body.get("inclusiveTax")),
        )  # fmt: skip

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
            raise Refused("Faktur Penjualan tidak dapat diubah pada peniru ini")
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
        _settle(row)
        return self.put("sales-invoice", number, row)

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
        _settle(row)
        return self.put("sales-invoice", number, row)

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
            _settle(invoice)
            self.put("sales-invoice", invoice["number"], invoice)
        row |= {"chequeAmount": cheque, "totalPayment": cheque}
        row["detailInvoice"] = [{"invoice": {"number": i["number"]}, "paymentAmount": a} for i, a in paid]
        return self.put("sales-receipt", number, row)

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
        _settle(invoice)
        row["invoice"] = {"number": invoice["number"]}
        self.put("sales-invoice", invoice["number"], invoice)

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


def _again(one: Row) -> Row:
    """A row that stays, in the spelling of a body."""
    kept = {name: one[name] for name in ("quantity", "unitPrice", "itemCashDiscount", "useTax1", "detailName")}
    return kept | {"itemNo": one["item"]["no"], "warehouseName": one["warehouse"]["name"]}


def _settle(invoice: Row) -> None:
    paid = invoice["primeOwing"] == 0
    invoice.update(status="PAID" if paid else "OUTSTANDING", statusName="Lunas" if paid else "Belum Lunas")
