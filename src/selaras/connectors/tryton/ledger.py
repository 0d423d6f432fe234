"""Open items of customers: an invoice and its credit note, a deposit and the invoice that follows it.

Tryton reconciles what a statement line names by itself. What is done here is the rest, by the wizard that a person
would use, and only where the amounts come to zero.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from decimal import Decimal

from selaras.connectors.contract import Rejected
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import ZERO


class Reconciler:
    """Reconciles lines of receivable accounts."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def even(self, invoices: Sequence[int], extra: Sequence[Row] = ()) -> bool:
        """Reconcile the open lines of invoices (and `extra` lines) with each other if they come to zero."""
        rows = await self._wire.rows(
            "account.invoice",
            [["id", "in", list(invoices)]],
            [f"{name}.{field}" for name in ("lines_to_pay", "payment_lines")
             for field in ("debit", "credit", "second_currency", "amount_second_currency", "reconciliation", "party",
                           "account")],
        )  # fmt: skip
        lines = {
            line["id"]: line
            for row in rows
            for line in (*row["lines_to_pay"], *row["payment_lines"])
            if not line["reconciliation"]
        }
        lines.update((line["id"], line) for line in extra)
        return await self._reconcile(list(lines.values()))

    async def _reconcile(self, lines: Sequence[Row]) -> bool:
        balance = _balance(lines)
        if len(lines) < 2 or balance or len({(line["party"], line["account"]) for line in lines}) != 1:
            return False
        # The documents stand and are right without it: a refusal here is no refusal of theirs.
        with contextlib.suppress(Rejected):
            await self._wire.wizard(
                "account.move.reconcile_lines", "account.move.line", [line["id"] for line in lines], "start", {}
            )
            return True
        return False

    async def deposits(self, company_id: int, references: Sequence[str]) -> dict[str, list[Row]]:
        """Open money received for orders, by the orders' references (it stands on the statement line)."""
        if not references:
            return {}
        rows = await self._wire.rows(
            "account.move.line",
            [
                ["move.company", "=", company_id],
                ["move.state", "=", "posted"],
                ["account.type.receivable", "=", True],
                ["reconciliation", "=", None],
                ["origin.description", "in", list(references), "account.statement.line"],
            ],
            [
                "debit",
                "credit",
                "second_currency",
                "amount_second_currency",
                "party",
                "account",
                "origin",
                "reconciliation",
            ],
        )
        ids = [int(str(row["origin"]).partition(",")[2]) for row in rows]
        named = await self._wire.rows("account.statement.line", [["id", "in", ids]], ["description"]) if ids else []
        text = {row["id"]: row["description"] for row in named}
        found: dict[str, list[Row]] = {}
        for row, line_id in zip(rows, ids, strict=True):
            found.setdefault(text[line_id], []).append(row)
        return found

    async def use_deposits(self, invoices: Sequence[tuple[int, str]], company_id: int) -> None:
        """Set money received for orders against their invoices: (invoice, the order's reference)."""
        found = await self.deposits(company_id, [reference for _, reference in invoices if reference])
        for invoice_id, reference in invoices:
            lines = [line for line in found.get(reference, ()) if line["credit"]]
            if not lines or await self.even([invoice_id], lines):
                continue
            with contextlib.suppress(Rejected):
                await self._wire.write(
                    "account.invoice", [([invoice_id], {"payment_lines": [["add", [line["id"] for line in lines]]]})]
                )

    async def give_back(self, company_id: int, reference: str) -> None:
        """Close the deposits of an order that were given back."""
        lines = (await self.deposits(company_id, [reference])).get(reference, [])
        await self._reconcile(lines)


def _balance(lines: Sequence[Row]) -> Decimal:
    """Debit − credit as Tryton reconciles: in the one other currency of all lines, else in the company's."""
    others = {line["second_currency"] for line in lines}
    if len(others) == 1 and None not in others:
        return sum((line["amount_second_currency"] or ZERO for line in lines), ZERO)
    return sum(((line["debit"] or ZERO) - (line["credit"] or ZERO) for line in lines), ZERO)
