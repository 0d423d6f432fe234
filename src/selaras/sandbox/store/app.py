"""The store as a raw ASGI application: who may call, which faults fall, which handler answers."""

from __future__ import annotations

import asyncio
import decimal
import inspect
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from selaras.sandbox.faults import Cutter, Faults
from selaras.sandbox.store.api import Api
from selaras.sandbox.store.bank import Bank
from selaras.sandbox.store.bulk import load_products
from selaras.sandbox.store.catalogue import catalogue
from selaras.sandbox.store.config import StoreClock, StoreConfig
from selaras.sandbox.store.control import Control
from selaras.sandbox.store.front import Front
from selaras.sandbox.store.http import (
    Answer,
    Budget,
    Cut,
    DateHeader,
    Keys,
    Receive,
    Request,
    Scope,
    Send,
    read_body,
    send_answer,
)
from selaras.sandbox.store.records import Refused
from selaras.sandbox.store.shop import Shop
from selaras.sandbox.store.webhooks import Webhooks
from selaras.sandbox.store.wire import Scale

log = logging.getLogger("selaras.sandbox.store")


class StoreApp:
    """One store with its bank, its webhooks and its faults, as an ASGI application."""

    def __init__(self, config: StoreConfig) -> None:
        self.config = config = config.complete()
        self.clock = StoreClock(config.zone, start=config.clock, frozen=config.frozen, skew=config.clock_skew)
        self.faults = Faults(config.seed, config.faults, key=config.admin_key)
        self.cutter = Cutter()
        self.scale = Scale(config.amounts, config.currency)
        self.webhooks = Webhooks(
            self.clock,
            self.faults,
            self._describe,
            secret=config.webhook_secret,
            parallel=config.webhook_parallel,
            timeout=config.webhook_timeout,
        )
        self.shop = Shop(config, self.clock, self.faults, self.webhooks.event)
        self.bank = Bank(self.clock, config.seed)
        self.calls: Counter[tuple[str, int]] = Counter()
        self.cuts: Counter[str] = Counter()
        self._budget = Budget(config.rate, config.burst)
        self._keys = Keys(config.admin_key, config.api_key, config.read_key)
        self._date = DateHeader()
        control = Control(self.shop, self.webhooks, self.bank, self._budget, self.calls, self.cuts)
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            **Front(self.shop, self.scale).routes,
            **Api(self.shop, self.scale, self.webhooks).routes,
            **control.routes,
        }
        load_products(self.shop, catalogue(config.seed, config.products, config.currency))

    def revoke_key(self, new: str = "") -> str:
        """The shop's owner makes a new API key; the old one is refused from now on. Gives the new one."""
        self.config = config = msgspec.structs.replace(self.config, api_key=new or secrets.token_urlsafe(18))
        self._keys = Keys(config.admin_key, config.api_key, config.read_key)
        return config.api_key

    async def close(self) -> None:
        """Stop delivering webhooks."""
        await self.webhooks.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http":
            raise RuntimeError(f"the store speaks HTTP, not {scope['type']}")
        try:
            request = Request(scope, await read_body(receive))
        except Cut:
            return
        except Refused as no:
            await self._send(send, self._refusal(no))
            return
        path = f"{request.method} {request.template}"
        try:
            answer = await self._answer(request)
        except Cut:
            self.cuts[path] += 1
            self.cutter.cut(scope.get("client"))
            return
        known = (request.method, request.template) in self._routes
        self.calls[(path if known else "unknown", answer.status)] += 1
        await self._send(send, answer)

    async def _answer(self, request: Request) -> Answer:
        try:
            handler = self._routes.get((request.method, request.template))
            if handler is None:
                raise Refused(404, "unknown_path", f"there is no {request.method} {request.path}")
            guarded = request.template.startswith("/api/")
            if guarded or request.template.startswith("/sandbox/"):
                self._admit(request)
            if not guarded or request.access == "admin":
                return await self._run(handler, request)
            return await self._with_faults(handler, request)
        except Refused as no:
            return self._refusal(no)
        except (decimal.InvalidOperation, OverflowError):
            return self._refusal(Refused(400, "bad_number", "a number in the request cannot be used"))
        except Cut:
            raise
        except Exception:
            # A fault of the sandbox itself must be seen as such, by the caller and in its log.
            log.exception("%s %s failed", request.method, request.path)
            return self._refusal(Refused(500, "sandbox_broken", "the sandbox itself has failed; see its log"))

    def _admit(self, request: Request) -> None:
        request.access = self._keys.access(request.headers)
        if request.template.startswith("/sandbox/"):
            if request.access != "admin":
                raise Refused(403, "forbidden", "the header X-Sandbox-Key is missing or wrong")
            return
        if request.access == "none":
            raise Refused(401, "unauthorized", "the API key is missing or wrong")
        if request.access == "read" and request.method != "GET":
            raise Refused(403, "forbidden", "this API key may only read")

    async def _with_faults(self, handler: Callable[[Request], Any], request: Request) -> Answer:
        """Answer a program, with the rate limit and the faults that fall on it."""
        wait: float | None = self._budget.take() or self.faults.throttled()
        if wait:
            no = Refused(429, "too_many_requests", "too many calls: wait as long as Retry-After says")
            seconds = f"{wait:g}".encode()
            return Answer(429, msgspec.json.encode(no.body()), ((b"retry-after", seconds),))
        if delay := self.faults.delay():
            await asyncio.sleep(delay)
        fate = self.faults.before()
        if fate == "reset":
            raise Cut
        if fate is not None:
            raise Refused(int(fate), "fault", "the store has a hiccup; nothing has happened")
        answer = await self._run(handler, request)
        if request.method != "GET" and answer.status < 300:
            lost = self.faults.after()
            if lost == "drop":
                raise Cut
            if lost is not None:
                raise Refused(int(lost), "fault", "the store has a hiccup")
        return answer

    async def _run(self, handler: Callable[[Request], Any], request: Request) -> Answer:
        result = handler(request)
        answer: Answer = await result if inspect.isawaitable(result) else result
        return answer

    @staticmethod
    def _refusal(no: Refused) -> Answer:
        return Answer(no.status, msgspec.json.encode(no.body()))

    async def _send(self, send: Send, answer: Answer) -> None:
        await send_answer(send, answer, self._date.value(self.clock.second()))

    def _describe(self, topic: str, key: int) -> bytes | None:
        """The body of a webhook: id and an excerpt of the present state."""
        kind = topic.partition(".")[0]
        body: dict[str, Any]
        if kind == "order":
            order = self.shop.orders.get(key)
            if order is None or order.status == "trash":
                return None
            shown = self.scale.plain(order)
            names = ("number", "status", "payment_status", "currency", "total", "updated_at")
            body = {"id": key, **{name: shown[name] for name in names}}
        elif kind == "stock":
            row = self.shop.goods.stock[key]
            body = {"id": key, **msgspec.to_builtins(row)}
        else:
            product = self.scale.plain(self.shop.goods.products[key])
            names = ("sku", "name", "type", "price", "active", "updated_at")
            body = {"id": key, **{name: product[name] for name in names}}
        return msgspec.json.encode({"topic": topic, **body})
