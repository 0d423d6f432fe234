"""Operations of the HTTP API for incoming money: what waits, accepting, refusing, undoing; feeds, rules and payouts."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from selaras.ledger import Ledger
from selaras.rules.autonomy import Autonomy
from selaras.rules.rate_card import Rate
from selaras.sync import feeds as feeds_room
from selaras.sync import money_decisions as sync
from selaras.sync import payout_report
from selaras.sync.feeds import Feed
from selaras.sync.money_decisions import MoneyLinked, MoneyUndone, OpenMoney, RuleStanding
from selaras.sync.offline import offline_hub
from selaras.web.operation import Call, Name, Operation

Rule = Annotated[str, Meta(max_length=60, description="Such as exact:name")]


class UnmatchedQuery(msgspec.Struct):
    connection: Name | None = None


class AcceptBody(msgspec.Struct, forbid_unknown_fields=True):
    line: Name
    rank: Annotated[int, Meta(ge=1, le=9)] = 1
    orders: Annotated[list[Name], Meta(max_length=100, description="The numbers that were seen; others refuse it")] = []
    who: Name = ""


class AcceptRuleBody(msgspec.Struct, forbid_unknown_fields=True):
    rule: Rule
    connection: Name | None = None
    who: Name = ""


class LinkBody(msgspec.Struct, forbid_unknown_fields=True):
    bank_line: Name
    order: Name
    who: Name = ""


class RefuseBody(msgspec.Struct, forbid_unknown_fields=True):
    line: Name
    orders: Annotated[list[Name], Meta(max_length=100, description="All numbers that were seen; others refuse it")] = []
    who: Name = ""


class UndoMoneyBody(msgspec.Struct, forbid_unknown_fields=True):
    line: Name
    order: Name = ""
    why: Annotated[str, Meta(max_length=1000)] = ""
    who: Name = ""


class FeedBody(msgspec.Struct, forbid_unknown_fields=True):
    connection: Name
    books: Name
    account: Name | None = None
    clearing: Name | None = None
    fee: Name | None = None
    fee_tax: Name | None = None
    adjustment: Name | None = None
    who: Name = ""


class FeedGoneBody(msgspec.Struct, forbid_unknown_fields=True):
    connection: Name
    who: Name = ""


class AutonomyBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a rule needs before it posts alone; what is not given stays."""

    connection: Name = ""
    rule: Rule = ""
    mode: Literal["earn", "alone", "ask"] | None = None
    least: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    precision: Annotated[float, Meta(ge=0.5, lt=1)] | None = None
    confidence: Annotated[float, Meta(ge=0.5, lt=1)] | None = None
    who: Name = ""


class PayoutsQuery(msgspec.Struct):
    first: dt.date | None = None
    last: dt.date | None = None
    gateway: Name | None = None
    unsettled: bool = False


class RateCardBody(msgspec.Struct, forbid_unknown_fields=True):
    """Shares and taxes are fractions below 1."""

    rates: Annotated[list[Rate], Meta(max_length=1000)]
    who: Name = ""

    def __post_init__(self) -> None:
        """Raises `ValueError` for what is no amount."""
        for place, rate in enumerate(self.rates):
            if name := rate.unfit():
                raise ValueError(f"`{getattr(rate, name)}` is no amount, or too much - at `$.rates[{place}].{name}`")


def _of(ledger: Ledger, connection: str | None) -> Ledger:
    """The ledger, once it knows the connection that was named: of a misspelt one there is never anything."""
    if connection:
        ledger.connections.get(connection)
    return ledger


async def _unmatched(call: Call) -> list[OpenMoney]:
    def read(ledger: Ledger) -> list[OpenMoney]:
        return sync.unmatched(offline_hub(_of(ledger, call.query.connection), mirrors=False), call.query.connection)

    return await call.context.read(read)


async def _accept(call: Call) -> MoneyLinked:
    b, hub = call.body, call.context.hub

    def work(_ledger: Ledger) -> MoneyLinked:
        return sync.accept(hub, b.line, hub.now(), call.who, rank=b.rank, orders=b.orders)

    return await call.context.change(work)


async def _accept_rule(call: Call) -> list[MoneyLinked]:
    b, hub = call.body, call.context.hub

    def work(ledger: Ledger) -> list[MoneyLinked]:
        _of(ledger, b.connection)
        return sync.accept_rule(hub, b.rule, hub.now(), call.who, b.connection)

    return await call.context.change(work)


async def _link(call: Call) -> MoneyLinked:
    b, hub = call.body, call.context.hub

    def work(_ledger: Ledger) -> MoneyLinked:
        return sync.link_payment(hub, b.bank_line, b.order, hub.now(), call.who)

    return await call.context.change(work)


