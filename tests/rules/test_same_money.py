"""One payment of which gateway and store both tell."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from selaras.model.order import Payment
from selaras.rules.same_money import spoken_of

AT = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
BANK = frozenset({"transfer"})


def paid(id: str, amount: int, method: str = "qris", **more: str) -> Payment:
    return Payment(id=id, amount=Decimal(amount), paid_at=AT, method=method, **more)  # type: ignore[arg-type]


def test_each_sum_of_the_gateway_is_one_payment_of_the_store() -> None:
    payments = [paid("1", 50), paid("2", 50), paid("3", 70)]
    assert spoken_of(payments, [Decimal(50), Decimal(70)], BANK) == {"1": 50, "3": 70}
    assert spoken_of(payments, [Decimal(50)] * 3, BANK) == {"1": 50, "2": 50}
    assert spoken_of(payments, [Decimal(60)], BANK) == {}


def test_what_is_booked_by_the_stores_word_or_not_its_own_word_stays() -> None:
    payments = [paid("1", 50), paid("2", 50, "transfer"), paid("3", 50, origin="books"), paid("4", 50)]
    assert spoken_of(payments, [Decimal(50)], BANK, {"receipt:1"}) == {"4": 50}
