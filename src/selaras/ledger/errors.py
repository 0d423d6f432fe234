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


class DataDirectoryUnusable(LedgerError):
    """The data directory cannot be made or entered."""


class DiskFull(LedgerError):
    """The disk of the data directory is full; the transaction was rolled back, nothing is lost."""


class DatabaseDamaged(LedgerError):
    """The database file cannot be read."""


class DatabaseUnreachable(LedgerError):
    """The PostgreSQL server does not answer; the next use of the ledger tries again."""


class ReadOnly(LedgerError):
    """The database was opened for reading, or its file may not be written."""


class NewerSchema(LedgerError):
    """The database was written by a newer Selaras."""


class OlderSchema(LedgerError):
    """The database was opened for reading before this Selaras has brought it up to date."""


class ConstraintBroken(LedgerError):
    """A constraint of the tables refused a row that must not be; the transaction is to be rolled back."""


class LinkTaken(LedgerError):
    """The document belongs to another record already, or the record to another document."""


class PlanOutOfDate(LedgerError):
    """Another worker changed the rows between reading and writing; read again and plan anew."""
