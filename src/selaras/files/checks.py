"""What a statement must prove before it is taken (reference/indonesia.md §2.2): nothing is guessed or repaired."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from selaras.files.refusal import EXPORT_AGAIN, Refused
from selaras.i18n import N_
from selaras.model.money import ZERO
from selaras.model.statement import Statement

BALANCES: Final = "balances"
CLOSING: Final = "closing"
TOTALS: Final = "totals"
COUNTS: Final = "counts"


class Proven(msgspec.Struct, frozen=True):
    """Which proofs a statement printed and passed: balances, closing, totals, counts."""

    proofs: tuple[str, ...]


def check(statement: Statement) -> Proven:
    """Hold a statement to what it prints about itself. Raises `Refused` naming the row where it breaks."""
    try:
        proofs = [
            name
            for name, held in (
                (BALANCES, _running(statement)),
                (CLOSING, _closing(statement)),
                (TOTALS, _totals(statement)),
                (COUNTS, _counts(statement)),
            )
            if held
        ]
    except Refused as refused:
        raise refused.at(statement.file) from None
    return Proven(tuple(proofs))


def _running(statement: Statement) -> bool:
    """Each printed balance follows from the one before and what moved between them."""
    running = statement.opening
    held = False
    for line in statement.lines:
        if running is None:
            running = line.balance
            continue
        before = running
        running += line.amount
        if line.balance is None:
            continue
        if line.balance != running:
            raise Refused(
                N_("the balance is %(balance)s, but %(before)s and %(amount)s come to %(sum)s"),
                EXPORT_AGAIN,
                row=line.row,
                column="balance",
                balance=line.balance,
                before=before,
                amount=line.amount,
                sum=running,
            )
        held = True
    return held


def _closing(statement: Statement) -> bool:
    """Opening balance and movements come to the closing balance; pending rows may or may not be in it."""
    opening, closing = statement.opening, statement.closing
    if closing is None:
        return False
    if opening is None:
        printed = [(at, line) for at, line in enumerate(statement.lines) if line.balance is not None]
        if not printed:
            return False
        at, line = printed[0]
        opening = (line.balance or ZERO) - _sum(statement, upto=at + 1)
    everything = opening + _sum(statement)
    booked = opening + sum((line.amount for line in statement.lines if not line.pending), ZERO)
    if closing not in (everything, booked):
        raise Refused(
            N_("the opening balance %(opening)s and the rows (%(moved)s) come to %(sum)s, not to the closing balance "
               "%(closing)s"),
            EXPORT_AGAIN,
            row=statement.lines[-1].row if statement.lines else 1,
            column="closing",
            opening=opening,
            moved=everything - opening,
            sum=everything,
            closing=closing,
        )  # fmt: skip
    return True


def _sum(statement: Statement, upto: int | None = None) -> Decimal:
    return sum((line.amount for line in statement.lines[:upto]), ZERO)


def _totals(statement: Statement) -> bool:
    printed = statement.printed
    held = False
    for name, total, sign in (("total_in", printed.total_in, 1), ("total_out", printed.total_out, -1)):
        if total is None:
            continue
        moving = [line for line in statement.lines if line.amount * sign > 0]
        everything = sum((abs(line.amount) for line in moving), ZERO)
        booked = sum((abs(line.amount) for line in moving if not line.pending), ZERO)
        if abs(total) not in (everything, booked):
            raise Refused(
                N_("the total is %(total)s, but the rows come to %(sum)s"), EXPORT_AGAIN, row=_last(statement),
                column=name, total=total, sum=everything,
            )  # fmt: skip
        held = True
    return held


def _counts(statement: Statement) -> bool:
    printed = statement.printed
    held = False
    for name, count, signs in (
        ("count_in", printed.count_in, (1,)), ("count_out", printed.count_out, (-1,)),
        ("count", printed.count, (1, -1, 0)),
    ):  # fmt: skip
        if count is None:
            continue
        lines = [line for line in statement.lines if (line.amount > 0) - (line.amount < 0) in signs]
        if count not in (len(lines), sum(not line.pending for line in lines)):
            raise Refused(
                N_("%(count)s rows are announced, but there are %(found)s"), EXPORT_AGAIN, row=_last(statement),
                column=name, count=count, found=len(lines),
            )  # fmt: skip
        held = True
    return held


def _last(statement: Statement) -> int:
    return statement.lines[-1].row if statement.lines else 1
