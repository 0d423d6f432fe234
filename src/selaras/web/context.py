"""What the web's routes share: the running hub and engine, a reading desk, and who may do what."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from selaras.connectors import registry
from selaras.connectors.registry import UnknownConnector
from selaras.engine.service import Service
from selaras.ledger import Desk
from selaras.sync.hub import Hub
from selaras.web.passwords import Attempts, Passwords, local_token
from selaras.web.sessions import Session, Sessions

T = TypeVar("T")

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_KEEP: Final = 1.0


class Visitor(msgspec.Struct, frozen=True):
    """Who sends a request: a `program` with the local token, a signed-in `person`, a `reader` of an installation that
    is open for reading, or `nobody`. `nonce` is what form tokens are bound to.
    """

    kind: Literal["program", "person", "reader", "nobody"]
    nonce: str
    session: Session | None = None

    @property
    def may_read(self) -> bool:
        """May see pages and ask the API."""
        return self.kind != "nobody"

    @property
    def may_write(self) -> bool:
        """May retry, skip, link and so on (a person's form or call needs its token as well)."""
        return self.kind in ("program", "person")


class Context:
    """One served installation. `state` is the slot through which the demo shows what it does (`state["demo"]`)."""

    def __init__(
        self,
        hub: Hub,
        service: Service,
        *,
        data: Path,
        public_url: str = "",
        open_read: bool = False,
        state: dict[str, Any] | None = None,
    ) -> None:
        self.hub = hub
        self.service = service
        self.public_url = public_url.rstrip("/")
        self.open_read = open_read
        self.state: dict[str, Any] = {} if state is None else state
        self.token = local_token(data)
        self.passwords = Passwords(hub.desk, hub.now)
        self.sessions = Sessions(self.token, lambda: self.passwords.mark, hub.clock)
        self.attempts = Attempts(hub.clock)
        self._reading: Desk | None = None
        self._kept: dict[object, asyncio.Future[Any]] = {}
        self._until: dict[object, float] = {}

    async def start(self) -> None:
        """Open the reading connection and load the password."""
        self._reading = Desk(await self.hub.desk(self.hub.desk.ledger.reader))
        await self.passwords.load()

    async def close(self) -> None:
        """Close the reading connection; the hub stays the caller's to close."""
        if self._reading is not None:
            await self._reading.close()

    @property
    def secure(self) -> bool:
        """People come over https."""
        return self.public_url.startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """Names under which an installation that is open for reading may be asked for.

        Anything else is a page of another site that pointed its own name at this machine (DNS rebinding).
        """
        own = urlsplit(self.public_url).hostname
        return LOOPBACK | ({own} if own else set())

    @property
    def zone(self) -> str:
        """The zone in which instants are shown: that of the first pair."""
        return self.hub.pairs[0].policy.zone if self.hub.pairs else "Asia/Jakarta"

    async def read(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Run `work(ledger, …)` on the reading connection, in its own thread."""
        if self._reading is None:
            raise RuntimeError("the context was not started")
        return await self._reading(functools.partial(work, self._reading.ledger, *args, **named))

    async def glance(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Like `read`, but an answer of a moment ago is good enough: many people may watch the same picture.

        It is kept for a second, or for ten times as long as it took to work out, so that pages never take more than a
        tenth of the machine however large the ledger grows; those who ask meanwhile share one working.
        """
        key = (work, args, tuple(sorted(named.items())))
        kept = self._kept.get(key)
        if kept is None or (kept.done() and self._stale(key)):
            if len(self._kept) > 200:
                self._kept.clear()
                self._until.clear()
            kept = asyncio.ensure_future(self._work_out(key, functools.partial(self.read, work, *args, **named)))
            self._kept[key] = kept
        answer: T = await asyncio.shield(kept)
        return answer

    def _stale(self, key: object) -> bool:
        return time.monotonic() >= self._until.get(key, 0.0)

    async def _work_out(self, key: object, work: Callable[[], Awaitable[T]]) -> T:
        began = time.monotonic()
        try:
            answer = await work()
        except BaseException:
            self._until.pop(key, None)
            raise
        now = time.monotonic()
        self._until[key] = now + max(_KEEP, 10 * (now - began))
        return answer

    async def change(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Run `work(ledger, …)` in the ledger's own thread (it opens its transactions itself), then wake the lanes."""
        desk = self.hub.desk
        answer = await desk(functools.partial(work, desk.ledger, *args, **named))
        self.changed()
        return answer

    def changed(self) -> None:
        """Something was decided: forget what was kept, and let the lanes look for what they can do now."""
        self._kept.clear()
        self._until.clear()
        for name, lane in self.service.lanes.items():
            if name.split(" ", 1)[0] in ("plan", "money", "send", "stock", "backfill"):
                lane.wake()


def type_title(name: str) -> str:
    """What a connector type calls itself; its plain name when it is not installed any more."""
    try:
        return registry.get(name).title
    except UnknownConnector:
        return name
