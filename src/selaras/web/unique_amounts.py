"""Operations of the HTTP API for unique amounts: what a store calls at checkout."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from selaras.sync import unique_amount_accounts as accounts
from selaras.sync import unique_amounts as sync
from selaras.sync.unique_amount_accounts import AmountAccount
from selaras.sync.unique_amounts import UniqueAmount
from selaras.web.operation import Call, Name, Operation

T = TypeVar("T")

Total = Annotated[str, Meta(max_length=40, description="Major units, such as 150000 or 12.50")] | int
Hours = Annotated[int, Meta(description="From now; the account's own, if not given")]


class AmountsQuery(msgspec.Struct):
    account: Name = ""
    currency: Name = ""
    store: Name = ""
    reference: Name = ""
    amount: Annotated[str, Meta(pattern=r"^([0-9]{1,15}([.][0-9]{1,3})?)?$", description="What was paid")] = ""
    everything: bool = False
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class ReserveBody(msgspec.Struct, forbid_unknown_fields=True):
    account: Name
    reference: Name
    total: Total
    currency: Name | None = None
    store: Name | None = None
    virtual_account: Name = ""
    hours: Hours | None = None
    who: Name = ""


class RenewBody(msgspec.Struct, forbid_unknown_fields=True):
    account: Name
    reference: Name
    currency: Name | None = None
    store: Name | None = None
    hours: Hours | None = None
    who: Name = ""


class ReleaseBody(msgspec.Struct, forbid_unknown_fields=True):
    account: Name
    reference: Name
    currency: Name | None = None
    store: Name | None = None
    paid: bool = False
    at_once: bool = False
    who: Name = ""


class AccountBody(msgspec.Struct, forbid_unknown_fields=True):
    account: Name
    currency: Name
    low: int | None = None
    high: int | None = None
    direction: Literal["add", "subtract"] | None = None
    share: int | None = None
    hours: int | None = None
    grace_hours: int | None = None
    who: Name = ""


async def _write(call: Call, work: Callable[..., T], *args: Any, **named: Any) -> T:
    """In the ledger's thread. No lane is woken: nothing that they do depends on it, and checkouts are many."""
    desk = call.context.hub.desk
    return await desk(functools.partial(work, desk.ledger, *args, **named))


async def _list(call: Call) -> list[UniqueAmount]:
    q, now = call.query, call.context.hub.now()
    return await call.context.read(sync.unique_amounts, now, **msgspec.structs.asdict(q))


async def _reserve(call: Call) -> UniqueAmount:
    b, now = call.body, call.context.hub.now()
    return await _write(
        call, sync.reserve_amount, b.account, b.reference, b.total, now, call.who,
        currency=b.currency, store=b.store, virtual_account=b.virtual_account, hours=b.hours,
    )  # fmt: skip


async def _renew(call: Call) -> UniqueAmount:
    b, now = call.body, call.context.hub.now()
    return await _write(
        call, sync.renew_amount, b.account, b.reference, now, currency=b.currency, store=b.store, hours=b.hours
    )


async def _release(call: Call) -> UniqueAmount:
    b, now = call.body, call.context.hub.now()
    return await _write(
        call, sync.release_amount, b.account, b.reference, now, currency=b.currency, store=b.store, paid=b.paid,
        at_once=b.at_once,
    )  # fmt: skip


async def _accounts(call: Call) -> list[AmountAccount]:
    return await call.context.read(accounts.amount_accounts, call.context.hub.now())


async def _set_account(call: Call) -> AmountAccount:
    b, now = call.body, call.context.hub.now()
    return await _write(
        call, accounts.set_amount_account, b.account, b.currency, now, call.who, low=b.low, high=b.high,
        direction=b.direction, share=b.share, hours=b.hours, grace_hours=b.grace_hours,
    )  # fmt: skip


OPERATIONS: Final = (
    Operation("GET", "/unique-amounts", "unique_amounts", "Which bill holds which unique amount, newest first",
              list[UniqueAmount], _list, query=AmountsQuery),
    Operation("POST", "/unique-amounts", "reserve_amount", "Reserve the amount that tells a bill apart; asked again, "
              "the same", UniqueAmount, _reserve, body=ReserveBody, writes=True),
    Operation("POST", "/unique-amounts/renew", "renew_amount", "Keep a bill and its amount open for longer",
              UniqueAmount, _renew, body=RenewBody, writes=True),
    Operation("POST", "/unique-amounts/release", "release_amount", "A bill is paid or cancelled; its amount comes free "
              "after the time of grace", UniqueAmount, _release, body=ReleaseBody, writes=True),
    Operation("GET", "/unique-amounts/accounts", "amount_accounts", "Accounts that hand out unique amounts",
              list[AmountAccount], _accounts),
    Operation("POST", "/unique-amounts/accounts", "amount_account", "Add an account that hands out unique amounts, or "
              "change its codes and times", AmountAccount, _set_account, body=AccountBody, writes=True),
)  # fmt: skip
