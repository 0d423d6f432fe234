"""Our documents as Jurnal's bodies."""

from __future__ import annotations

from typing import Any

from selaras.connectors.contract import Rejected
from selaras.connectors.entries import no_exchange, no_write_offs
from selaras.connectors.jurnal.chart import Chart
from selaras.connectors.jurnal.lines import priced
from selaras.connectors.jurnal.values import (
    BANK_DEPOSIT,
    BANK_WITHDRAWAL,
    CUSTOMER,
    SALES_INVOICE,
    SALES_ORDER,
    Spec,
    custom_id,
)
from selaras.model.document import ContactDraft, Invoice, Receipt, RefundPayment, SalesOrder

METHOD = "Selaras"


def display_name(draft: ContactDraft) -> str:
    """What Jurnal calls the buyer. Names of contacts are unique there, those of buyers are not: a sign is added."""
    sign = draft.phone or draft.email or draft.reference
    return f"{draft.name} ({sign})" if sign and sign != draft.name else draft.name


async def contact(draft: ContactDraft, chart: Chart, *, new: bool) -> dict[str, Any]:
    """A customer. The two accounts are required in batches."""
    body: dict[str, Any] = {"display_name": display_name(draft), "first_name": draft.name}
    if draft.email:
        body["email"] = draft.email
    if draft.phone:
        body["phone"] = body["mobile"] = draft.phone
    if new:
        body["custom_id"] = custom_id(CUSTOMER.mark, draft.reference)
        # Kept so that the reference can be read back, whatever signs it has.
        body["other_detail"] = draft.reference
        for name, role in (("default_ar_account", "receivable"), ("default_ap_account", "payable")):
            account = await chart.role_account(role)
            body[f"{name}_id"], body[f"{name}_name"] = int(account.id), account.name
    return body


def person(id: str) -> int:
    """The id of a contact as Jurnal wants it. Raises `Rejected`."""
    if not id.isdecimal():
        raise Rejected(
            f"Jurnal has no contact with the id {id!r}", code="unknown_contact", field="contact_id",
            cure="Link the buyer to a contact that exists in Jurnal.",
        )  # fmt: skip
    return int(id)


async def _sale(document: SalesOrder | Invoice, spec: Spec, chart: Chart) -> dict[str, Any]:
    lines = await priced(document.lines, document.currency, document.tax_included, chart)
    if not lines:
        raise Rejected(
            f"{document.reference} has no line that Jurnal could book", code="no_lines", field="lines",
            cure="Skip this order, or book it in Jurnal by hand.",
        )  # fmt: skip
    if document.currency != chart.currency:
        raise Rejected(
            f"{document.reference} is in {document.currency}, and this connection writes {chart.currency}",
            code="unknown_currency", field="currency", cure="Book it in Jurnal by hand, then link it.",
        )  # fmt: skip
    body: dict[str, Any] = {
        "transaction_date": document.date.isoformat(),
        "due_date": document.date.isoformat(),
        "transaction_no": document.reference,
        "reference_no": document.reference,
        "custom_id": custom_id(spec.mark, document.reference),
        "person_id": person(document.contact_id),
        "use_tax_inclusive": True,
        "tax_after_discount": True,
        "source": "selaras",
        "transaction_lines_attributes": [line.wire() for line in lines],
    }
    if warehouse := await chart.warehouse({line.warehouse for line in document.lines}):
        body["warehouse_id"] = int(warehouse)
    if tags := await chart.tag_names(document.dimensions):
        body["tags"] = tags
    return body


async def sales_order(document: SalesOrder, chart: Chart) -> dict[str, Any]:
    """A sales order."""
    body = await _sale(document, SALES_ORDER, chart)
    if document.note:
        body["memo"] = document.note
    if document.tracking:
        body["is_shipped"], body["tracking_no"], body["ship_via"] = True, document.tracking, document.courier
    return body


async def invoice(document: Invoice, chart: Chart, *, of_order: bool) -> dict[str, Any]:
    """A sales invoice, made of its sales order where that is still open."""
    if document.receivable:
        own, wanted = await chart.role_account("receivable"), await chart.account(document.receivable, "receivable")
        if own.id != wanted.id:
            raise Rejected(
                f"Jurnal takes the receivable account from the customer, not from {document.reference}",
                code="account_of_customer", field="receivable",
                cure="Choose that account in the setting 'account_receivable', or take it out of the mapping.",
            )  # fmt: skip
    body = await _sale(document, SALES_INVOICE, chart)
    if of_order and document.sales_order_id.isdecimal():
        body["selected_po_id"] = int(document.sales_order_id)
    return body


async def money_in(document: Receipt, chart: Chart, spec: Spec, target: str) -> dict[str, Any]:
    """Money received: for an invoice or a sales order (whose number is `target`), or from a contact alone."""
    no_write_offs(document)
    no_exchange(document)
    account = await chart.account(document.account)
    body: dict[str, Any] = {
        "transaction_date": document.date.isoformat(),
        "custom_id": custom_id(spec.mark, document.reference),
        "deposit_to_name": account.name,
        "deposit_to_id": int(account.id),
        "memo": document.reference,
    }
    if spec is BANK_DEPOSIT:
        owed = await chart.role_account("deposit")
        body["person_id"] = person(document.contact_id)
        body["transaction_account_lines_attributes"] = [
            {"account_id": int(owed.id), "account_name": owed.name, "description": document.reference,
             "credit": document.total}
        ]  # fmt: skip
    else:
        body["payment_method_name"] = METHOD
        body["records_attributes"] = [{"transaction_no": target, "amount": document.total}]
    if tags := await chart.tag_names(document.dimensions):
        body["tags"] = tags
    return body


async def money_out(document: RefundPayment, chart: Chart) -> dict[str, Any]:
    """Money given back: a withdrawal against what is owed to the customer."""
    account = await chart.account(document.account)
    owed = await chart.role_account("receivable" if document.credit_note_id else "deposit")
    body: dict[str, Any] = {
        "transaction_date": document.date.isoformat(),
        "custom_id": custom_id(BANK_WITHDRAWAL.mark, document.reference),
        "refund_from_name": account.name,
        "refund_from_id": int(account.id),
        "person_id": person(document.contact_id),
        "memo": document.reference,
        "transaction_account_lines_attributes": [
            {"account_id": int(owed.id), "account_name": owed.name, "description": document.reference,
             "debit": document.total}
        ],
    }  # fmt: skip
    if tags := await chart.tag_names(document.dimensions):
        body["tags"] = tags
    return body
