"""A stand-in for Mekari Jurnal: real HTTP, the real paths, signatures, limits, batches and error bodies.

It is no softer than the facts (reference/accounting-apis.md §5; Mekari's swagger 2.0.0 and developer documentation):

=============================  ======================================================================================
HMAC                           date and request line, 300 s, `Digest` on writes (devcenter-kb, hmac.md)
OAuth 2.0                      JSON token endpoint, 3,600 s, refresh token used once (devcenter-kb, oauth2.md)
limits                         30/min and 1,800/h for a credential, 40/min and 2,500/h for an address, by the calendar;
                               429 `{"message": "API rate limit exceeded"}`, what is left in headers, no Retry-After
batch_create                   200 with {status, content} per item; 100 at most
lists                          page, page_size (25 at most for contacts is the older path), sort_key, sort_order
custom ids in paths            letters, digits, - _ . ~ only, as a path of Rails takes them
=============================  ======================================================================================
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import json
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from tests.connectors.jurnal.standin_books import TRANSACTIONS, Refused, Row
from tests.connectors.jurnal.standin_lists import Books

SAFE = re.compile(r"[A-Za-z0-9_.~-]+")
API, SCM = "/public/jurnal/api/v1/", "/public/jurnal/scm/public/lo/v1/"
SINGULAR = {
    "sales_orders": "sales_order", "sales_invoices": "sales_invoice", "receive_payments": "receive_payment",
    "sales_order_payments": "sales_order_payment", "bank_deposits": "bank_deposit", "credit_memos": "credit_memo",
    "bank_withdrawals": "bank_withdrawal", "sales_returns": "sales_return", "journal_entries": "journal_entry",
    "purchase_invoices": "purchase_invoice", "customers": "customer", "products": "product",
}  # fmt: skip
BATCHED = ("customers", "sales_orders", "sales_invoices", "receive_payments", "bank_deposits", "bank_withdrawals",
           "journal_entries")  # fmt: skip


def number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)


class StandIn:
    """The running system."""

    def __init__(self, now: Callable[[], float], *, limits: bool) -> None:
        self.now = now
        self.books = Books(now)
        self.url = ""
        self.client_id, self.secret = "klien-1", "rahasia"
        self.limits = limits
        self.mode, self.turn = "", 0
        self.chance: Callable[[], str] = str
        self.revoked = False
        self.lag = 0.0
        self.counted: Counter[tuple[str, str, int]] = Counter()
        self.refused = 0
        self.log: list[tuple[float, str, str]] = []
        self.tokens: dict[str, float] = {}
        self.refresh: set[str] = {"refresh-0"}
        self.granted = 0

    # -- in front ---------------------------------------------------------------------------------------------------

    def _count(self, request: web.Request) -> dict[str, str] | None:
        """Count a call; the headers, or None when it is one too many."""
        now, spent = self.now(), {}
        for who, minute, hour in (("consumer", 30, 1800), ("address", 40, 2500)):
            for span, size, most in (("minute", 60, minute), ("hour", 3600, hour)):
                key = (who, span, int(now // size))
                self.counted[key] += 1
                spent[who, span] = most - self.counted[key]
        headers = {
            "X-RateLimit-Limit-Minute": "30", "X-RateLimit-Limit-Hour": "1800",
            "X-RateLimit-Remaining-Minute": str(max(0, min(spent["consumer", "minute"], spent["address", "minute"]))),
            "X-RateLimit-Remaining-Hour": str(max(0, min(spent["consumer", "hour"], spent["address", "hour"]))),
        }  # fmt: skip
        if min(spent.values()) < 0:
            self.refused += 1
            return None if self.limits else headers
        return headers

    def _say(self, status: int, content: Any, headers: dict[str, str] | None = None) -> web.Response:
        told = {"Date": email.utils.formatdate(self.now(), usegmt=True), **(headers or {})}
        body = b"" if content is None else json.dumps(content, default=number).encode()
        return web.Response(status=status, body=body, content_type="application/json", headers=told)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = urlsplit(request.raw_path).path
        body = await request.read()
        if path == "/auth/oauth2/token":
            return self._token(body)
        mode = self.mode or self.chance()
        if mode.startswith("throttle"):
            # By the gateway's clock the minute is over in so many seconds.
            at = self.now() // 60 * 60 + 60 - float(mode.removeprefix("throttle:"))
            date = email.utils.formatdate(at, usegmt=True)
            left = {"X-RateLimit-Remaining-Minute": "0", "X-RateLimit-Remaining-Hour": "900", "Date": date}
            return self._say(429, {"message": "API rate limit exceeded"}, left)
        headers = self._count(request)
        if headers is None:
            return self._say(429, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining-Minute": "0"})
        said = self._who(request, body)
        if said:
            return self._say(401, {"message": said}, headers)
        self.log.append((self.now(), request.method, path))
        writes = request.method != "GET"
        if mode == "before":
            return self._lost(request)
        part = -1
        if mode == "half" and path.endswith("/batch_create"):
            part = 3
        try:
            status, content = self._answer(request, path, body, part)
        except Refused as refusal:
            status, content = refusal.status, refusal.content
        if writes and (mode == "after" or part > 0):
            return self._lost(request)
        return self._say(status, content, headers)

    def _lost(self, request: web.Request) -> web.StreamResponse:
        """The ways of losing an answer take turns: an error page, a broken connection, half an answer."""
        self.turn += 1
        if self.turn % 3 == 0:
            return web.Response(status=504, text="504 Gateway Time-out", content_type="text/html")
        if self.turn % 3 == 1:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=200, text='{"sales_orders": [{"sales', content_type="application/json")

    def _who(self, request: web.Request, body: bytes) -> str:
        """Why a request is not known, "" when it is."""
        shown = request.headers.get("Authorization", "")
        if self.revoked:
            return "Unauthorized"
        if shown.startswith("Bearer "):
            token = shown.removeprefix("Bearer ")
            return "" if self.tokens.get(token, 0.0) > self.now() else "Unauthorized"
        found = re.fullmatch(
            r'hmac username="([^"]*)", algorithm="hmac-sha256", headers="date request-line", signature="([^"]*)"', shown
        )
        if found is None or found[1] != self.client_id:
            return "Unauthorized"
        date = request.headers.get("Date", "")
        try:
            off = abs(email.utils.parsedate_to_datetime(date).timestamp() - self.now())
        except (ValueError, TypeError):
            off = 1e9
        if off > 300 or not date.endswith("GMT"):
            return "HMAC signature cannot be verified, a valid date or x-date header is required"
        text = f"date: {date}\n{request.method} {request.raw_path} HTTP/1.1"
        mine = base64.b64encode(hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(mine, found[2]):
            return "HMAC signature does not match"
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        if request.method in ("POST", "PUT", "PATCH", "DELETE") and request.headers.get("Digest") != digest:
            return "HMAC signature does not match"
        return ""

    def _token(self, body: bytes) -> web.Response:
        try:
            form = json.loads(body)
        except ValueError:
            return self._say(400, {"error": "invalid_request"})
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.secret):
            return self._say(401, {"error": "invalid_client"})
        if self.revoked or form.get("grant_type") != "refresh_token" or form.get("refresh_token") not in self.refresh:
            return self._say(400, {"error": "invalid_grant"})
        self.refresh.discard(form["refresh_token"])
        self.granted += 1
        access, again = f"access-{self.granted}", f"refresh-{self.granted}"
        self.tokens[access] = self.now() + 3600
        self.refresh.add(again)
        return self._say(
            200, {"access_token": access, "token_type": "bearer", "expires_in": 3600, "refresh_token": again}
        )

    # -- behind -----------------------------------------------------------------------------------------------------

    def _answer(self, request: web.Request, path: str, body: bytes, part: int) -> tuple[int, Any]:
        query = request.query
        if path.startswith(SCM):
            return 200, self._scm(path.removeprefix(SCM), request)
        if not path.startswith(API):
            raise Refused(404, {"message": "no Route matched with those values"})
        pieces = [unquote(p) for p in path.removeprefix(API).split("/")]
        if len(pieces) > 2 or (len(pieces) == 2 and not SAFE.fullmatch(pieces[1])):
            raise Refused(404, {"message": "Not Found"})
        content = json.loads(body, parse_float=Decimal) if body else {}
        table, books, method = pieces[0], self.books, request.method
        if method == "GET" and len(pieces) == 1:
            return 200, self._list(table, dict(query))
        if (table, pieces[1:]) == ("companies", ["active"]):
            company = {"id": 508, "name": "Toko Maju", "company_currency": {"id": 1, "code": "IDR"}}
            return 200, {"company": company}
        if table == "customer_apply_credit_memo" and method == "POST":
            return 200, {table: books.apply(content[table])}
        if table not in SINGULAR:
            raise Refused(404, {"message": "Not Found"})
        name = SINGULAR[table]
        if method == "POST" and pieces[1:] == ["batch_create"] and table in BATCHED:
            rows = content.get(table) or []
            if len(rows) > 100:
                raise Refused(422, {"errors": "1 batch of request can handle up to 100"})
            return 200, {table: [{name: self._item(table, row.get(name) or {})}
                                 for row in (rows if part < 0 else rows[:part])]}  # fmt: skip
        if method == "POST" and len(pieces) == 1:
            return 201, {name: books.shown(getattr(books, f"create_{table}")(content.get(name) or {}))}
        if len(pieces) != 2:
            raise Refused(404, {"message": "Not Found"})
        if method == "GET":
            return 200, {name: books.shown(books.get(table, pieces[1]))}
        if method == "PATCH":
            return 200, {name: books.shown(books.change(table, pieces[1], content.get(name) or {}))}
        if method == "DELETE":
            books.delete(table, pieces[1])
            return 204, None
        raise Refused(404, {"message": "Not Found"})

    def _item(self, table: str, body: Row) -> Row:
        try:
            return {"status": 201, "content": self.books.shown(getattr(self.books, f"create_{table}")(body))}
        except Refused as refusal:
            return {"status": refusal.status, "content": refusal.content}

    def _list(self, table: str, query: dict[str, str]) -> Row:
        books = self.books
        if table == "accounts":
            return {"accounts": list(books.accounts.values()), "total_count": len(books.accounts)}
        charts = {"taxes": books.taxes, "warehouses": books.warehouses, "tags": books.tags}
        if table in charts:
            return {table: list(charts[table].values()), "total_count": len(charts[table])}
        if table not in SINGULAR and table not in TRANSACTIONS:
            raise Refused(404, {"message": "Not Found"})
        rows = books.listed(table, query, self.lag)
        size, page = min(100, int(query.get("page_size", 10))), int(query.get("page", 1))
        pages = max(1, -(-len(rows) // size))
        shown = [books.shown(row) for row in rows[(page - 1) * size : page * size]]
        return {table: shown, "total_count": len(rows), "current_page": page, "total_pages": pages}

    def _scm(self, what: str, request: web.Request) -> Row:
        products = list(self.books.tables["products"].values())
        if what == "products/minified":
            codes = request.query.getall("product_codes", [])
            rows = [p for p in products if not codes or p["product_code"] in codes]
            size, page = min(100, int(request.query.get("page_size", 10))), int(request.query.get("page", 1))
            pages = max(1, -(-len(rows) // size))
            shown = [self.books.shown(row) for row in rows[(page - 1) * size : page * size]]
            data = {"current_page": page, "products": shown, "total_count": len(rows), "total_page": pages}
            return {"data": data, "message": "Success", "status": 200}
        if what == "products/get_product_quantity_per_warehouse":
            ids = {int(id) for id in request.query.get("ids", "").split(",") if id}
            if not ids:
                raise Refused(400, {"message": "Query ids cannot be empty", "status": 400})
            found = [
                {"id": p["id"], "code": p["product_code"], "quantity": p["quantity"],
                 "warehouse_inventory": [{"id": w, "quantity": q} for w, q in p["warehouses"].items()]}
                for p in products if p["id"] in ids
            ]  # fmt: skip
            return {"data": found, "message": "Product quantity per warehouse retrieved", "status": 200}
        raise Refused(404, {"message": "Not Found"})


@asynccontextmanager
async def serve_jurnal(*, now: Callable[[], float] = time.time, limits: bool = True) -> AsyncIterator[StandIn]:
    """A stand-in on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stand_in = StandIn(now, limits=limits)
        stand_in.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{rest:.*}", stand_in.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            yield stand_in
        finally:
            await runner.cleanup()
