"""Saying in the reader's language what was kept in English: reasons, causes, messages and cures.

What the rules say is recognised by their own sentences (`selaras.rules.explain`); what the ledger, the flows and the
operations say, by those of `selaras.sync.said`. A text of another system, or of nobody we know, is shown as it came.
"""

from __future__ import annotations

import re
from typing import Final

from selaras.i18n import gettext
from selaras.rules.explain import Reason, recognised
from selaras.sync import (
    money_words,
    said,
    said_books,
    said_erp,
    said_feeds,
    said_files,
    said_gateways,
    said_shared,
    said_stores,
    said_words,
    unique_amount_words,
    upkeep_words,
)

# A sentence may carry another one as a value ("Order 7 cannot be planned: …"), and that one a third; the last value of
# all may have its cure behind it.
_DEPTH: Final = 4
KNOWN: Final = (
    said.SENTENCES + said_files.SENTENCES + said_feeds.SENTENCES + said_gateways.SENTENCES
    + said_shared.SENTENCES + said_stores.SENTENCES + said_books.SENTENCES + said_erp.SENTENCES
    + upkeep_words.SENTENCES + unique_amount_words.SENTENCES + money_words.SENTENCES
)  # fmt: skip
_PLACE: Final = re.compile(r"%\(\w+\)s")
_VAGUE: Final = 5
_SIDE_BY_SIDE: Final = re.compile(r"%\(\w+\)s(?: %\(\w+\)s)+")
_ONE_WORD: Final = re.compile(r"\w*\.?")
_SEVERAL: Final = re.compile(r"[.:] ")
# Events of the engine begin with the lane that they happened in.
_LANE: Final = re.compile(r"(?:read|send|plan|stock|sweep|watch) [a-z0-9][a-z0-9_-]*: ")


def spoken(text: str) -> str:
    """A kept text in the language of the moment; several reasons joined by "; " are said one by one."""
    return _spoken(text, _DEPTH)


def _spoken(text: str, depth: int) -> str:
    if not text or not depth:
        return text
    if "\n" in text:  # a reason and what was done about its date or its accounts, line by line
        return "\n".join(_spoken(line, depth) for line in text.split("\n"))
    parts = text.split("; ")
    if len(parts) > 1 and all((one := recognised(part)) is not None and not _vague(one) for part in parts):
        return "; ".join(_spoken(part, depth) for part in parts)
    found = recognised(text)
    # "%(name)s: %(why)s." fits nearly everything; two sentences one behind the other are better taken apart first.
    if found is not None and (". " not in text or not _vague(found)):
        return _filled(found, depth)
    if lane := _LANE.match(text):
        return lane[0] + _spoken(text[lane.end() :], depth)
    if len(parts) > 1:
        return "; ".join(_spoken(part, depth - 1) for part in parts)
    inner = recognised(text[:-1]) if text.endswith(".") else None
    if inner is not None and not _vague(inner):  # the full stop is that of the sentence around it
        return f"{_spoken(text[:-1], depth)}."
    return _one_by_one(text, depth)


def _one_by_one(text: str, depth: int) -> str:
    """What is wrong and how to mend it, or several reasons, one behind the other; a sentence may hold full stops."""
    parts = text.split(". ")
    if len(parts) == 1:
        return text
    said, place = list[str](), 0
    while place < len(parts):
        for end in range(place + 1, len(parts) + 1):
            piece = ". ".join(parts[place:end]) + ("." if end < len(parts) else "")
            found = recognised(piece)
            if found is not None and not _vague(found):
                said.append(_filled(found, depth - 1))
                break
        else:
            end = place + 1
            last = end == len(parts)
            piece = parts[place] if last else f"{parts[place]}."
            # The first may have got its full stop only by what came behind it.
            whole = _spoken(piece, depth - 1)
            said.append(whole if last or whole != piece else f"{_spoken(parts[place], depth - 1)}.")
        place = end
    return " ".join(said)


def _filled(found: Reason, depth: int) -> str:
    text = gettext(found.text)
    values = {name: _value(found.text, name, value, depth - 1) for name, value in found.params.items()}
    for run in _SIDE_BY_SIDE.findall(found.text):
        # Nobody can tell where one of these texts ends and the next begins.
        first, *others = (place[2:-2] for place in run.split(" "))
        whole = " ".join(found.params[name] for name in (first, *others))
        if _SEVERAL.search(whole) and run in text and (told := _spoken(whole, depth - 1)) != whole:
            values[first], text = told, text.replace(run, f"%({first})s")
    return (text % values).rstrip(" ")


def _value(text: str, name: str, value: str, depth: int) -> str:
    """A value of a sentence: a sentence itself, a word of ours, or (a name, a code, a setting) what it is."""
    if _ONE_WORD.fullmatch(value):
        return _word(text, name, value)
    head, stop, rest = value.partition(". ")  # the last value may have the cure behind it
    if stop and _ONE_WORD.fullmatch(head) and (word := _word(text, name, head)) != head:
        return f"{word}. {_spoken(rest, depth)}"
    return _spoken(value, depth)


def _word(text: str, name: str, value: str) -> str:
    # A single word is ours only where its place says so: a connection may be called "stock", a setting is "currency",
    # and what is glued to the name of a setting ("account_%(role)s") belongs to it.
    bare = value.removesuffix(".")
    word = said_words.WORDS.get(name.rstrip("0123456789"), {}).get(bare)
    if word is None or f"_%({name})s" in text or (translated := gettext(word)) == word:
        return value
    return translated + value[len(bare) :]


def _vague(found: Reason) -> bool:
    return len(_PLACE.sub("", found.text)) <= _VAGUE
