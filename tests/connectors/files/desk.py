"""The people on both sides of the folder: a shop that exports its orders, and a desk that imports what comes out.

Neither uses anything of the connector: they read and write CSV as a spreadsheet would, and are the witnesses.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

COLUMNS = (
    "order_number row status placed_at currency total tax_included buyer_name buyer_email buyer_phone line_id "
    "product_code product_name quantity unit_price line_discount line_tax tax_rate shipping paid_at paid_amount "
    "payment_id payment_method refund_id refund_amount refunded_at restock tracking courier shipped_at note"
).split()
RATE = Decimal("0.11")


class ShopOrder(msgspec.Struct):
    """An order as the shop has it; amounts in whole rupiah."""

    number: str
    placed: dt.datetime
    lines: list[tuple[str, int, int]]
    name: str = "Sukarni"
    email: str = ""
    phone: str = ""
    shipping: int = 0
    status: str = "open"
    note: str = ""
    paid: list[tuple[str, int]] = []
    refunds: list[tuple[str, int, list[tuple[str, int, int]], bool]] = []
    tracking: str = ""
    taxed: bool = False

    def tax(self, quantity: int, price: int) -> int:
        return (quantity * price * 11 + 50) // 100 if self.taxed else 0

    @property
    def total(self) -> int:
        return sum(q * p + self.tax(q, p) for _c, q, p in self.lines) + self.shipping

    @property
    def paid_total(self) -> int:
        return sum(amount for _id, amount in self.paid)

    @property
    def refunded(self) -> int:
        return sum(amount for _id, amount, _lines, _restock in self.refunds)

    def rows(self) -> list[dict[str, str]]:
        at = self.placed.isoformat()
        head = {
            "order_number": self.number, "status": self.status, "placed_at": at, "currency": "IDR",
            "total": str(self.total), "tax_included": "no", "buyer_name": self.name, "buyer_email": self.email,
            "buyer_phone": self.phone, "shipping": str(self.shipping), "note": self.note,
        }  # fmt: skip
        made = [
            head
            | {
                "row": "line", "line_id": str(n), "product_code": code, "product_name": f"Barang {code}",
                "quantity": str(quantity), "unit_price": str(price), "line_tax": str(self.tax(quantity, price)),
                "tax_rate": str(RATE if self.taxed else 0),
            }
            for n, (code, quantity, price) in enumerate(self.lines, 1)
        ]  # fmt: skip
        for id, amount in self.paid:
            made.append(
                {"order_number": self.number, "row": "payment", "payment_id": id, "paid_amount": str(amount),
                 "paid_at": at, "payment_method": "qris"}
            )  # fmt: skip
        for id, amount, lines, restock in self.refunds:
            made.append(
                {"order_number": self.number, "row": "refund", "refund_id": id, "refund_amount": str(amount),
                 "refunded_at": at, "restock": "yes" if restock else "no"}
            )  # fmt: skip
            for code, quantity, price in lines:
                made.append(
                    {"order_number": self.number, "row": "refund_line", "refund_id": id, "product_code": code,
                     "quantity": str(quantity), "unit_price": str(price),
                     "line_tax": str(self.tax(quantity, price)), "tax_rate": str(RATE if self.taxed else 0)}
                )  # fmt: skip
        if self.tracking:
            made.append(
                {"order_number": self.number, "row": "shipment", "tracking": self.tracking, "courier": "JNE",
                 "shipped_at": at}
            )  # fmt: skip
        return made


class Shop:
    """A shop that drops exports into a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.orders: dict[str, ShopOrder] = {}
        self.stock: dict[str, int] = {}
        self.prices: dict[str, int] = {}
        self.now = dt.datetime(2026, 11, 20, 3, 0, tzinfo=dt.UTC)
        self._turn = 0
        self._begin = time.time_ns() - 86_400 * 1_000_000_000
        self._number = 1000
        self._stocked: set[str] = set()
        (root / "in").mkdir(parents=True, exist_ok=True)

    def drop(self, name: str, data: bytes) -> Path:
        """Put a file there whole; a later one is never older than one before."""
        self._turn += 1
        target = self.root / "in" / name
        beside = target.with_name(f"{name}.part")
        beside.write_bytes(data)
        beside.rename(target)
        stamp = self._begin + self._turn * 1_000_000_000
        os.utime(target, ns=(stamp, stamp))
        return target

    def order(self, *lines: tuple[str, int], **more: Any) -> ShopOrder:
        self._number += 1
        number = str(more.pop("number", self._number))
        goods = [(code, quantity, self.prices.get(code, 50_000)) for code, quantity in lines]
        made = ShopOrder(number, more.pop("placed", self.now), goods, **more)
        self.orders[number] = made
        return made

    def export(self, *numbers: str, name: str = "", delimiter: str = ",") -> Path:
        """Export these orders (or all of them)."""
        chosen = [self.orders[n] for n in numbers] if numbers else list(self.orders.values())
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, COLUMNS, delimiter=delimiter, lineterminator="\r\n")
        writer.writeheader()
        for order in chosen:
            writer.writerows(order.rows())
        return self.drop(name or f"orders-{self._turn + 1:05d}.csv", out.getvalue().encode())

    def goods(self, stock: dict[str, int], price: int = 50_000) -> None:
        for n, code in enumerate(stock):
            self.prices.setdefault(code, price + n)
        self.stock = dict(stock)
        lines = ["code,name,price,currency", *(f"{c},Barang {c},{self.prices[c]},IDR" for c in stock)]
        self.drop("products.csv", ("\n".join(lines) + "\n").encode())
        self.export_stock()

    def export_stock(self) -> None:
        lines = ["code,on_hand", *(f"{c},{n}" for c, n in self.stock.items())]
        self.drop("stock.csv", ("\n".join(lines) + "\n").encode())

    def offered(self, code: str) -> int:
        """What the shop offers once it has imported the stock files that came out."""
        for path in sorted((self.root / "out").glob("*-stock-*.csv")):
            if path.name not in self._stocked:
                self._stocked.add(path.name)
                for row in read(path):
                    self.stock[row["code"]] = int(row["available"])
        return self.stock[code]


