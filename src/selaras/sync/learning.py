"""What accepted links have taught the matcher, for each set of books."""

from __future__ import annotations

import msgspec

from selaras.ledger import Ledger
from selaras.rules.matching import Parameters

PARAMETERS = "matching"


def parameters_of(ledger: Ledger, books: str) -> Parameters:
    """The parameters in force: learnt ones, else those that are shipped."""
    return msgspec.json.decode(ledger.connections.setting(f"{PARAMETERS}:{books}", "{}"), type=Parameters)
