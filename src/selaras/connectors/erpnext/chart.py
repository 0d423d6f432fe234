"""What the books are made of: company, accounts, tax templates, warehouses, items, dimensions.

It is read once and again after a while, so that documents need no look-ups of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import Rejected
from selaras.connectors.erpnext.values import Row, number
from selaras.connectors.erpnext.wire import Wire

ROLES: Final = ("sales", "shipping", "fee", "discount", "rounding")
_FRESH: Final = 300.0
_ACCOUNT: Final = (
    "name",
    "account_name",
    "account_number",
    "account_type",
    "root_type",
    "account_currency",
    "disabled",
)
_LEVY: Final = ("parent", "idx", "charge_type", "account_head", "rate", "description")
TEMPLATE: Final = "Sales Taxes and Charges Template"


class Levy(msgspec.Struct, frozen=True):
    """One row of a tax template: `rate` is a fraction of the net total, booked on `account`."""

    account: str
    description: str
    rate: Decimal


class Tax(msgspec.Struct, frozen=True):
    """A tax template for sales; `rate` is the sum of its rows. `plain` says that all rows are on the net total."""

    id: str
    title: str
    levies: tuple[Levy, ...]
    rate: Decimal
    default: bool
    active: bool
    plain: bool


class Goods(msgspec.Struct, frozen=True):
    """What a line needs to know of an item."""

    code: str
    unit: str
    stocked: bool
    salable: bool


class Books(msgspec.Struct, frozen=True):
    """One reading of the chart."""

    company: str
    currency: str
    receivable: str
    cost_center: str
    accounts: Mapping[str, Row]
    taxes: tuple[Tax, ...]
    warehouses: tuple[str, ...]
    dimensions: Mapping[str, str]
    exchange_account: str = ""

    def account(self, wanted: str, field: str) -> str:
        """An account by its name, its number, or its name without the company. Raises `Rejected`."""
        if wanted in self.accounts:
            return wanted
        found = [n for n, row in self.accounts.items() if wanted in (row["account_number"], row["account_name"])]
        if len(found) == 1:
            return found[0]
        told = f"ERPNext has no account {wanted!r} that entries can be made on"
        if found:
            told = f"ERPNext has several accounts called {wanted!r}"
        raise Rejected(
            told, code="unknown_account", field=field,
            cure="Choose an account of the books in the mapping, by its full name such as 'Bank BCA - PCI'.",
        )  # fmt: skip

    def tax(self, rate: Decimal, wanted: str, chosen: Mapping[Decimal, str]) -> Tax:
        """The template for a rate: the one the mapping names, else the setting's, else the only one. `Rejected`."""
        name = wanted or chosen.get(rate.normalize(), "")
        if name:
            found = [tax for tax in self.taxes if name in (tax.id, tax.title)]
        else:
            found = [tax for tax in self.taxes if tax.rate == rate and tax.active]
            found = [tax for tax in found if tax.default] or found
        if len(found) == 1:
            return found[0]
        percent = format((rate * 100).normalize(), "f")
        raise Rejected(
            f"{len(found)} sales tax templates of ERPNext are for {percent} %, not one" if not name else
            f"ERPNext has no sales tax template {name!r}",
            code="unknown_tax", field="lines.tax",
            cure=f"Name one in the setting 'taxes' ({percent}=…), or create it in ERPNext.",
        )  # fmt: skip


