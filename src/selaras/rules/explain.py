"""Reasons as people read them: short English sentences with their parameters, translatable at the face.

A rule says why in a `Sentence`: a fixed text with named places. Called with values it gives the filled English text,
which is what postings keep. A face that speaks another language hands the filled text to `translated`: the sentence is
recognised again, its values are taken out and put into the translation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Final

import msgspec


def N_(text: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return text


class Reason(msgspec.Struct, frozen=True):
    """A sentence taken apart: the source text and the values of its named places."""

    text: str
    params: dict[str, str]

    @property
    def filled(self) -> str:
        """The English sentence."""
        return self.text % self.params


_PLACE: Final = re.compile(r"%\((\w+)\)s")
_PLACES: Final = re.compile(r"%\(\w+\)s")
_sentences: list[Sentence] = []
# The same sentences by their first word, or by their last where they begin with a value, so that a text need not be
# held against all of them (a page shows a hundred texts, most of them of other systems).
_by_first: dict[str, list[Sentence]] = {}
_by_last: dict[str, list[Sentence]] = {}
_others: list[Sentence] = []


class Sentence:
    """A text with `%(name)s` places. Calling it fills them; every sentence can be recognised again."""

    __slots__ = ("_longest", "_pattern", "fixed", "order", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.fixed = len(_PLACE.sub("", text))
        self.order = len(_sentences)
        parts = [part.replace("%%", "%") for part in _PLACES.split(text)]
        self._longest = max(parts, key=len)
        self._pattern: re.Pattern[str] | None = None
        if _PLACE.sub("", text).strip():  # "%(why)s %(rule)s" would fit everything
            _sentences.append(self)
            self._list(parts)
        recognised.cache_clear()

    def _list(self, parts: list[str]) -> None:
        first, last = parts[0], parts[-1]
        if " " in first or len(parts) == 1:
            _by_first.setdefault(first.partition(" ")[0], []).append(self)
        elif " " in last:
            _by_last.setdefault(last.rpartition(" ")[2], []).append(self)
        else:
            _others.append(self)

    def __call__(self, **params: object) -> str:
        return self.text % params

    @property
    def names(self) -> list[str]:
        """The names of its places, each once."""
        return list(dict.fromkeys(_PLACE.findall(self.text)))

    def read(self, filled: str) -> Reason | None:
        """The values that were filled in, or None when `filled` is another sentence."""
        if self._longest not in filled:  # most are told apart by this, without their pattern
            return None
        if self._pattern is None:
            pattern, end, seen = "", 0, set[str]()
            for place in _PLACE.finditer(self.text):
                name = place[1]
                pattern += re.escape(self.text[end : place.start()].replace("%%", "%"))
                pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
                seen.add(name)
                end = place.end()
            self._pattern = re.compile(pattern + re.escape(self.text[end:].replace("%%", "%")), re.DOTALL)
        found = self._pattern.fullmatch(filled)
        return None if found is None else Reason(self.text, found.groupdict())


@lru_cache(maxsize=4096)
def recognised(filled: str) -> Reason | None:
    """The sentence that `filled` came from; the one with the most fixed text wins. None when it is none of ours."""
    best: tuple[int, int] = (0, 0)
    reason: Reason | None = None
    for sentence in chain(
        _by_first.get(filled.partition(" ")[0], ()), _by_last.get(filled.rpartition(" ")[2], ()), _others
    ):
        rank = (sentence.fixed, -sentence.order)  # of two alike, the one that was written down first
        if rank > best and (found := sentence.read(filled)) is not None:
            best, reason = rank, found
    return reason


def translated(filled: str, gettext: Callable[[str], str]) -> str:
    """`filled` in the language of `gettext`, line by line; unchanged where a sentence is not one of ours."""
    said = []
    for line in filled.split("\n"):
        found = recognised(line)
        said.append(line if found is None else gettext(found.text) % found.params)
    return "\n".join(said)
