"""What Jurnal's refusals mean.

Bodies: 422 `{field: text or [text], "error_full_messages": [text]}` or `{"errors": …}`; 409 the same with the `id` of
the document that has the custom id or number already; 400, 403, 404 with `message` or `errors`
(reference/accounting-apis.md §5; fixtures of the official Ruby client). The words for a closed book are not
documented; they are known by their kind.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from selaras.connectors.contract import ConnectorError, Expired, LockedPeriod, Rejected
from selaras.connectors.jurnal.values import Row

_CLOSED: Final = re.compile(
    r"clos\w* (the |of the )?book|book\w* (is|are|has been|have been) closed"
    r"|tutup buku|buku (sudah|telah) ditutup|penutupan buku",
    re.IGNORECASE,
)
_NOT_FIELDS: Final = frozenset({"error_full_messages", "id", "message", "error", "errors", "status"})

_CURES: Final = {
    "unknown_product": "Match this product with one of Jurnal's, or create it there.",
    "unknown_contact": "Link the buyer to a contact that exists in Jurnal.",
    "not_found": "The document is gone from Jurnal: link another one or create it anew.",
    "duplicate": "Link the document that is there already, or give this one another number.",
    "no_rights": "Ask Mekari to give the credential the scopes of Jurnal that are listed in the connector's page.",
    "invalid": "Correct in Jurnal or in the mapping what the message names, then retry.",
    "paid": "Take the payments off the document in Jurnal, or make a credit note.",
    "period": "Reopen the period in Jurnal (Close the Book), or choose a later date.",
}


class Refusal(msgspec.Struct, frozen=True):
    """An error body, read: its texts, the fields it names, and the id of a document that stands in the way."""

    text: str
    fields: tuple[str, ...] = ()
    id: str = ""


def read(content: Any) -> Refusal:
    """An error body in any of Jurnal's forms."""
    if not isinstance(content, dict):
        return Refusal(str(content or "")[:300])
    fields = tuple(str(name) for name in content if name not in _NOT_FIELDS)
    full = content.get("error_full_messages")
    texts = [str(one) for one in full] if isinstance(full, list) else []
    if not texts:
        for name in ("errors", "error", "message"):
            texts += _texts(content.get(name))
    if not texts:
        for name in fields:
            texts += [f"{name} {one}" for one in _texts(content[name])]
    found = content.get("id")
    return Refusal("; ".join(texts)[:300], fields, str(found) if isinstance(found, int) else "")


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name} {one}" for name, part in value.items() for one in _texts(part)]
    if isinstance(value, list):
        return [one for part in value for one in _texts(part)]
    return [str(value)] if value not in (None, "") else []


def kind_of(status: int, said: Refusal) -> str:
    """Our word for a refusal."""
    names = " ".join(said.fields).lower()
    if _CLOSED.search(said.text):
        return "period"
    if status == 404:
        return "not_found"
    if status == 403:
        return "no_rights"
    if status == 409:
        return "duplicate"
    if "product" in names or "product" in said.text.lower():
        return "unknown_product"
    if "person" in names:
        return "unknown_contact"
    if "payment" in said.text.lower() and "delet" in said.text.lower():
        return "paid"
    return "invalid"


def error_of(status: int, content: Row | Any, what: str) -> ConnectorError:
    """The error for a refused document; `what` names it, such as `invoice 1001`."""
    said = read(content)
    kind = kind_of(status, said)
    message = f"Jurnal refuses {what}: {said.text or f'HTTP {status}'}"
    field = said.fields[0] if said.fields else ""
    if kind == "period":
        return LockedPeriod(message, code="period_locked", field=field or "date", cure=_CURES["period"], status=status)
    return Rejected(message, code=kind, field=field, cure=_CURES[kind], status=status)


def expired(name: str) -> Expired:
    """The credential is refused."""
    return Expired(
        f"{name} does not accept the credentials of this connection",
        code="unauthorized",
        cure="Check the key in the settings of the connection, or connect it again.",
        status=401,
    )
