"""A whole installation in a process of its own, so that it can be killed: python -m tests.web.served DATA.

Its store and books cannot be reached, which is the worst time for a webhook to arrive.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from selaras.ledger.connections import Connection
from selaras.ledger.values import MICROSECOND
from selaras.rules.plan_types import Policy
from selaras.sync.hub import Pair
from selaras.sync.installation import open_installation, set_pairs
from selaras.web.server import loop_factory, run_server
from tests.web.stage import SECRET

UNREACHABLE = "http://127.0.0.1:9"


def main(data: Path) -> None:
    ledger = open_installation(data)
    now = int(time.time() * MICROSECOND)
    store = {"base_url": UNREACHABLE, "allow_plain": "yes"}
    secrets = {"api_key": "the key of the store", "webhook_secret": SECRET}
    ledger.connections.add(Connection("toko", "sandbox_store", "store", "Asia/Jakarta", store, secrets), now)
    books = {"base_url": UNREACHABLE, "grant": "client_credentials", "client_id": "id", "allow_plain": "yes"}
    secrets = {"client_secret": "the secret of the books"}
    ledger.connections.add(Connection("buku", "sandbox_books", "books", "Asia/Jakarta", books, secrets), now)
    set_pairs(ledger, [Pair("toko", "buku", Policy())])

    def ready(url: str) -> None:
        print(url, flush=True)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run_server(ledger, host="127.0.0.1", port=0, data=data, ready=ready))
    print("stopped", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
