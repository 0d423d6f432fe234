"""A stand-in for Xendit's API: real HTTP, real paths, the vendor's JSON, made from its public documentation.

=====================================================  =============================================================
`GET /transactions`, `/transactions/{id}`              apidocs/list-transactions, apidocs/get-transaction
`updated[gte|lte]` inclusive, ordered by `created`     apidocs/list-transactions
`limit` 10 by default, `after_id`, `has_more`          apidocs/list-transactions
settlement and fee change `updated`                    docs/settlements-overview; reference §16
`GET /refunds/{id}` names the payment request          xendit-php docs/Refund/Refund.md
Basic auth, the secret key as user                     apidocs/list-transactions, "Security"
`x-callback-token`, the body unsigned                  docs/handling-webhooks
deliveries twice and in any order                      docs/handling-webhooks
money after the request has expired                    docs/delayed-webhooks
60 or 600 calls a minute, 429 RATE_LIMIT_EXCEEDED      apidocs/rate-limits
errors `{error_code, message}`                         apidocs (error codes)
=====================================================  =============================================================
"""

from __future__ import annotations

import base64
import datetime as dt
import email.utils
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from selaras.connectors.contract import Webhook
from tests.connectors.kit_servers import served

KEY = "xnd_development_contoh"
TOKEN = "token-verifikasi"
START = dt.datetime(2026, 11, 20, 10, 0, tzinfo=dt.UTC)
Row = dict[str, Any]


