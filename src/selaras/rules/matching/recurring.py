"""Payers of payouts that nobody has heard of: a text that comes again and again, with sums of many orders.

The gateways and marketplaces of Indonesia are known by name (`text.payer_of`); a bank's own acquirer or a new gateway
is not. Its lines say the same every time but for numbers, name no buyer, and come out as the orders of neighbouring
days less one fee. That last is the proof: without it a line stays what it was, a transfer of somebody.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import METHODS, LineColumns, OrderColumns
from selaras.rules.matching.fee_learning import LEAST_HITS, Line, learn
from selaras.rules.matching.fees import LIMITS, Channel, channel_of
from selaras.rules.matching.text import BOILERPLATE, name_words

Bools = npt.NDArray[np.bool_]
#: Days on which a text must come, and the least of its lines.
_LEAST_DAYS: Final = 8
#: How many times more of its lines must come out than by chance.
_MORE_THAN_CHANCE: Final = 3
#: Under a flat fee alone the sums of round prices stay round, and fit more easily.
_LEAST_FLAT: Final = 6
#: Orders in a line that comes out, on the average.
_LEAST_ORDERS: Final = 2.0
#: Texts that are tried, those with the largest sums first.
_TRIED: Final = 8
#: Fewer orders than this are not worth the search.
_LEAST_OPEN: Final = 40
_NUMBERED: Final = re.compile(r"\S*\d\S*")
_LETTERS: Final = re.compile(r"[^\W\d_]{3,}")


def recurring_payers(orders: OrderColumns, lines: LineColumns, free: Bools) -> dict[int, str]:
    """The free lines that are payouts of unknown payers to these (open) orders, each with its payer's text."""
    method = np.frombuffer(orders.method, dtype=np.int64)
    wanted = [n for n, name in enumerate(METHODS) if name != "transfer" and (method == n).sum() >= _LEAST_OPEN]
    if not wanted:
        return {}
    by_text = _texts(lines, free)
    names = {frozenset(name_words(name)) for name in set(orders.names)}
    channels = {
        (number, currency): channel
        for number in wanted
        for currency in sorted(set(orders.currencies))
        if len((channel := channel_of(orders, number, currency)).rows) >= _LEAST_OPEN
    }
    found: dict[int, str] = {}
    for text, rows in by_text[:_TRIED]:
        words = set(text.split(" "))
        if any(name and name <= words for name in names):
            continue  # a buyer who comes again
        for (number, currency), channel in channels.items():
            if _proven(channel, lines, [row for row in rows if lines.currencies[row] == currency], METHODS[number]):
                found.update(dict.fromkeys(rows, text))
                break
    return found


def _texts(lines: LineColumns, free: Bools) -> list[tuple[str, list[int]]]:
    """Texts that recur, less everything with a digit, with their lines; the largest sums first."""
    by_text: defaultdict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(free).tolist():
        by_text[_NUMBERED.sub("", lines.descriptions[row])].append(row)
    found: defaultdict[str, list[int]] = defaultdict(list)
    for raw, rows in by_text.items():
        words = [word for word in _LETTERS.findall(raw.upper()) if word not in BOILERPLATE]
        if words:
            found[" ".join(words)] += rows
    # By day and id: the answer must not hang on the order of the rows.
    often = [
        (text, sorted(rows, key=lambda row: (lines.booked[row], lines.ids[row])))
        for text, rows in found.items()
        if len({lines.booked[row] for row in rows}) >= _LEAST_DAYS
    ]
    return sorted(often, key=lambda one: (-sum(lines.amount[row] for row in one[1]), one[0]))


def _proven(channel: Channel, lines: LineColumns, rows: list[int], method: str) -> bool:
    """Whether these lines come out as orders of the channel less one fee, and far fewer do when their days are mixed
    up: among round prices some always come out by chance."""
    most_days, most_lag = LIMITS[method]
    told = [(lines.booked[row], lines.amount[row], "") for row in rows]
    if len(told) < _LEAST_DAYS:
        return False
    chance = max(learn(channel, _turned(told, part), most_days, most_lag) for part in (3, 2))
    hits = learn(channel, told, most_days, most_lag)
    least = LEAST_HITS if channel.schedule.rate else _LEAST_FLAT
    if hits < max(least, _MORE_THAN_CHANCE * chance + 1):
        return False
    runs = [run[0] for day, amount, _ in told if (run := channel.exact(day, amount, most_days, most_lag))]
    many = sum(int(channel.ends[last]) - int(channel.starts[first]) for first, last in runs)
    return many >= _LEAST_ORDERS * len(runs)


def _turned(told: list[Line], part: int) -> list[Line]:
    """The same days with each other's amounts."""
    turn = max(1, len(told) // part)
    return [(day, told[at - turn][1], payer) for at, (day, _, payer) in enumerate(told)]
