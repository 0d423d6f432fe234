"""Jurnal's JSON as our records; pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import Done, Found, Seen
from selaras.connectors.jurnal.values import (
    BANK_DEPOSIT,
    BANK_WITHDRAWAL,
    CREDIT_MEMO,
    CUSTOMER,
    JOURNAL_ENTRY,
    ORDER_PAYMENT,
    RECEIVE_PAYMENT,
    SALES_INVOICE,
    SALES_ORDER,
    SALES_RETURN,
    Row,
    Spec,
    day,
    inner,
    instant,
    money,
    number,
    reference_of,
)
from selaras.model.document import (
    BankTransaction,
    CreditNote,
    DocumentLine,
    DocumentStatus,
    Invoice,
    Journal,
    JournalLine,
    Purchase,
    Receipt,
    SalesOrder,
)
from selaras.model.money import ZERO
from selaras.model.party import Contact

_RAW: Final = msgspec.json.Encoder(decimal_format="number")
VOID: Final = "[VOID]"
"""Stands before the memo of an order that is void but has payments, which Jurnal does not delete."""
OURS: Final = "Selaras"
"""The source of journal entries that we wrote."""
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def total_of(spec: Spec, row: Row, currency: str) -> Decimal | None:
    """What a document comes to. Payments say `total`, returns `return_amount`, the others `original_amount`."""
    if spec is CUSTOMER:
        return None
    if spec is SALES_RETURN:
        return money(row.get("return_amount"), currency)
    if spec in (BANK_DEPOSIT, BANK_WITHDRAWAL):
        return money(_lines_sum(row), currency)
    if spec is JOURNAL_ENTRY:
        return money(sum((number(line.get("debit")) for line in _account_lines(row)), ZERO), currency)
    value = row.get("original_amount")
    return money(row.get("total") if value is None else value, currency)


def _account_lines(row: Row) -> Sequence[Row]:
    return row.get("transaction_account_lines") or row.get("transaction_account_lines_attributes") or ()


def _lines_sum(row: Row) -> Decimal:
    return sum((number(line.get("debit")) + number(line.get("credit")) for line in _account_lines(row)), ZERO)


def texts_of(row: Row) -> tuple[Any, ...]:
    """Where our reference stands, besides the custom id."""
    return row.get("reference_no"), row.get("transaction_no"), row.get("memo"), row.get("other_detail")


def status_of(row: Row) -> DocumentStatus:
    """Open, paid or void."""
    if row.get("deleted_at") or str(row.get("memo") or "").startswith(VOID):
        return "void"
    name = str(inner(row, "transaction_status").get("name") or "")
    return "paid" if name in ("Paid", "Closed") else "open"


def done_of(spec: Spec, row: Row, currency: str, prefix: str = "", id: str = "") -> Done:
    """A document that stands. Raises `ValueError` when the answer has no id."""
    found = str(row.get("id") or id)
    if not found:
        raise ValueError("it has no id")
    unit = str(row.get("currency_code") or currency)
    return Done(
        prefix + found,
        str(row.get("transaction_no") or row.get("display_name") or ""),
        total_of(spec, row, unit),
        "" if spec is CUSTOMER else unit,
        status_of(row),
    )


def found_of(spec: Spec, row: Row, currency: str, reference: str, prefix: str = "") -> Found:
    """A document under a reference."""
    done = done_of(spec, row, currency, prefix)
    return Found(done.id, reference, done.number, done.total, done.currency, done.status)


# -- records ----------------------------------------------------------------------------------------------------------


def seen(
    kind: str,
    record: Any,
    row: Row,
    on: dt.date | None = None,
    *,
    number: str = "",
    total: Decimal | None = None,
    currency: str = "",
) -> Seen:
    """A row of Jurnal as a record. What has no stamp was changed at the beginning of time."""
    at = instant(row.get("updated_at")) or instant(row.get("created_at")) or EPOCH
    return Seen(kind, record.id, record, _RAW.encode(row), at, on or at.date(), number, total, currency)


def contact(row: Row) -> Contact:
    """A customer; the sign that makes its display name unique is taken off."""
    shown, own = str(row.get("display_name") or ""), str(row.get("first_name") or "")
    name = own if own and shown.startswith(f"{own} (") and shown.endswith(")") else shown
    return Contact(
        id=str(row["id"]),
        name=name,
        email=str(row.get("email") or ""),
        phone=str(row.get("phone") or row.get("mobile") or ""),
        reference=reference_of(CUSTOMER.mark, row, texts_of(row)) if row.get("custom_id") else "",
        updated_at=str(row.get("updated_at") or row.get("created_at") or ""),
        active=not (row.get("archive") or row.get("is_deleted") or row.get("deleted_at")),
    )


def _lines(row: Row, currency: str) -> tuple[DocumentLine, ...]:
    lines = []
    for line in row.get("transaction_lines_attributes") or ():
        product, tax = inner(line, "product"), inner(line, "line_tax")
        amount = money(line.get("amount"), currency)
        rate = number(tax.get("rate")) / 100
        included = bool(row.get("use_tax_inclusive"))
        lines.append(
            DocumentLine(
                code=str(product.get("code") or ""),
                name=str(line.get("description") or product.get("name") or ""),
                quantity=number(line.get("quantity")),
                unit_price=number(line.get("rate")),
                amount=amount,
                tax=money(amount * rate / (1 + rate) if included else amount * rate, currency),
                tax_rate=rate,
                tax_code=str(tax.get("id") or ""),
            )
        )
    return tuple(lines)


def _sale(row: Row, spec: Spec) -> dict[str, Any]:
    currency = str(row.get("currency_code") or "IDR")
    return {
        "reference": reference_of(spec.mark, row, texts_of(row)),
        "date": day(row["transaction_date"]),
        "currency": currency,
        "total": money(row.get("original_amount"), currency),
        "lines": _lines(row, currency),
        "tax_included": bool(row.get("use_tax_inclusive")),
        "contact_id": str(inner(row, "person").get("id") or ""),
        "status": status_of(row),
        "id": str(row["id"]),
        "number": str(row.get("transaction_no") or ""),
        "updated_at": str(row.get("updated_at") or ""),
    }


def sales_order(row: Row) -> SalesOrder:
    """A sales order."""
    return SalesOrder(
        **_sale(row, SALES_ORDER),
        tracking=str(row.get("tracking_no") or ""),
        courier=str(row.get("ship_via") or ""),
        note=str(row.get("memo") or ""),
    )


def invoice(row: Row) -> Invoice:
    """A sales invoice."""
    order = row.get("selected_po_id") or inner(row, "sales_order").get("id")
    return Invoice(**_sale(row, SALES_INVOICE), sales_order_id=str(order or ""))


def receipt(row: Row, spec: Spec = RECEIVE_PAYMENT) -> Receipt:
    """A payment received for an invoice or an order (where it pays several, the first is named), or a deposit."""
    currency = str(row.get("currency_code") or "IDR")
    first: Mapping[str, Any] = next(iter(row.get("records") or ()), {})
    paid = str(first.get("transaction_id") or "")
    return Receipt(
        reference=reference_of(spec.mark, row, texts_of(row)),
        date=day(row["transaction_date"]),
        currency=currency,
        total=total_of(spec, row, currency) or ZERO,
        contact_id=str(inner(row, "person").get("id") or ""),
        sales_order_id=paid if spec is ORDER_PAYMENT else "",
        invoice_id="" if spec is ORDER_PAYMENT else paid,
        account=str(inner(row, "deposit_to").get("id") or ""),
        status=status_of(row),
        id=f"{_PREFIX[spec.mark]}{row['id']}",
        number=str(row.get("transaction_no") or ""),
        updated_at=str(row.get("updated_at") or ""),
    )


def credit_note(row: Row, spec: Spec) -> CreditNote:
    """A credit memo or a sales return."""
    currency = str(row.get("currency_code") or "IDR")
    mark = "sr" if spec is SALES_RETURN else "cm"
    return CreditNote(
        reference=str(row.get("memo") or "") if mark == "sr" else reference_of(CREDIT_MEMO.mark, row, texts_of(row)),
        date=day(row["transaction_date"]),
        currency=currency,
        total=total_of(spec, row, currency) or ZERO,
        contact_id=str(inner(row, "person").get("id") or ""),
        invoice_id=str(row.get("invoice_id") or ""),
        restock=mark == "sr",
        status=status_of(row),
        id=f"{mark}{row['id']}",
        number=str(row.get("transaction_no") or ""),
        updated_at=str(row.get("updated_at") or ""),
    )


def journal(row: Row) -> Journal:
    """A journal entry; `source` tells ours from those that a person (or another program) wrote."""
    lines = _account_lines(row)
    ours = str(row.get("custom_id") or "").startswith("slr-")
    currency = str(row.get("currency_code") or "IDR")
    return Journal(
        id=str(row["id"]),
        date=day(row["transaction_date"]),
        currency=currency,
        lines=tuple(
            JournalLine(
                str(inner(line, "account").get("number") or inner(line, "account").get("id") or ""),
                money(line.get("debit"), "IDR"),
                money(line.get("credit"), "IDR"),
                str(inner(line, "person").get("id") or ""),
            )
            for line in lines
        ),
        reference=(
            reference_of(JOURNAL_ENTRY.mark, row, texts_of(row))
            if ours
            else str(row.get("memo") or row.get("transaction_no") or "")
        ),
        source=OURS if ours else "",
        updated_at=str(row.get("updated_at") or ""),
        total=total_of(JOURNAL_ENTRY, row, currency) or ZERO,
        note=str(row.get("memo") or ""),
        number=str(row.get("transaction_no") or ""),
    )


def bank_transaction(row: Row, spec: Spec, suspense: str) -> BankTransaction:
    """A deposit or withdrawal. It is explained unless its other side is the account for what nobody knows yet.

    Then the receipt that explains it is booked onto that account, and so takes it off there.
    """
    lines = _account_lines(row)
    others = {str(inner(line, "account").get("id") or "") for line in lines}
    waiting = bool(suspense) and others == {suspense} and not str(row.get("custom_id") or "").startswith("slr-")
    amount, mark = money(_lines_sum(row), "IDR"), "d" if spec is BANK_DEPOSIT else "w"
    own = inner(row, "deposit_to" if spec is BANK_DEPOSIT else "refund_from")
    texts = [str(row.get("memo") or ""), *(str(line.get("description") or "") for line in lines)]
    return BankTransaction(
        id=f"{mark}{row['id']}",
        date=day(row["transaction_date"]),
        amount=amount if spec is BANK_DEPOSIT else -amount,
        currency=str(row.get("currency_code") or "IDR"),
        description=" ".join(dict.fromkeys(text for text in texts if text)) or str(row.get("transaction_no") or ""),
        account=suspense if waiting else str(own.get("id") or ""),
        reconciled=not waiting,
        updated_at=str(row.get("updated_at") or ""),
    )


def purchase(row: Row) -> Purchase:
    """A purchase invoice: its goods are in stock."""
    currency = str(row.get("currency_code") or "IDR")
    return Purchase(
        id=str(row["id"]),
        number=str(row.get("transaction_no") or ""),
        date=day(row["transaction_date"]),
        currency=currency,
        total=money(row.get("original_amount"), currency),
        lines=_lines(row, currency),
        received=True,
        supplier_id=str(inner(row, "person").get("id") or ""),
        updated_at=str(row.get("updated_at") or ""),
    )


PAYMENTS: Final = {"r": RECEIVE_PAYMENT, "o": ORDER_PAYMENT, "d": BANK_DEPOSIT}
_PREFIX: Final = {spec.mark: prefix for prefix, spec in PAYMENTS.items()}
