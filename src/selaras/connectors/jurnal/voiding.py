"""Taking back: `DELETE` of receive payments, order payments, deposits and journal entries.

A deleted payment leaves its invoice open. Of what is gone already nothing is left to take back, so a repeat after a
lost answer is done.
"""

from __future__ import annotations

from typing import Final

from selaras.connectors.addresses import segment
from selaras.connectors.contract import Done, Failed, LockedPeriod, Outcome, Rejected, Write
from selaras.connectors.jurnal import errors
from selaras.connectors.jurnal.client import Client, content_of
from selaras.connectors.jurnal.looking import Finder
from selaras.connectors.jurnal.mapping import PAYMENTS
from selaras.connectors.jurnal.values import API, JOURNAL_ENTRY, Spec

MONEY: Final = frozenset({"receipt", "journal"})


def place_of(kind: str, id: str) -> tuple[Spec, str]:
    """Where a document of money lies: its kind in Jurnal and its id there. Raises `Rejected` for no id of ours."""
    spec, bare = (PAYMENTS.get(id[:1]), id[1:]) if kind == "receipt" else (JOURNAL_ENTRY, id)
    if spec is None or not bare.isdecimal():
        raise Rejected(
            f"Jurnal has no {kind} with the id {id}", code="not_found", field="id",
            cure="The document is gone from Jurnal: link another one or create it anew.",
        )  # fmt: skip
    return spec, bare


async def take_back(client: Client, finder: Finder, kind: str, write: Write) -> Outcome:
    """Delete one document of money. Raises `ConnectorError` for trouble on the way."""
    spec, id = place_of(kind, write.id)
    what = f"{kind} {getattr(write.document, 'reference', '') or write.id}"
    answer = await client.send("DELETE", f"{API}/{spec.path}/{segment(id)}")
    if answer.status < 300 or (answer.status == 404 and await finder.one(spec, id) is None):
        return Done(write.id, status="void")
    error = errors.error_of(answer.status, content_of(answer), what)
    if isinstance(error, LockedPeriod) or answer.status != 422:
        return Failed(error)
    cure = "Take the payment off in Jurnal by hand, then retry."
    return Failed(Rejected(error.message, code="not_voidable", field="status", cure=cure, status=answer.status))
