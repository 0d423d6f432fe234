"""What Frappe's refusals mean.

A refusal is JSON with `exc_type` and `_server_messages` under 401, 403, 404, 409, 417, 429 or 500: the class of the
exception says more than the status, and one class (ValidationError, 417) stands for most of what ERPNext refuses, so
its English sentence decides there (reference/observed.md, "Errors: status codes are not a taxonomy"; the sentences are
those of erpnext 15: general_ledger.py, sales_order.py, selling_controller.py, payment_entry.py). Frappe rolls the
transaction back when an exception leaves the request (frappe/app.py), so whoever is refused has changed nothing.
"""

from __future__ import annotations

import html
import re
from typing import Any, Final

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import ConnectorError, LockedPeriod, Rejected, Transient

_LONGEST: Final = 400
_TAGS: Final = re.compile(r"<[^>]*>")
_FROZEN: Final = re.compile(
    r"not authorized to add or update entries before|with ?in the closed Accounting Period|"
    r"closed (?:the )?(?:accounting )?period|Books have been closed till|Period Closing Voucher|"
    r"accounts are frozen|frozen (?:up ?to|till)|Stock transactions before .* are frozen",
    re.IGNORECASE,
)
_TAKEN: Final = re.compile(r"^Sales Order (\S+) already exists against Customer's Purchase Order", re.IGNORECASE)
_ALREADY: Final = re.compile(r"already (?:fully )?reconciled", re.IGNORECASE)
_SHORT: Final = re.compile(r"units of .* needed in|not (?:available|enough).*stock|negative stock", re.IGNORECASE)
_ALLOCATED: Final = re.compile(r"Allocated Amount cannot be greater|Paid Amount cannot be greater", re.IGNORECASE)
_DUPLICATE_ROW: Final = re.compile(r"entered multiple times", re.IGNORECASE)
_TRANSIENT: Final = frozenset(
    (
        "QueryDeadlockError", "QueryTimeoutError", "TimestampMismatchError", "DocumentLockedError", "SessionStopped",
        "InReadOnlyMode", "LockTimeoutError", "TooManyWritesError",
    )
)  # fmt: skip

CLOSED_CURE: Final = (
    "Open the period in ERPNext (Accounts Settings, Accounting Period), or let the lock-date policy take a later day."
)
RIGHTS_CURE: Final = "Give the user of this connection the roles named in the README (User > Roles)."
LOOK_CURE: Final = "Open the document in ERPNext, correct what the message names, then retry."
_BY_CLASS: Final = {
    "PermissionError": ("no_rights", RIGHTS_CURE),
    "DoesNotExistError": ("not_found", "It is gone from ERPNext: link another record, or create it there, then retry."),
    "LinkValidationError": ("not_found", "Create in ERPNext what the message names, or choose another in the mapping."),
    "DuplicateEntryError": ("not_unique", "Link the record that is there already, or change its code."),
    "UniqueValidationError": ("not_unique", "Link the record that is there already, or change its code."),
    "MandatoryError": ("missing_field", "Fill the default that the message names in ERPNext, then retry."),
    "FiscalYearError": ("no_fiscal_year", "Create the fiscal year in ERPNext (Accounting > Fiscal Year)."),
    "LinkExistsError": (
        "document_locked",
        "Switch on 'Unlink Advance Payment on Cancellation of Order' in Accounts Settings of ERPNext.",
    ),
    "UpdateAfterSubmitError": ("document_locked", "Submitted documents of ERPNext cannot change: credit it instead."),
    "NegativeStockError": ("insufficient_stock", "Receive or count the goods in ERPNext, then retry."),
    "StockOverReturnError": ("exceeds_invoice", "Compare the credit notes on this invoice with the refunds."),
    "InvalidPaymentEntry": ("exceeds_credit", "Compare the money given back with the credit notes of the customer."),
    "ClosedAccountingPeriod": ("period_closed", CLOSED_CURE),
    "StockFreezeError": ("period_closed", CLOSED_CURE),
}
_LOCKED: Final = frozenset(("ClosedAccountingPeriod", "StockFreezeError", "PeriodClosed", "PeriodClosingVoucherError"))


class Refusal(msgspec.Struct, frozen=True):
    """The body of a refusal as Frappe writes it."""

    exc_type: str = ""
    exception: str = ""
    sentence: str = ""


def plain(text: Any) -> str:
    """One line without markup, of bounded length."""
    told = " ".join(html.unescape(_TAGS.sub(" ", str(text))).split())
    return told if len(told) <= _LONGEST else told[: _LONGEST - 1] + "…"


def read(answer: Response) -> Refusal | None:
    """The refusal that a body tells of, None when Frappe did not write it."""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("exc_type"), str):
        return None
    exception = str(body.get("exception") or "")
    said = _messages(body.get("_server_messages")) or plain(body.get("_error_message") or "")
    return Refusal(body["exc_type"], exception, said or plain(exception.partition(":")[2]) or plain(exception))


def _messages(packed: Any) -> str:
    """`_server_messages` is a JSON list of JSON objects; the one that was raised, else the last."""
    try:
        found = [msgspec.json.decode(one) for one in msgspec.json.decode(packed or "[]")]
    except (msgspec.DecodeError, TypeError):
        return ""
    told = [one for one in found if isinstance(one, dict) and one.get("message")]
    raised = [one for one in told if one.get("raise_exception")] or told
    return plain(raised[-1]["message"]) if raised else ""


def error_of(refusal: Refusal, status: int, what: str) -> ConnectorError:
    """The error for a refusal of `what` (a document, or a call)."""
    told = f"{what}: {refusal.sentence}" if what else refusal.sentence
    told = told or f"ERPNext refused the request (HTTP {status})"
    kind, said = refusal.exc_type, refusal.sentence
    if kind in _TRANSIENT:
        return Transient(told, code="busy", status=status)
    if kind in _LOCKED or _FROZEN.search(said):
        return LockedPeriod(told, code="period_closed", field="date", cure=CLOSED_CURE, status=status)
    if _TAKEN.search(said):
        cure = "Link the order that is there already, or give this one another reference."
        return Rejected(told, code="duplicate_reference", field="reference", cure=cure, status=status)
    if _SHORT.search(said):
        code, cure = _BY_CLASS["NegativeStockError"]
        return Rejected(told, code=code, field="lines", cure=cure, status=status)
    if _ALREADY.search(said):
        cure = "Look in ERPNext which voucher explains this bank line, then skip this posting."
        return Rejected(told, code="already_reconciled", field="bank_transaction_id", cure=cure, status=status)
    if _ALLOCATED.search(said):
        cure = "Look at the payments of this invoice in ERPNext; book the surplus without a reference."
        return Rejected(told, code="overpayment", field="total", cure=cure, status=status)
    if _DUPLICATE_ROW.search(said):
        cure = "Switch on 'Allow Item to be Added Multiple Times in a Transaction' in Selling Settings."
        return Rejected(told, code="refused", field="lines", cure=cure, status=status)
    if kind in _BY_CLASS:
        code, cure = _BY_CLASS[kind]
        return Rejected(told, code=code, cure=cure, status=status)
    if status >= 500:
        return Rejected(told, code="server_error", cure="Look into the Error Log of ERPNext.", status=status)
    return Rejected(told, code="refused", cure=LOOK_CURE, status=status)


def taken_by(error: ConnectorError) -> bool:
    """Whether a refusal says that a sales order with this reference exists."""
    return error.code == "duplicate_reference"
