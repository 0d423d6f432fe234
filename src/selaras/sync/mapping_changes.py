"""What people do with the mapping of a pair: set words, take over a file, accept proposals, go back to a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.rules.explain import N_, Sentence
from selaras.rules.proposals import Proposed, propose
from selaras.sync.mapping_words import Known, flat, read_file, with_words, write_file
from selaras.sync.mappings import MappingChanged, at_version, current, keep, name_of, pair_between, unlisted
from selaras.sync.mirror import chart_of

_NEWEST = 2000
_HEAD = Sentence(N_("Mapping of %(store)s to %(books)s, version %(version)s."))
_TAKEN = Sentence(N_("Take it over again with: selaras mapping import %(store)s %(books)s FILE"))


class _Paid(msgspec.Struct, frozen=True):
    method: str = ""


class _Ways(msgspec.Struct, frozen=True):
    payments: tuple[_Paid, ...] = ()
    location: str = ""


_ways = msgspec.json.Decoder(_Ways)


class MappingProposals(msgspec.Struct, frozen=True):
    """What the chart of the books proposes for words that the mapping does not have yet. `read`: the chart is known."""

    store: str
    books: str
    read: bool
    proposals: list[Proposed]


def set_words(
    ledger: Ledger, store: str, books: str, words: Mapping[str, str], now: int, who: str, note: str = ""
) -> MappingChanged:
    """Set words of a mapping ("account:sales" → id, code or name; "" takes it off). Raises `LedgerError`."""
    pair = pair_between(ledger, store, books)
    if not words:
        raise LedgerError("No word of the mapping was given.", "Write words like account:sales=4-40000.")
    before = current(ledger, store, books)
    after = with_words(before.mapping, words.items(), known_of(ledger, books))
    return keep(ledger, pair, after, before.version, now, who, note)


def import_text(
    ledger: Ledger, store: str, books: str, text: str, now: int, who: str, note: str = ""
) -> MappingChanged:
    """Take a file over: the mapping says exactly what it says. Raises `LedgerError`; nothing is taken then."""
    pair = pair_between(ledger, store, books)
    after = read_file(text, known_of(ledger, books))
    return keep(ledger, pair, after, current(ledger, store, books).version, now, who, note)


def go_back(ledger: Ledger, store: str, books: str, version: int, now: int, who: str) -> MappingChanged:
    """Say again what an earlier version said, as a new version. Raises `LedgerError`."""
    pair = pair_between(ledger, store, books)
    earlier = at_version(ledger, store, books, version)
    return keep(ledger, pair, earlier.mapping, current(ledger, store, books).version, now, who, f"as version {version}")


def export_text(ledger: Ledger, store: str, books: str, version: int | None = None) -> str:
    """The mapping (or an earlier version) as TOML, with the books' names beside the ids. Raises `LedgerError`."""
    pair_between(ledger, store, books)
    kept = current(ledger, store, books) if version is None else at_version(ledger, store, books, version)
    chart = chart_of(ledger, books)
    named = {word: name_of(chart, word, chosen) for word, chosen in flat(kept.mapping).items()}
    head = (_HEAD(store=store, books=books, version=kept.version), _TAKEN(store=store, books=books))
    return write_file(kept.mapping, head, named)


def proposals(ledger: Ledger, store: str | None = None, books: str | None = None) -> MappingProposals:
    """Proposals for what the mapping does not say yet; `read` is False while the chart is not known."""
    pair = pair_between(ledger, store, books)
    chart = chart_of(ledger, pair.books)
    # A rule says what a word means for some orders; for the rest it is still to be said.
    known = set(flat(current(ledger, pair.store, pair.books).mapping))
    found = propose(chart, met(ledger, pair.store).methods, known)
    return MappingProposals(pair.store, pair.books, bool(chart.accounts or chart.taxes or chart.warehouses), found)


def accept(ledger: Ledger, store: str, books: str, words: Iterable[str], now: int, who: str) -> MappingChanged:
    """Accept proposals: these words, or (without any) all that are clear. Raises `LedgerError` for one that is not."""
    proposed = proposals(ledger, store, books)
    if not proposed.read:
        raise LedgerError(
            f"The chart of {books} was not read yet.", "Run `selaras sweep` once, or keep `selaras serve` running."
        )
    found = {one.word: one for one in proposed.proposals}
    wanted = list(dict.fromkeys(words)) or [word for word, one in found.items() if one.chosen]
    for word in wanted:
        if word not in found or not found[word].chosen:
            raise LedgerError(
                f"Nothing clear is proposed for {word!r}.",
                f"Choose it: selaras mapping set {store} {books} {word}=ID.",
            )
    if not wanted:
        raise LedgerError("Nothing clear is proposed.", f"See `selaras mapping propose {store} {books}`.")
    return set_words(ledger, store, books, {word: found[word].chosen for word in wanted}, now, who, "proposed")


def known_of(ledger: Ledger, books: str) -> Known:
    """What ids of these books are looked up in."""
    return Known(chart_of(ledger, books), unlisted(ledger, books))


class Met(msgspec.Struct, frozen=True):
    """What the newest orders of a store name: ways of paying, and locations that goods leave."""

    methods: list[str]
    locations: list[str]


def met(ledger: Ledger, store: str) -> Met:
    """What the newest orders name, each once."""
    methods, locations = set[str](), set[str]()
    for record in ledger.records.newest(store, "order", _NEWEST):
        order = _ways.decode(record.body)
        methods.update(paid.method for paid in order.payments if paid.method)
        locations.add(order.location)
    return Met(sorted(methods), sorted(locations - {""}))
