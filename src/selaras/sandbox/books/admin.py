"""The sandbox's own switches under /sandbox/…, guarded by the admin key: truth, seeding, and other people's doings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

import msgspec

from selaras.sandbox.books import batch, orders, supply, truth, wire
from selaras.sandbox.books.grants import Grants
from selaras.sandbox.books.makeup import ChartIn
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Books


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Master data to load at once."""

    contacts: list[msgspec.Raw] = []
    products: list[msgspec.Raw] = []
    stock: list[supply.StockIn] = []


class Typed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person types: the kind, what is done, and the items as the API has them."""

    kind: str
    items: list[msgspec.Raw]
    op: str = "create"


class Close(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last day of the closed period; null opens everything."""

    closed_until: dt.date | None


class Items(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some items."""

    items: list[msgspec.Raw]


class Unknown(Exception):
    """There is no such kind, operation or part."""


# What a person can do and an application cannot.
_BY_HAND: Final = {
    ("sales_orders", "delete"): batch.Operation(msgspec.json.Decoder(wire.Void), orders.delete),
}


def seed(books: Books, grants: Grants, body: bytes) -> Any:
    """Load contacts, products and stock; outcomes per kind. `stock` counts what lies there."""
    load = msgspec.json.decode(body, type=Seed)
    act = books.act()
    found: dict[str, Any] = {}
    for kind, items in (("contacts", load.contacts), ("products", load.products)):
        found[kind] = batch.run(books, batch.OPERATIONS[kind, "create"], items, act)
    failed: list[wire.Bad] = []
    for item in load.stock:
        try:
            supply.count_stock(books, item, act)
        except Refused as refused:
            failed.append(wire.Bad(refused.code, refused.field, f"{item.code}: {refused.message}"))
    found["stock"] = {"counted": len(load.stock) - len(failed), "refused": failed}
    return found


def typist(books: Books, grants: Grants, body: bytes) -> Any:
    """Documents as a person makes them: same rules, but no reference is asked for and no fault interferes."""
    typed = msgspec.json.decode(body, type=Typed)
    operation = _BY_HAND.get((typed.kind, typed.op)) or batch.OPERATIONS.get((typed.kind, typed.op))
    if operation is None:
        raise Unknown(f"There is no {typed.op!r} for {typed.kind!r}.")
    return {"results": batch.run(books, operation, typed.items, books.act("hand"))}


def bank(books: Books, grants: Grants, body: bytes) -> Any:
    """Lines of the bank feed."""
    items = msgspec.json.decode(body, type=Items).items
    return {"results": batch.run(books, batch.BANK_LINE, items, books.act("bank"))}


def sale(books: Books, grants: Grants, body: bytes) -> Any:
    """Counter sales; they lower the stock without a sales document."""
    items = msgspec.json.decode(body, type=Items).items
    act = books.act("hand")
    results: list[Any] = []
    for raw in items:
        try:
            entry = supply.sell_at_counter(books, msgspec.json.decode(raw, type=supply.CounterSale), act)
            results.append({"ok": True, "journal": "" if entry is None else entry.id})
        except Refused as refused:
            results.append(wire.Bad(refused.code, refused.field, refused.message))
    return {"results": results}


def close(books: Books, grants: Grants, body: bytes) -> Any:
    """Close (or open) a period."""
    books.closed_until = msgspec.json.decode(body, type=Close).closed_until
    return {"closed_until": books.closed_until}


def expire(books: Books, grants: Grants, body: bytes) -> Any:
    """Let all access tokens expire."""
    return {"expired": grants.expire()}


def revoke(books: Books, grants: Grants, body: bytes) -> Any:
    """Kill every grant."""
    return {"revoked": grants.revoke_all()}


def change_chart(books: Books, grants: Grants, body: bytes) -> Any:
    """Add or change accounts, taxes and dimensions."""
    act = books.act("hand")
    books.makeup.change(msgspec.json.decode(body, type=ChartIn), act.stamp, act.now, act.visible_at)
    return {kind: len(table) for kind, table in books.makeup.tables.items()}


POSTS: Final[dict[str, Callable[[Books, Grants, bytes], Any]]] = {
    "seed": seed,
    "typist": typist,
    "bank": bank,
    "sale": sale,
    "close": close,
    "expire": expire,
    "revoke": revoke,
    "chart": change_chart,
}


def told(books: Books, grants: Grants, calls: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    """The truth with the counters of the server around the books."""
    unknown = [part for part in parts if part not in truth.PARTS and part != "calls"]
    if unknown:
        raise Unknown(f"There is no part {unknown[0]!r}.")
    wanted = [part for part in parts if part != "calls"]
    found = truth.truth(books, wanted) if wanted or not parts else {}
    if not parts or "calls" in parts:
        tokens = {
            **grants.counts,
            "issued": sum(grants.counts[k] for k in ("authorization_code", "refresh_token", "client_credentials")),
            "refreshes": grants.counts["refresh_token"],
        }
        found |= {"calls": calls, "tokens": tokens, "faults": dict(books.faults.counts)}
    return found
