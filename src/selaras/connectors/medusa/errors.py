"""Medusa's refusals as our kinds of error: `{type, message, code?}` (utils/common/errors of @medusajs/framework)."""

from __future__ import annotations

from typing import Final

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import ConnectorError, Rejected, Transient

_RECORD: Final = "Look at the record in Medusa's admin, correct it, then try again."
_CURES: Final = {
    "not_found": "Look whether it was deleted in Medusa.",
    "not_allowed": "Look at the record in Medusa's admin: its state does not allow this any more.",
    "unauthorized": "Make a secret key under Settings, Secret API Keys in Medusa's admin, and enter it.",
}


class Refusal(msgspec.Struct):
    """The store's error body."""

    type: str = ""
    message: str = ""
    code: str | None = ""


def refusal_of(answer: Response) -> Refusal | None:
    """What Medusa says about a refusal; None when the answer is not its own."""
    try:
        found = msgspec.json.decode(answer.body, type=Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if found.type or found.message else None


def refused(answer: Response) -> ConnectorError:
    """An answer above 299 as what it means; 401, 429 and 5xx were dealt with before."""
    status = answer.status
    if status < 400:
        return Rejected(
            "the store redirects every call to another address",
            code="redirected",
            field="base_url",
            cure="Enter the address of Medusa's server itself, as its admin calls it.",
            status=status,
        )
    refusal = refusal_of(answer)
    if refusal is None:
        return Rejected(
            "the store's address has no admin API of Medusa",
            code="no_admin_api",
            field="base_url",
            cure="Enter the address of Medusa's server (often port 9000), not that of the storefront.",
            status=status,
        )
    if status == 409:
        # Two workflows met on one record; the one that lost has undone its steps.
        return Transient(
            f"the store is changing this record at this moment: {refusal.message}", code="conflict", status=status
        )
    return Rejected(
        refusal.message or f"the store refuses with HTTP {status}",
        code=refusal.type or "refused",
        cure=_CURES.get(refusal.type, _RECORD),
        status=status,
    )
