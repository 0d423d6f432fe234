"""WooCommerce as a connector: orders, products and stock are read; stock and payments are written."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import (
    Capabilities,
    Changes,
    Check,
    Found,
    Hint,
    Op,
    Outcome,
    Rate,
    Rejected,
    Seen,
    Settings,
    Tools,
    Webhook,
    Write,
)
from selaras.connectors.cursors import read_cursor
from selaras.connectors.http import BasicAuth, Http
from selaras.connectors.limiter import Limiter, shared
from selaras.connectors.settings import number
from selaras.connectors.woocommerce import checking, hooks, walk
from selaras.connectors.woocommerce.client import MOST, Client
from selaras.connectors.woocommerce.mapping import Reading, statuses_of
from selaras.connectors.woocommerce.marking import write_payments
from selaras.connectors.woocommerce.reading import KINDS, Reader
from selaras.connectors.woocommerce.signing import Signer
from selaras.connectors.woocommerce.stocking import write_stock

_TIMEOUT = 60.0
"""Longer than the 30 s after which PHP by default ends a script: a call that was given up is over there as well."""


class WooCommerce:
    """A WooCommerce store; see `contract.Connector` for what the methods promise."""

    name = "woocommerce"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        parallel = int(number(settings, "parallel", "3"))
        rate = Rate(per_second=number(settings, "rate", "4"), burst=max(1, parallel), parallel=parallel)
        self.capabilities = Capabilities(
            batch=MOST,
            read_batch=MOST,
            page=walk.PER_PAGE,
            idempotency="search_first",
            visibility_lag=number(settings, "visibility_lag", "10"),
            timeout=_TIMEOUT,
            rate=rate,
            sources=frozenset(KINDS),
            targets=frozenset({"stock", "store_payment"}),
            updates=frozenset({"stock"}),
            money_scale="major",
            compare_and_set=False,
            webhooks=True,
        )
        self._tools = tools
        self._overlap = int(number(settings, "overlap", "600"))
        self._secret = settings.get("webhook_secret", "")
        self._subscribed = False
        reading = Reading(
            ZoneInfo(tools.zone),
            statuses_of(settings.get("statuses", "")),
            tuple(filter(None, (name.strip() for name in settings.get("tracking_meta", "").split(",")))),
        )
        limiter = shared(f"{settings['base_url']} {settings['consumer_key']} {tools.connection}", rate)
        self.client = _client(settings, tools, limiter)
        self._reader = Reader(self.client, reading, tools.clock)

    # -- reading ----------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """Address, key, rights, zone, currency, taxes and clock; what is wrong is told with its cure."""
        return await checking.check(self.client, self._tools.zone, self._tools.clock)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """One page; how nothing is missed is told in `walk`. Drafts of the checkout are left out."""
        self._know(kind)
        taken = await walk.step(
            self._reader.source(kind), read_cursor(cursor, walk.Position), overlap=self._overlap, sleep=asyncio.sleep
        )
        onward = msgspec.json.encode(taken.position).decode()
        return Changes([seen for row in taken.rows for seen in row.seen], onward, taken.more)

    def cursor_at(self, kind: str, instant: dt.datetime) -> str:
        """The cursor of what changed since a moment."""
        return msgspec.json.encode(walk.Position(since=int(instant.timestamp()))).decode()

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Records by id (stock: by code), in the order asked for; a draft is no record."""
        self._know(kind)
        return await self._reader.read(kind, ids)

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Nothing: orders cannot be searched by our field. Each write looks at its own order first instead."""
        return {}

    # -- writing ----------------------------------------------------------------------------------------

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Stock levels or payments, at most 100 in one call; both look before they write and may be repeated."""
        if kind not in self.capabilities.targets or op == "void" or (kind == "store_payment" and op != "create"):
            raise Rejected(f"WooCommerce cannot {op} a {kind}", code="unsupported")
        if kind == "stock":
            return await write_stock(self.client, self._reader, writes)
        return await write_payments(self.client, writes)

    # -- webhooks ---------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a delivery asks to look at. Raises `BadSignature`."""
        return hooks.hints(webhook, self._secret)

    async def subscribe(self, url: str) -> str:
        """Register the webhooks, or replace those that the store switched off; it pings `url` meanwhile."""
        if not self._secret:
            return "none"
        answer = await hooks.subscribe(self.client, url, self._tools.connection, self._secret, known=self._subscribed)
        self._subscribed = True
        return answer

    async def close(self) -> None:
        """Close the HTTP sessions."""
        await self.client.close()

    @staticmethod
    def _know(kind: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"WooCommerce has no {kind}")


def _client(settings: Settings, tools: Tools, limiter: Limiter) -> Client:
    """Key and secret over https; over http each call is signed, for the secret must not be seen."""
    base_url = settings["base_url"].rstrip("/").removesuffix("/wp-json")
    key, secret = settings["consumer_key"].strip(), settings["consumer_secret"].strip()
    plain = base_url.lower().startswith("http:")
    in_query = settings.get("credentials", "") == "query"

    def http(auth: BasicAuth | None) -> Http:
        return Http(
            base_url,
            auth=auth,
            limiter=limiter,
            timeout=_TIMEOUT,
            clock=tools.clock,
            allow_plain=settings.get("allow_plain", "") == "yes",
            name="the store",
        )

    return Client(
        http(None if plain or in_query else BasicAuth(key, secret)),
        http(None),
        clock=tools.clock,
        signer=Signer(key, secret, base_url) if plain else None,
        credentials=(("consumer_key", key), ("consumer_secret", secret)) if in_query and not plain else (),
    )