async def _refuse(call: Call) -> sync.Refused:
    b, hub = call.body, call.context.hub

    def work(_ledger: Ledger) -> sync.Refused:
        return sync.refuse(hub, b.line, hub.now(), call.who, orders=b.orders)

    return await call.context.change(work)


async def _undo(call: Call) -> MoneyUndone:
    b, hub = call.body, call.context.hub

    def work(_ledger: Ledger) -> MoneyUndone:
        return sync.undo_money(hub, b.line, hub.now(), call.who, b.why, b.order)

    return await call.context.change(work)


async def _feeds(call: Call) -> list[Feed]:
    return await call.context.read(feeds_room.feeds_of)


async def _set_feed(call: Call) -> Feed:
    b = call.body
    given = {name: text for name in feeds_room.ACCOUNTS if (text := getattr(b, name)) is not None}
    return await call.context.change(feeds_room.set_feed, b.connection, b.books, given, call.context.hub.now())


async def _remove_feed(call: Call) -> Feed:
    return await call.context.change(feeds_room.remove_feed, call.body.connection, call.context.hub.now())


async def _rules(call: Call) -> list[RuleStanding]:
    def read(ledger: Ledger) -> list[RuleStanding]:
        return sync.rules(_of(ledger, call.query.connection), call.query.connection)

    return await call.context.read(read)


async def _autonomy(call: Call) -> Autonomy:
    b, now = call.body, call.context.hub.now()
    given = {n: v for n in ("least", "precision", "confidence") if (v := getattr(b, n)) is not None}

    def work(ledger: Ledger) -> Autonomy:
        return feeds_room.change_autonomy(_of(ledger, b.connection), b.connection, b.rule, b.mode, given, now)

    return await call.context.change(work)


async def _payouts(call: Call) -> payout_report.PayoutReport:
    q = call.query
    today = dt.datetime.fromtimestamp(call.context.hub.clock(), dt.UTC).date()
    first, last = q.first or today - dt.timedelta(days=31), q.last or today + dt.timedelta(days=1)
    return await call.context.read(payout_report.payouts, first, last, q.gateway, q.unsettled)


async def _rate_card(call: Call) -> list[Rate]:
    return await call.context.read(payout_report.rate_card_of)


async def _set_rate_card(call: Call) -> list[Rate]:
    return await call.context.change(payout_report.set_rate_card, call.body.rates, call.context.hub.now())


OPERATIONS: Final = (
    Operation("GET", "/money/unmatched", "unmatched", "Incoming money that waits for a person, with what it may be",
              list[OpenMoney], _unmatched, query=UnmatchedQuery),
    Operation("POST", "/money/accept", "accept_money", "Accept an answer that was proposed for a line",
              MoneyLinked, _accept, body=AcceptBody, writes=True),
    Operation("POST", "/money/accept-rule", "accept_rule", "Accept the first answer of every line that a rule proposed",
              list[MoneyLinked], _accept_rule, body=AcceptRuleBody, writes=True),
    Operation("POST", "/link", "link", "Say which order a bank line or a gateway's payment pays",
              MoneyLinked, _link, body=LinkBody, writes=True),
    Operation("POST", "/money/refuse", "refuse_money", "None of what is proposed for a line is right",
              sync.Refused, _refuse, body=RefuseBody, writes=True),
    Operation("POST", "/money/undo", "undo_money", "Take back what a line pays; the books follow by themselves",
              MoneyUndone, _undo, body=UndoMoneyBody, writes=True),
    Operation("GET", "/money/rules", "money_rules", "Where each matching rule stands, and whether it posts alone",
              list[RuleStanding], _rules, query=UnmatchedQuery),
    Operation("POST", "/money/rules", "autonomy", "Change what a rule needs before it posts alone",
              Autonomy, _autonomy, body=AutonomyBody, writes=True),
    Operation("GET", "/money/feeds", "feeds", "Bank and gateway connections whose money is booked", list[Feed], _feeds),
    Operation("POST", "/money/feeds", "feed", "Book the money of a bank or gateway connection in a set of books",
              Feed, _set_feed, body=FeedBody, writes=True),
    Operation("POST", "/money/feeds/remove", "remove_feed", "Book the money of a connection no longer",
              Feed, _remove_feed, body=FeedGoneBody, writes=True),
    Operation("GET", "/money/payouts", "payouts", "Payouts held against orders and bank, and their fees against the "
              "rate card", payout_report.PayoutReport, _payouts, query=PayoutsQuery),
    Operation("GET", "/money/rate-card", "rate_card", "The fees that were agreed with gateways",
              list[Rate], _rate_card),
    Operation("POST", "/money/rate-card", "set_rate_card", "Replace the rate card",
              list[Rate], _set_rate_card, body=RateCardBody, writes=True),
)  # fmt: skip
