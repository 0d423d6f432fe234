"""The whole kit against five connectors that are broken as connectors really are: each fails it, for the right reason.

`test_kit_mutants` shows that every test of the kit can fail; this module shows the other direction: put a broken
connector in, run everything, and exactly the tests that name its mistake fail. The sound connectors beside them pass.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from selaras.connectors.kit import BooksContract, StoreContract
from tests.connectors import kit_mutants as m
from tests.connectors.kit_mutants import Mutant, mutant
from tests.connectors.kit_sandbox import books_rig, store_rig
from tests.connectors.woocommerce.rig import woo_rig
from tests.connectors.woocommerce.test_mutants import DedupesByDeliveryId, ZOnDates

AT_ONCE = 6
Rigs = Callable[..., AbstractAsyncContextManager[Any]]


def taking_a_reference_twice(**more: Any) -> AbstractAsyncContextManager[Any]:
    """Books that keep no reference unique: only looking keeps them from holding a document twice."""
    return books_rig(unique_references=False, **more)


class Broken(msgspec.Struct, frozen=True):
    """A mistake: the contract that it breaks, and the tests that must fail with a part of what they complain of."""

    contract: type
    rigs: Rigs
    kind: type[Mutant]
    fails: dict[str, str]


FIVE = {
    "no look before repeat": Broken(
        BooksContract,
        taking_a_reference_twice,
        m.TriesAgain,
        {
            "test_a_lost_answer_is_ambiguous_and_the_document_is_then_found": "2 instead of one",
            "test_a_lost_answer_to_a_journal_entry_is_looked_for": "2 instead of one",
        },
    ),
    "Z on Woo dates": Broken(
        StoreContract,
        woo_rig,
        ZOnDates,
        {
            "test_a_cursor_has_no_blind_second": "set(after) <= {row.id for row in seen}",
            "test_zones_and_clocks_do_not_matter": "[row.id for row in seen if row.id in set(ids)] == ids",
        },
    ),
    "dedupe by delivery id": Broken(
        StoreContract,
        woo_rig,
        DedupesByDeliveryId,
        {
            "test_four_orders_under_one_delivery_id_are_four_hints": "heard == set(ids)",
            "test_a_delivery_that_comes_again_says_the_same": "[connector.hints(delivery) for _ in range(5)]",
            # It looks at the id before it looks at the signature.
            "test_the_signature_is_of_the_bytes": "forgery 0 was heard",
        },
    ),
    "float money": Broken(
        StoreContract,
        store_rig,
        m.FloatMoney,
        {
            "test_totals_are_exact_and_prove_themselves": "is a float; money is Decimal or int",
            "test_writes_while_paging": "is a float; money is Decimal or int",
        },
    ),
    "success on HTTP 200 with item errors": Broken(
        BooksContract,
        books_rig,
        m.SuccessOn200,
        {
            "test_a_bad_item_inside_a_good_batch": "written as '1', although it must be refused",
            "test_a_closed_period_is_told_as_such": "written as '1', although it must be refused",
            "test_changing_what_is_not_there_is_refused": "written as '1', although it must be refused",
            "test_a_journal_entry_that_does_not_balance_is_refused": "although it must be refused",
            "test_a_journal_entry_in_a_closed_period_is_told_as_such": "although it must be refused",
            "test_a_journal_entry_written_twice": "although it must be refused",
            "test_a_void_receipt_frees_what_it_explained": "although it must be refused",
            "test_a_reference_used_twice": "connector.capabilities.idempotency in",
            "test_a_total_that_does_not_add_up_is_never_told_as_ours": "[h.total for h in held] == [outcome.total]",
        },
    ),
}


def calls(contract: type) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every test of a contract, once for each set of its parameters."""
    for name in sorted(dir(contract)):
        if not name.startswith("test_"):
            continue
        marks = [mark for mark in getattr(getattr(contract, name), "pytestmark", ()) if mark.name == "parametrize"]
        if not marks:
            yield name, {}
        for mark in marks:
            for values in mark.args[1]:
                yield name, dict(zip(mark.args[0], values, strict=True))


async def verdict(contract: type, name: str, given: dict[str, Any], rigs: Rigs, more: dict[str, Any]) -> str:
    """What one test of the kit says of a connector: "" when it passes or has nothing to ask, else its complaint."""
    async with rigs(**more) as rig:
        try:
            await getattr(contract(), name)(rig, **given)
        except pytest.skip.Exception:
            return ""
        except (NameError, AttributeError, TypeError):
            raise  # a slip in the mutant or in the kit, not a finding
        except (Exception, pytest.fail.Exception) as error:
            return f"{traceback.extract_tb(error.__traceback__)[-1].line}: {error}"
    return ""


async def complaints(contract: type, rigs: Rigs, kind: type[Mutant] | None) -> dict[str, str]:
    """The tests of the whole kit that a connector fails, with what they say."""
    more = {} if kind is None else {"wrap": mutant(kind)}
    room = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, given: dict[str, Any]) -> tuple[str, str]:
        async with room:
            return name, await verdict(contract, name, given, rigs, more)

    every = list(calls(contract))
    found = await asyncio.gather(*(one(name, given) for name, given in every if not given))
    for name, given in every:
        if given:  # these set the zone of the whole process, so they are alone
            found.append(await one(name, given))
    return {name: said for name, said in found if said}


@pytest.mark.parametrize("name", FIVE)
async def test_a_broken_connector_fails_the_kit_for_the_right_reason(name: str) -> None:
    broken = FIVE[name]
    found = await complaints(broken.contract, broken.rigs, broken.kind)
    assert set(found) == set(broken.fails), found
    for test, word in broken.fails.items():
        assert word in found[test]


@pytest.mark.parametrize("rigs", [taking_a_reference_twice, woo_rig, store_rig, books_rig], ids=lambda r: r.__name__)
async def test_the_sound_connector_passes_the_same_kit(rigs: Rigs) -> None:
    contract = next(broken.contract for broken in FIVE.values() if broken.rigs is rigs)
    assert await complaints(contract, rigs, None) == {}


def test_the_whole_kit_is_played() -> None:
    for contract in (StoreContract, BooksContract):
        names = {name for name, _ in inspect.getmembers(contract, inspect.isfunction) if name.startswith("test_")}
        assert {name for name, _ in calls(contract)} == names
        assert len(names) > 20
