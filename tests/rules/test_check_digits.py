"""Check digits notice what people do to numbers."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from selaras.rules.check_digits import bare, check_digits, slips, verify, with_check

NUMBERS = st.text("0123456789", min_size=1, max_size=18)
SIGNS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=20)


def printed(reference: str) -> str:
    return bare(with_check(reference))


@pytest.mark.parametrize(
    ("reference", "digits"),
    [
        # ISO/IEC 7064's own example for MOD 97-10, and ISO 11649's and IBAN's way of letters.
        ("794", "44"),
        ("539007547034RF", "18"),
        ("WEST12345698765432GB", "82"),
        ("1001", "05"),
    ],
)
def test_known_check_digits(reference: str, digits: str) -> None:
    assert check_digits(reference) == digits


@given(SIGNS)
def test_what_was_made_is_right_however_it_is_written(reference: str) -> None:
    assert verify(with_check(reference)) == reference
    assert verify(f" {with_check(reference).lower().replace('-', ' ')} ") == reference
    assert int(check_digits(reference)) in range(2, 99)


@given(NUMBERS, st.data())
def test_a_wrong_digit_is_always_noticed(reference: str, data: st.DataObject) -> None:
    right = printed(reference)
    at = data.draw(st.integers(0, len(right) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    assume(digit != right[at])
    assert verify(right[:at] + digit + right[at + 1 :]) is None


@given(SIGNS, st.data())
def test_a_wrong_letter_is_always_noticed(reference: str, data: st.DataObject) -> None:
    right = printed(reference)
    letters = [i for i, sign in enumerate(right) if sign.isalpha()]
    assume(letters)
    at = data.draw(st.sampled_from(letters))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    assume(letter != right[at])
    assert verify(right[:at] + letter + right[at + 1 :]) is None


@given(NUMBERS, st.data())
def test_exchanged_neighbours_are_always_noticed(reference: str, data: st.DataObject) -> None:
    right = printed(reference)
    at = data.draw(st.integers(0, len(right) - 2))
    assume(right[at] != right[at + 1])
    assert verify(right[:at] + right[at + 1] + right[at] + right[at + 2 :]) is None


def test_the_gap_that_the_page_names() -> None:
    """1B and B1 weigh the same: a digit and a letter exchanged can go unnoticed, two digits cannot."""
    assert check_digits("71B2") == check_digits("7B12")
    unnoticed = [f"{d}{c}" for d in "0123456789" for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                 if check_digits(d + c) == check_digits(c + d)]  # fmt: skip
    assert unnoticed == ["1B", "2M", "3X"]


@pytest.mark.parametrize("text", ["", "-", "7", "12", "1001", "1001-06", "1001-AB", "１００１-99", "🙂"])
def test_what_is_not_right(text: str) -> None:
    assert verify(text) is None


@pytest.mark.parametrize("twin", [("00", "97"), ("01", "98"), ("99", "02")])
def test_check_digits_have_no_twins(twin: tuple[str, str]) -> None:
    wrong, right = twin
    reference = next(str(n) for n in range(1000) if check_digits(str(n)) == right)
    assert verify(reference + right) == reference
    assert verify(reference + wrong) is None


def test_full_width_digits_are_digits() -> None:
    assert verify("１００１－０５") == "1001"


def test_a_reference_without_letters_or_digits_has_none() -> None:
    with pytest.raises(ValueError, match="no letter and no digit"):
        check_digits("#–#")


def test_slips_name_the_bills_that_may_be_meant() -> None:
    known = ["1001", "1002", "INV/7"]
    assert slips("1001-05", known) == ["1001"]
    assert slips("1001", known) == ["1001"]  # the check digits left out
    assert slips("1001-06", known) == ["1001"]  # a wrong digit
    assert slips("101-05", known) == ["1001"]  # one missing
    assert slips("101-05", [*known, "1010"]) == ["1001", "1010"]  # 1010-75 without its 7: a person chooses
    assert slips("10001-05", known) == ["1001"]  # one too many
    assert slips("0101-05", known) == ["1001"]  # exchanged
    assert slips(with_check("inv 7"), known) == ["INV/7"]
    assert slips("9999-99", known) == []
    assert slips("", known) == []


@given(st.sets(NUMBERS.map(lambda n: n.lstrip("0") or "0"), min_size=2, max_size=6), st.data())
def test_one_slip_leads_back(known: set[str], data: st.DataObject) -> None:
    reference = data.draw(st.sampled_from(sorted(known)))
    right = printed(reference)
    at = data.draw(st.integers(0, len(right) - 1))
    kind = data.draw(st.sampled_from(["wrong", "missing", "doubled", "exchanged"]))
    wrong = {
        "wrong": right[:at] + data.draw(st.sampled_from("0123456789")) + right[at + 1 :],
        "missing": right[:at] + right[at + 1 :],
        "doubled": right[:at] + right[at] + right[at:],
        "exchanged": right[:at] + right[at : at + 2][::-1] + right[at + 2 :],
    }[kind]
    found = slips(wrong, known)
    if wrong in {printed(one) for one in known if one != reference}:
        # Only by a digit too many or too few can one slip make another bill's number.
        assert kind in ("missing", "doubled")
    else:
        assert reference in found
