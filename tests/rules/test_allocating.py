"""What posts alone from the first day, what is asked, and what is written off: by the shapes that banks write."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.rules.allocating import Answer, Incoming, Owed, allocate
from selaras.rules.autonomy import Autonomy, standing

DAY = dt.date(2026, 10, 1)
ROLES = frozenset({"transfer_fee", "withholding", "rounding"})


def order(number: str, due: int = 147_356, name: str = "Rina Wulandari", **more: object) -> Owed:
    made = {"subject": "toko:" + number, "number": number, "name": name, "phone": "", "currency": "IDR", "due": due,
            "ordered": DAY, **more}  # fmt: skip
    return Owed(**made)  # type: ignore[arg-type]


def line(text: str, amount: int = 147_356, name: str = "t", days: int = 0) -> Incoming:
    return Incoming(line=name, currency="IDR", left=amount, day=DAY + dt.timedelta(days=days), text=text)


def best(text: str, *orders: Owed, amount: int = 147_356, days: int = 0) -> Answer | None:
    answers = allocate(orders, [line(text, amount, days=days)]).get("t", [])
    return answers[0] if answers else None


def alone(answer: Answer | None) -> str:
    """The order that is posted without asking on the first day, "" for none."""
    if answer is None or not answer.sure or not standing(answer.rule, 0, 0, Autonomy()).alone:
        return ""
    return " ".join(share.number for share in answer.shares)


@pytest.mark.parametrize(
    "text",
    [
        "TRSF E-BANKING CR 0110/FTSCY/WS95051        147356.00INV 1001           SITI",
        "TRSF E-BANKING CR 0110/FTSCY/WS95051 147,356.00 1001 SITI",
        "KR OTOMATIS LLG-CIMB NIAGA SUMBER REJEKI CV INV 1001",
        "TRANSFER DARI | PEMINDAHAN DARI 251020101 MAJU JAYA | INV#1001",
    ],
)
def test_the_number_is_found_as_banks_write_it(text: str) -> None:
    assert alone(best(text, order("1001"), order("1002"))) == "1001"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("TRSF E-BANKING CR 1001/FTSCY/WS95051 147356.00 SITI", "1001"),  # a code of the bank's channel
        ("CR 147356.00 SITI", "147356"),  # the amount repeated
        ("BAYAR 14 SITI", "14"),  # too short to tell anything
        ("CR 110012 SITI", "1001"),  # inside another number
        ("TRSF E-BANKING CR 0610/FTSCY/WS95011 1001 SETORAN TUNAI", "1002"),
    ],
)
def test_what_is_no_evidence_never_posts_alone(text: str, number: str) -> None:
    assert alone(best(text, order(number), order("1009", 99_000))) == ""


def test_the_number_with_another_amount_is_asked() -> None:
    found = best("ORDER 1001 RINA", order("1001", 50_000), amount=41_250)
    assert alone(found) == ""


def test_a_name_has_to_earn_it() -> None:
    found = best("BI-FAST CR TRANSFER DR 008 RINA WULANDARI", order("1001"), order("1002", 60_000, "Siti Aminah"))
    assert found is not None
    assert (found.rule, alone(found)) == ("exact:name", "")
    assert standing(found.rule, 59, 0, Autonomy()).alone


def test_a_unique_amount_is_proof_and_its_code_is_written_off() -> None:
    found = best("CR SITI", order("1001", 147_000, code=356, roles=ROLES), order("1002", 147_000, code=411))
    assert found is not None
    assert (found.rule, alone(found)) == ("exact:code", "1001")
    assert found.shares[0].written_off == (("rounding", -356),)


@pytest.mark.parametrize(
    ("amount", "limit", "roles", "written"),
    [
        (144_856, 10_000, ROLES, (("transfer_fee", 2_500),)),
        (144_856, 1_000, ROLES, ()),  # beyond the limit: the rest stays open
        (144_856, 10_000, frozenset[str](), ()),  # the books take no write-offs
        (144_701, 0, ROLES, (("withholding", 2_655),)),  # PPh 23: 2 % of the price without PPN
    ],
)
def test_a_difference_is_written_off_within_its_bounds(
    amount: int, limit: int, roles: Collection[str], written: tuple[tuple[str, int], ...]
) -> None:
    owed = order("1001", write_off=limit, roles=frozenset(roles))
    found = best("TRSF CR 1001 RINA WULANDARI", owed, amount=amount)
    assert found is not None
    assert found.shares[0].written_off == written


def test_more_than_is_due_is_never_put_down_without_asking() -> None:
    found = best("TRSF CR 1001 RINA WULANDARI", order("1001", 147_356), amount=150_000)
    assert found is None or not found.sure


@pytest.mark.parametrize("days", [-40, 95, 300])
def test_a_whole_number_of_another_time_is_asked_about(days: int) -> None:
    found = best("TRSF CR INV 1001 RINA", order("1001"), order("1002"), days=days)
    assert found is not None
    assert ([s.number for s in found.shares], found.sure, found.rule) == (["1001"], False, "exact_late:reference")
    assert str(abs(days)) in found.reasons[0]
    assert best("TRSF CR INV 1001 AND 1002", order("1001"), order("1002"), days=days) is None


def test_a_pair_that_a_person_refused_is_not_proposed() -> None:
    orders, money = [order("1001"), order("1002", 60_000)], [line("TRSF CR 1001 RINA WULANDARI")]
    assert "t" in allocate(orders, money)
    assert "t" not in allocate(orders, money, refused={("t", "toko:1001")})


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6)), max_size=8), st.integers(0, 5), st.randoms())
def test_the_answer_does_not_depend_on_the_order_of_rows(
    rows: list[tuple[int, int]], count: int, rng: random.Random
) -> None:
    orders = [order(str(1000 + n), 1000 * (1 + n % 3), ["Budi Santoso", "Siti Aminah"][n % 2]) for n in range(count)]
    lines = [line(f"TRSF {1000 + n}", 1000 * amount, f"t{i}") for i, (amount, n) in enumerate(rows)]
    straight = allocate(orders, lines)
    rng.shuffle(lines)
    rng.shuffle(orders)
    assert allocate(orders, lines) == straight
    taken = [share.subject for answers in straight.values() for share in answers[0].shares if answers[0].sure
             and answers[0].fits != "instalments"]  # fmt: skip
    assert len(taken) == len(set(taken))


def test_money_of_another_currency_settles_what_is_due_and_is_always_asked() -> None:
    """Whatever the bank made of it: the order is paid with its own amount, the line is used up."""
    orders = [order(f"10{n:02d}", 2_000 + 500 * n, f"Buyer Number{n}", currency="USD") for n in range(6)]
    lines = [line(f"TRF {one.number}", one.due * 159 + n, f"t{n}") for n, one in enumerate(orders)]
    found = allocate(orders, lines)
    assert len(found) == 6
    for n, one in enumerate(orders):
        answer = found[f"t{n}"][0]
        assert (answer.fits, answer.sure) == ("foreign_currency", False)
        (share,) = answer.shares
        assert (share.subject, share.amount, share.settles) == (one.subject, one.due * 159 + n, one.due)
        assert (share.settled, share.written_off) == (one.due, ())
