"""The pass over the texts: which orders a line names, which buyers, and whether it names somebody else."""

from __future__ import annotations

from array import array
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
    core,
    days_under_way,
    joined,
    masks,
    name_words,
    shape,
    shows_payer,
    squeezed,
    words_of,
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
_MANY: Final = -1
WIDTH: Final = 4
LINE_WIDTH: Final = 10


class Buyers:
    """Names of buyers: an id for each, ids of its words, and the orders' own references."""

    def __init__(self, orders: OrderColumns, chosen: Sequence[int]) -> None:
        self.chosen = np.asarray(chosen, dtype=np.int64)
        self.ids: dict[str, int] = {}
        words: set[str] = set()
        as_written: dict[str, int] = {}
        for i in chosen:
            written = orders.names[i]
            if written not in as_written:
                parts = name_words(written)
                as_written[written] = self.ids.setdefault(" ".join(parts), len(self.ids)) if parts else NO_NAME
                words.update(parts)
        self.name_of = np.asarray([as_written[orders.names[i]] for i in chosen], dtype=np.int64)
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
        of_names = _Rows(WIDTH)
        for name in self.sorted_names:
            of_names.add([self.word_ids[word] for word in name.split(" ")])
        of_names.add([])
        self.name_words = of_names.table()
        #: Words with which a name begins.
        self.first_words = {name.split(" ", 1)[0] for name in self.sorted_names}
        counts = np.zeros(len(self.word_ids) + 1, dtype=np.int64)
        if len(chosen):
            of_orders = self.name_words[self.name_of]
            np.add.at(counts, of_orders[of_orders >= 0], 1)
        self.word_share = counts[:-1] / max(1, len(chosen))
        #: Orders by their whole reference; `again` has the further ones of the same reference.
        self.whole: dict[str, int] = {}
        self.again: dict[str, list[int]] = {}
        cores: dict[str, int] = {}
        self.squeezed = [squeezed(orders.references[i]) for i in chosen]
        for at, key in enumerate(self.squeezed):
            if len(key) < 4 or key.isalpha() or not any(c.isdigit() for c in key):
                continue
            if self.whole.setdefault(key, at) != at:
                self.again.setdefault(key, []).append(at)
            tail = core(key)
            if tail:
                cores[tail] = at if tail not in cores else _MANY
                # People leave out the zeros in front: SO001597 is quoted as 1597.
                if tail[0] == "0" and len(tail := tail.lstrip("0")) >= 4:
                    cores[tail] = at if tail not in cores else _MANY
        self.shapes = {shape(key) for key in self.whole}
        self.lengths = {len(key) for key in self.whole}
        self.longest = max(self.lengths, default=0)
        # Runs of digits inside references such as SO/2026/10/0012 would hit by year and month: only unique ends count.
        self.cores = {tail: at for tail, at in cores.items() if at != _MANY and tail not in self.whole}

    def without_blanks(self, word: str) -> list[int]:
        """Ids of the names that a word can be, its blanks lost: whole, or cut where banks cut."""
        names = self.squeezed_names.get(word[:_SQUEEZED_AT], [])
        if len(word) == _SQUEEZED_AT:
            return names
        return [name for name in names if len(self.sorted_names[name].replace(" ", "")) == len(word)]

    def starting_with(self, text: str) -> range:
        """Ids of the names that begin with a text; empty when there are too many to tell anything."""
        low = bisect_left(self.sorted_names, text)
        if low == len(self.sorted_names) or not self.sorted_names[low].startswith(text):
            return range(0)
        high = bisect_left(self.sorted_names, text + "\U0010ffff", low)
        return range(low, high) if high - low <= _MOST_NAMES else range(0)


