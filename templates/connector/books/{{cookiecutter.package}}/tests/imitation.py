"""Small books of a made-up JSON API, served over real HTTP. Replace them last, by the vendor's API as it really is:
its paths, its shapes, its refusals, its habits. Say each habit with the page of the vendor's documentation it is from,
and take the personal data out of every answer that you record.

They are the other side, so they share no code with the connector: a mistake made twice would be no mistake.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count, cycle
from typing import Any

from aiohttp import web

CLIENT_ID = "id-of-the-imitation"
CURRENCY = "IDR"
ZONE = "Asia/Jakarta"
CODES = ("MUG-1", "MUG-2", "TEA-1")
PAPERS = ("/orders", "/invoices", "/receipts", "/credits", "/refunds")
Row = dict[str, Any]


class Refused(Exception):
    """One item is wrong; the others of its batch are not."""

    def __init__(self, error: str, field: str, message: str) -> None:
        super().__init__(message)
        self.told = {"ok": False, "error": error, "field": field, "message": message}


class Company:
    """What the books hold. `trouble` is "", "before" or "after" (the effect) or "half" (a batch breaks off)."""

    def __init__(self) -> None:
        self.trouble = ""
        self.wait = 0.0
        self.lag = dt.timedelta()
        self.revoked = False
        self.tokens: set[str] = set()
        self.granted = 0
        self.closed_until: dt.date | None = None
        self.tables: dict[str, dict[str, Row]] = {path: {} for path in ("/contacts", "/products", *PAPERS)}
        self.losing = cycle(("reset", "error"))
        self._ids = count(1)
        for code in CODES:
            goods = {"name": f"Goods {code}", "price": "33333", "on_hand": "1000", "reserved": "0", "reference": code}
            self._keep("/products", goods, code)
        self.customer = str(self.create("/contacts", {"reference": "C-1", "name": "Pembeli"})["id"])

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def _keep(self, path: str, row: Row, id: str) -> Row:
        """Store a row; lists and searches show it `lag` later."""
        at = self.now()
        shown = self.tables[path].get(id, {}).get("shown", at + self.lag)
        self.tables[path][id] = row | {"id": id, "updated_at": at.isoformat(), "shown": shown}
        return self.tables[path][id]

    def create(self, path: str, item: Row) -> Row:
        """A new row. Raises `Refused`."""
        if any(row["reference"] == item["reference"] for row in self.tables[path].values()):
            raise Refused("duplicate_reference", "reference", f"{item['reference']} is taken")
        self._prove(path, item)
        id = str(next(self._ids))
        return self._keep(path, item | {"status": "open", "number": f"{path[1:3].upper()}-{id}"}, id)

    def update(self, path: str, item: Row) -> Row:
        """A row changed in its place; fields that are not sent stay. Raises `Refused`."""
        before = self._there(path, item["id"])
        self._prove(path, item)
        return self._keep(path, before | item, before["id"])

    def void(self, path: str, item: Row) -> Row:
        """A row made void. Raises `Refused`."""
        before = self._there(path, item["id"])
        return self._keep(path, before | {"status": "void"}, before["id"])

    def _there(self, path: str, id: str) -> Row:
        try:
            return self.tables[path][id]
        except KeyError:
            raise Refused("not_found", "id", f"there is no {path[1:]} {id}") from None

    def _prove(self, path: str, item: Row) -> None:
        if path not in PAPERS:
            return
        if self.closed_until is not None and dt.date.fromisoformat(item["date"]) <= self.closed_until:
            raise Refused("period_closed", "date", f"the books are closed until {self.closed_until}")
        if item["contact_id"] not in self.tables["/contacts"]:
            raise Refused("unknown_contact", "contact_id", f"there is no contact {item['contact_id']!r}")
        for line in item.get("lines", []):
            if line["product"] not in self.tables["/products"] and (line["product"] or not line["role"]):
                raise Refused("unknown_product", "product", f"there is no product {line['product']}")
        if "lines" in item:
            parts = [Decimal(line["amount"]) + Decimal(line["tax"]) for line in item["lines"]]
            if sum(parts) != Decimal(item["total"]):
                raise Refused("total_mismatch", "total", f"the lines come to {sum(parts)}, not to {item['total']}")


class Server:
    """The HTTP face of the books."""

    def __init__(self, company: Company) -> None:
        self.company = company

        @web.middleware
        async def guard(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            return self.trouble(request) or self.lost(request, await handler(request))

        self.app = web.Application(middlewares=[guard])
        self.app.router.add_post("/oauth/token", self.token)
        self.app.router.add_get("/company", self.about)
        for path in company.tables:
            self.app.router.add_get(path, self.rows)
            self.app.router.add_post(path, self.write)

    def trouble(self, request: web.Request) -> web.Response | None:
        """A refusal before anything has happened, if there is to be one."""
        company = self.company
        if request.path == "/oauth/token":
            return None
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in company.tokens:
            return web.json_response({"error": "unauthorized"}, status=401)
        if company.wait:
            pause = {"Retry-After": f"{company.wait:.0f}"}
            return web.json_response({"error": "slow down"}, status=429, headers=pause)
        if company.trouble == "before":
            return web.json_response({"error": "down"}, status=500)
        return None

    def lost(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """The answer to a write that has happened, or what is left of it."""
        losing = request.method == "POST" and request.path != "/oauth/token"
        if losing and self.company.trouble in ("after", "half"):
            if next(self.company.losing) == "error":
                return web.json_response({"error": "gateway"}, status=502)
            if request.transport is not None:
                request.transport.abort()
        return answer

    async def token(self, request: web.Request) -> web.Response:
        """Client credentials (RFC 6749 §4.4)."""
        if self.company.revoked:
            return web.json_response({"error": "invalid_client"}, status=401)
        token = secrets.token_urlsafe(16)
        self.company.tokens.add(token)
        self.company.granted += 1
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    async def about(self, request: web.Request) -> web.Response:
        closed = self.company.closed_until
        told = {"name": "Imitation", "currency": CURRENCY, "zone": ZONE, "now": self.company.now().isoformat()}
        return web.json_response(told | {"closed_until": closed.isoformat() if closed else None})

    async def rows(self, request: web.Request) -> web.Response:
        """By id or reference, or sorted by (updated_at, id): from a time on, and after the page before."""
        now = self.company.now()
        every = list(self.company.tables[request.path].values())
        rows = [row for row in every if row["shown"] <= now]
        for field, among in (("id", every), ("reference", rows)):
            if field in request.query:
                wanted = set(request.query.getall(field))
                return self._page([row for row in among if row[field] in wanted], now)
        if since := request.query.get("since"):
            begin = dt.datetime.fromisoformat(since)
            rows = [row for row in rows if dt.datetime.fromisoformat(row["updated_at"]) >= begin]

        def place(row: Row) -> str:
            return f"{dt.datetime.fromisoformat(row['updated_at']).timestamp():020.6f} {row['id']:>12}"

        rows = sorted((row for row in rows if place(row) > request.query.get("after", "")), key=place)
        limit = int(request.query["limit"])
        return self._page(rows[:limit], now, place(rows[limit - 1]) if len(rows) > limit else "")

    def _page(self, rows: list[Row], now: dt.datetime, onward: str = "") -> web.Response:
        shown = [{name: value for name, value in row.items() if name != "shown"} for row in rows]
        return web.json_response({"items": shown, "now": now.isoformat(), "next": onward})

    async def write(self, request: web.Request) -> web.Response:
        """Item by item, always with HTTP 200."""
        asked = json.loads(await request.read())
        do = {"create": self.company.create, "update": self.company.update, "void": self.company.void}[asked["op"]]
        items = asked["items"]
        if self.company.trouble == "half":
            items = items[: len(items) // 2]
        results: list[Row] = []
        for item in items:
            try:
                row = do(request.path, item)
            except Refused as refusal:
                results.append(refusal.told)
                continue
            told = {name: row[name] for name in ("id", "number", "total", "currency", "status") if name in row}
            results.append(told | {"ok": True})
        return web.json_response({"results": results})


@asynccontextmanager
async def served(company: Company) -> AsyncIterator[str]:
    """The books on a free port of this machine; their address."""
    runner = web.AppRunner(Server(company).app, shutdown_timeout=0.1)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await web.SockSite(runner, listener).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await runner.cleanup()
