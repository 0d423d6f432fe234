"""The wire of Medusa's admin API: lists, single records, writes, and the store's clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import Ambiguous, ConnectorError, Rejected, Transient
from selaras.connectors.http import Http, segment
from selaras.connectors.medusa.errors import refused
from selaras.connectors.medusa.wire import ORDER_FIELDS, WireChange

T = TypeVar("T")
MOST: Final = 100
"""Rows of a page. Medusa allows more; with all their relations they cost it much memory at once."""

_LONGEST: Final = 6000
"""Most bytes of ids in one question: Node.js refuses heads of more than 16 KiB, proxies often of more than 8."""

Pairs = list[tuple[str, object]]
_encoder = msgspec.json.Encoder(decimal_format="number")


class Listing(msgspec.Struct, frozen=True):
    """One answer of a list: raw rows, rows in all, and an instant at which the store had certainly begun to look."""

    rows: Sequence[bytes]
    total: int
    before: dt.datetime


class Client:
    """Calls the store. Every method raises `ConnectorError` kinds only.

    `skew` is the store's clock minus ours in seconds, as the last answer showed it (None before the first).
    """

    def __init__(self, http: Http, *, clock: Callable[[], float]) -> None:
        self.http = http
        self.skew: float | None = None
        self._clock = clock

    # -- lists ----------------------------------------------------------------------------------------------

    async def listing(self, path: str, key: str, params: Sequence[tuple[str, object]]) -> Listing:
        """Rows of a list; `key` names them in the answer."""
        began = self._clock()
        answer = self._done(await self._request("GET", f"/admin{path}", list(params)))
        took = max(0.0, self._clock() - began)
        whole = self._decode(answer, dict[str, msgspec.Raw])
        rows = self._convert(answer, whole.get(key), list[msgspec.Raw])
        total = self._convert(answer, whole.get("count"), int)
        stamp = answer.served_at
        clock = int(self._clock()) if stamp is None else stamp
        # The Date header is cut to the second; the store looked at most `took` before it wrote that.
        before = dt.datetime.fromtimestamp((clock - took) // 1, dt.UTC)
        return Listing([bytes(row) for row in rows], total, before)

    async def orders(self, params: Sequence[tuple[str, object]]) -> Listing:
        """Orders by id, whole; drafts are not among them."""
        return await self.listing("/orders", "orders", [("fields", ORDER_FIELDS), ("order", "id"), *params])

    async def by(self, path: str, key: str, name: str, values: Sequence[str], fields: str) -> list[bytes]:
        """Rows whose `name` is one of `values`, in as few questions as their length allows."""
        rows: list[bytes] = []
        for part in parts(values):
            asked: Pairs = [("fields", fields), ("limit", 10 * MOST)]
            rows += (await self.listing(path, key, [*asked, *((f"{name}[]", value) for value in part)])).rows
        return rows

    async def changes(self, order: str) -> list[WireChange]:
        """What was changed about an order, oldest first."""
        answer = self._done(await self._request("GET", f"/admin/orders/{segment(order)}/changes", []))
        whole = self._decode(answer, dict[str, msgspec.Raw])
        found = self._convert(answer, whole.get("order_changes"), list[WireChange])
        return sorted(found, key=lambda change: change.confirmed_at or dt.datetime.max.replace(tzinfo=dt.UTC))

    async def earlier(self, order: str, version: int) -> bytes:
        """An order as it was in an earlier version."""
        params: Pairs = [("fields", ORDER_FIELDS), ("version", version)]
        answer = self._done(await self._request("GET", f"/admin/orders/{segment(order)}", params))
        whole = self._decode(answer, dict[str, msgspec.Raw])
        return bytes(self._convert(answer, whole.get("order"), msgspec.Raw))

    async def stores(self) -> list[dict[str, Any]]:
        """The store's name and currencies."""
        fields = "id,name,supported_currencies.currency_code,supported_currencies.is_default"
        rows = (await self.listing("/stores", "stores", [("fields", fields)])).rows
        return [msgspec.json.decode(row) for row in rows]

    # -- writing --------------------------------------------------------------------------------------------

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """A write; the answer's body."""
        return self._done(await self._request("POST", f"/admin{path}", [], _encoder.encode(body))).body

    async def close(self) -> None:
        """Close the HTTP session."""
        await self.http.close()

    # -- inside ---------------------------------------------------------------------------------------------

    async def _request(self, method: str, path: str, params: Pairs, body: bytes | None = None) -> Response:
        answer = await self.http.request(method, path, params=params, body=body, effect=method != "GET")
        stamp = answer.served_at
        if stamp is not None:
            self.skew = stamp - self._clock()
        return answer

    @staticmethod
    def _done(answer: Response) -> Response:
        if answer.status < 300:
            return answer
        raise refused(answer)

    def _decode(self, answer: Response, kind: type[T]) -> T:
        return self._convert(answer, answer.body, kind)

    @staticmethod
    def _convert(answer: Response, raw: bytes | msgspec.Raw | None, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(raw or b"", type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass
        error: type[ConnectorError] = Ambiguous if answer.effect else Transient
        raise error(
            "the store does not answer as Medusa's admin API does",
            code="unreadable",
            cure="Look whether another program or a page of a proxy answers at this address.",
            status=answer.status,
        )


def parts(values: Sequence[str]) -> list[list[str]]:
    """Values cut into questions that are not too long."""
    made: list[list[str]] = []
    size = _LONGEST
    for value in values:
        length = len(quote(value, safe="")) + 12
        if not made or size + length > _LONGEST or len(made[-1]) == MOST:
            made.append([])
            size = 0
        made[-1].append(value)
        size += length
    return made


def stamp_of(instant: dt.datetime) -> str:
    """An instant as Medusa's filters read it."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def unknown(what: str, field: str) -> Rejected:
    """A record that the store does not have."""
    return Rejected(what, code="unknown", field=field, cure="Look whether it was deleted in Medusa.")
