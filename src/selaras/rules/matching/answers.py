"""What is said of a line: the pairs of an answer, how sure it is, and what speaks for it."""

from __future__ import annotations

from typing import NamedTuple

from selaras.rules.matching.amounts import OTHER
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.rates import NAME_MASKED, NAME_OTHER, NAME_PART, NAME_WHOLE
from selaras.rules.matching.reading import CORE, SLIP


class Answer(NamedTuple):
    """A line pays some orders: `pairs` of (line, order, amount), rows of the pool; `chance` is 0 to 1."""

    chance: float
    pairs: list[tuple[int, int, int]]
    kind: str
    why: tuple[str, ...]


def why(seen: Evidence, row: int) -> tuple[str, ...]:
    """What speaks for a pair, in the words that `Link.evidence` has."""
    reference, name = int(seen.reference[row]), int(seen.name[row])
    said = []
    if reference >= CORE:
        said.append("reference")
    elif reference == SLIP:
        said.append("reference_slip")
    if name == NAME_WHOLE:
        said.append("name")
    elif name in (NAME_PART, NAME_MASKED):
        said.append("name_part")
    elif name == NAME_OTHER:
        said.append("other_payer")
    said.append("amount" if int(seen.kind[row]) != OTHER else "amount_differs")
    return tuple(said)
