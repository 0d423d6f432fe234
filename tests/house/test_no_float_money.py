"""Money is exact: no float where amounts are computed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.walls import ROOT, SOURCE

ROOMS = ("model", "rules", "connectors", "ledger", "sync", "files")
MONEY = frozenset("amount total price tax fee discount balance sum".split())
# "total_seconds" and "price_ratio" are no money.
NO_MONEY = frozenset("seconds second ms minutes hours days ratio share rate percent probability score count".split())


def looks_like_money(name: str) -> bool:
    words = set(re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().split("_"))
    singular = {word.removesuffix("es") for word in words} | {word.removesuffix("s") for word in words} | words
    return bool(singular & MONEY) and not words & NO_MONEY


def names_in(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Name):
            yield child.id
        elif isinstance(child, ast.Attribute):
            yield child.attr


def says_float(annotation: ast.AST | None) -> bool:
    if annotation is None:
        return False
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    return bool(re.search(r"\bfloat\b", str(text)))


def has_float_literal(node: ast.AST) -> bool:
    return any(isinstance(child, ast.Constant) and isinstance(child.value, float) for child in ast.walk(node))


def floats(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno, "float() is called"
        elif isinstance(node, ast.AnnAssign) and says_float(node.annotation):
            if any(map(looks_like_money, names_in(node.target))):
                yield node.lineno, f"{ast.unparse(node.target)} is a float"
        elif isinstance(node, ast.arg) and says_float(node.annotation) and looks_like_money(node.arg):
            yield node.lineno, f"{node.arg} is a float"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if says_float(node.returns) and looks_like_money(node.name):
                yield node.lineno, f"{node.name}() gives a float"
        elif (
            isinstance(node, ast.BinOp | ast.AugAssign | ast.Compare)
            and has_float_literal(node)
            and any(map(looks_like_money, names_in(node)))
        ):
            yield node.lineno, f"float arithmetic with money: {ast.unparse(node)}"


def test_no_float_holds_money() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for room in ROOMS
        for path in sorted((SOURCE / room).rglob("*.py"))
        for line, what in floats(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "source",
    [
        "x = float(text)",
        "total: float = 0",
        "def f(unit_price: float | None) -> None: ...",
        "async def order_total(order: object) -> 'float': ...",
        "class A:\n    taxes: dict[str, float]",
        "y = line.amount * 1.11",
        "balance += 0.5",
        "ok = grandTotal > 0.0",
    ],
)
def test_a_float_is_seen(source: str) -> None:
    assert list(floats(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "total: Decimal",
        "timeout: float = 0.5",
        "total_seconds: float",
        "y = amount * Decimal('1.11')",
        "z = delay * 1.5",
    ],
)
def test_what_is_no_money_passes(source: str) -> None:
    assert not list(floats(ast.parse(source)))
