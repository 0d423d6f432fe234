"""Jurnal connectors as they are really written, with one mistake each: the contract kit must fail every one."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from selaras.connectors.contract import Ambiguous, Failed, Found, Op, Outcome, Rejected, Throttled, Write
from selaras.connectors.jurnal import looking, values, writing
from selaras.connectors.kit import BooksContract
from tests.connectors.jurnal.rig import jurnal_rig
from tests.connectors.kit_mutants import Mutant, SuccessOn200, mutant
from tests.connectors.kit_mutants_books import LockedIsRejected
from tests.connectors.test_kit_mutants import must_fail


class NeverLooks(Mutant):
    """A lost answer is not looked for: the next try will tell."""

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        return {}


class ConflictIsFailure(Mutant):
    """409 is an error like any other, and is not told with what would cure it."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        held = self.inner._batches

        async def fails(spec: Any, kind: str, doubled: Any, prefix: str) -> None:
            for item, _id in doubled:
                item.outcome = Failed(Rejected("HTTP 409", code="conflict"))

        held._adopt = fails
        return list(await self.inner.write(kind, op, writes))


class ConflictIsSuccess(Mutant):
    """409 means that it is there, so it is done, whatever it is."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        inner = self.inner._batches

        async def adopts(spec: Any, kind: str, doubled: Any, prefix: str) -> None:
            for item, id in doubled:
                item.outcome = inner._stands(spec, item, {"id": int(id), "original_amount": str(item.total)}, prefix)

        inner._adopt = adopts
        return list(await self.inner.write(kind, op, writes))


class NumberForId(Mutant):
    """The reference is the custom id as it is: in a path some are not allowed, and a number is taken for an id."""

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        own = values.custom_id
        reading: Any = importlib.import_module("selaras.connectors.jurnal.reading")
        reading.custom_id = lambda mark, reference: reference
        try:
            return dict(await self.inner.find(kind, references))
        finally:
            reading.custom_id = own


class FiveSeconds(Mutant):
    """No Retry-After, so five seconds will do; the minute that is over later is not looked at."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return list(await self.inner.write(kind, op, writes))
        except Throttled as error:
            raise Throttled(error.message, retry_after=5.0) from None


class LostIsDone(Mutant):
    """What was sent stands: an unreadable answer is no reason for doubt."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return list(await self.inner.write(kind, op, writes))
        except Ambiguous:
            return [Failed(Rejected("failed", code="failed", cure="retry")) for _ in writes]


class RoundedPrices(Mutant):
    """The discount goes as a percentage and the price as the store has it."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        lines: Any = importlib.import_module("selaras.connectors.jurnal.lines")
        own = lines.split

        def rough(code: str, quantity: Decimal, money: int, currency: str, tax: str, text: str) -> Any:
            return [lines.Priced(code, quantity, (Decimal(money) / quantity).quantize(Decimal("0.01")), tax, text)]

        lines.split = rough
        try:
            return list(await self.inner.write(kind, op, writes))
        finally:
            lines.split = own


MISTAKES: Sequence[tuple[str, type[Mutant]]] = (
    ("test_a_lost_answer_is_ambiguous_and_the_document_is_then_found", NeverLooks),
    ("test_half_a_batch_is_found_item_by_item", NeverLooks),
    ("test_a_reference_used_twice", ConflictIsFailure),
    ("test_a_reference_used_twice", ConflictIsSuccess),
    ("test_a_bad_item_inside_a_good_batch", SuccessOn200),
    ("test_the_whole_chain_with_exact_totals", NumberForId),
    ("test_a_request_to_wait_is_passed_on_and_nothing_has_happened", FiveSeconds),
    ("test_a_lost_answer_is_ambiguous_and_the_document_is_then_found", LostIsDone),
    ("test_the_whole_chain_with_exact_totals", RoundedPrices),
    ("test_a_closed_period_is_told_as_such", LockedIsRejected),
)


@pytest.mark.parametrize(("name", "kind"), MISTAKES, ids=lambda part: getattr(part, "__name__", str(part)[5:40]))
async def test_a_mistaken_connector_is_found_out(name: str, kind: type[Mutant]) -> None:
    async with jurnal_rig(wrap=mutant(kind)) as rig:
        await must_fail(BooksContract(), name, rig)


def test_the_mutants_spoil_what_there_is() -> None:
    """They reach into the connector by name; a name that is gone would make a mutant that is none."""
    assert hasattr(writing.Batches, "_adopt")
    assert hasattr(writing.Batches, "_stands")
    assert hasattr(looking.Finder, "many")
