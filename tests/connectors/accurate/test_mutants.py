"""Mistakes that connectors to Accurate really make: each is found out by the contract kit over the stand-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from selaras.connectors.accurate import Accurate, drafts, errors, writing
from selaras.connectors.accurate.wire import Item
from selaras.connectors.contract import Ambiguous, Connector, Done, Found, Op, Outcome, Transient, Write
from selaras.connectors.kit import BooksContract
from tests.connectors.accurate.rig import accurate_rig


def inside(connector: Connector) -> Accurate:
    assert isinstance(connector, Accurate)
    return connector


def success_on_200(connector: Connector) -> Connector:
    """HTTP 200, so all items of the batch stand."""
    wire = inside(connector)._wire
    bulk = wire.bulk

    async def lenient(entity: str, rows: Sequence[Mapping[str, Any]]) -> list[Item]:
        return [Item(True, item.record, item.texts) for item in await bulk(entity, rows)]

    wire.bulk = lenient  # type: ignore[method-assign]
    return connector


def only_the_outer_s(connector: Connector) -> Connector:
    """One item was refused, so the whole batch was."""
    wire = inside(connector)._wire
    bulk = wire.bulk

    async def strict(entity: str, rows: Sequence[Mapping[str, Any]]) -> list[Item]:
        items = await bulk(entity, rows)
        bad = next((item for item in items if not item.ok), None)
        return items if bad is None else [bad] * len(items)

    wire.bulk = strict  # type: ignore[method-assign]
    return connector


def duplicate_is_done(connector: Connector) -> Connector:
    """ "Sudah ada data lain" means that it was us, whatever stands there (seen in public code)."""
    writer = inside(connector)._writer

    async def trusting(
        kind: str, writes: Sequence[Write], doubled: Sequence[int], outcomes: dict[int, Outcome]
    ) -> None:
        for place in doubled:
            outcomes[place] = Done("already there")

    writer._recognise = trusting  # type: ignore[method-assign]
    return connector


def repeats_without_looking(connector: Connector) -> Connector:
    """An answer was lost: send it again under a number of Accurate's own, then it cannot be refused."""
    inner = inside(connector)
    write = inner.write

    async def again(kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return await write(kind, op, writes)
        except Ambiguous:
            raise Transient("no answer, try again") from None

    inner.write = again  # type: ignore[method-assign]
    return connector


def finds_what_the_list_says(connector: Connector) -> Connector:
    """The filter has done its work: every row of the answer is one that was asked for."""
    inner = inside(connector)

    async def rough(kind: str, references: Sequence[str]) -> dict[str, Found]:
        rows = (await inner._wire.page("sales-order", [], ("number", "totalAmount"), size=100)).rows
        return {
            str(row["number"]): Found(str(row["number"]), str(row["number"]), "", row.get("totalAmount"), "IDR")
            for row in rows
        }

    inner.find = rough  # type: ignore[method-assign]
    return connector


def session_is_the_token(connector: Connector) -> Connector:
    """Any 401 is a matter for a person."""
    account = inside(connector)._account

    async def never(stale: str) -> None:
        return None

    account.reopened = never  # type: ignore[method-assign]
    return connector


CASES = (
    (success_on_200, "test_a_bad_item_inside_a_good_batch"),
    (only_the_outer_s, "test_a_bad_item_inside_a_good_batch"),
    (duplicate_is_done, "test_a_reference_used_twice"),
    (repeats_without_looking, "test_a_lost_answer_is_ambiguous_and_the_document_is_then_found"),
    (repeats_without_looking, "test_half_a_batch_is_found_item_by_item"),
    (finds_what_the_list_says, "test_writing_and_finding_nothing"),
    (session_is_the_token, "test_tokens_can_expire_again_and_again"),
)


async def found_out(wrap: Any, name: str) -> None:
    async with accurate_rig(wrap=wrap) as rig:
        if name == "test_writing_and_finding_nothing":
            rig.books.save("sales-order", {
                "customerNo": "C.00001", "transDate": "01/01/2026",
                "detailItem": [{"itemNo": "KIT-A", "quantity": 1, "unitPrice": 1}],
            })  # fmt: skip
        try:
            await getattr(BooksContract(), name)(rig)
        except (NameError, AttributeError, TypeError):
            raise  # a slip in the mutant, not a finding
        except (Exception, pytest.fail.Exception):
            return
    raise AssertionError(f"{name} did not notice")


@pytest.mark.parametrize(("wrap", "name"), CASES, ids=lambda one: getattr(one, "__name__", str(one)[5:45]))
async def test_a_mistaken_connector_is_found_out(wrap: Any, name: str) -> None:
    await found_out(wrap, name)


async def test_a_total_left_to_the_vendors_rounding_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tax on top, as the store states it: how Accurate rounds is not known, and the total is no longer ours."""
    order_of = drafts.order_of

    def on_top(order: Any, choices: Any) -> dict[str, Any]:
        body = order_of(order, choices)
        for row, line in zip(body["detailItem"], order.lines, strict=True):
            row |= {"unitPrice": line.unit_price, "itemCashDiscount": line.discount}
        return body | {"inclusiveTax": False}

    monkeypatch.setattr(drafts, "order_of", on_top)
    await found_out(lambda c: c, "test_the_whole_chain_with_exact_totals")


async def test_a_closed_period_that_is_only_refused_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """All refusals are one kind."""
    import re

    monkeypatch.setattr(errors, "_LOCKED", re.compile("(?!)"))
    await found_out(lambda c: c, "test_a_closed_period_is_told_as_such")


async def test_changing_by_creating_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit without the internal id is a second document, and refused."""
    monkeypatch.setattr(writing.Writer, "_update", writing.Writer._create)
    await found_out(lambda c: c, "test_an_order_is_changed_and_then_made_void")
