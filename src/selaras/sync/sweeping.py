"""A sweep on demand: every pair (or one) compared whole, stock accuracy measured, the objectives kept."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from selaras.ledger.errors import LedgerError
from selaras.sync import mappings
from selaras.sync.hub import Hub
from selaras.sync.intake import Intake
from selaras.sync.mirror import CHART_KINDS
from selaras.sync.objectives import Accuracy, measure_stock
from selaras.sync.sweep import Progress, Sweep, Swept

# Kinds of the mirrors that planning and product matching need, each on the side that has them.
_STORE_MIRRORS = ("product",)
_BOOKS_MIRRORS = (*CHART_KINDS, "product", "contact", "stock")


class SweepReport(msgspec.Struct, frozen=True):
    """What the sweeps found, by pair, and how many of the codes sold are offered rightly."""

    swept: list[Swept]
    stock: dict[str, Accuracy]
    differences: int


async def sweep(
    hub: Hub,
    store: str | None = None,
    progress: Progress = lambda what, count: None,
    since: str = "",
    intakes: Mapping[str, Intake] | None = None,
) -> SweepReport:
    """Read the stores whole, compare every link with the books, measure stock accuracy.

    `since` (an ISO day) narrows it. `intakes` are those of the engine that runs beside, which is told of what is new:
    it would not read again what was read here.

    Raises `ConnectorError` when a system cannot be asked, `LedgerError` when there is no such pair. What was read
    before an error is kept.
    """
    pairs = [pair for pair in hub.pairs if store in (None, pair.store)]
    if not pairs:
        raise LedgerError(f"{store!r} is not a store of a pair." if store else "No store is kept in any books yet.",
                          "Run `selaras pair STORE BOOKS`.")  # fmt: skip
    swept: list[Swept] = []
    ledger = hub.desk.ledger
    stock: dict[str, Accuracy] = {}
    readers = {name: Intake(hub, name) for name in hub.connectors} if intakes is None else intakes
    for pair in pairs:
        for name, kinds in ((pair.store, _STORE_MIRRORS), (pair.books, _BOOKS_MIRRORS)):
            sources = hub.connectors[name].capabilities.sources
            for kind in kinds:
                if kind in sources:
                    progress(f"{name} {kind}", await readers[name].poll(kind, "sweep"))
        await hub.desk.write(mappings.remember, ledger, pair.books, hub.connectors[pair.books].capabilities, hub.now())
        swept.append(await Sweep(hub, pair, readers[pair.store]).run(progress, since))
        both = hub.connectors[pair.store].capabilities.sources & hub.connectors[pair.books].capabilities.sources
        if "stock" in both:
            stock[pair.store] = await measure_stock(hub, pair, readers[pair.store])
            progress("stock compared", stock[pair.store].codes)
    return SweepReport(swept, stock, sum(len(one.differences) for one in swept))
