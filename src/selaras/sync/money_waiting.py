"""Orders that wait for money: open ones that are not fully paid, and those that were cancelled lately.

Nearly all orders of a shop are paid, and stay open because money may go back. Which they are is remembered with the
version that said so, so that looking for those that wait does not grow with the history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.ledger.allocations import Allocation
from selaras.ledger.unique_amounts import Reservation
from selaras.ledger.values import StoredRecord
from selaras.model.money import EXPONENTS, ZERO, from_minor, to_minor
from selaras.model.order import Order
from selaras.rules.allocating import Owed
from selaras.rules.same_money import spoken_of
from selaras.sync import mappings
from selaras.sync.admission import Admission
from selaras.sync.hub import Hub, Pair, order_stream

PAYMENT = "payment"
EXPECTING = ("pending", "open", "completed")
# A buyer may pay an order that was given up meanwhile: it is asked about for so long.
_LATE = dt.timedelta(days=30)
_ALL = 2**31
_order = msgspec.json.Decoder(Order)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An order that waits for money: what the matcher is told, its record, and all that it may take in the end.

    `vouched`: the store says that a part was paid by a way for which its word counts.
    """

    owed: Owed
    record: StoredRecord
    pair: Pair
    ceiling: int
    closed: bool = False
    reservation: Reservation | None = None
    vouched: bool = False


class WaitingOrders:
    """Reads them, for the pairs of one set of books. Every method runs in the ledger's thread."""

    def __init__(self, hub: Hub, pairs: Sequence[Pair]) -> None:
        self._hub = hub
        self._pairs = pairs
        # By store: the version in which an order was paid by what it says itself, whatever is linked with it.
        self._paid: dict[str, dict[str, int]] = {}

    def all(self) -> dict[str, Waiting]:
        """Every order that waits, by its stream."""
        found: dict[str, Waiting] = {}
        for pair in self._pairs:
            found |= self._of_pair(pair, self._candidates(pair))
        return found

    def some(self, streams: Collection[str]) -> dict[str, Waiting]:
        """Those of these orders that wait."""
        found: dict[str, Waiting] = {}
        for pair in self._pairs:
            prefix = order_stream(pair.store, "")
            ids = [stream.removeprefix(prefix) for stream in streams if stream.startswith(prefix)]
            found |= self._of_pair(pair, self._hub.desk.ledger.records.some(pair.store, "order", ids))
        return found

    def _candidates(self, pair: Pair) -> list[StoredRecord]:
        """Orders that are not final and those cancelled lately, without those that are known to be paid."""
        records, paid = self._hub.desk.ledger.records, self._paid.setdefault(pair.store, {})
        versions = records.open_versions(pair.store, "order")
        found = records.some(pair.store, "order", [i for i, version in versions.items() if paid.get(i) != version])
        today = dt.datetime.fromtimestamp(self._hub.clock(), ZoneInfo(pair.policy.zone)).date()
        late = records.on_days(pair.store, "order", (today - _LATE).isoformat(), today.isoformat(), b'"cancelled"')
        return found + [record for record in late if record.key.id not in versions]

    def _of_pair(self, pair: Pair, candidates: Sequence[StoredRecord]) -> dict[str, Waiting]:
        ledger, paid = self._hub.desk.ledger, self._paid.setdefault(pair.store, {})
        admission = Admission(ledger, pair)
        orders = []
        for record in candidates:
            order = _order.decode(record.body)
            if _settled(order, pair):
                paid[record.key.id] = record.version
            elif (order.status in EXPECTING or order.status == "cancelled") and admission.admits(record):
                orders.append((record, order))
        held = ledger.allocations.of_subjects(order_stream(pair.store, order.id) for _, order in orders)
        codes = {
            (one.store, one.reference): one
            for one in reversed(ledger.unique_amounts.find(held_at=self._hub.now(), limit=_ALL))
        }
        roles = self._roles(pair)
        found = {}
        for record, order in orders:
            stream = order_stream(pair.store, order.id)
            shares = [one for one in held.get(stream, ()) if one.undone_at is None]
            live = sum(one.settled for one in shares)
            told = in_minor(_confirmed(order, pair, shares), order.currency)
            echoes = in_minor(sum((p.amount for p in order.payments if p.origin == "books"), ZERO), order.currency)
            total = in_minor(order.total, order.currency)
            due = total - told - max(echoes, live)
            closed = order.status == "cancelled"
            if due <= 0:
                continue
            code = next((c for n in (order.number, order.id) for s in (pair.store, "")
                         if (c := codes.get((s, n))) is not None), None)  # fmt: skip
            if code is not None and (code.total != due or code.currency != order.currency):
                code = None
            owed = Owed(
                subject=stream, number=pair.policy.reference_prefix + order.number, name=order.buyer.name,
                phone=order.buyer.phone, currency=order.currency, due=due, code=code.code if code else 0,
                ordered=order.placed_at.astimezone(ZoneInfo(pair.policy.zone)).date(),
                write_off=in_minor(pair.policy.write_off, order.currency), roles=roles,
            )  # fmt: skip
            ceiling = live + due + max(owed.code, 0)
            found[stream] = Waiting(
                owed=owed, record=record, pair=pair, ceiling=ceiling, closed=closed, reservation=code,
                vouched=told > 0,
            )  # fmt: skip
        return found

    def _roles(self, pair: Pair) -> frozenset[str]:
        """Roles of write-offs that a receipt of this pair may use."""
        ledger = self._hub.desk.ledger
        if not mappings.declared(ledger, pair.books).write_offs:
            return frozenset()
        named = mappings.current(ledger, pair.store, pair.books).mapping.accounts
        return frozenset(role for role in ("transfer_fee", "withholding", "rounding") if named.get(role))


def _settled(order: Order, pair: Pair) -> bool:
    """Paid by the word of the store, or by what was written into it; or never to be asked about."""
    if order.currency not in EXPONENTS:
        return True
    echoes = sum((p.amount for p in order.payments if p.origin == "books"), ZERO)
    return order.total <= max(_said(order, pair), echoes)


def _said(order: Order, pair: Pair) -> Decimal:
    """What the store says was paid, where its word counts: not by a way of paying that only money itself confirms."""
    methods = pair.policy.bank_methods
    return sum((p.amount for p in order.payments if p.origin == "store" and p.method not in methods), ZERO)


def _confirmed(order: Order, pair: Pair, shares: Iterable[Allocation]) -> Decimal:
    """The same without what a gateway told of as well."""
    collected = [from_minor(one.settled, order.currency) for one in shares if one.line.kind == PAYMENT]
    same = spoken_of(order.payments, collected, pair.policy.bank_methods)
    return _said(order, pair) - sum(same.values(), ZERO)


def in_minor(amount: Decimal, currency: str) -> int:
    """Smallest units; what is finer (sen of interest) is no money of an order and cut off."""
    if currency not in EXPONENTS:
        return 0
    cut = amount.quantize(Decimal(1).scaleb(-EXPONENTS[currency]), rounding="ROUND_DOWN")
    return to_minor(cut, currency)
