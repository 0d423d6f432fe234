"""Hints: repeats coalesce, and none is lost however its record is being read."""

from __future__ import annotations

from selaras.ledger import Ledger
from selaras.ledger.values import PendingHint
from tests.ledger.tools import NOW, SECOND, order


def pending(ledger: Ledger, now: int = NOW, limit: int = 100) -> list[PendingHint]:
    return ledger.records.hints("shop", "order", now, limit)


def hint(ledger: Ledger, *numbers: int, now: int = NOW, due: int | None = None) -> None:
    with ledger.transaction():
        ledger.records.hint([order(number) for number in numbers], "webhook", now, due)


def test_ten_hints_are_one_row(ledger: Ledger) -> None:
    for second in range(10):
        hint(ledger, 1, 1, now=NOW + second)
    assert [h.key for h in pending(ledger, NOW + 10)] == [order(1)]


def test_a_hint_that_comes_while_the_record_is_read_stays(ledger: Ledger) -> None:
    hint(ledger, 1, 2)
    read = pending(ledger)
    hint(ledger, 2, now=NOW + 5)
    ledger.records.looked(read)
    assert [h.key for h in pending(ledger, NOW + 5)] == [order(2)]


def test_a_hint_that_comes_after_another_reader_was_done_stays(ledger: Ledger) -> None:
    hint(ledger, 1)
    slow, quick = pending(ledger), pending(ledger)
    ledger.records.looked(quick)
    hint(ledger, 1, now=NOW + 1)
    ledger.records.looked(slow)  # what it read is older than the second hint
    assert [h.key for h in pending(ledger, NOW + 1)] == [order(1)]


def test_looked_hints_are_gone(ledger: Ledger) -> None:
    hint(ledger, 1, 2)
    ledger.records.looked(pending(ledger))
    assert pending(ledger, NOW + 10**9) == []


def test_only_due_hints_oldest_first_up_to_the_limit(ledger: Ledger) -> None:
    hint(ledger, 3, now=NOW + 2)
    hint(ledger, 1, now=NOW + 1)
    hint(ledger, 2, now=NOW, due=NOW + 9)
    assert [h.key.id for h in pending(ledger, NOW + 2)] == ["1", "3"]
    assert [h.key.id for h in pending(ledger, NOW + 9)] == ["1", "3", "2"]
    assert [h.key.id for h in pending(ledger, NOW + 9, limit=1)] == ["1"]
    assert ledger.records.hints("other", "order", NOW + 9, 10) == []


def test_a_failed_look_waits_and_a_new_hint_ends_the_waiting(ledger: Ledger) -> None:
    hint(ledger, 1)
    ledger.records.postpone(pending(ledger), NOW + 60 * SECOND, "the store answered 500")
    assert pending(ledger, NOW + SECOND) == []
    later = pending(ledger, NOW + 60 * SECOND)
    assert [h.tries for h in later] == [1]
    hint(ledger, 1, now=NOW + SECOND)
    assert [h.tries for h in pending(ledger, NOW + SECOND)] == [1]
    assert ledger.db.rows("SELECT message FROM hint") == [("the store answered 500",)]


def test_next_hint_is_the_earliest(ledger: Ledger) -> None:
    assert ledger.records.next_hint("shop") is None
    hint(ledger, 1, due=NOW + 7)
    hint(ledger, 2, due=NOW + 3)
    assert ledger.records.next_hint("shop") == NOW + 3
    assert ledger.records.next_hint("other") is None
