"""What the books' own files say, so that nothing is written that they cannot take."""

from __future__ import annotations

import msgspec

from selaras.connectors.contract import Transient


class Known(msgspec.Struct, frozen=True):
    """Codes of products (in the books; with stock in the store), ids of contacts and orders; None: nobody says.

    `unread` is a file that may hold more of them, with why it was not read yet.
    """

    products: frozenset[str] | None = None
    contacts: frozenset[str] | None = None
    shelf: frozenset[str] | None = None
    orders: frozenset[str] | None = None
    unread: str = ""


def not_read(why: str) -> Transient:
    """What is asked for may stand in a file that waits."""
    return Transient(why, code="not_ready", cure="Close it, or take it out of in/.")
