"""What a person is asked about lines that no link answers: which answers, in which order, and how sure."""

from __future__ import annotations

import random

import numpy as np
import pytest

from selaras.model.claims import FINE
from selaras.rules.matching import transfers
from selaras.rules.matching.answers import Answer
from selaras.rules.matching.asking import strangers
from selaras.rules.matching.candidates import Pool
from selaras.rules.matching.repeated import OPEN, PAID, PART, Settled
from tests.rules.matching.shop import Shop


def shop() -> Shop:
    made = Shop()
    made.crowd()
    return made


def paid(made: Shop, number: str, name: str, total: int, *, code: int, day: int) -> tuple[str, str]:
    """An order, and the line that surely pays it a day later: (line, order)."""
    order = made.order(number, name, total, code=code, day=day)
    line = made.line(total + code, f"TRSF E-BANKING CR INV {number} {name.upper()}", day=day + 1, id=f"p{number}")
    return line, order


def kinds(made: Shop, line: str) -> list[tuple[str, str]]:
    """(order, kind) of what is suggested for a line, the likeliest first."""
    found = [x for x in made.match() if made.lines.ids[x.line] == line and not x.auto]
    return [(made.orders.ids[x.order], x.kind) for x in found]


def test_a_part_paid_by_one_of_many_of_that_name() -> None:
    """Twenty orders of a name that many bear: the one that is left may be paid in any way."""
    made = shop()
    links = {paid(made, f"1{at:04d}", "Siti", 25_000 + 1_500 * at, code=30 + at, day=at) for at in range(20)}
    left = made.order("20000", "Siti", 145_000, code=979, day=20)
    line = made.line(70_000, "MCM InhouseTrf CS-CS DARI SITI", day=21)
    assert made.sure() == links
    assert made.asked(line)[0] == left


def test_money_of_a_namesake_is_no_second_payment() -> None:
    """A paid order of weeks ago, of a name that many bear, and another amount: nothing ties the two."""
    made = shop()
    _, before = paid(made, "10001", "Siti", 66_500, code=723, day=0)
    line = made.line(67_000, "BI-FAST CR BIF TRANSFER DR 535 SITI", day=19)
    assert before not in made.asked(line)


def test_the_rest_of_an_order_that_is_paid_in_part() -> None:
    """An older order of the buyer had just this price, and is paid long since."""
    made = shop()
    paid(made, "10001", "Fitri Astuti", 100_000, code=632, day=0)
    order = made.order("10050", "Fitri Astuti", 260_000, code=562, day=40)
    first = made.line(160_562, "TRSF E-BANKING CR INV 10050 FITRI ASTUTI", day=48)
    rest = made.line(100_000, "TRSF E-BANKING CR FITRI ASTUTI", day=40)
    assert (first, order) in made.sure()
    assert kinds(made, rest)[0] == (order, "instalments")


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_equal_payments_the_later_is_the_second(turned: bool) -> None:
    """Neither is surely the first; both are asked about, whatever the order of the rows."""
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000, code=356)
    lines = [("one", 1, "TRSF E-BANKING CR BUDI SANTOSO"), ("two", 2, "BI-FAST CR BIF TRANSFER DR 008 BUDI SANTOSO")]
    for id, day, text in reversed(lines) if turned else lines:
        made.line(147_356, text, day=day, id=id)
    said = {made.lines.ids[x.line]: (made.orders.ids[x.order], x.kind) for x in made.match()}
    assert said == {"one": (order, "exact"), "two": (order, "double_payment")}


def test_an_amount_that_shows_another_code_is_no_other_amount() -> None:
    """Who pays the wrong price still pays his own code."""
    made = shop()
    made.order("10001", "Agus Santoso", 118_000, code=942, day=0)
    own = made.order("10002", "Agus Santoso", 145_000, code=29, day=0)
    line = made.line(135_029, "NBMB AGUS SANTOSO TO CONTOH NIAGA", day=1)
    found = [x for x in made.match() if made.lines.ids[x.line] == line]
    assert made.orders.ids[found[0].order] == own
    assert found[0].posterior > 0.8


