"""A catalogue drawn from the seed: simple products, variants, bundles and services, priced in the shop's currency."""

from __future__ import annotations

import random
from decimal import Decimal

from selaras.model.money import exponent
from selaras.sandbox.store.records import Part
from selaras.sandbox.store.requests import ProductIn

_THINGS = (
    "Kemeja Batik", "Kaos Polos", "Sarung Tenun", "Tas Anyaman", "Sandal Kulit", "Kopi Gayo", "Teh Melati",
    "Madu Hutan", "Keripik Tempe", "Lilin Aroma", "Gelas Kaca", "Piring Rotan", "Lampu Meja", "Buku Catatan",
    "Payung Lipat", "Topi Pandan", "Selimut Katun", "Sabun Sirih", "Minyak Kemiri", "Mainan Kayu",
)  # fmt: skip
_KINDS = ("Merah", "Biru", "Hijau", "Hitam", "Putih", "Cokelat")
_SIZES = ("S", "M", "L", "XL")
_SERVICES = ("Bungkus Kado", "Pasang di Rumah", "Ukir Nama", "Garansi Tambahan")


def catalogue(seed: int, size: int, currency: str) -> list[ProductIn]:
    """`size` products: about half variants in families of up to four, one bundle and one service in each ten."""
    rng = random.Random(f"{seed}:catalogue")
    made: list[ProductIn] = []
    goods: list[ProductIn] = []
    family = 0
    while len(made) < size:
        number = len(made) + 1
        turn = rng.random()
        if turn < 0.1 and len(goods) >= 2:
            parts = rng.sample(goods, 2)
            price = sum((p.price for p in parts), Decimal(0))
            made.append(
                ProductIn(
                    sku=f"PKT-{number:04d}",
                    name=f"Paket {parts[0].name} + {parts[1].name}",
                    type="bundle",
                    price=_price(price * 9 / 10, currency),
                    components=[Part(p.sku, rng.choice((1, 1, 2))) for p in parts],
                )
            )
        elif turn < 0.2:
            name = rng.choice(_SERVICES)
            made.append(
                ProductIn(sku=f"JASA-{number:04d}", name=name, type="service", price=_draw(rng, 5, 50, currency))
            )
        elif turn < 0.6:
            family += 1
            thing, kind = rng.choice(_THINGS), rng.choice(_KINDS)
            price = _draw(rng, 15, 600, currency)
            for letter in _SIZES[: min(size - len(made), rng.randint(2, 4))]:
                variant = ProductIn(
                    sku=f"V{family:03d}-{kind[:3].upper()}-{letter}",
                    name=f"{thing} {kind} {letter}",
                    type="variant",
                    price=price,
                    stock=rng.randint(5, 120),
                    parent_id=100_000 + family,
                )
                made.append(variant)
                goods.append(variant)
        else:
            simple = ProductIn(
                sku=f"SKU-{number:04d}",
                name=f"{rng.choice(_THINGS)} {rng.choice(_KINDS)}",
                price=_draw(rng, 10, 900, currency),
                stock=rng.randint(5, 200),
            )
            made.append(simple)
            goods.append(simple)
    return made


def _draw(rng: random.Random, low: int, high: int, currency: str) -> Decimal:
    """A price of `low` to `high` thousand rupiah, or about as much elsewhere."""
    return _price(Decimal(rng.randint(low * 2, high * 2)) * 500, currency)


def _price(rupiah: Decimal, currency: str) -> Decimal:
    if currency == "IDR":
        return (rupiah / 500).quantize(Decimal(1)) * 500
    return (rupiah / 15000).quantize(Decimal(1).scaleb(-exponent(currency))) + 1
