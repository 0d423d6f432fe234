"""Rigs of the feeds in files: a sandbox bank and gateway whose exports are dropped into a folder, or behind SFTP."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.filed import FiledSource
from selaras.connectors.kit import FeedRig
from selaras.connectors.kit.feed import Told
from selaras.connectors.settlements import Settlements
from selaras.connectors.statements import Statements
from selaras.connectors.watched import place_of
from selaras.sandbox.bank import BankAccount, Collected, bca_csv, fee_of, midtrans_csv
from tests.connectors.files.rig import Flaky, Trouble
from tests.connectors.files.server import Server

ZONE = ZoneInfo("Asia/Jakarta")
BEGIN = dt.datetime(2026, 11, 2, 8, tzinfo=ZONE)
ACCOUNT = "1-1102"
NUMBER = "0350000001"


class FolderRig(FeedRig):
    """What both have in common: the folder, its troubles, and connectors that are closed at the end."""

    source: type[FiledSource[object]]
    own: ClassVar[dict[str, str]] = {}
    reasons: ClassVar[dict[str, str]] = {"refuse_credentials": "a folder of this machine has no credentials"}

    def __init__(self, root: Path, server: Server | None = None) -> None:
        self.root = root
        self.server = server
        self.trouble = Trouble()
        self.days = 0
        self._files = 0
        self._stack = AsyncExitStack()
        (root / "in").mkdir(exist_ok=True)

    def settings(self) -> dict[str, str]:
        where = {"folder": str(self.root), "quiet": "0"} if self.server is None else self.server.settings()
        return where | self.own

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = self.settings()
        tools = Tools("umpan", self.zone, None, lambda: time.time() + clock_skew)
        made = self.source(settings, tools, Flaky(place_of(settings), self.trouble))
        self._stack.push_async_callback(made.close)
        return made

    def drop(self, data: bytes, name: str = "") -> str:
        """A file, put there whole as a program of the bank would."""
        self._files += 1
        name = name or f"export-{self._files}.csv"
        beside = self.root / f"{name}.part"
        beside.write_bytes(data)
        beside.rename(self.root / "in" / name)
        return name

    async def fail_before(self) -> None:
        self.trouble.mode = "before"

    async def calm(self) -> None:
        self.trouble.mode = ""

    async def refuse_credentials(self) -> None:
        if self.server is None:
            self.cannot("refuse_credentials")
        else:
            self.server.refuse = True
            self.server.drop()

    async def close(self) -> None:
        await self._stack.aclose()


class StatementsRig(FolderRig):
    """A bank account; each export is of the days on which something happened since the last one."""

    kind = "bank_transaction"
    source = Statements  # type: ignore[assignment]
    own: ClassVar[dict[str, str]] = {"account": ACCOUNT}

    def __init__(self, root: Path, server: Server | None = None) -> None:
        super().__init__(root, server)
        self.bank = BankAccount(NUMBER, opening=Decimal(1_000_000))
        self._at = BEGIN

    async def truth(self) -> Sequence[Told]:
        return [(self.bank.day_of(one), one.amount, "IDR") for one in self.bank.movements]

    async def happen(self, count: int, *, same_day: bool = False) -> None:
        first = self.bank.day_of(self.bank.transfer(Decimal(150_000), "DARI BUDI", self._at))
        for n in range(1, count):
            if not same_day and n % 3 == 0:
                self._at += dt.timedelta(days=1)
            amount = (150_000, 150_000, -2_500, Decimal("12345.67"))[n % 4]
            self.bank.transfer(Decimal(amount), "DARI BUDI", self._at + dt.timedelta(seconds=n))
        last = self._at.date()
        # A day may be exported while it goes on, and once more later: the balance tells its lines apart.
        self._at += dt.timedelta(minutes=10)
        self.drop(bca_csv(self.bank, first, last))

    async def again(self) -> None:
        self.drop(bca_csv(self.bank, BEGIN.date(), self._at.date()))

    async def spoilt(self) -> None:
        self.drop(bca_csv(self.bank, BEGIN.date(), self._at.date()).replace(b"Saldo Akhir : 1", b"Saldo Akhir : 2"))


class SettlementsRig(FolderRig):
    """A gateway that pays out in batches of one payment each."""

    kind = "payout"
    source = Settlements  # type: ignore[assignment]

    def __init__(self, root: Path, server: Server | None = None) -> None:
        super().__init__(root, server)
        self.batches: list[tuple[str, dt.date, Collected]] = []
        self._day = BEGIN.date()

    async def truth(self) -> Sequence[Told]:
        return [(day, one.amount - sum(fee_of(one.amount, one.channel)), "IDR") for _name, day, one in self.batches]

    async def happen(self, count: int, *, same_day: bool = False) -> None:
        begun = len(self.batches)
        for n in range(begun, begun + count):
            if not same_day and n % 3 == 0:
                self._day += dt.timedelta(days=1)
            paid = Collected(f"{1000 + n}", Decimal((150_000, 99_999)[n % 2]), "qris", BEGIN, f"m-{n}")
            self.batches.append((f"WD-{n}", self._day, paid))
        self.drop(self.report(self.batches[begun:]))

    async def again(self) -> None:
        self.drop(self.report(self.batches))

    async def spoilt(self) -> None:
        self.drop(self.report(self.batches).replace(b",99999,", b",99998,"))

    def report(self, batches: Sequence[tuple[str, dt.date, Collected]]) -> bytes:
        parts = [midtrans_csv([one], day, name).splitlines(keepends=True) for name, day, one in batches]
        return parts[0][0] + b"".join(part[1] for part in parts)
