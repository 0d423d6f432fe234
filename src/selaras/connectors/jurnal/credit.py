"""Credit notes: a sales return where goods come back at the prices of the invoice, else a credit memo.

A sales return takes neither a custom id nor a number (swagger, "Add a Sales Return"); it is known by its memo, which
is our reference, and looked for before it is made: the invoice names its returns. A credit memo takes a custom id; it
is set against what the invoice has open.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from selaras.connectors.contract import ConnectorError, Done, Failed, LockedPeriod, Rejected
from selaras.connectors.jurnal import drafts, errors
from selaras.connectors.jurnal.chart import Chart
from selaras.connectors.jurnal.client import Client, content_of
from selaras.connectors.jurnal.looking import Finder
from selaras.connectors.jurnal.mapping import done_of
from selaras.connectors.jurnal.values import (
    API,
    CREDIT_MEMO,
    SALES_INVOICE,
    SALES_RETURN,
    Row,
    custom_id,
    inner,
    money,
    number,
)
from selaras.connectors.jurnal.writing import Batches, Item
from selaras.model.document import CreditNote
from selaras.model.money import ZERO, from_minor, to_minor

_SEARCH = 200_000


class Credits:
    """Writes credit notes, one after the other."""

    def __init__(self, client: Client, finder: Finder, batches: Batches, chart: Chart) -> None:
        self._client = client
        self._finder = finder
        self._batches = batches
        self._chart = chart

    async def create(self, item: Item) -> None:
        """One credit note. Raises `ConnectorError` for trouble on the way."""
        document = item.write.document
        assert isinstance(document, CreditNote)  # noqa: S101 - the connector checked the kind
        invoice = await self._invoice(document)
        back = _pieces(document) if document.restock else {}
        if back:
            await self._return(item, document, invoice, back)
        else:
            await self._memo(item, document, invoice)

    async def _invoice(self, document: CreditNote) -> Row:
        if not document.invoice_id:
            return {}
        row = await self._finder.one(SALES_INVOICE, document.invoice_id)
        if row is None:
            raise Rejected(
                f"Jurnal has no invoice with the id {document.invoice_id}", code="not_found", field="invoice_id",
                cure="The document is gone from Jurnal: link another one or create it anew.",
            )  # fmt: skip
        return row

    # -- sales returns ----------------------------------------------------------------------------------------------

    async def _return(self, item: Item, document: CreditNote, invoice: Row, back: dict[str, Decimal]) -> None:
        currency = document.currency
        returned: dict[str, Decimal] = {}
        for stub in invoice.get("sales_returns") or ():
            row = await self._finder.one(SALES_RETURN, str(stub["id"]))
            if row is None:
                continue
            if row.get("memo") == document.reference:
                item.outcome = done_of(SALES_RETURN, row, currency, "sr")
                return
            for line in row.get("transaction_return_lines_attributes") or ():
                id = str(line["transaction_line_id"])
                returned[id] = returned.get(id, ZERO) + number(line.get("return_quantity"))
        chosen = choose(invoice, returned, back, to_minor(document.total, currency), currency)
        if chosen is None:
            raise Rejected(
                f"the goods of {document.reference} do not come to {document.total} {currency} at the prices of the "
                f"invoice", code="inexact_return", field="total",
                cure="Make the sales return in Jurnal by hand, then link it.",
            )  # fmt: skip
        body = {
            "transaction_date": document.date.isoformat(),
            "invoice_id": int(document.invoice_id),
            "memo": document.reference,
            "message": document.reason,
            "transaction_return_lines_attributes": [
                {"transaction_line_id": int(id), "return_quantity": quantity} for id, quantity in chosen
            ],
        }
        answer = await self._client.send("POST", f"{API}/{SALES_RETURN.path}", {SALES_RETURN.name: body})
        if answer.status >= 300:
            raise errors.error_of(answer.status, content_of(answer), f"credit_note {document.reference}")
        item.outcome = done_of(SALES_RETURN, answer.json().get(SALES_RETURN.name, {}), currency, "sr")

    # -- credit memos -----------------------------------------------------------------------------------------------

    async def _memo(self, item: Item, document: CreditNote, invoice: Row) -> None:
        item.body = await self._memo_body(document)
        await self._batches.create_one(CREDIT_MEMO, "credit_note", item, "cm")
        if not isinstance(item.outcome, Done) or not invoice:
            return
        memo_id = item.outcome.id.removeprefix("cm")
        memo = await self._finder.one(CREDIT_MEMO, memo_id)
        if memo is None or money(memo.get("remaining"), document.currency) != document.total:
            return  # set against the invoice by an earlier try
        due = min(money(invoice.get("remaining"), document.currency), document.total)
        if due <= ZERO:
            return
        body = {
            "person_id": drafts.person(document.contact_id),
            "transaction_date": document.date.isoformat(),
            "selected_credit_memo_id": int(memo_id),
            "records_attributes": [{"transaction_id": int(document.invoice_id), "amount": due}],
        }
        answer = await self._client.send(
            "POST", f"{API}/customer_apply_credit_memo", {"customer_apply_credit_memo": body}
        )
        if answer.status >= 300:
            item.outcome = Failed(errors.error_of(answer.status, content_of(answer), f"credit_note {item.named}"))

    async def _memo_body(self, document: CreditNote) -> dict[str, Any]:
        chart = self._chart
        tax = sum((line.tax for line in document.lines), ZERO)
        parts: dict[str, Decimal] = {}
        left = document.total
        for line in document.lines:
            if line.account:
                net = line.amount - line.tax if document.tax_included else line.amount
                id = (await chart.account(line.account, "lines.account")).id
                parts[id] = parts.get(id, ZERO) + net
                left -= net
        if tax:
            id = (await chart.role_account("tax")).id
            parts[id] = parts.get(id, ZERO) + tax
            left -= tax
        if left:
            id = (await chart.role_account("return")).id
            parts[id] = parts.get(id, ZERO) + left
        accounts = await chart.accounts()
        body: dict[str, Any] = {
            "person_id": drafts.person(document.contact_id),
            "person_type": "customer",
            "transaction_date": document.date.isoformat(),
            "transaction_no": document.reference,
            "custom_id": custom_id(CREDIT_MEMO.mark, document.reference),
            "memo": document.reference,
            "transaction_account_lines_attributes": [
                {"account_id": int(id), "account_name": accounts[id].name, "description": document.reason,
                 "debit": amount}
                for id, amount in parts.items()
            ],
        }  # fmt: skip
        if tags := await chart.tag_names(document.dimensions):
            body["tags"] = tags
        return body

    async def find(self, references: Sequence[str]) -> dict[str, tuple[str, Row]]:
        """Credit notes under these references: (our prefix, row)."""
        found = {}
        by_id = {custom_id(CREDIT_MEMO.mark, one): one for one in references}
        for id, row in (await self._finder.many(CREDIT_MEMO, list(by_id))).items():
            found[by_id[id]] = ("cm", row)
        page = pages = 1
        while page <= min(pages, 3) and len(found) < len(by_id):
            rows, pages = await self._finder.page(SALES_RETURN, page, newest=True)
            for row in rows:
                memo = row.get("memo")
                if memo in references and memo not in found:
                    found[str(memo)] = ("sr", row)
            page += 1
        return found


def told(error: ConnectorError, name: str) -> Failed:
    """A refusal as an outcome; other trouble is the call's."""
    if isinstance(error, Rejected | LockedPeriod):
        return Failed(error)
    raise error


