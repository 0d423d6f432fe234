"""The rigs of the file connector: a folder of this machine or behind SFTP, and the people who use it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from selaras.connectors.contract import Ambiguous, Connector, Tools, Transient
from selaras.connectors.files import FileBooks, FileStore
from selaras.connectors.files.folder import Folder
from selaras.connectors.kit import BooksRig, Held, StoreRig, Truth
from selaras.connectors.places import Entry, Place
from selaras.connectors.watched import place_of
from tests.connectors.files.desk import BooksDesk, Shop, ShopOrder
from tests.connectors.files.server import Server

NO_THROTTLE = "a folder asks nobody to wait"
NO_TOKENS = "a folder has no tokens that expire"
NO_PUSH = "a folder sends no webhooks"


class Trouble:
    """Which trouble there is now, for every place of a rig."""

    def __init__(self) -> None:
        self.mode = ""
        self.turn = 0
        self.puts = 0


class Flaky:
    """A place whose disk or line fails: before anything is done, or after it is done and before it is told."""

    def __init__(self, place: Place, trouble: Trouble) -> None:
        self._place = place
        self._trouble = trouble
        self.label = place.label

    def _before(self) -> None:
        if self._trouble.mode == "before":
            raise Transient(f"{self.label}: the connection broke", code="io")

    async def list(self, folder: str) -> list[Entry] | None:
        self._before()
        return await self._place.list(folder)

    async def fetch(self, path: str, most: int) -> Path | None:
        self._before()
        return await self._place.fetch(path, most)

    async def read(self, path: str) -> bytes | None:
        self._before()
        return await self._place.read(path)

    async def put(self, path: str, data: bytes, *, replace: bool = False) -> None:
        self._before()
        self._trouble.puts += 1
        await self._place.put(path, data, replace=replace)
        lost = ("out/", ".out")[self._trouble.turn % 2]
        if self._trouble.mode == "after" and (path.startswith(lost) or path.endswith(lost)):
            raise Ambiguous(f"{self.label}: the connection broke while a file was put; it may be there", code="io")

    async def move(self, path: str, target: str) -> bool:
        self._before()
        return await self._place.move(path, target)

    async def close(self) -> None:
        await self._place.close()


class _FolderRig:
    """What both rigs have in common."""

    def __init__(
        self, root: Path, settings: Callable[[], dict[str, str]], kind: type[Folder], server: Server | None
    ) -> None:
        self.root = root
        self.trouble = Trouble()
        self.server = server
        self._settings = settings
        self._kind = kind
        self._stack = AsyncExitStack()

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = self._settings()
        tools = Tools("berkas", "Asia/Jakarta", None, lambda: time.time() + clock_skew)
        made = self._kind(settings, tools, Flaky(place_of(settings), self.trouble))
        self._stack.push_async_callback(made.close)
        return made

    async def calm(self) -> None:
        self.trouble.mode = ""

    async def fail_before(self) -> None:
        self.trouble.mode = "before"

    async def fail_after(self) -> None:
        self.trouble.mode = "after"
        self.trouble.turn += 1

    async def refuse_credentials(self) -> None:
        if self.server is None:
            self.cannot("refuse_credentials")  # type: ignore[attr-defined]
            return
        self.server.refuse = True
        self.server.drop()

    async def close(self) -> None:
        await self._stack.aclose()


class FileStoreRig(_FolderRig, StoreRig):
    """A shop that exports files."""

    reasons: ClassVar[dict[str, str]] = {
        "throttle": NO_THROTTLE,
        "refuse_credentials": "a folder of this machine has no credentials",
        "ping": NO_PUSH, "deliveries": NO_PUSH, "receiver": NO_PUSH, "kill_webhook": NO_PUSH, "live_webhooks": NO_PUSH,
    }  # fmt: skip

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.shop = Shop(self.root)
        self.codes = [f"KIT-{n}" for n in range(6)]
        self.shop.goods(dict.fromkeys(self.codes, 100_000), 33_333)
        self._refund = 0

    async def truth(self) -> dict[str, Truth]:
        return {
            o.number: Truth(
                o.number, o.number, Decimal(o.total), "IDR", o.placed, Decimal(o.paid_total), Decimal(o.refunded)
            )
            for o in self.shop.orders.values()
            if o.status != "draft"
        }  # fmt: skip

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        made: list[ShopOrder] = []
        for n in range(count):
            placed = self.shop.now + dt.timedelta(seconds=0 if same_second else n)
            lines = [(self.codes[n % 6], 1 + n % 3), (self.codes[(n + 1) % 6], 1)]
            made.append(self.shop.order(*lines, placed=placed, shipping=9001, taxed=bool(n % 2), phone=f"0812{n:08d}"))
        self.shop.export(*(o.number for o in made))
        return [o.number for o in made]

    async def set_time(self, now: dt.datetime) -> None:
        self.shop.now = now

    async def modify(self, ids: Sequence[str]) -> None:
        for id in ids:
            self.shop.orders[id].note += "edited "
        self.shop.export(*ids)

    async def pay(self, id: str, amount: Decimal) -> None:
        order = self.shop.orders[id]
        order.paid = [*order.paid, (f"p{len(order.paid)}", int(amount))]
        self.shop.export(id)

    async def refund(self, id: str, amount: Decimal) -> None:
        order = self.shop.orders[id]
        order.refunds = [*order.refunds, (f"r{len(order.refunds)}", int(amount), [], False)]
        self.shop.export(id)

    async def draft(self) -> str:
        order = self.shop.order((self.codes[0], 1), status="draft")
        self.shop.export(order.number)
        return order.number

    async def trash(self, id: str) -> None:
        self.shop.orders[id].status = "cancelled"
        self.shop.export(id)

    async def stock(self, code: str) -> Decimal:
        return Decimal(self.shop.offered(code))

    async def products(self) -> list[str]:
        return self.codes


class FileBooksRig(_FolderRig, BooksRig):
    """A desk that imports what comes out."""

    reasons: ClassVar[dict[str, str]] = {
        "throttle": NO_THROTTLE,
        "refuse_credentials": "a folder of this machine has no credentials",
        "expire_tokens": NO_TOKENS,
        "tokens_granted": NO_TOKENS,
        "half_batch": "a batch is one file, which is there whole or not at all",
        "slow_search": "what was written is found at once",
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.desk = BooksDesk(self.root)
        (self.root / "in" / "products.csv").write_text("code,name,price\nKOPI,Kopi,75000\nTEH,Teh,12500\n")
        (self.root / "in" / "contacts.csv").write_text("id,name,phone\nP-1,Toko Maju,'021555012\n")
        (self.root / "in" / "stock.csv").write_text("code,on_hand\nKOPI,100\nTEH,100\n")

    async def held(self, kind: str, reference: str) -> list[Held]:
        entries = self.desk.look().values()
        return [Held(e.id, e.total, e.void) for e in entries if (e.kind, e.reference) == (kind, reference)]

    async def contact_id(self) -> str:
        return "P-1"

    async def products(self) -> list[str]:
        return ["KOPI", "TEH"]

    async def account(self) -> str:
        return "1-1101"

    async def fee_account(self) -> str:
        return "6-6110"

    async def clearing_account(self) -> str:
        return "1-1150"

    async def owed(self, invoice_id: str) -> Decimal:
        """What the person at the books works out from the columns: invoice less what receipts settle."""
        entries = self.desk.look()
        paid = [
            sum((Decimal(e.rows[0][c] or 0) for c in ("total", "transfer_fee", "withholding", "rounding")), Decimal(0))
            for e in entries.values()
            if e.kind == "receipt" and not e.void and e.rows[0]["invoice_id"] == invoice_id
        ]
        return Decimal(entries["invoice", invoice_id].rows[0]["total"]) - sum(paid, Decimal(0))

    async def open_day(self) -> dt.date:
        return dt.date(2026, 11, 20)

    async def close_period(self, until: dt.date) -> None:
        (self.root / "books.toml").write_text(f"closed_until = {until}\n")


@asynccontextmanager
async def local_rig(root: Path, rig: type[Any], kind: type[Folder]) -> AsyncIterator[Any]:
    """A rig over a folder of this machine."""
    made = rig(root, lambda: {"folder": str(root), "quiet": "0"}, kind, None)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def remote_rig(server: Server, rig: type[Any], kind: type[Folder]) -> AsyncIterator[Any]:
    """A rig over an SFTP server."""
    made = rig(server.root, server.settings, kind, server)
    try:
        yield made
    finally:
        await made.close()


__all__ = ["FileBooks", "FileBooksRig", "FileStore", "FileStoreRig", "local_rig", "remote_rig"]
