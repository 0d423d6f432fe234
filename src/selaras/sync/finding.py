"""Finding what a person means: an order by its number or id, a bank line, a pair by its store."""

from __future__ import annotations

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import StoredRecord
from selaras.sync.hub import Pair
from selaras.sync.installation import pairs_of

KINDS = ("order", "bank_transaction", "receipt", "journal", "purchase")
# A gateway's payment bears the number of its order: it is meant only where nothing else is called so.
_GATEWAY = ("payment", "payout")


def find_records(
    ledger: Ledger, name: str, kind: str | None = None, connection: str | None = None
) -> list[StoredRecord]:
    """Every record that is called `name` (number or id; "connection:name" narrows it), orders first."""
    found = _named(ledger, name, kind, connection)
    prefix, colon, rest = name.partition(":")
    if not found and colon and connection is None:
        found = _named(ledger, rest, kind, prefix)
    return found


def _named(ledger: Ledger, name: str, kind: str | None, connection: str | None) -> list[StoredRecord]:
    for kinds in ((kind,),) if kind else (KINDS, _GATEWAY):
        found = [record for what in kinds for record in ledger.records.named(name, what)]
        found = [record for record in found if connection in (None, record.key.connection)]
        if found:
            return found
    return []


def one_record(ledger: Ledger, name: str, kind: str | None = None, connection: str | None = None) -> StoredRecord:
    """The one record called `name`. Raises `LedgerError` when there is none, or several (naming them)."""
    found = find_records(ledger, name, kind, connection)
    if not found:
        what = (kind or "record").replace("_", " ")
        raise LedgerError(
            f"No {what} {name!r} is known.", "Check the number, or run `selaras sweep` to read everything."
        )
    if len(found) > 1:
        names = ", ".join(f"{record.key.connection}:{record.key.id}" for record in found)
        raise LedgerError(f"{name!r} means several records: {names}.", "Write the one you mean like that.")
    return found[0]


def pair_of(ledger: Ledger, store: str | None = None) -> Pair:
    """The pair of a store; without a name the only pair. Raises `LedgerError` naming the stores to choose from."""
    pairs = pairs_of(ledger)
    mine = [pair for pair in pairs if store in (None, pair.store)]
    if len(mine) == 1:
        return mine[0]
    if not pairs:
        raise LedgerError("No store is kept in any books yet.", "Run `selaras pair STORE BOOKS`.")
    names = ", ".join(sorted(pair.store for pair in pairs))
    if not mine:
        raise LedgerError(f"{store!r} is not a store of a pair.", f"Stores: {names}.")
    raise LedgerError("There are several stores.", f"Choose one with --store: {names}.")
