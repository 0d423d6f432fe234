"""Products of both sides compared (M3), and pairs accepted by hand, by CSV or by rule."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.model.product import Product
from selaras.rules.catalogue import CatalogueReport, accept_by_rule, compare_catalogues
from selaras.rules.explain import N_, Sentence
from selaras.rules.products import RANK
from selaras.sync.finding import pair_of

COLUMNS = ("store_code", "books_code")
EXPORT_COLUMNS = (*COLUMNS, "name", "how", "proposals", "reason")

_product = msgspec.json.Decoder(Product)
_EMPTY = Sentence(N_("Line %(line)s: column %(column)s is empty."))
_MISSING = Sentence(N_("Line %(line)s: column %(column)s is missing."))
_NO_STORE = Sentence(N_("Line %(line)s, column %(column)s: the store has no product with the code %(code)s."))
_NO_BOOKS = Sentence(N_("Line %(line)s, column %(column)s: the books have no product with the code %(code)s."))
_DOUBLED = Sentence(N_("Line %(line)s, column %(column)s: the books have the code %(code)s %(count)s times."))
_TWICE = Sentence(N_("Line %(line)s, column %(column)s: %(code)s was given before, as %(other)s."))


class Catalogues(msgspec.Struct, frozen=True):
    """The comparison of one pair, with how many products each side has (as last read)."""

    store: str
    books: str
    store_products: int
    books_products: int
    report: CatalogueReport


class BadRow(msgspec.Struct, frozen=True):
    """A row of a CSV file that was not taken: line and column (1-based line, column title), and why."""

    line: int
    column: str
    message: str


class Accepted(msgspec.Struct, frozen=True):
    """Pairs that were accepted (store code → code of the books), pairs that held already, and rows refused.

    `replanned` records were blocked and are planned again.
    """

    accepted: dict[str, str]
    unchanged: int
    refused: list[BadRow]
    replanned: int


def products(ledger: Ledger, store: str | None = None) -> Catalogues:
    """Compare the catalogues of a pair as last read. Raises `LedgerError` when there is no such pair."""
    pair = pair_of(ledger, store)
    ours, theirs = _catalogue(ledger, pair.store), _catalogue(ledger, pair.books)
    accepted = ledger.connections.decisions(pair.store, "product")
    return Catalogues(pair.store, pair.books, len(ours), len(theirs), compare_catalogues(ours, theirs, accepted))


def accept_product(
    ledger: Ledger, store_code: str, books_code: str, now: int, who: str, store: str | None = None
) -> Accepted:
    """Accept one pair by hand. Raises `LedgerError` when one side does not have the code."""
    pair = pair_of(ledger, store)
    ours, theirs = _codes(ledger, pair.store), _codes(ledger, pair.books)
    for side, codes, code in ((pair.store, ours, store_code), (pair.books, theirs, books_code)):
        if not codes.get(code):
            raise LedgerError(f"{side} has no active product with the code {code!r}.", "Check the code.")
    if theirs[books_code] > 1:
        raise LedgerError(
            f"{pair.books} has the code {books_code!r} {theirs[books_code]} times.",
            "Give each product of the books a code of its own first.",
        )
    return _accept(ledger, pair.store, {store_code: books_code}, [], f"by hand: {who}", now)


def accept_products_by_rule(
    ledger: Ledger, kinds: Collection[str], now: int, who: str, store: str | None = None
) -> Accepted:
    """Accept near misses of these kinds that have one candidate on each side. Raises `LedgerError` for other kinds."""
    unknown = sorted(set(kinds) - set(RANK))
    if unknown or not kinds:
        raise LedgerError(
            f"No such kind of near miss: {', '.join(unknown) or 'none given'}.", f"Kinds: {', '.join(RANK)}."
        )
    found = products(ledger, store)
    chosen = accept_by_rule(found.report, kinds)
    return _accept(ledger, found.store, chosen, [], f"by rule {', '.join(sorted(kinds))}: {who}", now)


def import_products(ledger: Ledger, text: str, now: int, who: str, store: str | None = None) -> Accepted:
    """Accept pairs from a CSV text with the columns store_code and books_code, in any order, comma or semicolon.

    A wrong row is refused with its line and column; the others are taken. Raises `LedgerError` when the title row
    lacks a column.
    """
    pair = pair_of(ledger, store)
    chosen, refused = read_pairs(text, _codes(ledger, pair.store), _codes(ledger, pair.books))
    return _accept(ledger, pair.store, chosen, refused, f"by CSV: {who}", now)


def read_pairs(text: str, ours: Mapping[str, int], theirs: Mapping[str, int]) -> tuple[dict[str, str], list[BadRow]]:
    """Pairs of a CSV text and its bad rows; `ours` and `theirs` tell how often each side has a code."""
    rows = _rows(text.lstrip("\ufeff"))
    _line, title = next(rows, (1, []))
    columns = [cell.strip().lower() for cell in title]
    lacking = [name for name in COLUMNS if name not in columns]
    if lacking:
        raise LedgerError(
            f"Line 1: the column {lacking[0]} is missing.", f"The first line must name the columns {','.join(COLUMNS)}."
        )
    places = [columns.index(name) for name in COLUMNS]
    chosen: dict[str, str] = {}
    refused: list[BadRow] = []
    for line, row in rows:
        if any(cell.strip() for cell in row):
            problem = _take(row, line, places, ours, theirs, chosen)
            if problem is not None:
                refused.append(problem)
    return chosen, refused


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each begins (a quoted cell may span lines)."""
    title = text.partition("\n")[0]
    # newline=None reads every kind of line end as one.
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=";" if title.count(";") > title.count(",") else ",")
    end = 0
    try:
        for row in reader:
            yield end + 1, row
            end = reader.line_num
    except csv.Error as error:
        raise LedgerError(
            f"Line {end + 1} cannot be read as CSV ({error}).", "Correct that line; nothing was taken."
        ) from None


