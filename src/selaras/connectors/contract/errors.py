"""The few kinds of error. The kind alone decides what happens next; the text is for people.

`Transient`    nothing happened at the other side; try again later.
`Throttled`    nothing happened; wait `retry_after` seconds, the whole credential pauses.
`Ambiguous`    it may have happened; look before repeating.
`Rejected`     this record is wrong; block it, naming field and cure.
`Stale`        a compare-and-set write met a newer version; read again and work the value out anew.
`Expired`      sign in again (silent refreshes have failed).
`LockedPeriod` the period of the document's date is closed; the lock-date policy decides.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Base of all; `code` is stable and groups equal causes, `message` is one sentence for a person."""

    kind = "transient"

    def __init__(self, message: str, *, code: str = "", field: str = "", cure: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.kind
        self.field = field
        self.cure = cure
        self.status = status


class Transient(ConnectorError):
    """Certainly nothing happened (connection refused, name not found, 5xx on a read)."""

    kind = "transient"


class Throttled(ConnectorError):
    """Too many calls; nothing happened. `retry_after` is in seconds."""

    kind = "throttled"

    def __init__(self, message: str, *, retry_after: float, code: str = "", status: int = 429) -> None:
        super().__init__(message, code=code, status=status)
        self.retry_after = retry_after


class Ambiguous(ConnectorError):
    """The call may have taken effect (timeout, reset, 5xx on a write)."""

    kind = "ambiguous"


class Rejected(ConnectorError):
    """The other side refuses this record as it is."""

    kind = "rejected"


class Stale(ConnectorError):
    """The version that a compare-and-set write expected is no longer the current one."""

    kind = "stale"


class Expired(ConnectorError):
    """The grant is gone: a person has to connect again."""

    kind = "expired"


class LockedPeriod(ConnectorError):
    """The books are closed for the document's date."""

    kind = "locked_period"
