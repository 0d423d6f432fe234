"""An order in rupiah, its plan, and books after it was planned: for planning by example."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from selaras.model.order import Line, Order, Payment
from selaras.rules.contacts import ContactMatch
from selaras.rules.plan_types import BankMatch, Plan, Policy
from selaras.rules.planning import plan_order
from selaras.rules.products import ProductMatch
from tests.rules.books_model import Books

PLACED = dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC)
POLICY = Policy(default_account="1-10002", accounts={"qris": "1-10005"}, bank_methods=frozenset({"transfer"}))
CODES = {code: ProductMatch(code, "exact", code) for code in ("A", "B", "C", "GIFT")}
KNOWN = ContactMatch("use", "c-1")


def at(hours: float) -> dt.datetime:
    return PLACED + dt.timedelta(hours=hours)


def d(value: int | str) -> Decimal:
    return Decimal(value)


A = Line("1", "A", "Kaos", d(2), d(100_000))
B = Line("2", "B", "Topi", d(1), d(50_000))
SHIPPING = Line("3", "", "JNE", d(1), d(20_000), kind="shipping")


def order(*lines: Line, total: int | None = None, **more: Any) -> Order:
    made = Order("77", "1001", "IDR", d(0), PLACED, PLACED, lines=lines or (A, B, SHIPPING))
    made = msgspec.structs.replace(made, **more)
    return msgspec.structs.replace(made, total=made.computed_total() if total is None else d(total))


def paid(amount: int = 270_000, hours: float = 1, key: str = "p1", method: str = "card") -> Payment:
    return Payment(key, d(amount), at(hours), method)


def plan(
    one: Order,
    books: Books | None = None,
    policy: Policy = POLICY,
    contact: ContactMatch = KNOWN,
    bank: Sequence[BankMatch] = (),
) -> Plan:
    return plan_order(one, policy, contact, CODES, list(books.held.values()) if books else (), bank)


def book(*states: Order, policy: Policy = POLICY, bank: Sequence[BankMatch] = ()) -> Books:
    """Books after each of these states was planned and everything was sent."""
    books = Books()
    for state in states:
        books.apply(plan(state, books, policy, bank=bank))
        books.send(99)
    return books


def keys(made: Plan) -> list[tuple[str, str]]:
    return [(i.key, i.op) for i in made.intents]


def cause(made: Plan) -> str:
    assert made.problem is not None
    assert made.intents == ()
    assert made.problem.message
    assert made.problem.cure
    return made.problem.cause
