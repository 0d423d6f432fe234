"""What accepted links have taught the matcher, for each set of books: learnt anew with every hundredth link."""

from __future__ import annotations

import msgspec

from selaras.ledger import Ledger
from selaras.rules.matching import Parameters
from selaras.rules.matching.learning import Accepted, learnt

PARAMETERS = "matching"
_STEP = 100


class Learnt(msgspec.Struct, frozen=True):
    """Parameters and the number of links that they were learnt from."""

    links: int
    parameters: Parameters


def parameters_of(ledger: Ledger, books: str) -> Parameters:
    """The parameters in force: learnt ones, else those that are shipped."""
    found = _stored(ledger, books)
    return found.parameters if found is not None else Parameters()


def learn(ledger: Ledger, books: str, now: int) -> bool:
    """Learn from the links that hold, when there are enough new ones. In a transaction. True if something changed."""
    links = ledger.allocations.count_live(books)
    before = _stored(ledger, books)
    if links // _STEP == (before.links // _STEP if before is not None else 0):
        return False
    made = Learnt(links, learnt(Accepted(*one) for one in ledger.allocations.shapes(books)))
    ledger.connections.set(f"{PARAMETERS}:{books}", msgspec.json.encode(made).decode(), now)
    return True


def _stored(ledger: Ledger, books: str) -> Learnt | None:
    text = ledger.connections.setting(f"{PARAMETERS}:{books}")
    return msgspec.json.decode(text, type=Learnt) if text else None
