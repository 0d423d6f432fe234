"""The chart of accounts: an id, a code, a name and the role that each account plays."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

AccountType = Literal["asset", "liability", "equity", "income", "expense"]


class Account(msgspec.Struct, frozen=True):
    """One account; `role` is what documents ask for, `id` is what journals and receipts name."""

    id: str
    code: str
    name: str
    role: str
    type: AccountType


_ROWS: Final[tuple[tuple[str, str, str, AccountType], ...]] = (
    ("1-1000", "Bank", "bank", "asset"),
    ("1-1010", "Cash", "cash", "asset"),
    ("1-1050", "Gateway clearing", "clearing", "asset"),
    ("1-1051", "Marketplace clearing", "marketplace_clearing", "asset"),
    ("1-1052", "Courier clearing", "courier_clearing", "asset"),
    ("1-1200", "Accounts receivable", "receivable", "asset"),
    ("1-1300", "Inventory", "inventory", "asset"),
    ("1-1400", "Input tax", "input_tax", "asset"),
    ("1-1450", "Prepaid income tax (PPh 23)", "withholding", "asset"),
    ("2-1000", "Accounts payable", "payable", "liability"),
    ("2-1100", "Output tax", "output_tax", "liability"),
    ("2-1200", "Customer deposits", "deposits", "liability"),
    ("3-1000", "Opening balance equity", "equity", "equity"),
    ("4-1000", "Sales", "sales", "income"),
    ("4-1100", "Sales discount", "discount", "income"),
    ("4-1200", "Shipping income", "shipping", "income"),
    ("4-1300", "Other income", "fee", "income"),
    ("4-9000", "Rounding", "rounding", "income"),
    ("4-9100", "Exchange differences", "exchange", "income"),
    ("5-1000", "Cost of goods sold", "cogs", "expense"),
    ("6-1000", "Bank and gateway charges", "charges", "expense"),
    ("6-1010", "Bank transfer fees", "transfer_fee", "expense"),
    ("6-1020", "Gateway fees", "gateway_fee", "expense"),
)

CHART: Final = tuple(Account(f"acc-{code}", code, name, role, kind) for code, name, role, kind in _ROWS)
BY_ROLE: Final = {account.role: account.id for account in CHART}
BY_ID: Final = {account.id: account for account in CHART}
# Where money may lie: the accounts that a receipt or a refund may name.
MONEY: Final = frozenset(
    BY_ROLE[role] for role in ("bank", "cash", "clearing", "marketplace_clearing", "courier_clearing")
)
# Accounts whose entries name the contact that owes or is owed.
OWED: Final = frozenset(BY_ROLE[role] for role in ("receivable", "payable", "deposits"))
# Roles of what a receipt settles beyond its money.
WRITE_OFF_ROLES: Final = frozenset(("transfer_fee", "withholding", "rounding"))
# Roles that a document line may be booked to.
LINE_ROLES: Final = frozenset(("sales", "discount", "shipping", "fee", "rounding"))


def account_id(name: str) -> str:
    """The id of the account called `name` (id, code or role), "" when there is none."""
    if name in BY_ID:
        return name
    if name in BY_ROLE:
        return BY_ROLE[name]
    return f"acc-{name}" if f"acc-{name}" in BY_ID else ""
