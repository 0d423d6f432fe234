"""The wire of the sandbox store: paths, paging, batches, and its refusals as our error kinds."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import Ambiguous, ConnectorError, Rejected, Stale
from selaras.connectors.http import Http
from selaras.connectors.sandbox_store.mapping import Row, check_scale, order_row, product_row, stock_row
from selaras.connectors.sandbox_store.walk import PER_PAGE, Page

PATHS: Final = {"order": "/api/orders", "product": "/api/products", "stock": "/api/stock"}
_ROWS: Final = {"order": "orders", "product": "products", "stock": "stock"}


class Shop(msgspec.Struct):
    """What `/api/shop` says."""

    name: str
    currency: str
    zone: str
    amounts: str
    server_time: dt.datetime
    writable: bool = True


class Refusal(msgspec.Struct):
    """The store's error body; further fields depend on the code."""

    code: str = ""
    message: str = ""
    sku: str = ""
    order_id: int = 0


class PaymentShown(msgspec.Struct):
    """A payment as the store shows it to programs."""

    id: int
    order_id: int
    order_number: str
    amount: Decimal
    currency: str
    reference: str = ""
    payment_status: str = ""


class StockShown(msgspec.Struct):
    """The stock row after a write."""

    product_id: int
    sku: str
    version: int


class Result(msgspec.Struct):
    """The result of one item of a batch."""

    status: int
    payment: PaymentShown | None = None
    stock: StockShown | None = None
    error: Refusal | None = None


class Subscription(msgspec.Struct):
    """A webhook of the store."""

    id: int
    url: str
    topics: list[str]
    status: str


class _List(msgspec.Struct):
    orders: list[msgspec.Raw] = []
    products: list[msgspec.Raw] = []
    stock: list[msgspec.Raw] = []
    total: int = 0


class _Error(msgspec.Struct):
    error: Refusal = msgspec.field(default_factory=Refusal)


class _Results(msgspec.Struct):
    results: list[Result]


class _Payments(msgspec.Struct):
    payments: list[PaymentShown]


class _Webhooks(msgspec.Struct):
    webhooks: list[Subscription]


_CURES: Final = {
    "forbidden": "Use an API key of the store that may write.",
    "unknown_sku": "Match the product code with one that the store has.",
    "not_stocked": "Exclude this product from the stock that is pushed: it has no stock of its own in the store.",
    "bad_quantity": "Correct the stock in the books: the store takes whole pieces from 0.",
    "unknown_order": "Look whether the order was deleted in the store.",
    "reference_used": "Compare the two payments in the store; one reference can pay one order only.",
    "trash": "Restore the order in the store, or skip this payment.",
    "bad_amount": "Compare the payment with the order in the store.",
}
_FIELDS: Final = {
    "unknown_sku": "code",
    "not_stocked": "code",
    "bad_quantity": "available",
    "unknown_order": "order_id",
    "reference_used": "reference",
    "trash": "order_id",
    "draft": "order_id",
    "bad_amount": "amount",
}


def refused(status: int, refusal: Refusal) -> ConnectorError:
    """A refusal of a call or of an item as one of our kinds of error."""
    code = refusal.code or f"http_{status}"
    message = refusal.message or f"the store refuses with HTTP {status}"
    if code == "version_moved":
        return Stale(message, code=code, field="version", status=status)
    return Rejected(
        message,
        code=code,
        field=_FIELDS.get(code, ""),
        cure=_CURES.get(code, "Correct the record, then try again."),
        status=status,
    )


