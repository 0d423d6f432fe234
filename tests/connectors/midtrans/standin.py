"""A stand-in for Midtrans' payment API: real HTTP, real paths, the vendor's JSON, made from its public documentation.

==============================================  ====================================================================
`GET /v2/{order_id | transaction_id}/status`    reference/get-transaction-status
BI-SNAP and DANA: by transaction id only        reference/get-transaction-status (callout)
HTTP 200 with `status_code` "404" in the body   reference/code-4xx; both forms are played (`soft`)
404 until the buyer has chosen how to pay       docs/transaction-status-cycle, "Status When Using Snap API"
Basic auth with the server key as user          docs/api-authorization-headers
`signature_key` = SHA-512 of four texts         reference/handle-notifications
times in GMT+7 without an offset                reference/get-transaction-status
settlement → deny within minutes                docs/transaction-status-cycle, "Reversal Case"
`refunds[]`, sum at the top, `bank_confirmed_at` reference/get-transaction-status (refund samples)
the status in capitals for DANA, ShopeePay      reference/get-transaction-status (pending sample)
==============================================  ====================================================================
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from selaras.connectors.contract import Webhook
from tests.connectors.kit_servers import served

KEY = "SB-Mid-server-contoh"
WIB = dt.timezone(dt.timedelta(hours=7))
START = dt.datetime(2026, 11, 20, 23, 30, tzinfo=WIB)


@dataclass
class Payment:
    """One transaction as Midtrans keeps it."""

    order_id: str
    gross: int
    type: str = "bank_transfer"
    status: str = "pending"
    code: str = "201"
    more: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    refunds: list[dict[str, Any]] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "status_code": self.code,
            "status_message": "Success, transaction is found",
            "transaction_id": self.id,
            "order_id": self.order_id,
            "gross_amount": f"{self.gross}.00",
            "currency": "IDR",
            "payment_type": self.type,
            "transaction_time": "2026-11-20 23:30:00",
            "transaction_status": self.status,
            "fraud_status": "accept",
            "merchant_id": "G141532850",
            **self.more,
        }
        if self.refunds:
            shown["refunds"] = self.refunds
            total = sum(int(r["refund_amount"].split(".")[0]) for r in self.refunds)
            shown["refund_amount"] = f"{total}.00"
        return shown


class StandIn:
    """The running API. `calls` counts what was asked."""

    def __init__(self) -> None:
        self.payments: list[Payment] = []
        self.calls: Counter[str] = Counter()
        self.soft = False
        self.key = KEY
        self.fail = 0
        self.lie = ""
        self.url = ""

    # -- what happens at Midtrans ---------------------------------------------------------------------------------

    def pay(self, order_id: str, gross: int, status: str = "settlement", **more: Any) -> Payment:
        """A buyer pays."""
        made = Payment(order_id, gross, more.pop("type", "bank_transfer"))
        made.more.update(more)
        self.payments.append(made)
        self.become(made, status)
        return made

    def become(self, payment: Payment, status: str, at: str = "2026-11-20 23:35:00") -> Payment:
        payment.status = status
        payment.code = {"pending": "201", "deny": "202", "expire": "407"}.get(status.lower(), "200")
        if status == "settlement":
            payment.more["settlement_time"] = at
        return payment

    def refund(self, payment: Payment, amount: int, *, confirmed: bool = False) -> Payment:
        number = len(self.payments) * 100 + len(payment.refunds)
        payment.refunds.append({
            "refund_chargeback_id": number, "refund_amount": f"{amount}.00", "created_at": "2026-11-21 09:00:00",
            "reason": "rusak", "refund_key": f"key-{number}",
        })  # fmt: skip
        if confirmed:
            self.confirm(payment)
        total = sum(int(r["refund_amount"].split(".")[0]) for r in payment.refunds)
        payment.status = "refund" if total == payment.gross else "partial_refund"
        return payment

    def confirm(self, payment: Payment) -> None:
        """The bank confirms every refund, which is told once more."""
        for part in payment.refunds:
            part |= {"refund_method": "online", "bank_confirmed_at": "2026-11-22 10:00:00"}

    def notice(self, payment: Payment, **changes: Any) -> Webhook:
        """The notification of a payment as it is now, signed as Midtrans signs."""
        body = payment.body()
        text = f"{body['order_id']}{body['status_code']}{body['gross_amount']}{self.key}"
        body["signature_key"] = hashlib.sha512(text.encode()).hexdigest()
        raw = json.dumps(body | changes).encode()
        return Webhook({"content-type": "application/json"}, raw, START)

    # -- the API --------------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls[f"{request.method} {request.path}"] += 1
        expected = "Basic " + base64.b64encode(f"{self.key}:".encode()).decode()
        if request.headers.get("Authorization") != expected:
            return self._says(401, "Access denied due to unauthorized transaction")
        if self.fail:
            self.fail -= 1
            return web.Response(status=500, text="<html>")
        parts = request.path.split("/")
        if len(parts) != 4 or parts[1] != "v2" or parts[3] != "status":
            return self._says(404, "Path not found")
        found = self._find(parts[2])
        if found is None:
            return self._says(404, "Transaction doesn't exist.")
        body = found.body()
        if self.lie:
            body |= {"transaction_id": self.lie, "order_id": self.lie}
        return web.json_response(body)

    def _says(self, code: int, message: str) -> web.Response:
        soft = self.soft and code == 404
        return web.json_response({"status_code": str(code), "status_message": message}, status=200 if soft else code)

    def _find(self, id: str) -> Payment | None:
        for payment in reversed(self.payments):
            by_order = payment.order_id == id and payment.type not in ("dana", "bi_snap")
            if payment.id == id or by_order:
                return payment
        return None


@asynccontextmanager
async def midtrans() -> AsyncIterator[StandIn]:
    """The stand-in, served."""
    made = StandIn()
    async with served(made.handle) as url:
        made.url = url
        yield made
