"""Feeds: bank and gateway connections whose money is booked in one set of books, and on which accounts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.model.chart import Account
from selaras.rules.autonomy import Autonomy, Mode
from selaras.rules.payout_lines import Accounts
from selaras.sync.mirror import chart_of

FEEDS = "feeds"
AUTONOMY = "autonomy"
ACCOUNTS = ("account", "clearing", "fee", "fee_tax", "adjustment")


class Feed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A connection whose money is booked in `books`. Accounts are the books' own ids ("" = not chosen).

    `account`     where the money of a bank line lies, when the line itself does not say
    `clearing`    where a gateway's money lies until it is paid out
    `fee`, `fee_tax`, `adjustment`   what a gateway keeps, the tax on it, and its corrections
    """

    connection: str
    books: str
    account: str = ""
    clearing: str = ""
    fee: str = ""
    fee_tax: str = ""
    adjustment: str = ""

    @property
    def accounts(self) -> Accounts:
        """What a payout is booked with."""
        return Accounts(self.connection, self.clearing, self.fee, self.fee_tax, self.adjustment)


def feeds_of(ledger: Ledger) -> list[Feed]:
    """The feeds of an installation."""
    return msgspec.json.decode(ledger.connections.setting(FEEDS, "[]"), type=list[Feed])


def set_feed(ledger: Ledger, connection: str, books: str, accounts: Mapping[str, str], now: int) -> Feed:
    """Add a feed, or change its accounts (by id, code or name of the books' chart; "" takes one off).

    Raises `LedgerError` when one of the two is no connection of its kind, or the books have no such account.
    """
    found = ledger.connections.get(connection)
    if found.role not in ("bank", "gateway", "files"):
        raise LedgerError(
            f"{connection} is a {found.role}, not a bank or a gateway.",
            "Only money that comes by another way than the books' own bank lines needs a feed.",
        )
    if ledger.connections.get(books).role != "books":
        raise LedgerError(f"{books} is not a set of books.", "Name the connection of the books.")
    feeds = {feed.connection: feed for feed in feeds_of(ledger)}
    before = feeds.get(connection)
    made = before if before is not None and before.books == books else Feed(connection, books)
    there = chart_of(ledger, books).accounts
    chosen = {option: _account(there, option, text) for option, text in accounts.items()}
    made = msgspec.structs.replace(made, **chosen)
    feeds[connection] = made
    save_feeds(ledger, feeds.values(), now)
    return made


def _account(there: Mapping[str, Account], option: str, text: str) -> str:
    """The id of an account; books whose chart was not read are taken by their word."""
    if not text or not there or text in there:
        return text
    found = [one for one in there.values() if text == one.code] or [
        one for one in there.values() if one.name.casefold() == text.casefold()
    ]
    if len(found) != 1:
        raise LedgerError(
            f"{option}: the books have {len(found)} called {text!r}.",
            "Give the id or the code; `selaras mapping chart` lists them.",
        )
    return found[0].id


def books_for(ledger: Ledger, connection: str) -> str:
    """The books of a feed, or the only set of books there is. Raises `LedgerError` where they must be named."""
    books = next((feed.books for feed in feeds_of(ledger) if feed.connection == connection), "")
    if books:
        return books
    names = [one.name for one in ledger.connections.all() if one.role == "books"]
    if len(names) != 1:
        listed = ", ".join(names) or "none yet"
        raise LedgerError(f"It is not said in which books the money of {connection} is booked.", f"Books: {listed}.")
    return names[0]


def remove_feed(ledger: Ledger, connection: str, now: int) -> Feed:
    """End a feed; what was booked stays. Raises `LedgerError` when there is none."""
    feeds = {feed.connection: feed for feed in feeds_of(ledger)}
    if connection not in feeds:
        names = ", ".join(feeds) or "none yet"
        raise LedgerError(f"{connection} is no feed.", f"Feeds: {names}.")
    gone = feeds.pop(connection)
    save_feeds(ledger, feeds.values(), now)
    return gone


def save_feeds(ledger: Ledger, feeds: Iterable[Feed], now: int) -> None:
    """Replace the feeds."""
    text = msgspec.json.encode(sorted(feeds, key=lambda feed: feed.connection)).decode()
    with ledger.transaction():
        ledger.connections.set(FEEDS, text, now)


def autonomy_of(ledger: Ledger, connection: str) -> Autonomy:
    """What a rule needs before it posts alone for the money of this connection."""
    chosen = ledger.connections.setting(f"{AUTONOMY}:{connection}") or ledger.connections.setting(AUTONOMY, "{}")
    return msgspec.json.decode(chosen, type=Autonomy)


def change_autonomy(
    ledger: Ledger, connection: str, rule: str, mode: Mode | None, given: Mapping[str, float], now: int
) -> Autonomy:
    """Change some of it: what a `rule` may do, or the figures (`least`, `precision`, `confidence`).

    Raises `LedgerError` as `set_autonomy` does.
    """
    made = msgspec.structs.replace(autonomy_of(ledger, connection), **dict(given))
    if rule and mode is not None:
        modes = {name: one for name, one in made.modes.items() if name != rule}
        made = msgspec.structs.replace(made, modes=modes if mode == "earn" else modes | {rule: mode})
    set_autonomy(ledger, connection, made, now)
    return made


def set_autonomy(ledger: Ledger, connection: str, autonomy: Autonomy, now: int) -> None:
    """Change it, for one connection or ("") for all that have none of their own.

    Raises `LedgerError` for a share that is not between 0 and 1 (NaN is not), and for no case at all.
    """
    fits = {
        "precision": 0 < autonomy.precision < 1,
        "confidence": 0 < autonomy.confidence < 1,
        "least": 1 <= autonomy.least < math.inf and autonomy.least == int(autonomy.least),
    }
    for name, fit in fits.items():
        if not fit:  # once kept, no rule's standing could be told
            raise LedgerError(
                f"A rule's {name} cannot be {getattr(autonomy, name)}.",
                "The least number of cases is 1 or more; precision and confidence lie between 0 and 1.",
            )
    setting = f"{AUTONOMY}:{connection}" if connection else AUTONOMY
    with ledger.transaction():
        ledger.connections.set(setting, msgspec.json.encode(autonomy).decode(), now)
