"""{{ cookiecutter.system }} as a connector. Most of this stays; replace `capabilities` and `hints`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from selaras.connectors.contract import (
    BadSignature,
    Capabilities,
    Changes,
    Check,
    ConnectorError,
    Done,
    Failed,
    Finding,
    Found,
    Hint,
    Op,
    Outcome,
    Rate,
    Rejected,
    Seen,
    Settings,
    Stale,
    Tools,
    Transient,
    Webhook,
    Write,
)
from selaras.connectors.http import Http, StaticBearer
from selaras.connectors.limiter import shared
from selaras.connectors.signatures import fresh, verify_hmac
from selaras.model.document import StockLevel

from {{ cookiecutter.package }}.client import BATCH, PAGE, PATHS, Client, Level, Page, Result
from {{ cookiecutter.package }}.mapping import seen_of

# Each poll reads this much again: a change may become visible a little later than its time says.
OVERLAP: Final = dt.timedelta(seconds=5)
PING: Final = b'{"ping":true}'


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands: `since` is where it began, `until` the store's time then, `after` the place in its pages.

    Only the store's own clock is used, so a wrong clock on our side can neither lose nor repeat anything.
    """

    since: str = ""
    until: str = ""
    after: str = ""


class _Delivery(msgspec.Struct, frozen=True):
    """The part of a webhook that says what to look at. Nothing else in it is believed."""

    kind: str = ""
    id: str = ""


