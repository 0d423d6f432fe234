"""Lines of product, stock, contact and chart tables as the model's values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import msgspec

from selaras.connectors.contract import Seen
from selaras.connectors.files.orders import Context
from selaras.connectors.files.rows import Fault, Row
from selaras.model.chart import Account, AccountType, Dimension, TaxCode, Warehouse
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.party import Contact
from selaras.model.product import Product, Stock


def records_of(kind: str, rows: Iterable[Row], about: Context) -> tuple[list[Seen], list[Fault]]:
    """Every record of a table, the last line of each counting, and every fault. Refused lines are left out."""
    make = MAKERS[kind]
    found: dict[str, Seen] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    stamp = about.written.isoformat()
    for row in rows:
        faults += row.faults
        if row.refused:
            continue
        made = make(row.values, about, stamp)
        if isinstance(made, tuple):
            column, why, cure = made
            faults.append(Fault(about.file, row.line, column, str(row.values.get(column, "")), why, cure))
            continue
        id, number, record = _key(kind, made)
        raw = msgspec.json.encode({"file": about.file, "line": row.line, "cells": row.cells})
        seen = Seen(kind, id, record, raw, about.written, about.written.astimezone(about.zone).date(), number)
        if id in found and found[id].record != record:
            if kind != "stock":
                why = f"line {lines[id]} says something else under the same code"
                faults.append(Fault(about.file, row.line, "", id, why, "Keep one of the two lines."))
                continue
            # One product in several places: what lies there is what lies there in all.
            before = cast(Stock, found[id].record)
            both = msgspec.structs.replace(
                before, on_hand=before.on_hand + record.on_hand, reserved=before.reserved + record.reserved, location=""
            )
            seen = msgspec.structs.replace(seen, record=both)
        found[id] = seen
        lines[id] = row.line
    return list(found.values()), faults


def _key(kind: str, record: Any) -> tuple[str, str, Any]:
    if kind == "stock":
        return record.code, record.code, record
    if kind == "contact":
        return record.id, record.name, record
    return record.id, getattr(record, "code", "") or getattr(record, "name", ""), record


Made = Any
_EMPTY: Final = ("it is empty", "Fill it in.")


def _product(v: Any, about: Context, stamp: str) -> Made:
    if not v.get("code"):
        return ("code", *_EMPTY)
    currency = str(v.get("currency") or about.currency).upper()
    if currency not in EXPONENTS:
        return ("currency", "it is no currency", "Write its code of three letters, such as IDR.")
    return Product(
        id=v.get("id") or v["code"],
        code=v["code"],
        name=v.get("name", "") or v["code"],
        price=v.get("price", ZERO),
        currency=currency,
        parent=v.get("parent", ""),
        stocked=v.get("stocked", True),
        active=v.get("active", True),
        updated_at=stamp,
    )


def _stock(v: Any, about: Context, stamp: str) -> Made:
    if not v.get("code"):
        return ("code", *_EMPTY)
    if "on_hand" not in v:
        return ("on_hand", *_EMPTY)
    return Stock(
        code=v["code"],
        on_hand=v["on_hand"],
        reserved=v.get("reserved", ZERO),
        product_id=v.get("product_id") or v["code"],
        location=v.get("location", ""),
        updated_at=stamp,
    )


def _contact(v: Any, about: Context, stamp: str) -> Made:
    if not v.get("name"):
        return ("name", *_EMPTY)
    id = v.get("id") or v.get("reference") or v.get("phone") or v.get("email") or v["name"]
    return Contact(
        id=id,
        name=v["name"],
        email=v.get("email", ""),
        phone=v.get("phone", ""),
        kind=v.get("contact_kind", "customer"),
        reference=v.get("reference", ""),
        updated_at=stamp,
        active=v.get("active", True),
    )


def _needs(v: Any, *fields: str) -> tuple[str, str, str] | None:
    return next(((field, *_EMPTY) for field in fields if v.get(field) in (None, "")), None)


def _account(v: Any, about: Context, stamp: str) -> Made:
    return _needs(v, "id", "name") or Account(
        v["id"], v["name"], cast(AccountType, v.get("type", "other")), v.get("code", v["id"]), v.get("currency", ""),
        v.get("active", True),
    )  # fmt: skip


def _tax(v: Any, about: Context, stamp: str) -> Made:
    return _needs(v, "id", "name", "rate") or TaxCode(
        v["id"], v["name"], v["rate"], v.get("place", ""), v.get("active", True)
    )


def _warehouse(v: Any, about: Context, stamp: str) -> Made:
    return _needs(v, "id", "name") or Warehouse(v["id"], v["name"], v.get("active", True))


def _dimension(v: Any, about: Context, stamp: str) -> Made:
    return _needs(v, "id", "dimension_kind", "name") or Dimension(
        v["id"], v["dimension_kind"], v["name"], v.get("active", True)
    )


MAKERS: Final[dict[str, Callable[[Any, Context, str], Made]]] = {
    "product": _product,
    "stock": _stock,
    "contact": _contact,
    "account": _account,
    "tax": _tax,
    "warehouse": _warehouse,
    "dimension": _dimension,
}
