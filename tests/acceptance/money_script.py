"""The script of a day: who orders, in which way each order is paid, and what the truth is in the end.

Nothing of ours is in it: the truth is worked out from what buyers, banks and gateways did and from what the admin
answered, never from the ledger.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from selaras.sandbox.bank import BankAccount, Collected, fee_of

ZONE = ZoneInfo("Asia/Jakarta")
ZERO = Decimal(0)
Method = Literal["transfer", "qris", "va", "cod"]

# How many of 500 orders are paid in which way.
WAYS: dict[str, int] = {
    "code": 85, "name": 30, "unique": 24, "pair": 16, "halves": 10, "fee": 10, "rounded": 8, "swapped": 4,
    "other_payer": 6, "double": 6, "late": 4, "withheld": 8, "unpaid": 10,
    "qris": 130, "qris_lost": 12, "qris_expired": 8, "va": 60, "va_lost": 20, "va_pending": 6,
    "cod": 38, "cod_refused": 5,
}  # fmt: skip
STRANGERS = 5  # deposits that are nobody's, for 500 orders
METHODS: dict[str, Method] = {
    **{way: "qris" for way in WAYS if way.startswith("qris")}, **{way: "va" for way in WAYS if way.startswith("va")},
    "cod": "cod", "cod_refused": "cod",
}  # fmt: skip
GOODS = {
    "KAOS-M": 67_500, "KAOS-L": 71_900, "TOPI": 43_250, "JAKET": 189_700, "TAS": 124_350, "SARUNG": 88_800,
    "BATIK": 213_450, "SANDAL": 36_700, "PAYUNG": 52_150, "DOMPET": 97_600,
}  # fmt: skip
_FIRST = (
    "Agus Bagas Cahya Dewi Endang Fajar Gita Hendra Indah Joko Kartika Lestari Maya Nanda Oki Putri Rahmat Sari Teguh "
    "Utami Vina Wahyu Yanti Zaki Arif Bunga Citra Dimas Eka Farah Galih Hana Ilham Juwita"
).split()
_LAST = (
    "Santoso Wijaya Pratama Kusuma Hidayat Nugroho Saputra Rahayu Setiawan Purnomo Siregar Simanjuntak Halim Gunawan "
    "Hartono Suryadi Permana Wibowo Maulana Firmansyah Anggraini Susanti Kurniawan Ramadhan Mahendra"
).split()


@dataclass
class Sale:
    """An order as the buyer knows it. `paid` is money that came for it, `off` what was written off beside it."""

    at: int
    way: str
    name: str
    lines: tuple[tuple[str, int], ...]
    phone: str
    rng: random.Random  # the sale's own: several buyers act at once
    id: str = ""
    number: str = ""
    total: Decimal = ZERO
    refunded: Decimal = ZERO
    cancelled: bool = False
    by_gateway: bool = False

    @property
    def method(self) -> Method:
        """The way of paying that was chosen in the shop."""
        return METHODS.get(self.way, "transfer")


@dataclass
class Transfer:
    """A line on the bank's statement. `sales` are what it truly pays, with each one's share and what is written off."""

    key: str
    text: str
    amount: Decimal
    sales: list[tuple[Sale, Decimal, str, Decimal]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    open: bool = False
    asked: bool = False


@dataclass
class Batch:
    """What a gateway pays out together."""

    gateway: str
    name: str
    rows: list[Collected]

    @property
    def gross(self) -> Decimal:
        return sum((row.amount for row in self.rows), ZERO)

    @property
    def fees(self) -> tuple[Decimal, Decimal]:
        """(fee, VAT on it)."""
        pairs = [fee_of(row.amount, row.channel) for row in self.rows]
        return sum((fee for fee, _vat in pairs), ZERO), sum((vat for _fee, vat in pairs), ZERO)


class Day:
    """Everything that happens. Several buyers may act at once."""

    def __init__(self, rng: random.Random, count: int) -> None:
        self.rng = rng
        self.lock = threading.Lock()
        now = dt.datetime.now(ZONE)
        self.date = now.date()
        self.bank = BankAccount("0613005878", opening=Decimal(12_500_000))
        self.transfers: dict[str, Transfer] = {}
        self.collected: list[tuple[Sale, Collected]] = []
        self.given_back: list[tuple[Sale, Collected]] = []
        self.batches: list[Batch] = []
        self.strangers = max(1, STRANGERS * count // 500)
        self.sales = self._orders(count)

    def _orders(self, count: int) -> list[Sale]:
        names = [f"{first} {last}" for first in _FIRST for last in _LAST]
        names = self.rng.sample(names, count + len(WAYS))
        ways: list[str] = []
        for way, of_500 in WAYS.items():
            wanted = max(1, of_500 * count // 500)
            ways += [way] * (wanted + wanted % 2 if way == "pair" else wanted)
        ways += ["code"] * (count - len(ways))
        pairs = [way for way in ways if way == "pair"]
        rest = [way for way in ways if way != "pair"]
        self.rng.shuffle(rest)
        made = []
        for at, way in enumerate(rest):
            made.append(self._sale(at, way, names[at]))
        for n in range(0, len(pairs), 2):  # neighbours: one buyer orders twice
            at = len(made)
            first = self._sale(at, "pair", names[at])
            second = self._sale(at + 1, "pair", names[at])
            second.phone = first.phone
            place = self.rng.randrange(n, len(rest) // 2)
            made[place:place] = [first, second]
        return made

    def _sale(self, at: int, way: str, name: str) -> Sale:
        codes = self.rng.sample(list(GOODS), self.rng.choice((1, 1, 2, 3)))
        lines = tuple((code, self.rng.choice((1, 1, 1, 2, 3))) for code in codes)
        return Sale(at, way, name, lines, f"08{self.date:%d%m}{at:06d}", random.Random(self.rng.getrandbits(64)))

    # -- the bank --------------------------------------------------------------------------------------------------

    def transfer(self, sale: Sale | None, amount: Decimal, message: str, payer: str, role: str = "") -> Transfer:
        """A buyer's transfer for one order (None: a stranger's)."""
        share = [] if sale is None else [(sale, amount, role, sale.total - amount if role else ZERO)]
        return self.line(amount, f"{message} {payer.upper()}", share)

    def line(self, amount: Decimal, words: str, sales: list[tuple[Sale, Decimal, str, Decimal]]) -> Transfer:
        """A line on the statement, which names itself by the number of the terminal."""
        with self.lock:
            serial = len(self.transfers)
            key = f"WS{serial:05d}"
            way = f"{'CR' if amount > 0 else 'DB'} {self.date:%d%m}/FTSCY/{key}"
            made = Transfer(key, " ".join(f"TRSF E-BANKING {way} {words}".split()), amount, sales)
            self.transfers[key] = made
            self.bank.transfer(amount, made.text, self._moment(serial))
        return made

    def pay_out(self, gateway: str, batches: list[Batch]) -> Transfer:
        """One line brings these batches."""
        amount = sum((one.gross - sum(one.fees, ZERO) for one in batches), ZERO)
        with self.lock:
            serial = len(self.transfers)
            key = f"NET{serial:05d}"
            moved = self.bank.payout(amount, gateway, key, self._moment(serial))
            self.transfers[key] = Transfer(key, moved.text, amount, batches=batches)
            return self.transfers[key]

    def _moment(self, serial: int) -> dt.datetime:
        return dt.datetime.combine(self.date, dt.time(8), ZONE) + dt.timedelta(seconds=serial)

    def known(self, text: str) -> Transfer:
        """The line that a text names."""
        return next(one for key, one in self.transfers.items() if key in text)

    # -- ways of paying ---------------------------------------------------------------------------------------------

    def pay_by_bank(self, sale: Sale, again: Sale | None = None, payable: Decimal = ZERO) -> None:
        """The buyer goes to the bank. `again` is the second order of a pair, `payable` the unique amount."""
        total, number, name, rng = sale.total, sale.number, sale.name, sale.rng
        match sale.way:
            case "code":
                self.transfer(sale, total, rng.choice(("BAYAR", "PESANAN", "ORDER")) + f" {number}", name)
            case "name":
                self.transfer(sale, total, "BELANJA", name)
            case "unique":
                self.transfer(sale, payable, "", "", "rounding")
            case "pair":
                assert again is not None
                words = f"BAYAR {number} DAN {again.number} {name.upper()}"
                shares = [(sale, total, "", ZERO), (again, again.total, "", ZERO)]
                self.line(total + again.total, words, shares)
            case "halves":
                first = total // 2
                self.transfer(sale, first, f"DP {number}", name)
                self.transfer(sale, total - first, f"LUNAS {number}", name)
            case "fee":
                self.transfer(sale, total - rng.choice((2_500, 5_000, 6_500)), f"{number}", name, "transfer_fee")
            case "rounded":
                more = -total % 1_000 or 500
                self.transfer(sale, total + more, f"ORDER {number}", name, "rounding")
            case "swapped":
                self.transfer(sale, swapped(total), f"ORDER {number}", name, "rounding")
            case "other_payer":
                self.transfer(sale, total, "TITIPAN", rng.choice(("Mbah Karto", "Toko Sumber Rejeki", "Bu Lurah")))
            case "double":
                self.transfer(sale, total, f"BAYAR {number}", name)
                self.transfer(sale, total, f"BAYAR {number}", name)
            case "late":
                self.transfer(sale, total, f"BAYAR {number}", name)
            case "withheld":
                # PPh 23: 2 % of the price without PPN.
                self.transfer(sale, total - total * 2 // 111, f"PESANAN {number}", f"PT {name}", "withholding")

    def strange(self, at: int) -> None:
        """A deposit that is nobody's: no order is of this sum."""
        made = self.transfer(None, Decimal(self.rng.randrange(7_000_001, 9_000_000, 2)), "SETORAN", f"X{at}")
        made.open = True

    def collect(self, sale: Sale, id: str) -> None:
        """A gateway has the money."""
        channel: Literal["qris", "bank_transfer"] = "qris" if sale.method == "qris" else "bank_transfer"
        at = dt.datetime.now(ZONE).replace(tzinfo=None)
        sale.by_gateway = True
        with self.lock:
            self.collected.append((sale, Collected(sale.number, sale.total, channel, at, id)))

    def give_back(self, sale: Sale, amount: Decimal, id: str) -> None:
        """A gateway gives some of it back."""
        held = next(one for mine, one in self.collected if mine is sale)
        self.given_back.append((sale, Collected(sale.number, -amount, held.channel, held.paid_at, id)))


