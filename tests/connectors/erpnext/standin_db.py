"""The stand-in's database: documents in tables, one transaction for each request, naming series, filters as MariaDB's.

Facts: `reference/observed.md` "ERPNext" (local stamps, unknown fields ignored), frappe/model/db_query.py (fields that
do not exist are refused), MariaDB's collation utf8mb4_unicode_ci (case, accents and trailing spaces do not count).
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import unicodedata
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.connectors.erpnext.standin_meta import CHILD, FIELDS, STANDARD

Doc = dict[str, Any]

SERIES = {
    "Sales Order": "SAL-ORD-2026-",
    "Sales Invoice": "ACC-SINV-2026-",
    "Payment Entry": "ACC-PAY-2026-",
    "Journal Entry": "ACC-JV-2026-",
    "Bank Transaction": "ACC-BTN-2026-",
    "Purchase Order": "PUR-ORD-2026-",
}
TABLES = {
    "Sales Order": {"items": "Sales Order Item", "taxes": "Sales Taxes and Charges"},
    "Sales Invoice": {"items": "Sales Invoice Item", "taxes": "Sales Taxes and Charges"},
    "Payment Entry": {"references": "Payment Entry Reference", "deductions": "Payment Entry Deduction"},
    "Journal Entry": {"accounts": "Journal Entry Account"},
    "Bank Transaction": {"payment_entries": "Bank Transaction Payments"},
    "Sales Taxes and Charges Template": {"taxes": "Sales Taxes and Charges"},
    "Purchase Order": {"items": "Purchase Order Item"},
}
CHILDREN = {child for tables in TABLES.values() for child in tables.values()}
NUMBERS = frozenset(
    "qty rate amount tax_amount grand_total rounded_total paid_amount received_amount allocated_amount per_billed "
    "per_delivered per_received outstanding_amount advance_paid billed_amt delivered_qty debit credit total_debit "
    "deposit withdrawal unallocated_amount actual_qty reserved_qty reserved_qty_for_production "
    "projected_qty "
    "reserved_qty_for_sub_contract standard_rate disabled is_group is_return update_stock has_variants "
    "is_default".split()
)


class FrappeError(Exception):
    """What Frappe raises: status, class and sentence."""

    def __init__(self, status: int, kind: str, message: str, *, module: str = "frappe.exceptions") -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.module = status, kind, message, module


def throw(message: str, kind: str = "ValidationError", status: int = 417, module: str = "frappe.exceptions") -> Any:
    """`frappe.throw`."""
    raise FrappeError(status, kind, message, module=module)


def flt(value: Any, precision: int | None = None) -> float:
    """`frappe.utils.flt` with banker's rounding, the default of new sites."""
    number = float(value or 0)
    if precision is None:
        return number
    return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-precision), ROUND_HALF_EVEN))


def folded(value: Any) -> str:
    """A text as the collation compares it."""
    plain = unicodedata.normalize("NFD", str(value if value is not None else "")).casefold().rstrip(" ")
    return "".join(c for c in plain if not unicodedata.combining(c))


