"""A stand-in for Accurate Online: an account server and database hosts, over real HTTP, made from the facts.

It is no softer than what is known (reference/accounting-apis.md §4, the vendor's API documentation and manual "API
Token" 1.0.3, public code of integrators that name what they saw live):

======================================================  ============================================================
OAuth: Basic auth, single-use refresh token, 15 days    §4 "Auth A"
a new grant ends the older tokens                       §4 "Auth A"
`open-db.do`: host and session at the top level         §4; with an API token it is refused with a sentence
ended token and ended session: both HTTP 401            public code; only the body differs
a right that was not allowed: HTTP 403 with XML         §4
`delete.do` is called with the method DELETE            vendor's API documentation; rights `…_delete`
API token: timestamp within 600 s, HMAC of it           §4 "Auth B"
the database moves: HTTP 308                            §4 "Auth B"
8 calls in a second and 8 at once, else an error        §4 "Limits"; the second is a rolling one here (the stricter)
the shape of that error is not known                    HTTP 429 without Retry-After, and HTTP 200 with a sentence
HTTP 200 for refusals                                   §4 "Envelope"
`bulk-save.do` at most 100, one outcome for each item   §4
webhooks end seven days after `webhook-renew.do`        §4 "Webhooks"
======================================================  ============================================================
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import re
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from tests.connectors.accurate.standin_books import ZONE, Books, Refused
from tests.connectors.accurate.standin_lists import Lists, pairs_of
from tests.connectors.kit_servers import served

CLIENT, SECRET = "app-1", "s/e:c"
DATABASE = "9173"
SIGNATURE_SECRET = "31d49b3dc632614495ff8071e5be44a1"
API_TOKEN = "aat.NTA." + base64.b64encode(b'{"ak":"k","an":"Selaras","d":9173}').decode().rstrip("=")
LIFE = 15 * 86400
TOO_MANY = "Anda telah melebihi batas maksimal 8 pemanggilan API per detik"
_SAVES = ("save", "bulk-save", "manual-close-order", "create-down-payment", "save-target-quantity")
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Limit:
    """The vendor's limit, the stricter reading: never more than `most` calls within any second, nor at once."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.refused = 0
        self.why: list[str] = []
        self.taken = 0
        self.first = self.last = 0.0
        self.busiest = 0
        self._clock = clock
        self._starts: deque[float] = deque()
        self._busy = 0

    def enter(self) -> bool:
        now = self._clock()
        while self._starts and now - self._starts[0] >= 1.0:
            self._starts.popleft()
        if self.most and (len(self._starts) >= self.most or self._busy >= self.most):
            self.refused += 1
            self.why.append("at once" if self._busy >= self.most else f"{now - self._starts[0]:.4f} s")
            return False
        self._starts.append(now)
        self._busy += 1
        self.taken += 1
        self.busiest = max(self.busiest, len(self._starts))
        self.first, self.last = self.first or now, now
        return True

    def leave(self) -> None:
        self._busy -= 1


