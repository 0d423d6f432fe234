"""Damaged files: whatever is done to a statement, it is refused in a sentence, or says what it said before."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from pathlib import Path

import pytest

from selaras.files import statements
from selaras.files.refusal import Refused
from tests.files import made

DATA = Path(__file__).parent / "data"
PROVEN = [name for name in made.MADE if name not in ("mandiri-mcm-csv", "bni-dbcr", "bca-mybca-xlsx")]
SAMPLES = [*sorted((DATA / "bank-mt940").rglob("*.sta")), *sorted((DATA / "bank-camt053").glob("*.xml")),
           *sorted((DATA / "bank-ofx").glob("*.ofx")), *sorted((DATA / "indonesia").glob("*.*"))]  # fmt: skip


def read(data: bytes) -> list[tuple[object, Decimal, Decimal | None]] | None:
    """What the file says, None where it is refused. Anything but a refusal fails the test."""
    try:
        found = statements.parse(data, "a")
    except Refused:
        return None
    return [(line.day, line.amount, line.balance) for one in found for line in one.lines]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_no_damage_is_more_than_a_refusal(path: Path) -> None:
    data = path.read_bytes()
    chance = random.Random(path.name)  # the same damage each time
    for _turn in range(8):
        broken = bytearray(data)
        for _times in range(chance.randint(1, 4)):
            at = chance.randrange(len(broken))
            what = chance.randrange(4)
            if what == 0:
                broken[at] = chance.randrange(256)
            elif what == 1:
                del broken[at : at + chance.randint(1, 40)]
            elif what == 2:
                broken[at:at] = bytes(
                    chance.choice(b'0123456789,.;"<>&:?\n\r\t -') for _ in range(chance.randint(1, 5))
                )
            else:
                del broken[at:]
            if not broken:
                break
        read(bytes(broken))


def unproven(name: str, text: str) -> list[tuple[int, int]]:
    """The lines of the text whose movement nothing in it proves."""
    found = []
    if not re.search("saldo awal|starting balance|opening balance|saldo_awal", text, re.IGNORECASE):
        found.append((text.index(made.ROWS[0][2]), text.index("\n", text.index(made.ROWS[0][2]))))
    if name == "bri-cms-id-csv":
        found.append((text.index(made.ROWS[-1][2]), len(text)))
    return found


@pytest.mark.parametrize("name", PROVEN)
def test_no_other_digit_of_an_amount_passes(name: str) -> None:
    """Each digit of each amount and balance is changed in turn; the balances must tell.

    Where a file prints no opening balance, nothing in it can tell what the first row moved (and, where it prints only
    balances before the rows, what the last one did): the export of the days before does, when they are merged.
    """
    data = made.MADE[name]()
    if data.startswith(b"PK"):
        pytest.skip("text shows it")
    whole = read(data)
    text = data.decode()
    amounts = re.compile(r"\d{1,3}(?:[.,]\d{3})*[.,]\d{2}(?!\d)|\d{4,}[.,]\d{2}(?!\d)")
    digits = [
        at
        for found in amounts.finditer(text)
        if text[found.start() - 3 : found.start()].count("/") == 0
        if not any(one < found.start() < two for one, two in unproven(name, text))
        for at in range(found.start(), found.end())
        if text[at].isdigit()
    ]
    assert len(digits) > 60
    passed = []
    for at in digits:
        other = "7" if text[at] != "7" else "3"
        said = read((text[:at] + other + text[at + 1 :]).encode())
        if said is not None and said != whole:
            passed.append(text[max(0, at - 20) : at + 10])
    assert not passed


@pytest.mark.parametrize("name", PROVEN)
def test_no_row_is_lost_between_two_others(name: str) -> None:
    data = made.MADE[name]()
    if data.startswith((b"PK", b"<html")):
        pytest.skip("text tables show it")
    lines = data.decode().split("\r\n")
    rows = [at for at, line in enumerate(lines) if any(text in line for _day, _amount, text in made.ROWS)]
    for at in rows[1:-1]:
        assert read("\r\n".join(lines[:at] + lines[at + 1 :]).encode()) is None
    for at in rows[1:]:
        assert read("\r\n".join([*lines[:at], lines[at], *lines[at:]]).encode()) is None
