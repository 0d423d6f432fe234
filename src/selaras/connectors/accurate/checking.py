"""What is wrong with a connection, and how it is mended. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from selaras.connectors.accurate.drafts import Choices
from selaras.connectors.accurate.session import Account
from selaras.connectors.accurate.values import equal_to, text_of
from selaras.connectors.accurate.wire import Wire
from selaras.connectors.contract import Check, ConnectorError, Finding

SCOPES: Final = (
    "branch_view", "customer_save", "customer_view", "department_view", "glaccount_view", "item_adjustment_save",
    "item_view", "journal_voucher_delete", "journal_voucher_save", "journal_voucher_view", "other_deposit_view",
    "other_payment_save", "other_payment_view", "project_view", "purchase_invoice_view", "receive_item_view",
    "sales_invoice_delete", "sales_invoice_save", "sales_invoice_view", "sales_order_save", "sales_order_view",
    "sales_receipt_delete", "sales_receipt_save", "sales_receipt_view", "sales_return_save", "sales_return_view",
    "tax_view", "warehouse_view",
)  # fmt: skip
"""All rights that are asked for at sign-in. A new sign-in replaces the rights of all earlier ones, so it is always the
whole list."""

_MOST_SKEW: Final = 300.0


async def checked(
    account: Account, wire: Wire, choices: Choices, zone: str, clock: Callable[[], float], name: str
) -> Check:  # fmt: skip
    """The account, its rights, its clock, and the items that the settings name."""
    opened = await account.opened()
    findings: list[Finding] = []
    skew = await _skew(account, clock)
    findings.append(
        Finding(
            "Clock", abs(skew) <= _MOST_SKEW, f"{skew:+.0f} s", "Set the clock of this server; Accurate's is right."
        )
    )
    if not account.api_token:
        findings += await _rights(account)
    findings += await _items(wire, choices)
    findings.append(
        Finding(
            "Refunds",
            bool(choices.refunds),
            choices.refunds,
            "Name the account that money given back is booked on (account_refunds) in the settings of the connection.",
        )
    )
    return Check(opened.alias or name, choices.currency, zone, skew, findings)


async def _skew(account: Account, clock: Callable[[], float]) -> float:
    """Our clock against the Date of Accurate's answer; 0 when it says none."""
    before = clock()
    path = "/api/api-token.do" if account.api_token else "/api/db-list.do"
    answer = await account.http.request("POST" if account.api_token else "GET", path, effect=False)
    return 0.0 if answer.served_at is None else (before + clock()) / 2 - answer.served_at


async def _rights(account: Account) -> list[Finding]:
    """Rights that were not allowed at sign-in: a person may untick some."""
    given = _names((await account.ask("approved-scope")).get("d"))
    if not given:
        return []
    missing = sorted(set(SCOPES) - given)
    return [
        Finding(
            "Rights", not missing, ", ".join(missing) or "all",
            "Connect Accurate again and allow everything that is asked for.",
        )
    ]  # fmt: skip


def _names(value: object) -> set[str]:
    """Scopes in whatever form they are told: words, one text of words, or objects with a name."""
    if isinstance(value, str):
        return set(value.replace(",", " ").split())
    if isinstance(value, Mapping):
        return _names(value.get("scope", value.get("name", "")))
    if isinstance(value, list):
        return {name for one in value for name in _names(one)}
    return set()


async def _items(wire: Wire, choices: Choices) -> list[Finding]:
    """Service items that the settings name must exist."""
    named: Sequence[str] = sorted({item for item in choices.places.items.values() if item})
    if not named:
        return []
    try:
        rows = (await wire.page("item", equal_to("no", list(named)), ("id", "no", "suspended"))).rows
    except ConnectorError as error:
        return [Finding("Items", False, error.message, error.cure)]
    there = {text_of(row, "no") for row in rows if row.get("suspended") is not True}
    missing = [item for item in named if item not in there]
    return [
        Finding(
            "Items", not missing, ", ".join(missing or named),
            "Create these service items in Accurate, or name others in the settings of the connection.",
        )
    ]  # fmt: skip
