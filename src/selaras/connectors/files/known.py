"""What the books' own files say, so that nothing is written that they cannot take."""

from __future__ import annotations

import msgspec


class Known(msgspec.Struct, frozen=True):
    """Codes of products (in the books; with stock in the store), ids of contacts and orders; None: nobody says."""

    products: frozenset[str] | None = None
    contacts: frozenset[str] | None = None
    shelf: frozenset[str] | None = None
    orders: frozenset[str] | None = None
