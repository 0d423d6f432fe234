"""What is known when incoming money is matched: money that waits for an order, and orders that wait for money.

Read in the ledger's thread as one moment; deciding happens elsewhere, and what changed meanwhile is decided again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.allocations import Allocation
from selaras.ledger.values import Posting, RecordKey, State, StoredRecord
from selaras.model.document import BankTransaction
from selaras.model.money import ZERO
from selaras.model.order import Order
from selaras.model.settlement import GatewayPayment, Payout
from selaras.rules.payout_lines import Paid
from selaras.sync.feeds import Feed
from selaras.sync.hub import Hub, Pair, order_stream
from selaras.sync.money_waiting import EXPECTING, PAYMENT, Waiting, WaitingOrders, in_minor

__all__ = ["BANK", "PAYMENT", "PAYOUT", "Gathered", "Money", "MoneyReader", "Waiting"]

BANK, PAYOUT = "bank_transaction", "payout"
_ALL = 2**31
_NEAR = dt.timedelta(days=10)
_order = msgspec.json.Decoder(Order)
_bank = msgspec.json.Decoder(BankTransaction)
_payment = msgspec.json.Decoder(GatewayPayment)
_payout = msgspec.json.Decoder(Payout)


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """One money line: `amount` of it came, `left` waits for an order (smallest units). `account` is the books' own.

    `standing` is what holds it already; `blocked_by` a receipt or journal of an undone share that still stands.
    `named` is how many known orders bear the name that a payment at a gateway says: none may be on its way to us.
    """

    record: StoredRecord
    books: str
    currency: str
    amount: int
    left: int
    day: dt.date
    text: str
    account: str
    standing: tuple[Allocation, ...] = ()
    refused: frozenset[str] = frozenset()
    blocked_by: str = ""
    reconciled: bool = False
    payment: GatewayPayment | None = None
    named: int = 0

    @property
    def key(self) -> RecordKey:
        """Which record it is."""
        return self.record.key

    @property
    def name(self) -> str:
        """What receipts and streams call it: the line of the books by its id, others with their connection."""
        return self.key.id if self.key.connection == self.books else f"{self.key.connection}/{self.key.id}"


class Gathered(msgspec.Struct, frozen=True):
    """Everything that one decision rests on. `payouts` wait for their bank line; `records` are all that were read."""

    records: list[StoredRecord]
    money: list[Money]
    waiting: dict[str, Waiting]
    payouts: list[Paid]
    feeds: dict[str, Feed]
    changed_payouts: list[tuple[StoredRecord, list[Allocation]]]


class MoneyReader:
    """Reads what waits, for one set of books. Every method runs in the ledger's thread."""

    def __init__(self, hub: Hub, books: str) -> None:
        self._hub = hub
        self._books = books
        self._pairs = [pair for pair in hub.pairs if pair.books == books]
        self._feeds = {feed.connection: feed for feed in hub.feeds if feed.books == books}
        self._orders = WaitingOrders(hub, self._pairs)

    @property
    def sources(self) -> list[tuple[str, str]]:
        """(connection, kind) of everything that brings money into these books."""
        own = [(self._books, BANK)]
        return own + [(name, kind) for name in self._feeds for kind in (BANK, PAYMENT, PAYOUT)]

    def gather(self) -> Gathered:
        """One moment. Nothing is read when nothing waits to be planned."""
        records = self._hub.desk.ledger.records
        fresh = [one for source in self.sources for one in records.unplanned(*source, _ALL)]
        money: list[Money] = []
        for source in self.sources:
            if source[1] != PAYOUT:
                money += self._money(*source, [one for one in fresh if (one.key.connection, one.key.kind) == source])
        open_money = [one for one in money if one.left > 0 and not one.reconciled]
        waiting = self.waiting() if open_money else {}
        payouts = self._payouts(open_money)
        return Gathered(fresh, money, waiting, payouts, self._feeds, self._changed(fresh))

    # -- money -----------------------------------------------------------------------------------------------------

    def _money(self, connection: str, kind: str, records: Sequence[StoredRecord]) -> list[Money]:
        ledger = self._hub.desk.ledger
        if not records:
            return []
        ids = [one.key.id for one in records]
        history = ledger.allocations.of_lines(connection, kind, ids)
        refused = ledger.allocations.refused(connection, kind, ids)
        found = []
        for record in records:
            shares = history.get(record.key.id, [])
            live = tuple(one for one in shares if one.undone_at is None)
            made = self.bare(record)
            taken = sum(one.amount for one in live)
            undone = [one for one in shares if one.undone_at is not None]
            found.append(
                msgspec.structs.replace(
                    made, left=max(made.amount - taken, 0), standing=live,
                    refused=refused.get(record.key.id, frozenset()), blocked_by=self._still_stands(made, undone),
                    named=0 if made.payment is None else len(list(self._known(made.payment.order_reference))),
                )
            )  # fmt: skip
        return found

    def lines(self, connection: str, kind: str, ids: Sequence[str]) -> dict[str, Money]:
        """Money lines as they stand, by id."""
        records = self._hub.desk.ledger.records.some(connection, kind, ids)
        return {one.key.id: one for one in self._money(connection, kind, records)}

    def line(self, record: StoredRecord) -> Money:
        """One money line as it stands."""
        return self._money(record.key.connection, record.key.kind, [record])[0]

    def bare(self, record: StoredRecord) -> Money:
        """A money line by its record alone: `left` and what holds it are not looked up."""
        return self._bank_line(record) if record.key.kind == BANK else self._gateway_payment(record)

    def _bank_line(self, record: StoredRecord) -> Money:
        line = _bank.decode(record.body)
        feed = self._feeds.get(record.key.connection)
        return Money(
            record=record, books=self._books, currency=line.currency, left=0,
            amount=in_minor(line.amount, line.currency),
            day=line.date, text=line.description, account=line.account or (feed.account if feed else ""),
            reconciled=line.reconciled,
        )  # fmt: skip

    def _gateway_payment(self, record: StoredRecord) -> Money:
        payment = _payment.decode(record.body)
        feed = self._feeds.get(record.key.connection)  # a feed may have been ended; what it paid stays
        came = payment.received if payment.state == "paid" else ZERO
        at = payment.paid_at or payment.created_at
        return Money(
            record=record, books=self._books, currency=payment.currency, left=0,
            amount=in_minor(came, payment.currency),
            day=at.astimezone(self._zone()).date(), text=payment.order_reference,
            account=feed.clearing if feed else "", payment=payment,
        )  # fmt: skip

    def _known(self, reference: str) -> Iterator[tuple[Pair, Order]]:
        """Orders of that name that were placed; a cancelled one only if the store received money."""
        for pair in self._pairs if reference else ():
            for record in self._hub.desk.ledger.records.named(reference.removeprefix(pair.policy.reference_prefix)):
                if record.key.connection == pair.store:
                    order = _order.decode(record.body)
                    if order.status in EXPECTING or (order.status == "cancelled" and order.paid > ZERO):
                        yield pair, order

    def vouched(self, money: Money) -> tuple[bool, list[RecordKey]]:
        """Whether the order that a payment names was paid by the word of the store (or of a person in the books) for
        this payment: each of its payments speaks for one of the gateway's that nothing holds, the earliest first. And
        the later ones, for which there may be no word left.
        """
        ledger, payment = self._hub.desk.ledger, money.payment
        if payment is None:
            return False, []
        said = 0
        for pair, order in self._known(payment.order_reference):
            stream = order_stream(pair.store, order.id)
            held = ledger.allocations.of_subjects([stream]).get(stream, ())
            counting = [p for p in order.payments if p.origin == "books" or p.method not in pair.policy.bank_methods]
            said += max(len(counting) - len(held), 0)  # of one that was undone the store may have been told
        before, later = 0, []
        for record in ledger.records.named(payment.order_reference, PAYMENT):
            key, other = record.key, _payment.decode(record.body)
            taken = ledger.allocations.taken(key.connection, key.kind, [key.id]).get(key.id)
            if key == money.key or key.connection not in self._feeds or other.state != "paid" or taken:
                continue
            if _came(other) < _came(payment):
                before += 1
            else:
                later.append(key)
        return before < said, later

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._pairs[0].policy.zone)

    def _still_stands(self, money: Money, undone: Iterable[Allocation]) -> str:
        """The reference of a document of an undone share that was not taken back yet: the books hold the line by it."""
        ledger = self._hub.desk.ledger
        for share in undone:
            payout = share.subject.startswith("payout:")
            stream = money_stream(money.key) if payout else share.subject
            number = f"~{share.number}" if share.number > 1 else ""
            key = f"receipt:bank:{money.name}{number}"
            latest: Posting | None = None
            for posting in ledger.postings.of_streams(self._books, [stream]).get(stream, ()):
                mine = posting.key.startswith(PAYOUT) if payout else posting.key == key
                if mine and posting.state is not State.SUPERSEDED:
                    latest = posting
            if latest is None or latest.state is State.SKIPPED:
                continue
            if latest.op != "void" or latest.state is not State.DONE:
                return latest.reference
        return ""

    def waiting(self, only: Collection[str] | None = None) -> dict[str, Waiting]:
        """Orders whose money is expected, by their streams; of `only` these where they are named."""
        return self._orders.all() if only is None else self._orders.some(only)

    # -- payouts ---------------------------------------------------------------------------------------------------

    def _payouts(self, money: Sequence[Money]) -> list[Paid]:
        """Payouts about the days of these lines that no line was found for yet."""
        ledger, days = self._hub.desk.ledger, [one.day for one in money if one.payment is None]
        if not days:
            return []
        first, last = (min(days) - _NEAR).isoformat(), (max(days) + _NEAR).isoformat()
        found: dict[str, Paid] = {}
        for name in self._feeds:
            for record in ledger.records.on_days(name, PAYOUT, first, last):
                paid = self.paid(record)
                if paid.payout.state == "paid" and paid.payout.net > ZERO:
                    found[paid.subject] = paid
        held = ledger.allocations.of_subjects(found)
        return [one for name, one in found.items() if all(a.undone_at is not None for a in held.get(name, ()))]

    def paid(self, record: StoredRecord) -> Paid:
        """A payout's record as its value."""
        payout = _payout.decode(record.body)
        return Paid(payout_subject(record.key), payout, payout.paid_out_at.astimezone(self._zone()).date())

    def _changed(self, fresh: Sequence[StoredRecord]) -> list[tuple[StoredRecord, list[Allocation]]]:
        """Payouts that were read anew although they are booked."""
        mine = {payout_subject(one.key): one for one in fresh if one.key.kind == PAYOUT}
        held = self._hub.desk.ledger.allocations.of_subjects(mine)
        live = {name: [a for a in shares if a.undone_at is None] for name, shares in held.items()}
        return [(mine[name], shares) for name, shares in live.items() if shares]


