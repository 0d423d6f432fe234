"""Midtrans as a connector: payments are read, one status call for each; nothing is written.

There is no interface that lists transactions (https://docs.midtrans.com, none found): payments are known by
notification, and by asking again for those that are known or that an order waits for.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final
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
    Throttled,
    Tools,
    Transient,
    Webhook,
    Write,
)
from selaras.connectors.http import BasicAuth, Http, segment
from selaras.connectors.limiter import shared
from selaras.connectors.midtrans import hooks
from selaras.connectors.midtrans.mapping import GATEWAY, WireStatus, payment_of, reference_of
from selaras.model.money import ZERO
from selaras.model.settlement import GatewayPayment

LIVE: Final = "https://api.midtrans.com"
SANDBOX: Final = "https://api.sandbox.midtrans.com"
_LONGEST: Final = 255
_NEVER: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NOBODY: Final = "selaras-connection-check"
_KEY_CURE: Final = "Copy the server key from Midtrans, Settings, Access keys; sandbox and live have keys of their own."


class Midtrans:
    """A signed-in merchant; see `contract.Connector` for what the methods promise."""

    name = "midtrans"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        try:
            rate = Rate(per_second=msgspec.convert(settings.get("rate") or "5", float, strict=False), burst=5)
        except msgspec.ValidationError:
            raise ValueError(f"the setting 'rate' must be a number, not {settings.get('rate')!r}") from None
        try:
            self._suffix = re.compile(settings.get("reference_suffix") or r"-wc-mdtrs-\d+")
        except re.error:
            raise ValueError("the setting 'reference_suffix' is not a pattern") from None
        self.capabilities = Capabilities(
            read_batch=1,
            timeout=30.0,
            rate=rate,
            sources=frozenset({"payment"}),
            money_scale="major",
            webhooks=True,
        )
        self._tools = tools
        self._zone = ZoneInfo(tools.zone)
        self._key = settings["server_key"].strip()
        self._skew = 0.0  # how far the clock here is behind theirs
        base = (settings.get("base_url") or LIVE).rstrip("/")
        self.http = Http(
            base,
            auth=BasicAuth(self._key, ""),
            limiter=shared(f"midtrans {base} {self._key}", rate),
            timeout=self.capabilities.timeout,
            clock=tools.clock,
            allow_plain=settings.get("allow_plain", "") == "yes",
            name="Midtrans",
        )

    # -- reading ----------------------------------------------------------------------------------------

    async def check(self) -> Check:
        """One call: is the key accepted, and is it one of this environment?"""
        findings = [self._environment()]
        try:
            await self._status(_NOBODY)
            findings.append(Finding("server key", True))
        except Expired as error:
            findings.append(Finding("server key", False, error.message, _KEY_CURE))
        # Nothing to cure, but a person must know it: what was never notified is not found by polling.
        findings.append(Finding("list of payments", True, "Midtrans lists no payments; they are read one by one"))
        return Check("Midtrans", "IDR", self._tools.zone, self._skew, tuple(findings))

    def _environment(self) -> Finding:
        test = self._key.startswith("SB-")
        wrong = (test and self.http.base_url == LIVE) or (not test and self.http.base_url == SANDBOX)
        if not wrong:
            return Finding("environment", True)
        return Finding(
            "environment",
            False,
            "the key is one of the sandbox, the address is the live one" if test
            else "the key is a live one, the address is the sandbox's",
            f"Set base_url to {SANDBOX if test else LIVE}, or enter the other key.",
        )  # fmt: skip

    async def changed(self, kind: str, cursor: str) -> Changes:
        """Nothing: Midtrans lists no transactions. `read` is the only way."""
        self._know(kind)
        return Changes((), cursor, False)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Payments by transaction id, or by order id (BI-SNAP and DANA know the transaction id alone).

        A payment read by its order id comes back under its transaction id. One that Midtrans does not know, and one
        whose buyer has not chosen how to pay yet, comes back with `record` None.
        """
        self._know(kind)
        return [await self._read(id) for id in ids]

    async def _read(self, id: str) -> Seen:
        answer = await self._status(id)
        now = dt.datetime.fromtimestamp(self._tools.clock(), dt.UTC)
        if answer is None:
            return Seen("payment", id, None, b"", now, now.astimezone(self._zone).date())
        wire = answer.decode(WireStatus)  # the second time: the first looked at its status code alone
        if not wire.transaction_id or id not in (wire.transaction_id, wire.order_id):
            raise Transient(f"Midtrans answered for another payment than {id}", code="wrong_answer")
        try:
            payment = payment_of(wire, self._suffix)
        except Rejected as error:
            # One payment that cannot be read is shown as such and holds up no other; read again it is the same record.
            payment = GatewayPayment(
                wire.transaction_id, GATEWAY, reference_of(wire.order_id, self._suffix), ZERO, "IDR", "unknown", _NEVER,
                sent_reference=wire.order_id, unreadable=error.message,
            )  # fmt: skip
            day = now.astimezone(self._zone).date()
            return Seen("payment", payment.id, payment, answer.body, now, day, wire.order_id)
        at = max([payment.paid_at or payment.created_at, *(r.confirmed_at or r.refunded_at for r in payment.refunds)])
        return Seen(
            "payment", payment.id, payment, answer.body, at,
            (payment.paid_at or payment.created_at).astimezone(self._zone).date(),
            payment.sent_reference, payment.amount, payment.currency,
        )  # fmt: skip

    async def _status(self, id: str) -> Response | None:
        """The answer of the status call; None where there is no such payment. HTTP 200 is not success here."""
        if id in ("", ".", "..") or len(id) > _LONGEST:
            return None
        answer = await self.http.request("GET", f"/v2/{segment(id)}/status", effect=False)
        if answer.served_at is not None:
            self._skew = answer.served_at - self._tools.clock()
        code = answer.decode(WireStatus).status_code if answer.status < 300 else str(answer.status)
        if code.startswith("2") or code in ("407", "202"):
            return answer  # 201 pending, 202 denied and 407 expired are states of a payment, not errors
        if code == "404":
            return None
        if code == "401":
            raise Expired("Midtrans does not accept the server key", code="unauthorized", cure=_KEY_CURE, status=401)
        if code == "429":
            raise Throttled("Midtrans asks to wait", retry_after=10.0)
        if code.startswith("5") or not code:
            raise Transient(f"the status call at Midtrans failed there ({code or 'no code'})", code="server_error")
        raise Rejected(
            f"Midtrans refuses to tell the status of payment {id} (code {code})",
            code="refused",
            field="id",
            cure="Look for the payment in the Midtrans dashboard.",
        )

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Nothing: no documents are written to a gateway."""
        return {}

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Nothing is written: refunds are given in Midtrans or in the store."""
        raise Rejected(f"Midtrans cannot {op} a {kind}", code="unsupported")

    # -- webhooks ---------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """What a notification asks to look at. Raises `BadSignature`."""
        return hooks.hints(webhook, self._key)

    async def subscribe(self, url: str) -> str:
        """ "none": a person enters the address in Midtrans, or the store's plug-in appends it to each payment."""
        return "none"

    async def close(self) -> None:
        """Close the HTTP session."""
        await self.http.close()

    @staticmethod
    def _know(kind: str) -> None:
        if kind != "payment":
            raise ValueError(f"Midtrans has no {kind}")
