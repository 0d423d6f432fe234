"""Our own database: records, postings, links, coverage, and the few operations on them.

`Ledger` ties them together and `Desk` runs them, one at a time, in the one thread that owns the connection.
"""

from selaras.ledger.ledger import Desk, Ledger, open_ledger

__all__ = ["Desk", "Ledger", "open_ledger"]
