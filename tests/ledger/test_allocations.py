"""Allocations: both sides claimed at once, by constraint; undone ones stay as history."""

from __future__ import annotations

import msgspec
import pytest

from selaras.ledger import Ledger
from selaras.ledger.allocations import Allocation, Suggestion
from selaras.ledger.errors import ConstraintBroken
from selaras.ledger.values import RecordKey
from tests.ledger.tools import NOW

LINE = RecordKey("books", "bank_transaction", "7")


def share(amount: int = 100, subject: str = "shop:1", line: RecordKey = LINE, **more: object) -> Allocation:
    made = Allocation(line=line, books="books", subject=subject, currency="IDR", amount=amount)
    return msgspec.structs.replace(made, **more)


def put(ledger: Ledger, new: Allocation, line: int = 100, due: int = 100) -> Allocation:
    with ledger.transaction():
        ledger.allocations.allocate(new, line, due, NOW)
    return ledger.allocations.of_subjects([new.subject])[new.subject][-1]


def test_what_was_allocated_is_read_back(ledger: Ledger) -> None:
    new = share(
        90, written_off=(("transfer_fee", 10),), fits="fee", evidence=("reference",), rule="fee:reference",
        posterior=999_000, by_whom="Sari", reasons=("The text names the order.",), rivals=("order 1002",), days=2,
    )  # fmt: skip
    kept = put(ledger, new)
    assert msgspec.structs.replace(kept, id=0, at=0) == new
    assert (kept.settled, kept.at) == (100, NOW)
    assert ledger.allocations.get(kept.id) == kept
    assert ledger.allocations.of_lines("books", "bank_transaction", ["7", "8"]) == {"7": [kept]}
    assert ledger.allocations.live("books") == [kept]


def test_shares_stay_within_the_line(ledger: Ledger) -> None:
    put(ledger, share(60))
    with pytest.raises(ConstraintBroken):
        put(ledger, share(41, "shop:2"))
    put(ledger, share(40, "shop:2"))
    assert ledger.allocations.taken("books", "bank_transaction", ["7"]) == {"7": 100}
    assert "shop:3" not in ledger.allocations.of_subjects(["shop:3"])


def test_shares_stay_within_what_is_due_write_offs_counted(ledger: Ledger) -> None:
    other = RecordKey("books", "bank_transaction", "8")
    put(ledger, share(60, written_off=(("transfer_fee", 5),)))
    with pytest.raises(ConstraintBroken):
        put(ledger, share(36, line=other))
    put(ledger, share(35, line=other))


def test_each_side_is_claimed_in_its_own_currency(ledger: Ledger) -> None:
    other = RecordKey("books", "bank_transaction", "8")
    first = put(ledger, share(1_600_000, settles=100), line=1_600_000)
    assert (first.settles, first.settled) == (100, 100)
    assert ledger.allocations.taken("books", "bank_transaction", ["7"]) == {"7": 1_600_000}
    with pytest.raises(ConstraintBroken):
        put(ledger, share(16_000, line=other, settles=1), line=16_000)
    with ledger.transaction():
        ledger.allocations.undo(first, "Sari", "", NOW + 1)
    put(ledger, share(16_000, line=other, settles=1), line=16_000)
    put(ledger, share(1_584_000, settles=99), line=1_584_000)
    with pytest.raises(ConstraintBroken):
        put(ledger, share(1, "shop:9", line=RecordKey("books", "bank_transaction", "9"), settles=-1))


def test_one_live_share_of_a_line_for_an_order(ledger: Ledger) -> None:
    first = put(ledger, share(10))
    with pytest.raises(ConstraintBroken):
        put(ledger, share(10))
    with ledger.transaction():
        assert ledger.allocations.undo(first, "Sari", "another buyer", NOW + 1)
    with ledger.transaction():
        assert not ledger.allocations.undo(first, "Sari", "again", NOW + 2)
    assert ledger.allocations.taken("books", "bank_transaction", ["7"]) == {"7": 0}
    again = put(ledger, share(100))
    assert again.number == 2
    history = ledger.allocations.of_lines("books", "bank_transaction", ["7"])["7"]
    assert [(a.undone_at, a.undone_by, a.why) for a in history] == [(NOW + 1, "Sari", "another buyer"), (None, "", "")]


def test_suggestions_are_replaced_and_go_when_the_line_is_allocated(ledger: Ledger) -> None:
    one = Suggestion(line=LINE, rank=1, subject="shop:1", amount=100, rule="exact:name", posterior=700_000)
    two = Suggestion(line=LINE, rank=2, subject="shop:2", amount=100, rule="exact:name", posterior=200_000, settles=7)
    with ledger.transaction():
        ledger.allocations.suggest(LINE, [two, one], NOW)
    assert ledger.allocations.suggestions() == {LINE: [one, two]}
    with ledger.transaction():
        ledger.allocations.suggest(LINE, [one], NOW)
    assert ledger.allocations.suggestions("books") == {LINE: [one]}
    assert ledger.allocations.suggestions("shop") == {}
    put(ledger, share())
    assert ledger.allocations.suggestions() == {}


def test_verdicts_count_once_for_each_pair(ledger: Ledger) -> None:
    for right in (True, True, False):
        with ledger.transaction():
            ledger.allocations.judge(LINE, "shop:1", "exact:name", right, "Sari", NOW)
    with ledger.transaction():
        ledger.allocations.judge(LINE, "shop:2", "exact:name", True, "Sari", NOW)
        ledger.allocations.judge(LINE, "shop:3", "combined:name", True, "Sari", NOW)
    assert ledger.allocations.verdicts("books") == {
        ("books", "exact:name"): (1, 1), ("books", "combined:name"): (1, 0),
    }  # fmt: skip
