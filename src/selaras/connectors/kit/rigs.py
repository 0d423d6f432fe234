"""What a connector's test module supplies: the system under the connector, and levers for what can go wrong.

A method that is not overridden skips the test and says why. Rigs speak to the system by its own back door (its admin
interface, its database), never through the connector: they are the witness.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, NoReturn

import msgspec
import pytest

from selaras.connectors.contract import Connector, Webhook


class Truth(msgspec.Struct, frozen=True):
    """What the store itself holds of one order, amounts in major units; `placed_at` is an aware instant."""

    id: str
    number: str
    total: Decimal
    currency: str
    placed_at: dt.datetime
    paid: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)


class Held(msgspec.Struct, frozen=True):
    """A document that the books themselves hold: its total in major units, whether it is void."""

    id: str
    total: Decimal | None
    void: bool = False


class Rig:
    """What stores and books have in common."""

    reasons: ClassVar[dict[str, str]] = {}
    """Why a lever does not exist here, by the name of its method."""

    def cannot(self, lever: str) -> NoReturn:
        """Skip the test: this system has no such lever."""
        pytest.skip(self.reasons.get(lever, f"the rig has no lever {lever!r}"))

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        """A connector that is signed in, with a session of its own; the rig closes it at the end.

        Connectors of one rig share their credential (and its token store), as the workers of one hub do.
        `clock_skew` is how many seconds the hub's clock is ahead of true time.
        """
        raise NotImplementedError

    async def calm(self) -> None:
        """Switch all trouble off."""
        raise NotImplementedError

    async def fail_before(self) -> None:
        """Every write fails at the other side before it has an effect, until `calm`."""
        self.cannot("fail_before")

    async def fail_after(self) -> None:
        """Every write takes effect and its answer is lost, until `calm`."""
        self.cannot("fail_after")

    async def throttle(self, seconds: float) -> None:
        """Every call is refused with a request to wait `seconds`, until `calm`."""
        self.cannot("throttle")

    async def refuse_credentials(self) -> None:
        """The credential is revoked: no silent refresh can help."""
        self.cannot("refuse_credentials")

    async def expire_tokens(self) -> None:
        """Every access token handed out so far is refused from now on; the grant behind it is good."""
        self.cannot("expire_tokens")

    async def tokens_granted(self) -> int:
        """How many access tokens the system has handed out so far."""
        self.cannot("tokens_granted")


class StoreRig(Rig):
    """A store under test."""

    zone: str = "Asia/Jakarta"
    currency: str = "IDR"

    async def truth(self) -> dict[str, Truth]:
        """All orders that were placed, by id: what the store itself knows, drafts left out."""
        raise NotImplementedError

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        """Buyers place `count` orders, all within one second of the store's clock when asked; their ids."""
        raise NotImplementedError

    async def set_time(self, now: dt.datetime) -> None:
        """Set the store's clock; it ticks on from there. The hub's clock stays as it is."""
        self.cannot("set_time")

    async def modify(self, ids: Sequence[str]) -> None:
        """Somebody edits these orders in the store, so that each reads differently afterwards."""
        self.cannot("modify")

    async def pay(self, id: str, amount: Decimal) -> None:
        """Money arrives at the store for this order, where possible without a change of its update time."""
        self.cannot("pay")

    async def refund(self, id: str, amount: Decimal) -> None:
        """Money goes back to the buyer, where possible without a change of the order's update time."""
        self.cannot("refund")

    async def draft(self) -> str:
        """A cart or draft that the store lists among its orders; its id."""
        self.cannot("draft")

    async def trash(self, id: str) -> None:
        """The order is deleted or put into the trash."""
        self.cannot("trash")

    async def deliveries(self, ids: Sequence[str]) -> list[Webhook]:
        """Authentic deliveries, one for each of these orders, as the store sends them now.

        Where the store ever gives one delivery id to several deliveries, these have one.
        """
        self.cannot("deliveries")

    async def ping(self) -> Webhook:
        """The unsigned delivery by which the store tries a new address."""
        self.cannot("ping")

    async def receiver(self) -> str:
        """An address that takes deliveries."""
        self.cannot("receiver")

    async def kill_webhook(self) -> None:
        """The store switches the subscription off, as it does after failures."""
        self.cannot("kill_webhook")

    async def live_webhooks(self) -> int:
        """Subscriptions that are switched on."""
        self.cannot("live_webhooks")

    async def sell(self, code: str, quantity: int) -> None:
        """A buyer takes pieces of a product, so that its stock row changes."""
        self.cannot("sell")

    async def stock(self, code: str) -> Decimal:
        """Pieces of a product that the store offers now."""
        self.cannot("stock")

    async def products(self) -> list[str]:
        """Codes of at least three products whose stock is kept."""
        self.cannot("products")


class BooksRig(Rig):
    """Books under test. `foreign` is another currency than theirs, of which they know the rate."""

    currency: str = "IDR"
    foreign: str = "USD"

    async def held(self, kind: str, reference: str) -> list[Held]:
        """The documents that the books hold under a reference, whoever made them."""
        raise NotImplementedError

    async def contact_id(self) -> str:
        """A customer."""
        raise NotImplementedError

    async def products(self) -> list[str]:
        """Codes of at least two products."""
        raise NotImplementedError

    async def account(self) -> str:
        """A bank or clearing account for receipts."""
        raise NotImplementedError

    async def open_day(self) -> dt.date:
        """A day on which documents may be dated, at least 40 days after the earliest such day."""
        raise NotImplementedError

    async def bank_account(self) -> str:
        """The account that the bank lines of this rig lie on."""
        return await self.account()

    async def fee_account(self) -> str:
        """An account for fees, on which a receipt can write off and an entry can lie."""
        self.cannot("fee_account")

    async def clearing_account(self) -> str:
        """An account on which a gateway's money lies until it is paid out."""
        self.cannot("clearing_account")

    async def bank_line(self, amount: Decimal) -> str:
        """A line of the bank comes in (`amount` > 0 is money in) that nothing explains yet; its id."""
        self.cannot("bank_line")

    async def explained(self, id: str) -> Decimal:
        """How much of a bank line the books themselves hold as explained."""
        self.cannot("explained")

    async def owed(self, invoice_id: str) -> Decimal:
        """What the books themselves hold as owed on an invoice."""
        self.cannot("owed")

    async def half_batch(self) -> None:
        """Every batch applies only its first items, then the connection breaks, until `calm`."""
        self.cannot("half_batch")

    async def slow_search(self) -> None:
        """From now on searches and lists show new documents as late as this system ever does."""
        self.cannot("slow_search")

    async def close_period(self, until: dt.date) -> None:
        """Documents dated on or before this day are refused from now on."""
        self.cannot("close_period")
