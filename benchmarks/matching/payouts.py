"""Gateways and marketplaces: what they capture, keep, hold back, give back, and pay out."""

from __future__ import annotations

from collections import defaultdict

from benchmarks.matching import texts
from benchmarks.matching.book import RP, Book, Detail, Order, money
from benchmarks.matching.habits import MARKET_FLAT, QRIS_LAG, VA_LAG

Row = tuple[int, str, int, int, str]  # order, reference, gross, fee, kind


class Payouts:
    """Collects the orders of a gateway into batches and writes a statement line and report rows for each."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.gateway = ("midtrans", "xendit")[book.below(2)]
        self.market = ("shopee", "tokopedia")[book.below(2)]
        if book.habits.unheard:
            self.gateway, self.market = "gerbang", "pasar"
        # 40 % of the shops collect QRIS through their bank, the others through the gateway.
        self.acquirer = not (book.habits.one_payout or book.habits.unheard) and book.rng.random() < 0.4
        self.batches: defaultdict[tuple[str, int, int], list[Row]] = defaultdict(list)

    def gateway_order(self, order: Order) -> None:
        """A virtual account or QRIS: captured the same day or the next, or never."""
        book, habits, rng = self.book, self.book.habits, self.book.rng
        if rng.random() < habits.unpaid_gateway:
            return
        day = order.day + (1 if rng.random() < 0.1 else 0)
        book.captured[order.row] = day
        counted = day + 1 if rng.random() < habits.carried else day
        if order.method == "gw_qris":
            if self.acquirer:
                fee = (order.total * habits.qris_rate + 5_000) // 10_000  # two decimals; the bank rounds the day's net
                key = ("qris_bank", book.business(counted, 1), counted)
            else:
                fee = self._fee(order.total, habits.qris_rate)
                key = ("qris", book.business(counted, QRIS_LAG), 0)
        else:
            fee, key = habits.va_fee * RP, ("va", book.business(counted, VA_LAG), 0)
        if book.habits.one_payout:
            key = ("both", key[1], 0)
        kind = "payout_qris" if order.method == "gw_qris" else "payout_va"
        self.batches[key].append((order.row, order.reference, order.total, fee, kind))
        self._give_back(order, key, habits.gateway_refund, fee=0)

    def market_order(self, order: Order) -> None:
        """A marketplace order: its money is free when the parcel has arrived; 4 % are cancelled before."""
        book, habits, rng = self.book, self.book.habits, self.book.rng
        if rng.random() < 0.04:
            return
        day = order.day + 3 + book.below(7)
        book.captured[order.row] = day
        counted = day + 3 + book.below(8) if rng.random() < habits.held else day
        rate = habits.commissions[book.below(len(habits.commissions))]
        fee = min(self._fee(order.total, rate) + MARKET_FLAT * RP, order.total)
        if habits.weekly:
            settled = counted + habits.hold
            settled += (habits.weekday - book.date(settled).weekday()) % 7
        else:
            settled = book.business(counted, 1)
        key = ("market", settled, 0)
        self.batches[key].append((order.row, order.reference, order.total, fee, "payout_market"))
        self._give_back(order, key, habits.market_refund, fee=0)

    def _fee(self, amount: int, rate: int) -> int:
        """`rate` ten-thousandths in whole rupiah, half up or to even; in hundredths like the amount."""
        whole, rest = divmod(amount * rate, 10_000 * RP)
        even = self.book.habits.half_even and whole % 2 == 0
        return (whole + (2 * rest > 10_000 * RP or (2 * rest == 10_000 * RP and not even))) * RP

    def _give_back(self, order: Order, key: tuple[str, int, int], share: float, fee: int) -> None:
        """A refund (7 of 10 in full) or a chargeback with its fee, taken out of a later batch."""
        book, rng = self.book, self.book.rng
        at = rng.random()
        kind = "refund"
        if at >= share:
            if at >= share + book.habits.chargeback:
                return
            kind, fee = "chargeback", 50_000 * RP
        part = order.total if kind == "chargeback" or rng.random() < 0.7 else order.total // 2 // (500 * RP) * 500 * RP
        day = book.business(key[1], 1 + book.below(8))
        if key[0] == "market" and book.habits.weekly:
            day = key[1] + 7
        later = (key[0], day, key[2] and day - 1)
        self.batches[later].append((order.row, f"REFUND {order.reference}", -part, fee, kind))

    def close(self) -> None:
        """Writes every batch; one that would be negative waits in the next of its channel."""
        book = self.book
        waiting: dict[str, list[Row]] = {}
        for key in sorted(self.batches):
            channel, day, captured = key
            rows = waiting.pop(channel, []) + self.batches[key]
            fees, gross = sum(r[3] for r in rows), sum(r[2] for r in rows)
            net = gross - fees
            gateway = {"market": self.market, "qris_bank": "bank_qris"}.get(channel, self.gateway)
            if channel == "market" and book.chance(book.habits.adjustment):
                cost = (10 + book.below(90)) * 1000 * RP + book.below(1000) * RP
                rows.append((-1, "ADJUSTMENT ADS", -cost, 0, "adjustment"))
                net -= cost
            if net <= 0:
                waiting[channel] = rows
                continue
            batch = f"{ {'shopee': 'SF', 'tokopedia': 'TP', 'midtrans': 'MT', 'xendit': 'XD'}.get(gateway, 'QR') }{book.date(day):%Y%m%d}{channel[:1].upper()}"  # noqa: E501
            if channel == "qris_bank":
                batch = f"QR{book.date(captured):%Y%m%d}"
                net = (net + RP // 2) // RP * RP
                text = texts.acquirer(book.date(captured), money(gross), money(fees))
            else:
                text = texts.payout(book.rng, gateway, batch, money(net), book.date(day))
            line = book.line(day, net, "IDR", text, Detail("payout", f"payout_{channel}", "gateway", "", "BCA"))
            for order, reference, amount, fee, kind in rows:
                book.settlements.append((gateway, batch, day, reference, amount, fee))
                if order >= 0:
                    book.truth.append((line, order, amount - fee, kind))
