"""Our documents as the bodies that Accurate takes; pure. Field names: the vendor's API documentation (`…Param`).

Accurate names everything by number: customers, items, accounts and documents. So does this connector: the id of a
document is its number, and its number is our reference, which Accurate keeps unique for each kind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from selaras.connectors.accurate.lines import Places, rows_of
from selaras.connectors.accurate.values import day_text
from selaras.connectors.contract import Rejected
from selaras.connectors.entries import no_exchange, no_write_offs
from selaras.model.document import (
    ContactDraft,
    CreditNote,
    Invoice,
    Receipt,
    RefundPayment,
    SalesOrder,
)

OURS: Final = "Selaras"
"""How descriptions of our documents begin, so that a list tells them from those of people."""

_DIMENSIONS: Final = ("branch", "department", "project")


class Choices(msgspec.Struct, frozen=True):
    """What the connection was set up with. Accounts are numbers of the chart, "" where none is named."""

    places: Places = Places()
    currency: str = "IDR"
    branch: str = ""
    refunds: str = ""
    deposits: str = ""
    clearing: str = ""
    adjustments: str = ""


def contact_of(draft: ContactDraft, today: dt.date) -> dict[str, Any]:
    """A customer. Empty texts are left out, so that a change keeps what a person wrote in Accurate."""
    body = {"name": draft.name, "transDate": day_text(today), "email": draft.email, "mobilePhone": draft.phone}
    return {name: value for name, value in body.items() if value}


def order_of(order: SalesOrder, choices: Choices) -> dict[str, Any]:
    """A sales order."""
    what = f"sales_order {order.reference}"
    chosen = dimensions_of(what, order.dimensions)
    rows = rows_of(what, order.lines, order.currency, order.tax_included, choices.places, chosen)
    note = " ".join(part for part in (order.courier, order.tracking, order.note) if part)
    return {
        "number": order.reference,
        "customerNo": order.contact_id,
        "transDate": day_text(order.date),
        "currencyCode": order.currency,
        "taxable": rows.taxed,
        "inclusiveTax": rows.taxed,
        "description": described(note or order.reference),
        "detailItem": rows.items,
        "detailExpense": rows.expenses,
    } | branch_of(chosen, choices)


def invoice_of(invoice: Invoice, choices: Choices, *, of_order: bool, deposits: Mapping[str, Any]) -> dict[str, Any]:
    """An invoice. `of_order` lets its rows take the goods off the sales order; `deposits` are set against it."""
    what = f"invoice {invoice.reference}"
    _no_receivable(what, invoice.receivable)
    chosen = dimensions_of(what, invoice.dimensions)
    rows = rows_of(what, invoice.lines, invoice.currency, invoice.tax_included, choices.places, chosen)
    if of_order and invoice.sales_order_id:
        for row in rows.items:
            row["salesOrderNumber"] = invoice.sales_order_id
    return {
        "number": invoice.reference,
        "customerNo": invoice.contact_id,
        "transDate": day_text(invoice.date),
        "currencyCode": invoice.currency,
        "taxable": rows.taxed,
        "inclusiveTax": rows.taxed,
        "description": described(invoice.sales_order_id or invoice.reference),
        "detailItem": rows.items,
        "detailExpense": rows.expenses,
        "detailDownPayment": [
            {"invoiceNumber": number, "paymentAmount": amount} for number, amount in deposits.items()
        ],
    } | branch_of(chosen, choices)


def points_at_order(invoice: Invoice) -> bool:
    """Whether the invoice is the one of its sales order, not a further one (`1001/2` of order `1001`)."""
    order = invoice.sales_order_id
    return bool(order) and not invoice.reference.startswith(f"{order}/")


def return_of(note: CreditNote, choices: Choices) -> dict[str, Any]:
    """A sales return. Money without goods is a return of its own, for an invoice has no such item to take back."""
    what = f"credit_note {note.reference}"
    _no_receivable(what, note.receivable)
    chosen = dimensions_of(what, note.dimensions)
    rows = rows_of(what, note.lines, note.currency, note.tax_included, choices.places, chosen)
    of_invoice = bool(note.invoice_id) and not rows.money_only
    day = day_text(note.date)
    body = {
        "number": note.reference,
        "customerNo": note.contact_id,
        "transDate": day,
        "taxDate": day,
        "taxNumber": "",
        "currencyCode": note.currency,
        "returnType": "INVOICE" if of_invoice else "NO_INVOICE",
        "returnStatusType": "RETURNED" if note.restock else "NOT_RETURNED",
        "taxable": rows.taxed,
        "inclusiveTax": rows.taxed,
        "description": described(" ".join(part for part in (note.invoice_id, note.reason) if part)),
        "detailItem": rows.items,
        "detailExpense": rows.expenses,
    } | branch_of(chosen, choices)
    if of_invoice:
        body["invoiceNumber"] = note.invoice_id
    return body


def receipt_of(receipt: Receipt, choices: Choices, *, invoice: str, amount: Any = None) -> dict[str, Any]:
    """Money received for `invoice`. `amount` is what that invoice takes of it (None: all)."""
    what = f"receipt {receipt.reference}"
    no_write_offs(receipt)
    no_exchange(receipt)
    chosen = dimensions_of(what, receipt.dimensions)
    account = receipt.account
    if receipt.bank_transaction_id:
        # The bank's own entry holds the money already, against the clearing account: from there it goes on.
        account = needed(what, choices.clearing, "account_clearing", "the account that unexplained deposits lie on")
    return {
        "number": receipt.reference,
        "bankNo": needed(what, account, "account", "the bank or clearing account of this way of paying"),
        "chequeAmount": receipt.total,
        "customerNo": receipt.contact_id,
        "transDate": day_text(receipt.date),
        "currencyCode": receipt.currency,
        "detailInvoice": [{"invoiceNo": invoice, "paymentAmount": receipt.total if amount is None else amount}],
        # Buyers pay before the invoice is written.
        "passValidateInvoiceDate": True,
        "description": described(receipt.reference),
    } | branch_of(chosen, choices)


def deposit_of(receipt: Receipt, choices: Choices) -> dict[str, Any]:
    """A down payment (`sales-invoice/create-down-payment.do`) for money that comes before its invoice."""
    chosen = dimensions_of(f"receipt {receipt.reference}", receipt.dimensions)
    return {
        "number": deposit_number(receipt.reference),
        "customerNo": receipt.contact_id,
        "dpAmount": receipt.total,
        "transDate": day_text(receipt.date),
        "currencyCode": receipt.currency,
        "isTaxable": False,
        "poNumber": receipt.sales_order_id,
        "description": described(receipt.sales_order_id or receipt.reference),
    } | branch_of(chosen, choices)


def deposit_number(reference: str) -> str:
    """The number of the down payment that a receipt pays (UM: uang muka)."""
    return f"{reference}/UM"


def payment_of(refund: RefundPayment, choices: Choices) -> dict[str, Any]:
    """Money given back: out of the bank, against the account for refunds or for deposits."""
    what = f"refund_payment {refund.reference}"
    chosen = dimensions_of(what, refund.dimensions)
    if refund.credit_note_id:
        against = needed(what, choices.refunds, "account_refunds", "the account that money given back is booked on")
    else:
        against = choices.deposits or choices.refunds
        against = needed(what, against, "account_deposits", "the account that down payments of customers lie on")
    row = {
        "accountNo": against,
        "amount": refund.total,
        "expenseName": f"Refund {refund.reference}",
        "memo": refund.credit_note_id or refund.sales_order_id,
    }
    return {
        "number": refund.reference,
        "bankNo": needed(what, refund.account, "account", "the account that the money goes back from"),
        "payee": refund.contact_id,
        "transDate": day_text(refund.date),
        "description": described(refund.credit_note_id or refund.sales_order_id or refund.reference),
        "detailAccount": [row],
    } | branch_of(chosen, choices)


def described(text: str) -> str:
    """A description that says whose document it is."""
    return f"{OURS} {text}".strip()


def is_ours(description: str) -> bool:
    """Whether a description is one of ours."""
    return description == OURS or description.startswith(f"{OURS} ")


def branch_of(chosen: Mapping[str, str], choices: Choices) -> dict[str, Any]:
    """The branch of a document, as the mapping or the connection names it; nothing where none is."""
    branch = chosen.get("branch") or choices.branch
    return {"branchName": branch} if branch else {}


def dimensions_of(what: str, pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """What a document is sorted by. Raises `Rejected` for a kind that Accurate does not know."""
    for kind, _value in pairs:
        if kind not in _DIMENSIONS:
            raise Rejected(
                f"{what}: Accurate sorts entries by branch, department and project, not by {kind}",
                code="unknown_dimensions",
                field="dimensions",
                cure="Take this dimension out of the mapping for Accurate.",
            )
    return dict(pairs)


def _no_receivable(what: str, account: str) -> None:
    if account:
        raise Rejected(
            f"{what}: Accurate takes the receivable account from the customer, not from the document",
            code="unknown_receivable",
            field="receivable",
            cure="Leave the receivable account empty in the mapping, and set it at the customer in Accurate.",
        )


def needed(what: str, account: str, field: str, meaning: str) -> str:
    """An account that must be named. Raises `Rejected` naming the setting `field`."""
    if account:
        return account
    raise Rejected(
        f"{what}: {meaning} is not set",
        code="missing_setting",
        field=field,
        cure=f"Name the account ({field}) in the settings of the connection or in the mapping.",
    )