class StandIn:
    """The running servers. `calls` counts data calls by path, `account_calls` those to the account."""

    def __init__(self, *, most: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.books = Books(clock)
        self.lists = Lists(self.books)
        self.limit = Limit(most)
        self.limit_shape = "429"
        self.calls: Counter[str] = Counter()
        self.account_calls: Counter[str] = Counter()
        self.url = ""
        self.hosts: list[str] = []
        self.host = 0
        self.mode = ""
        self.wait = 0.0
        self.turn = 0
        self.chance: Callable[[], str] = str
        self.access: dict[str, float] = {}
        self.refresh: set[str] = set()
        self.sessions: dict[str, str] = {}
        self.scopes: set[str] | None = None
        self.granted = 0
        self.opened = 0
        self.api_tokens = {API_TOKEN}
        self.session_error_as_200 = False
        self.webhooks_until: dt.date | None = None
        self.bodies: list[tuple[str, Any]] = []
        self.foreign_host = ""
        self.last_language = ""
        self._one_at_a_time = threading.Lock()

    # -- the account ------------------------------------------------------------------------------------------------

    def sign_in(self) -> dict[str, Any]:
        """What the token endpoint answers to a code: a person has signed in."""
        self.granted += 1
        self.access = {f"access-{self.granted}": self.clock() + LIFE}
        self.refresh = {f"refresh-{self.granted}"}
        self.sessions.clear()  # a session belongs to the token that opened it (not known: the stricter)
        return {
            "access_token": f"access-{self.granted}", "refresh_token": f"refresh-{self.granted}",
            "token_type": "bearer", "expires_in": LIFE, "scope": "item_view", "user": {"id": 1, "email": "a@b.id"},
        }  # fmt: skip

    async def account(self, request: web.Request) -> web.StreamResponse:
        """`account.accurate.id`."""
        path = request.path
        if path == "/oauth/token":
            return await self._token(request)
        action = path.removeprefix("/api/").removesuffix(".do")
        self.account_calls[action] += 1
        plain = dict(pairs_of(request.raw_path.partition("?")[2]))
        if self.mode == "throttle":
            return self._wait()
        trouble = self._identify(request, session=False)
        if trouble is not None:
            return trouble
        api = request.headers.get("Authorization", "").startswith("Bearer aat.")
        if action == "db-list":
            return self._json({"s": True, "d": [{"id": int(DATABASE), "alias": "PT Contoh", "expired": False}]})
        if action == "open-db":
            if api:
                said = "API Token ini sudah termasuk Sesi Database. Anda tidak perlu melakukan open-db.do lagi."
                return self._json({"s": False, "d": [said]})
            if plain.get("id") != DATABASE:
                return self._json({"s": False, "d": ["Data Usaha tidak ditemukan"]})
            self.opened += 1
            session = f"session-{self.opened}"
            self.sessions[session] = request.headers["Authorization"].removeprefix("Bearer ")
            return self._json({"s": True, "session": session, "host": self.foreign_host or self.hosts[self.host]})
        if action == "api-token" and api and request.method == "POST":
            database = {"host": self.foreign_host or self.hosts[self.host], "id": int(DATABASE), "alias": "PT Contoh"}
            return self._json({"s": True, "d": {"data usaha": database, "tokenType": "api"}})
        if action == "approved-scope":
            from selaras.connectors.accurate.checking import SCOPES

            return self._json({"s": True, "d": sorted(SCOPES if self.scopes is None else self.scopes)})
        if action == "webhook-renew":
            self.webhooks_until = dt.datetime.fromtimestamp(self.clock(), ZONE).date() + dt.timedelta(days=7)
            return self._json({"s": True, "d": f"{self.webhooks_until:%d/%m/%Y}"})
        return self._json({"s": False, "d": ["URL API tidak tepat"]}, 404)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        pair = base64.b64encode(f"{CLIENT}:s%2Fe%3Ac".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            return self._json({"error": "invalid_client"}, 401)
        kind = form.get("grant_type")
        if kind == "refresh_token" and form.get("refresh_token") in self.refresh:
            return self._json(self.sign_in())
        if kind == "authorization_code" and form.get("code") == "code-1":
            return self._json(self.sign_in())
        return self._json({"error": "invalid_grant", "error_description": "no such grant"}, 400)

    def _identify(self, request: web.Request, *, session: bool) -> web.StreamResponse | None:
        """Whether the caller is who it says; the answer that refuses it, else None."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token.startswith("aat."):
            return self._signed(request, token)
        if self.access.get(token, 0.0) <= self.clock():
            return self._json({"error": "invalid_token", "error_description": "expired"}, 401)
        if session and self.sessions.get(request.headers.get("X-Session-ID", "")) != token:
            said = {"s": False, "d": ["Data Session Key tidak tepat"]}
            return self._json(said, 200 if self.session_error_as_200 else 401)
        return None

    def _signed(self, request: web.Request, token: str) -> web.StreamResponse | None:
        stamp = request.headers.get("X-Api-Timestamp", "")
        given = request.headers.get("X-Api-Signature", "")
        if token not in self.api_tokens:
            return self._json({"s": False, "d": ["Invalid or Revoked API Token"]}, 401)
        if not stamp.isdigit():
            return self._json({"s": False, "d": ["Header X-Api-Timestamp invalid"]})
        if abs(self.clock() - int(stamp)) > 600:
            said = "Header X-Api-Timestamp difference more than 600 seconds"
            return self._json({"s": False, "d": [said]})
        proof = hmac.new(SIGNATURE_SECRET.encode(), stamp.encode(), hashlib.sha256)
        if given not in (proof.hexdigest(), base64.b64encode(proof.digest()).decode()):
            return self._json({"s": False, "d": ["Header X-Api-Signature invalid"]})
        return None

    # -- the database -----------------------------------------------------------------------------------------------

    def on_host(self, number: int) -> Callable[[web.Request], Any]:
        """The handler of one database host; the database lives on one of them."""

        async def handle(request: web.Request) -> web.StreamResponse:
            # Counted when it arrives, before anything of it is read or done.
            entered = self.limit.enter()
            try:
                body = await request.read()
                if number != self.host:
                    place = self.foreign_host or self.hosts[self.host]
                    return web.Response(status=308, headers={"Location": place + request.path_qs})
                if entered:
                    return await self._answer(request, body)
                return self._json({"s": False, "d": [TOO_MANY]}, 200 if self.limit_shape == "200" else 429)
            finally:
                if entered:
                    self.limit.leave()

        return handle

    async def _answer(self, request: web.Request, body: bytes) -> web.StreamResponse:
        found = re.fullmatch(r"/accurate/api/([a-z-]+)/([a-z-]+)\.do", request.path)
        if found is None:
            return self._json({"s": False, "d": ["URL API tidak tepat"]}, 404)
        entity, action = found[1], found[2]
        self.calls[f"{entity}/{action}"] += 1
        self.last_language = request.headers.get("X-Language-Profile", "")
        mode = self.mode or self.chance()
        if mode == "throttle":
            return self._wait()
        trouble = self._identify(request, session=True)
        if trouble is not None:
            return trouble
        saving, deleting = action in _SAVES, action == "delete"
        needed = f"{entity.replace('-', '_')}_{'save' if saving else 'delete' if deleting else 'view'}"
        if self.scopes is not None and needed not in self.scopes:
            return web.Response(
                status=403, content_type="application/xml",
                text=f"<InsufficientScopeException><error>insufficient_scope</error><scope>{needed}</scope>"
                "</InsufficientScopeException>",
            )  # fmt: skip
        if mode == "before":
            return self._lost(request)
        if request.method != ("POST" if saving else "DELETE" if deleting else "GET"):
            return self._json({"s": False, "d": ["URL API tidak tepat"]}, 404)
        raw = request.raw_path.partition("?")[2]
        # Apart from the loop, so that a long batch does not hold up the counting of what arrives meanwhile.
        answer = await asyncio.to_thread(self._done, entity, action, raw, body, mode == "half")
        if (saving or deleting) and (mode == "after" or (mode == "half" and action == "bulk-save")):
            return self._lost(request)
        return web.Response(body=answer, content_type="application/json")

    def _done(self, entity: str, action: str, raw: str, body: bytes, half: bool) -> bytes:
        with self._one_at_a_time:
            try:
                return _encode(self._act(entity, action, raw, body, half=half))
            except Refused as error:
                return _encode({"s": False, "d": [str(error)]})

    def _act(self, entity: str, action: str, raw: str, body: bytes, *, half: bool) -> dict[str, Any]:
        if action in _SAVES:
            told = _decode(body)
            self.bodies.append((f"{entity}/{action}", told))
            if action == "bulk-save":
                return self._bulk(entity, told.get("data"), half=half)
            special = {
                ("sales-order", "manual-close-order"): self.books.close_order,
                ("sales-invoice", "create-down-payment"): self.books.down_payment,
                ("item-adjustment", "save-target-quantity"): self.books.target_quantity,
            }
            make = special.get((entity, action))
            record = make(told) if make else self.books.save(entity, told)
            return {"s": True, "d": ["Data berhasil disimpan"], "r": _shown(record)}
        if action == "delete":
            self.books.delete(entity, dict(pairs_of(raw)).get("id", ""))
            return {"s": True, "d": ["Data berhasil dihapus"]}
        if action == "list":
            return self.lists.listed(entity, raw)
        if (entity, action) == ("item", "list-stock"):
            return self.lists.stock(raw)
        if action == "detail":
            return self.lists.detail(entity, raw)
        raise Refused("URL API tidak tepat")

    def _bulk(self, entity: str, rows: Any, *, half: bool) -> dict[str, Any]:
        if not isinstance(rows, list) or not rows or len(rows) > 100:
            raise Refused("Maksimal 100 data dalam 1 kali request")
        outcomes: list[dict[str, Any]] = []
        for row in rows[: len(rows) // 2] if half else rows:
            try:
                record = self.books.save(entity, row)
                name = record.get("number") or record.get("customerNo")
                outcomes.append({"s": True, "d": [f'Data "{name}" berhasil disimpan'], "r": _shown(record)})
            except Refused as error:
                outcomes.append({"s": False, "d": [str(error)]})
        return {"s": all(one["s"] for one in outcomes), "d": outcomes}

    # -- trouble ----------------------------------------------------------------------------------------------------

    def _lost(self, request: web.Request) -> web.StreamResponse:
        """The ways of losing an answer take turns: an error page, a broken connection, half an answer."""
        self.turn += 1
        if self.turn % 3 == 0:
            return web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html")
        if self.turn % 3 == 1:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=200, text='{"s": true, "d": [{"s": tr', content_type="application/json")

    def _wait(self) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": str(int(self.wait))}, text="{}")

    def _json(self, value: Mapping[str, Any], status: int = 200) -> web.Response:
        return web.Response(body=_encode(value), status=status, content_type="application/json")


def _shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as `save.do` answers with it: whole."""
    return {name: value for name, value in record.items() if name not in ("available", "returned")}


@asynccontextmanager
async def running(standin: StandIn) -> AsyncIterator[StandIn]:
    """Serve the account and two database hosts."""
    async with AsyncExitStack() as stack:
        standin.url = await stack.enter_async_context(served(standin.account))
        for number in range(2):
            standin.hosts.append(await stack.enter_async_context(served(standin.on_host(number))))
        yield standin