class Store:
    """A store; see `selaras.connectors.contract.Connector` for what the methods promise."""

    name = "{{ cookiecutter.name }}"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        rate = Rate(per_second=_number(settings, "rate", "5"), burst=5, parallel=5)
        # Replace: the facts of this system. The flows go by them, so an honest number is better than a good one.
        self.capabilities = Capabilities(
            batch=BATCH,
            read_batch=100,
            page=PAGE,
            idempotency="search_first",
            visibility_lag=0.0,
            timeout=30.0,
            rate=rate,
            sources=frozenset(PATHS),
            targets=frozenset({"stock"}),  # `store_payment` too, where an order can be marked as paid.
            updates=frozenset({"stock"}),
            money_scale="major",
            compare_and_set=True,
            webhooks=True,
        )
        self._tools = tools
        self._zone = ZoneInfo(tools.zone)
        self._secret = settings.get("webhook_secret", "")
        self._subscribed = False
        http = Http(
            settings["base_url"],
            auth=StaticBearer(settings["api_key"]),  # Replace: `BasicAuth`, `FixedHeaders` or `oauth.OAuth`.
            limiter=shared(f"{settings['base_url']} {settings['api_key']}", rate),
            timeout=self.capabilities.timeout,
            clock=tools.clock,
            allow_plain=settings.get("allow_plain", "") == "yes",
            name=tools.connection,
        )
        self.client = Client(http)

    # -- reading

    async def check(self) -> Check:
        """Who this is, and what is missing with its cure. The hub itself judges clock, currency and zone."""
        shop = await self.client.shop()
        cure = "Use an API key that may write, or stock stays unsent."
        zone = f"Set the zone of the connection to {shop.zone}."
        findings = (
            Finding("API key", True),
            Finding("write access", shop.writes, "" if shop.writes else "this key may only read", cure),
            Finding("time zone", shop.zone == self._tools.zone, shop.zone, zone),
        )
        return Check(shop.name, shop.currency, shop.zone, shop.now.timestamp() - self._tools.clock(), findings)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page; a loop until `more` is False misses nothing."""
        self._know(kind)
        at = msgspec.json.decode(cursor, type=Cursor) if cursor else Cursor()
        page = await self.client.page(kind, at.since, at.after)
        until = at.until or page.now.isoformat()
        if page.next:
            onward = Cursor(at.since, until, page.next)
        else:
            onward = Cursor((dt.datetime.fromisoformat(until) - OVERLAP).isoformat())
        return Changes(self._seen(kind, page), msgspec.json.encode(onward).decode(), bool(page.next))

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records as they are now, in the order asked for; what is gone comes without a record."""
        self._know(kind)
        if not ids:
            return []
        page = await self.client.some(kind, ids)
        there = {seen.id: seen for seen in self._seen(kind, page)}
        now = page.now.astimezone(dt.UTC)
        gone = now.astimezone(self._zone).date()
        return [there.get(id) or Seen(kind, id, None, b"", now, gone) for id in ids]

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Nothing: a stock level has no reference. Where orders are marked as paid, look for that mark here."""
        return {}

    def _seen(self, kind: str, page: Page) -> list[Seen]:
        try:
            rows = [seen_of(kind, bytes(raw), self._zone) for raw in page.items]
        except (msgspec.MsgspecError, ValueError) as error:
            raise Transient(f"the store's answer for {kind} cannot be read: {error}", code="unreadable") from None
        return [row for row in rows if row is not None]

    @staticmethod
    def _know(kind: str) -> None:
        if kind not in PATHS:
            raise ValueError(f"{{ cookiecutter.system }} has no {kind}")

    # -- writing

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Stock levels, one outcome for each: one bad item is that item's matter and nobody else's."""
        if kind != "stock" or op == "void":
            raise Rejected(f"{{ cookiecutter.system }} cannot {op} a {kind}", code="unsupported")
        levels: list[Level] = []
        for write in writes:
            document = write.document
            if not isinstance(document, StockLevel):
                raise TypeError(f"a {type(document).__name__} is not a stock level")
            levels.append(Level(document.code, int(document.available), document.version))
        if not levels:
            return []
        results = await self.client.set_stock(levels)
        return [_outcome(level, result) for level, result in zip(levels, results, strict=True)]

    # -- webhooks

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a delivery asks to look at. Replace: which bytes the vendor signs, and in which header.

        The signature is of the bytes as they came, never of JSON written again. Nothing is remembered here: a delivery
        that comes twice says the same twice, and what was heard before is the ledger's to know.
        """
        given = webhook.headers.get("x-shop-signature", "")
        if not given and webhook.body == PING:
            return []
        stamp = webhook.headers.get("x-shop-time", "")
        if not verify_hmac(self._secret, stamp.encode() + b"." + webhook.body, given, encoding="hex"):
            raise BadSignature("the delivery is not signed with the secret of this connection")
        if not fresh(stamp, webhook.received_at):
            raise BadSignature("the delivery is older than five minutes")
        try:
            told = msgspec.json.decode(webhook.body, type=_Delivery)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return [Hint("order", "")]
        return [Hint(told.kind, told.id)] if told.kind in PATHS else []

    async def subscribe(self, url: str) -> str:
        """See that the webhook to `url` exists and is on: stores switch them off after some failures."""
        if not self._secret:
            return "none"
        mine = [hook for hook in await self.client.webhooks() if hook.url == url]
        if not mine:
            await self.client.add_webhook(url, self._secret)
            answer = "restored" if self._subscribed else "ok"
        elif not mine[0].active:
            await self.client.wake_webhook(mine[0].id)
            answer = "restored"
        else:
            answer = "ok"
        self._subscribed = True
        return answer

    async def close(self) -> None:
        """Close the session."""
        await self.client.http.close()


def _outcome(level: Level, result: Result) -> Outcome:
    """What became of one item. Replace: the vendor's codes, each with what a person can do about it."""
    if result.ok:
        return Done(level.code, level.code, version=result.version)
    message = f"{level.code}: {result.message or result.error}"
    error: ConnectorError
    if result.error == "version":
        error = Stale(message, code=result.error)
    else:
        cure = "Match this product with one of the store, or create it there."
        error = Rejected(message, code=result.error, field=result.field, cure=cure)
    return Failed(error)


def _number(settings: Settings, name: str, default: str) -> float:
    text = settings.get(name) or default
    try:
        return msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        raise ValueError(f"the setting {name!r} must be a number, not {text!r}") from None
