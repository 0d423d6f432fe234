"""ERPNext connectors as they are really written, with one mistake each: the contract kit must fail every one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import Ambiguous, Found, Op, Outcome, Write
from selaras.connectors.erpnext import lines, reading
from selaras.connectors.kit import BooksContract
from tests.connectors.erpnext.rig import erpnext_rig
from tests.connectors.kit_mutants import AmbiguousIsTransient, Mutant, SuccessOn200, mutant
from tests.connectors.kit_mutants_books import EverybodyRefreshes, LockedIsRejected, MissingIsFine, UpdatesByCreating
from tests.connectors.test_kit_mutants import must_fail


class TriesAgain(Mutant):
    """No answer? Then once more; nobody looks first."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return list(await self.inner.write(kind, op, writes))
        except Ambiguous:
            return list(await self.inner.write(kind, op, writes))


class RoundedRates(Mutant):
    """The unit price of a line is its amount divided by its quantity; ERPNext rounds it to two decimals."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        lines.split = lambda quantity, amount, unit: [(quantity, amount / quantity)]


class TaxByRate(Mutant):
    """11 % is 11 %: a row On Net Total, whatever the store's rounding was."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)

        def by_rate(shelf: Any, document: Any, sign: int = 1) -> list[Any]:
            tax = shelf.books.tax(Decimal("0.11"), "", shelf.taxes).levies[0]
            return [{"charge_type": "On Net Total", "account_head": tax.account, "description": "PPN", "rate": 11}]

        lines.tax_rows = by_rate


class RoundedTotal(Mutant):
    """The order's total as ERPNext prints it."""

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        found = await self.inner.find(kind, references)
        return {
            k: msgspec.structs.replace(f, total=f.total.quantize(Decimal("1E4"))) if f.total else f
            for k, f in found.items()
        }


class BelievesTheCollation(Mutant):
    """What MariaDB finds under a reference is under that reference."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)

        def folded(wanted: set[str], field: str, rows: Any, found: Any) -> dict[str, Found]:
            names = {w.casefold(): w for w in sorted(wanted)}
            return {names[row[field].casefold()]: found(row) for row in rows if row[field].casefold() in names}

        reading._first = folded


MISTAKES: Sequence[tuple[str, type[Mutant]]] = (
    ("test_a_lost_answer_is_ambiguous_and_the_document_is_then_found", TriesAgain),
    ("test_a_lost_answer_is_ambiguous_and_the_document_is_then_found", AmbiguousIsTransient),
    ("test_a_bad_item_inside_a_good_batch", SuccessOn200),
    ("test_the_whole_chain_with_exact_totals", RoundedRates),
    ("test_the_whole_chain_with_exact_totals", TaxByRate),
    ("test_the_whole_chain_with_exact_totals", RoundedTotal),
    ("test_a_reference_is_found_as_it_was_written", BelievesTheCollation),
    ("test_a_closed_period_is_told_as_such", LockedIsRejected),
    ("test_an_order_is_changed_and_then_made_void", UpdatesByCreating),
    ("test_changing_what_is_not_there_is_refused", MissingIsFine),
    ("test_one_refresh_for_twenty_workers", EverybodyRefreshes),
)


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants bend modules; each test gets them straight again."""
    monkeypatch.setattr(lines, "split", lines.split)
    monkeypatch.setattr(lines, "tax_rows", lines.tax_rows)
    monkeypatch.setattr(reading, "_first", reading._first)


@pytest.mark.parametrize(("name", "kind"), MISTAKES, ids=lambda part: getattr(part, "__name__", str(part)[5:40]))
async def test_a_mistaken_connector_is_found_out(name: str, kind: type[Mutant]) -> None:
    async with erpnext_rig(wrap=mutant(kind), oauth=kind is EverybodyRefreshes) as rig:
        await must_fail(BooksContract(), name, rig)


async def test_the_connector_itself_passes_them() -> None:
    """The mutants fail by their mistakes and not by the stand-in."""
    for name in dict.fromkeys(name for name, _ in MISTAKES):
        async with erpnext_rig(oauth=True) as rig:
            await getattr(BooksContract(), name)(rig)
