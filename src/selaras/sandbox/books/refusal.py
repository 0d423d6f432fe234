"""Why an item cannot be kept."""

from __future__ import annotations


class Refused(Exception):
    """An item cannot be kept: a stable code, the field it hangs on, one sentence, and the id that is in its way."""

    def __init__(self, code: str, field: str, message: str, *, id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message
        self.id = id
