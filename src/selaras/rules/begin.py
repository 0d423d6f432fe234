"""The first day of a pair: orders that are older are left to a back-fill, because people have booked them by hand."""

from __future__ import annotations

import datetime as dt

from selaras.model.order import Order
from selaras.rules.explain import N_, Sentence
from selaras.rules.plan_types import Plan, problem

_EARLY = Sentence(N_("Order %(number)s is of %(day)s, before %(begin)s, the first day that is posted by itself."))
_EARLY_CURE = Sentence(N_("If it belongs into the books, let a back-fill take its day: `selaras backfill %(store)s`."))
CAUSE = "before_begin"


def before_begin(order: Order, store: str, day: str, begin: dt.date) -> Plan:
    """The plan of an order of `day` (ISO, the business's day) that is too old and that no back-fill asked for."""
    known = {"number": order.number, "day": day, "begin": begin.isoformat(), "store": store}
    return Plan(skip=problem(CAUSE, "placed_at", _EARLY, _EARLY_CURE, **known))
