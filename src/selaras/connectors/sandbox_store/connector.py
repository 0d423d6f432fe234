"""The sandbox store as a connector: orders, products and stock are read; stock and payments are written."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import (
    BadSignature,
    Capabilities,
    Changes,
    Check,
    Done,
    Expired,
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
    Tools,
    Webhook,
    Write,
)
from selaras.connectors.cursors import read_cursor
from selaras.connectors.http import Http, StaticBearer
from selaras.connectors.limiter import Limiter
from selaras.connectors.sandbox_store import mapping, walk
from selaras.connectors.sandbox_store.client import PATHS, Client, Result, refused
from selaras.connectors.signatures import fresh, verify_hmac
from selaras.model.document import Document, StockLevel, StorePayment
from selaras.model.money import NotExact, to_minor

TOPICS: Final = ("order.created", "order.updated", "stock.updated", "product.updated")
REPLAY_WINDOW: Final = 300.0
_SKEW_ALLOWED: Final = 60.0
_WRONG_CLOCK: Final = 900.0
_PARALLEL: Final = 8


class _Delivery(msgspec.Struct):
    """The part of a webhook's body that says what to look at. Nothing else of it is believed."""

    topic: str = ""
    id: int | str = ""
    sku: str = ""


class _List:
    """One of the store's lists, for the walk."""

    def __init__(self, client: Client, kind: str) -> None:
        self._client = client
        self._kind = kind

    async def window(self, after: int | None, before: int | None, page: int) -> walk.Page:
        """A page of a window."""
        return await self._client.window(self._kind, after, before, page)

    async def by_key(self, keys: Sequence[int]) -> Sequence[mapping.Row]:
        """Rows by key."""
        return await self._client.by_keys(self._kind, keys)


