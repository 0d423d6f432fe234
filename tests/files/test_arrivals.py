"""Exports that arrive one after the other: the same ids as all at once, and none ever changes hands."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from selaras.files import identity
from selaras.files.arrivals import Register
from selaras.model.statement import Statement, StatementLine
from tests.files.test_identity import CUTS, FIRST, MOVES, account, export

DAY = dt.date(2026, 11, 20)


@settings(max_examples=200, deadline=None)
@given(MOVES, CUTS, st.booleans(), st.randoms(use_true_random=False))
def test_arrivals_come_to_the_union_with_its_ids(
    moves: list[tuple[dt.date, Decimal]], cuts: list[tuple[int, int]], bare: bool, chance: random.Random
) -> None:
    """Overlapping exports of two layouts, in any order: what arrives is what `merge` finds, under the same ids."""
    lines = account(moves)
    parts = []
    for at, (one, two) in enumerate(cuts):
        first, last = FIRST + dt.timedelta(days=min(one, two)), FIRST + dt.timedelta(days=max(one, two))
        parts.append(export(lines, f"{at}.csv", chance.choice("ab"), first, last, bare or chance.random() < 0.3))
    chance.shuffle(parts)
    register = Register("0350000001", "IDR")
    told = [item for part in parts for item in register.take(part)]
    union = identity.merge(parts)
    assert Counter((id, line.day, line.amount) for id, line in told) == Counter(
        (one.line_id, one.line.day, one.line.amount) for one in union.lines
    )
    assert [register.take(part) for part in parts] == [[] for _ in parts]


def statement(name: str, layout: str, *rows: tuple[str, str | None], amount: int = 100) -> Statement:
    lines = tuple(
        StatementLine(at, DAY, Decimal(amount), "IDR", text, balance=None if balance is None else Decimal(balance))
        for at, (text, balance) in enumerate(rows, 1)
    )
    return Statement(name, layout, "BCA", "1", "IDR", lines, DAY, DAY)


def test_an_earlier_twin_that_comes_later_takes_a_new_id() -> None:
    """A part of the day first, then the whole day: the row that was told keeps its id and its text."""
    register = Register("1", "IDR")
    ((second, line),) = register.take(statement("a", "x", ("DARI BUDI", "300")))
    assert line.description == "DARI BUDI"
    ((first, line),) = register.take(statement("b", "x", ("DARI ANI", "200"), ("DARI BUDI", "300")))
    assert line.description == "DARI ANI"
    assert first != second
    assert {first, second} == {identity.line_id("1", "IDR", DAY, Decimal(100), n) for n in (1, 2)}


def test_between_layouts_the_text_tells_twins_apart() -> None:
    """Another layout in the other order: the movement with the same text is the same."""
    register = Register("1", "IDR")
    ((told, _line),) = register.take(statement("a", "x", ("DARI BUDI", "300")))
    fresh = register.take(statement("b", "y", ("DARI ANI", None), ("Dari  Budi", None)))
    assert [line.description for _id, line in fresh] == ["DARI ANI"]
    assert fresh[0][0] != told


def test_a_pending_row_waits_until_it_is_booked() -> None:
    register = Register("1", "IDR")
    pending = StatementLine(1, None, Decimal(50), "IDR", "PEND", pending=True)
    assert register.take(Statement("a", "x", "BCA", "1", "IDR", (pending,))) == []
    booked = StatementLine(1, DAY, Decimal(50), "IDR", "DARI ANI")
    assert len(register.take(Statement("b", "x", "BCA", "1", "IDR", (booked,)))) == 1
