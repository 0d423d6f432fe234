"""Finding the buyer: numbers and names as they are really written, and what is never merged."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.party import Buyer, Contact
from selaras.rules.contacts import (
    ContactIndex,
    contact_key,
    match_contact,
    names_compatible,
    normalise_email,
    normalise_phone,
    normalise_phones,
    read_name,
)

DATA = Path(__file__).parent / "data"


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows("phone_cases.csv"), ids=lambda row: repr(row["input"]))
def test_phone_numbers_as_written(row: dict[str, str]) -> None:
    wanted = tuple(row["e164"].split())
    assert normalise_phones(row["input"]) == wanted
    assert normalise_phone(row["input"]) == (wanted[0] if wanted else None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("O812-3456-7890", None),  # the letter O: a digit is not guessed
        ("0812****7890", None),
        ("081234567890 atau 081398765432", "+6281234567890"),
        ("HP: 0812.3456.7890", "+6281234567890"),
        ("WhatsApp 0812 3456 7890", "+6281234567890"),
        ("021/5550123", "+62215550123"),
        ("(021) 555 0123 ext 12", "+62215550123"),
        ("8.123456789E+10", None),  # the last digit may have been any zero that was cut
        ("8,1234567890E+10", "+6281234567890"),
        ("+62+81234567890", None),
        ("٠٨١٢٣٤٥٦٧٨٩٠", "+6281234567890"),
        ("+1 415 555 2671", "+14155552671"),
        ("", None),
        ("telepon", None),
    ],
)
def test_phone_numbers_with_damage(text: str, wanted: str | None) -> None:
    assert normalise_phone(text) == wanted


@given(st.from_regex(r"8(1[1-35-9]|2[1-3]|5[1-35-9]|7[7-8]|9[5-9])[0-9]{7,8}", fullmatch=True))
def test_every_way_of_writing_a_mobile_number_is_one_number(digits: str) -> None:
    wanted = "+62" + digits
    spaced = f"{digits[:3]} {digits[3:7]} {digits[7:]}"
    for text in ("0" + digits, "62" + digits, "+62" + digits, "0062" + digits, "+62 (0)" + digits, digits + ".0"):
        assert normalise_phone(text) == wanted, text
    assert normalise_phone("0" + spaced.replace(" ", "-")) == wanted
    assert normalise_phone("wa +62 " + spaced) == wanted


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    for number in normalise_phones(text):
        assert number[0] == "+"
        assert number[1:].isdigit()
        assert normalise_phone(number) == number, "normalising is settled after one go"
    email = normalise_email(text)
    assert email is None or normalise_email(email) == email
    read_name(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" Budi.Santoso@Example.COM ", "budi.santoso@example.com"),
        ("<budi@toko.co.id>", "budi@toko.co.id"),
        ("mailto:budi@toko.co.id", "budi@toko.co.id"),
        ("\u200ebudi@toko.co.id", "budi@toko.co.id"),
        ("budi+kaos@toko.co.id", "budi+kaos@toko.co.id"),
        ("noreply@toko.co.id", None),
        ("none@none.com", None),
        ("-", None),
        ("budi@toko", None),
        ("budi@@toko.id", None),
        ("budi santoso@toko.id", None),
    ],
)
def test_emails(text: str, wanted: str | None) -> None:
    assert normalise_email(text) == wanted


@pytest.mark.parametrize("row", rows("name_cases.csv"), ids=lambda row: row["input"])
def test_names_as_written(row: dict[str, str]) -> None:
    name = read_name(row["input"])
    assert name.key == row["match_key"]
    assert name.form == row["legal_form"]
    if name.kind != "unknown":  # without a form or a title nobody can tell a firm from a person
        assert name.kind == row["kind"]


@pytest.mark.parametrize("row", rows("name_pairs.csv"), ids=lambda row: f"{row['a']} | {row['b']}")
def test_pairs_of_names(row: dict[str, str]) -> None:
    one, two = read_name(row["a"]), read_name(row["b"])
    assert (one.key == two.key) == (row["same_match_key"] == "1")
    wanted = not row["relation"].startswith("different")
    assert names_compatible(row["a"], row["b"]) is wanted
    assert names_compatible(row["b"], row["a"]) is wanted


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ("PT Sumber Rejeki", "Sumber Rejeki", True),
        ("Toko Makmur", "PT Makmur", False),
        ("PT Maju Tbk", "PT Maju", True),
        ("V***nny Ku****an", "Vonny Kurniawan", True),
        ("", "Budi", True),
        ("Bapak Budi", "Budi Santoso", True),
        ("Ani", "Dewi", False),
        ("A", "Ani", False),
        ("Santoso Budi", "Budi Santoso", True),
        ("Budi Santoso", "Siti Santoso", False),
    ],
)
def test_compatible_names(a: str, b: str, wanted: bool) -> None:
    assert names_compatible(a, b) is wanted


BUDI = Contact("c1", "Budi Santoso", "budi@toko.co.id", "081234567890")


def test_equal_phone_and_compatible_name_is_used() -> None:
    match = match_contact(Buyer("BUDI", phone="+62 812-3456-7890"), [BUDI])
    assert (match.decision, match.contact_id) == ("use", "c1")
    assert "+6281234567890" in match.reasons[0]


def test_equal_email_is_used_though_the_phone_changed() -> None:
    match = match_contact(Buyer("Budi Santoso", "BUDI@toko.co.id", "081398765432"), [BUDI])
    assert (match.decision, match.contact_id) == ("use", "c1")


def test_the_same_phone_under_another_name_is_asked() -> None:
    match = match_contact(Buyer("Siti Aminah", phone="081234567890"), [BUDI])
    assert (match.decision, match.candidates) == ("ask", ("c1",))


def test_a_phone_shared_by_different_names_is_asked() -> None:
    siti = Contact("c2", "Siti Aminah", phone="0812-3456-7890")
    match = match_contact(Buyer("Budi Santoso", phone="081234567890"), [BUDI, siti])
    assert (match.decision, match.candidates) == ("ask", ("c1", "c2"))


def test_phone_and_email_together_decide_between_sharers_of_a_phone() -> None:
    siti = Contact("c2", "Siti Aminah", "siti@toko.co.id", "0812-3456-7890")
    match = match_contact(Buyer("Siti", "siti@toko.co.id", "081234567890"), [BUDI, siti])
    assert (match.decision, match.contact_id) == ("use", "c2")


def test_a_tie_and_a_split_are_asked() -> None:
    twin = Contact("c3", "Budi S.", phone="081234567890")
    assert match_contact(Buyer("Budi", phone="081234567890"), [BUDI, twin]).decision == "ask"
    other = Contact("c4", "Budi", "budi@lain.id")
    assert match_contact(Buyer("Budi", "budi@lain.id", "081234567890"), [BUDI, other]).decision == "ask"


def test_pt_and_cv_of_one_name_and_phone_are_asked() -> None:
    firm = Contact("c5", "PT Sumber Rejeki", phone="0215550123")
    match = match_contact(Buyer("CV Sumber Rejeki", phone="021-5550123"), [firm])
    assert match.decision == "ask"


def test_nobody_known_is_created_and_nothing_left_goes_by_policy() -> None:
    assert match_contact(Buyer("Budi", phone="081234567890"), []).decision == "create"
    assert match_contact(Buyer("Tamu", phone="-"), []).decision == "create"
    assert match_contact(Buyer("Tamu", phone="12345"), [], "walk-in").decision == "walk_in"


def test_inactive_contacts_are_not_used() -> None:
    gone = Contact("c1", "Budi", phone="081234567890", active=False)
    assert match_contact(Buyer("Budi", phone="081234567890"), [gone]).decision == "create"
    assert ContactIndex([gone]).candidates(Buyer("Budi", phone="081234567890")) == []


def test_the_key_of_a_buyer_is_stable() -> None:
    assert contact_key(Buyer("A", "a@b.co", "0812 3456 7890", "7")) == "phone:+6281234567890"
    assert contact_key(Buyer("A", "A@b.co", "-", "7")) == "email:a@b.co"
    assert contact_key(Buyer("A", "", "", "7")) == "customer:7"
    assert contact_key(Buyer("A"), "1001") == "guest:1001"
    assert contact_key(Buyer("A")) == ""


def test_the_index_follows_changes() -> None:
    index = ContactIndex([BUDI])
    buyer = Buyer("Budi", phone="081234567890")
    assert [c.id for c in index.candidates(buyer)] == ["c1"]
    index.put(Contact("c1", "Budi Santoso", phone="081398765432"))
    assert index.candidates(buyer) == []
    assert [c.id for c in index.candidates(Buyer("Budi", phone="0813 9876 5432"))] == ["c1"]
    index.drop("c1")
    index.drop("c1")
    assert len(index) == 0
    index.put(Contact("c9", "Tamu", reference="customer:7"))
    match = match_contact(Buyer("Tamu", id="7"), index.candidates(Buyer("Tamu", id="7")))
    assert (match.decision, match.contact_id) == ("use", "c9")


@given(
    st.lists(
        st.tuples(st.sampled_from(["Budi", "Siti", "Budi Santoso", "CV Budi"]), st.integers(0, 2), st.integers(0, 2)),
        max_size=5,
    ),
    st.randoms(use_true_random=False),
)
def test_the_decision_depends_on_no_order(entries: list[tuple[str, int, int]], random: object) -> None:
    contacts = [
        Contact(f"c{i}", name, f"x{mail}@toko.id" if mail else "", f"08123456789{phone}" if phone else "")
        for i, (name, phone, mail) in enumerate(entries)
    ]
    buyer = Buyer("Budi", "x1@toko.id", "081234567891")
    straight = match_contact(buyer, contacts)
    assert match_contact(buyer, contacts[::-1]).decision == straight.decision
    assert match_contact(buyer, contacts[::-1]).contact_id == straight.contact_id
    assert match_contact(buyer, ContactIndex(contacts).candidates(buyer)).decision == straight.decision
