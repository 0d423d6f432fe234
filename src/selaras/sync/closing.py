"""Up to which day the books are closed (X9): what the policy says, what the books say, and what a refusal has taught.

Books that can be asked are believed. Those that cannot are learnt from: they refused a day, so that day is closed, and
closed periods are months; the next guess is the first day of the next month, or today. Each refusal moves the guess on,
and a day that is not over is never guessed beyond, so there is no endless retry.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.values import Posting, RecordKey, Settlement, State, document_of
from selaras.model.closing import CLOSING, Closing
from selaras.rules.plan_types import Policy
from selaras.sync.hub import Pair

# Causes of what is blocked because its day is closed: the planner's, and those that books give.
CAUSES: Final = ("period_closed", "period_locked")
REFUSED: Final = "locked_period"
TAKE_NEXT: Final = "next_open_day"
_ALL: Final = 2**62
_DAY: Final = dt.timedelta(days=1)
_closing = msgspec.json.Decoder(Closing)


class Learnt(msgspec.Struct, frozen=True):
    """What a refusal has taught: the last closed day as far as we know, and when (µs)."""

    until: dt.date
    at: int


def _name(books: str) -> str:
    return f"closed:{books}"


def _learnt(ledger: Ledger, books: str) -> Learnt | None:
    text = ledger.connections.setting(_name(books))
    found = msgspec.json.decode(text, type=Learnt) if text else None
    if found is None:
        return None
    asked = ledger.db.rows("SELECT polled_at FROM poll_cursor WHERE connection = ? AND kind = ?", (books, CLOSING))
    # Once the books were asked themselves, their answer counts.
    return None if asked and int(asked[0][0]) >= found.at else found


def closed_until(ledger: Ledger, pair: Pair) -> dt.date | None:
    """The last closed day, by whoever says the latest; None when nobody says any."""
    days = [pair.policy.closed_until]
    record = ledger.records.get(RecordKey(pair.books, CLOSING, CLOSING))
    if record is not None:
        days.append(_closing.decode(record.body).closed_until)
    learnt = _learnt(ledger, pair.books)
    if learnt is not None:
        days.append(learnt.until)
    return max((day for day in days if day is not None), default=None)


def policy_today(ledger: Ledger, pair: Pair, policy: Policy) -> Policy:
    """The policy with the closing as it is known now."""
    until = closed_until(ledger, pair)
    return policy if until == policy.closed_until else msgspec.structs.replace(policy, closed_until=until)


def refused(ledger: Ledger, pair: Pair, settlements: Sequence[Settlement], now: int) -> list[RecordKey]:
    """Learn from refusals (in the transaction that settles them); returns the orders to be planned again.

    A change that was refused is taken back, so that the rules plan its correction on an open day. With the policies
    "hold" and "ask" what was refused stays blocked.
    """
    again: list[RecordKey] = []
    today = dt.datetime.fromtimestamp(now / 1_000_000, ZoneInfo(pair.policy.zone)).date()
    asked = ledger.connections.decisions(pair.store, "period")
    for settlement in settlements:
        if settlement.outcome != REFUSED or not settlement.claimed.stream.startswith(f"{pair.store}:"):
            continue
        claim = settlement.claimed
        day = getattr(document_of(claim.document), "date", None)
        if day is None or day >= today:
            continue  # today is never closed by a guess: a person has to look
        known = _learnt(ledger, pair.books)
        guess = max(_month_end(day) if _month_end(day) < today else today - _DAY, known.until if known else day)
        ledger.connections.set(_name(pair.books), msgspec.json.encode(Learnt(guess, now)).decode(), now)
        if pair.policy.lock_policy != TAKE_NEXT and asked.get(claim.stream) != TAKE_NEXT:
            continue
        if claim.op != "create":
            ledger.postings.supersede_planned(claim.id, now)
        again.append(RecordKey(pair.store, "order", claim.stream.removeprefix(f"{pair.store}:")))
    return again


def _month_end(day: dt.date) -> dt.date:
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - _DAY


def release(ledger: Ledger, pair: Pair, now: int) -> int:
    """Documents that were refused and whose day is open again are sent; returns how many."""
    until = closed_until(ledger, pair)
    ids = [
        posting.id
        for cause in CAUSES
        for posting in ledger.postings.in_state(State.BLOCKED, _ALL, cause)
        if posting.target == pair.books and _is_open(posting, until)
    ]
    return ledger.postings.retry(ids, now, "") if ids else 0


def _is_open(posting: Posting, until: dt.date | None) -> bool:
    day = getattr(document_of(posting.document), "date", None) if posting.document else None
    return day is not None and (until is None or day > until)
