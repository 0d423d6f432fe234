"""What a line of money pays and why: the evidence, how its rule earned the right, the rivals, and what was undone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.allocations import Allocation
from selaras.ledger.values import RecordKey, StoredRecord
from selaras.model.money import ZERO
from selaras.rules.autonomy import standing
from selaras.rules.explain import N_, Sentence
from selaras.sync.feeds import autonomy_of
from selaras.sync.figures import instant, major
from selaras.sync.money_in import number_of, paid_key, subjects_of
from selaras.sync.money_questions import Proposal, chance_of, proposals_of, settles_of

_MONEY = ("bank_transaction", "payment")
_REFUSED = Sentence(N_("Order %(number)s: a person said that it is not this one."))


class WrittenOff(msgspec.Struct, frozen=True):
    """What was written off beside the money, and to which role (transfer_fee, withholding, rounding)."""

    role: str
    amount: Decimal


class MoneyShare(msgspec.Struct, frozen=True):
    """The share of a line of money that pays an order or a payout. Amounts are major units, `chance` per cent.
    `settles` of `settles_currency` is what the order is paid with where the money is of another currency.

    `earned` says how the rule stands today; `others` are the answers that were not chosen, and why; `how` is "auto" or
    "person". `undone_at` is None while it holds.
    """

    connection: str
    line: str
    kind: str
    pays: str
    pays_connection: str
    pays_id: str
    number: str
    currency: str
    amount: Decimal
    written_off: list[WrittenOff]
    rule: str
    chance: float
    evidence: list[str]
    reasons: list[str]
    earned: str
    others: list[str]
    how: str
    who: str
    at: dt.datetime
    undone_at: dt.datetime | None
    undone_by: str
    why_undone: str
    settles: Decimal = ZERO
    settles_currency: str = ""


class MoneySuggested(Proposal, frozen=True):
    """A proposal (as `unmatched` tells it) beside its sums: `numbers` and `amount` (major units) of all its parts.

    `earned` says how its rule stands today. `settles` of `settles_currency` is what its order is paid with where the
    money is of another currency.
    """

    numbers: list[str]
    currency: str
    amount: Decimal
    earned: str
    settles: Decimal = ZERO
    settles_currency: str = ""


def shares_of(ledger: Ledger, key: RecordKey) -> list[MoneyShare]:
    """What a line of money pays or paid; for an order or a payout, the money that pays it. Oldest first."""
    if key.kind in _MONEY:
        found = ledger.allocations.of_lines(key.connection, key.kind, [key.id]).get(key.id, [])
    elif key.kind in ("order", "payout"):
        subject = f"{key.connection}:{key.id}" if key.kind == "order" else f"payout:{key.connection}:{key.id}"
        found = ledger.allocations.of_subjects([subject]).get(subject, [])
    else:
        found = []
    return _shown(ledger, found)


def lately(ledger: Ledger, most: int) -> list[MoneyShare]:
    """The newest shares that hold, newest first."""
    return _shown(ledger, ledger.allocations.newest(most))


def suggested_of(ledger: Ledger, key: RecordKey) -> list[MoneySuggested]:
    """What a line of money may pay, best first."""
    if key.kind not in _MONEY:
        return []
    record = ledger.records.get(key)
    currency = record.currency if record is not None else ""
    suggestions = ledger.allocations.suggestions(key.connection).get(key, [])
    known = subjects_of(ledger, (one.subject for one in suggestions))
    verdicts = ledger.allocations.verdicts(key.connection)
    return [
        MoneySuggested(
            **msgspec.structs.asdict(one), numbers=[part.number for part in one.parts], currency=currency,
            amount=sum((part.amount for part in one.parts), ZERO),
            earned=_earned(ledger, key.connection, one.rule, verdicts),
            settles=one.parts[0].settles, settles_currency=one.parts[0].settles_currency,
        )
        for one in proposals_of(known, suggestions, currency)
    ]  # fmt: skip


# -- parts -------------------------------------------------------------------------------------------------------------


def _shown(ledger: Ledger, found: Sequence[Allocation]) -> list[MoneyShare]:
    verdicts = ledger.allocations.verdicts()
    known = subjects_of(ledger, (one.subject for one in found))
    return [_share(ledger, known, one, verdicts) for one in found]


def _share(
    ledger: Ledger,
    known: Mapping[RecordKey, StoredRecord],
    one: Allocation,
    verdicts: Mapping[tuple[str, str], tuple[int, int]],
) -> MoneyShare:
    line, pays = one.line, paid_key(one.subject)
    return MoneyShare(
        line.connection, line.id, line.kind, pays.kind, pays.connection, pays.id, number_of(known, one.subject),
        one.currency, major(one.amount, one.currency),
        [WrittenOff(role, major(amount, one.currency)) for role, amount in one.written_off], one.rule,
        chance_of(one.posterior), list(one.evidence), list(one.reasons),
        _earned(ledger, line.connection, one.rule, verdicts), _others(ledger, one), one.how, one.by_whom,
        instant(one.at), None if one.undone_at is None else instant(one.undone_at), one.undone_by, one.why,
        *settles_of(known, one),
    )  # fmt: skip


def _others(ledger: Ledger, one: Allocation) -> list[str]:
    """Answers that lost to this one, with their chance, and those that a person said no to."""
    refused = ledger.allocations.refused(one.line.connection, one.line.kind, [one.line.id]).get(one.line.id, ())
    names = [name for name in sorted(refused) if name != one.subject]
    known = subjects_of(ledger, names)
    said_no = [_REFUSED(number=number_of(known, name)) for name in names]
    return [*one.rivals, *said_no]


def _earned(ledger: Ledger, connection: str, rule: str, verdicts: Mapping[tuple[str, str], tuple[int, int]]) -> str:
    if not rule:
        return ""
    return standing(rule, *verdicts.get((connection, rule), (0, 0)), autonomy_of(ledger, connection)).why
