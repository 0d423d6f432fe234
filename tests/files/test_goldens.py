"""Every sample statement gives the rows that it must, or the refusal that it must."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import mt940
import pytest

from selaras.files import identity, statements, tables
from selaras.files.refusal import Refused
from selaras.model.statement import Statement

DATA = Path(__file__).parent / "data"
GOLDEN: dict[str, Any] = json.loads((DATA / "golden.json").read_text(encoding="utf-8"))
TRUTH: dict[str, Any] = json.loads((DATA / "indonesia" / "truth.json").read_text(encoding="utf-8"))


def read(name: str) -> tuple[Statement, ...]:
    return statements.read(DATA / name)


def test_every_sample_has_its_expectation() -> None:
    kinds = {".sta", ".xml", ".ofx", ".csv"}
    there = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.suffix in kinds}
    assert there == set(GOLDEN) | {f"indonesia/{name}" for name in TRUTH}


@pytest.mark.parametrize("name", [name for name, truth in TRUTH.items() if "rows" in truth])
def test_an_indonesian_sample_gives_its_rows(name: str) -> None:
    truth = TRUTH[name]
    (found,) = read(f"indonesia/{name}")
    assert found.account == truth["account"]
    assert found.bank == ("" if name.endswith(".sta") else truth["bank"])  # nothing in that MT940 names its bank
    for fact in ("currency", "opening", "closing"):
        if fact in truth:
            said = getattr(found, fact)
            assert (None if said is None else str(said)) == truth[fact]
    expected = [(row["date"], row["amount"], row["balance"], row.get("pending", False)) for row in truth["rows"]]
    assert expected == [
        (
            line.day.isoformat() if line.day else None,
            str(line.amount),
            None if line.balance is None else str(line.balance),
            line.pending,
        )
        for line in found.lines
    ]


def test_the_settled_export_replaces_the_pending_row() -> None:
    pending, settled = read("indonesia/bca_yearless_pend.csv"), read("indonesia/bca_yearless_settled.csv")
    for order in (pending + settled, settled + pending):
        union = identity.merge(order)
        assert len(union.lines) == TRUTH["bca_yearless_settled.csv"]["expect_total_rows"]
        assert (union.replaced, union.pending, union.gone, union.repeated) == (1, [], [], 11)
        assert sum(one.line.amount == 250_000 for one in union.lines) == 2


@pytest.mark.parametrize("name", GOLDEN)
def test_a_sample_gives_its_rows_or_its_refusal(name: str) -> None:
    golden = GOLDEN[name]
    if isinstance(golden, str):
        with pytest.raises(Refused) as refused:
            read(name)
        assert str(refused.value) == golden
        return
    found = [
        {
            "layout": one.layout,
            "account": one.account,
            "currency": one.currency,
            "opening": None if one.opening is None else str(one.opening),
            "closing": None if one.closing is None else str(one.closing),
            "lines": [
                [
                    line.row, line.day.isoformat() if line.day else "pending", str(line.amount), line.reference,
                    line.description[:40],
                ]
                for line in one.lines
            ],
        }
        for one in read(name)
    ]  # fmt: skip
    assert found == golden


@pytest.mark.parametrize(
    "name", [name for name, golden in GOLDEN.items() if name.endswith(".sta") and isinstance(golden, list)]
)
def test_mt940_agrees_with_the_library(name: str) -> None:
    """Amounts and days as `mt-940` has them, but for the reversals, which have the direction that balances prove."""
    text = tables.decoded((DATA / name).read_bytes())
    options = mt940.Options.all()
    theirs = [
        (one.data["amount"].amount, one.data.get("entry_date") or one.data["date"])
        for part in mt940.parse_statements(text, options=options)
        for one in part
        if "amount" in one.data
    ]
    ours = [(line.amount, line.day) for one in read(name) for line in one.lines]
    assert [(Decimal(amount), str(day)) for amount, day in theirs] == [(amount, str(day)) for amount, day in ours]


def test_what_the_sources_say_of_their_own_files() -> None:
    """Figures from the SOURCE.md of each collection, and from its own suite."""
    ofx = [golden for name, golden in GOLDEN.items() if name.endswith(".ofx")]
    assert sum(len(one["lines"]) for golden in ofx if isinstance(golden, list) for one in golden) == 8
    for negative in ("date_missing", "decimal_error", "empty_balance", "ofx-v102-empty-tags"):
        assert isinstance(GOLDEN[f"bank-ofx/{negative}.ofx"], str)
    for negative in ("camt053.v2.wrong.xml", "camt53.only-Dt-with-DtTm.xml"):
        assert isinstance(GOLDEN[f"bank-camt053/{negative}"], str)
