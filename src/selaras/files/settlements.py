"""Settlement files of gateways and marketplaces → batches, and the one file in which `selaras match` reads them.

Midtrans, Xendit, DOKU, Shopee and TikTok Shop/Tokopedia, as CSV and XLSX. Every row proves gross − fee = net, every
batch the sum of its rows, and a file with a line of totals that line. What does not add up is refused with its place;
no line is made up to close a gap.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from selaras.files.claims import SETTLEMENTS, Unreadable
from selaras.files.settlement_forms import Form, forms_of
from selaras.files.settlement_ledger import read_ledger
from selaras.files.settlement_rows import Given, Placed, Reader
from selaras.files.settlement_tables import Table, read_tables, squeezed, tables_of
from selaras.files.whole import write_csv
from selaras.model.money import ZERO
from selaras.model.settlement import SettlementRow

PREFIXES: Final = {"refund": "REFUND ", "chargeback": "REFUND ", "adjustment": "ADJUSTMENT ", "fee": "FEE "}
"""What stands before the order's reference of a row that is no sale; settlements.csv knows `REFUND `."""


class Batch(msgspec.Struct, frozen=True):
    """What is paid out together; `settled_on` is its last day.

    `printed` is the total of the file where its rows come to another sum, None otherwise (see `parse`).
    """

    gateway: str
    name: str
    rows: tuple[SettlementRow, ...]
    printed: Decimal | None = None

    @property
    def settled_on(self) -> dt.date:
        """The last day of its rows."""
        return max(row.settled_on for row in self.rows)

    @property
    def currency(self) -> str:
        """The currency of its rows, which is one."""
        return self.rows[0].currency

    @property
    def gross(self) -> Decimal:
        """Σ gross."""
        return sum((row.gross for row in self.rows), ZERO)

    @property
    def fee(self) -> Decimal:
        """Σ fee."""
        return sum((row.fee for row in self.rows), ZERO)

    @property
    def net(self) -> Decimal:
        """Σ net: what the bank shows, to the last rupiah."""
        return sum((row.net for row in self.rows), ZERO)


class Settlement(msgspec.Struct, frozen=True):
    """A file as read. `left_out` counts the lines that are no settlement (withdrawals, pending ones), by why."""

    file: str
    gateway: str
    batches: tuple[Batch, ...]
    left_out: dict[str, int]


def read_settlement(
    path: Path, *, gateway: str = "", batch: str = "", settled_on: dt.date | None = None, currency: str = "IDR"
) -> Settlement:
    """A settlement file. `gateway` chooses the form where the columns do not; `batch` and `settled_on` say what the
    file itself does not (a batch named here goes before the file's own). Raises `Unreadable`.
    """
    given = Given(batch or path.stem, bool(batch), settled_on, currency)
    forms = forms_of(gateway)
    return _settlement(path.name, forms, read_tables(path, _known(forms)), given)


def parse(raw: bytes, name: str, *, gateway: str = "", currency: str = "IDR") -> Settlement:
    """A settlement file that is at hand, as a source of payouts. `name` is the one that refusals say.

    A file without names of batches has one for each day, as files come under the same name again. A file of one batch
    whose total is not what its rows come to is no refusal: the batch says what was `printed`, and is not to be booked.
    Raises `Unreadable`.
    """
    forms = forms_of(gateway)
    given = Given("", False, None, currency)
    return _settlement(name, forms, tables_of(raw, name, _known(forms)), given, keep_total=True)


def _known(forms: Sequence[Form]) -> Callable[[frozenset[str]], bool]:
    return lambda names: any(form.fits(names) for form in forms)


