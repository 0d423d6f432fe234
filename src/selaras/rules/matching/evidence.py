"""What speaks for each pair of line and order, as the log of a ratio of chances: amount, day, number, name."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.rules.matching.amounts import EXACT, OTHER, log_background, relate
from selaras.rules.matching.candidates import Pool
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import NAME_MASKED, NAME_NONE, NAME_OTHER, NAME_PART, NAME_WHOLE, Rates, shipped
from selaras.rules.matching.reading import CORE, FULL, LINE_WIDTH, NO_NAME, SLIP, WIDTH, Buyers, Told, pairs
from selaras.rules.matching.text import fits_masks, one_slip

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_CHUNK: Final = 2_000_000
_SOON: Final = 3
_SUPERSEDED: Final = 0.15
_ELSEWHERE: Final = 0.01
# How often a stranger bears the very name of one of our buyers, by the number of its words.
_NAMESAKES: Final = np.log(np.asarray([0.05, 0.012, 8e-4, 2e-4, 1e-4]))


class Evidence:
    """Columns beside the pairs: `kind` of amount, `reference`, `name`, `lag`, and the sum of all as `weight`.

    `weight` is the log of the chance of all that is seen if the line pays the order, over the chance if the order
    stays unpaid and the line is a stranger's.
    """

    def __init__(
        self, pool: Pool, buyers: Buyers, told: Told, said: Parameters, line: Ints, order: Ints,
        other: Evidence | None = None,
    ) -> None:  # fmt: skip
        """`line` must be sorted. What hangs on the whole pool alone is taken from an `other` evidence of it."""
        self.line, self.order = line, order
        many = len(line)
        # Narrow columns, filled piece by piece: there may be tens of millions of pairs.
        self.kind, self.reference, self.name = (np.zeros(many, dtype=np.int8) for _ in range(3))
        self.lag = np.zeros(many, dtype=np.int16)
        self._fixed, self._log_reference, self.name_share = (np.zeros(many, dtype=np.float32) for _ in range(3))
        self.weight = np.zeros(many)
        self._longest = said.window + 3
        if other is None:
            self._crowd, self._background = _days(pool, said), _background(pool)
            self._again, self._recent = _ordered_again(pool, buyers), np.maximum(_recent(pool), 20.0)
        else:
            self._crowd, self._background = other._crowd, other._background
            self._again, self._recent = other._again, other._recent
        sent, again = pool.booked - told.under_way, self._again
        fits = np.zeros(len(pool.line_rows), dtype=bool)
        for start in range(0, many, _CHUNK):
            part = slice(start, start + _CHUNK)
            of, to = line[part], order[part]
            self.kind[part], log_amount = relate(pool.amount[of], pool.due[to], pool.total[to], said)
            self._fixed[part] = log_amount + again[to]
            self.lag[part] = sent[of] - pool.ordered[to]
            self.reference[part], self._log_reference[part] = _references(
                pool, buyers, told, said, of, to, self._recent
            )
            self.name[part], self.name_share[part] = _names(buyers, told, of, to)
            tied = (self.name[part] == NAME_WHOLE) | (self.reference[part] >= CORE)
            fits[of[tied & (self.kind[part] == EXACT)]] = True
        # Who pays to the last rupiah what another order of his is due, pays that one (perhaps for the second time).
        self._fixed[(self.kind == OTHER) & fits[line]] += np.float32(np.log(_ELSEWHERE))
        self.weigh(shipped(said))

    def weigh(self, rates: Rates) -> None:
        """Work out all weights under these rates."""
        self.rates = rates
        # The chance that a line is a stranger's, beside the orders of a day around it.
        self.log_null = np.log(rates.noise) - self._crowd + self._background
        for start in range(0, len(self.line), _CHUNK):
            part = np.arange(start, min(start + _CHUNK, len(self.line)))
            self.weight[part] = (
                rates.log_odds + self._fixed[part] + rates.log_kinds[self.kind[part]] + self.log_days(part)
                + self.log_texts(part) - self.log_null[self.line[part]]
            )  # fmt: skip

    def log_days(self, rows: Ints) -> Floats:
        """Log of the chance of the days from the order to the money, for some pairs."""
        result: Floats = self.rates.log_lag[np.clip(self.lag[rows].astype(np.int64) + 2, 0, self._longest)]
        return result

    def log_texts(self, rows: Ints) -> Floats:
        """Log of the chance of number and name beside a stranger's, for some pairs."""
        names = self.rates.log_names[self.name[rows]] + self.name_share[rows]
        names = np.where(self.name[rows] == NAME_PART, np.clip(names, -1.5, 4.0), names)
        result: Floats = names + self._log_reference[rows]
        return result