class Database:
    """All documents of a site."""

    def __init__(self, now: Callable[[], float], zone: str) -> None:
        self.docs: dict[str, dict[str, Doc]] = {}
        self.gl: list[Doc] = []
        self._now = now
        self.zone = ZoneInfo(zone)
        self._series: dict[str, int] = {}
        self._undo: list[Callable[[], None]] | None = None
        self._rows = 0

    # -- time -------------------------------------------------------------------------------------------------------

    def stamp(self) -> str:
        """The site's local time, naive, as `modified` has it."""
        moment = dt.datetime.fromtimestamp(self._now(), self.zone)
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds")

    def today(self) -> str:
        return self.stamp()[:10]

    # -- transaction ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._undo = []
        series, count = dict(self._series), len(self.gl)

        def back() -> None:
            self._series = series
            del self.gl[count:]

        self._undo.append(back)

    def commit(self) -> None:
        self._undo = None

    def rollback(self) -> None:
        for step in reversed(self._undo or []):
            step()
        self._undo = None

    # -- documents --------------------------------------------------------------------------------------------------

    def table(self, doctype: str) -> dict[str, Doc]:
        return self.docs.setdefault(doctype, {})

    def get(self, doctype: str, name: Any) -> Doc:
        """A document to read. 404 as Frappe says it."""
        found = self.table(doctype).get(str(name))
        if found is None:
            throw(f"{doctype} {name} not found", "DoesNotExistError", 404)
        assert found is not None
        return found

    def link(self, doctype: str, name: Any, label: str) -> Doc:
        """A document that a field links to."""
        found = self.table(doctype).get(str(name))
        if found is None:
            throw(f"Could not find {label}: {name}", "LinkValidationError")
        assert found is not None
        return found

    def edit(self, doctype: str, name: str, *, stamp: bool = True) -> Doc:
        """A document to change within the transaction."""
        doc = self.get(doctype, name)
        if self._undo is not None:
            before = copy.deepcopy(doc)
            table = self.table(doctype)
            self._undo.append(lambda: table.__setitem__(name, before))
            doc = table[name] = copy.deepcopy(doc)
        if stamp:
            doc["modified"] = self.stamp()
        return doc

    def insert(self, doc: Doc, name: str = "") -> Doc:
        """Keep a new document under its name; fields that the doctype does not have vanish."""
        doctype = doc["doctype"]
        kept = self.known(doctype, doc)
        kept["name"] = name or self._name(doctype, kept)
        if kept["name"] in self.table(doctype):
            throw(
                f"('{doctype}', '{kept['name']}', IntegrityError(1062, \"Duplicate entry\"))",
                "DuplicateEntryError",
                409,
            )
        stamp = self.stamp()
        kept |= {"creation": stamp, "modified": stamp, "doctype": doctype}
        kept.setdefault("docstatus", 0)
        table = self.table(doctype)
        table[kept["name"]] = kept
        if self._undo is not None:
            self._undo.append(lambda: table.__delitem__(kept["name"]))
        return kept

    def known(self, doctype: str, doc: Doc) -> Doc:
        """The fields that the doctype has, tables with names of their own."""
        allowed = FIELDS[doctype] | STANDARD
        kept = {field: value for field, value in doc.items() if field in allowed}
        for field, child in TABLES.get(doctype, {}).items():
            rows = []
            for place, row in enumerate(kept.get(field) or [], 1):
                self._rows += 1
                one = {k: v for k, v in row.items() if k in FIELDS[child] | STANDARD}
                rows.append({**one, "name": f"row{self._rows:06d}", "idx": place, "doctype": child})
            kept[field] = rows
        return kept

    def _name(self, doctype: str, doc: Doc) -> str:
        if doc.get("amended_from"):
            base, dash, last = doc["amended_from"].rpartition("-")
            again = self.get(doctype, doc["amended_from"]).get("amended_from")
            return f"{base}-{int(last) + 1}" if again and dash else f"{doc['amended_from']}-1"
        if doctype == "Customer":
            wanted, number = str(doc.get("customer_name")), 0
            name = wanted
            while name in self.table(doctype):
                number += 1
                name = f"{wanted} - {number}"
            return name
        prefix = SERIES.get(doctype, f"{doctype[:3].upper()}-")
        self._series[prefix] = self._series.get(prefix, 0) + 1
        return f"{prefix}{self._series[prefix]:05d}"

    # -- lists ------------------------------------------------------------------------------------------------------

    def rows(self, doctype: str, params: dict[str, str]) -> list[Doc]:
        """`frappe.get_list` as `/api/resource/<doctype>` calls it."""
        if doctype not in FIELDS:
            throw(f"DocType {doctype} not found", "DoesNotExistError", 404)
        if doctype in CHILDREN and not params.get("parent"):
            throw(f"No permission for {doctype}", "PermissionError", 403)
        fields = json.loads(params.get("fields") or '["name"]')
        for field in fields:
            self._permitted(doctype, field)
        found = list(self._all(doctype, params.get("parent", "")))
        for one in json.loads(params.get("filters") or "[]"):
            field, op, value = one
            self._permitted(doctype, field)
            found = [row for row in found if _matches(row.get(field), op, value, field)]
        for part in reversed((params.get("order_by") or "modified desc").split(",")):
            field, _, way = part.strip().partition(" ")
            found.sort(key=lambda row: _sort(row.get(field), field), reverse=way.strip() == "desc")
        start = int(params.get("limit_start") or 0)
        length = int(params.get("limit_page_length") or 20)
        found = found[start : start + length] if length else found[start:]
        return [{field: row.get(field, 0.0 if field in NUMBERS else None) for field in fields} for row in found]

    def _permitted(self, doctype: str, field: str) -> None:
        allowed = FIELDS[doctype] | STANDARD | (CHILD if doctype in CHILDREN else frozenset())
        if field not in allowed:
            throw(f"Field not permitted in query: {field}", "DataError")

    def _all(self, doctype: str, parent: str) -> list[Doc]:
        if doctype not in CHILDREN:
            return list(self.table(doctype).values())
        field = next(f for f, child in TABLES[parent].items() if child == doctype)
        return [
            {**row, "parent": doc["name"], "parenttype": parent, "parentfield": field, "docstatus": doc["docstatus"]}
            for doc in self.table(parent).values()
            for row in doc.get(field, ())
        ]


def _sort(value: Any, field: str) -> Any:
    return flt(value) if field in NUMBERS or field == "idx" else folded(value)


def _matches(held: Any, op: str, value: Any, field: str) -> bool:
    numeric = field in NUMBERS or field in ("docstatus", "idx", "is_stock_item")
    if op in ("in", "not in"):
        inside = any(_equal(held, one, numeric) for one in value)
        return inside if op == "in" else not inside
    if op == "=":
        return _equal(held, value, numeric)
    if op == "!=":
        return not _equal(held, value, numeric)
    a: Any = flt(held) if numeric else folded(held)
    b: Any = flt(value) if numeric else folded(value)
    return bool({">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[op])


def _equal(held: Any, value: Any, numeric: bool) -> bool:
    return flt(held) == flt(value) if numeric else folded(held) == folded(value)
