"""The catalogue: fashion and electronics as a Jakarta online store sold them in 2018, in variants, prices in rupiah.

Names and prices are invented but usual; there are no brands. `cost` is the standard cost per piece in the books.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Final

import msgspec

_SIZES: Final = ("S", "M", "L", "XL")
_SHOES: Final = ("38", "39", "40", "41", "42")

# family code, name, price in rupiah, colours or kinds, sizes, how much it is wanted
_FAMILIES: Final[tuple[tuple[str, str, int, tuple[str, ...], tuple[str, ...], int], ...]] = (
    ("KAOS", "Kaos Polos Katun Combed 30s", 69_000, ("Hitam", "Putih", "Navy", "Maroon"), _SIZES, 9),
    ("KMJ", "Kemeja Batik Lengan Panjang", 189_000, ("Parang", "Kawung", "Mega Mendung"), _SIZES, 8),
    ("HJB", "Hijab Segi Empat Voal", 45_000, ("Dusty Pink", "Mocca", "Hitam", "Sage"), (), 9),
    ("GMS", "Gamis Katun Rayon", 225_000, ("Hijau Botol", "Abu", "Marun"), ("M", "L", "XL"), 6),
    ("CLN", "Celana Chino Slim Fit", 159_000, ("Khaki", "Hitam"), ("29", "30", "31", "32"), 6),
    ("JKT", "Jaket Hoodie Fleece", 149_000, ("Abu", "Hitam"), ("M", "L", "XL"), 6),
    ("SPT", "Sepatu Sneakers Kanvas", 199_000, ("Putih", "Hitam"), _SHOES, 7),
    ("TAS", "Tas Ransel Laptop 14 Inci", 245_000, ("Hitam", "Abu"), (), 5),
    ("DMP", "Dompet Kulit Pria", 99_000, ("Coklat", "Hitam"), (), 4),
    ("MKN", "Mukena Travel Parasut", 135_000, ("Putih", "Biru Muda"), (), 4),
    ("PWB", "Power Bank 10.000 mAh", 179_000, ("Hitam", "Putih"), (), 8),
    ("EAR", "Earphone Bluetooth", 129_000, ("Hitam", "Putih"), (), 8),
    ("KBL", "Kabel Data USB-C 1 Meter", 25_000, ("Hitam", "Putih"), (), 9),
    ("CHR", "Kepala Charger Fast Charging 18W", 85_000, ("Putih",), (), 7),
    ("MOS", "Mouse Nirkabel 2,4 GHz", 79_000, ("Hitam", "Merah"), (), 5),
    ("FLS", "Flashdisk USB 3.0", 95_000, ("16 GB", "32 GB", "64 GB"), (), 5),
    ("SPK", "Speaker Bluetooth Portabel", 215_000, ("Hitam", "Biru"), (), 5),
    ("TRP", "Tripod HP dengan Remote", 65_000, ("Hitam",), (), 4),
    ("LMP", "Lampu Meja LED Lipat", 110_000, ("Putih", "Pink"), (), 4),
    ("JAM", "Jam Tangan Digital Sport", 119_000, ("Hitam", "Hijau Army"), (), 6),
)

# What is always there: a buyer who finds nothing else still takes one of these.
PLENTY: Final = ("KBL-HTM", "KBL-PTH", "CHR-PTH")
_PLENTY_PIECES: Final = 2_000


class Ware(msgspec.Struct, frozen=True):
    """One variant that can be sold. `price` and `cost` in rupiah per piece, `opening` pieces on the first morning."""

    sku: str
    name: str
    family: str
    price: Decimal
    cost: Decimal
    weight: int
    opening: int


def _short(word: str) -> str:
    """Three letters of a colour for the product code: its first, then consonants."""
    letters = [c for c in word.upper() if c.isalnum()]
    rest = [c for c in letters[1:] if c not in "AEIOU"] or letters[1:]
    return "".join(letters[:1] + rest)[:3]


def wares(seed: int, orders: int) -> list[Ware]:
    """The catalogue with opening stock fit for so many orders: most variants last, the wanted ones run out."""
    draw = random.Random(f"{seed}:goods")
    found: dict[str, Ware] = {}
    for code, title, price, kinds, sizes, weight in _FAMILIES:
        for kind in kinds:
            for size in sizes or ("",):
                short = "".join(c for c in kind if c.isdigit()) or _short(kind)
                sku = "-".join(part for part in (code, short, size) if part)
                name = " ".join(part for part in (title, kind, size) if part)
                # Some variants of every family are the favourites.
                liked = weight * draw.choice((1, 1, 2, 4))
                found[sku] = Ware(sku, name, code, Decimal(price), Decimal(price * 6 // 10), liked, 0)
    total = sum(ware.weight for ware in found.values())
    stocked = []
    for ware in found.values():
        expected = orders * 1.35 * ware.weight / total
        pieces = _PLENTY_PIECES if ware.sku in PLENTY else max(2, int(expected * draw.uniform(0.8, 2.4)))
        stocked.append(msgspec.structs.replace(ware, opening=pieces))
    if len(stocked) < len(PLENTY) or any(sku not in found for sku in PLENTY):
        raise AssertionError("the catalogue lacks what it promises to have in plenty")
    return stocked