class Told:
    """What the texts of the lines say. Pairs are (line, order) and (line, name)."""

    def __init__(
        self, lines: LineColumns, chosen: Iterable[int], buyers: Buyers, payouts: npt.NDArray[np.bool_]
    ) -> None:
        self.reference_hits: array[int] = array("q")
        self.name_hits: array[int] = array("q")
        rows: list[int] = list(chosen)
        self.lines = np.asarray(rows, dtype=np.int64)
        self.payout = payouts[self.lines]
        self.under_way = np.zeros(len(rows), dtype=np.int64)
        self.strange: list[tuple[int, str]] = []
        self.masked: dict[int, list[tuple[str, str]]] = {}
        cash, payer, known_words = bytearray(), bytearray(), _Rows(LINE_WIDTH)
        word_ids = buyers.word_ids
        for at, line in enumerate(rows):
            description = lines.descriptions[line]
            self.under_way[at] = days_under_way(description, lines.booked[line])
            words = words_of(description)
            cash.append(not CASH.isdisjoint(words))
            masked = masks(description)
            if masked:
                self.masked[at] = masked
            payer.append(bool(masked) or shows_payer(words))
            known_words.add([word_ids[word] for word in words if word in word_ids])
            self._references(at, words, buyers)
            self._names(at, words, buyers)
        self.cash = np.frombuffer(cash, dtype=np.bool_)
        self.payer = np.frombuffer(payer, dtype=np.int8)
        self.words = known_words.table()

    def _references(self, at: int, words: list[str], buyers: Buyers) -> None:
        hits, whole, cores = self.reference_hits, buyers.whole, buyers.cores
        numbered = [place for place, word in enumerate(words) if not word.isalpha()]
        if not numbered:
            return
        # The longest run first: INV 1001 before 1001.
        runs = [run for run in joined(words, numbered, _LONGEST_REFERENCE, buyers.longest) if len(run[2]) >= 4]
        if not runs:
            return
        runs.sort(key=_by_length)
        taken: set[int] = set()
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
                hits.extend((at, found, strength))
                for order in buyers.again.get(text, ()) if strength == FULL else ():
                    hits.extend((at, order, strength))
        for first, last, text in runs:
            free = len(text) >= 5 and len(text) in buyers.lengths and not taken.intersection(range(first, last))
            if free and shape(text) in buyers.shapes:
                self.strange.append((at, text))
                break

    def _names(self, at: int, all_words: list[str], buyers: Buyers) -> None:
        words = [w for w in all_words if not w.isdigit()]
        ids, word_ids, first_words = buyers.ids, buyers.word_ids, buyers.first_words
        found: dict[int, int] = {}
        count = len(words)
        covered = 0
        exact: list[tuple[int, int]] = []
        # Most texts of strangers hold no word that begins a name.
        begins = not first_words.isdisjoint(words)
        for first, text in enumerate(words) if begins else ():
            if first < covered or text not in first_words:
                continue
            known = ids.get(text)
            if known is not None and len(text) >= 3 and not self._goes_on(words, first, buyers):
                found[known] = 1
                covered = first + 1
            for last in range(first + 1, min(first + _LONGEST_NAME, count)):
                if words[last] not in word_ids:
                    break
                text = f"{text} {words[last]}"
                known = ids.get(text)
                if known is not None:
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
            self.name_hits.extend((at, name, size))

    @staticmethod
    def _goes_on(words: list[str], place: int, buyers: Buyers) -> bool:
        """Is this word a part of a longer name? BUDI in "BUDI FATIMAH AZZAHRA" is not the buyer Budi."""
        for at in (place - 1, place + 1):
            if 0 <= at < len(words) and words[at] in buyers.word_ids and words[at] not in BOILERPLATE:
                return True
        return False

    def _cut_names(self, words: list[str], exact: list[tuple[int, int]], found: dict[int, int], buyers: Buyers) -> None:
        """Names of which the bank shows only the beginning: up to its usual width, or up to the end of the text.

        "PUTU NUGROHO SETIA" is Putu Nugroho Setiawan even if there is a buyer Putu: the longer reading counts.
        """
        count = len(words)
        for first, word in enumerate(words):
            # Most words are the bank's: only the buyers' words begin a name, or what stands last in the text.
            if word not in buyers.first_words:
                if word not in buyers.word_ids:
                    if word in BOILERPLATE:
                        continue
                    for name in buyers.without_blanks(word) if len(word) >= _CUT_AT_LEAST else ():
                        found.setdefault(name, 2)
                if first < count - 1:
                    continue
            lead = len(words[first - 1]) + 1 if first and words[first - 1] in ADDRESSES else 0
            text = ""
            for last in range(first, min(first + _LONGEST_NAME, count)):
                text = f"{text} {words[last]}" if text else word
                width = len(text)
                wide = last > first and (width in _CUT_AT or width + lead in _CUT_AT)
                at_end = last == count - 1 and width >= _CUT_AT_LEAST and (last > first or width >= 10)
                if (wide or at_end) and not (exact and any(low <= first and last < high for low, high in exact)):
                    for name in buyers.starting_with(text):
                        found.setdefault(name, last - first + 1)
                if words[last] not in buyers.word_ids:
                    break


class _Rows:
    """Rows of numbers, the first `width` of each, as they come."""

    def __init__(self, width: int) -> None:
        self._width, self._sizes, self._flat = width, array("q"), array("i")

    def add(self, row: list[int]) -> None:
        del row[self._width :]
        self._sizes.append(len(row))
        self._flat.extend(row)

    def table(self) -> npt.NDArray[np.int32]:
        """A line each, filled up with -1."""
        sizes = np.asarray(self._sizes, dtype=np.int64)
        result = np.full((len(sizes), self._width), -1, dtype=np.int32)
        result[np.arange(self._width) < sizes[:, None]] = self._flat
        return result


def _by_length(run: tuple[int, int, str]) -> int:
    return -len(run[2])


def pairs(hits: array[int]) -> tuple[Ints, Ints, Ints]:
    """Three columns of triples that stand one behind the other."""
    table = np.asarray(hits, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
