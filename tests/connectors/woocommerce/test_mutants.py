"""WooCommerce connectors as they are really written, with one mistake each: the contract kit must fail every one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from selaras.connectors.contract import BadSignature, Changes, Hint, Webhook
from selaras.connectors.kit import StoreContract
from selaras.model.order import Order
from tests.connectors.kit_mutants import Mutant, SuccessOn200, mutant, remade
from tests.connectors.test_kit_mutants import must_fail
from tests.connectors.woocommerce.rig import woo_rig


class ZOnDates(Mutant):
    """UTC is written with a Z, as everywhere else; WordPress shifts it by the shop's zone."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        client, listed = self.inner.client, self.inner.client._list

        async def with_z(path: str, params: dict[str, object]) -> Any:
            bounds = {name: f"{params[name]}Z" for name in ("modified_after", "modified_before") if name in params}
            return await listed(path, params | bounds)

        client._list = with_z


class ShopTime(Mutant):
    """UTC is sent, and `dates_are_gmt` forgotten: the bounds are read as the shop's time."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        client, listed = self.inner.client, self.inner.client._list

        async def without(path: str, params: dict[str, object]) -> Any:
            return await listed(path, {name: value for name, value in params.items() if name != "dates_are_gmt"})

        client._list = without


class DedupesByDeliveryId(Mutant):
    """A delivery id that was seen before is old news."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.known: set[str] = set()

    def hints(self, webhook: Webhook) -> list[Hint]:
        id = webhook.headers.get("x-wc-webhook-delivery-id", "")
        if id in self.known:
            return []
        self.known.add(id)
        return cast(list[Hint], self.inner.hints(webhook))


class SortedByChange(Mutant):
    """Page 1, 2, 3 … of the list sorted by the time of change."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        page = int(cursor or 1)
        wanted = {"orderby": "modified", "order": "asc", "per_page": 100, "page": page, "dp": "6"}
        listing = await self.inner.client._list("/orders", wanted)
        rows = await self.inner._reader._orders(listing.rows)
        seen = [seen for row in rows for seen in row.seen]
        return Changes(seen, str(page + 1), page * 100 < listing.total)


class PriceTimesQuantity(Mutant):
    """`price` is the unit price, and the decimals are those of the store."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        return Changes([self._spoilt(seen) for seen in changes.seen], changes.cursor, changes.more)

    def _spoilt(self, seen: Any) -> Any:
        wire = json.loads(seen.raw)
        prices = {str(item["id"]): Decimal(str(item["price"])) for item in wire["line_items"]}
        assert isinstance(seen.record, Order)
        lines = tuple(
            msgspec.structs.replace(line, unit_price=prices.get(line.id, line.unit_price), discount=Decimal(0))
            for line in seen.record.lines
        )
        return remade(seen, lines=lines, tax_included=False)


class ReadsTheBody(Mutant):
    """The order in the delivery is taken for the order as it is, without asking whether it is signed."""

    def hints(self, webhook: Webhook) -> list[Hint]:
        return [Hint("order", str(json.loads(webhook.body or b"{}").get("id", "")))]


class RefusesPings(Mutant):
    """No signature, no entry."""

    def hints(self, webhook: Webhook) -> list[Hint]:
        if "x-wc-webhook-signature" not in webhook.headers:
            raise BadSignature("no signature")
        return cast(list[Hint], self.inner.hints(webhook))


class SubscribedOnce(Mutant):
    """There are webhooks to our address, so we are subscribed."""

    async def subscribe(self, url: str) -> str:
        if any(hook.delivery_url == url for hook in await self.inner.client.webhooks()):
            return "ok"
        return cast(str, await self.inner.subscribe(url))


class CartsAreOrders(Mutant):
    """A checkout that was begun has lines and a total, and so it is an order."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        listing = await self.inner.client.window("orders", None, None, 0)
        rows = [raw.replace(b'"checkout-draft"', b'"pending"') for raw in listing.rows]
        made = await self.inner._reader._orders(rows)
        return Changes([seen for row in made for seen in row.seen], "1", False)


MISTAKES: Sequence[tuple[str, type[Mutant]]] = (
    ("test_zones_and_clocks_do_not_matter", ZOnDates),
    ("test_a_cursor_has_no_blind_second", ZOnDates),
    ("test_four_orders_under_one_delivery_id_are_four_hints", DedupesByDeliveryId),
    ("test_a_delivery_that_comes_again_says_the_same", DedupesByDeliveryId),
    ("test_ties_at_the_edge_of_a_page", SortedByChange),
    ("test_totals_are_exact_and_prove_themselves", PriceTimesQuantity),
    ("test_the_signature_is_of_the_bytes", ReadsTheBody),
    ("test_the_unsigned_ping_is_answered_and_says_nothing", RefusesPings),
    ("test_a_dead_webhook_is_restored", SubscribedOnce),
    ("test_drafts_are_no_orders", CartsAreOrders),
    ("test_bad_items_of_a_batch_are_told_one_by_one", SuccessOn200),
)


@pytest.mark.parametrize(("name", "kind"), MISTAKES, ids=lambda part: getattr(part, "__name__", str(part)[5:40]))
async def test_a_mistaken_connector_is_found_out(name: str, kind: type[Mutant]) -> None:
    async with woo_rig(wrap=mutant(kind)) as rig:
        await must_fail(StoreContract(), name, rig)


async def test_shop_time_is_only_wasteful() -> None:
    """Read as the shop's time the lower bound lies seven hours back: too much is read, nothing is lost (§2)."""
    async with woo_rig(wrap=mutant(ShopTime)) as rig:
        await StoreContract().test_a_cursor_has_no_blind_second(rig)
