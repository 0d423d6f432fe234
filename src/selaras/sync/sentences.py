"""Saying in the reader's language what was kept in English: reasons, causes, messages and cures.

What the rules say is recognised by their own sentences (`selaras.rules.explain`); what the ledger, the flows and the
operations say, by those of `selaras.sync.said`. A text of another system, or of nobody we know, is shown as it came.
"""

from __future__ import annotations

import re
from typing import Final

from selaras.i18n import gettext
from selaras.rules.explain import recognised
from selaras.sync import said, said_feeds, said_files, said_gateways, unique_amount_words, upkeep_words

# A sentence may carry another one as a value ("Order 7 cannot be planned: …"), and that one a third; the last value of
# all may have its cure behind it.
_DEPTH: Final = 4
KNOWN: Final = (
    said.SENTENCES + said_files.SENTENCES + said_feeds.SENTENCES + said_gateways.SENTENCES
    + upkeep_words.SENTENCES + unique_amount_words.SENTENCES
)  # fmt: skip
_PLACE: Final = re.compile(r"%\(\w+\)s")
_VAGUE: Final = 5
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
    found = recognised(text)
    # "%(name)s: %(why)s." fits nearly everything; two sentences one behind the other are better taken apart first.
    if found is not None and (". " not in text or len(_PLACE.sub("", found.text)) > _VAGUE):
        return gettext(found.text) % {name: _spoken(value, depth - 1) for name, value in found.params.items()}
    if lane := _LANE.match(text):
        return lane[0] + _spoken(text[lane.end() :], depth)
    parts = text.split("; ")
    if len(parts) > 1:
        return "; ".join(_spoken(part, depth - 1) for part in parts)
    # What is wrong and how to mend it, one behind the other; the first may have got its full stop only by that.
    message, stop, cure = text.partition(". ")
    if not stop:
        return text
    said = _spoken(f"{message}.", depth - 1)
    return f"{_spoken(message, depth - 1) + '.' if said == f'{message}.' else said} {_spoken(cure, depth - 1)}"