def _background(pool: Pool) -> Floats:
    """For each line the log of the chance that a stranger pays just this amount.

    Half of the strangers buy the shop's goods as well, by chat or over the counter, and pay its prices.
    """
    generic = np.exp(log_background(pool.amount))
    prices, many = np.unique(pool.total, return_counts=True)
    share = many / max(1, len(pool.total))
    place = np.minimum(np.searchsorted(prices, pool.amount), max(0, len(prices) - 1))
    own = np.where(prices[place] == pool.amount, share[place], 0.0) if len(prices) else np.zeros(len(pool.amount))
    result: Floats = np.log(0.5 * generic + 0.5 * own)
    return result


def _ordered_again(pool: Pool, buyers: Buyers) -> Floats:
    """For each order the log of how much less likely it is paid because its buyer soon ordered the very same again.

    Who comes back to a shop for what he has not paid yet mostly starts anew (and pays the second order).
    """
    sort = np.lexsort((pool.ordered, pool.total, pool.order_currency, buyers.name_of))
    first, second = sort[:-1], sort[1:]
    again = (buyers.name_of[first] == buyers.name_of[second]) & (buyers.name_of[first] != NO_NAME)
    again &= (pool.total[first] == pool.total[second]) & (pool.order_currency[first] == pool.order_currency[second])
    gap = pool.ordered[second] - pool.ordered[first]
    again &= (gap >= 1) & (gap <= _SOON)
    result = np.zeros(len(pool.order_rows))
    result[first[again]] = np.log(_SUPERSEDED)
    return result


def _days(pool: Pool, said: Parameters) -> Floats:
    """For each line the log of one over the orders a day around it: how many payers it could come from."""
    days = np.sort(pool.ordered)
    low = np.searchsorted(days, pool.booked - 10)
    high = np.searchsorted(days, pool.booked, side="right")
    result: Floats = -np.log(np.maximum((high - low) / 11.0, 0.5))
    return result


def _references(
    pool: Pool, buyers: Buyers, told: Told, said: Parameters, line: Ints, order: Ints, many_recent: Floats
) -> tuple[Ints, Floats]:
    found = np.zeros(len(line), dtype=np.int64)
    hit_line, hit_order, strength = pairs(told.reference_hits)
    count = max(1, len(pool.order_rows))
    named = np.zeros(len(pool.line_rows), dtype=np.int64)
    np.maximum.at(named, hit_line, strength)
    if len(hit_line):
        keys = hit_line * count + hit_order
        sort = np.argsort(keys, kind="stable")
        keys, power = keys[sort], strength[sort]
        place = np.searchsorted(keys, line * count + order)
        inside = place < len(keys)
        inside[inside] = keys[place[inside]] == (line * count + order)[inside]
        found[inside] = power[place[inside]]
    if told.strange:
        _slips(buyers, told, line, order, found)
    recent = many_recent[line]
    scores = np.full(len(line), np.log(1.0 - said.reference_shown))
    hit = said.reference_shown / said.reference_wrong * recent
    scores[found == FULL] = np.log(hit[found == FULL])
    scores[found == CORE] = np.log(hit[found == CORE] * 0.2)
    scores[found == SLIP] = np.log(recent[found == SLIP] * said.reference_wrong / 0.002)
    # The line names another order of ours: by mistake, if it pays this one.
    elsewhere = (found == 0) & (named[line] > 0)
    scores[elsewhere] = np.log(np.where(named[line[elsewhere]] == FULL, 0.7, 0.9))
    return found, scores


def _recent(pool: Pool) -> Floats:
    """For each line how many orders the writer of a message may have meant."""
    days = np.sort(pool.ordered)
    low = np.searchsorted(days, pool.booked - 30)
    high = np.searchsorted(days, pool.booked, side="right")
    return (high - low).astype(np.float64)


