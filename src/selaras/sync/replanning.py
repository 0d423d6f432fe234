"""Applying a plan: records are marked to be planned again, and what follows is posted by the running engine."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.sync.finding import one_record, pair_of


class Replanned(msgspec.Struct, frozen=True):
    """How many records of a store will be planned again."""

    store: str
    records: int


def replan(
    ledger: Ledger,
    store: str | None = None,
    *,
    names: Sequence[str] = (),
    first: str | None = None,
    last: str | None = None,
    everything: bool = False,
) -> Replanned:
    """Plan records again although they did not change, because a rule did (X3: look at `plan` first).

    Raises `LedgerError` when nothing was chosen, for an unknown name, and when there is no such pair.
    """
    pair = pair_of(ledger, store)
    if names:
        keys = [one_record(ledger, name, "order", pair.store).key for name in dict.fromkeys(names)]
    elif first or last or everything:
        keys = [record.key for record in ledger.records.on_days(pair.store, "order", first or "", last or "9999")]
    else:
        raise LedgerError("Nothing was chosen.", "Name orders, or choose with --from, --to or --all.")
    with ledger.transaction():
        ledger.records.replan(keys)
    return Replanned(pair.store, len(keys))
