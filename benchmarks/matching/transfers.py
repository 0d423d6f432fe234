"""Transfers: what buyers send, under which name, with which message, and on which day the bank books it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.matching import texts, words
from benchmarks.matching.book import RP, SHIPPING, Book, Buyer, Detail, Order, money
from benchmarks.matching.habits import EXPIRES, FEES, LAGS

#: Rupiah for a unit; a bank's own rate lies up to 1.2 % below.
RATES = {"USD": 16_400, "SGD": 12_700}


class Transfers:
    """Writes the statement lines of orders by transfer into a book."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.sticky: dict[int, bool] = {}

    # -- an order's way ------------------------------------------------------------------------------------------

    def single(self, order: Order) -> bool:
        """One order; True if its buyer never pays it."""
        book, habits, rng = self.book, self.book.habits, self.book.rng
        if rng.random() < habits.never_paid:
            return True
        lag = self._lag()
        late = rng.random() < habits.late
        if late:
            lag = EXPIRES + 1 + book.below(10)
        day = order.day + lag
        at = rng.random()
        kind = "exact"
        for name, share in (
            ("no_code", habits.forgets_code if order.code else 0.0),
            ("rounded_up", habits.rounds_up),
            ("fee_short", habits.fee_short),
            ("swapped_digits", habits.swaps_digits),
            ("instalment", habits.instalments * (3 if order.total > 1_000_000 * RP else 0.7)),
            ("overpaid", habits.overpays),
            ("underpaid", habits.underpays),
            ("paid_twice", habits.pays_twice),
        ):
            if at < share:
                kind = name
                break
            at -= share
        if kind == "instalment":
            self._instalments(order, day)
        elif kind == "paid_twice":
            self.pay([order], [order.due], day, kind)
            self.pay([order], [order.due], day + book.below(4), kind)
        else:
            self.pay([order], [self.amount(order, kind)], day, kind, late=late)
        return False

    def _lag(self) -> int:
        at = self.book.rng.random()
        for days, share in LAGS:
            if at < share:
                return days
            at -= share
        return LAGS[-1][0]

    def amount(self, order: Order, kind: str) -> int:
        """What the buyer sends for an order."""
        book, rng = self.book, self.book.rng
        due = order.due
        if kind == "no_code":
            return order.total
        if kind == "rounded_up":
            at = rng.random()
            step = (500 if at < 0.25 else 1000 if at < 0.7 else 5000 if at < 0.85 else 10_000) * RP
            up = -(-due // step) * step
            return up if up > due else due + step
        if kind == "fee_short":
            fee = FEES[0 if rng.random() < 0.5 else 1 if rng.random() < 0.2 else 2] * RP
            return max(due - fee, 1000 * RP)
        if kind == "swapped_digits":
            digits = list(str(due // RP))
            places = [i for i in range(max(1, len(digits) - 4), len(digits) - 1) if digits[i] != digits[i + 1]]
            if not places:
                return due
            at_digit = places[book.below(len(places))]
            digits[at_digit], digits[at_digit + 1] = digits[at_digit + 1], digits[at_digit]
            return int("".join(digits)) * RP
        if kind == "overpaid":
            more = SHIPPING[book.below(len(SHIPPING))] * 1000 if rng.random() < 0.5 else (1 + book.below(20)) * 1000
            return due + more * RP
        if kind == "underpaid":
            # The shipping was forgotten, or the price of yesterday was paid.
            less = SHIPPING[book.below(len(SHIPPING))] * 1000 if rng.random() < 0.6 else (1 + book.below(10)) * 1000
            return due - less * RP if due > 2 * less * RP else due - 1000 * RP
        return due

    def _instalments(self, order: Order, day: int) -> None:
        """A down payment (30 %, 50 % or a round sum) and the rest, sometimes in two."""
        book, rng = self.book, self.book.rng
        share = (0.3, 0.5, 0.5, 0.4)[book.below(4)]
        first = int(order.due * share) // (10_000 * RP) * 10_000 * RP or order.due // 2
        parts = [first, order.due - first]
        if rng.random() < 0.2 and parts[1] > 200_000 * RP:
            half = parts[1] // 2 // (1000 * RP) * 1000 * RP
            parts[1:] = [half, parts[1] - half]
        for part in parts:
            self.pay([order], [part], day, "instalment")
            day += 1 + book.below(14)

    def basket(self, orders: Sequence[Order]) -> None:
        """Several orders of one buyer in one transfer: with every code, or of the round totals."""
        exact = self.book.rng.random() < 0.6
        parts = [o.due if exact else o.total for o in orders]
        self.pay(orders, parts, orders[-1].day + self._lag(), "combined")

    def twin(self, first: Order, second: Order) -> None:
        """Two equal orders, paid on one day by two transfers."""
        day = first.day + self._lag()
        for order in (first, second):
            self.pay([order], [order.due], day, "twin", plain=True)

    def service(self, order: Order) -> None:
        """A firm pays an invoice for a service after 3-30 days and mostly withholds 2 % of the price without PPN."""
        rng = self.book.rng
        day = order.day + 3 + self.book.below(28)
        if rng.random() < 0.4:
            self.pay([order], [order.due], day, "exact")
            return
        base = order.total * 100 // 111
        wrong_base = rng.random() < 0.15
        withheld = (order.total if wrong_base else base) * 2 // 100 // RP * RP
        self.pay([order], [order.due - withheld], day, "withheld")

    def foreign(self, order: Order) -> None:
        """Paid in its currency, less a bank's fee, or changed into rupiah by the receiving bank."""
        rng = self.book.rng
        if rng.random() < 0.5:
            fee = 0 if rng.random() < 0.6 else (10, 15, 25)[self.book.below(3)] * 100
            self.pay([order], [max(order.due - fee, 100)], order.day + 1 + self.book.below(4), "foreign")
            return
        rate = RATES[order.currency] * (0.998 - 0.01 * rng.random()) * (1 + 0.02 * (rng.random() - 0.5))
        self.pay([order], [int(order.due * rate) // RP * RP], order.day + 1 + self.book.below(4), "foreign", "IDR")

    # -- one transfer ---------------------------------------------------------------------------------------------

    def pay(
        self,
        orders: Sequence[Order],
        parts: Sequence[int],
        day: int,
        kind: str,
        currency: str = "",
        late: bool = False,
        plain: bool = False,
    ) -> None:
        """One transfer for `orders`, `parts` of it each. `plain` says nothing that tells equal orders apart."""
        book, habits, rng = self.book, self.book.habits, self.book.rng
        order = orders[0]
        buyer = book.buyers[order.buyer]
        payer, payer_kind, firm = self._payer(order.buyer, buyer)
        message, reference_kind = ("", "none") if plain else self._message(orders)
        bank = texts.pick_bank(rng)
        within = kind not in ("fee_short", "foreign") and rng.random() < 0.65
        missing = habits.name_missing * (0.5 if within else 2)
        at = rng.random()
        name = texts.cut(payer)
        if at < missing:
            name, payer_kind = "", "missing"
        elif at < missing + habits.name_masked:
            name, payer_kind = texts.masked(payer), "masked"
        elif at < missing + habits.name_masked + habits.name_squeezed:
            name, payer_kind = texts.squeezed(payer), "squeezed"
        total = sum(parts)
        shown = currency or order.currency
        sent = book.date(day)
        booked = day
        if bank == "BCA" and sent.weekday() >= 5 and rng.random() < 0.5:
            booked = book.business(day, 1)  # PEND until Monday; the text keeps the day of the transfer
        elif not within and rng.random() < 0.05:
            booked = day + 1
        if order.currency != "IDR":
            text = f"INWARD TT {name} {message}".rstrip()
        elif not name and not message and rng.random() < 0.15:
            text = "SETOR TUNAI | " if bank == "BNI" else "SETORAN TUNAI"
        else:
            text = texts.transfer(rng, bank, within, firm, name, message, money(total), sent, order.buyer)
        what = kind
        if kind == "exact":
            what = "late" if late else payer_kind if payer_kind == "other_payer" else kind
            if what == "exact" and reference_kind in ("typo", "swap"):
                what = "reference_typo"
        detail = Detail(what, kind, payer_kind, reference_kind, bank, name, message)
        line = book.line(booked, total, shown, text, detail)
        book.truth.extend((line, o.row, part, what) for o, part in zip(orders, parts, strict=True))

    def _payer(self, number: int, buyer: Buyer) -> tuple[str, str, bool]:
        """The name behind the transfer, what it is to the buyer, and whether a firm's."""
        book, habits, rng = self.book, self.book.habits, self.book.rng
        other = self.sticky.get(number)
        if other is None or rng.random() > habits.other_payer_sticks:
            other = rng.random() < habits.other_payer
            self.sticky[number] = other
        if other:
            return buyer.payer, "other_payer", False
        if buyer.form:
            shape = rng.random()
            full = f"{buyer.name} {buyer.form}" if shape < 0.6 else f"{buyer.form} {buyer.name}"
            return (full if shape < 0.9 else buyer.name), "buyer", True
        if rng.random() < 0.02:
            return f"{words.TITLES_BEFORE[book.below(3)]} {buyer.name}", "buyer", False
        return buyer.name, "buyer", False

    def _message(self, orders: Sequence[Order]) -> tuple[str, str]:
        """The message and what its reference is worth: full, digits, cut, typo, swap, none."""
        book, habits, rng = self.book, self.book.habits, self.book.rng
        at = rng.random()
        firm = book.buyers[orders[0].buyer].form
        writes = habits.writes_reference * (2 if firm else 1)
        if at > writes:
            if at < writes + habits.writes_words:
                return words.WORDS[book.below(len(words.WORDS))], "none"
            return "", "none"
        order = orders[0]
        number, kind = order.number, "full"
        slip = rng.random()
        if slip < habits.reference_typo:
            number, kind = self._other_number(number), "typo"
        elif slip < habits.reference_typo + habits.reference_swap:
            digits = str(number)
            place = 1 + book.below(len(digits) - 1)
            swapped = int(digits[: place - 1] + digits[place] + digits[place - 1] + digits[place + 1 :])
            kind = "swap" if swapped != number else "full"
            number = swapped
        written = book.format.format(n=number)
        if rng.random() < habits.reference_digits:
            written, kind = str(number), "digits" if kind == "full" else kind
        if len(orders) > 1 and rng.random() < 0.6:
            written = " ".join([written, *(str(o.number) for o in orders[1:])])
        shape = rng.random()
        message = (
            written if shape < 0.5
            else f"BAYAR {written}" if shape < 0.7
            else f"PESANAN {written}" if shape < 0.8
            else written.replace("-", " ").replace("/", " ").replace("#", "") if shape < 0.9
            else written.replace("-", "").replace("/", "").lower()
        )  # fmt: skip
        if rng.random() < habits.reference_cut:
            message = message[: -1 - book.below(2)]
        if str(number) not in message[:18] and kind in ("full", "digits"):
            kind = "cut"
        return message[:35], kind

    def _other_number(self, number: int) -> int:
        """One digit wrong, so that the number is another order's: that is the dangerous slip."""
        book = self.book
        for _ in range(8):
            digits = list(str(number))
            place = len(digits) - 1 - book.below(min(3, len(digits)))
            digits[place] = str(book.below(10))
            other = int("".join(digits))
            if other != number and book.first_number <= other < book.first_number + len(book.orders):
                return other
        return number + 1
