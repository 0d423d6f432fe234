"""What a store, books, gateway or bank feed can do, as typed capabilities.

One shape for all: a connector is a *source* (records are read from it), a *target* (documents are written into it), or
both. Everything that a flow may ask of a system stands in these modules; everything vendor-specific ends behind them.
"""

from selaras.connectors.contract.capabilities import Capabilities, Idempotency, Rate
from selaras.connectors.contract.connector import (
    BadSignature,
    Changes,
    Check,
    Connector,
    ConnectorType,
    Finding,
    Hint,
    Positioned,
    Seen,
    Setting,
    Settings,
    Tools,
    Webhook,
)
from selaras.connectors.contract.errors import (
    Ambiguous,
    ConnectorError,
    Expired,
    LockedPeriod,
    Rejected,
    Stale,
    Throttled,
    Transient,
)
from selaras.connectors.contract.outcomes import Done, Failed, Found, Op, Outcome, Write

__all__ = [
    "Ambiguous",
    "BadSignature",
    "Capabilities",
    "Changes",
    "Check",
    "Connector",
    "ConnectorError",
    "ConnectorType",
    "Done",
    "Expired",
    "Failed",
    "Finding",
    "Found",
    "Hint",
    "Idempotency",
    "LockedPeriod",
    "Op",
    "Outcome",
    "Positioned",
    "Rate",
    "Rejected",
    "Seen",
    "Setting",
    "Settings",
    "Stale",
    "Throttled",
    "Tools",
    "Transient",
    "Webhook",
    "Write",
]