def _settlement(
    name: str, forms: Sequence[Form], tables: Sequence[Table], given: Given, *, keep_total: bool = False
) -> Settlement:
    placed: list[Placed] = []
    left_out: Counter[str] = Counter()
    wrong: list[tuple[Decimal, Unreadable]] = []
    found = ""
    for table in tables:
        form = next(form for form in forms if form.fits(_names(table)))
        if found and form.gateway != found:
            raise Unreadable(f"{table.where} is of {form.gateway}, the sheet before it of {found}.")
        found = form.gateway
        rows, left, totals = _rows(table, form, given)
        placed += rows
        wrong += totals
        left_out.update(left)
    if not placed:
        why = ", ".join(f"{count} × {name}" for name, count in sorted(left_out.items()))
        raise Unreadable(f"{name} holds no settled payment" + (f" ({why})." if why else "."))
    batches = _batches(name, found, placed)
    if wrong and not (keep_total and len(batches) == len(tables) == 1):
        raise wrong[0][1]
    if wrong:
        batches = (msgspec.structs.replace(batches[0], printed=wrong[-1][0]),)
    return Settlement(name, found, batches, dict(sorted(left_out.items())))


def _names(table: Table) -> frozenset[str]:
    return frozenset(squeezed(name) for name in table.header)


def _rows(
    table: Table, form: Form, given: Given
) -> tuple[list[Placed], dict[str, int], list[tuple[Decimal, Unreadable]]]:
    """The rows of a table, what was left out, and the totals of the table that its rows do not come to."""
    reader = Reader(table, form, given)
    if form.shape == "ledger":
        return *read_ledger(reader), []
    placed = [row for line, cells in table.lines for row in reader.read(line, cells)]
    net = sum((row.row.net for row in placed), ZERO)
    wrong = [
        (total, reader.wrong(line, reader.roles["net"][0], f"the file's total is {total}, its rows come to {net}"))
        for line, total in reader.totals
        if total != net
    ]
    return placed, reader.left_out, wrong


def _batches(file: str, gateway: str, placed: Sequence[Placed]) -> tuple[Batch, ...]:
    groups: dict[str, list[SettlementRow]] = {}
    for item in placed:
        groups.setdefault(item.batch, []).append(item.row)
        if item.row.difference:
            raise Unreadable(f"{file}, line {item.line}: gross less fee is not net, by {item.row.difference}")
        if item.row.currency != groups[item.batch][0].currency:
            raise Unreadable(f"{file}, line {item.line}: batch {item.batch} has rows of two currencies")
    return tuple(Batch(gateway, name, tuple(rows)) for name, rows in groups.items())


def merged(settlements: Iterable[Settlement]) -> list[Batch]:
    """The batches of several files as one. A row that stands in two files (their days overlap) counts once.

    Rows are told apart by gateway, batch, the gateway's own id and their amounts; what one file holds twice is two.
    Raises `Unreadable` where one batch has rows of two currencies.
    """
    names: dict[tuple[str, str], list[Counter[SettlementRow]]] = {}
    for settlement in settlements:
        for batch in settlement.batches:
            names.setdefault((batch.gateway, batch.name), []).append(Counter(batch.rows))
    found = []
    for (gateway, name), counts in sorted(names.items()):
        most: Counter[SettlementRow] = Counter()
        for count in counts:
            most |= count
        rows = tuple(sorted(most.elements(), key=lambda r: (r.settled_on, r.order_reference, r.kind, r.id, r.gross)))
        if len({row.currency for row in rows}) > 1:
            raise Unreadable(f"batch {name} of {gateway} has rows of two currencies.")
        found.append(Batch(gateway, name, rows))
    return found


def write_settlements(path: Path, batches: Sequence[Batch]) -> int:
    """Write settlements.csv, whole or not at all, and return the number of its rows. Raises `OSError`."""
    write_csv(path, SETTLEMENTS, _written(batches))
    return sum(len(batch.rows) for batch in batches)


def _written(batches: Iterable[Batch]) -> Iterator[tuple[str, ...]]:
    for batch in batches:
        for row in batch.rows:
            reference = PREFIXES.get(row.kind, "") + row.order_reference
            amounts = (_plain(row.gross), _plain(row.fee), _plain(row.net))
            yield batch.gateway, batch.name, row.settled_on.isoformat(), reference, *amounts


def _plain(value: Decimal) -> str:
    return format(value, "f")
