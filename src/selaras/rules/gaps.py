"""Which words of a mapping a stopped record asks for, read back from what it was stopped with. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from selaras.rules.mapper import MISSING_CURE, UNFIT_CURE
from selaras.rules.mapping import ANY
from selaras.rules.stream import NO_ACCOUNT, NO_ROLE

_VALUE: Final = r"=(?:TAX|WAREHOUSE|VALUE|ACCOUNT)"
_CHOICE: Final = re.compile(rf"'(.+?){_VALUE}'(?= |$)|(\S+?){_VALUE}(?= |$)")


def asked_for(message: str, cure: str) -> tuple[str, ...]:
    """Words of the mapping that would let a record go on: ("account:sales", "tax:11@ID").

    None for a text of somebody else: connectors have settings of their own for which they stop a record. A tax whose
    rate the store does not say is "tax:RATE".
    """
    for sentence in (MISSING_CURE, UNFIT_CURE):
        found = sentence.read(cure)
        if found is not None:
            return tuple(quoted or plain for quoted, plain in _CHOICE.findall(found.params["choices"]))
    found = NO_ACCOUNT.read(message)
    if found is not None:
        method = found.params["method"]
        return (f"method:{ANY if method == '?' else method}",)
    found = NO_ROLE.read(message)
    return () if found is None else (f"account:{found.params['role']}",)


def answered_by(word: str, named: Iterable[str]) -> str:
    """The word of the mapping that decides what `word` means: the narrowest that is `named`, else the widest.

    An order to Jakarta asks for tax:11@ID-JK; tax:11@ID answers it, and so does tax:11.
    """
    there = set(named)
    family, _colon, rest = word.partition(":")
    if family == "tax":
        rate, _at, place = rest.partition("@")
        wider = [word, f"tax:{rate}@{place.partition('-')[0]}", f"tax:{rate}"]
        return next((one for one in wider if one in there), wider[-1])
    if family == "warehouse":
        return word if word in there else f"warehouse:{ANY}"
    if family == "method" and word not in there:
        folded = {one.casefold(): one for one in sorted(there, reverse=True) if one.startswith("method:")}
        return folded.get(word.casefold()) or (f"method:{ANY}" if f"method:{ANY}" in there else word)
    return word
