"""Reservations of unique amounts: which open bill holds which sum of which account, and until when.

That no two bills hold the same sum is kept by the index `one_bill_per_sum`, not by the logic. What belongs together
(`lock`, `free_due`, reading, `add`) is called in one transaction; `lock` makes others wait who choose for the account.

Amounts are integer smallest units of the reservation's currency, times microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from selaras.ledger.database import Database


class UniqueAccount(msgspec.Struct, frozen=True):
    """How an account hands out codes in one currency. `hours` is how long a bill is open, `grace_hours` how long its
    sum rests after that.
    """

    account: str
    currency: str
    low: int
    high: int
    direction: str
    share: int
    hours: int
    grace_hours: int
    changed_at: int = 0
    by_whom: str = ""


class Reservation(msgspec.Struct, frozen=True):
    """One bill's hold on a sum. `store` and `reference` name the bill; `virtual_account` is "" or the number paid into.

    Open until `closed_at`, which is when somebody closed it (`outcome` paid or cancelled) or it expired; the sum is
    held until `free_at`, and certainly given up once `released_at` is set.
    """

    id: int
    account: str
    virtual_account: str
    currency: str
    store: str
    reference: str
    total: int
    code: int
    payable: int
    reserved_at: int
    expires_at: int
    free_at: int
    closed_at: int | None = None
    outcome: str = ""
    released_at: int | None = None
    by_whom: str = ""


_COLUMNS: Final = ", ".join(Reservation.__struct_fields__)
_ACCOUNT: Final = ", ".join(UniqueAccount.__struct_fields__)


class UniqueAmounts:
    """Operations on accounts that hand out unique amounts, and on their reservations."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # -- accounts --------------------------------------------------------------------------------------------------

    def accounts(self) -> list[UniqueAccount]:
        """Every account and currency."""
        rows = self._db.rows(f"SELECT {_ACCOUNT} FROM unique_account ORDER BY account, currency")  # noqa: S608
        return [UniqueAccount(*row) for row in rows]

    def keep_account(self, account: UniqueAccount) -> None:
        """Add an account, or change how it hands out codes from now on; what is reserved stays as it is."""
        marks = ", ".join("?" * len(UniqueAccount.__struct_fields__))
        changes = ", ".join(f"{name} = excluded.{name}" for name in UniqueAccount.__struct_fields__[2:])
        self._db.run(
            f"""INSERT INTO unique_account ({_ACCOUNT}) VALUES ({marks})
            ON CONFLICT (account, currency) DO UPDATE SET {changes}""",  # noqa: S608
            msgspec.structs.astuple(account),
        )

    def lock(self, account: str, currency: str) -> None:
        """Hold the account until the transaction ends: others who want to choose an amount of it wait here."""
        self._db.run(
            "UPDATE unique_account SET currency = currency WHERE account = ? AND currency = ?", (account, currency)
        )

    def counts(self, now: int) -> dict[tuple[str, str], tuple[int, int]]:
        """(account, currency) → how many bills are open, and how many sums are held by them and by those that rest."""
        rows = self._db.rows(
            """SELECT account, currency, SUM(CASE WHEN closed_at IS NULL AND expires_at > ? THEN 1 ELSE 0 END), COUNT(*)
            FROM unique_amount WHERE released_at IS NULL AND free_at > ? GROUP BY account, currency""",
            (now, now),
        )
        return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}

    # -- reserving -------------------------------------------------------------------------------------------------

    def free_due(self, account: str, currency: str, now: int) -> int:
        """Give up the sums whose time is over; a bill that nobody closed is closed as expired. Returns how many."""
        return self._db.run(
            """UPDATE unique_amount SET released_at = free_at, outcome = CASE WHEN closed_at IS NULL THEN 'expired'
            ELSE outcome END, closed_at = COALESCE(closed_at, expires_at)
            WHERE account = ? AND currency = ? AND released_at IS NULL AND free_at <= ?""",
            (account, currency, now),
        )

    def newest(self, account: str, currency: str, store: str, reference: str) -> Reservation | None:
        """The last reservation of a bill: the open one if there is one."""
        rows = self._db.rows(
            f"""SELECT {_COLUMNS} FROM unique_amount WHERE reference = ? AND account = ? AND currency = ? AND store = ?
            ORDER BY id DESC LIMIT 1""",  # noqa: S608
            (reference, account, currency, store),
        )
        return Reservation(*rows[0]) if rows else None

    def sums(self, account: str, virtual_account: str, currency: str, first: int, last: int) -> dict[int, int | None]:
        """The sums from `first` to `last` that were ever handed out: None while held, else when it came free."""
        rows = self._db.rows(
            """SELECT payable, released_at FROM unique_amount WHERE account = ? AND virtual_account = ?
            AND currency = ? AND payable BETWEEN ? AND ? AND successor = 0""",
            (account, virtual_account, currency, first, last),
        )
        return {row[0]: row[1] for row in rows}

    def add(self, new: Reservation) -> Reservation:
        """Reserve (the `id` given is not used). Raises `ConstraintBroken` when another bill holds the sum."""
        self._db.run(
            """UPDATE unique_amount SET successor = 1 WHERE account = ? AND virtual_account = ? AND currency = ?
            AND payable = ? AND successor = 0 AND released_at IS NOT NULL""",
            (new.account, new.virtual_account, new.currency, new.payable),
        )
        names = Reservation.__struct_fields__[1:]
        rows = self._db.rows(
            f"INSERT INTO unique_amount ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) RETURNING id",  # noqa: S608
            msgspec.structs.astuple(new)[1:],
        )
        return msgspec.structs.replace(new, id=int(rows[0][0]))

    # -- what becomes of one ---------------------------------------------------------------------------------------

    def prolong(self, reservation: Reservation, expires_at: int, free_at: int) -> Reservation:
        """Keep it open until then."""
        self._db.run(
            "UPDATE unique_amount SET expires_at = ?, free_at = ? WHERE id = ?", (expires_at, free_at, reservation.id)
        )
        return msgspec.structs.replace(reservation, expires_at=expires_at, free_at=free_at)

    def close(self, reservation: Reservation, outcome: str, now: int, free_at: int) -> Reservation:
        """Close it as paid or cancelled; the sum is held until `free_at`, or given up now if that is not later."""
        closed_at = now if reservation.closed_at is None else reservation.closed_at
        released_at = now if free_at <= now else None
        self._db.run(
            "UPDATE unique_amount SET closed_at = ?, outcome = ?, free_at = ?, released_at = ? WHERE id = ?",
            (closed_at, outcome, free_at, released_at, reservation.id),
        )
        return msgspec.structs.replace(
            reservation, closed_at=closed_at, outcome=outcome, free_at=free_at, released_at=released_at
        )

    # -- looking ---------------------------------------------------------------------------------------------------

    def find(
        self,
        *,
        account: str = "",
        currency: str = "",
        store: str = "",
        reference: str = "",
        payable: int | None = None,
        held_at: int | None = None,
        limit: int = 1000,
    ) -> list[Reservation]:
        """Reservations, newest first; with `held_at` only those whose sum is held at that moment."""
        wanted: list[tuple[str, Any]] = [
            ("account = ?", account),
            ("currency = ?", currency),
            ("store = ?", store),
            ("reference = ?", reference),
        ]
        wanted = [(text, value) for text, value in wanted if value]
        if payable is not None:
            wanted.append(("payable = ?", payable))
        if held_at is not None:
            wanted.append(("released_at IS NULL AND free_at > ?", held_at))
        where = " AND ".join(text for text, _ in wanted) or "1 = 1"
        params: Sequence[Any] = [value for _, value in wanted]
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM unique_amount WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608
            (*params, limit),
        )
        return [Reservation(*row) for row in rows]
