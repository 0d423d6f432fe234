"""Unique amounts for stores (X5): reserve one for a bill, renew it, release it, and see who holds which.

An account that money is paid into hands out each sum to one open bill at a time; the ledger's constraint keeps that.
A bill is named by its store and its number, and reserving it twice gives the same sum. A sum comes free when its bill
has expired, was paid or was cancelled, and the account's time of grace has passed: buyers pay late, and twice.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final, Literal, cast

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.unique_amounts import Reservation, UniqueAccount
from selaras.ledger.values import MICROSECOND
from selaras.model.money import NotExact, exponent, from_minor, to_minor
from selaras.rules.check_digits import bare, verify, with_check
from selaras.rules.unique_amounts import choose
from selaras.sync.figures import instant
from selaras.sync.unique_amount_accounts import known, locked, rules_of
from selaras.sync.unique_amount_input import (
    amount_of,
    bill_reference,
    bill_store,
    currency_code,
    minor_of,
    open_hours,
    virtual_number,
)

HOUR: Final = 3600 * MICROSECOND
_MANY: Final = 100_000

State = Literal["open", "expired", "paid", "cancelled", "released"]
Outcome = Literal["paid", "cancelled"]


class UniqueAmount(msgspec.Struct, frozen=True):
    """A bill's unique amount (major units). `payable` = `total` + `code`; `code` is negative where it is taken off.

    `state` is open, expired (not paid in time; the sum rests), paid or cancelled (the sum rests) or released (free for
    others). `printed` is the reference with its check digits.
    """

    account: str
    virtual_account: str
    currency: str
    store: str
    reference: str
    printed: str
    total: Decimal
    code: Decimal
    payable: Decimal
    state: State
    outcome: str
    reserved_at: dt.datetime
    expires_at: dt.datetime
    free_at: dt.datetime
    by_whom: str


# -- bills -------------------------------------------------------------------------------------------------------------


def reserve_amount(
    ledger: Ledger,
    account: str,
    reference: str,
    total: str | int,
    now: int,
    who: str,
    *,
    currency: str | None = None,
    store: str | None = None,
    virtual_account: str = "",
    hours: int | None = None,
) -> UniqueAmount:
    """The amount that tells this bill apart; asked again while it is held, the same one.

    A bill that had expired is open again by it, for `hours` (the account's, if not given); one that is paid stays so.
    Raises `LedgerError` when the account is unknown, the bill holds a sum for another total, or no sum is free.
    """
    bill, shop, number = bill_reference(reference), bill_store(ledger, store), virtual_number(virtual_account)
    with ledger.transaction():
        chosen = locked(ledger, account, currency, now)
        minor = minor_of(total, chosen.currency)
        until = now + open_hours(chosen.hours if hours is None else hours) * HOUR
        free_at = until + chosen.grace_hours * HOUR
        before = ledger.unique_amounts.newest(chosen.account, chosen.currency, shop, bill)
        if before is not None and before.closed_at is None:
            _same_bill(before, minor, number)
            if before.expires_at <= now:
                before = ledger.unique_amounts.prolong(before, until, free_at)
            return _shown(before, now)
        if before is not None and before.outcome == "paid" and before.released_at is None and before.total == minor:
            return _shown(before, now)
        rules = rules_of(chosen)
        sums = ledger.unique_amounts.sums(
            chosen.account, number, chosen.currency, minor - rules.high, minor + rules.high
        )
        again = before.code if before is not None and before.total == minor else None
        choice = choose(rules, minor, sums, chosen.account, chosen.currency, before=again)
        if choice.refusal:
            raise LedgerError(choice.refusal, choice.cure)
        made = ledger.unique_amounts.add(
            Reservation(
                0, chosen.account, number, chosen.currency, shop, bill, minor, choice.code, choice.payable, now, until,
                free_at, by_whom=who,
            )
        )  # fmt: skip
    return _shown(made, now)


def renew_amount(
    ledger: Ledger,
    account: str,
    reference: str,
    now: int,
    *,
    currency: str | None = None,
    store: str | None = None,
    hours: int | None = None,
) -> UniqueAmount:
    """Keep a bill open for so many hours from now (the account's, if not given), never shorter than it is.

    Raises `LedgerError` when it holds no sum any more, or is closed.
    """
    bill, shop = bill_reference(reference), bill_store(ledger, store)
    with ledger.transaction():
        chosen = locked(ledger, account, currency, now)
        found = _newest(ledger, chosen, shop, bill)
        if found.released_at is not None:
            raise LedgerError(
                f"Bill {bill} holds no amount any more: it came free on {_moment(found.released_at)}.",
                f"Reserve one again: `selaras unique-amount reserve {chosen.account} {bill} TOTAL`.",
            )
        if found.closed_at is not None:
            raise LedgerError(
                f"Bill {bill} is {found.outcome}; its amount cannot be renewed.",
                f"Reserve one again: `selaras unique-amount reserve {chosen.account} {bill} TOTAL`.",
            )
        until = max(found.expires_at, now + open_hours(chosen.hours if hours is None else hours) * HOUR)
        kept = ledger.unique_amounts.prolong(found, until, until + chosen.grace_hours * HOUR)
    return _shown(kept, now)


def release_amount(
    ledger: Ledger,
    account: str,
    reference: str,
    now: int,
    *,
    currency: str | None = None,
    store: str | None = None,
    paid: bool = False,
    at_once: bool = False,
) -> UniqueAmount:
    """The bill is paid, or cancelled: its sum comes free after the account's time of grace, or `at_once`.

    Said again it changes nothing; of paid and cancelled the last word counts, and the sum then rests anew. Raises
    `LedgerError`.
    """
    bill, shop = bill_reference(reference), bill_store(ledger, store)
    outcome: Outcome = "paid" if paid else "cancelled"
    with ledger.transaction():
        chosen = locked(ledger, account, currency, now)
        found = _newest(ledger, chosen, shop, bill)
        if found.released_at is not None:
            return _shown(found, now)
        if at_once:
            found = ledger.unique_amounts.close(found, outcome, now, now)
        elif found.outcome != outcome:
            found = ledger.unique_amounts.close(found, outcome, now, now + chosen.grace_hours * HOUR)
    return _shown(found, now)


def amount_has_come(ledger: Ledger, held: Reservation, now: int) -> None:
    """The sum that was reserved for a bill has come: it rests, then comes free. In the caller's transaction."""
    if held.closed_at is None:
        grace = next((a.grace_hours for a in ledger.unique_amounts.accounts()
                      if (a.account, a.currency) == (held.account, held.currency)), 0)  # fmt: skip
        ledger.unique_amounts.close(held, "paid", now, now + grace * HOUR)


def unique_amounts(
    ledger: Ledger,
    now: int,
    *,
    account: str = "",
    currency: str = "",
    store: str = "",
    reference: str = "",
    amount: str = "",
    everything: bool = False,
    limit: int = 1000,
) -> list[UniqueAmount]:
    """Who holds which sum, newest first; with `everything` released ones too.

    `amount` is what was paid (major units, of any currency unless one is given). `reference` may be what somebody
    wrote: with check digits, small letters or blanks. Raises `LedgerError` for an account that is not known.
    """
    name = known(ledger, account)[0].account if account else ""
    code = currency_code(currency) if currency else ""
    wanted: list[tuple[str, int | None]] = _amounts(ledger, amount, code) if amount else [(code, None)]
    written = " ".join(reference.split())
    found = _find(ledger, wanted, name, store, written, held_at=None if everything else now, limit=limit)
    meant = verify(written)
    if not found and meant is not None:  # it may be what is printed, check digits and all
        every = _find(ledger, wanted, name, store, "", held_at=None if everything else now, limit=_MANY)
        found = [one for one in every if bare(one.reference) == meant][:limit]
    return [_shown(one, now) for one in found]


# -- parts -------------------------------------------------------------------------------------------------------------


def _find(
    ledger: Ledger,
    wanted: list[tuple[str, int | None]],
    account: str,
    store: str,
    reference: str,
    *,
    held_at: int | None,
    limit: int,
) -> list[Reservation]:
    find = ledger.unique_amounts.find
    found = [
        one
        for currency, payable in wanted
        for one in find(
            account=account, currency=currency, store=store, reference=reference, payable=payable, held_at=held_at,
            limit=limit,
        )
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one.id)[:limit]


def _amounts(ledger: Ledger, amount: str, currency: str) -> list[tuple[str, int | None]]:
    """The amount in smallest units of each currency that is in use and can show it."""
    if currency:
        return [(currency, minor_of(amount, currency))]
    used = sorted({one.currency for one in ledger.unique_amounts.accounts()})
    paid, found = amount_of(amount, max(map(exponent, used), default=0)), list[tuple[str, int | None]]()
    for code in used:
        try:
            found.append((code, to_minor(paid, code)))
        except NotExact:
            continue
    return found


def _newest(ledger: Ledger, chosen: UniqueAccount, store: str, bill: str) -> Reservation:
    found = ledger.unique_amounts.newest(chosen.account, chosen.currency, store, bill)
    if found is None:
        raise LedgerError(
            f"Bill {bill} has no unique amount of account {chosen.account}.", "See `selaras unique-amount list --all`."
        )
    return found


def _moment(micros: int) -> str:
    return f"{instant(micros):%Y-%m-%d %H:%M} UTC"


def _same_bill(before: Reservation, minor: int, number: str) -> None:
    if before.total != minor:
        old, new = (from_minor(one, before.currency) for one in (before.total, minor))
        raise LedgerError(
            f"Bill {before.reference} holds an amount for a total of {old} {before.currency}, not {new}.",
            f"Release it, then reserve again: `selaras unique-amount release {before.account} {before.reference}`.",
        )
    if before.virtual_account != number:
        raise LedgerError(
            f"Bill {before.reference} holds an amount of another virtual account.",
            f"Release it, then reserve again: `selaras unique-amount release {before.account} {before.reference}`.",
        )


def _shown(one: Reservation, now: int) -> UniqueAmount:
    state = _state(one, now)
    return UniqueAmount(
        one.account, one.virtual_account, one.currency, one.store, one.reference, with_check(one.reference),
        from_minor(one.total, one.currency), from_minor(one.code, one.currency),
        from_minor(one.payable, one.currency), state, one.outcome or ("expired" if state == "released" else ""),
        instant(one.reserved_at),
        instant(one.expires_at), instant(one.free_at), one.by_whom,
    )  # fmt: skip


def _state(one: Reservation, now: int) -> State:
    if one.released_at is not None or one.free_at <= now:
        return "released"
    if one.closed_at is not None:
        return cast(State, one.outcome)
    return "open" if now < one.expires_at else "expired"
