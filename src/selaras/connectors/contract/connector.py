"""The two protocols of a connector and the values that pass through them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from selaras.connectors.contract.capabilities import Capabilities
from selaras.connectors.contract.outcomes import Found, Op, Outcome, Write


class Hint(msgspec.Struct, frozen=True):
    """ "Look at this record again." All that a webhook is allowed to mean. An empty `id` means: poll the kind now."""

    kind: str
    id: str


class Seen(msgspec.Struct, frozen=True):
    """A record as the source holds it now.

    `record` is the model value (`Order`, `Product`, `Stock`, `Contact`, `BankTransaction`, `Found`-like documents …),
    `raw` the source's own bytes for it, `updated_at` an aware UTC instant, `day` the business day in the connection's
    zone, `total` its money for the coverage sums (None for kinds without money). `record` is None when the record
    no longer exists in the source.
    """

    kind: str
    id: str
    record: Any
    raw: bytes
    updated_at: dt.datetime
    day: dt.date
    number: str = ""
    total: Decimal | None = None
    currency: str = ""


class Changes(msgspec.Struct, frozen=True):
    """One page of a cursor poll. `cursor` replaces the old cursor once these rows are safe; `more` says read on now."""

    seen: Sequence[Seen]
    cursor: str
    more: bool


class Finding(msgspec.Struct, frozen=True):
    """One line of a connection check, in gettext source language; `ok` False needs `cure`."""

    what: str
    ok: bool
    detail: str = ""
    cure: str = ""


class Check(msgspec.Struct, frozen=True):
    """Result of checking a connection: account name, currency, zone, clock difference and the findings."""

    account: str
    currency: str
    zone: str
    clock_skew: float
    findings: Sequence[Finding] = ()

    @property
    def ok(self) -> bool:
        """True when nothing needs a cure."""
        return all(f.ok for f in self.findings)


class Webhook(msgspec.Struct, frozen=True):
    """A delivery as it arrived: raw body, headers with lower-case names."""

    headers: Mapping[str, str]
    body: bytes
    received_at: dt.datetime


class BadSignature(Exception):
    """The delivery is not from the system it claims to be from, or is too old. Answer 401 and do nothing."""


class Connector(Protocol):
    """A signed-in system. All methods raise `ConnectorError` kinds and nothing else for what the other side does."""

    name: str
    capabilities: Capabilities

    async def check(self) -> Check:
        """Rights, clock, zone, currency; one call or two, no writes."""
        ...

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of records changed since `cursor` ("" = from the beginning), oldest first, with overlap.

        Ties, rows that move between pages and the source's time zone are dealt with here: a loop over `changed` until
        `more` is False misses nothing that existed when it began; repeating rows is allowed.
        """
        ...

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records as they are now, at most `capabilities.read_batch`; missing ones come with `record` None."""
        ...

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents that the target holds under these references, at most `capabilities.read_batch`."""
        ...

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Write at most `capabilities.batch` documents; one outcome for each, in order.

        Raises `Ambiguous` when the fate of the whole call is unknown, `Throttled`/`Transient`/`Expired` when certainly
        nothing happened. Failures of single items are `Failed` outcomes, never exceptions.
        """
        ...

    def hints(self, webhook: Webhook) -> list[Hint]:
        """Authenticate a delivery (constant time, replay window) and say what to look at. Raises `BadSignature`."""
        ...

    async def subscribe(self, url: str) -> str:
        """Make sure that the source's webhook to `url` exists and is switched on.

        Returns "ok", "restored" when it had been switched off or lost, or "none" where the source has no webhooks.
        """
        ...

    async def close(self) -> None:
        """Close the HTTP session."""
        ...


@runtime_checkable
class Positioned(Protocol):
    """A connector that may have this too: a cursor that begins at a moment instead of at the beginning of all."""

    def cursor_at(self, kind: str, instant: dt.datetime) -> str:
        """The cursor from which `changed(kind, …)` gives everything that changed at or after `instant` (aware)."""
        ...


class Setting(msgspec.Struct, frozen=True):
    """One setting of a connection: its name, what it means, whether it is secret, and its default."""

    name: str
    title: str
    secret: bool = False
    required: bool = True
    default: str = ""


Settings = Mapping[str, str]


class Tools(msgspec.Struct, frozen=True):
    """What the house hands to a connector when it is built: nothing of the database but the token store."""

    connection: str
    zone: str
    tokens: Any
    clock: Callable[[], float]


class ConnectorType(msgspec.Struct, frozen=True):
    """What `selaras.connectors` entry points deliver: what the system is and how to build a connector of it."""

    name: str
    title: str
    role: Literal["store", "books", "bank", "gateway", "files"]
    settings: tuple[Setting, ...]
    build: Callable[[Settings, Tools], Connector]
    docs: str = ""
    grant: Literal["", "authorization_code", "client_credentials"] = ""
