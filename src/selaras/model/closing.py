"""Up to which day the books are closed.

Books connectors that can tell it declare the source kind `closing`; `changed` and `read` then give the one record of
that kind, whose id is "closing".
"""

from __future__ import annotations

import datetime as dt

import msgspec

CLOSING = "closing"


class Closing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last day of the closed periods (a day of the books); None when every day is open."""

    closed_until: dt.date | None = None
    id: str = CLOSING
