"""The mapping of a pair as a sheet to be filled in: every word that matters, what it means, what waits for it, what is
proposed, and what may be chosen. What a person typed is compared with what was shown, so that a change of somebody else
is never overwritten unseen; it is written by `mapping_changes` alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Table

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import State
from selaras.model.chart import Account
from selaras.rules.gaps import answered_by, asked_for
from selaras.rules.mapping import ACCOUNT_ROLES, ANY, DIMENSION_KINDS, Chart, Mapping
from selaras.rules.proposals import Possible, Proposed
from selaras.rules.roles import type_fits
from selaras.sync.hub import Pair
from selaras.sync.mapping_changes import known_of, met, proposals
from selaras.sync.mapping_words import Known, chosen_id, flat, with_words
from selaras.sync.mappings import (
    BLOCKS,
    MappingHistory,
    MappingView,
    at_version,
    current,
    name_of,
    pair_between,
    show,
    unlisted,
)
from selaras.sync.mirror import chart_of

_ALL = 2**62
FAMILIES = ("account", "method", "tax", "warehouse", "dimension", "rule")


class Option(msgspec.Struct, frozen=True):
    """Something of the chart that may be chosen: what is to be written for it, what people call it, and its type."""

    value: str
    label: str
    group: str = ""


class Row(msgspec.Struct, frozen=True):
    """One word of the mapping.

    `family` is one of `FAMILIES`, `about` the role, name, rate or conditions. `value` is how a form writes the `id`.
    `waiting` counts the records that are stopped by it. `otherwise` is the account that the pair's own setting takes
    for a way of paying without this word.
    """

    word: str
    family: str
    about: str
    id: str
    value: str
    name: str
    trouble: str
    needed: bool
    waiting: int
    otherwise: str
    proposed: str
    candidates: tuple[Possible, ...]
    options: str

    @property
    def open(self) -> bool:
        """True when records or the books ask for it and it is not answered well."""
        return bool(self.trouble or self.waiting or (self.needed and not self.id))

    @property
    def quiet(self) -> bool:
        """True when nothing is said about it and nothing asks for it."""
        return not (self.open or self.id or self.candidates or self.needed)


class Sheet(msgspec.Struct, frozen=True):
    """A pair's mapping to be filled in. `options` by kind, as the rows name them; `free` kinds cannot be listed.

    `unknown_rates` records wait for a tax whose rate the store does not say; `other` ones for something that is set in
    a connection and not in the mapping.
    """

    view: MappingView
    read: bool
    rows: list[Row]
    options: dict[str, list[Option]]
    free: frozenset[str]
    unknown_rates: int
    other: int
    clear: dict[str, str]

    def of(self, family: str) -> list[Row]:
        """Rows of a family: what is open first, then as people list them."""
        return sorted((row for row in self.rows if row.family == family), key=lambda row: not row.open)


class Refused(msgspec.Struct, frozen=True):
    """Why what a person wrote for a word is not taken."""

    message: str
    cure: str


def sheet(ledger: Ledger, store: str, books: str) -> Sheet:
    """The sheet of a pair. Raises `LedgerError` when there is no such pair."""
    pair, view = pair_between(ledger, store, books), show(ledger, store, books)
    chart, entries = chart_of(ledger, books), {one.word: one for one in view.entries}
    offered = proposals(ledger, store, books)
    proposed = {one.word: one for one in offered.proposals}
    waits, other = _waits(ledger, store, entries)
    rates = sum(count for word, count in waits.items() if word.startswith("tax:RATE"))
    alone, options = _alone(chart), dict[str, list[Option]]()
    rows = []
    for word in _words(ledger, pair, chart, view, proposed, waits):
        entry, offer = entries.get(word), proposed.get(word, Proposed(word, "", ()))
        family, kind = _family(word), _kind(word)
        if kind not in options:
            options[kind] = _options(chart, alone, kind)
        rows.append(
            Row(
                word, family, word if family == "rule" else word.partition(":")[2],
                entry.id if entry else "", _value(chart, alone, kind, entry.id) if entry else "",
                entry.name if entry else "", entry.trouble if entry else "",
                word in view.needed or bool(waits.get(word)), waits.get(word, 0), _otherwise(pair, word),
                offer.chosen, offer.candidates, kind,
            )
        )  # fmt: skip
    clear = {one.word: one.chosen for one in offered.proposals if one.chosen}
    return Sheet(view, offered.read, rows, options, unlisted(ledger, books), rates, other, clear)


def _words(
    ledger: Ledger, pair: Pair, chart: Chart, view: MappingView, proposed: Iterable[str], waits: Iterable[str]
) -> list[str]:
    """Every word that matters, in the order in which people think of them."""
    seen = met(ledger, pair.store)
    named = [one.word for one in view.entries if one.word != "require"]
    words = [f"account:{role}" for role in ACCOUNT_ROLES]
    words += [f"method:{name}" for name in seen.methods] + [f"method:{ANY}"]
    words += [word for word in [*named, *proposed, *waits] if word.startswith("tax:") and "[" not in word]
    words += [f"warehouse:{ANY}"] + [f"warehouse:{name}" for name in seen.locations]
    kinds = {one.kind for one in chart.dimensions.values() if one.active}
    kinds |= {need.partition(":")[2] for need in view.needed if need.startswith("dimension:")}
    words += [f"dimension:{kind}" for kind in DIMENSION_KINDS if kind in kinds]
    words += [*named, *waits]
    return [word for word in dict.fromkeys(words) if not word.startswith("tax:RATE")]


def _waits(ledger: Ledger, store: str, named: Iterable[str]) -> tuple[dict[str, int], int]:
    """How many records of the store each word stops, and how many are stopped by what is no word."""
    asked: dict[tuple[str, str], tuple[str, ...]] = {}
    found: dict[str, set[object]] = {}
    other: set[object] = set()
    there = list(named)
    for cause in BLOCKS:
        for posting in ledger.postings.in_state(State.BLOCKED, _ALL, cause):
            if store not in (posting.record.connection, posting.stream.partition(":")[0]):
                continue
            text = (posting.message, posting.cure)
            if text not in asked:
                asked[text] = tuple(answered_by(word, there) for word in asked_for(*text))
            for word in asked[text]:
                found.setdefault(word, set()).add(posting.record)
            if not asked[text]:
                other.add(posting.record)
    return {word: len(records) for word, records in found.items()}, len(other)


def _family(word: str) -> str:
    return "rule" if "[" in word else word.partition(":")[0]


def _kind(word: str) -> str:
    """What may be chosen for a word: accounts by role, else all of the kind."""
    name = word.partition("[")[0]
    family = name.partition(":")[0]
    return name if family in ("account", "dimension") else family


def _otherwise(pair: Pair, word: str) -> str:
    family, _colon, name = word.partition(":")
    return (pair.policy.accounts.get(name) or pair.policy.default_account) if family == "method" else ""


def in_words(ledger: Ledger, books: str, versions: Iterable[MappingHistory]) -> dict[tuple[str, str], str]:
    """What the books call what these versions name: (word, id) → name."""
    chart = chart_of(ledger, books)
    said = {(word, id) for one in versions for table in (one.before, one.after) for word, id in table.items()}
    return {(word, id): name for word, id in said if (name := name_of(chart, word, id))}


# -- what may be chosen ------------------------------------------------------------------------------------------------


def _options(chart: Chart, alone: frozenset[str], kind: str) -> list[Option]:
    family, _colon, rest = kind.partition(":")
    match family:
        case "account" | "method":
            role = rest or "method"
            fit = [one for one in chart.accounts.values() if one.active and type_fits(role, one.type)]
            fit.sort(key=lambda one: (one.code, one.name, one.id))
            return [Option(_value(chart, alone, kind, one.id), _called(one), one.type) for one in fit]
        case "tax":
            taxes = sorted((one for one in chart.taxes.values() if one.active), key=lambda one: (one.name, one.id))
            return [Option(one.id, one.name, one.place) for one in taxes]
        case "warehouse":
            return [Option(id, one.name) for id, one in sorted(chart.warehouses.items()) if one.active]
    return [Option(id, one.name) for id, one in sorted(chart.dimensions.items()) if one.active and one.kind == rest]


def _called(one: Account) -> str:
    return f"{one.code} {one.name}".strip()


def _value(chart: Chart, alone: frozenset[str], kind: str, id: str) -> str:
    """How a form writes something: by its code where that is its own, else by its id."""
    account = chart.accounts.get(id) if kind.partition(":")[0] in ("account", "method") else None
    return id if account is None or account.code not in alone else account.code


def _alone(chart: Chart) -> frozenset[str]:
    """The codes that name one account and nothing else."""
    codes = Counter(one.code for one in chart.accounts.values())
    return frozenset(code for code, many in codes.items() if code and many == 1 and code not in chart.accounts)


# -- what was typed ----------------------------------------------------------------------------------------------------


def wished(
    ledger: Ledger, store: str, books: str, version: int, typed: Table[str, str]
) -> tuple[dict[str, str], dict[str, Refused]]:
    """Of what a form holds, the words that a person changed since `version` was shown, and those that cannot be taken.

    Raises `LedgerError` when there is no such pair or version.
    """
    pair_between(ledger, store, books)
    known, now = known_of(ledger, books), current(ledger, store, books).mapping
    shown = flat(at_version(ledger, store, books, version).mapping) if version else {}
    alone = _alone(known.chart)
    meanwhile, changed, refused = flat(now), dict[str, str](), dict[str, Refused]()
    for word, text in typed.items():
        before = shown.get(word, "")
        if text in (before, _value(known.chart, alone, _kind(word), before)):
            continue
        try:
            chosen = _judged(now, word, text, known)
            there = meanwhile.get(word, "")
            if there not in (before, chosen):
                raise LedgerError(
                    f"{word} was changed by somebody else meanwhile; it means {there!r} now.",
                    "Look at it again, then choose.",
                )
        except LedgerError as error:
            refused[word] = Refused(error.message, error.cure)
            continue
        if chosen != before:
            changed[word] = text
    return changed, refused


def _judged(now: Mapping, word: str, text: str, known: Known) -> str:
    """The id that `text` stands for; "" for nothing. Raises `LedgerError`."""
    with_words(now, [(word, text)], known)
    return text if word == "require" or not text else chosen_id(known, word.partition("[")[0], text)