class SandboxStore:
    """A signed-in sandbox store; see `contract.Connector` for what the methods promise."""

    name = "sandbox_store"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        minor = settings.get("amounts", "major") == "minor"
        rate = Rate(per_second=int(settings.get("rate") or 500), burst=20, parallel=_PARALLEL)
        self.capabilities = Capabilities(
            batch=100,
            read_batch=100,
            page=walk.PER_PAGE,
            idempotency="unique_ref",
            visibility_lag=0.0,
            timeout=30.0,
            rate=rate,
            sources=frozenset(PATHS),
            targets=frozenset({"stock", "store_payment"}),
            updates=frozenset({"stock"}),
            money_scale="minor" if minor else "major",
            compare_and_set=True,
            webhooks=True,
        )
        self._zone = ZoneInfo(tools.zone)
        self._tools = tools
        self._overlap = int(settings.get("overlap") or 2)
        self._secret = settings.get("webhook_secret", "")
        self._subscribed = False
        http = Http(
            settings["base_url"],
            auth=StaticBearer(settings["api_key"]),
            limiter=Limiter(rate),
            timeout=self.capabilities.timeout,
            clock=tools.clock,
            allow_plain=settings.get("allow_plain", "") == "yes",
            name="the sandbox store",
        )
        self.client = Client(http, self._zone, minor=minor, clock=tools.clock)

    # -- reading ----------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """One call: name, currency, zone, scale, clock and whether the key may write."""
        try:
            shop = await self.client.shop()
        except Expired as error:
            refusal = Finding("API key", False, error.message, "Enter the API key that the store shows.")
            return Check("", "", "", 0.0, (refusal,))
        skew = self.client.skew or 0.0
        same_zone = shop.zone == self._tools.zone
        same_scale = shop.amounts == self.capabilities.money_scale
        findings = (
            Finding("API key", True),
            Finding(
                "write access",
                shop.writable,
                "" if shop.writable else "this key may only read",
                "" if shop.writable else "Use an API key that may write, or stock and payments stay unsent.",
            ),
            Finding(
                "time zone",
                same_zone,
                "" if same_zone else f"the store's day is that of {shop.zone}, this connection's {self._tools.zone}",
                "" if same_zone else f"Set the zone of the connection to {shop.zone}.",
            ),
            Finding(
                "money scale",
                same_scale,
                "" if same_scale else f"the store writes amounts in {shop.amounts} units",
                "" if same_scale else f"Set `amounts` of the connection to {shop.amounts}.",
            ),
            # Harmless: the store's own time is used for every cursor.
            Finding("clock", True, "" if abs(skew) <= _SKEW_ALLOWED else f"the store's clock differs by {skew:.0f} s"),
        )
        return Check(shop.name, shop.currency, shop.zone, skew, findings)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """One page; how nothing is missed is told in `walk`. Drafts are left out, they are not orders."""
        self._know(kind)
        source = _List(self.client, kind)
        taken = await walk.step(source, read_cursor(cursor, walk.Position), overlap=self._overlap, sleep=asyncio.sleep)
        onward = msgspec.json.encode(taken.position).decode()
        return Changes([row.seen for row in taken.rows if row.seen is not None], onward, taken.more)

    def cursor_at(self, kind: str, instant: dt.datetime) -> str:
        """The cursor of what changed since a moment."""
        return msgspec.json.encode(walk.Position(after=int(instant.timestamp()) - 1)).decode()

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Records by id (stock: by SKU) in one call, in the order asked for; a draft is no record."""
        self._know(kind)
        asked = list(dict.fromkeys(i for i in ids if kind == "stock" or (i.isascii() and i.isdigit())))
        found: dict[str, Seen] = {}
        if asked:
            rows = await self.client.by_ids(kind, asked)
            found = {row.seen.id: row.seen for row in rows if row.seen is not None}
        now = dt.datetime.fromtimestamp(self._tools.clock(), dt.UTC)
        return [found.get(i) or mapping.missing(kind, i, now, self._zone) for i in ids]

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Payments by reference. Stock levels are absolute values and carry no reference: none is ever found."""
        if kind != "store_payment" or not references:
            return {}
        return {
            shown.reference: Found(
                str(shown.id),
                shown.reference,
                shown.order_number,
                self._major(shown.amount, shown.currency),
                shown.currency,
                shown.payment_status,
            )
            for shown in await self.client.payments(references)
        }

    # -- writing ----------------------------------------------------------------------------------------

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Stock levels (compare-and-set) or payments (once per reference), at most 100 in one call."""
        if kind not in self.capabilities.targets or op == "void" or (kind == "store_payment" and op != "create"):
            raise Rejected(f"the sandbox store cannot {op} a {kind}", code="unsupported")
        outcomes: list[Outcome | None] = []
        items: list[dict[str, object]] = []
        for write in writes:
            try:
                items.append(self._item(write.document))
                outcomes.append(None)
            except Rejected as error:
                outcomes.append(Failed(error))
        results: list[Result] = []
        if items:
            send = self.client.set_stock if kind == "stock" else self.client.add_payments
            results = await send(items)
        waiting = iter(results)
        return [self._outcome(next(waiting)) if done is None else done for done in outcomes]

    def _item(self, document: Document) -> dict[str, object]:
        if isinstance(document, StockLevel):
            item: dict[str, object] = {"sku": document.code, "available": str(document.available)}
            if document.version:
                item["version"] = _version(document)
            return item
        if isinstance(document, StorePayment):
            if not document.order_id.isdigit():
                raise Rejected(
                    f"{document.order_id!r} is no order of the sandbox store",
                    code="unknown_order",
                    field="order_id",
                    cure="Look whether this payment belongs to another store.",
                )
            return {
                "app": mapping.APP,
                "order_id": int(document.order_id),
                "reference": document.reference,
                "amount": self._wire(document.amount, document.currency),
                "method": document.method,
                "paid_at": document.paid_at.isoformat(),
            }
        raise Rejected(f"the sandbox store takes no {type(document).__name__}", code="unsupported")

    def _outcome(self, result: Result) -> Outcome:
        if result.stock is not None:
            return Done(str(result.stock.product_id), result.stock.sku, version=str(result.stock.version))
        if result.payment is not None:
            paid = result.payment
            total = self._major(paid.amount, paid.currency)
            return Done(str(paid.id), paid.order_number, total, paid.currency, paid.payment_status)
        error = result.error
        if error is None:
            return Failed(Rejected(f"the store gave no reason (status {result.status})", code="no_reason"))
        return Failed(refused(result.status, error))

    def _wire(self, amount: Decimal, currency: str) -> object:
        if not self.client.minor:
            return format(amount, "f")
        try:
            return to_minor(amount, currency)
        except NotExact as error:
            raise Rejected(str(error), code="bad_amount", field="amount", cure="Round the payment.") from None

    def _major(self, amount: Decimal, currency: str) -> Decimal:
        return mapping.money(currency, minor=self.client.minor)(amount)

    # -- webhooks ---------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a delivery asks to look at.

        The signature covers timestamp and raw body. `X-Store-Delivery` is no key (deliveries of one second share it)
        and is not looked at. The unsigned ping of a registration asks for nothing, and so needs no proof.
        """
        given = webhook.headers.get("x-store-signature", "")
        if not given and _is_ping(webhook.body):
            return []
        stamp = webhook.headers.get("x-store-timestamp", "")
        if not verify_hmac(self._secret, stamp.encode() + b"." + webhook.body, given, encoding="base64"):
            raise BadSignature("the delivery is not signed with the secret of this connection")
        # A wrong clock on either side is no attack: the age is taken by the store's clock, once that is known. A store
        # that lives in another week (the demo) signs with the machine's time all the same.
        there = self.client.store_time()
        skew = 0.0 if there is None else there - webhook.received_at.timestamp()
        at = webhook.received_at + dt.timedelta(seconds=skew if abs(skew) <= _WRONG_CLOCK else 0.0)
        if not fresh(stamp, at, REPLAY_WINDOW):
            raise BadSignature("the delivery is older than five minutes")
        try:
            told = msgspec.json.decode(webhook.body, type=_Delivery)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return [Hint("order", "")]
        kind = told.topic.partition(".")[0]
        if kind == "stock":
            return [Hint(kind, told.sku)]
        return [Hint(kind, str(told.id))] if kind in PATHS else []

    async def subscribe(self, url: str) -> str:
        """Register the webhook, or switch it on again; the store pings `url` meanwhile, so it must be served."""
        mine = [hook for hook in await self.client.webhooks() if hook.url == url]
        lost = self._subscribed and not mine
        kept = None
        for hook in mine:
            if kept is None and set(TOPICS) <= set(hook.topics):
                kept = hook
            else:
                await self.client.delete_webhook(hook.id)
        if kept is None:
            await self.client.add_webhook(url, TOPICS, self._secret)
        elif kept.status != "active":
            await self.client.restore_webhook(kept.id)
        self._subscribed = True
        return "restored" if lost or (kept is not None and kept.status != "active") else "ok"

    async def close(self) -> None:
        """Close the HTTP session."""
        await self.client.http.close()

    @staticmethod
    def _know(kind: str) -> None:
        if kind not in PATHS:
            raise ValueError(f"the sandbox store has no {kind}")


def _version(level: StockLevel) -> int:
    if not level.version.isdigit():
        raise Rejected(
            f"{level.version!r} is no version of the stock of {level.code}",
            code="bad_version",
            field="version",
            cure="Read the stock of the store again.",
        )
    return int(level.version)


def _is_ping(body: bytes) -> bool:
    name, _, number = body.partition(b"=")
    return name == b"webhook_id" and number.isdigit()
