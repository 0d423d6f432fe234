"""Is it alive, and can it do its work? For load balancers, container hosts and people."""

from __future__ import annotations

import asyncio
import secrets
from typing import Literal

import msgspec

from selaras.ledger.errors import LedgerError
from selaras.web.context import Context

_KEEP = 5.0
_PATIENCE = 5.0


class LaneHealth(msgspec.Struct, frozen=True):
    """A lane whose last turn failed, and why."""

    lane: str
    error: str


class Health(msgspec.Struct, frozen=True):
    """`failing`: the ledger cannot be written, so webhooks cannot be kept; `degraded`: a lane's last turn failed.

    A store or books that do not answer degrade us; what they owe us waits in the ledger, so we stay in service.
    """

    status: Literal["ok", "degraded", "failing"]
    ledger: str
    lanes_failing: int
    lanes: list[LaneHealth] = []

    @property
    def code(self) -> int:
        """The HTTP status that says the same."""
        return 503 if self.status == "failing" else 200


class HealthCheck:
    """Asks at most every five seconds: a probe must not become a load."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._owner = secrets.token_hex(4)
        self._ledger = "ok"
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def __call__(self, *, details: bool) -> Health:
        """The state now; `details` (for those who may read) names lanes and errors."""
        async with self._lock:
            now = self._context.hub.clock()
            if not 0 <= now - self._asked < _KEEP:
                self._ledger = await self._write()
                self._asked = now
        errors = [LaneHealth(name, lane.error) for name, lane in self._context.service.lanes.items() if lane.error]
        status: Literal["ok", "degraded", "failing"] = "degraded" if errors else "ok"
        if self._ledger != "ok":
            status = "failing"
        ledger = self._ledger if details or self._ledger == "ok" else "not writable"
        return Health(status, ledger, len(errors), errors if details else [])

    async def _write(self) -> str:
        """A real commit of one tiny row: a full disk is found out only by writing."""
        hub = self._context.hub
        try:
            async with asyncio.timeout(_PATIENCE):
                await hub.desk.write(hub.desk.ledger.connections.take_lane, "health", self._owner, hub.now(), 0.0)
        except TimeoutError:
            return f"A commit took longer than {_PATIENCE:.0f} seconds."
        except LedgerError as error:
            return str(error)
        return "ok"