def _pieces(document: CreditNote) -> dict[str, Decimal]:
    back: dict[str, Decimal] = {}
    for line in document.lines:
        if line.code and line.quantity > ZERO:
            back[line.code] = back.get(line.code, ZERO) + line.quantity
    return back


def choose(
    invoice: Row, returned: dict[str, Decimal], back: dict[str, Decimal], total: int, currency: str
) -> list[tuple[str, Decimal]] | None:
    """Which pieces of which lines of the invoice come back, so that they come to `total`; None when nothing fits.

    Lines without goods (shipping, fees) come back whole or not at all.
    """
    lines = []
    for line in invoice.get("transaction_lines_attributes") or ():
        id, quantity = str(line["id"]), number(line.get("quantity"))
        free = quantity - returned.get(id, ZERO)
        if free > ZERO and quantity:
            code = str(inner(line, "product").get("code") or "")
            each = number(line.get("amount")) / quantity
            lines.append((code, id, free, each, quantity))
    lines.sort(key=lambda row: row[0])
    states: dict[Decimal, list[tuple[str, Decimal]]] = {ZERO: []}
    for code, group in groupby(lines, key=lambda row: row[0]):
        wanted = back.pop(code, None)
        options = _options(list(group), wanted)
        if not options:
            return None
        grown: dict[Decimal, list[tuple[str, Decimal]]] = {}
        for amount, picked in states.items():
            for more, extra in options.items():
                grown.setdefault(amount + more, picked + extra)
        if len(grown) > _SEARCH:
            return None
        states = grown
    found = states.get(from_minor(total, currency)) if not back else None
    return found or None


def _options(
    lines: Sequence[tuple[str, str, Decimal, Decimal, Decimal]], wanted: Decimal | None
) -> dict[Decimal, list[tuple[str, Decimal]]]:
    """Amounts that pieces of one product can come to: `wanted` of them, or (None) any lines whole or none."""
    options: dict[tuple[Decimal, Decimal], list[tuple[str, Decimal]]] = {(ZERO, ZERO): []}
    for _code, id, free, each, quantity in lines:
        if wanted is None:
            counts = [ZERO, free] if free == quantity else [ZERO]
        elif free == free.to_integral_value():
            counts = [Decimal(n) for n in range(int(min(free, wanted)) + 1)]
        else:
            counts = [ZERO, min(free, wanted)]
        grown: dict[tuple[Decimal, Decimal], list[tuple[str, Decimal]]] = {}
        for (pieces, amount), picked in options.items():
            for count in counts:
                if wanted is None or pieces + count <= wanted:
                    row = [*picked, (id, count)] if count else picked
                    grown.setdefault((pieces + count, amount + count * each), row)
        if len(grown) > _SEARCH:
            return {}
        options = grown
    return {amount: picked for (pieces, amount), picked in options.items() if wanted is None or pieces == wanted}
