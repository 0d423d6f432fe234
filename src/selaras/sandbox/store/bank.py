"""A small bank: buyers transfer money to the shop, and its statement lines are forwarded to the books' bank feed.

The description is written as BCA writes it (reference/indonesia.md, bank exports): day and month, a teller code, the
amount with two decimals, the payer's name in capitals and whatever the payer typed, often without the order number.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from decimal import Decimal

import aiohttp
import msgspec

from selaras.sandbox.store.config import StoreClock
from selaras.sandbox.store.records import Refused


class Transfer(msgspec.Struct):
    """One line of the shop's bank account, money in. `date` is the business day of the bank, `currency` ISO 4217."""

    id: int
    date: dt.date
    amount: Decimal
    currency: str
    description: str
    account: str
    order_number: str = ""
    forwarded: bool = False


class Bank:
    """The shop's account and its lines."""

    def __init__(self, clock: StoreClock, seed: int, account: str = "BCA 0123456789") -> None:
        self.clock = clock
        self.account = account
        self.transfers: list[Transfer] = []
        self._rng = random.Random(f"{seed}:bank")

    def transfer(
        self,
        amount: Decimal,
        currency: str,
        payer: str,
        *,
        number: str = "",
        with_number: bool = True,
        description: str = "",
        date: dt.date | None = None,
    ) -> Transfer:
        """Money arrives. `number` is the order that the payer means; it is written only `with_number`."""
        if amount <= 0:
            raise Refused(422, "bad_amount", f"{amount} {currency} cannot be transferred")
        date = date or self.clock.day(self.clock.now())
        if not description:
            code = f"{self._rng.randrange(100000):05d}"
            words = f"TRSF E-BANKING CR {date:%d%m}/FTSCY/WS{code} {amount:.2f} {payer.upper()}"
            description = f"{words} {number}".strip() if with_number and number else words.strip()
        made = Transfer(len(self.transfers) + 1, date, amount, currency, description, self.account, number)
        self.transfers.append(made)
        return made

    async def forward(self, books: str, *, key: str = "", account: str = "") -> int:
        """Send the lines that were not sent yet to the bank feed at `books`; gives their number.

        A line is marked as sent only when the books have taken it. Raises `Refused` 502 when they did not take all.
        """
        waiting = [t for t in self.transfers if not t.forwarded]
        if not waiting:
            return 0
        refusals = await forward(waiting, books, key=key, account=account)
        for line, refusal in zip(waiting, refusals, strict=True):
            line.forwarded = not refusal
        bad = [r for r in refusals if r]
        if bad:
            raise Refused(502, "books_refused", f"the books refused {len(bad)} of {len(waiting)} lines: {bad[0]}")
        return len(waiting)


class _Line(msgspec.Struct):
    """What the books say of one line; one may be refused inside an answer of 200."""

    ok: bool
    message: str = ""


class _Lines(msgspec.Struct):
    results: list[_Line]


async def forward(transfers: Sequence[Transfer], books: str, *, key: str = "", account: str = "") -> list[str]:
    """Post statement lines to `{books}/sandbox/bank`; gives the refusal of each line, "" where it was taken.

    Raises `Refused` 502 when the books do not answer, or not for every line.
    """
    items = [
        {
            "date": t.date.isoformat(),
            "amount": str(t.amount),
            "currency": t.currency,
            "description": t.description,
            "account": account or t.account,
        }
        for t in transfers
    ]
    headers = {"Content-Type": "application/json"} | ({"X-Sandbox-Key": key} if key else {})
    body = msgspec.json.encode({"items": items})
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.post(books.rstrip("/") + "/sandbox/bank", data=body, headers=headers) as answer,
        ):
            status, content = answer.status, await answer.read()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        what = str(error) or type(error).__name__
        raise Refused(502, "books_unreachable", f"the books cannot be reached: {what}") from None
    if status >= 300:
        raise Refused(502, "books_refused", f"the books answered {status}: {content[:200].decode(errors='replace')}")
    try:
        results = msgspec.json.decode(content, type=_Lines).results
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused(502, "books_refused", f"the answer of the books cannot be read: {error}") from None
    if len(results) != len(items):
        raise Refused(502, "books_refused", f"the books gave {len(results)} results for {len(items)} lines")
    return ["" if r.ok else r.message or "no reason given" for r in results]
