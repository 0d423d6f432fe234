"""The operations' own arithmetic: differences between versions, shares, stock moved by a plan, CSV rows."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.ledger import open_ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import NewPosting, NewRecord, RecordKey, State
from selaras.model.document import CreditNote, DocumentLine, Invoice, SalesOrder
from selaras.rules.plan_types import Policy
from selaras.sync import connecting, finding, operations
from selaras.sync.catalogues import COLUMNS, read_pairs
from selaras.sync.changes import changes_between
from selaras.sync.figures import major, sums
from selaras.sync.hub import Pair
from selaras.sync.installation import set_pairs
from selaras.sync.objectives import share
from selaras.sync.preview import Levels
from tests.sync.target import Plain

NOW = 1_700_000_000_000_000
DAY = dt.date(2026, 1, 5)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", max_size=3), inner, max_size=3),
    max_leaves=8,
)


# -- what changed ------------------------------------------------------------------------------------------------------


def test_changes_name_the_field_before_and_after() -> None:
    before = b'{"id": 7, "total": 1.10, "lines": [{"qty": 1}], "note": "a", "gone": true}'
    after = b'{"total": 1.1, "id": 7, "lines": [{"qty": 2}, {"qty": 3}], "note": "a"}'
    assert [(c.field, c.before, c.after) for c in changes_between(before, after)] == [
        ("gone", "true", ""),
        ("lines[0].qty", "1", "2"),
        ("lines[1].qty", "", "3"),
        ("total", "1.10", "1.1"),
    ]


def test_what_is_not_json_is_compared_line_by_line() -> None:
    assert [(c.field, c.after) for c in changes_between(b"a;b\n1;2\n", b"a;b\n1;3\n")] == [("line 00002", "1;3")]
    assert changes_between(b"\xff\xfe", b"\xff\xfe") == []


@given(json_values)
def test_the_same_says_nothing_changed(value: object) -> None:
    raw = msgspec.json.encode(value)
    assert changes_between(raw, msgspec.json.format(raw, indent=3)) == []


@given(json_values, json_values)
def test_each_change_is_one_and_goes_both_ways(one: object, other: object) -> None:
    there = changes_between(msgspec.json.encode(one), msgspec.json.encode(other))
    back = changes_between(msgspec.json.encode(other), msgspec.json.encode(one))
    assert all(c.before != c.after for c in there)
    assert [(c.field, c.before, c.after) for c in there] == [(c.field, c.after, c.before) for c in back]


# -- figures -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_share_is_100_only_when_it_is_true(part: int, more: int) -> None:
    found = share(part, part + more)
    if not part + more:
        assert found is None
    else:
        assert found is not None
        assert 0 <= found <= 100
        assert (found == 100) == (more == 0)


def test_the_shares_of_the_case() -> None:
    assert [share(a, b) for a, b in ((348, 516), (44, 141))] == [Decimal("67.4"), Decimal("31.2")]


@given(st.lists(st.tuples(st.sampled_from(["IDR", "USD", "KWD"]), st.none() | st.integers(-(10**12), 10**12))))
def test_sums_keep_currencies_apart_and_lose_nothing(amounts: list[tuple[str, int | None]]) -> None:
    found = {one.currency: one for one in sums(amounts)}
    assert sum(one.count for one in found.values()) == len(amounts)
    for currency, one in found.items():
        assert one.amount == major(sum(m or 0 for c, m in amounts if c == currency), currency)


def test_an_amount_without_a_known_unit_counts_as_nothing() -> None:
    assert major(5, "ZZZ") == major(None, "IDR") == major(0, "") == 0


# -- stock moved by a plan ---------------------------------------------------------------------------------------------


def line(code: str, quantity: int) -> DocumentLine:
    return DocumentLine(code, code, Decimal(quantity), Decimal(1), Decimal(quantity))


def lines(**goods: int) -> tuple[DocumentLine, ...]:
    return tuple(line(code, quantity) for code, quantity in goods.items())


def planned(document: SalesOrder | Invoice | CreditNote, op: str = "create", version: int = 1) -> NewPosting:
    kind = type(document).__struct_config__.tag
    assert isinstance(kind, str)
    return NewPosting(
        "books", "shop:1", kind, version, kind, op, RecordKey("shop", "order", "1"), "1", f"d{version}", document, "",
        state=State.PLANNED,
    )  # fmt: skip


def moved(levels: Levels) -> dict[str, tuple[int, int]]:
    """Code → (on hand, reserved); every quantity here is whole."""
    return {c.code: (int(c.on_hand), int(c.reserved)) for c in levels.changes()}


def test_an_order_holds_its_invoice_takes_and_a_restocked_return_brings_back(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Plain())
    try:
        levels = Levels(ledger)
        levels.move(planned(SalesOrder("1", DAY, "IDR", Decimal(5), lines(A=3, B=2))))
        assert moved(levels) == {"A": (0, 3), "B": (0, 2)}
        levels.move(planned(Invoice("1", DAY, "IDR", Decimal(5), lines(A=3, B=2), sales_order_id="@sales_order")))
        assert moved(levels) == {"A": (-3, 0), "B": (-2, 0)}
        levels.move(planned(CreditNote("1/R", DAY, "IDR", Decimal(2), lines(B=2), restock=True)))
        levels.move(planned(CreditNote("1/R2", DAY, "IDR", Decimal(1), lines(A=1), restock=False)))
        assert moved(levels) == {"A": (-3, 0)}
    finally:
        ledger.close()


def test_an_update_moves_by_the_difference_and_a_void_by_all(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Plain())
    try:
        with ledger.transaction():
            ledger.postings.plan([planned(SalesOrder("1", DAY, "IDR", Decimal(5), lines(A=3, B=2)))], NOW)
        levels = Levels(ledger)
        levels.move(planned(SalesOrder("1", DAY, "IDR", Decimal(6), lines(A=5, B=1)), "update", 2))
        assert moved(levels) == {"A": (0, 2), "B": (0, -1)}
        gone = Levels(ledger)
        gone.move(planned(SalesOrder("1", DAY, "IDR", Decimal(5), lines(A=3, B=2)), "void", 2))
        assert moved(gone) == {"A": (0, -3), "B": (0, -2)}
    finally:
        ledger.close()


# -- CSV ---------------------------------------------------------------------------------------------------------------

cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6).map(str.strip)


@given(st.lists(st.tuples(cells, cells), max_size=8), st.booleans(), st.sampled_from([",", ";"]))
def test_every_row_is_taken_or_refused_with_its_line(
    rows: list[tuple[str, str]], backwards: bool, separator: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerow(COLUMNS[::-1] if backwards else COLUMNS)
    for row in rows:
        writer.writerow(row[::-1] if backwards else row)
    ours = {mine: 1 for mine, _ in rows if len(mine) % 2}
    theirs = {other: 1 + (len(other) == 3) for _, other in rows}
    chosen, refused = read_pairs(out.getvalue(), ours, theirs)
    expected: dict[str, str] = {}
    bad = []
    for number, (mine, other) in enumerate(rows, start=2):
        if not (mine or other):
            continue
        fits = (
            bool(mine and other) and mine in ours and theirs[other] == 1 and expected.setdefault(mine, other) == other
        )
        if not fits:
            bad.append(number)
    assert chosen == expected
    assert [row.line for row in refused] == bad
    assert all(str(row.line) in row.message and row.column in COLUMNS for row in refused)


def test_odd_line_ends_and_huge_cells_are_no_trouble() -> None:
    chosen, refused = read_pairs("store_code,books_code\rA,B\rC,\r", {"A": 1}, {"B": 1})
    assert (chosen, [row.line for row in refused]) == ({"A": "B"}, [3])
    with pytest.raises(LedgerError, match="Line 2"):
        read_pairs("store_code,books_code\n" + "x" * 200_000 + ",B\n", {}, {})


def test_a_title_row_without_the_columns_is_refused() -> None:
    for text in ("", "a,b\n1,2\n", "store_code\nA\n"):
        with pytest.raises(LedgerError, match="column"):
            read_pairs(text, {}, {})


# -- finding -----------------------------------------------------------------------------------------------------------


def test_a_number_that_two_stores_have_must_be_told_apart(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Plain())
    try:

        def order(store: str, record_id: str) -> NewRecord:
            key = RecordKey(store, "order", record_id)
            return NewRecord(key, "1001", "2026-01-05", "d", 0, 1, "IDR", b"{}", b"{}")

        with ledger.transaction():
            ledger.records.keep([order("satu", "7"), order("dua", "8")], "poll", NOW)
        assert len(finding.find_records(ledger, "1001")) == 2
        with pytest.raises(LedgerError, match="satu:7"):
            finding.one_record(ledger, "1001")
        assert finding.one_record(ledger, "dua:1001").key.id == "8"
        assert finding.one_record(ledger, "7").key.connection == "satu"
        with pytest.raises(LedgerError, match="No order"):
            finding.one_record(ledger, "1002", "order")
    finally:
        ledger.close()


def test_pairs_and_stores_are_asked_for_by_name(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Plain())
    try:
        with pytest.raises(LedgerError, match="No store"):
            finding.pair_of(ledger)
        set_pairs(ledger, [Pair("satu", "buku", Policy()), Pair("dua", "buku", Policy())])
        with pytest.raises(LedgerError, match="several"):
            finding.pair_of(ledger)
        with pytest.raises(LedgerError, match="not a store"):
            finding.pair_of(ledger, "tiga")
        assert finding.pair_of(ledger, "dua").store == "dua"
        assert operations.coverage(ledger).green is False, "nothing seen is not green"
    finally:
        ledger.close()


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"invoice_at": "shipment"}, "invoice_at"),
        ({"roles": "sales,shipping"}, "roles"),
        ({"walk_in": "Pelanggan umum"}, "walk_in"),
        ({"walk_in": ""}, "walk_in"),
        ({"accounts.qris": "1-1102"}, "accounts"),
    ],
)
def test_a_policy_changes_only_where_it_is_told(choices: dict[str, str], field: str) -> None:
    before = Policy()
    after = connecting.policy_with(before, choices)
    others = [f.name for f in msgspec.structs.fields(Policy) if f.name != field]
    assert all(getattr(before, name) == getattr(after, name) for name in others)
