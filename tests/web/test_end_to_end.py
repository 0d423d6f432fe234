"""From a checkout in the store to the books through a real webhook, and back onto the page."""

from __future__ import annotations

import asyncio
from pathlib import Path

from selaras.sync.installation import set_pairs
from selaras.web.app import app
from selaras.web.server import bound, listening
from tests.sync.world import a_world
from tests.web.pages import Page

# Nothing is polled while the test runs: what arrives, arrives by webhook.
NEVER = dict.fromkeys(
    ("order", "product", "contact", "stock", "bank_transaction", "receipt", "journal", "reread"), "every 9h"
)


async def test_a_checkout_becomes_a_paid_invoice_through_webhooks_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", schedules=NEVER, start=False) as world:
        await world.hub.desk(set_pairs, world.ledger, world.hub.pairs)
        await world.stock({"KOPI": 5})
        application = app(world.hub, world.service, data=tmp_path / "data", open_read=True)
        async with application, listening(application, bound()) as url:
            world.service.public_url = url
            await world.service.start()
            assert await world.service.settle(120)
            order = await world.checkout(("KOPI", 2), method="qris")
            await world.act(order, "pay")
            async with asyncio.timeout(120):
                while not (await world.truth())["references"]["receipts"]:  # noqa: ASYNC110 - the books tell nobody
                    await asyncio.sleep(0.1)
            assert await world.service.settle(120), await world.stuck()
            assert application.intake.tallies["toko"].accepted >= 2
            async with world.http.get(
                f"{url}/orders/toko/{order['number']}", headers={"Accept-Language": "id"}
            ) as answer:
                text = " ".join(Page(await answer.text()).text)
        for part in ("Pesanan 1001", "Diposting", "lewat webhook", "faktur", "Rp 100.000"):
            assert part in text, (part, text)
