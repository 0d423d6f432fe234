"""What people are asked about money: lines without an answer, what they may be, and where the rules stand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.allocations import Allocation, Suggestion
from selaras.ledger.values import RecordKey, State
from selaras.model.money import ZERO
from selaras.rules.autonomy import Standing, standing
from selaras.sync.feeds import autonomy_of
from selaras.sync.figures import major
from selaras.sync.held import PROBLEM_KEY
from selaras.sync.hub import Hub
from selaras.sync.money import OPEN_CAUSES
from selaras.sync.money_in import BANK, PAYMENT, MoneyReader

_OTHER_CAUSES = ("unreadable", "taken_back", "missing_mapping", "payout_unproven")


class Part(msgspec.Struct, frozen=True):
    """The share of one order (or payout) in an answer. Amounts are major units; `written_off` is beside the money.

    `settles` of `settles_currency` is what the order is paid with where the money is of another currency.
    """

    subject: str
    number: str
    amount: Decimal
    written_off: Decimal
    settles: Decimal = ZERO
    settles_currency: str = ""


class Proposal(msgspec.Struct, frozen=True):
    """An answer for a line: its parts belong together. `chance` is in per cent, `right_at_least` that of its rule."""

    rank: int
    parts: list[Part]
    chance: float
    rule: str
    reasons: list[str]


class OpenMoney(msgspec.Struct, frozen=True):
    """Money that waits for a person: what it is, why it waits, and what it may be."""

    connection: str
    kind: str
    line: str
    day: dt.date
    currency: str
    amount: Decimal
    left: Decimal
    text: str
    cause: str
    message: str
    cure: str
    proposals: list[Proposal]


class RuleStanding(msgspec.Struct, frozen=True):
    """Where a rule stands for the money of one connection."""

    connection: str
    rule: str
    confirmed: int
    wrong: int
    right_at_least: float
    alone: bool
    why: str


def unmatched(hub: Hub, connection: str | None = None) -> list[OpenMoney]:
    """Money that waits for a person, oldest day first. Runs in the ledger's thread."""
    ledger = hub.desk.ledger
    suggested = ledger.allocations.suggestions()
    found = []
    for posting in ledger.postings.in_state(State.BLOCKED, 2**31):
        if posting.record.kind not in (BANK, PAYMENT) or posting.key != PROBLEM_KEY:
            continue
        if posting.cause not in (*OPEN_CAUSES, *_OTHER_CAUSES) or connection not in (None, posting.record.connection):
            continue
        record = ledger.records.get(posting.record)
        if record is None:
            continue
        money = MoneyReader(hub, posting.target).line(record)
        if not money.left and money.standing and posting.cause in OPEN_CAUSES:
            continue  # answered a moment ago; what was said of it goes with the next planning
        proposals = _proposals(ledger, suggested.get(posting.record, []), money.currency)
        found.append(
            OpenMoney(
                money.key.connection, money.key.kind, money.key.id, money.day, money.currency,
                in_major(money.amount, money.currency), in_major(money.left, money.currency), money.text, posting.cause,
                posting.message, posting.cure, proposals,
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.day, one.connection, one.line))


def _proposals(ledger: Ledger, suggestions: Sequence[Suggestion], currency: str) -> list[Proposal]:
    by_rank: dict[int, list[Suggestion]] = {}
    for one in suggestions:
        by_rank.setdefault(one.rank, []).append(one)
    return [
        Proposal(
            rank, [part_of(ledger, s, currency) for s in parts],
            parts[0].posterior // 1_000 / 10, parts[0].rule, list(parts[0].reasons),
        )
        for rank, parts in sorted(by_rank.items())
    ]  # fmt: skip


def rules(ledger: Ledger, connection: str | None = None) -> list[RuleStanding]:
    """Every rule that proposed or did something, for each connection whose money it was about."""
    found = []
    for (name, rule), (confirmed, wrong) in sorted(ledger.allocations.rules().items()):
        if connection in (None, name):
            at = standing(rule, confirmed, wrong, autonomy_of(ledger, name))
            found.append(_shown(name, at))
    return found


def _shown(connection: str, at: Standing) -> RuleStanding:
    return RuleStanding(connection, at.rule, at.confirmed, at.wrong, int(at.bound * 1000) / 10, at.alone, at.why)


def part_of(ledger: Ledger, share: Allocation | Suggestion, currency: str) -> Part:
    """A share of money of `currency` as people read it."""
    store, _colon, rest = share.subject.partition(":")
    record = None if store == "payout" else ledger.records.get(RecordKey(store, "order", rest))
    number = record.number if record is not None else rest.rpartition(":")[2]
    written = in_major(sum(amount for _role, amount in share.written_off), currency)
    return Part(share.subject, number, in_major(share.amount, currency), written, *settles_of(ledger, share))


def settles_of(ledger: Ledger, share: Allocation | Suggestion) -> tuple[Decimal, str]:
    """(amount, currency) that an order of another currency than the money is paid with; nothing for one of the same."""
    store, _colon, rest = share.subject.partition(":")
    order = ledger.records.get(RecordKey(store, "order", rest)) if share.settles else None
    return (ZERO, "") if order is None else (in_major(share.settles, order.currency), order.currency)


def in_major(amount: int, currency: str) -> Decimal:
    """Smallest units as major ones."""
    return major(amount, currency) or ZERO