def payout_subject(key: RecordKey) -> str:
    """What an allocation calls a payout."""
    return f"payout:{key.connection}:{key.id}"


def paid_key(subject: str) -> RecordKey:
    """The record of what an allocation calls its subject: an order, or a payout."""
    first, _colon, rest = subject.partition(":")
    if first != PAYOUT:
        return RecordKey(first, "order", rest)
    connection, _colon, payout = rest.partition(":")
    return RecordKey(connection, PAYOUT, payout)


def subjects_of(ledger: Ledger, subjects: Iterable[str]) -> dict[RecordKey, StoredRecord]:
    """The orders and payouts that are called so, those that we hold; read together."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for key in dict.fromkeys(paid_key(subject) for subject in subjects):
        wanted.setdefault((key.connection, key.kind), []).append(key.id)
    return {record.key: record for source, ids in wanted.items() for record in ledger.records.some(*source, ids)}


def number_of(known: Mapping[RecordKey, StoredRecord], subject: str) -> str:
    """What people call it; `known` are `subjects_of` it."""
    key = paid_key(subject)
    record = known.get(key)
    return record.number if record is not None and record.number else key.id


def money_stream(key: RecordKey) -> str:
    """The stream in which the journal entry of a money line is written, and what is said of it where nothing fits."""
    return f"bank:{key.connection}:{key.id}"


def _came(payment: GatewayPayment) -> tuple[dt.datetime, str]:
    return payment.paid_at or payment.created_at, payment.id
