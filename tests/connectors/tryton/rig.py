"""The rig of the contract kit over a real Tryton, with a proxy in front of it for what can go wrong on the way."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from selaras.connectors import tryton
from selaras.connectors.contract import Connector, Tools
from selaras.connectors.kit import BooksRig, Held
from tests.connectors.kit_servers import served
from tests.connectors.kit_signin import MemoryTokenStore
from tests.peers.tryton import Database
from tests.peers.tryton_desk import Desk

ZONE = "Asia/Jakarta"
BANK = "1-1101"
_READS = frozenset(("search_read", "read", "search", "get_access", "on_change_product"))


def writes(method: str, path: str, body: bytes) -> bool:
    """Whether a request changes something in Tryton."""
    if path.endswith("/rpc/"):
        name = str(json.loads(body)["method"])
        return name.rpartition(".")[2] not in _READS and not name.startswith("common.")
    return not path.endswith("/search_read") and method != "GET"


class Proxy:
    """Passes requests on to Tryton, as long as it is told to."""

    def __init__(self, target: str, session: aiohttp.ClientSession) -> None:
        self.target = target
        self.mode = ""
        self.wait = 0.0
        self.turn = 0
        self.seen: list[str] = []
        self.logins = 0
        self.dead_sessions: set[str] = set()
        self.revoked = False
        self.chance: Callable[[], str] = str
        self._session = session

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        login = request.path.endswith("/rpc/") and b"common.db.login" in body
        changing = writes(request.method, request.path, body)
        mode = self.mode or ("" if login else self.chance())
        if self.revoked or (not login and request.headers.get("Authorization", "") in self.dead_sessions):
            return web.Response(status=401, text="<title>401 Unauthorized</title>", content_type="text/html")
        if mode == "throttle" and not login:
            return web.Response(status=429, headers={"Retry-After": str(int(self.wait))})
        if mode == "before" and not login:
            return self._lost(request)
        answer = await self._pass(request, body)
        if login and answer.status == 200:
            self.logins += 1
        if mode == "after" and changing:
            return self._lost(request)
        return answer

    def _lost(self, request: web.Request) -> web.StreamResponse:
        """The ways of losing an answer take turns: an error page, a broken connection, half an answer."""
        self.turn += 1
        if self.turn % 3 == 0:
            return web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html")
        if self.turn % 3 == 1:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=200, text='{"id": 1, "res', content_type="application/json")

    async def _pass(self, request: web.Request, body: bytes) -> web.StreamResponse:
        head = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length", "connection", "accept-encoding")
        }
        async with self._session.request(
            request.method, self.target + request.path_qs, data=body, headers={**head, "Accept-Encoding": "gzip"}
        ) as answer:
            kept = {n: v for n, v in answer.headers.items() if n in ("Content-Type", "Date", "Retry-After")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


class TrytonRig(BooksRig):
    """A database of a running trytond, and connectors that reach it through the proxy."""

    reasons: ClassVar[dict[str, str]] = {
        "half_batch": "a call of Tryton is one transaction: it happens whole or not at all",
        "expire_tokens": "the key of a user application does not expire",
        "tokens_granted": "the key of a user application is granted by hand",
    }

    def __init__(self, database: Database, proxy: Proxy, url: str, stack: AsyncExitStack, *, key: bool) -> None:
        self.database = database
        self.proxy = proxy
        self.desk: Desk = database.desk()
        self._url = url
        self._stack = stack
        self._key = key
        self._tokens = MemoryTokenStore()
        self._contact = ""

    async def prepare(self) -> None:
        """A customer and products, once for each database."""
        there = self.desk.rows("party.party", [["name", "=", "Pembeli"]], "name")
        if not there:
            (made,) = self.desk.create("party.party", {"name": "Pembeli", "addresses": [["create", [{}]]]})
            self.desk.goods({"KIT-A": 100_000, "KIT-B": 100_000, "KIT-C": 100_000})
            self.desk.exchanges()
            there = [{"id": made}]
        self._contact = str(there[0]["id"])

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = self.database.key_settings if self._key else self.database.settings
        tools = Tools("buku", ZONE, None if self._key else self._tokens, lambda: time.time() + clock_skew)
        made = tryton.build({**settings, "base_url": self._url}, tools)
        self._stack.push_async_callback(made.close)
        return made

    async def calm(self) -> None:
        self.proxy.mode = ""

    async def fail_before(self) -> None:
        self.proxy.mode = "before"

    async def fail_after(self) -> None:
        self.proxy.mode = "after"

    async def throttle(self, seconds: float) -> None:
        self.proxy.mode, self.proxy.wait = "throttle", seconds

    async def refuse_credentials(self) -> None:
        self.proxy.revoked = True

    async def expire_tokens(self) -> None:
        if self._key:
            self.cannot("expire_tokens")
        if self._tokens.token is not None:
            self.proxy.dead_sessions.add(self._tokens.token.access)

    async def tokens_granted(self) -> int:
        if self._key:
            self.cannot("tokens_granted")
        return self.proxy.logins

    async def half_batch(self) -> None:
        self.cannot("half_batch")

    async def slow_search(self) -> None:
        """Nothing to switch on: the declared lag of 0 is what the tests then hold it to."""

    async def close_period(self, until: dt.date) -> None:
        await asyncio.to_thread(self.desk.close_periods, until)

    async def held(self, kind: str, reference: str) -> list[Held]:
        return await asyncio.to_thread(self._held, kind, reference)

    def _held(self, kind: str, reference: str) -> list[Held]:
        if kind == "contact":
            rows = self.desk.rows("party.identifier", [["code", "=", reference]], "party")
            return [Held(str(row["party"]), None) for row in rows]
        if kind in ("receipt", "refund_payment"):
            return [Held(str(lines[0]["id"]), abs(_sum(lines)), void) for lines, void in self._slips(reference, False)]
        if kind == "journal":
            return self._entries(reference)
        model = "sale.sale" if kind == "sales_order" else "account.invoice"
        found = self.desk.rows(model, [["reference", "=", reference]], "total_amount", "state")
        return [Held(str(r["id"]), abs(r["total_amount"]), r["state"] == "cancelled") for r in found]

    def _entries(self, reference: str) -> list[Held]:
        """Entries of their own, and those that stand under bank lines."""
        moves = self.desk.rows(
            "account.move", [["description", "=", f"Selaras {reference}"], ["origin", "=", None]], "lines.debit"
        )
        gone = self._cancelled([move["id"] for move in moves])
        held = [Held(str(m["id"]), sum(one["debit"] for one in m["lines."]), m["id"] in gone) for m in moves]
        for lines, void in self._slips(reference, True):
            sides = [_sum(lines), *(-one["amount"] for one in lines)]
            held.append(Held(f"s{lines[0]['id']}", sum((one for one in sides if one > 0), Decimal(0)), void))
        return held

    def _slips(self, reference: str, entries: bool) -> list[tuple[list[Any], bool]]:
        """Statement lines under a reference by their statements, and whether they were taken back."""
        rows = self.desk.rows(
            "account.statement.line", [["number", "=", reference]], "amount", "amount_second_currency", "move",
            "description", "statement.state",
        )  # fmt: skip
        gone = self._cancelled([row["move"] for row in rows if row["move"]])
        slips: dict[tuple[int, bool], list[Any]] = {}
        for row in rows:
            if row["amount"] and str(row["description"] or "").startswith("Selaras") == entries:
                void = row["statement."]["state"] == "cancelled" or row["move"] in gone
                slips.setdefault((row["statement."]["id"], void), []).append(row)
        return [(lines, void) for (_, void), lines in slips.items()]

    def _cancelled(self, moves: Sequence[int]) -> set[int]:
        rows = self.desk.rows("account.move", [["origin", "in", [f"account.move,{one}" for one in moves]]], "origin")
        return {int(row["origin"].partition(",")[2]) for row in rows}

    async def bank_account(self) -> str:
        return BANK

    async def fee_account(self) -> str:
        return "4-4201"  # any that needs no party

    async def clearing_account(self) -> str:
        return "1-1190"

    async def bank_line(self, amount: Decimal) -> str:
        return await asyncio.to_thread(self._bank_line, amount, await self.open_day())

    def _bank_line(self, amount: Decimal, day: dt.date) -> str:
        journal = self.desk.one("account.statement.journal", [["account.code", "=", BANK]], "name")["id"]
        line = {"number": "TRX", "date": day, "amount": amount, "description": "TRSF E-BANKING CR"}
        (made,) = self.desk.create(
            "account.statement",
            {"name": "BCA", "date": day, "company": self.desk.company, "journal": journal, "total_amount": amount,
             "origins": [["create", [line]]]},
        )  # fmt: skip
        return str(self.desk.one("account.statement.origin", [["statement", "=", made]], "number")["id"])

    async def explained(self, id: str) -> Decimal:
        return await asyncio.to_thread(self._explained, int(id))

    def _explained(self, id: int) -> Decimal:
        either = ["OR", ["origin", "=", id], ["statement.name", "=", f"Selaras bank line {id}"]]
        rows = self.desk.rows("account.statement.line", [either], "amount", "move")
        gone = self._cancelled([row["move"] for row in rows if row["move"]])
        return sum((row["amount"] for row in rows if row["move"] not in gone), Decimal(0))

    async def owed(self, invoice_id: str) -> Decimal:
        rows = await asyncio.to_thread(
            self.desk.rows, "account.invoice", [["id", "=", int(invoice_id)]], "amount_to_pay"
        )
        amount: Decimal = rows[0]["amount_to_pay"]
        return amount

    async def contact_id(self) -> str:
        return self._contact

    async def products(self) -> list[str]:
        return ["KIT-A", "KIT-B", "KIT-C"]

    async def account(self) -> str:
        return "1-1190"

    async def open_day(self) -> dt.date:
        return dt.datetime.now(ZoneInfo(ZONE)).date()


def _sum(lines: Sequence[Any]) -> Decimal:
    """What lines pay, in the currency of what they pay."""
    return sum((line["amount_second_currency"] or line["amount"] for line in lines), Decimal(0))


@asynccontextmanager
async def tryton_rig(database: Database, *, key: bool = False) -> AsyncIterator[TrytonRig]:
    """A rig over one database."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300)) as session,
        AsyncExitStack() as stack,
    ):
        proxy = Proxy(database.url, session)
        url: Any = await stack.enter_async_context(served(proxy.handle))
        rig = TrytonRig(database, proxy, url, stack, key=key)
        await rig.prepare()
        yield rig
