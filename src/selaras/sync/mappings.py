"""The mapping of a pair as the installation keeps it: versioned, with who changed it, when and why.

The version in force is the setting `mapping:STORE:BOOKS`; every version that ever was stays as
`mapping:STORE:BOOKS@N`. A change is one transaction: the new version, its history, and the records that wait and are
planned again because of it. What was posted keeps the accounts that it was posted with.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as Table
from typing import Any

import msgspec

from selaras.connectors.contract import Capabilities
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import State
from selaras.rules.mapping import Chart, Mapped, Mapping
from selaras.sync.figures import instant
from selaras.sync.hub import Pair
from selaras.sync.installation import pairs_of
from selaras.sync.mapping_words import flat
from selaras.sync.mirror import CHART_KINDS, chart_of

# Causes that a change of the mapping may mend.
BLOCKS = ("missing_mapping", "mapping_unfit")


class MappingVersion(msgspec.Struct, frozen=True):
    """One version of a mapping: what it says, when it was made (µs since 1970 UTC), by whom and why."""

    version: int
    at: int
    who: str
    note: str
    mapping: Mapping


class Entry(msgspec.Struct, frozen=True):
    """One thing that a mapping names: its word ("account:sales", "tax:11@ID"), the id and what the books call it.

    `trouble` says why it cannot be used ("" when nothing is known against it).
    """

    word: str
    id: str
    name: str
    trouble: str


class MappingView(msgspec.Struct, frozen=True):
    """The mapping of a pair for people: version, entries, what must be named, what of it is not, and what waits."""

    store: str
    books: str
    version: int
    at: dt.datetime | None
    who: str
    note: str
    entries: list[Entry]
    needed: list[str]
    missing: list[str]
    chart: dict[str, int]
    waiting: int


class MappingChanged(msgspec.Struct, frozen=True):
    """A new version of a mapping: word → (before, after) as texts, and how many waiting records are planned again.

    Without a difference no version is made.
    """

    store: str
    books: str
    version: int
    before: dict[str, str]
    after: dict[str, str]
    replanned: int


class MappingHistory(msgspec.Struct, frozen=True):
    """One line of the history: the version, when, who, why, and the words that changed (before and after)."""

    version: int
    at: dt.datetime
    who: str
    note: str
    before: dict[str, str]
    after: dict[str, str]


def pair_between(ledger: Ledger, store: str | None = None, books: str | None = None) -> Pair:
    """The pair of a store and its books; what is not named may be any, if only one pair fits. Raises `LedgerError`."""
    pairs = pairs_of(ledger)
    found = [pair for pair in pairs if store in (None, pair.store) and books in (None, pair.books)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{pair.store} {pair.books}" for pair in pairs) or "none"
    if not found:
        raise LedgerError(f"{store!r} is not kept in {books!r}.", f"Pairs: {names}.")
    raise LedgerError("There are several pairs.", f"Name the store and the books: {names}.")


def _name(store: str, books: str) -> str:
    return f"mapping:{store}:{books}"


def current(ledger: Ledger, store: str, books: str) -> MappingVersion:
    """The version in force; version 0 says nothing."""
    text = ledger.connections.setting(_name(store, books))
    return msgspec.json.decode(text, type=MappingVersion) if text else MappingVersion(0, 0, "", "", Mapping())


def mapped(ledger: Ledger, pair: Pair, chart: Chart, needs: frozenset[str]) -> Mapped:
    """The pair's mapping in force, ready for the rules."""
    return Mapped(pair.store, pair.books, current(ledger, pair.store, pair.books).mapping, needs, chart)


# -- what the books need -----------------------------------------------------------------------------------------------


class Declared(msgspec.Struct, frozen=True):
    """What a connector of books said of itself: what must be mapped, which parts of a chart it can list, and whether a
    receipt may write a difference off or may be paid with money of another currency.

    `known` is False before it was ever asked.
    """

    needs: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    known: bool = False
    write_offs: bool = False
    exchanges: bool = False


def remember(ledger: Ledger, books: str, capabilities: Capabilities, now: int) -> None:
    """Keep what a connector of books declares, for those who plan and map without it. Inside a transaction."""
    lists = capabilities.sources & frozenset(CHART_KINDS)
    said = Declared(
        capabilities.maps, lists, known=True, write_offs=capabilities.write_offs, exchanges=capabilities.exchanges
    )
    if said != declared(ledger, books):
        ledger.connections.set(f"maps:{books}", msgspec.json.encode(said, order="deterministic").decode(), now)


def declared(ledger: Ledger, books: str) -> Declared:
    """What the books were last known to need and to list."""
    text = ledger.connections.setting(f"maps:{books}")
    return msgspec.json.decode(text, type=Declared) if text else Declared()


def unlisted(ledger: Ledger, books: str) -> frozenset[str]:
    """Parts of a chart that these books cannot list: ids of them are taken as a person writes them."""
    said = declared(ledger, books)
    return frozenset(CHART_KINDS) - said.lists if said.known else frozenset()


# -- showing -----------------------------------------------------------------------------------------------------------


