"""How the store says its records: JSON bytes at one of two money scales.

"major" writes decimal strings ("15000", "12.50"). "minor" writes integers in the currency's smallest unit; a price
finer than that unit is null beside its exact `…_decimal` string, also in smallest units, as Stripe does it
(https://docs.stripe.com/api/prices/object, `unit_amount_decimal`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

from selaras.model.money import exponent, from_minor
from selaras.sandbox.store.records import Order, Product, Refused, Stock

_AMOUNTS = frozenset({"total", "amount", "discount", "tax"})
_PRICES = frozenset({"price", "unit_price"})


class Scale:
    """Writes records and reads amounts at the store's scale."""

    def __init__(self, scale: Literal["major", "minor"], currency: str) -> None:
        self.minor = scale == "minor"
        self.currency = currency

    def encode(self, record: Order | Product | Stock, **extra: Any) -> bytes:
        """A record as JSON."""
        if not self.minor and not extra:
            return msgspec.json.encode(record)
        return msgspec.json.encode({**self.plain(record), **extra})

    def plain(self, record: Any, currency: str = "") -> dict[str, Any]:
        """A record as a JSON object of plain values; `currency` where the record has none of its own."""
        value: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(Decimal,))
        if self.minor:
            self._to_minor(value, exponent(value.get("currency") or currency or self.currency))
        return value

    def amount(self, value: Decimal | None, currency: str = "") -> Decimal | None:
        """An amount of a request in major units. Raises `Refused` 422 for a fraction of a minor unit."""
        if value is None or not self.minor:
            return value
        if value != int(value):
            raise Refused(422, "bad_amount", f"{value} is not a whole number of the smallest unit")
        return from_minor(int(value), currency or self.currency)

    def _to_minor(self, value: dict[str, Any], digits: int) -> None:
        for key, item in list(value.items()):
            if isinstance(item, dict):
                self._to_minor(item, digits)
            elif isinstance(item, list):
                for element in item:
                    if isinstance(element, dict):
                        self._to_minor(element, digits)
            elif isinstance(item, Decimal) and key in _AMOUNTS:
                value[key] = _whole(item.scaleb(digits), key)
            elif isinstance(item, Decimal) and key in _PRICES:
                scaled = item.scaleb(digits)
                value[key] = int(scaled) if scaled == int(scaled) else None
                value[f"{key}_decimal"] = format(scaled.normalize(), "f")


def _whole(scaled: Decimal, key: str) -> int:
    if scaled != int(scaled):
        raise AssertionError(f"{key} {scaled} was kept finer than the currency's smallest unit")
    return int(scaled)
