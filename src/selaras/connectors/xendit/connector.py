"""Xendit as a connector: payments, refunds and payouts are read; nothing is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import (
    Capabilities,
    Changes,
    Check,
    Expired,
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
    Transient,
    Webhook,
    Write,
)
from selaras.connectors.cursors import read_cursor
from selaras.connectors.http import BasicAuth, Http, segment
from selaras.connectors.limiter import shared
from selaras.connectors.xendit import hooks, walk
from selaras.connectors.xendit.mapping import (
    GATEWAY,
    TYPES,
    WireRefund,
    WireTransaction,
    instant,
    payment_of,
    payout_of,
    refund_of,
)
from selaras.model.money import ZERO
from selaras.model.settlement import GatewayPayment, GatewayRefund, Payout

LIVE: Final = "https://api.xendit.co"
PAGE: Final = 50
_REMEMBERED: Final = 1000
_NEVER: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TEST_KEY: Final = "xnd_development_"
_KEY_CURE: Final = "Make a secret key in Xendit, Settings, API keys, that may read transactions."


class _Page(msgspec.Struct):
    has_more: bool = False
    data: tuple[msgspec.Raw, ...] = ()


class _Refusal(msgspec.Struct):
    error_code: str = ""
    message: str = ""


class _Id(msgspec.Struct):
    id: str


class Xendit:
    """A signed-in account; see `contract.Connector` for what the methods promise."""

    name = "xendit"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._key = settings["secret_key"].strip()
        default = "60" if self._key.startswith(_TEST_KEY) else "600"
        rate = Rate(per_second=_number(settings, "rate", default) / 60, burst=5)
        self.capabilities = Capabilities(
            read_batch=1,
            page=PAGE,
            timeout=30.0,
            rate=rate,
            sources=frozenset(TYPES),
            money_scale="major",
            webhooks=True,
        )
        self._tools = tools
        self._zone = ZoneInfo(tools.zone)
        self._overlap = int(_number(settings, "overlap", "120"))
        self._token = settings.get("callback_token", "").strip()
        self._skew: float | None = None  # how far the clock here is behind theirs
        self._refunds: dict[tuple[str, str], WireRefund | None] = {}
        base = (settings.get("base_url") or LIVE).rstrip("/")
        account = settings.get("account", "").strip()
        self.http = Http(
            base,
            auth=BasicAuth(self._key, ""),
            limiter=shared(f"xendit {base} {self._key} {account}", rate),
            timeout=self.capabilities.timeout,
            clock=tools.clock,
            allow_plain=settings.get("allow_plain", "") == "yes",
            headers={"for-user-id": account} if account else None,
            name="Xendit",
        )

    # -- reading ----------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """One call: may the key read transactions, and is the webhook's token known?"""
        currency = ""
        try:
            page = await self._list([("limit", 1)])
            findings = [Finding("secret key", True)]
            if page.data:
                currency = msgspec.json.decode(page.data[0], type=WireTransaction, strict=False).currency
        except (Expired, Rejected) as error:
            findings = [Finding("secret key", False, error.message, error.cure or _KEY_CURE)]
        except msgspec.ValidationError:
            findings = [Finding("secret key", True)]
        test = self._key.startswith(_TEST_KEY)
        findings.append(Finding("environment", True, "this is a test key: no real money is seen" if test else ""))
        findings.append(
            Finding("webhook token", True, "" if self._token else "no token is set, so webhooks are refused")
        )
        return Check("Xendit", currency or "IDR", self._tools.zone, self._skew or 0.0, tuple(findings))

    async def changed(self, kind: str, cursor: str) -> Changes:
        """One page of a closed window; see `walk`."""
        self._know(kind)
        at = read_cursor(cursor, walk.Position)
        if not at.until and self._skew is None:
            await self._list([("limit", 1)])  # Xendit's clock is not known yet: the window's end must be its own
        at = walk.opened(at, int(self._tools.clock() + (self._skew or 0.0)))
        params: list[tuple[str, object]] = [("types", name) for name in TYPES[kind]]
        if at.since:
            params.append(("updated[gte]", walk.stamp(at.since)))
        params += [("updated[lte]", walk.stamp(at.until)), ("limit", PAGE)]
        if at.after:
            params.append(("after_id", at.after))
        page = await self._list(params)
        seen = [await self._seen(kind, raw) for raw in page.data]
        if page.has_more and not seen:
            raise Transient("Xendit says that there is more, and sends nothing", code="empty_page")
        last = seen[-1].id if seen else ""
        if page.has_more and last == at.after:
            raise Transient("Xendit sends the same page again", code="same_page")
        onward = walk.moved(at, last, page.has_more, self._overlap)
        return Changes(seen, walk.cursor_of(onward), page.has_more)

    def cursor_at(self, kind: str, instant: dt.datetime) -> str:
        """The cursor of what changed since a moment."""
        return walk.cursor_of(walk.Position(since=max(1, int(instant.timestamp()))))

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Transactions by their id, or by the id of the payment, refund or withdrawal that they come from."""
        self._know(kind)
        return [await self._read(kind, id) for id in ids]

    async def _read(self, kind: str, id: str) -> Seen:
        raw: bytes | None = None
        if id.startswith("txn_"):
            answer = await self._get(f"/transactions/{segment(id)}", ())
            raw = None if answer is None else answer.body
        elif id:
            page = await self._list([*(("types", name) for name in TYPES[kind]), ("product_id", id), ("limit", 1)])
            raw = bytes(page.data[0]) if page.data else None
        if raw is None:
            now = self._now()
            return Seen(kind, id, None, b"", now, now.astimezone(self._zone).date())
        return await self._seen(kind, raw)

    async def _seen(self, kind: str, raw: Any) -> Seen:
        """One row. What cannot be read is shown as such and holds up no other."""
        body = bytes(raw)
        try:
            row = msgspec.json.decode(body, type=WireTransaction, strict=False)
            if row.type not in TYPES[kind]:
                raise Rejected(f"transaction {row.id} of Xendit is no {kind}", code="wrong_kind", field="type")
            record, updated = await self._record(kind, row), instant(row.updated, row.id, "updated")
        except (msgspec.ValidationError, Rejected) as error:
            id = msgspec.json.decode(body, type=_Id).id
            now = self._now()
            # The same row gives the same record each time it is read, so that it is one version, not one for each poll.
            spoilt = GatewayPayment(id, GATEWAY, "", ZERO, "IDR", "unknown", _NEVER, unreadable=str(error))
            return Seen(kind, id, spoilt, body, now, now.astimezone(self._zone).date(), id)
        amount = record.net if isinstance(record, Payout) else record.amount
        day = _moment(record).astimezone(self._zone).date()
        return Seen(kind, row.id, record, body, updated, day, row.reference_id or row.id, amount, row.currency)

    async def _record(self, kind: str, row: WireTransaction) -> GatewayPayment | GatewayRefund | Payout:
        if kind == "payout":
            return payout_of(row)
        if kind == "payment":
            return payment_of(row)
        known = await self._refund(row.product_id or "", row.updated) if row.type == "REFUND" else None
        return refund_of(row, known)

    async def _refund(self, id: str, version: str) -> WireRefund | None:
        """The refund's own record, which names its payment; read once for each change, however often it is listed."""
        if not id.startswith("rfd-"):
            return None
        if (id, version) not in self._refunds:
            answer = await self._get(f"/refunds/{segment(id)}", ())
            if len(self._refunds) >= _REMEMBERED:
                self._refunds.clear()
            self._refunds[id, version] = None if answer is None else answer.decode(WireRefund)
        return self._refunds[id, version]

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Nothing: no documents are written to a gateway."""
        return {}

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Nothing is written: refunds are given in Xendit or in the store."""
        raise Rejected(f"Xendit cannot {op} a {kind}", code="unsupported")

    # -- webhooks ---------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a delivery asks to look at. Raises `BadSignature`."""
        return hooks.hints(webhook, self._token)

    async def subscribe(self, url: str) -> str:
        """ "none": the addresses of the payments API are entered in Xendit by a person."""
        return "none"

    async def close(self) -> None:
        """Close the HTTP session."""
        await self.http.close()

    # -- the wire ---------------------------------------------------------------------------------------

    async def _list(self, params: Sequence[tuple[str, object]]) -> _Page:
        answer = await self._get("/transactions", params)
        if answer is None:
            raise Transient("Xendit does not find its list of transactions", code="no_list")
        return answer.decode(_Page)

    async def _get(self, path: str, params: Sequence[tuple[str, object]]) -> Response | None:
        """An answer; None where there is no such thing."""
        answer = await self.http.request("GET", path, params=params, effect=False)
        there = answer.served_at
        self._skew = self._skew or 0.0 if there is None else there - self._tools.clock()
        if answer.status < 300:
            return answer
        if answer.status == 404:
            return None
        try:
            said = msgspec.json.decode(answer.body, type=_Refusal)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            said = _Refusal()
        if answer.status == 403:
            raise Rejected("the key may not read this in Xendit", code="forbidden", cure=_KEY_CURE, status=403)
        raise Rejected(
            f"Xendit refuses the call: {said.message[:200] or said.error_code or answer.status}",
            code=said.error_code.lower() or "refused",
            status=answer.status,
        )

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._tools.clock(), dt.UTC)

    @staticmethod
    def _know(kind: str) -> None:
        if kind not in TYPES:
            raise ValueError(f"Xendit has no {kind}")


def _moment(record: GatewayPayment | GatewayRefund | Payout) -> dt.datetime:
    """When it happened, which gives the record its day; the day of a payment's fee stands in the record."""
    if isinstance(record, Payout):
        return record.paid_out_at
    if isinstance(record, GatewayRefund):
        return record.refunded_at
    return record.paid_at or record.created_at


def _number(settings: Settings, name: str, default: str) -> float:
    text = settings.get(name) or default
    try:
        found = msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise ValueError(f"the setting {name!r} must be a number, not {text!r}")
    return found