class Chart:
    """Reads and keeps the chart of one company."""

    def __init__(
        self,
        wire: Wire,
        *,
        company: str,
        warehouses: tuple[str, ...],
        taxes: Mapping[Decimal, str],
        roles: Mapping[str, str],
        receivable: str = "",
    ) -> None:
        self._wire = wire
        self._company = company
        self._wanted = warehouses
        self._receivable = receivable
        self.taxes = taxes
        self.roles = roles
        self._books: Books | None = None
        self._read_at = 0.0
        self._goods: dict[str, Goods] = {}

    @property
    def named_warehouse(self) -> bool:
        """Whether the settings name the warehouse that goods leave from; else each item's own default counts."""
        return bool(self._wanted)

    async def books(self, *, fresh: bool = False) -> Books:
        """The chart, at most a few minutes old. Raises `ConnectorError`."""
        if fresh or self._books is None or time.monotonic() - self._read_at > _FRESH:
            self._books = await self._read()
            self._read_at = time.monotonic()
            self._goods.clear()
        return self._books

    async def _read(self) -> Books:
        wire = self._wire
        filters = [["name", "=", self._company]] if self._company else []
        fields = [
            "name",
            "default_currency",
            "default_receivable_account",
            "cost_center",
            "exchange_gain_loss_account",
            "default_in_transit_warehouse",
        ]
        companies = await wire.rows("Company", fields, filters)
        if len(companies) != 1:
            told = f"ERPNext shows {len(companies)} companies"
            if self._company:
                told = f"ERPNext shows {len(companies)} companies with the name {self._company!r}"
            raise Rejected(
                told,
                code="unknown_company", field="company",
                cure="Name the company in the setting 'company', exactly as ERPNext writes it.",
            )  # fmt: skip
        company = companies[0]
        mine = ["company", "=", company["name"]]
        accounts = await wire.rows("Account", _ACCOUNT, [mine, ["is_group", "=", 0]])
        return Books(
            company["name"],
            company["default_currency"],
            self._receivable or company.get("default_receivable_account") or "",
            company.get("cost_center") or "",
            {row["name"]: row for row in accounts if not row["disabled"]},
            await read_taxes(wire, [mine]),
            await self._warehouses(company),
            await self._dimensions(),
            company.get("exchange_gain_loss_account") or "",
        )

    async def _warehouses(self, company: Row) -> tuple[str, ...]:
        rows = await self._wire.rows(
            "Warehouse",
            ["name", "warehouse_name", "warehouse_type"],
            [["company", "=", company["name"]], ["is_group", "=", 0], ["disabled", "=", 0]],
        )
        if not self._wanted:
            transit = company.get("default_in_transit_warehouse")
            return tuple(r["name"] for r in rows if r.get("warehouse_type") != "Transit" and r["name"] != transit)
        chosen = []
        for wanted in self._wanted:
            found = [row["name"] for row in rows if wanted in (row["name"], row["warehouse_name"])]
            if len(found) != 1:
                raise Rejected(
                    f"ERPNext has no warehouse {wanted!r} that holds goods", code="unknown_warehouse",
                    field="warehouse", cure="Name a warehouse that is no group, such as 'Stores - PCI'.",
                )  # fmt: skip
            chosen += found
        return tuple(chosen)

    async def _dimensions(self) -> dict[str, str]:
        """Kind of dimension → field of documents. Branches and departments need an Accounting Dimension in ERPNext."""
        known = {"cost_center": "cost_center", "project": "project"}
        try:
            rows = await self._wire.rows("Accounting Dimension", ["document_type", "fieldname"], [["disabled", "=", 0]])
        except Rejected:
            return known  # the user may not see them; a document that needs one is then refused by name
        return known | {row["document_type"].lower().replace(" ", "_"): row["fieldname"] for row in rows}

    async def goods(self, codes: Iterable[str]) -> Mapping[str, Goods]:
        """Items by code; those that are not known yet are read. Those that do not exist are left out."""
        missing = [code for code in dict.fromkeys(codes) if code and code not in self._goods]
        if missing:
            fields = ["name", "item_code", "stock_uom", "is_stock_item", "is_sales_item", "has_variants", "disabled"]
            for row in await self._wire.rows_in("Item", fields, "item_code", missing):
                salable = bool(row["is_sales_item"]) and not row["has_variants"] and not row["disabled"]
                code = row["item_code"] or row["name"]
                self._goods[code] = Goods(code, row["stock_uom"], bool(row["is_stock_item"]), salable)
        return self._goods


async def read_taxes(wire: Wire, filters: list[Any]) -> tuple[Tax, ...]:
    """Tax templates for sales with their rows, in two calls."""
    heads = await wire.rows(TEMPLATE, ["name", "title", "is_default", "disabled"], filters)
    if not heads:
        return ()
    child = "Sales Taxes and Charges"
    rows = await wire.rows_in(
        child, _LEVY, "parent", [h["name"] for h in heads], order="parent asc, idx asc", parent=TEMPLATE
    )
    return tuple(tax_of(head, [row for row in rows if row["parent"] == head["name"]]) for head in heads)


def tax_of(head: Row, rows: list[Row]) -> Tax:
    """A template from its row and the rows of its table."""
    on_net = [row for row in rows if row["charge_type"] == "On Net Total"]
    levies = tuple(
        Levy(row["account_head"], row["description"] or row["account_head"], number(row["rate"]) / 100)
        for row in on_net
    )
    rate = sum((levy.rate for levy in levies), Decimal(0))
    plain = bool(rows) and len(on_net) == len(rows)
    return Tax(
        head["name"], head["title"] or head["name"], levies, rate, bool(head["is_default"]), not head["disabled"], plain
    )  # fmt: skip


__all__ = ["ROLES", "TEMPLATE", "Books", "Chart", "Goods", "Levy", "Tax", "read_taxes", "tax_of"]