class Entry(msgspec.Struct):
    """A document as the desk has entered it."""

    kind: str
    id: str
    reference: str
    rows: list[dict[str, str]]
    void: bool = False

    @property
    def total(self) -> Decimal | None:
        return Decimal(self.rows[0]["total"]) if self.rows[0].get("total") else None


class BooksDesk:
    """Somebody who imports every file once, in the order of their numbers, and shelves it under `out/taken`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries: dict[tuple[str, str], Entry] = {}
        self.doubled: list[str] = []
        self.imported: set[str] = set()
        self.stock: dict[str, int] = {}
        (root / "in").mkdir(parents=True, exist_ok=True)

    def look(self) -> dict[tuple[str, str], Entry]:
        """What the files that lie there say, picked up or not, without picking any up."""
        entries: dict[tuple[str, str], Entry] = {}
        files = [*(self.root / "out").glob("*.csv"), *(self.root / "out" / "taken").glob("*.csv")]
        for path in sorted(files, key=lambda p: p.name):
            self._enter(entries, path, [])
        return entries

    def pick_up(self, *, delete: bool = False) -> int:
        """Import what lies in the letter box."""
        taken = 0
        for path in sorted((self.root / "out").glob("*.csv")):
            if path.name in self.imported:
                self.doubled.append(path.name)
            self.imported.add(path.name)
            self._enter(self.entries, path, self.doubled)
            if delete:
                path.unlink()
            else:
                (self.root / "out" / "taken").mkdir(exist_ok=True)
                path.rename(self.root / "out" / "taken" / path.name)
            taken += 1
        return taken

    @staticmethod
    def _enter(entries: dict[tuple[str, str], Entry], path: Path, doubled: list[str]) -> None:
        kind = path.name.split("-")[1]
        rows: dict[str, list[dict[str, str]]] = {}
        for row in read(path):
            rows.setdefault(row["id"], []).append(row)
        for id, lines in rows.items():
            op, reference = lines[0]["op"], lines[0]["reference"]
            if op == "create" and (kind, id) in entries:
                doubled.append(f"{kind} {id}")
            if op == "create" and any(
                e.kind == kind and e.reference == reference and not e.void for e in entries.values()
            ):
                doubled.append(f"{kind} {reference}")
            if op == "void":
                entries[kind, id].void = True
            else:
                entries[kind, id] = Entry(kind, id, reference, lines)

    def of(self, kind: str, *, void: bool = False) -> dict[str, Entry]:
        """Living documents of a kind by reference (or all)."""
        return {e.reference: e for (k, _), e in self.entries.items() if k == kind and (void or not e.void)}

    def sums(self, kind: str) -> Decimal:
        return sum((e.total or Decimal(0) for e in self.of(kind).values()), Decimal(0))


def read(path: Path) -> list[dict[str, str]]:
    """A CSV as a person's spreadsheet shows it (the apostrophe before a text is not shown)."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return [{k: v.removeprefix("'") for k, v in row.items()} for row in csv.DictReader(handle)]