def show(ledger: Ledger, store: str | None = None, books: str | None = None) -> MappingView:
    """The mapping of a pair with the names that the books give. Raises `LedgerError`."""
    pair = pair_between(ledger, store, books)
    store, books = pair.store, pair.books
    kept, chart = current(ledger, store, books), chart_of(ledger, books)
    words = flat(kept.mapping)
    needs = declared(ledger, books).needs | frozenset(kept.mapping.require)
    entries = [
        Entry(word, chosen, name_of(chart, word, chosen), _trouble(chart, word, chosen))
        for word, chosen in words.items()
    ]
    blocked = ledger.coverage.causes((int(State.BLOCKED),))
    return MappingView(
        store,
        books,
        kept.version,
        instant(kept.at) if kept.version else None,
        kept.who,
        kept.note,
        entries,
        sorted(needs),
        sorted(need for need in needs if not _named(need, words)),
        {
            "account": len(chart.accounts),
            "tax": len(chart.taxes),
            "warehouse": len(chart.warehouses),
            "dimension": len(chart.dimensions),
        },
        sum(c.records for c in blocked if c.cause in BLOCKS and c.connection == pair.store),
    )


def _named(need: str, words: Table[str, str]) -> bool:
    return any(word.partition("[")[0] == need or word.startswith(f"{need}:") for word in words)


def _trouble(chart: Chart, word: str, chosen: str) -> str:
    return "" if word == "require" else chart.unfit(word.partition("[")[0], chosen)


def name_of(chart: Chart, word: str, chosen: str) -> str:
    """What the books call the thing: "1-10100 Piutang Usaha"; "" when it is not known."""
    kind = word.partition(":")[0].partition("[")[0]
    if kind in ("account", "method"):
        account = chart.accounts.get(chosen)
        return "" if account is None else f"{account.code} {account.name}".strip()
    tables: dict[str, Table[str, Any]] = {
        "tax": chart.taxes, "warehouse": chart.warehouses, "dimension": chart.dimensions
    }  # fmt: skip
    return str(getattr(tables.get(kind, {}).get(chosen), "name", ""))


def history(ledger: Ledger, store: str | None = None, books: str | None = None) -> list[MappingHistory]:
    """Every version, the newest first, with what it changed. Raises `LedgerError`."""
    pair = pair_between(ledger, store, books)
    found = ledger.connections.settings(_name(pair.store, pair.books) + "@")
    kept = sorted((msgspec.json.decode(text, type=MappingVersion) for text in found.values()), key=lambda v: v.version)
    lines, before = [], Mapping()
    for one in kept:
        old, new = _changes(before, one.mapping)
        lines.append(MappingHistory(one.version, instant(one.at), one.who, one.note, old, new))
        before = one.mapping
    return lines[::-1]


def at_version(ledger: Ledger, store: str, books: str, version: int) -> MappingVersion:
    """A version as it was. Raises `LedgerError` when there is none."""
    text = ledger.connections.setting(f"{_name(store, books)}@{version}")
    if not text:
        raise LedgerError(
            f"The mapping of {store} to {books} has no version {version}.",
            f"See `selaras mapping history {store} {books}`.",
        )
    return msgspec.json.decode(text, type=MappingVersion)


# -- changing ----------------------------------------------------------------------------------------------------------


def keep(ledger: Ledger, pair: Pair, mapping: Mapping, based_on: int, now: int, who: str, note: str) -> MappingChanged:
    """Make `mapping` the version in force and plan what waits again. It was worked out from version `based_on`.

    Raises `LedgerError` when somebody made another version meanwhile. Begins a transaction of its own.
    """
    name = _name(pair.store, pair.books)
    with ledger.transaction():
        before = current(ledger, pair.store, pair.books)
        if before.version != based_on:
            raise _overtaken(pair)
        old, new = _changes(before.mapping, mapping)
        if not old and not new:
            return MappingChanged(pair.store, pair.books, before.version, {}, {}, 0)
        version = before.version + 1
        made = MappingVersion(version, now, who, note, msgspec.structs.replace(mapping, version=version))
        text = msgspec.json.encode(made).decode()
        ledger.connections.set(name, text, now)
        if ledger.connections.version(name) != version:
            raise _overtaken(pair)
        ledger.connections.set(f"{name}@{version}", text, now)
        replanned = ledger.records.replan_unsent(pair.store, pair.books)
    return MappingChanged(pair.store, pair.books, version, old, new, replanned)


def _overtaken(pair: Pair) -> LedgerError:
    return LedgerError(
        f"The mapping of {pair.store} to {pair.books} was changed by somebody else at this moment.",
        "Look at it again, then repeat your change.",
    )


def _changes(before: Mapping, after: Mapping) -> tuple[dict[str, str], dict[str, str]]:
    """What was and what is, of the words that differ."""
    old, new = flat(before), flat(after)
    words = [word for word in {**old, **new} if old.get(word) != new.get(word)]
    return {w: old[w] for w in words if w in old}, {w: new[w] for w in words if w in new}
