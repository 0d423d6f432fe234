"""What people are asked about money: lines without an answer, what they may be, and where the rules stand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.allocations import Allocation, Suggestion
from selaras.ledger.values import Posting, RecordKey, State, StoredRecord
from selaras.model.money import ZERO
from selaras.rules.autonomy import Standing, standing
from selaras.sync.feeds import autonomy_of
from selaras.sync.figures import major
from selaras.sync.held import PROBLEM_KEY
from selaras.sync.hub import Hub
from selaras.sync.money import OPEN_CAUSES, SUGGESTED, UNMATCHED
from selaras.sync.money_in import BANK, PAYMENT, Money, MoneyReader, number_of, paid_key, subjects_of
from selaras.sync.money_plain import MOVED

# These are answered once nothing of the line is left; what was said goes with the next planning.
_ANSWERED = (UNMATCHED, SUGGESTED, "receipt_stands")
_CAUSES = (*OPEN_CAUSES, "unreadable", *MOVED, "unknown_currency")


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

    @property
    def numbers(self) -> list[str]:
        """Every order (or payout) that is proposed, each once."""
        return list(dict.fromkeys(part.number for proposal in self.proposals for part in proposal.parts))


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
    asked: dict[tuple[str, str, str], list[Posting]] = {}
    for posting in ledger.postings.in_state(State.BLOCKED, 2**31):
        key = posting.record
        if posting.key == PROBLEM_KEY and key.kind in (BANK, PAYMENT) and connection in (None, key.connection):
            asked.setdefault((posting.target, key.connection, key.kind), []).append(posting)
    found: list[tuple[Money, Posting]] = []
    for (books, name, kind), postings in asked.items():
        lines = MoneyReader(hub, books).lines(name, kind, [posting.record.id for posting in postings])
        for posting in postings:
            money = lines.get(posting.record.id)
            if money is None or posting.cause not in _CAUSES or (posting.cause in _ANSWERED and not money.left):
                continue
            found.append((money, posting))
    offered = {posting.record: suggested.get(posting.record, []) for _money, posting in found}
    known = subjects_of(ledger, (one.subject for ones in offered.values() for one in ones))
    waits = [_open(money, posting, proposals_of(known, offered[posting.record], money.currency))
             for money, posting in found]  # fmt: skip
    return sorted(waits, key=lambda one: (one.day, one.connection, one.line))


def _open(money: Money, why: Posting, proposals: list[Proposal]) -> OpenMoney:
    return OpenMoney(
        money.key.connection, money.key.kind, money.key.id, money.day, money.currency,
        in_major(money.amount, money.currency), in_major(money.left, money.currency), money.text, why.cause,
        why.message, why.cure, proposals,
    )  # fmt: skip


def proposals_of(
    known: Mapping[RecordKey, StoredRecord], suggestions: Sequence[Suggestion], currency: str
) -> list[Proposal]:
    """What is suggested for a line of money of `currency`, best first."""
    by_rank: dict[int, list[Suggestion]] = {}
    for one in suggestions:
        by_rank.setdefault(one.rank, []).append(one)
    return [
        Proposal(
            rank, [_part_of(known, s, currency) for s in parts],
            chance_of(parts[0].posterior), parts[0].rule, list(parts[0].reasons),
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


def parts_of(ledger: Ledger, shares: Sequence[Allocation | Suggestion], currency: str) -> list[Part]:
    """Shares of money of `currency` as people read them."""
    known = subjects_of(ledger, (share.subject for share in shares))
    return [_part_of(known, share, currency) for share in shares]


def _part_of(known: Mapping[RecordKey, StoredRecord], share: Allocation | Suggestion, currency: str) -> Part:
    written = in_major(sum(amount for _role, amount in share.written_off), currency)
    key = paid_key(share.subject)
    # A payout is called by its gateway's id, as in `selaras payouts` and in what is said of the line.
    number = number_of(known, share.subject) if key.kind == "order" else key.id
    return Part(share.subject, number, in_major(share.amount, currency), written, *settles_of(known, share))


def settles_of(known: Mapping[RecordKey, StoredRecord], share: Allocation | Suggestion) -> tuple[Decimal, str]:
    """(amount, currency) that an order of another currency than the money is paid with; nothing for one of the same."""
    order = known.get(paid_key(share.subject)) if share.settles else None
    return (ZERO, "") if order is None else (in_major(share.settles, order.currency), order.currency)


def chance_of(posterior: int) -> float:
    """Millionths as per cent, cut after one decimal."""
    return posterior // 1_000 / 10


def in_major(amount: int, currency: str) -> Decimal:
    """Smallest units as major ones."""
    return major(amount, currency) or ZERO