def test_a_rounded_amount_is_shown_beside_a_forgotten_code() -> None:
    made = shop()
    plain = made.order("10001", "Rudi Hartono", 253_000, code=97, day=2)
    rounded = made.order("10002", "Dewi Anggraini", 252_000, code=779, day=2)
    line = made.line(253_000, "BI-FAST CR BIF TRANSFER DR 535", day=2)
    assert made.asked(line) == [plain, rounded]


def mixed(seed: int) -> Shop:
    """Orders of few names and few prices, paid in every way, and strangers."""
    made, drawn = Shop(), random.Random(seed)
    names = ["Siti", "Budi Santoso", "Dewi", "Rina Wulandari", "Agus Salim"]
    for at in range(120):
        name, total, code = drawn.choice(names), drawn.randrange(20, 60) * 5_000, drawn.randrange(1, 999)
        day = at // 4
        made.order(f"{10_000 + at}", name, total, code=code, day=day)
        amount = drawn.choice([total + code] * 4 + [total] * 2 + [total // 20_000 * 10_000, total + 1_000])
        text = drawn.choice(["BI-FAST CR DR 014", f"TRSF E-BANKING CR {name.upper()}", f"NBMB INV {10_000 + at}"])
        for again in range(1 + (drawn.random() < 0.1)):
            if drawn.random() < 0.9:
                made.line(amount, text, day=day + again + drawn.randrange(3))
        if drawn.random() < 0.1:
            made.line(drawn.randrange(20, 60) * 5_000, "SETORAN TUNAI", day=day)
    return made


@pytest.mark.parametrize("seed", range(4))
def test_asking_changes_no_link(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    print("seed", seed)
    made = mixed(seed)
    with_answers = [link for link in made.match() if link.auto]
    monkeypatch.setattr(transfers, "asked", lambda *_: [])
    assert made.match() == with_answers
    assert with_answers


@pytest.mark.parametrize("seed", range(4))
def test_three_different_answers_at_most_the_likeliest_first(seed: int) -> None:
    print("seed", seed)
    made = mixed(seed)
    linked = {link.line for link in made.match() if link.auto}
    by_line: dict[int, dict[int, tuple[float, list[int]]]] = {}
    for link in made.match():
        if not link.auto:
            assert link.line not in linked
            by_line.setdefault(link.line, {}).setdefault(link.rank, (link.posterior, []))[1].append(link.order)
    assert by_line
    for answers in by_line.values():
        assert sorted(answers) == list(range(1, len(answers) + 1))
        assert len(answers) <= 3
        chances = [answers[rank][0] for rank in sorted(answers)]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1 + 1e-9
        assert len({tuple(sorted(orders)) for _, orders in answers.values()}) == len(answers)


def test_how_many_are_strangers() -> None:
    """As many as were expected, far fewer, far more; and nothing moves where there is nothing to learn from."""
    assert strangers(np.zeros(0), 0.0) == 1.0
    assert strangers(np.asarray([1.0] * 100), 50.0) == pytest.approx(1.0)
    assert strangers(np.full(5_000, 1e5), 500.0) == pytest.approx(1 / 3)
    assert strangers(np.full(5_000, 1e-3), 100.0) == pytest.approx(3.0)
    fewer, more = (strangers(np.asarray([99.0] * 900 + [0.5] * many), 150.0) for many in (100, 400))
    assert 1 / 3 < fewer < 1 < more < 3


def test_what_links_settle() -> None:
    made = Shop()
    for number in range(4):
        made.order(str(number), "Budi", 100_000)
    for amount in (100_000, 60_000, 95_000):
        made.line(amount, "BUDI", day=amount // 10_000)
    pool = Pool(made.orders, np.arange(4), made.lines, np.arange(3))
    settled = Settled(pool, [
        Answer(1.0, [(0, 0, 100_000 * FINE)], "exact", ()),
        Answer(1.0, [(1, 1, 60_000 * FINE)], "other_amount", ()),
        Answer(1.0, [(2, 2, 95_000 * FINE)], "other_amount", ()),
    ])  # fmt: skip
    assert settled.answered.tolist() == [True, True, True]
    # Five per cent short is a price that was forgotten, and no part.
    assert settled.state.tolist() == [PAID, PART, PAID, OPEN]
    assert settled.first.tolist() == [100_000 * FINE, 60_000 * FINE, 95_000 * FINE, 0]
