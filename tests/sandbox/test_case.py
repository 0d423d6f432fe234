"""The founding case: drawn alike from a seed, and figures that see what is wrong."""

from __future__ import annotations

import copy
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from selaras.sandbox.case import figures
from selaras.sandbox.case.goods import PLENTY
from selaras.sandbox.case.script import TABLE, make_case, typed_phone


def test_a_seed_is_a_case() -> None:
    assert make_case(7) == make_case(7)
    assert make_case(7) != make_case(8)


@pytest.mark.parametrize("seed", [1, 2018, 77])
def test_the_case_can_be_played(seed: int) -> None:
    case = make_case(seed)
    skus = {ware.sku for ware in case.goods}
    assert Counter(w.day for w in case.wishes) == {day: placed for day, placed, _ in TABLE}
    assert {sku for w in case.wishes for want in w.wants for sku in want.skus} <= skus
    # Nobody goes home empty-handed: the last choice is always there.
    assert all(want.skus[-1] in PLENTY for w in case.wishes for want in w.wants)
    codes = [w.code for w in case.wishes if w.method == "transfer"]
    assert len(codes) == len(set(codes))
    assert {w.fate for w in case.wishes} == {
        "", "changed_mind", "cancel_paid", "edit", "refund_piece", "refund_money", "refund_all", "exchange",
    }  # fmt: skip
    assert all(ware.opening > 0 for ware in case.goods)


def test_a_telephone_number_is_the_same_however_it_is_written() -> None:
    draw = random.Random(3)
    written = {typed_phone(draw, "81234567890") for _ in range(100)}
    assert len(written) == 5
    digits = {"".join(c for c in text if c.isdigit()).lstrip("0").removeprefix("62") for text in written}
    assert digits == {"81234567890"}


STORE: dict[str, Any] = {
    "orders": [
        {"number": "1", "day": "2018-09-13", "status": "completed", "total": "100", "paid": "100", "refunded": "0"},
        {"number": "2", "day": "2018-09-13", "status": "cancelled", "total": "50", "paid": "50", "refunded": "50"},
    ],
    "stock": {"A": {"available": 3}, "B": {"available": 0}},
    "out_of_stock_cancellations": ["2"],
}
BOOKS: dict[str, Any] = {
    "sales": {
        "1": [{"status": "paid", "balance": "0", "documents": ["sales_order 1", "receipt 1/P", "invoice 1"]}],
        "2": [{"status": "void", "balance": "0", "documents": ["sales_order 2", "receipt 2/P", "refund_payment 2/R"]}],
    },
    "duplicates": {},
    "totals": {
        "invoices": {"IDR": "100"}, "credit_notes": {}, "receipts": {"IDR": "150"}, "refund_payments": {"IDR": "50"},
    },
    "trial_balance": {"IDR": {"sum": "0"}},
    "stock": {"A": {"on_hand": "5", "reserved": "2"}, "B": {"on_hand": "1", "reserved": "3"}},
}  # fmt: skip


def test_equal_systems_are_proved_equal() -> None:
    proof = figures.prove(STORE, BOOKS)
    assert proof.right
    assert (proof.sales_store, proof.money_store) == ("100", "100")


def _wrong(how: str) -> tuple[dict[str, Any], dict[str, Any]]:
    store, books = copy.deepcopy(STORE), copy.deepcopy(BOOKS)
    match how:
        case "missing":
            del books["sales"]["1"]
        case "twice":
            books["sales"]["1"] *= 2
        case "doubled document":
            books["duplicates"] = {"receipts": {"1/P": 2}}
        case "order of documents":
            books["sales"]["2"][0]["documents"].reverse()
        case "balance":
            books["sales"]["1"][0]["balance"] = "1"
        case "sales":
            books["totals"]["invoices"]["IDR"] = "101"
        case "money":
            books["totals"]["receipts"]["IDR"] = "149"
        case "trial balance":
            books["trial_balance"]["IDR"]["sum"] = "1"
        case "not void":
            books["sales"]["2"][0]["status"] = "open"
        case "paid twice in the store":
            store["orders"][0]["paid"] = "200"
        case _:
            raise AssertionError(how)
    return store, books


@pytest.mark.parametrize(
    "how",
    ["missing", "twice", "doubled document", "order of documents", "balance", "sales", "money", "trial balance",
     "not void", "paid twice in the store"],
)  # fmt: skip
def test_whatever_is_wrong_is_seen(how: str) -> None:
    assert not figures.prove(*_wrong(how)).right


def test_stock_is_compared_with_what_the_books_can_promise() -> None:
    assert figures.stock_agrees(STORE, BOOKS) == (2, 2)
    store = copy.deepcopy(STORE)
    store["stock"]["B"]["available"] = 1
    assert figures.stock_agrees(store, BOOKS) == (1, 2)


def test_percentages_never_flatter() -> None:
    assert figures.percent(515, 516) == Decimal("99.8")
    assert figures.percent(99_999, 100_000) == Decimal("99.9")
    assert figures.percent(0, 0) == 100
