"""Builders for reservations of unique amounts."""

from __future__ import annotations

from selaras.ledger import Ledger
from selaras.ledger.unique_amounts import Reservation, UniqueAccount
from tests.ledger.tools import NOW, SECOND

HOUR = 3600 * SECOND


def an_account(account: str = "bca", currency: str = "IDR") -> UniqueAccount:
    return UniqueAccount(account, currency, 1, 999, "add", 5, 24, 168, NOW, "ani")


def a_reservation(
    reference: str,
    payable: int,
    *,
    total: int = 147_000,
    account: str = "bca",
    virtual_account: str = "",
    currency: str = "IDR",
    store: str = "toko",
    at: int = NOW,
) -> Reservation:
    return Reservation(
        0, account, virtual_account, currency, store, reference, total, payable - total, payable, at, at + 24 * HOUR,
        at + 192 * HOUR, by_whom="ani",
    )  # fmt: skip


def add(ledger: Ledger, reference: str, payable: int, *, account: str = "bca", at: int = NOW) -> Reservation:
    with ledger.transaction():
        return ledger.unique_amounts.add(a_reservation(reference, payable, account=account, at=at))
