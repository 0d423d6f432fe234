"""What can go wrong with our own database, each with one sentence for a person."""

from __future__ import annotations


class LedgerError(Exception):
    """Base of the ledger's errors; `cure` says how to mend it."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(f"{message} {cure}".strip())
        self.message = message
        self.cure = cure


class DataDirectoryInUse(LedgerError):
    """Another process writes to this data directory."""


class DiskFull(LedgerError):
    """The disk of the data directory is full; the transaction was rolled back, nothing is lost."""


class DatabaseDamaged(LedgerError):
    """The database file cannot be read."""


class NewerSchema(LedgerError):
    """The database was written by a newer Selaras."""


class PlanOutOfDate(LedgerError):
    """Another worker changed a posting between reading and planning; read again and plan anew."""