def written(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def read(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


class StandIn:
    """The running API. `now` is its clock, which only moves when told; `most` is its largest page."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.refunds: dict[str, Row] = {}
        self.calls: Counter[str] = Counter()
        self.now = START
        self.most = 50
        self.forbidden = False
        self.throttle = 0
        self.fail = 0
        self.between: Callable[[], None] | None = None
        self.newest_first = True
        self.stuck = False
        self.rng = random.Random(16)
        self.url = ""

    # -- what happens at Xendit -----------------------------------------------------------------------------------

    def tick(self, seconds: float = 1.0) -> None:
        self.now += dt.timedelta(seconds=seconds)

    def add(self, type: str, reference: str, amount: int, **more: Any) -> Row:
        number = len(self.rows) + 1
        row: Row = {
            "id": f"txn_{self.rng.getrandbits(64):016x}", "product_id": f"py-{number:06d}", "type": type,
            "status": "SUCCESS", "channel_category": "VIRTUAL_ACCOUNT", "channel_code": "BCA",
            "reference_id": reference, "account_identifier": None, "currency": "IDR", "amount": amount,
            "net_amount": amount, "net_amount_currency": "IDR", "cashflow": "MONEY_IN",
            "settlement_status": "PENDING",
            "estimated_settlement_time": written(self.now + dt.timedelta(days=1)), "business_id": "b1",
            "created": written(self.now), "updated": written(self.now),
            "fee": {"xendit_fee": 0, "value_added_tax": 0, "xendit_withholding_tax": 0,
                    "third_party_withholding_tax": 0, "status": "PENDING"},
            "product_data": {"capture_id": None, "payment_request_id": f"pr-{number:06d}"},
        }  # fmt: skip
        row.update(more)
        if row["product_data"]["capture_id"] is None:
            row["product_data"]["capture_id"] = f"cap-{number}"
        self.rows.append(row)
        return row

    def pay(self, reference: str, amount: int, **more: Any) -> Row:
        return self.add("PAYMENT", reference, amount, **more)

    def settle(self, row: Row, fee: int = 4000, vat: int = 440, *, apart: bool = False, **more: Any) -> Row:
        row["settlement_status"] = "SETTLED"
        row["fee"] = row["fee"] | {"xendit_fee": fee, "value_added_tax": vat, "status": "COMPLETED"}
        row["net_amount"] = row["amount"] if apart else row["amount"] - fee - vat
        row["estimated_settlement_time"] = written(self.now)
        return self.touch(row, **more)

    def touch(self, row: Row, **more: Any) -> Row:
        row.update(more, updated=written(self.now))
        return row

    def refund(self, payment: Row, amount: int, status: str = "SUCCESS") -> Row:
        id = f"rfd-{len(self.refunds) + 1}"
        request = payment["product_data"]["payment_request_id"]
        self.refunds[id] = {"id": id, "payment_request_id": request, "reason": "REQUESTED_BY_CUSTOMER",
                            "status": "SUCCEEDED", "amount": amount}  # fmt: skip
        return self.add("REFUND", f"retur-{id}", amount, product_id=id, cashflow="MONEY_OUT", status=status,
                        settlement_status=None)  # fmt: skip

    def withdraw(self, amount: int, status: str = "SUCCESS") -> Row:
        return self.add("WITHDRAWAL", "tarik-1", amount, cashflow="MONEY_OUT", status=status, settlement_status=None)

    def delivery(self, body: Row, token: str = TOKEN) -> Webhook:
        return Webhook({"x-callback-token": token}, json.dumps(body).encode(), self.now)

    # -- the API --------------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls[f"{request.method} {request.path}"] += 1
        headers = {"Date": email.utils.format_datetime(self.now.replace(microsecond=0), usegmt=True)}
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(f"{KEY}:".encode()).decode():
            return self._error(401, "INVALID_API_KEY", headers)
        if self.throttle:
            self.throttle -= 1
            return self._error(429, "RATE_LIMIT_EXCEEDED", headers | {"Rate-Limit-Reset": "58.37"})
        if self.fail:
            self.fail -= 1
            return web.Response(status=502, text="<html>", headers=headers)
        if self.forbidden:
            return self._error(403, "REQUEST_FORBIDDEN_ERROR", headers)
        found = self._route(request)
        if found is None:
            return self._error(404, "DATA_NOT_FOUND", headers)
        return web.json_response(found, headers=headers)

    def _error(self, status: int, code: str, headers: dict[str, str]) -> web.Response:
        return web.json_response({"error_code": code, "message": code.title()}, status=status, headers=headers)

    def _route(self, request: web.Request) -> Row | None:
        parts = request.path.strip("/").split("/")
        if parts[0] == "refunds" and len(parts) == 2:
            return self.refunds.get(parts[1])
        if parts[0] == "transactions" and len(parts) == 2:
            return next((row for row in self.rows if row["id"] == parts[1]), None)
        return self._list(request) if parts == ["transactions"] else None

    def _list(self, request: web.Request) -> Row:
        query = request.query
        rows = self.rows
        if types := query.getall("types", []):
            rows = [row for row in rows if row["type"] in types]
        for name in ("product_id", "reference_id"):
            if name in query:
                rows = [row for row in rows if row[name] == query[name]]
        for stamp in ("created", "updated"):
            if f"{stamp}[gte]" in query:
                rows = [row for row in rows if read(row[stamp]) >= read(query[f"{stamp}[gte]"])]
            if f"{stamp}[lte]" in query:
                rows = [row for row in rows if read(row[stamp]) <= read(query[f"{stamp}[lte]"])]
        key = {row["id"]: (row["created"], row["id"]) for row in self.rows}
        rows = sorted(rows, key=lambda row: key[row["id"]], reverse=self.newest_first)
        after = query.get("after_id", "")
        if after and not self.stuck:
            mark = key[after]
            rows = [row for row in rows if (key[row["id"]] < mark if self.newest_first else key[row["id"]] > mark)]
        limit = min(self.most, int(query.get("limit", "10")))
        page = {"has_more": len(rows) > limit, "data": [dict(row) for row in rows[:limit]], "links": []}
        if self.between is not None:
            self.between()
        return page


@asynccontextmanager
async def xendit() -> AsyncIterator[StandIn]:
    """The stand-in, served."""
    made = StandIn()
    async with served(made.handle) as url:
        made.url = url
        yield made
