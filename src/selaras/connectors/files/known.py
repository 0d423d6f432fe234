"""What the books' own files say, so that nothing is written that they cannot take."""

from __future__ import annotations

import msgspec


class Known(msgspec.Struct, frozen=True):
    """Codes of products and ids of contacts; None where there is no file that says so."""

    products: frozenset[str] | None
    contacts: frozenset[str] | None
