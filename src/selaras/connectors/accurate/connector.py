"""The signed-in Accurate: which part answers what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from selaras.connectors.accurate import checking, hooks
from selaras.connectors.accurate.chart import KINDS as CHART_KINDS
from selaras.connectors.accurate.chart import Chart
from selaras.connectors.accurate.drafts import Choices
from selaras.connectors.accurate.reading import Reader
from selaras.connectors.accurate.session import Account
from selaras.connectors.accurate.shelf import Shelf
from selaras.connectors.accurate.wire import Wire
from selaras.connectors.accurate.writing import Writer
from selaras.connectors.contract import Capabilities, Changes, Check, Found, Hint, Op, Outcome, Seen, Webhook, Write
from selaras.connectors.http import Http
from selaras.connectors.oauth import OAuth

_MARGIN = dt.timedelta(seconds=2)  # instants of Accurate are whole seconds


class Accurate:
    """One database of Accurate Online. `oauth` is the sign-in (None with an API token)."""

    name = "accurate"

    def __init__(
        self,
        account: Account,
        wire: Wire,
        https: Sequence[Http],
        capabilities: Capabilities,
        choices: Choices,
        *,
        oauth: OAuth | None,
        zone: str,
        database: str,
        connection: str,
        clock: Callable[[], float],
    ) -> None:
        self.capabilities = capabilities
        self.oauth = oauth
        self._account = account
        self._wire = wire
        self._https = https
        self._choices = choices
        self._zone_name = zone
        self._database = database
        self._connection = connection
        self._clock = clock
        zone_of = ZoneInfo(zone)
        overlap = dt.timedelta(seconds=capabilities.visibility_lag) + _MARGIN
        self._reader = Reader(wire, choices, zone_of, overlap, capabilities.read_batch)
        self._writer = Writer(wire, self._reader, choices, zone_of, clock)
        self._shelf = Shelf(wire, choices, zone_of, clock)
        self._chart = Chart(wire, zone_of, clock)
        self._renewal = hooks.Renewal(account, zone_of, clock)

    async def check(self) -> Check:
        """Rights, clock and the items that the settings name."""
        return await checking.checked(
            self._account, self._wire, self._choices, self._zone_name, self._clock, self._connection
        )

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of what changed; stock and the chart are walked whole."""
        if kind == "stock":
            return await self._shelf.changed(cursor)
        if kind in CHART_KINDS:
            return await self._chart.changed(kind, cursor)
        return await self._reader.changed(kind, cursor)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now; ids are numbers (of customers, items, documents) as Accurate shows them."""
        self._bound(ids)
        if not ids:
            return []
        if kind == "stock":
            return await self._shelf.read(ids)
        if kind in CHART_KINDS:
            return await self._chart.read(kind, ids)
        return await self._reader.read(kind, ids)

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents whose number is one of these references."""
        self._bound(references)
        return await self._reader.find(kind, references) if references else {}

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """One batch; one outcome for each write, in order."""
        if len(writes) > self.capabilities.batch:
            raise ValueError(f"at most {self.capabilities.batch} in one call, not {len(writes)}")
        if not writes:
            return []
        if kind == "stock":
            return await self._shelf.set(writes)
        return await self._writer.write(kind, op, writes)

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a delivery asks to poll: nothing more of it can be believed, for it is not signed."""
        return hooks.hints(webhook, self._database or self._account.database)

    async def subscribe(self, url: str) -> str:
        """Renew the webhooks that were entered in the developer's portal; they end after seven days."""
        return await self._renewal.renew() if self.capabilities.webhooks else "none"

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()
        if self.oauth is not None:
            await self.oauth.close()
        for http in self._https:
            await http.close()

    def _bound(self, values: Sequence[str]) -> None:
        if len(values) > self.capabilities.read_batch:
            raise ValueError(f"at most {self.capabilities.read_batch} in one call, not {len(values)}")