def _take(
    row: Sequence[str], line: int, places: Sequence[int], ours: Mapping[str, int], theirs: Mapping[str, int],
    chosen: dict[str, str],
) -> BadRow | None:  # fmt: skip
    cells = []
    for column, place in zip(COLUMNS, places, strict=True):
        if place >= len(row):
            return BadRow(line, column, _MISSING(line=line, column=column))
        cells.append(row[place].strip())
        if not cells[-1]:
            return BadRow(line, column, _EMPTY(line=line, column=column))
    mine, other = cells
    if not ours.get(mine):
        return BadRow(line, COLUMNS[0], _NO_STORE(line=line, column=COLUMNS[0], code=mine))
    if not theirs.get(other):
        return BadRow(line, COLUMNS[1], _NO_BOOKS(line=line, column=COLUMNS[1], code=other))
    if theirs[other] > 1:
        return BadRow(line, COLUMNS[1], _DOUBLED(line=line, column=COLUMNS[1], code=other, count=theirs[other]))
    if chosen.setdefault(mine, other) != other:
        return BadRow(line, COLUMNS[0], _TWICE(line=line, column=COLUMNS[0], code=mine, other=chosen[mine]))
    return None


def export_products(ledger: Ledger, store: str | None = None, *, only_open: bool = False) -> str:
    """The comparison as CSV text that `import_products` reads back: fill in books_code where it is empty.

    Cells that a spreadsheet would run as a formula get a quote in front in the columns for people.
    """
    found = products(ledger, store)
    names = {p.code: p.name for p in _catalogue(ledger, found.store) if p.code}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(EXPORT_COLUMNS)
    for match in found.report.unmatched_store:
        proposals = " | ".join(proposal.code for proposal in match.proposals)
        reason = match.reasons[0] if match.reasons else ""
        cells = (names.get(match.code, ""), "unmatched", proposals, reason)
        writer.writerow((match.code, "", *map(_plain, cells)))
    if not only_open:
        for pair in found.report.matched:
            writer.writerow((pair.store, pair.books, _plain(names.get(pair.store, "")), pair.how, "", ""))
    return out.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _accept(
    ledger: Ledger, store: str, chosen: Mapping[str, str], refused: list[BadRow], how: str, now: int
) -> Accepted:
    with ledger.transaction():
        held = ledger.connections.decisions(store, "product")
        fresh = {code: other for code, other in chosen.items() if held.get(code) != other}
        for code, other in fresh.items():
            ledger.connections.decide(store, "product", code, other, how, now)
        replanned = ledger.records.replan_blocked(store) if fresh else 0
    return Accepted(fresh, len(chosen) - len(fresh), refused, replanned)


def _catalogue(ledger: Ledger, connection: str) -> list[Product]:
    return [_product.decode(record.body) for record in ledger.records.all(connection, "product")]


def _codes(ledger: Ledger, connection: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for product in _catalogue(ledger, connection):
        if product.active and product.code:
            counts[product.code] = counts.get(product.code, 0) + 1
    return counts
