"""The pass over the texts: which orders a line names, which buyers, and whether it names somebody else."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import LineColumns, OrderColumns
from selaras.rules.matching.text import (
    ADDRESSES,
    BOILERPLATE,
    CASH,
    Words,
    core,
    days_under_way,
    joined,
    name_words,
    shape,
    squeezed,
)

Ints = npt.NDArray[np.int64]
FULL, CORE, SLIP = 3, 2, 1
_LONGEST_NAME: Final = 4
_LONGEST_REFERENCE: Final = 5
_CUT_AT_LEAST: Final = 8
# Banks show about 18 characters of a name, a title or legal form in front included; some lose its blanks and show 12.
_CUT_AT: Final = range(16, 21)
_SQUEEZED_AT: Final = 12
_MOST_NAMES: Final = 40
NO_NAME: Final = -1
WIDTH: Final = 4
LINE_WIDTH: Final = 10


class Buyers:
    """Names of buyers: an id for each, ids of its words, and the orders' own references."""

    def __init__(self, orders: OrderColumns, chosen: Sequence[int]) -> None:
        self.chosen = np.asarray(chosen, dtype=np.int64)
        names = [name_words(orders.names[i]) for i in chosen]
        self.ids: dict[str, int] = {}
        self.name_of = np.full(len(chosen), NO_NAME, dtype=np.int64)
        words: dict[str, int] = {}
        for at, parts in enumerate(names):
            if parts:
                self.name_of[at] = self.ids.setdefault(" ".join(parts), len(self.ids))
                for word in parts:
                    words.setdefault(word, len(words))
        # Ids in alphabetical order: then a name that the bank has cut is a range.
        self.sorted_names = sorted(self.ids)
        rank = {name: at for at, name in enumerate(self.sorted_names)}
        renumbered = np.zeros(len(self.ids) + 1, dtype=np.int64)
        for name, old in self.ids.items():
            renumbered[old] = rank[name]
        renumbered[-1] = NO_NAME
        self.name_of = renumbered[self.name_of]
        self.ids = rank
        self.squeezed_names: dict[str, list[int]] = {}
        for at, name in enumerate(self.sorted_names):
            if " " in name and len(name) > _CUT_AT_LEAST:
                self.squeezed_names.setdefault(name.replace(" ", "")[:_SQUEEZED_AT], []).append(at)
        self.word_ids = {word: at for at, word in enumerate(sorted(words))}
        self.name_words = np.full((len(self.sorted_names) + 1, WIDTH), -1, dtype=np.int32)
        for at, name in enumerate(self.sorted_names):
            for place, word in enumerate(name.split(" ")[:WIDTH]):
                self.name_words[at, place] = self.word_ids[word]
        counts = np.zeros(len(self.word_ids) + 1, dtype=np.int64)
        if len(chosen):
            of_orders = self.name_words[self.name_of]
            np.add.at(counts, of_orders[of_orders >= 0], 1)
        self.word_share = counts[:-1] / max(1, len(chosen))
        self.whole: dict[str, list[int]] = {}
        self.cores: dict[str, list[int]] = {}
        self.squeezed: list[str] = []
        for at, i in enumerate(chosen):
            key = squeezed(orders.references[i])
            self.squeezed.append(key)
            if len(key) >= 4 and any(c.isdigit() for c in key):
                self.whole.setdefault(key, []).append(at)
                tail = core(key)
                # People leave out the zeros in front: SO001597 is quoted as 1597.
                for quoted in {tail, tail.lstrip("0")} if tail else ():
                    if len(quoted) >= 4:
                        self.cores.setdefault(quoted, []).append(at)
        self.shapes = {shape(key) for key in self.whole}
        self.lengths = {len(key) for key in self.whole}
        # Runs of digits inside references such as SO/2026/10/0012 would hit by year and month: only unique ends count.
        self.cores = {tail: where for tail, where in self.cores.items() if len(where) == 1 and tail not in self.whole}

    def starting_with(self, text: str) -> range:
        """Ids of the names that begin with a text; empty when there are too many to tell anything."""
        low = bisect_left(self.sorted_names, text)
        high = bisect_left(self.sorted_names, text + "\U0010ffff", low)
        return range(low, high) if high - low <= _MOST_NAMES else range(0)


