"""Amounts and dates: what a bank writes is read back exactly, whatever it is."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.files import amounts, dates
from selaras.files.refusal import Refused
from tests.files import made

SEN = st.integers(min_value=0, max_value=10**15).map(lambda sen: Decimal(sen).scaleb(-2))
DAYS = st.dates(min_value=dt.date(2000, 1, 1), max_value=dt.date(2099, 12, 31))


@given(SEN, st.sampled_from([("", 1), ("+", 1), ("-", -1), ("Rp ", 1), ("Rp", 1), ("-Rp", -1)]))
def test_amounts_come_back_in_both_styles(amount: Decimal, sign: tuple[str, int]) -> None:
    before, factor = sign
    assert amounts.read(before + made.en(amount), ".") == amount * factor
    assert amounts.read(before + made.ind(amount), ",") == amount * factor
    assert amounts.read(before + made.plain(amount), ".") == amount * factor


@given(st.lists(SEN, min_size=1, max_size=20), st.sampled_from([(".", made.en), (",", made.ind)]))
def test_a_column_with_sen_tells_its_own_mark(values: list[Decimal], style: tuple[str, object]) -> None:
    mark, write = style
    cells = [(at, write(value)) for at, value in enumerate(values)]  # type: ignore[operator]
    assert amounts.choose({"A": cells}, "") == {"A": mark}


@given(st.integers(min_value=1, max_value=999).map(lambda n: f"{n}.000"))
def test_a_column_that_leaves_it_open_is_not_guessed(text: str) -> None:
    with pytest.raises(Refused, match="thousands or decimals"):
        amounts.choose({"A": [(1, text)]}, "")
    assert amounts.choose({"A": [(1, text)], "B": [(1, "1.000.000,50")]}, "") == {"A": ",", "B": ","}


@pytest.mark.parametrize(
    "text", ["1,23,456.00", "1.234.56", "1,,000", "12e3", "0x10", "1 000", "--5", "-5-", "５", "", "1.234.5,6"]
)
def test_what_is_no_amount_is_never_zero(text: str) -> None:
    for mark in (".", ","):
        with pytest.raises(amounts.Unreadable):
            amounts.read(text, mark)


@pytest.mark.parametrize(
    ("text", "amount", "mark"),
    [
        ("3,528,964.00 CR", "3,528,964.00", "CR"),
        ("1.000,00 Db.", "1.000,00", "DB"),
        ("5 D", "5", "D"),
        ("5", "5", ""),
        (".00", ".00", ""),
    ],
)
def test_the_mark_behind_an_amount(text: str, amount: str, mark: str) -> None:
    assert amounts.split_mark(text) == (amount, mark)


@given(DAYS, st.sampled_from(["/", "-", "."]))
def test_dates_are_read_day_first(day: dt.date, mark: str) -> None:
    assert dates.read(made.dmy(day, mark)) == day
    assert dates.read(f"{day:%d{mark}%m{mark}%y}") == day
    assert dates.read(day.isoformat()) == day
    assert dates.read(f"{made.dmy(day, mark)} 10:15:30") == day


@given(DAYS, st.booleans())
def test_month_names_of_both_languages(day: dt.date, indonesian: bool) -> None:
    names = made._ID if indonesian else made._EN
    assert dates.read(f"{day.day:02d}-{names[day.month - 1]}-{day.year}") == day
    assert dates.read(f"{day.day} {names[day.month - 1]} {day.year} 10:15:30") == day


@given(DAYS, st.integers(min_value=0, max_value=300))
def test_a_date_without_a_year_takes_it_from_the_period(first: dt.date, length: int) -> None:
    last = first + dt.timedelta(days=length)
    period = dates.Period(first, last)
    for day in (first, last):
        if (day.month, day.day) == (2, 29) and not any(
            first <= dt.date(year, 2, 28) <= last for year in range(first.year, last.year + 1)
        ):
            continue
        assert dates.read(f"{day:%d/%m}", period) == day


def test_a_date_without_a_year_is_refused_outside_every_period() -> None:
    with pytest.raises(Refused, match="no year"):
        dates.read("01/10")
    with pytest.raises(Refused, match="no year"):
        dates.read("01/10", dates.Period(dt.date(2026, 11, 1), dt.date(2026, 11, 30)))
    with pytest.raises(Refused, match="no year"):
        dates.read("01/10", dates.Period(dt.date(2025, 9, 1), dt.date(2026, 11, 30)))
    assert dates.read("31/12", dates.Period(dt.date(2025, 12, 15), dt.date(2026, 1, 14))) == dt.date(2025, 12, 31)
    assert dates.read("02/01", dates.Period(dt.date(2025, 12, 15), dt.date(2026, 1, 14))) == dt.date(2026, 1, 2)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(dates.read(text), dt.date)
    for mark in (".", ","):
        assert amounts.fits(text, mark) in (True, False)
