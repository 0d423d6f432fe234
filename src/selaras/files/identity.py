"""Which rows of several exports are the same movement: overlapping exports import once, two equal transfers stay two.

A row's identity is its account, its day, the balance after it or else the bank's own sequence number, its amount, and
its number among rows that are equal in all of that. Never its text: banks rewrite it the next day, and hardly its
reference: some providers issue new ones. (reference/indonesia.md §2.2 no. 4, reference/reconciliation.md §1.3.)

Exports of one layout are compared by that identity. Between layouts, whose rows may stand in another order and so have
other balances, a day's rows of one amount are counted: the union has as many as the export that has most of them.
A pending row has no day; it is replaced by the booked row of another export that has its amount, and its balance where
both print one. What comes out is held to the balances once more: between two days' closing balances the rows must come
to what the balance moved.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.files.refusal import Refused
from selaras.i18n import N_
from selaras.model.money import ZERO
from selaras.model.statement import Statement, StatementLine

_DIGITS: Final = 24
Account = tuple[str, str]
Key = tuple[dt.date, str, Decimal, int]


class Merged(msgspec.Struct, frozen=True):
    """One movement of an account, with the id that it has in every export, and the file that it was first read from."""

    line_id: str
    account: str
    bank: str
    line: StatementLine
    file: str


class Union(msgspec.Struct, frozen=True):
    """Several exports as one. `pending` are the rows that nothing has replaced yet, `replaced` how many were,
    `gone` those that a later export of the same days no longer has, `repeated` the booked rows that were there before.
    """

    lines: list[Merged]
    pending: list[StatementLine]
    gone: list[StatementLine]
    replaced: int
    repeated: int


def text_of(amount: Decimal) -> str:
    """An amount in one spelling: 147356.00 and 147356 are the same."""
    plain = format(amount, "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def line_id(account: str, currency: str, day: dt.date, amount: Decimal, number: int) -> str:
    """The id of the `number`th row (from 1) of an amount on a day of an account: the same in every export."""
    told = "|".join(("".join(account.split()), currency, day.isoformat(), text_of(amount), str(number)))
    return f"{day:%Y%m%d}-{hashlib.sha256(told.encode()).hexdigest()[:_DIGITS]}"


def balances(statement: Statement) -> list[Decimal | None]:
    """The balance after each line: as printed, or reckoned from any balance that is; None where there is none at all.

    A bank that sends a file for each transaction tells two equal ones apart by nothing else.
    """
    running = statement.opening
    if running is None:
        moved = ZERO
        for line in statement.lines:
            moved += line.amount
            if line.balance is not None:
                running = line.balance - moved
                break
    found: list[Decimal | None] = []
    for line in statement.lines:
        running = line.balance if line.balance is not None else None if running is None else running + line.amount
        found.append(running)
    return found


def keys(statement: Statement) -> list[Key | None]:
    """The identity of each line within its account; None for pending ones."""
    seen: Counter[tuple[dt.date, str, Decimal]] = Counter()
    found: list[Key | None] = []
    for line, balance in zip(statement.lines, balances(statement), strict=True):
        if line.day is None or line.pending:
            found.append(None)
            continue
        place = text_of(balance) if balance is not None else f"#{line.sequence}" if line.sequence else ""
        base = (line.day, place, line.amount)
        seen[base] += 1
        found.append((*base, seen[base]))
    return found


def merge(statements: Sequence[Statement]) -> Union:
    """The union of exports, of any number of accounts. Raises `Refused` where an account is not named, or where the
    exports contradict each other.
    """
    accounts: dict[Account, list[Statement]] = defaultdict(list)
    for statement in statements:
        if not statement.account:
            raise Refused(
                N_("nothing says which account it is of"), N_("Name the account with --account."), file=statement.file
            )
        accounts[statement.account, statement.currency].append(statement)
    lines: list[Merged] = []
    pending: list[StatementLine] = []
    gone: list[StatementLine] = []
    replaced = repeated = 0
    for (account, currency), parts in sorted(accounts.items()):
        parts = sorted(parts, key=_age)
        rows, seen_before = _union(parts)
        numbers: Counter[tuple[dt.date, Decimal]] = Counter()
        for day, line, statement in rows:
            numbers[day, line.amount] += 1
            id_ = line_id(account, currency, day, line.amount, numbers[day, line.amount])
            lines.append(Merged(id_, account, statement.bank, line, statement.file))
        repeated += seen_before
        _hold(parts, rows)
        left, lost, took = _pending(parts, rows)
        pending += left
        gone += lost
        replaced += took
    return Union(lines, pending, gone, replaced, repeated)


def _age(statement: Statement) -> tuple[dt.date, int, str, str]:
    """Older exports first; of the same days, the one with fewer booked rows."""
    booked = sum(not line.pending for line in statement.lines)
    return statement.last or dt.date.min, booked, statement.layout, statement.file


Row = tuple[dt.date, StatementLine, Statement]


def _union(parts: Sequence[Statement]) -> tuple[list[Row], int]:
    """The rows of an account, by day and within it in the order of the export that has most of the day."""
    # Some exports of one layout come with balances, some without: those cannot be compared by them.
    per_layout: dict[tuple[str, bool], dict[Key, tuple[StatementLine, Statement]]] = defaultdict(dict)
    total = 0
    for statement in parts:
        known = per_layout[statement.layout, None in balances(statement)]
        for key, line in zip(keys(statement), statement.lines, strict=True):
            if key is not None:
                total += 1
                known.setdefault(key, (line, statement))
    groups: dict[tuple[dt.date, Decimal], list[tuple[StatementLine, Statement]]] = {}
    for known in per_layout.values():
        mine: dict[tuple[dt.date, Decimal], list[tuple[StatementLine, Statement]]] = defaultdict(list)
        for key, found in known.items():
            mine[key[0], key[2]].append(found)
        for group, members in mine.items():
            if len(members) > len(groups.get(group, ())):
                groups[group] = members
    rows = [(day, line, statement) for (day, _amount), members in groups.items() for line, statement in members]
    order = {statement.file: at for at, statement in enumerate(parts)}
    rows.sort(key=lambda row: (row[0], order[row[2].file], row[1].row))
    return rows, total - len(rows)


def _closings(statement: Statement) -> dict[dt.date, tuple[Decimal, int]]:
    """Day → balance at its end, and how many rows of the day stand behind it."""
    found: dict[dt.date, tuple[Decimal, int]] = {}
    counts: Counter[dt.date] = Counter()
    for line, running in zip(statement.lines, balances(statement), strict=True):
        if line.day is None:
            continue
        counts[line.day] += 1
        if running is not None:
            found[line.day] = running, counts[line.day]
    return found


def _hold(parts: Sequence[Statement], rows: Sequence[Row]) -> None:
    """Between two days' balances the rows come to what the balance moved, wherever no day between is uncovered.

    A day's closing balance is taken from an export that has all of its rows.
    """
    counts = Counter(day for day, _line, _statement in rows)
    closings: dict[dt.date, Decimal] = {}
    for statement in parts:
        for day, (balance, count) in _closings(statement).items():
            if count == counts[day]:
                closings[day] = balance
    reached: dict[dt.date, Decimal] = {}
    total = ZERO
    for day, line, _statement in rows:
        total += line.amount
        reached[day] = total
    for one, two in itertools.pairwise(sorted(closings)):
        change, moved = closings[two] - closings[one], reached[two] - reached[one]
        if change != moved and _covered(parts, one, two):
            raise Refused(
                N_(
                    "between %(one)s and %(two)s the balance moves by %(change)s, but the rows of the exports come to "
                    "%(sum)s"
                ),
                N_("Export these days once more, whole, and merge that file instead."),
                file=parts[-1].file,
                one=one,
                two=two,
                change=change,
                sum=moved,
            )


def _covered(parts: Iterable[Statement], one: dt.date, two: dt.date) -> bool:
    """Whether the exports cover every day from `one` to `two`."""
    spans = sorted((part.first, part.last) for part in parts if part.first is not None and part.last is not None)
    upto = one
    for first, last in spans:
        if first <= upto + dt.timedelta(days=1):
            upto = max(upto, last)
    return upto >= two


def _pending(parts: Sequence[Statement], rows: Sequence[Row]) -> tuple[list[StatementLine], list[StatementLine], int]:
    """Pending rows that are still open, those that are gone, and how many have been replaced."""
    taken: set[int] = set()
    left: dict[tuple[Decimal, str, int], tuple[StatementLine, Statement]] = {}
    replaced = 0
    for statement in parts:
        mine = {id(line) for _day, line, of in rows if of is statement}
        own = Counter((line.day, line.amount) for line in statement.lines if line.day is not None)
        before: dt.date | None = None
        counted: Counter[tuple[Decimal, str]] = Counter()
        for line in statement.lines:
            if line.day is not None:
                before = line.day
                continue
            found = _settled(line, before, rows, mine, own, taken)
            if found is not None:
                taken.add(found)
                replaced += 1
                continue
            place = "" if line.balance is None else text_of(line.balance)
            counted[line.amount, place] += 1
            left[line.amount, place, counted[line.amount, place]] = line, statement
    still: list[StatementLine] = []
    gone: list[StatementLine] = []
    for line, statement in left.values():
        later = any(
            part is not statement and part.last and statement.last and part.last > statement.last
            and part.first is not None and part.first <= statement.last for part in parts
        )  # fmt: skip
        (gone if later else still).append(line)
    return still, gone, replaced


def _settled(
    line: StatementLine, before: dt.date | None, rows: Sequence[Row], mine: set[int],
    own: Counter[tuple[dt.date, Decimal]], taken: set[int],
) -> int | None:  # fmt: skip
    """The booked row, unknown to the export with the pending one, that is the same movement."""
    passed: Counter[tuple[dt.date, Decimal]] = Counter()
    best: int | None = None
    for at, (day, row, _statement) in enumerate(rows):
        if row.amount != line.amount:
            continue
        passed[day, row.amount] += 1
        if at in taken or id(row) in mine or (before is not None and day < before):
            continue
        if passed[day, row.amount] <= own[day, row.amount]:
            continue  # the export has this one as a booked row already
        if line.balance is not None and row.balance is not None and line.balance == row.balance:
            return at
        best = at if best is None else best
    return best