def _slips(buyers: Buyers, told: Told, line: Ints, order: Ints, found: Ints) -> None:
    """Numbers that look like ours and are none: one character away from the order's own?"""
    if not len(line):
        return
    starts = np.searchsorted(line, np.arange(len(told.lines) + 1))
    for at, text in told.strange:
        for pair in range(int(starts[at]), int(starts[at + 1])):
            if found[pair] == 0 and one_slip(text, buyers.squeezed[int(order[pair])]):
                found[pair] = SLIP


def _names(buyers: Buyers, told: Told, line: Ints, order: Ints) -> tuple[Ints, Floats]:
    """The state of each pair's name, and what the rarity of the name adds to the chance of the state."""
    kind = np.full(len(line), NAME_NONE, dtype=np.int64)
    scores = np.zeros(len(line))
    kind[told.payer[line] > 0] = NAME_OTHER
    _parts(buyers, told, line, order, kind, scores)
    hit_line, hit_name, size = pairs(told.name_hits)
    if len(hit_line):
        names = len(buyers.sorted_names) + 2
        keys = hit_line * names + hit_name
        sort = np.argsort(keys, kind="stable")
        keys, words = keys[sort], np.minimum(size[sort], len(_NAMESAKES) - 1)
        wanted = line * names + buyers.name_of[order]
        place = np.searchsorted(keys, wanted)
        inside = (place < len(keys)) & (buyers.name_of[order] != NO_NAME)
        inside[inside] = keys[place[inside]] == wanted[inside]
        # Who shows the whole name of another buyer of ours is not this one, even if they share a first name.
        somebody = np.zeros(len(told.lines), dtype=bool)
        somebody[hit_line] = True
        kind[somebody[line]] = NAME_OTHER
        scores[somebody[line]] = 0.0
        kind[inside] = NAME_WHOLE
        scores[inside] = -_NAMESAKES[words[place[inside]]]
    _masks(buyers, told, line, order, kind, scores)
    return kind, scores


def _masks(buyers: Buyers, told: Told, line: Ints, order: Ints, kind: Ints, scores: Floats) -> None:
    """Masked names: what is left of the words fits the buyer's name, or shows that he is somebody else."""
    if not told.masked or not len(line):
        return
    rarity: dict[tuple[str, str], float] = {}
    words = list(buyers.word_ids)  # in alphabetical order
    for at, masked in told.masked.items():
        if not line[0] <= at <= line[-1]:
            continue
        rows = np.arange(np.searchsorted(line, at), np.searchsorted(line, at, side="right"))
        share = 1.0
        for mask in masked if len(rows) else ():
            if mask not in rarity:
                begin, end = mask
                low, high = bisect_left(words, begin), bisect_left(words, begin + "\U0010ffff")
                rarity[mask] = sum(float(buyers.word_share[i]) for i in range(low, high) if words[i].endswith(end))
            share *= max(rarity[mask], 1e-3)
        for row in rows.tolist():
            name = int(buyers.name_of[order[row]])
            fits = name != NO_NAME and fits_masks(buyers.sorted_names[name], masked)
            kind[row] = NAME_MASKED if fits else NAME_OTHER
            scores[row] = -np.log(max(share, 2e-4)) if fits else 0.0


def _parts(buyers: Buyers, told: Told, line: Ints, order: Ints, kind: Ints, scores: Floats) -> None:
    """Single words of the buyer's name among the words of the line; the rarest one counts."""
    if not len(line) or not len(buyers.word_share):
        return
    words = buyers.name_words[buyers.name_of[order]]
    rarest = np.full(len(line), 1.0)
    for place in range(WIDTH):
        word = words[:, place]
        there = np.zeros(len(line), dtype=bool)
        for seen in range(LINE_WIDTH):
            there |= told.words[line, seen] == word
        there &= word >= 0
        rarest[there] = np.minimum(rarest[there], buyers.word_share[word[there]])
    some = rarest < 1.0
    kind[some] = NAME_PART
    scores[some] = -np.log(np.maximum(rarest[some], 1e-3))
