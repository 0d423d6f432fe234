"""Medusa as a connector: orders, products and stock are read; stock and payments are written."""

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
from selaras.connectors.cursors import read_cursor
from selaras.connectors.http import BasicAuth, Http
from selaras.connectors.limiter import shared
from selaras.connectors.medusa import checking, hooks
from selaras.connectors.medusa.client import MOST, Client
from selaras.connectors.medusa.marking import write_payments
from selaras.connectors.medusa.reading import KINDS, Reader
from selaras.connectors.medusa.stocking import write_stock
from selaras.connectors.medusa.walk import Position
from selaras.connectors.settings import number

_TIMEOUT = 60.0


class Medusa:
    """A Medusa store; see `contract.Connector` for what the methods promise."""

    name = "medusa"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        parallel = int(number(settings, "parallel", "4"))
        rate = Rate(per_second=number(settings, "rate", "10"), burst=max(1, parallel), parallel=parallel)
        self.capabilities = Capabilities(
            batch=MOST,
            read_batch=MOST,
            page=MOST,
            idempotency="search_first",
            visibility_lag=number(settings, "visibility_lag", "5"),
            timeout=_TIMEOUT,
            rate=rate,
            sources=frozenset(KINDS),
            targets=frozenset({"stock", "store_payment"}),
            updates=frozenset({"stock"}),
            money_scale="major",
            compare_and_set=False,
            webhooks=True,
        )
        self._zone = tools.zone
        self._secret = settings.get("webhook_secret", "")
        key = settings["secret_key"].strip()
        base_url = settings["base_url"].rstrip("/").removesuffix("/app").removesuffix("/admin")
        http = Http(
            base_url,
            auth=BasicAuth(key, ""),
            limiter=shared(f"{base_url} {key} {tools.connection}", rate),
            timeout=_TIMEOUT,
            clock=tools.clock,
            allow_plain=settings.get("allow_plain", "") == "yes",
            name="the store",
        )
        self.client = Client(http, clock=tools.clock)
        self._reader = Reader(
            self.client, ZoneInfo(tools.zone), tools.clock,
            location=settings.get("location", "").strip(), overlap=number(settings, "overlap", "600"),
        )  # fmt: skip

    # -- reading ----------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """Address, key, currency, location and clock; what is wrong is told with its cure."""
        return await checking.check(self.client, self._reader, self._zone, secret=self._secret)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """One page; how nothing is missed, money included, is told in `walk`. Carts and drafts are left out."""
        self._know(kind)
        return await self._reader.changed(kind, read_cursor(cursor, Position))

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
            raise Rejected(f"Medusa cannot {op} a {kind}", code="unsupported")
        if kind == "stock":
            return await write_stock(self.client, self._reader, writes)
        return await write_payments(self.client, writes)

    # -- hints ------------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a delivery of our package in the store asks to look at. Raises `BadSignature`."""
        return hooks.hints(webhook, self._secret)

    async def subscribe(self, url: str) -> str:
        """Nothing to register: the package in the store is told the address by its own settings."""
        return "none"

    async def close(self) -> None:
        """Close the HTTP session."""
        await self.client.close()

    @staticmethod
    def _know(kind: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"Medusa has no {kind}")
