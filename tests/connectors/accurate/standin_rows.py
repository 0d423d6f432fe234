"""What every document of the stand-in's database has: rows, stock, numbers, days, and lines with their total.

Each rule has its source; where there is none the stricter reading is taken, and README.md of the connector lists it
under "ask a live account".

==============================================  ====================================================================
number unique for each kind, text of refusal    reference/accounting-apis.md §4 "Idempotency", "Envelope"; public code
a second save without `id` is refused           §4; an edit needs `id`, rows are removed by `_status: delete` (vendor)
unknown customer / item: "… tidak tepat"        public code ("Barang & Jasa tidak tepat", HTTP 200)
days are dd/MM/yyyy and nothing else            §4; 'Invalid field value for field "transDate".' (public code)
six decimals, below 999 billion                 vendor, "Tipe Data Umum"
required fields                                 vendor, `…Param$Parameter`
tax of a document is not rounded                not known: the strictest, all six decimals stay (total with tax on top)
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
    "journal-voucher": "No Jurnal",
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


class Rows:
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
            ("6-1000", "Selisih Stok", "EXPENSE"), ("6-2000", "Biaya Kanal", "EXPENSE"),
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

    def by_id(self, entity: str, id: Any) -> Row:
        """A record by the internal id; nothing else will do where one is changed or deleted (vendor)."""
        found = next((row for row in self.of(entity).values() if row["id"] == id), None)
        if found is None:
            raise Refused("Data tidak ditemukan")
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