def swapped(total: Decimal) -> Decimal:
    """The sum with two neighbouring digits exchanged, the smallest such mistake."""
    digits = str(int(total))
    for at in range(len(digits) - 2, 0, -1):
        if digits[at] != digits[at + 1]:
            return Decimal(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :])
    raise AssertionError(f"{total} has no two neighbouring digits that differ")


# -- the truth ---------------------------------------------------------------------------------------------------------


@dataclass
class Truth:
    """What the books must say: balances (debit less credit) by role, and (billed, received) by order number."""

    accounts: dict[str, Decimal]
    orders: dict[str, tuple[Decimal, Decimal]]
    in_store: dict[str, str]


def truth(day: Day) -> Truth:
    """What is true now."""
    settled: dict[str, Decimal] = defaultdict(Decimal)
    accounts: dict[str, Decimal] = defaultdict(Decimal)
    for line in day.transfers.values():
        if line.open:
            continue
        accounts["bank"] += line.amount
        for sale, amount, role, off in line.sales:
            if amount > 0:
                settled[sale.number] += amount + off
            if role:
                accounts[role] += off
        for batch in line.batches:
            fee, vat = batch.fees
            accounts["fee"] += fee
            accounts["fee_tax"] += vat
            accounts[batch.gateway] -= batch.gross
    for sale, one in [*day.collected, *day.given_back]:
        accounts["midtrans" if sale.method == "qris" else "xendit"] += one.amount
        if one.amount > 0:
            settled[sale.number] += one.amount
    for sale in day.sales:
        if sale.way == "cod":
            accounts["cash"] += sale.total
            settled[sale.number] += sale.total
    orders, in_store = {}, {}
    for sale in day.sales:
        came = settled[sale.number]
        billed = sale.total if came >= sale.total and sale.way != "late" else ZERO
        orders[sale.number] = (billed - (sale.refunded if billed else ZERO), came - sale.refunded)
        accounts["receivable"] += orders[sale.number][0] - orders[sale.number][1]
        # The shop marks a QRIS payment by itself at once, whatever becomes of it.
        said = sale.method == "qris" or (came >= sale.total and sale.way != "late")
        in_store[sale.number] = "Settled" if said else "Authorized"
    return Truth(dict(accounts), orders, in_store)


def counted(sales: Iterable[Sale]) -> str:
    """How many of each way there were."""
    return ", ".join(f"{way} {count}" for way, count in sorted(Counter(sale.way for sale in sales).items()))
