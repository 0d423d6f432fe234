"""Six days in September 2018, drawn from a seed.

The number of web orders per day and the number that was typed into the books are those of the founding document
(its Table 1, 13 to 19 September 2018; the 16th was a Sunday). Who the buyers were, what they bought and how they paid
is not in the document: it is drawn from the seed, and the same in both acts.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from selaras.sandbox.case.goods import PLENTY, Ware, wares

# day, web orders, orders typed into the books (Table 1 of the founding document)
TABLE: Final[tuple[tuple[dt.date, int, int], ...]] = (
    (dt.date(2018, 9, 13), 141, 44),
    (dt.date(2018, 9, 14), 90, 78),
    (dt.date(2018, 9, 15), 111, 80),
    (dt.date(2018, 9, 17), 83, 71),
    (dt.date(2018, 9, 18), 82, 67),
    (dt.date(2018, 9, 19), 9, 8),
)
# Part of the day: hour at which it begins.
PARTS: Final = (8, 14)

Method = Literal["qris", "va", "transfer"]
Fate = Literal["", "changed_mind", "cancel_paid", "edit", "refund_piece", "refund_money", "refund_all", "exchange"]

_GIVEN: Final = (
    "Adi Agus Ahmad Aisyah Anisa Ayu Bagus Bambang Budi Citra Dedi Desi Dewi Dian Dimas Eka Endang Fajar Farah Fitri "
    "Galih Gita Hadi Hana Hendra Ika Indah Intan Joko Kartika Lestari Lina Mega Muhammad Nadia Novi Nurul Putri Rahmat "
    "Rangga Ratna Reza Rina Rizky Sari Sinta Siti Sri Surya Taufik Tri Wahyu Wulan Yanti Yoga Yudi Yuni Zahra"
).split()
_FAMILY: Final = (
    "Anggraini Cahyono Firmansyah Gunawan Halim Handayani Hidayat Kurniawan Kusuma Lubis Maulana Nasution Nugroho "
    "Permata Prasetyo Pratama Purnama Rahayu Ramadhan Santoso Saputra Sembiring Setiawan Siregar Suharto Sutanto "
    "Utami Wibowo Wijaya Wulandari Yulianti"
).split()
_CITIES: Final = (
    ("Jakarta Selatan", "DKI Jakarta", "12190"), ("Jakarta Barat", "DKI Jakarta", "11530"),
    ("Bekasi", "Jawa Barat", "17141"), ("Depok", "Jawa Barat", "16411"), ("Tangerang", "Banten", "15117"),
    ("Bandung", "Jawa Barat", "40115"), ("Bogor", "Jawa Barat", "16121"), ("Semarang", "Jawa Tengah", "50132"),
    ("Surabaya", "Jawa Timur", "60271"), ("Medan", "Sumatera Utara", "20111"),
    ("Makassar", "Sulawesi Selatan", "90111"),
)  # fmt: skip
_POSTAGE: Final = (9_000, 10_000, 12_000, 15_000, 19_000, 24_000)
_COURIERS: Final = ("JNE", "J&T", "SiCepat", "POS")


class Person(msgspec.Struct, frozen=True):
    """A buyer. `phone` is a mobile number in national digits; people write it as they like."""

    name: str
    phone: str
    email: str
    city: tuple[str, str, str]


class Want(msgspec.Struct, frozen=True):
    """One line of a wish: the variant that is wanted, then what would do instead, in order."""

    skus: tuple[str, ...]
    quantity: int


class Wish(msgspec.Struct, frozen=True):
    """One web order before it is placed. `code` is the unique amount (kode unik) that makes a transfer tell itself.

    `late` transfers are paid one part of the day later. `typed_phone` is how the buyer writes the telephone number.
    """

    number: int
    day: dt.date
    part: int
    person: Person
    typed_phone: str
    typed_email: str
    wants: tuple[Want, ...]
    method: Method
    code: int
    postage: int
    voucher: int
    courier: str
    late: bool
    names_number: bool
    fate: Fate


class AtCounter(msgspec.Struct, frozen=True):
    """Somebody at the counter who wants so many pieces."""

    day: dt.date
    part: int
    sku: str
    quantity: int


class Arrival(msgspec.Struct, frozen=True):
    """A delivery of a supplier: pieces by product code, booked as a received purchase."""

    day: dt.date
    part: int
    pieces: tuple[tuple[str, int], ...]


class Case(msgspec.Struct, frozen=True):
    """The whole script."""

    seed: int
    table: tuple[tuple[dt.date, int, int], ...]
    goods: tuple[Ware, ...]
    wishes: tuple[Wish, ...]
    counter: tuple[AtCounter, ...]
    arrivals: tuple[Arrival, ...]
    known: tuple[Person, ...]


def make_case(seed: int, table: Sequence[tuple[dt.date, int, int]] = TABLE) -> Case:
    """Draw the case. `table` lists day, web orders and orders typed by hand; another table gives a smaller case."""
    draw = random.Random(f"{seed}:case")
    orders = sum(placed for _, placed, _ in table)
    goods = wares(seed, orders)
    people = _people(draw, max(8, orders * 4 // 5))
    numbers = iter(range(1, orders + 1))
    codes = iter(draw.sample(range(1, 1000), min(999, orders)))
    fates = _fates(draw, orders)
    wishes = [
        _wish(draw, next(numbers), day, 0 if i * 5 < placed * 3 else 1, people, goods, next(codes), fates)
        for day, placed, _ in table
        for i in range(placed)
    ]
    counter = [
        AtCounter(day, part, _pick(draw, goods).sku, draw.choice((1, 1, 1, 2, 3)))
        for day, placed, _ in table
        for part in range(len(PARTS))
        for _ in range(max(1, placed // 12))
    ]
    # Every fifth buyer was a customer before the shop went online; the counter typed what was said over the telephone.
    known = tuple(people[::5])
    return Case(
        seed=seed,
        table=tuple(table),
        goods=tuple(goods),
        wishes=tuple(wishes),
        counter=tuple(c for c in counter if c.sku not in PLENTY),
        arrivals=tuple(_arrivals(draw, [day for day, _, _ in table], goods)),
        known=known,
    )


def _people(draw: random.Random, count: int) -> list[Person]:
    people: dict[str, Person] = {}
    while len(people) < count:
        given, family = draw.choice(_GIVEN), draw.choice(_FAMILY)
        name = given if draw.random() < 0.08 else f"{given} {family}"  # one word is a whole name in Indonesia
        phone = "8" + draw.choice("1235789") + "".join(draw.choice("0123456789") for _ in range(draw.choice((8, 9))))
        email = f"{name.lower().replace(' ', '.')}{draw.randrange(10, 99)}@contoh.id"
        if phone not in people and email not in {p.email for p in people.values()}:
            people[phone] = Person(name, phone, email, draw.choice(_CITIES))
    return list(people.values())


def typed_phone(draw: random.Random, phone: str) -> str:
    """The same number as different people write it."""
    form = draw.randrange(5)
    if form == 0:
        return "+62" + phone
    if form == 1:
        return "62" + phone
    if form == 2:
        return f"0{phone[:3]}-{phone[3:7]}-{phone[7:]}"
    if form == 3:
        return f"+62 {phone[:3]} {phone[3:7]} {phone[7:]}"
    return "0" + phone


def _pick(draw: random.Random, goods: Sequence[Ware]) -> Ware:
    return draw.choices(goods, [ware.weight for ware in goods])[0]


def _fates(draw: random.Random, orders: int) -> dict[int, Fate]:
    """Which orders take another course: about one in twenty-five, at least one of each where there is room."""
    courses: tuple[Fate, ...] = (
        "changed_mind", "cancel_paid", "edit", "refund_piece", "refund_money", "refund_all", "exchange",
    )  # fmt: skip
    each = max(1, orders // 175)
    chosen = draw.sample(range(1, orders + 1), min(orders // 2, each * len(courses)))
    return {number: courses[i % len(courses)] for i, number in enumerate(chosen)}


def _wish(
    draw: random.Random,
    number: int,
    day: dt.date,
    part: int,
    people: Sequence[Person],
    goods: Sequence[Ware],
    code: int,
    fates: dict[int, Fate],
) -> Wish:
    person = draw.choice(people)
    fate = fates.get(number, "")
    wants = []
    for _ in range(draw.choices((1, 2, 3), (70, 23, 7))[0]):
        wanted = _pick(draw, goods)
        same = [w.sku for w in goods if w.family == wanted.family and w.sku != wanted.sku]
        other = draw.sample(same, min(1, len(same)))
        plenty = [sku for sku in PLENTY if sku != wanted.sku]
        quantity = 2 if fate in ("edit", "refund_piece") else draw.choices((1, 2), (88, 12))[0]
        wants.append(Want((wanted.sku, *other, draw.choice(plenty)), quantity))
    method: Method = draw.choices(("qris", "va", "transfer"), (33, 22, 45))[0]
    if fate in ("changed_mind", "edit"):
        method = "transfer"  # there is time before the money comes
    elif fate == "cancel_paid":
        method = "qris"
    return Wish(
        number=number,
        day=day,
        part=part,
        person=person,
        typed_phone=typed_phone(draw, person.phone),
        typed_email=person.email.title() if draw.random() < 0.1 else person.email if draw.random() < 0.9 else "",
        wants=tuple(wants),
        method=method,
        code=code if method == "transfer" else 0,
        postage=draw.choice(_POSTAGE),
        voucher=draw.choices((0, 10_000, 20_000), (85, 10, 5))[0],
        courier=draw.choice(_COURIERS),
        late=draw.random() < 0.25,
        names_number=draw.random() < 0.6,
        fate=fate,
    )


def _arrivals(draw: random.Random, days: Sequence[dt.date], goods: Sequence[Ware]) -> list[Arrival]:
    """Suppliers deliver in the middle of the time: the favourites again, some of them plentifully."""
    favourites = sorted((w for w in goods if w.sku not in PLENTY), key=lambda w: (-w.weight, w.sku))
    found = []
    for day in days[2:5:2]:
        chosen = draw.sample(favourites[: len(favourites) // 2], len(favourites) // 5)
        pieces = tuple((ware.sku, max(2, ware.opening // 2 + draw.randrange(6))) for ware in chosen)
        found.append(Arrival(day, 0, pieces))
    return found
