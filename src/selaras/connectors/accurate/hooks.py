"""Webhooks: "something of this kind changed", and keeping them alive.

Facts (reference/accounting-apis.md §4, notes of integrators): the address is entered in the developer's portal; a body
is an array of `{type, databaseId, data}` with ids only; no signature is known; delivery stops without a word seven days
after the last `webhook-renew.do`, which answers with the day it will end. There is no type for journals; `GLACCOUNT`
fires for the accounts that they move.

Without a signature nothing in a body can be believed. All that a delivery can do here is to have a kind polled that is
polled anyway; deliveries of another database are refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.accurate.session import Account
from selaras.connectors.accurate.values import day_of
from selaras.connectors.contract import BadSignature, Hint, Transient, Webhook

# What a type of Accurate makes us look at.
_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "CUSTOMER": ("contact",),
    "ITEM": ("product",),
    "ITEM_QUANTITY": ("stock",),
    "ITEM_ADJUSTMENT": ("stock",),
    "ITEM_TRANSFER": ("stock",),
    "STOCK_MUTATION": ("stock",),
    "WAREHOUSE": ("warehouse",),
    "SALES_ORDER": ("sales_order", "stock"),
    "DELIVERY_ORDER": ("stock",),
    "SALES_INVOICE": ("invoice",),
    "SALES_INVOICE_OWING": ("invoice",),
    "SALES_RECEIPT": ("receipt",),
    "SALES_RETURN": ("credit_note", "stock"),
    "RECEIVE_ITEM": ("purchase", "stock"),
    "PURCHASE_INVOICE": ("purchase", "stock"),
    "PURCHASE_RETURN": ("stock",),
    "GLACCOUNT": ("bank_transaction", "journal"),
}
_RENEW_BEFORE: Final = dt.timedelta(days=6)


class _Event(msgspec.Struct):
    type: str = ""
    databaseId: int | str = ""


def hints(webhook: Webhook, database: str) -> list[Hint]:
    """The kinds to poll. Raises `BadSignature` for what is not a delivery of Accurate about `database`."""
    try:
        events = msgspec.json.decode(webhook.body, type=list[_Event])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadSignature("the delivery is not one of Accurate") from None
    found: dict[str, Any] = {}
    for event in events:
        if database and str(event.databaseId) != database:
            raise BadSignature("the delivery is about another database than the one of this connection")
        found.update(dict.fromkeys(_KINDS.get(event.type, ())))
    return [Hint(kind, "") for kind in found]


class Renewal:
    """Keeps the webhooks alive: renewed once a day, so that six more tries are left when one fails."""

    def __init__(self, account: Account, zone: ZoneInfo, clock: Callable[[], float]) -> None:
        self._account = account
        self._zone = zone
        self._clock = clock
        self._until: dt.date | None = None

    async def renew(self) -> str:
        """ "ok", or "restored" when they had lapsed since the last renewal. Raises `ConnectorError` kinds."""
        today = dt.datetime.fromtimestamp(self._clock(), self._zone).date()
        before = self._until
        if before is not None and before - today >= _RENEW_BEFORE + dt.timedelta(days=1):
            return "ok"
        answer = await self._account.ask("webhook-renew")
        try:
            until = day_of(answer.get("d"))
        except ValueError:
            raise Transient("Accurate does not say until when the webhooks live", code="unreadable") from None
        if until <= today:
            raise Transient(f"Accurate says that the webhooks end on {until}", code="webhooks_end")
        self._until = until
        return "restored" if before is not None and before < today else "ok"
