"""A hub without connectors: planning and explaining need what we remember, not what others say now."""

from __future__ import annotations

import time
from collections.abc import Callable

from selaras.ledger import Desk, Ledger
from selaras.sync.feeds import feeds_of
from selaras.sync.hub import Hub
from selaras.sync.installation import pairs_of


def offline_hub(ledger: Ledger, clock: Callable[[], float] = time.time, *, mirrors: bool = True) -> Hub:
    """A hub over an open ledger, for use in the ledger's own thread; `mirrors` are those of contacts and products.

    Its desk is never queued at, so it starts no thread; the ledger stays the caller's to close.
    """
    hub = Hub(Desk(ledger), {}, pairs_of(ledger), clock, feeds_of(ledger))
    for mirror in hub.mirrors.values() if mirrors else ():
        mirror.load(ledger)
    return hub
