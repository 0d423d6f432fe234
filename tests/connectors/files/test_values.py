"""Numbers, dates and damaged cells: exact or refused, never guessed, never a binary float."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.files.dates import read_moment
from selaras.connectors.files.numbers import Mark, Unreadable, mark_of, marks_of, only, read_number

JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234.567,00", "1234567"), ("1,234,567.00", "1234567"), ("Rp 1.234.567", "1234567"),
        ("Rp1.500.000,-", "1500000"),
        ("IDR 12,50", "12.50"), ("12.5", "12.5"), ("-75", "-75"), ("75-", "-75"), ("(1.234,50)", "-1234.50"),
        ("1\u00a0234\u00a0567,5", "1234567.5"), ("1'234'567.5", "1234567.5"), ("\uff11\uff12", "12"),
        ("0,125", "0.125"),
        ("1234.567", "1234.567"), ("\u22125", "-5"), ("007", "7"), ("1.000.000", "1000000"), ("USD 3.99", "3.99"),
        ("3,99 EUR", "3.99"), ("'75000", "75000"), ("+12", "12"), (".5", "0.5"), ("5,", "5"),
        ("- Rp 2.000,00", "-2000"),
    ],
)  # fmt: skip
def test_numbers_that_say_themselves_what_they_are(text: str, value: str) -> None:
    assert read_number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "", "abc", "12abc5", "1,2,3", "1.23.456", "1.234,56.7", "8.12E+10", "1e5", "1..2", "--5", "#REF!", "12 %5",
        "NaN",
        "inf", "1.500", "2,750", "0x10", "1" * 40, "12-34", "1,234,56.00", "٣،٥",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_refused(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_number(text)
    assert caught.value.cure


def test_the_column_decides_what_one_value_cannot() -> None:
    indonesian = ["1.500", "75.000", "12.500,50"]
    assert only(marks_of(indonesian)) == ","
    assert [read_number(t, ",") for t in indonesian] == [Decimal(1500), Decimal(75000), Decimal("12500.50")]
    assert only(marks_of(["1.500", "2.75"])) == "."
    assert only(marks_of(["2.75", "2,75"])) == ""
    with pytest.raises(Unreadable):
        read_number("1.234,50", ".")


def written(value: Decimal, mark: Mark, grouped: bool) -> str:
    text = format(value, f"{',' if grouped else ''}f")
    return text if mark == "." else text.translate(str.maketrans(",.", ".,"))


amounts = st.decimals(min_value=-(10**15), max_value=10**15, places=2, allow_nan=False, allow_infinity=False)


@given(amounts, st.sampled_from([".", ","]), st.booleans(), st.sampled_from(["", "Rp ", "IDR "]))
def test_what_was_written_is_read_exactly(value: Decimal, mark: Mark, grouped: bool, before: str) -> None:
    read = read_number(before + written(value, mark, grouped), mark)
    assert type(read) is Decimal
    assert read == value
    proved = mark_of(written(value, mark, grouped))
    assert proved in ("", mark)


@given(st.text(max_size=25))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    marks: tuple[Mark, ...] = ("", ".", ",")
    for mark in marks:
        try:
            value = read_number(text, mark)
        except Unreadable:
            continue
        assert type(value) is Decimal
        assert value.is_finite()


@given(st.text(alphabet="0123456789.,-() Rp", max_size=18))
def test_a_number_means_the_same_wherever_its_sign_is_proved(text: str) -> None:
    proved = mark_of(text)
    try:
        alone = read_number(text)
    except Unreadable:
        return
    if proved:
        assert read_number(text, proved) == alone


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-21", "2026-11-20T17:00"), ("21/11/2026", "2026-11-20T17:00"),
        ("21/11/2026 14:30", "2026-11-21T07:30"),
        ("21-11-2026 14.30.05", "2026-11-21T07:30:05"), ("2026-11-21T14:30:00Z", "2026-11-21T14:30"),
        ("2026-11-21 14:30:00+07:00", "2026-11-21T07:30"), ("21 Nov 2026", "2026-11-20T17:00"),
        ("1 Mei 2026", "2026-04-30T17:00"),
        ("17 Agustus 2026 10:00 WIB", "2026-08-17T03:00"), ("01-Agt-26", "2026-07-31T17:00"),
        ("5 Nopember 2026", "2026-11-04T17:00"),
        ("21/11/26 2:05 PM", "2026-11-21T07:05"), ("2026/11/21 14:30 WITA", "2026-11-21T06:30"),
    ],
)  # fmt: skip
def test_dates(text: str, utc: str) -> None:
    assert read_moment(text, JAKARTA) == dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text", ["11/21/2026", "31/02/2026", "46347", "soon", "2026-13-01", "21/11", "32 Nov 2026", "1 Foo 2026"]
)
def test_dates_that_are_none_or_have_the_month_first(text: str) -> None:
    with pytest.raises(Unreadable):
        read_moment(text, JAKARTA)


def test_the_month_may_come_first_where_the_profile_says_so() -> None:
    fifth = dt.datetime(2026, 11, 5, tzinfo=JAKARTA)
    assert read_moment("11/05/2026", JAKARTA, "mdy") == fifth
    assert read_moment("20261105", JAKARTA, "%Y%m%d") == fifth
    with pytest.raises(Unreadable):
        read_moment("21/11/2026", JAKARTA, "mdy")


@given(st.datetimes(min_value=dt.datetime(1990, 1, 1), max_value=dt.datetime(2090, 1, 1)))  # noqa: DTZ001
def test_every_moment_is_read_as_it_was_written(moment: dt.datetime) -> None:
    moment = moment.replace(microsecond=0)
    for text in (moment.isoformat(), f"{moment:%d/%m/%Y %H:%M:%S}", f"{moment:%d-%m-%Y %H.%M.%S}"):
        assert read_moment(text, JAKARTA) == moment.replace(tzinfo=JAKARTA)
