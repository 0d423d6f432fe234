"""Vendure as a connector: orders, products and stock are read; stock and payments are written."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

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
from selaras.connectors.http import Http
from selaras.connectors.limiter import shared
from selaras.connectors.settings import number
from selaras.connectors.vendure import checking, hooks
from selaras.connectors.vendure.client import Client
from selaras.connectors.vendure.marking import write_payments
from selaras.connectors.vendure.reading import KINDS, Reader
from selaras.connectors.vendure.stocking import write_stock

_TIMEOUT = 45.0


class Vendure:
    """One channel of a Vendure store; see `contract.Connector` for what the methods promise."""

    name = "vendure"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        parallel = int(number(settings, "parallel", "4"))
        page = max(2, min(500, int(number(settings, "page", "100"))))
        rate = Rate(per_second=number(settings, "rate", "10"), burst=max(1, parallel), parallel=parallel)
        self.capabilities = Capabilities(
            batch=100,
            read_batch=page,
            page=page,
            idempotency="search_first",
            visibility_lag=number(settings, "visibility_lag", "10"),
            timeout=_TIMEOUT,
            rate=rate,
            sources=KINDS,
            targets=frozenset({"stock", "store_payment"}),
            updates=frozenset({"stock"}),
            money_scale="minor",
            compare_and_set=False,
            # Hints come from our plugin, which is set up in the store: there is nothing to register.
            webhooks=False,
        )
        self._tools = tools
        self._secret = settings.get("webhook_secret", "")
        self._location = settings.get("stock_location", "").strip()
        key = settings.get("api_key", "").strip()
        login = (settings.get("username", "").strip(), settings.get("password", ""))
        if not key and not all(login):
            raise ValueError("the setting 'api_key' is needed, or 'username' and 'password'")
        base_url = settings["base_url"].strip().rstrip("/").removesuffix("/admin-api")
        channel = settings.get("channel", "").strip()
        http = Http(
            base_url,
            limiter=shared(f"{base_url} {key or login[0]} {tools.connection}", rate),
            timeout=_TIMEOUT,
            clock=tools.clock,
            allow_plain=settings.get("allow_plain", "") == "yes",
            name="the store",
        )
        self.client = Client(http, clock=tools.clock, channel=channel, key=key, login=login)
        self._reader = Reader(
            self.client, ZoneInfo(tools.zone), tools.clock, page=page, overlap=number(settings, "overlap", "15"),
            recheck=number(settings, "recheck", "600"), days=number(settings, "recheck_days", "30"),
        )  # fmt: skip

    # -- reading ----------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """Sign-in, rights, channel, currency, stock locations and clock; what is wrong is told with its cure."""
        return await checking.check(self.client, self._tools.zone, self._location, self._secret)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """One page; how nothing is missed is told in `walk`. Carts are left out."""
        self._know(kind)
        return await self._reader.changed(kind, cursor)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Records by id (stock: by code), in the order asked for; a cart is no record."""
        self._know(kind)
        return await self._reader.read(kind, ids)

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Nothing: notes cannot be searched. Each write looks at its own order first instead."""
        return {}

    # -- writing ----------------------------------------------------------------------------------------

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Stock levels, all in one call, or payments one by one; both look before they write and may be repeated."""
        if kind not in self.capabilities.targets or op == "void" or (kind == "store_payment" and op != "create"):
            raise Rejected(f"Vendure cannot {op} a {kind}", code="unsupported")
        if kind == "stock":
            return await write_stock(self.client, self._reader, writes, self._location)
        return await write_payments(self.client, self._reader, writes)

    # -- hints ------------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a delivery of our plugin asks to look at. Raises `BadSignature`."""
        return hooks.hints(webhook, self._secret)

    async def subscribe(self, url: str) -> str:
        """Nothing to do: the plugin is told the address in the store's own configuration."""
        return "none"

    async def close(self) -> None:
        """Close the HTTP session."""
        await self.client.close()

    @staticmethod
    def _know(kind: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"Vendure has no {kind}")
