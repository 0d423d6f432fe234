"""Run by `test_template`: a rendered store kept in rendered books by the real engine. Prints what came of it as JSON.

Arguments: a folder for the ledger, the store's package, the books' package.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from selaras.connectors.contract import Connector
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.rules.plan_types import Policy
from selaras.sync.coverage import coverage
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import DEFAULT_SCHEDULES, set_pairs
from tests.sync.target import Plain

PAIR = Pair("toko", "buku", Policy(default_account="bank", invoice_at="order"))
ORDERS = 30


def rig_of(package: Path) -> Any:
    """The package's own rig; both packages call theirs by the same names."""
    for name in ("rig", "imitation"):
        sys.modules.pop(name, None)
    sys.path[:0] = [str(package / "tests"), str(package / "src")]
    try:
        return importlib.import_module("rig")
    finally:
        sys.path.remove(str(package / "tests"))


async def settled(data: Path, connectors: dict[str, Connector], company: Any) -> Any:
    """Keep one in the other until nothing is left to do, the books losing answers on the way."""
    desk = Desk(open_ledger(data, Plain()))
    await desk(set_pairs, desk.ledger, [PAIR])
    hub = Hub(desk, connectors, [PAIR])
    await hub.start()
    slow = {kind: "every 60s" for kind in DEFAULT_SCHEDULES if kind not in ("sweep", "webhooks")}
    service = Service(hub, DEFAULT_SCHEDULES | slow)
    written, create = asyncio.Event(), company.create

    def told(path: str, item: dict[str, Any]) -> Any:
        row = create(path, item)
        if path == "/orders":
            written.set()
        return row

    company.create, company.trouble = told, "after"
    await service.start()
    await written.wait()  # the answer to this batch is still lost: nobody else runs before it is
    company.trouble = ""
    done = await service.settle(120)
    await service.stop()
    (row,) = [row for row in (await desk(coverage, desk.ledger)).rows if row.kind == "order"]
    causes = [cause.cause for cause in await desk(desk.ledger.coverage.causes)]
    await desk.close()
    return {"settled": done, "seen": row.seen, "posted": row.posted, "causes": causes}


async def main(data: Path, store: Path, books: Path) -> Any:
    first, second = rig_of(store), rig_of(books)
    async with first.store_rig() as shop, second.books_rig() as held:
        ids = await shop.place_orders(ORDERS)
        truth = await shop.truth()
        for id in ids[::2]:
            await shop.pay(id, truth[id].total)
        await shop.refund(ids[0], Decimal(1000))
        company = held.company
        told = await settled(data, {"toko": await shop.connector(), "buku": await held.connector()}, company)
        truth = await shop.truth()
        orders = [(row["reference"], Decimal(row["total"])) for row in company.tables["/orders"].values()]
        return told | {
            "equal": sorted(orders) == sorted((one.number, one.total) for one in truth.values()),
            "counts": {path[1:]: len(rows) for path, rows in company.tables.items()},
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*map(Path, sys.argv[1:4])))))
