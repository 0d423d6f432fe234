"""The kit's levers on the imitation. Replace what speaks of documents; the levers stay the kit's.

The rig is the witness: it looks into the system by its back door, never through the connector. A lever that your system
does not have is taken out here and named in `reasons`, and the kit skips its tests with that reason.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import ClassVar

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.kit import BooksRig, Held
from selaras.connectors.tokens import Token

from {{ cookiecutter.package }} import build
from {{ cookiecutter.package }}.client import PATHS

from imitation import CLIENT_ID, CODES, CURRENCY, ZONE, Company, served

LAG = 0.2


class Tokens:
    """The token of one connection, for as long as a test lives; the hub keeps it in its ledger, encrypted."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> Token | None:
        return self.token

    async def save(self, token: Token) -> None:
        self.token = token

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        async with self._lock:
            yield


class Rig(BooksRig):
    """Imitated books and connectors to them, all with one credential."""

    reasons: ClassVar[dict[str, str]] = {}
    currency = CURRENCY

    def __init__(self, company: Company, url: str, stack: AsyncExitStack) -> None:
        self.company = company
        self.url = url
        self._stack = stack
        self._tokens = Tokens()

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = {
            "base_url": self.url,
            "client_id": CLIENT_ID,
            "client_secret": "the secret of the imitation",
            "visibility_lag": str(LAG),
            "rate": "2000",
        }
        made = build(settings, Tools("books", ZONE, self._tokens, lambda: time.time() + clock_skew))
        self._stack.push_async_callback(made.close)
        return made

    # -- trouble

    async def calm(self) -> None:
        self.company.trouble, self.company.wait = "", 0.0

    async def fail_before(self) -> None:
        self.company.trouble = "before"

    async def fail_after(self) -> None:
        self.company.trouble = "after"

    async def half_batch(self) -> None:
        self.company.trouble = "half"

    async def throttle(self, seconds: float) -> None:
        self.company.wait = seconds

    async def slow_search(self) -> None:
        self.company.lag = dt.timedelta(seconds=LAG)

    async def close_period(self, until: dt.date) -> None:
        self.company.closed_until = until

    # -- credentials

    async def refuse_credentials(self) -> None:
        self.company.tokens.clear()
        self.company.revoked = True

    async def expire_tokens(self) -> None:
        self.company.tokens.clear()

    async def tokens_granted(self) -> int:
        return self.company.granted

    # -- what the books hold

    async def held(self, kind: str, reference: str) -> list[Held]:
        rows = [row for row in self.company.tables[PATHS[kind]].values() if row["reference"] == reference]
        totals = [Decimal(row["total"]) if "total" in row else None for row in rows]
        return [Held(row["id"], total, row["status"] == "void") for row, total in zip(rows, totals, strict=True)]

    async def contact_id(self) -> str:
        return self.company.customer

    async def products(self) -> list[str]:
        return list(CODES)

    async def account(self) -> str:
        return "bank"

    async def open_day(self) -> dt.date:
        return dt.datetime.now(dt.UTC).date()


@asynccontextmanager
async def books_rig() -> AsyncIterator[Rig]:
    """A fresh imitation."""
    company = Company()
    async with served(company) as url, AsyncExitStack() as stack:
        yield Rig(company, url, stack)
