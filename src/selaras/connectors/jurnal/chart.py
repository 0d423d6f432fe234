"""What the books are made of: accounts, taxes, warehouses, tags and products, read when needed and again when old.

Paths: `accounts` (not paged), `taxes`, `warehouses`, `tags`, and SCM's `products/minified` (Mekari's swagger 2.0.0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import Rejected
from selaras.connectors.jurnal.client import Client, unreadable
from selaras.connectors.jurnal.values import API, SCM, Row, inner, number, pages_of, rows_of
from selaras.model.chart import Account, AccountType, Dimension, TaxCode, Warehouse
from selaras.model.money import ZERO
from selaras.model.product import Component, Product

_FRESH: Final = 900.0
PAGE: Final = 100
# Jurnal's categories of accounts (swagger, "Get List of Accounts"), in English and Indonesian.
_CATEGORIES: Final[tuple[tuple[str, AccountType], ...]] = (
    ("accounts receivable", "receivable"), ("akun piutang", "receivable"), ("accounts payable", "payable"),
    ("akun hutang", "payable"), ("cash & bank", "bank"), ("kas & bank", "bank"), ("inventory", "inventory"),
    ("persediaan", "inventory"), ("other current asset", "asset"), ("aktiva", "asset"), ("fixed asset", "asset"),
    ("depreciation", "asset"), ("liabilit", "liability"), ("kewajiban", "liability"), ("equity", "equity"),
    ("ekuitas", "equity"), ("cost of", "cost"), ("harga pokok", "cost"), ("expense", "expense"), ("beban", "expense"),
    ("income", "income"), ("pendapatan", "income"),
)  # fmt: skip


class Goods(msgspec.Struct, frozen=True):
    """A product, with the account that its sales are booked to."""

    product: Product
    quantity: Decimal
    sell_account: str


class Chart:
    """Reads the parts of the chart, each when it is asked for; `roles` maps roles of lines to product codes."""

    def __init__(
        self,
        client: Client,
        clock: Callable[[], float],
        *,
        currency: str = "IDR",
        roles: Mapping[str, str] | None = None,
        taxes: Mapping[Decimal, str] | None = None,
        accounts: Mapping[str, str] | None = None,
        warehouse: str = "",
    ) -> None:
        self._client = client
        self._clock = clock
        self.currency = currency
        self.roles = dict(roles or {})
        self._chosen_taxes = dict(taxes or {})
        self._chosen = dict(accounts or {})
        self.warehouse_name = warehouse
        self._kept: dict[str, tuple[float, Any]] = {}

    async def _get(self, name: str, read: Callable[[], Any], fresh: bool) -> Any:
        kept, now = self._kept.get(name), self._clock()
        if kept is None or fresh or not 0 <= now - kept[0] < _FRESH:
            kept = self._kept[name] = (now, await read())
        return kept[1]

    async def _rows(self, name: str) -> list[Row]:
        content = await self._client.json(f"{API}/{name}", {"page": 1, "page_size": PAGE})
        try:
            rows = rows_of(content, name)
            for page in range(2, pages_of(content)[0] + 1):
                rows += rows_of(await self._client.json(f"{API}/{name}", {"page": page, "page_size": PAGE}), name)
        except ValueError as error:
            raise unreadable(name, error) from None
        return rows

    # -- accounts ---------------------------------------------------------------------------------------------------

    async def accounts(self, *, fresh: bool = False) -> dict[str, Account]:
        """Accounts that entries can be made on, by id."""

        async def read() -> dict[str, Account]:
            content = await self._client.json(f"{API}/accounts", {"include_archive": False})
            try:
                rows = [row for row in rows_of(content, "accounts") if not row.get("is_parent")]
            except ValueError as error:
                raise unreadable("accounts", error) from None
            return {str(row["id"]): _account(row) for row in rows}

        found: dict[str, Account] = await self._get("accounts", read, fresh)
        return found

    async def account(self, name: str, field: str = "account") -> Account:
        """An account by id, number or name. Raises `Rejected`."""
        accounts = await self.accounts()
        found = accounts.get(name) or next((a for a in accounts.values() if name and name in (a.code, a.name)), None)
        if found is None:
            raise Rejected(
                f"Jurnal has no account {name!r}", code="unknown_account", field=field,
                cure="Choose an account of Jurnal in the mapping, by its number, name or id.",
            )  # fmt: skip
        return found

    async def role_account(self, role: str) -> Account:
        """The account of a role of the settings (receivable, payable, return, tax, deposit …). Raises `Rejected`."""
        name = self._chosen.get(role, "")
        if name:
            return await self.account(name, f"account_{role}")
        kind = {"receivable": "receivable", "payable": "payable"}.get(role, "")
        found = [a for a in (await self.accounts()).values() if a.type == kind] if kind else []
        if not found:
            raise Rejected(
                f"Jurnal has no account for {role}", code="unknown_account", field=f"account_{role}",
                cure=f"Name the account in the setting 'account_{role}', by its number.",
            )  # fmt: skip
        return min(found, key=lambda account: account.code or "~")

    # -- taxes, warehouses, tags ------------------------------------------------------------------------------------

    async def taxes(self, *, fresh: bool = False) -> dict[str, TaxCode]:
        """Taxes by id."""

        async def read() -> dict[str, TaxCode]:
            return {
                str(row["id"]): TaxCode(
                    str(row["id"]), str(row.get("name") or ""), number(row.get("rate")) / 100,
                    active=not row.get("archive"),
                )
                for row in await self._rows("taxes")
            }  # fmt: skip

        found: dict[str, TaxCode] = await self._get("taxes", read, fresh)
        return found

    async def tax(self, code: str, rate: Decimal) -> str:
        """The id of the tax for a line: the one that the mapping chose, else that of its rate. Raises `Rejected`."""
        taxes = await self.taxes()
        percent = format((rate * 100).normalize(), "f")
        chosen = code or self._chosen_taxes.get(rate.normalize(), "")
        if chosen:
            named = taxes.get(chosen) or next((t for t in taxes.values() if t.name == chosen), None)
            if named is not None:
                return named.id
            raise Rejected(
                f"Jurnal has no tax {chosen!r}", code="unmapped_tax", field="lines.tax_code",
                cure="Choose a tax of Jurnal in the mapping or in the setting 'taxes'.",
            )  # fmt: skip
        found = [t for t in taxes.values() if t.rate == rate and t.active]
        if len(found) == 1:
            return found[0].id
        told = f"Jurnal has {len(found)} taxes of {percent} %" if found else f"Jurnal has no tax of {percent} %"
        raise Rejected(
            told, code="unmapped_tax", field="lines.tax_rate",
            cure=f"Create the tax in Jurnal, or name it in the setting 'taxes' ({percent}=NAME).",
        )  # fmt: skip

    async def near_rate(self, share: Decimal) -> Decimal:
        """The rate of a tax that comes nearest to `share`, for a tax that is stated without its rate."""
        rates = {t.rate for t in (await self.taxes()).values() if t.rate > ZERO}
        return min(rates, key=lambda rate: abs(rate - share)) if rates else share

    async def warehouses(self, *, fresh: bool = False) -> dict[str, Warehouse]:
        """Warehouses by id; none where the plan has none."""

        async def read() -> dict[str, Warehouse]:
            rows = await self._rows("warehouses")
            return {str(r["id"]): Warehouse(str(r["id"]), str(r.get("name") or ""), not r.get("archive")) for r in rows}

        found: dict[str, Warehouse] = await self._get("warehouses", read, fresh)
        return found

    async def warehouse(self, chosen: Iterable[str]) -> str:
        """The id of the one warehouse of a document's lines; "" for Jurnal's own. Raises `Rejected`."""
        names = {name or self.warehouse_name for name in chosen}
        if len(names) > 1:
            raise Rejected(
                "a document of Jurnal has one warehouse, and the lines of this one name several", code="warehouses",
                field="lines.warehouse", cure="Map the products of one order to one warehouse.",
            )  # fmt: skip
        name = names.pop() if names else self.warehouse_name
        if not name:
            return ""
        warehouses = await self.warehouses()
        found = warehouses.get(name) or next((w for w in warehouses.values() if w.name == name), None)
        if found is None:
            raise Rejected(
                f"Jurnal has no warehouse {name!r}", code="unknown_warehouse", field="lines.warehouse",
                cure="Choose a warehouse of Jurnal in the mapping or in the setting 'warehouse'.",
            )  # fmt: skip
        return found.id

    async def tags(self, *, fresh: bool = False) -> dict[str, Dimension]:
        """Tags, by which Jurnal sorts transactions, by id."""

        async def read() -> dict[str, Dimension]:
            return {
                str(row["id"]): Dimension(str(row["id"]), "project", str(row.get("name") or ""))
                for row in await self._rows("tags")
            }

        found: dict[str, Dimension] = await self._get("tags", read, fresh)
        return found

    async def tag_names(self, dimensions: Iterable[tuple[str, str]]) -> list[str]:
        """The names of the tags that the mapping chose. Raises `Rejected`."""
        names: list[str] = []
        for _kind, id in dimensions:
            found = (await self.tags()).get(id)
            if found is None:
                raise Rejected(
                    f"Jurnal has no tag with the id {id!r}", code="unknown_dimension", field="dimensions",
                    cure="Choose a tag of Jurnal in the mapping.",
                )  # fmt: skip
            names.append(found.name)
        return names

    # -- products ---------------------------------------------------------------------------------------------------

    async def goods(self, *, fresh: bool = False) -> dict[str, Goods]:
        """Every product by its code; those without a code are left out."""

        async def read() -> dict[str, Goods]:
            found: dict[str, Goods] = {}
            page = pages = 1
            while page <= pages:
                content = await self._client.json(f"{SCM}/products/minified", {"page": page, "page_size": PAGE})
                try:
                    for row in rows_of(content, "products"):
                        one = goods_of(row, self.currency)
                        if one.product.code:
                            found[one.product.code] = one
                    pages = pages_of(content)[0]
                except (ValueError, KeyError, TypeError) as error:
                    raise unreadable("products", error) from None
                page += 1
            return found

        goods: dict[str, Goods] = await self._get("goods", read, fresh)
        return goods

    async def product_for(self, code: str, role: str, account: str) -> str:
        """The product code of a line, that books to `account` where the mapping names one. Raises `Rejected`."""
        code = code or self.roles.get(role, "")
        if account:
            wanted = (await self.account(account, "lines.account")).id
            goods = await self.goods()
            if code in goods and goods[code].sell_account == wanted:
                return code
            fits = [c for c, g in goods.items() if g.sell_account == wanted and not g.product.stocked]
            if role != "sales" or not code:
                if fits:
                    return min(fits)
                code = ""
            raise Rejected(
                f"Jurnal books a sale to the account of its product, and {code or role!r} has another account than "
                f"the mapping chose", code="account_of_product", field="lines.account",
                cure="Give the product that account in Jurnal, or take the account out of the mapping.",
            )  # fmt: skip
        if not code:
            raise Rejected(
                f"Jurnal needs a product for a line of the kind {role}", code="missing_mapping", field="lines.role",
                cure=f"Create a product without stock in Jurnal and name its code in the setting 'product_{role}'.",
            )  # fmt: skip
        return code


def _account(row: Row) -> Account:
    category = str(row.get("category") or "").lower()
    kind: AccountType = next((kind for part, kind in _CATEGORIES if part in category), "other")
    name = str(row.get("name") or "")
    if kind in ("asset", "liability") and ("ppn" in name.lower() or "tax" in name.lower()):
        kind = "tax"
    return Account(
        str(row["id"]), name, kind, str(row.get("number") or ""), str(row.get("currency_code") or ""),
        not row.get("archive"),
    )  # fmt: skip


def goods_of(row: Row, currency: str) -> Goods:
    """A product of `products` or of `products/minified`."""
    parts = row.get("product_bundles") or ()
    product = Product(
        id=str(row["id"]),
        code=str(row.get("product_code") or row.get("code") or ""),
        name=str(row.get("name") or ""),
        price=number(row.get("sell_price_per_unit")),
        currency=currency,
        components=tuple(
            Component(str(part["product_code"]), number(part.get("quantity")))
            for part in parts
            if isinstance(part, dict) and part.get("product_code")
        ),
        stocked=bool(row.get("track_inventory")),
        active=not (row.get("archive") or row.get("active") is False),
        updated_at=str(row.get("updated_at") or ""),
    )
    return Goods(product, number(row.get("quantity")), str(inner(row, "sell_account").get("id") or ""))
