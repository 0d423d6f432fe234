"""Overlapping exports import once, true equal transfers stay, whatever is exported when and merged in which order."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import Counter
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selaras.files import identity, statements
from selaras.files.refusal import Refused
from selaras.model.statement import Statement, StatementLine
from tests.files import made

FIRST = dt.date(2026, 8, 1)
OPENING = Decimal(1_000_000)
# Few amounts on few days, so that equal ones meet.
MOVES = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from([100, 100, 250, -100, 147])), min_size=1, max_size=24
).map(lambda moves: sorted((FIRST + dt.timedelta(days=day), Decimal(amount)) for day, amount in moves))
CUTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=4)


def account(moves: list[tuple[dt.date, Decimal]]) -> list[StatementLine]:
    """The account as the bank has it: every line with its balance."""
    balance, lines = OPENING, []
    for row, (day, amount) in enumerate(moves, 1):
        balance += amount
        lines.append(StatementLine(row, day, amount, "IDR", f"text {row}", balance=balance))
    return lines


def export(lines: list[StatementLine], name: str, layout: str, first: dt.date, last: dt.date, bare: bool) -> Statement:
    """The lines of some days, as one export with or without balances, its texts rewritten as banks do."""
    taken = [
        msgspec.structs.replace(
            line, row=at, description=f"{name} {line.description}", balance=None if bare else line.balance
        )
        for at, line in enumerate((line for line in lines if line.day and first <= line.day <= last), 1)
    ]
    return Statement(name, layout, "BCA", "0350000001", "IDR", tuple(taken), first, last)


@settings(max_examples=150, deadline=None)
@given(MOVES, CUTS, st.booleans(), st.randoms(use_true_random=False))
def test_any_overlapping_exports_come_to_the_account(
    moves: list[tuple[dt.date, Decimal]], cuts: list[tuple[int, int]], bare: bool, chance: random.Random
) -> None:
    """Whole days, cut anywhere, in any order, of two layouts: the union is what happened on the days covered."""
    lines = account(moves)
    parts, covered = [], set()
    for at, (one, two) in enumerate(cuts):
        first, last = FIRST + dt.timedelta(days=min(one, two)), FIRST + dt.timedelta(days=max(one, two))
        covered |= {first + dt.timedelta(days=day) for day in range((last - first).days + 1)}
        parts.append(export(lines, f"{at}.csv", chance.choice("ab"), first, last, bare or chance.random() < 0.3))
    expected = Counter((line.day, line.amount) for line in lines if line.day in covered)
    first_ids = None
    for _turn in range(2):
        chance.shuffle(parts)
        union = identity.merge(parts)
        assert Counter((one.line.day, one.line.amount) for one in union.lines) == expected
        ids = [one.line_id for one in union.lines]
        assert len(set(ids)) == len(ids)
        assert first_ids in (None, sorted(ids))
        first_ids = sorted(ids)
        assert union.repeated == sum(len(part.lines) for part in parts) - len(ids)


@settings(max_examples=100, deadline=None)
@given(MOVES, st.integers(0, 24), st.integers(0, 24))
def test_exports_that_break_off_within_a_day(moves: list[tuple[dt.date, Decimal]], one: int, two: int) -> None:
    """An export until now and one from now: with balances, nothing is lost where they meet or overlap."""
    lines = account(moves)
    upto, since = max(one, two), min(one, two)
    parts = [
        Statement(name, "a", "", "1", "IDR", tuple(some), some[0].day, some[-1].day)
        for name, some in (("early", lines[:upto]), ("late", lines[since:]))
        if some
    ]
    if not parts:
        return
    union = identity.merge(parts)
    there = [line for at, line in enumerate(lines) if at < upto or at >= since]
    assert Counter(one.line.balance for one in union.lines) == Counter(line.balance for line in there)


@settings(max_examples=60, deadline=None)
@given(MOVES)
def test_one_file_for_each_transaction(moves: list[tuple[dt.date, Decimal]]) -> None:
    """BRI sends an MT940 for each movement: the balances alone tell two equal ones apart."""
    parts, balance = [], OPENING
    for at, (day, amount) in enumerate(moves):
        line = StatementLine(1, day, amount, "IDR")
        parts.append(Statement(f"{at}", "mt940", "", "1", "IDR", (line,), day, day, balance, balance + amount))
        balance += amount
    union = identity.merge(parts + parts)
    assert Counter((one.line.day, one.line.amount) for one in union.lines) == Counter(moves)


def pending(amount: int, balance: int | None, day: dt.date | None = None, row: int = 1) -> StatementLine:
    return StatementLine(
        row, day, Decimal(amount), "IDR", balance=None if balance is None else Decimal(balance), pending=day is None
    )


def week(*lines: StatementLine, name: str = "a", first: int = 1, last: int = 7) -> Statement:
    numbered = tuple(msgspec.structs.replace(line, row=at) for at, line in enumerate(lines, 1))
    return Statement(name, "bca", "", "1", "IDR", numbered, FIRST.replace(day=first), FIRST.replace(day=last))


DAY = FIRST.replace(day=6)


def test_a_pending_row_waits_is_replaced_or_is_gone() -> None:
    early = week(pending(10, 110, DAY), pending(50, 160), name="early")
    alone = identity.merge([early])
    assert (len(alone.lines), len(alone.pending), alone.replaced) == (1, 1, 0)
    # booked the next day, with another row before it, so that its balance is another one
    late = week(pending(10, 110, DAY), pending(5, 115, DAY), pending(50, 165, DAY.replace(day=7)), name="late")
    for parts in itertools.permutations([early, late]):
        union = identity.merge(list(parts))
        assert (len(union.lines), union.pending, union.gone, union.replaced) == (3, [], [], 1)
    # a later export of the same days without it
    void = week(pending(10, 110, DAY), pending(7, 117, DAY.replace(day=8)), name="void", first=6, last=9)
    assert [line.amount for line in identity.merge([early, void]).gone] == [50]
    # an export of other days says nothing about it
    other = week(pending(7, 167, DAY.replace(day=20)), name="other", first=15, last=21)
    assert [line.amount for line in identity.merge([early, other]).pending] == [50]


def test_a_pending_row_does_not_swallow_an_equal_booked_one() -> None:
    """Two equal transfers, one booked, one pending: the booked one is not what the pending one became."""
    early = week(pending(50, 150, DAY), pending(50, 200), name="early")
    assert len(identity.merge([early, early]).pending) == 1
    late = week(pending(50, 150, DAY), pending(50, 200, DAY), name="late")
    for parts in itertools.permutations([early, late]):
        union = identity.merge(list(parts))
        assert (len(union.lines), len(union.pending), union.replaced) == (2, 0, 1)


def test_a_pending_row_in_two_exports_is_one() -> None:
    rows = (pending(10, 110, DAY), pending(50, 160), pending(50, 210))
    union = identity.merge([week(*rows, name="a"), week(*rows, name="b")])
    assert [line.amount for line in union.pending] == [50, 50]


def test_exports_that_contradict_each_other_are_refused() -> None:
    """The second export has the rows of a day in another order, so their balances cannot be compared."""
    one = week(pending(10, 110, DAY), pending(50, 160, DAY), pending(1, 161, DAY.replace(day=7)))
    two = week(pending(50, 150, DAY), pending(10, 160, DAY), pending(1, 161, DAY.replace(day=7)), name="b")
    before = week(pending(100, 100, DAY.replace(day=5)), name="c")
    with pytest.raises(Refused, match="between 2026-08-05 and 2026-08-07 the balance moves by 61"):
        identity.merge([before, one, two])


def test_a_gap_between_exports_is_no_contradiction() -> None:
    early = week(pending(10, 110, FIRST), first=1, last=1)
    late = week(pending(5, 400, FIRST.replace(day=20)), name="b", first=20, last=20)
    assert len(identity.merge([early, late]).lines) == 2


def test_an_account_must_be_named_and_accounts_stay_apart() -> None:
    (one,) = statements.parse(made.bca_two_sides(), "a.csv")
    with pytest.raises(Refused, match="--account"):
        identity.merge([one])
    named = [msgspec.structs.replace(one, account=account) for account in ("1", "2")]
    union = identity.merge(named)
    assert len(union.lines) == 2 * len(made.ROWS)
    assert len({line.line_id for line in union.lines}) == len(union.lines)


def test_the_same_month_in_every_layout_is_one_month() -> None:
    """All 23 exports of the same five movements, as if they were of one account."""
    found = [
        msgspec.structs.replace(one, account="1", file=name)
        for name, make in made.MADE.items()
        for one in statements.parse(make(), name)
    ]
    union = identity.merge(found)
    assert [one.line.amount for one in union.lines] == [amount for _day, amount, _text in made.ROWS]
    assert union.repeated == len(made.MADE) * len(made.ROWS) - len(made.ROWS)