class Told:
    """What the texts of the lines say. Pairs are (line, order) and (line, name)."""

    def __init__(
        self, lines: LineColumns, chosen: Iterable[int], buyers: Buyers, payouts: npt.NDArray[np.bool_]
    ) -> None:
        self.reference_hits: list[tuple[int, int, int]] = []
        self.name_hits: list[tuple[int, int, int]] = []
        rows: list[int] = list(chosen)
        self.lines = np.asarray(rows, dtype=np.int64)
        self.payer = np.zeros(len(rows), dtype=np.int8)
        self.payout = payouts[self.lines]
        self.cash = np.zeros(len(rows), dtype=bool)
        self.under_way = np.zeros(len(rows), dtype=np.int64)
        self.words = np.full((len(rows), LINE_WIDTH), -1, dtype=np.int32)
        self.strange: list[tuple[int, str]] = []
        whole, cores, ids, word_ids = buyers.whole, buyers.cores, buyers.ids, buyers.word_ids
        for at, line in enumerate(rows):
            description = lines.descriptions[line]
            read = Words(description)
            self.under_way[at] = days_under_way(description, lines.booked[line])
            self.cash[at] = not CASH.isdisjoint(read.words)
            self._references(at, read.words, whole, cores, buyers)
            self._names(at, read, ids, buyers)
            known = 0
            for word in read.words:
                found = word_ids.get(word)
                if found is not None and known < LINE_WIDTH:
                    self.words[at, known] = found
                    known += 1
            self.payer[at] = 1 if any(w not in BOILERPLATE and len(w) >= 3 for w in read.payer) else 0

    def _references(
        self, at: int, words: list[str], whole: dict[str, list[int]], cores: dict[str, list[int]], buyers: Buyers
    ) -> None:
        hits = self.reference_hits
        taken: set[int] = set()
        numbered = [place for place, word in enumerate(words) if not word.isalpha()]
        if not numbered:
            return
        # The longest run first: INV 1001 before 1001.
        runs = [run for run in joined(words, numbered, _LONGEST_REFERENCE) if len(run[2]) >= 4]
        runs.sort(key=_by_length)
        for first, last, text in runs:
            places = range(first, last)
            if taken.intersection(places):
                continue
            found = whole.get(text)
            strength = FULL
            if found is None:
                found, strength = cores.get(text), CORE
            if found is not None:
                taken.update(places)
                for order in found:
                    hits.append((at, order, strength))
        for first, last, text in runs:
            free = len(text) >= 5 and not taken.intersection(range(first, last))
            if free and len(text) in buyers.lengths and shape(text) in buyers.shapes:
                self.strange.append((at, text))
                break

    def _names(self, at: int, read: Words, ids: dict[str, int], buyers: Buyers) -> None:
        words = [w for w in read.words if not w.isdigit()]
        found: dict[int, int] = {}
        count = len(words)
        covered = 0
        exact: list[tuple[int, int]] = []
        for first in range(count):
            if first < covered:
                continue
            text = ""
            for last in range(first, min(first + _LONGEST_NAME, count)):
                text = f"{text} {words[last]}" if text else words[last]
                known = ids.get(text)
                if known is None:
                    continue
                if last > first or (len(text) >= 3 and not self._goes_on(words, first, buyers)):
                    found[known] = last - first + 1
                    covered = last + 1
            if covered > first:
                exact.append((first, covered))
        self._cut_names(words, exact, found, buyers)
        if len(found) > 1:
            # "BUDI SANTOSO" also shows the buyer "BUDI": the longer name counts.
            most = max(found.values())
            found = {name: size for name, size in found.items() if size == most or size > 1}
        for name, size in found.items():
            self.name_hits.append((at, name, size))

    @staticmethod
    def _goes_on(words: list[str], place: int, buyers: Buyers) -> bool:
        """Is this word a part of a longer name? BUDI in "BUDI FATIMAH AZZAHRA" is not the buyer Budi."""
        return any(
            0 <= at < len(words) and words[at] in buyers.word_ids and words[at] not in BOILERPLATE
            for at in (place - 1, place + 1)
        )

    def _cut_names(self, words: list[str], exact: list[tuple[int, int]], found: dict[int, int], buyers: Buyers) -> None:
        """Names of which the bank shows only the beginning: up to its usual width, or up to the end of the text.

        "PUTU NUGROHO SETIA" is Putu Nugroho Setiawan even if there is a buyer Putu: the longer reading counts.
        """
        count = len(words)
        for first, word in enumerate(words):
            # Most words are the bank's: only the buyers' words begin a name, or what stands last in the text.
            known = word in buyers.word_ids
            if not known:
                if word in BOILERPLATE:
                    continue
                if len(word) >= _CUT_AT_LEAST:
                    for name in buyers.squeezed_names.get(word[:_SQUEEZED_AT], ()):
                        if len(word) == _SQUEEZED_AT or len(buyers.sorted_names[name].replace(" ", "")) == len(word):
                            found.setdefault(name, 2)
                if first < count - _LONGEST_NAME:
                    continue
            lead = len(words[first - 1]) + 1 if first and words[first - 1] in ADDRESSES else 0
            text = ""
            for last in range(first, min(first + _LONGEST_NAME, count)):
                text = f"{text} {words[last]}" if text else word
                width = len(text)
                wide = known and last > first and (width in _CUT_AT or width + lead in _CUT_AT)
                at_end = last == count - 1 and width >= _CUT_AT_LEAST and (last > first or width >= 10)
                if (wide or at_end) and not any(low <= first and last < high for low, high in exact):
                    for name in buyers.starting_with(text):
                        found.setdefault(name, last - first + 1)


def _by_length(run: tuple[int, int, str]) -> int:
    return -len(run[2])


def pairs(rows: Sequence[tuple[int, int, int]]) -> tuple[Ints, Ints, Ints]:
    """Three columns of a list of triples."""
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty.copy(), empty.copy()
    table = np.asarray(rows, dtype=np.int64)
    return table[:, 0], table[:, 1], table[:, 2]
