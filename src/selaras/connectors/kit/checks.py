"""What the contracts look at again and again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from selaras.connectors.contract import Changes, Connector, Done, Failed, Outcome, Seen

T = TypeVar("T")

PAGES_AT_MOST = 200


async def drained(connector: Connector, kind: str, cursor: str = "") -> tuple[list[Seen], str]:
    """Everything that a loop over `changed` brings until `more` is False, and the cursor after it."""
    seen: list[Seen] = []
    for _ in range(PAGES_AT_MOST):
        changes = await connector.changed(kind, cursor)
        seen += changes.seen
        assert changes.cursor, "a page without a cursor cannot be gone on from"
        moved = changes.cursor != cursor
        cursor = changes.cursor
        if not changes.more:
            return seen, cursor
        assert moved or changes.seen, f"{kind}: `more` is True, yet nothing came and the cursor stands still"
    raise AssertionError(f"{kind}: no end after {PAGES_AT_MOST} pages")


def check_page(changes: Changes) -> None:
    """Rows of a page: aware instants, bytes as raw, and no float anywhere."""
    for seen in changes.seen:
        check_seen(seen)


def check_seen(seen: Seen) -> None:
    """One record as it comes from a source."""
    assert seen.id, f"a {seen.kind} without an id"
    assert seen.updated_at.tzinfo is not None, f"{seen.kind} {seen.id}: updated_at has no zone"
    assert seen.updated_at.utcoffset() == dt.timedelta(0), f"{seen.kind} {seen.id}: updated_at is not UTC"
    if seen.record is not None:
        assert seen.raw, f"{seen.kind} {seen.id}: the source's own bytes are missing"
        check_exact(seen.record, f"{seen.kind} {seen.id}")
    if seen.total is not None:
        check_exact(seen.total, f"{seen.kind} {seen.id} total")
        assert seen.currency, f"{seen.kind} {seen.id}: a total without a currency"


def check_exact(value: Any, where: str) -> None:
    """No binary floating point number anywhere inside `value`."""
    if isinstance(value, float):
        raise AssertionError(f"{where}: {value!r} is a float; money is Decimal or int")
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            check_exact(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_exact(item, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple | set | frozenset):
        for number, item in enumerate(value):
            check_exact(item, f"{where}[{number}]")
    elif isinstance(value, Decimal):
        assert value.is_finite(), f"{where}: {value}"


def latest(seen: Sequence[Seen]) -> dict[str, Seen]:
    """The last row of each record."""
    return {row.id: row for row in seen}


def only(items: Sequence[T], what: str) -> T:
    """The one item that there must be."""
    assert len(items) == 1, f"{what}: {len(items)} instead of one: {items}"
    return items[0]


def done(outcome: Outcome) -> Done:
    """The outcome of an item that must have been written."""
    if isinstance(outcome, Failed):
        error = outcome.error
        raise AssertionError(f"not written: {type(error).__name__} {error.code} {error.field}: {error.message}")
    return outcome


def failed(outcome: Outcome) -> Failed:
    """The outcome of an item that must have been refused."""
    assert isinstance(outcome, Failed), f"written as {outcome.id!r}, although it must be refused"
    return outcome


def check_told(outcome: Failed) -> None:
    """A refusal that a person can act on: one sentence, and the field or the cure."""
    error = outcome.error
    assert error.message.strip(), f"{type(error).__name__} without a sentence"
    assert error.code, f"{error.message}: no code to group equal causes by"
    assert error.field or error.cure, f"{error.message}: neither the field nor the cure is named"