class Client:
    """Calls the store. Every method raises `ConnectorError` kinds only.

    `skew` is the store's clock minus ours in seconds, as the last answer showed it (None before the first).
    """

    def __init__(self, http: Http, zone: Any, *, minor: bool, clock: Callable[[], float]) -> None:
        self.http = http
        self.zone = zone
        self.minor = minor
        self.skew: float | None = None
        self._clock = clock
        self._shown: tuple[int, float] | None = None

    async def shop(self) -> Shop:
        """The shop's facts."""
        answer = await self._get("/api/shop")
        return answer.decode(Shop)

    async def window(self, kind: str, after: int | None, before: int | None, page: int) -> Page:
        """A page of the rows of `kind` changed in after < second < before."""
        params: dict[str, object] = {"per_page": PER_PAGE, "page": page}
        if after is not None:
            params["updated_after"] = _instant(after)
        if before is not None:
            params["updated_before"] = _instant(before)
        began = self._clock()
        answer = await self._get(PATHS[kind], params)
        took = max(0.0, self._clock() - began)
        rows, total = self._rows(kind, answer)
        clock = self._date(answer)
        if clock is None:
            clock = int((await self.shop()).server_time.timestamp())
            took += 1.0
        # The Date header is cut to the second; the store looked at most `took` before it wrote that.
        return Page(rows, total, clock, int((clock - took) // 1))

    async def by_ids(self, kind: str, ids: Sequence[str]) -> Sequence[Row]:
        """Rows by their ids (stock: by SKU), drafts without a record; what is not there is left out."""
        name = "sku" if kind == "stock" else "ids"
        pairs = [(name, i) for i in ids] if kind == "stock" else [(name, ",".join(ids))]
        rows, _ = self._rows(kind, await self._get(PATHS[kind], pairs))
        return rows

    async def by_keys(self, kind: str, keys: Sequence[int]) -> Sequence[Row]:
        """Rows by the keys that their lists have (stock: the product's id)."""
        rows, _ = self._rows(kind, await self._get(PATHS[kind], {"ids": ",".join(map(str, keys))}))
        return rows

    async def payments(self, references: Sequence[str]) -> list[PaymentShown]:
        """Payments by their references."""
        answer = await self._get("/api/payments", [("reference", r) for r in references])
        return answer.decode(_Payments).payments

    async def set_stock(self, items: Sequence[Mapping[str, object]]) -> list[Result]:
        """Write stocks in one call; one result for each item."""
        return await self._batch("/api/stock", {"items": items}, len(items))

    async def add_payments(self, payments: Sequence[Mapping[str, object]]) -> list[Result]:
        """Write payments in one call; one result for each."""
        return await self._batch("/api/payments", {"payments": payments}, len(payments))

    async def webhooks(self) -> list[Subscription]:
        """All webhooks of the store."""
        return (await self._get("/api/webhooks")).decode(_Webhooks).webhooks

    async def add_webhook(self, url: str, topics: Sequence[str], secret: str) -> None:
        """Register a webhook; the store pings its URL before it answers."""
        body = msgspec.json.encode({"url": url, "topics": list(topics), "secret": secret})
        self._done(await self.http.request("POST", "/api/webhooks", body=body, effect=True))

    async def restore_webhook(self, key: int) -> None:
        """Switch a webhook on again."""
        self._done(await self.http.request("POST", f"/api/webhooks/{key}/restore", effect=True))

    async def delete_webhook(self, key: int) -> None:
        """End a webhook."""
        self._done(await self.http.request("DELETE", f"/api/webhooks/{key}", effect=True))

    async def _get(
        self, path: str, params: Mapping[str, object] | Sequence[tuple[str, object]] | None = None
    ) -> Response:
        return self._done(await self.http.request("GET", path, params=params, effect=False))

    async def _batch(self, path: str, body: Mapping[str, object], size: int) -> list[Result]:
        answer = self._done(await self.http.request("POST", path, body=msgspec.json.encode(body), effect=True))
        results = answer.decode(_Results).results
        if len(results) != size:
            # Nobody can say which item each result belongs to.
            raise Ambiguous(f"the store gave {len(results)} results for {size} items", code="unreadable")
        return results

    def _done(self, answer: Response) -> Response:
        self._date(answer)
        if answer.status < 300:
            return answer
        try:
            refusal = msgspec.json.decode(answer.body, type=_Error).error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            refusal = Refusal()
        raise refused(answer.status, refusal)

    def _rows(self, kind: str, answer: Response) -> tuple[list[Row], int]:
        page = answer.decode(_List)
        raws = [bytes(raw) for raw in getattr(page, _ROWS[kind])]
        if kind == "order":
            if raws:
                check_scale(raws[0], minor=self.minor)
            return [order_row(raw, self.zone, minor=self.minor) for raw in raws], page.total
        row = product_row if kind == "product" else stock_row
        return [row(raw, self.zone, minor=self.minor) for raw in raws], page.total

    def _date(self, answer: Response) -> int | None:
        """The store's clock when it answered (Unix seconds), from the `Date` header."""
        seconds = answer.served_at
        if seconds is not None:
            self.skew = seconds - self._clock()
            self._shown = (seconds, time.monotonic())
        return seconds

    def store_time(self) -> float | None:
        """The store's clock now (Unix seconds), whatever was done to ours since its last answer; None before one."""
        return None if self._shown is None else self._shown[0] + time.monotonic() - self._shown[1]


def _instant(second: int) -> str:
    return dt.datetime.fromtimestamp(second, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
