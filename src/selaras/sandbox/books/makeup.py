"""What the books are made of, as rows that can be listed and changed: accounts, taxes, warehouses, dimensions.

The accounts that play a role (`chart`) are always there; a person may add others, switch some off, and make taxes and
dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.model.chart import AccountType
from selaras.sandbox.books import chart
from selaras.sandbox.books.kinds import ZERO, Line, Row
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.table import Table

# What the accounts of a role are in finer words than "asset" and "liability".
_TYPES: Final[dict[str, AccountType]] = {
    "bank": "bank", "cash": "cash", "clearing": "asset", "receivable": "receivable", "inventory": "inventory",
    "input_tax": "tax", "marketplace_clearing": "asset", "courier_clearing": "asset", "withholding": "asset",
    "payable": "payable", "output_tax": "tax", "deposits": "liability", "equity": "equity",
    "cogs": "cost", "charges": "expense", "transfer_fee": "expense", "gateway_fee": "expense",
}  # fmt: skip
# What a receipt may settle beyond its money: neither money itself nor what somebody owes.
_WRITTEN_OFF: Final = frozenset(("expense", "cost", "income", "asset", "liability", "tax", "other"))
_FIRST: Final = "1970-01-01T00:00:00.000Z"


class AccountRow(Row, kw_only=True):
    """An account; `role` is "" for one that a person added. `currency` "" takes any."""

    code: str
    name: str
    type: AccountType
    role: str = ""
    currency: str = ""
    active: bool = True


class TaxRow(Row, kw_only=True):
    """A tax for sales; `rate` is a fraction, `place` a country or region ("" = any)."""

    name: str
    rate: Decimal
    place: str = ""
    active: bool = True


class WarehouseRow(Row, kw_only=True):
    """A warehouse; its id is its name."""

    name: str
    active: bool = True


class DimensionRow(Row, kw_only=True):
    """A branch, department, project or cost centre."""

    kind: str
    name: str
    active: bool = True


class AccountIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to add, or (by its code) to change."""

    code: str
    name: str = ""
    type: AccountType = "other"
    currency: str = ""
    active: bool = True


class TaxIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tax to add, or (by its id) to change."""

    id: str
    name: str = ""
    rate: Decimal = ZERO
    place: str = ""
    active: bool = True


class DimensionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dimension to add, or (by its id) to change."""

    id: str
    kind: str = "branch"
    name: str = ""
    active: bool = True


class ChartIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes of the chart, as a person makes them."""

    accounts: list[AccountIn] = []
    taxes: list[TaxIn] = []
    dimensions: list[DimensionIn] = []


class MakeUp:
    """The four tables, and what documents ask of them."""

    def __init__(self, warehouses: tuple[str, ...]) -> None:
        self.accounts: Table[AccountRow] = Table("accounts", "acc")
        self.taxes: Table[TaxRow] = Table("taxes", "tax")
        self.warehouses: Table[WarehouseRow] = Table("warehouses", "whs")
        self.dimensions: Table[DimensionRow] = Table("dimensions", "dim")
        self.tables: dict[str, Table[Any]] = {
            table.kind: table for table in (self.accounts, self.taxes, self.warehouses, self.dimensions)
        }
        for one in chart.CHART:
            kind = _TYPES.get(one.role, "income" if one.type == "income" else "other")
            row = AccountRow(id=one.id, code=one.code, name=one.name, role=one.role, type=kind)
            self.accounts.add(row, _FIRST, 0.0)
        for name in warehouses:
            self.warehouses.add(WarehouseRow(id=name, name=name), _FIRST, 0.0)

    def change(self, asked: ChartIn, stamp: str, now: float, visible_at: float) -> None:
        """Add what is not there yet, change what is."""
        for account in asked.accounts:
            there = self.accounts.get(f"acc-{account.code}")
            name = account.name or (there.name if there else account.code)
            kind = there.type if there is not None and account.type == "other" else account.type
            self._put(
                self.accounts,
                AccountRow(
                    id=f"acc-{account.code}", code=account.code, name=name, type=kind,
                    role=there.role if there else "", currency=account.currency, active=account.active,
                ),
                stamp, now, visible_at,
            )  # fmt: skip
        for tax in asked.taxes:
            held = self.taxes.get(tax.id)
            made = TaxRow(
                id=tax.id, name=tax.name or (held.name if held else tax.id), rate=tax.rate, place=tax.place,
                active=tax.active,
            )  # fmt: skip
            self._put(self.taxes, made, stamp, now, visible_at)
        for one in asked.dimensions:
            row = DimensionRow(id=one.id, kind=one.kind, name=one.name or one.id, active=one.active)
            self._put(self.dimensions, row, stamp, now, visible_at)

    def _put(self, table: Table[Any], row: Any, stamp: str, now: float, visible_at: float) -> None:
        there = table.get(row.id)
        if there is None:
            table.add(row, stamp, visible_at)
            return
        for name in row.__struct_fields__:
            if name not in Row.__struct_fields__:
                setattr(there, name, getattr(row, name))
        table.touch(there, stamp, now, visible_at)

    # -- what documents ask ----------------------------------------------------------------------------------------

    def account_id(self, name: str) -> str:
        """The id of the account called `name` (id, code or role), "" when there is none."""
        if name in self.accounts.rows:
            return name
        return chart.account_id(name) or (f"acc-{name}" if f"acc-{name}" in self.accounts.rows else "")

    def holds_money(self, account: str) -> bool:
        """Whether a receipt or a refund may name this account."""
        row = self.accounts.get(account)
        return account in chart.MONEY or (row is not None and not row.role and row.type in ("bank", "cash", "asset"))

    def owed(self, account: str) -> bool:
        """Whether entries on this account name the contact that owes or is owed."""
        row = self.accounts.get(account)
        return account in chart.OWED or (row is not None and row.type in ("receivable", "payable"))

    def called(self, account: str) -> str:
        """The role of an account, or the code of one without."""
        row = self.accounts.rows[account]
        return row.role or row.code

    def account(self, name: str, role: str, currency: str, field: str, type_: str = "") -> str:
        """The id of the account that is named, else of the one of the role. Refuses one that cannot be booked on."""
        if not name:
            return chart.BY_ROLE[role]
        row = self.accounts.get(self.account_id(name))
        if row is None:
            raise Refused("unknown_account", field, f"There is no account {name!r}.")
        called = f"{row.code} {row.name}"
        if not row.active:
            raise Refused("inactive_account", field, f"The account {called} is switched off.")
        if row.currency not in ("", currency):
            raise Refused("currency_mismatch", field, f"The account {called} is kept in {row.currency}.")
        if type_ and row.type != type_:
            raise Refused("account_type", field, f"The account {called} is of the type {row.type}, not {type_}.")
        return row.id

    def written_off(self, name: str, role: str, currency: str, field: str) -> str:
        """The account that takes a write-off: the one that is named, else the one of its role."""
        if not name and role not in chart.WRITE_OFF_ROLES:
            raise Refused("unknown_role", field, f"No account plays the role {role!r} for a write-off.")
        return self._no_money(self.account(name, role, currency, field), field)

    def exchange(self, name: str, first: str, second: str, field: str) -> str:
        """The account between two currencies: the one that is named, else the one of that role."""
        self.account(name, "exchange", first, field)
        return self._no_money(self.account(name, "exchange", second, field), field)

    def _no_money(self, account: str, field: str) -> str:
        row = self.accounts.rows[account]
        if row.type not in _WRITTEN_OFF or account in chart.MONEY:
            called = f"{row.code} {row.name}"
            raise Refused(
                "account_type", field, f"The account {called} is of the type {row.type}: nothing is written off there."
            )
        return account

    def owing(self, name: str, currency: str) -> str:
        """The account on which a document is owed: the one that is named, else the only one of that role."""
        return self.account(name, "receivable", currency, "receivable", "receivable")

    def check_dimensions(self, dimensions: Sequence[tuple[str, str]]) -> None:
        """Refuse a dimension that is not there, is switched off, or is of another kind."""
        for kind, value in dimensions:
            row = self.dimensions.get(value)
            if row is None or row.kind != kind or not row.active:
                raise Refused("unknown_dimension", "dimensions", f"There is no {kind} {value!r} in use.")

    def check_line(self, line: Line, index: int) -> None:
        """Refuse a tax that is not in use or of another rate than the line's, and a warehouse that is not there."""
        if line.warehouse and line.warehouse not in self.warehouses.rows:
            raise Refused(
                "unknown_warehouse", f"lines[{index}].warehouse", f"There is no warehouse {line.warehouse!r}."
            )
        if not line.tax_code:
            return
        row, field = self.taxes.get(line.tax_code), f"lines[{index}].tax_code"
        if row is None or not row.active:
            raise Refused("unknown_tax", field, f"There is no tax {line.tax_code!r} in use.")
        if line.tax_rate and row.rate != line.tax_rate:
            raise Refused("tax_mismatch", field, f"{row.name} is {row.rate}, but the line says {line.tax_rate}.")
