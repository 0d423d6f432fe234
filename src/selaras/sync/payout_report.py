"""Payouts of gateways held against orders and bank (X7), and the fees of each against the rate card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.allocations import Allocation
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import RecordKey, State
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.order import Order
from selaras.model.settlement import GatewayPayment, Payout
from selaras.rules.rate_card import Rate, audit
from selaras.rules.three_way import Credit, Open, Sold, three_way
from selaras.sync.feeds import Feed, feeds_of
from selaras.sync.installation import pairs_of
from selaras.sync.money_in import PAYMENT, PAYOUT, money_stream, payout_subject
from selaras.sync.payouts import KEY

RATE_CARD = "rate_card"
_order = msgspec.json.Decoder(Order)
_payout = msgspec.json.Decoder(Payout)
_payment = msgspec.json.Decoder(GatewayPayment)


class FeeFound(msgspec.Struct, frozen=True):
    """A row whose fee is not the one that was agreed: `taken` − `agreed` = `difference`, major units."""

    payout: str
    order_reference: str
    channel: str
    taken: Decimal
    agreed: Decimal
    difference: Decimal


class PayoutLine(msgspec.Struct, frozen=True):
    """One payout: gross − fee = net, and the bank line that shows it. `state`: booked, waiting, blocked, not_in_bank,
    unproven, or failed and pending as the gateway says. `open` is the difference between its rows and its net.
    """

    gateway: str
    id: str
    day: dt.date
    currency: str
    gross: Decimal
    fee: Decimal
    fee_tax: Decimal
    net: Decimal
    rows: int
    open: Decimal
    bank_line: str
    booked_on: str
    entry: str
    state: str


class OpenItem(msgspec.Struct, frozen=True):
    """What does not agree between order, settlement and bank: found − expected, in major units."""

    found: str
    subject: str
    amount: Decimal
    currency: str


class PayoutReport(msgspec.Struct, frozen=True):
    """The three-way check of these days. `agreed` orders agree on all three sides; `fees_unknown` rows had no rate."""

    first: dt.date
    last: dt.date
    payouts: list[PayoutLine]
    items: list[OpenItem]
    agreed: int
    fees: list[FeeFound]
    fees_checked: int
    fees_unknown: int


def payouts(
    ledger: Ledger, first: dt.date, last: dt.date, gateway: str | None = None, unsettled: bool = False
) -> PayoutReport:
    """Payouts of these days (inclusive, in the business's zone). With `unsettled` orders that a gateway collected and
    no payout names yet are open items, too. Raises `LedgerError` when `gateway` is no feed.
    """
    feeds = [feed for feed in feeds_of(ledger) if gateway in (None, feed.connection)]
    if not feeds and gateway is not None:
        raise LedgerError(f"{gateway} is no feed.", "See `selaras feed` for those there are.")
    lines: list[PayoutLine] = []
    items: list[OpenItem] = []
    fees: list[FeeFound] = []
    agreed = checked = unknown = 0
    card = rate_card_of(ledger)
    for feed in feeds:
        zone = _zone(ledger, feed)
        found = [
            (record.key, _payout.decode(record.body))
            for record in ledger.records.on_days(feed.connection, PAYOUT, first.isoformat(), last.isoformat())
        ]
        held = ledger.allocations.of_subjects(payout_subject(key) for key, _ in found)
        live = {name: [a for a in shares if a.undone_at is None] for name, shares in held.items()}
        for key, payout in found:
            lines.append(_line(ledger, feed, zone, key, payout, live.get(payout_subject(key), [])))
        three = _three(ledger, feed, found, live, unsettled)
        agreed += three[1]
        items += [OpenItem(one.found, one.subject, one.amount, one.currency) for one in three[0]]
        channels = _channels(ledger, feed)
        for _key, payout in found:
            for one in audit(card, payout.gateway, payout.rows, channels):
                checked += one.verdict != "unknown"
                unknown += one.verdict == "unknown" and bool(one.row.fee)
                if one.verdict in ("more", "less"):
                    reference = one.row.order_reference
                    fees.append(
                        FeeFound(payout.id, reference, channels.get(reference, ""), one.row.fee, one.expected or ZERO,
                                 one.difference)
                    )  # fmt: skip
    lines.sort(key=lambda one: (one.day, one.gateway, one.id))
    return PayoutReport(first, last, lines, items, agreed, fees, checked, unknown)


def _zone(ledger: Ledger, feed: Feed) -> ZoneInfo:
    return ZoneInfo(next((pair.policy.zone for pair in pairs_of(ledger) if pair.books == feed.books), "Asia/Jakarta"))


def _line(
    ledger: Ledger, feed: Feed, zone: ZoneInfo, key: RecordKey, payout: Payout, shares: Sequence[Allocation]
) -> PayoutLine:
    line, booked_on, entry, state = "", "", "", "not_in_bank"
    if shares:
        line = f"{shares[0].line.connection}:{shares[0].line.id}"
        record = ledger.records.get(shares[0].line)
        booked_on = record.day if record is not None else ""
        stream = money_stream(shares[0].line)
        own = [p for p in ledger.postings.of_streams(feed.books, [stream]).get(stream, []) if p.key.startswith(KEY)]
        latest = next((p for p in reversed(own) if p.state is not State.SUPERSEDED), None)
        entry = latest.reference if latest is not None else ""
        done = latest is not None and latest.state is State.DONE
        state = "booked" if done else "blocked" if latest is not None and latest.state is State.BLOCKED else "waiting"
    elif payout.state != "paid":
        state = payout.state
    elif payout.difference:
        state = "unproven"
    return PayoutLine(
        feed.connection, payout.id, payout.paid_out_at.astimezone(zone).date(), payout.currency, payout.gross,
        payout.fee, sum((row.fee_tax for row in payout.rows), ZERO), payout.net, len(payout.rows), payout.difference,
        line, booked_on, entry, state,
    )  # fmt: skip


def _three(
    ledger: Ledger,
    feed: Feed,
    found: Sequence[tuple[RecordKey, Payout]],
    live: dict[str, list[Allocation]],
    unsettled: bool,
) -> tuple[Sequence[Open], int]:
    stores = [pair.store for pair in pairs_of(ledger) if pair.books == feed.books]
    named = {row.order_reference for _key, payout in found for row in payout.rows if row.order_reference}
    sold: dict[str, Sold] = {}
    for reference in sorted(named):
        for record in ledger.records.named(reference):
            if record.key.connection in stores:
                order = _order.decode(record.body)
                # Money that we found counts, whether the store was told of it yet or not.
                found_here = _found(ledger, record.key, order.currency)
                sold[reference] = Sold(reference, max(order.paid, found_here) - order.refunded, order.currency)
    if unsettled:
        for record in ledger.records.all(feed.connection, PAYMENT):
            payment = _payment.decode(record.body)
            if payment.state == "paid" and payment.order_reference not in sold:
                due = payment.received - payment.refunded
                sold[payment.order_reference] = Sold(payment.order_reference, due, payment.currency)
    shown = [payout for _key, payout in found if payout.rows]
    credits: dict[RecordKey, Credit] = {}
    for key, payout in found:
        for share in live.get(payout_subject(key), ()) if payout.rows else ():
            before = credits.get(share.line)
            amount = Decimal(share.amount).scaleb(-EXPONENTS[share.currency])
            credits[share.line] = Credit(
                f"{share.line.connection}:{share.line.id}", amount + (before.amount if before else ZERO),
                share.currency, (*(before.payouts if before else ()), payout.id),
            )  # fmt: skip
    made = three_way(list(sold.values()), shown, list(credits.values()))
    return made.items, made.agreed


def _found(ledger: Ledger, order: RecordKey, currency: str) -> Decimal:
    subject = f"{order.connection}:{order.id}"
    live = [one for one in ledger.allocations.of_subjects([subject]).get(subject, []) if one.undone_at is None]
    return Decimal(sum(one.settled for one in live)).scaleb(-EXPONENTS[currency])


def _channels(ledger: Ledger, feed: Feed) -> dict[str, str]:
    """By which channel an order was paid, as the gateways' own payments say (reports may come by another feed)."""
    found = {}
    for other in feeds_of(ledger):
        for record in ledger.records.all(other.connection, PAYMENT) if other.books == feed.books else ():
            payment = _payment.decode(record.body)
            found[payment.order_reference] = payment.channel
    return found


# -- the rate card -----------------------------------------------------------------------------------------------------


def rate_card_of(ledger: Ledger) -> list[Rate]:
    """The fees that were agreed with gateways."""
    return msgspec.json.decode(ledger.connections.setting(RATE_CARD, "[]"), type=list[Rate])


def set_rate_card(ledger: Ledger, rates: Sequence[Rate], now: int) -> list[Rate]:
    """Replace the rate card.

    Raises `LedgerError` for a rate of an unknown currency, and for one by which no fee can be reckoned.
    """
    for rate in rates:
        if rate.currency not in EXPONENTS:
            raise LedgerError(f"The currency {rate.currency!r} of the rate card is unknown.", "Use a code of ISO 4217.")
        # Once kept, no payout could be held against it.
        if name := rate.unfit():
            raise LedgerError(
                f"A rate of {rate.gateway} cannot have {getattr(rate, name)} as {name}.",
                "Amounts are 0 or more, with at most 15 decimals; share and tax are fractions below 1.",
            )
    with ledger.transaction():
        ledger.connections.set(RATE_CARD, msgspec.json.encode(list(rates)).decode(), now)
    return list(rates)
