"""What Tryton's refusals mean. It has one class of error for all of them, so the sentence decides.

The sentences are those of trytond 8.2 in English (the connector asks for English in every call), from the
`message.xml` of the modules account, account_invoice, stock and ir.
"""

from __future__ import annotations

import re
from typing import Any, Final

from selaras.connectors.contract import ConnectorError, LockedPeriod, Rejected

_LONGEST: Final = 400
_PERIOD: Final = re.compile(
    r"must reopen the (?:period|fiscal year)|in closed period|closed journal-period|you must reopen period",
    re.IGNORECASE,
)
_NO_YEAR: Final = re.compile(r"must create a (?:period|fiscal year) for the date", re.IGNORECASE)
_RIGHTS: Final = re.compile(
    r"not allowed to (?:access|create|delete|read|write)|not allowed to modify the field \"[^\"]*\" of|"
    r"Calling button .* is not allowed"
)
_GONE: Final = re.compile(r"does not exist|don't exist|no longer exist", re.IGNORECASE)
_UNIQUE: Final = re.compile(r"must be unique", re.IGNORECASE)
_STATE: Final = re.compile(r'You can not call "', re.IGNORECASE)
_MODIFY: Final = re.compile(
    r"you cannot modify|cannot delete|because it is posted|not allowed to modify the field .* in record", re.IGNORECASE
)
_ACCOUNT: Final = re.compile(
    r"account (?:expense|revenue|receivable)|missing .*account|define .* account", re.IGNORECASE
)
_UNIT: Final = re.compile(r"number of digits", re.IGNORECASE)

CLOSED_CURE: Final = "Open the period in Tryton (Financial > Configuration > Fiscal Years), or choose a later date."


def sentence(message: str) -> str:
    """A refusal as one line of bounded length."""
    text = " ".join(str(message).replace("\xa0", " ").split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def refusal(what: str, message: str) -> ConnectorError:
    """The error for a `UserError` on `what` (a document, or a call)."""
    text = sentence(message)
    told = f"{what}: {text}" if what else text
    if _PERIOD.search(text):
        return LockedPeriod(told, code="period_closed", field="date", cure=CLOSED_CURE)
    if _NO_YEAR.search(text):
        cure = "Create the fiscal year and its periods in Tryton (Financial > Configuration > Fiscal Years)."
        return Rejected(told, code="no_fiscal_year", field="date", cure=cure)
    if _RIGHTS.search(text):
        cure = "Give the user of this connection the groups named in the README (Administration > Users)."
        return Rejected(told, code="no_rights", cure=cure)
    if _GONE.search(text):
        return Rejected(told, code="not_found", cure="It is gone from the books: link another record, then retry.")
    if _UNIT.search(text):
        cure = "Allow this many decimals in Tryton (on the unit of measure, or in the price's precision)."
        return Rejected(told, code="not_exact", field="lines", cure=cure)
    if _UNIQUE.search(text):
        return Rejected(told, code="not_unique", cure="Link the record that is there already, or change its code.")
    if _ACCOUNT.search(text):
        cure = "Complete the accounts of the product's category or of the configuration in Tryton."
        return Rejected(told, code="missing_account", cure=cure)
    if _STATE.search(text) or _MODIFY.search(text):
        cure = "Somebody took this document further in Tryton: finish or credit it there, then retry or skip."
        return Rejected(told, code="wrong_state", cure=cure)
    return Rejected(
        told, code="refused", cure="Open the document in Tryton, correct what the message names, then retry."
    )


class Warned(Exception):
    """Tryton asks before it goes on. `key` is the name to skip; it never leaves this folder."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


def raise_for(error: Any, what: str) -> None:
    """Raise what a JSON-RPC `error` means: `Warned`, or a `ConnectorError`."""
    name, details = "", None
    if isinstance(error, list) and error:
        name = str(error[0])
        details = error[1] if len(error) > 1 else None
    first = details[0] if isinstance(details, list) and details else ""
    if name == "UserWarning" and isinstance(details, list) and len(details) > 1:
        raise Warned(str(first), sentence(details[1]))
    if name == "UserError":
        raise refusal(what, str(first))
    if name == "ConcurrencyException":
        cure = "Somebody is changing this record in Tryton: retry."
        raise Rejected(f"{what}: the record was changed meanwhile", code="changed_meanwhile", cure=cure)
    # An exception inside Tryton: its transaction was rolled back, so nothing happened.
    told = sentence(name) or "no reason given"
    raise Rejected(f"{what}: Tryton failed with {told}", code="server_error", cure="Look into the log of trytond.")
