"""The accounts that hand out unique amounts, each with its codes and times; see `selaras.sync.unique_amounts`."""

from __future__ import annotations

from typing import Final, cast

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.unique_amounts import UniqueAccount
from selaras.rules.unique_amounts import AmountRules, Direction, fault, usual_rules
from selaras.sync.unique_amount_input import account_name, currency_code, grace, open_hours

USUAL_HOURS: Final = 24
USUAL_GRACE_HOURS: Final = 168


class AmountAccount(msgspec.Struct, frozen=True):
    """An account that hands out unique amounts in one currency. `low` and `high` are codes in smallest units, `share`
    the most that a code may be, in percent of the total; `open` bills wait for payment, `held` sums are not free.
    """

    account: str
    currency: str
    low: int
    high: int
    direction: Direction
    share: int
    hours: int
    grace_hours: int
    open: int
    held: int


def amount_accounts(ledger: Ledger, now: int) -> list[AmountAccount]:
    """Every account that hands out unique amounts."""
    counts = ledger.unique_amounts.counts(now)
    return [_shown_account(one, counts) for one in ledger.unique_amounts.accounts()]


def set_amount_account(
    ledger: Ledger,
    account: str,
    currency: str,
    now: int,
    who: str,
    *,
    low: int | None = None,
    high: int | None = None,
    direction: Direction | None = None,
    share: int | None = None,
    hours: int | None = None,
    grace_hours: int | None = None,
) -> AmountAccount:
    """Add an account, or change what is given; bills that hold a sum keep it and its times. Raises `LedgerError`."""
    name = account_name(account)
    code = currency_code(currency)
    with ledger.transaction():
        ledger.unique_amounts.lock(name, code)
        stored = {(one.account, one.currency): one for one in ledger.unique_amounts.accounts()}
        usual = usual_rules(code)
        base = stored.get((name, code)) or UniqueAccount(
            name, code, usual.low, usual.high, usual.direction, usual.share, USUAL_HOURS, USUAL_GRACE_HOURS
        )
        chosen = {
            "low": low, "high": high, "direction": direction, "share": share, "hours": hours,
            "grace_hours": grace_hours,
        }  # fmt: skip
        changes = {key: value for key, value in chosen.items() if value is not None}
        kept = msgspec.structs.replace(base, **changes, changed_at=now, by_whom=who)
        wrong = fault(rules_of(kept))
        if wrong:
            raise LedgerError(wrong, "See `selaras unique-amount account --help`.")
        open_hours(kept.hours)
        grace(kept.grace_hours)
        ledger.unique_amounts.keep_account(kept)
    return _shown_account(kept, ledger.unique_amounts.counts(now))


def locked(ledger: Ledger, account: str, currency: str | None, now: int) -> UniqueAccount:
    """The account, held until the transaction ends, with every sum whose time is over given up."""
    chosen = _one_of(known(ledger, account), currency)
    ledger.unique_amounts.lock(chosen.account, chosen.currency)
    ledger.unique_amounts.free_due(chosen.account, chosen.currency, now)
    return _one_of(known(ledger, account), currency)  # as it is now that nobody else changes it


def known(ledger: Ledger, account: str) -> list[UniqueAccount]:
    """The currencies of an account. Raises `LedgerError` naming the accounts that there are."""
    name = account_name(account)
    every = ledger.unique_amounts.accounts()
    found = [one for one in every if one.account == name]
    if not found:
        names = ", ".join(dict.fromkeys(one.account for one in every))
        if names:
            raise LedgerError(f"Account {name} hands out no unique amounts.", f"Accounts that do: {names}.")
        raise LedgerError(
            f"Account {name} hands out no unique amounts.", f"Add it: `selaras unique-amount account {name}`."
        )
    return found


def _one_of(found: list[UniqueAccount], currency: str | None) -> UniqueAccount:
    account, codes = found[0].account, ", ".join(one.currency for one in found)
    if not currency:
        if len(found) == 1:
            return found[0]
        raise LedgerError(f"Account {account} takes several currencies.", f"Say which one: {codes}.")
    code = currency_code(currency)
    for one in found:
        if one.currency == code:
            return one
    raise LedgerError(f"Account {account} hands out no unique amounts in {code}.", f"It does in {codes}.")


def rules_of(account: UniqueAccount) -> AmountRules:
    """Which codes it has."""
    return AmountRules(account.low, account.high, cast(Direction, account.direction), account.share)


def _shown_account(one: UniqueAccount, counts: dict[tuple[str, str], tuple[int, int]]) -> AmountAccount:
    open_, held = counts.get((one.account, one.currency), (0, 0))
    return AmountAccount(
        one.account, one.currency, one.low, one.high, cast(Direction, one.direction), one.share, one.hours,
        one.grace_hours, open_, held,
    )  # fmt: skip
