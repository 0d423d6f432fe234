"""What the books are made of: company, currencies, taxes, accounts, journals, periods, warehouse, service products.

It is read once and again after a while (or when something is missing), so that documents need no look-ups of their own.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import Rejected
from selaras.connectors.tryton.pricing import Precision
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import ZERO

ROLES: Final = ("shipping", "fee", "discount", "sales", "rounding")
# What Tryton books exchange differences with.
_EXCHANGES: Final = (
    "currency_exchange_journal", "currency_exchange_credit_account", "currency_exchange_debit_account",
)  # fmt: skip
_FRESH: Final = 120.0
_PRICE: Final = Decimal("0.0001")


class Feed(msgspec.Struct, frozen=True):
    """A statement journal: the way by which money reaches the account `account_id`."""

    id: int
    name: str
    account_id: int
    account_code: str
    account_name: str
    currency_id: int
    validation: str


class Period(msgspec.Struct, frozen=True):
    """A period of a fiscal year."""

    start: dt.date
    end: dt.date
    closed: bool
    year_start: dt.date
    year_end: dt.date
    id: int = 0


class Account(msgspec.Struct, frozen=True):
    """An account that can be booked on; some (those of customers) need a party on every line."""

    id: int
    code: str
    name: str
    party_required: bool


class Goods(msgspec.Struct, frozen=True):
    """What a line needs to know of a product."""

    id: int
    code: str
    unit_id: int
    stocked: bool
    salable: bool


class House(msgspec.Struct, frozen=True):
    """A warehouse: goods that can be promised lie in its storage and output zones."""

    id: int
    storage_id: int
    output_id: int


class Books(msgspec.Struct, frozen=True):
    """One reading of the chart. `houses` are the warehouses whose stock counts, that of the connection first."""

    company_id: int
    company_name: str
    currency: str
    currency_id: int
    zone: str
    tax_rounding: str
    receivable_id: int | None
    revenue_id: int | None
    sales_journal_id: int | None
    warehouse_id: int | None
    warehouse_name: str
    storage_id: int
    input_id: int
    output_id: int
    customer_id: int | None
    currencies: Mapping[str, tuple[int, Decimal]]
    taxes: tuple[Row, ...]
    feeds: tuple[Feed, ...]
    periods: tuple[Period, ...]
    general_journal_id: int | None = None
    exchange_journal_id: int | None = None
    exchanges: bool = False
    houses: tuple[House, ...] = ()

    def currency_of(self, code: str) -> tuple[int, Precision]:
        """Id and precision of a currency. Raises `Rejected`."""
        try:
            currency_id, rounding = self.currencies[code]
        except KeyError:
            raise Rejected(
                f"Tryton has no currency {code}", code="unknown_currency", field="currency",
                cure="Create the currency and its rate in Tryton (Currency > Currencies).",
            ) from None  # fmt: skip
        return currency_id, Precision(rounding, _PRICE)

    def code_of(self, currency_id: int) -> str:
        """ISO 4217 code of a currency of Tryton."""
        return next((code for code, (one, _) in self.currencies.items() if one == currency_id), "")

    def sale_rates(self) -> list[Decimal]:
        """Rates of the taxes that sales can bear, the highest first."""
        return sorted({t["rate"] for t in self.taxes if for_sales(t)}, reverse=True)

    def tax_of(self, rate: Decimal, chosen: Mapping[Decimal, str], mapped: str = "") -> int:
        """The tax for `rate`: the one that is `mapped`, that the settings name, or the only one. Raises `Rejected`."""
        if mapped and not any(str(t["id"]) == mapped for t in self.taxes):
            raise Rejected(
                f"Tryton has no tax {mapped!r} in use", code="unmapped_tax", field="lines.tax_code",
                cure="Choose another tax in the mapping (selaras mapping set).",
            )  # fmt: skip
        if mapped and any(str(t["id"]) == mapped and t["rate"] == rate for t in self.taxes):
            return int(mapped)
        name = chosen.get(rate.normalize(), "")
        found = [t for t in self.taxes if t["rate"] == rate and (not name or name in (str(t["id"]), t["name"]))]
        if not name:
            found = [t for t in found if for_sales(t, strictly=True)] or [t for t in found if for_sales(t)]
        if len(found) == 1:
            return int(found[0]["id"])
        percent = format((rate * 100).normalize(), "f")
        told = f"Tryton has no tax of {percent} % for sales"
        if found:
            told = f"Tryton has {len(found)} taxes of {percent} % for sales"
        raise Rejected(
            told, code="unmapped_tax", field="lines.tax_rate",
            cure=f"Put the tax into a group for sales in Tryton, or name it in the setting 'taxes' ({percent}=NAME).",
        )  # fmt: skip

    def period_of(self, day: dt.date) -> Period | None:
        """The period of a day, None where there is no fiscal year."""
        return next((p for p in self.periods if p.start <= day <= p.end), None)

    def feed_of(self, account: str, currency_id: int) -> Feed:
        """The statement journal of an account, by the account's id, code or name or its own name. Raises `Rejected`."""
        for feed in self.feeds:
            if feed.currency_id == currency_id and account in (
                str(feed.account_id), feed.account_code, feed.account_name, feed.name
            ):  # fmt: skip
                return feed
        raise Rejected(
            f"Tryton has no statement journal in {self.code_of(currency_id)} for the account {account!r}",
            code="unknown_account", field="account",
            cure="Create one in Tryton (Financial > Configuration > Statement > Statement Journals).",
        )  # fmt: skip


def for_sales(tax: Row, *, strictly: bool = False) -> bool:
    """Whether a tax is for sales; with `strictly` one without a group is not."""
    group = tax.get("group")
    kind = group.get("kind") if isinstance(group, dict) else None
    return kind in ("sale", "both") or (not strictly and kind is None)


class Chart:
    """Reads the books' make-up when it is needed, and again when it is old."""

    def __init__(
        self,
        wire: Wire,
        *,
        company: str = "",
        warehouse: str = "",
        roles: Mapping[str, str] | None = None,
        taxes: Mapping[Decimal, str] | None = None,
    ) -> None:
        self._wire = wire
        self._company = company
        self._warehouse = warehouse
        self.roles = dict(roles or {})
        self.taxes = dict(taxes or {})
        self._books: Books | None = None
        self._read_at = 0.0
        self._goods: dict[str, Goods] = {}
        self._accounts: dict[int, int] = {}

    async def books(self, *, fresh: bool = False) -> Books:
        """The chart, at most two minutes old. Raises `ConnectorError`."""
        now = time.monotonic()
        if self._books is None or fresh or now - self._read_at > _FRESH:
            self._books = await self._read()
            self._read_at = now
            self._goods.clear()
        return self._books

    async def _read(self) -> Books:
        wire = self._wire
        domain = [["party.name", "=", self._company]] if self._company else []
        companies = await wire.rows(
            "company.company",
            domain,
            ["party.name", "currency.code", "currency.digits", "timezone"],
        )
        if len(companies) != 1:
            told = f"Tryton has {len(companies)} companies"
            if self._company:
                told = f"Tryton has {len(companies)} companies with the name {self._company!r}"
            raise Rejected(
                told,
                code="company", field="company", cure="Name the company in the setting 'company'.",
            )  # fmt: skip
        company = companies[0]
        wire.act_for(company["id"])
        currencies = await wire.rows("currency.currency", [], ["code", "rounding"])
        settings = await wire.rows(
            "account.configuration",
            [],
            ["tax_rounding", "default_account_receivable", "default_category_account_revenue", *_EXCHANGES],
        )
        taxes = await wire.rows(
            "account.tax",
            [["type", "=", "percentage"], ["parent", "=", None], ["company", "=", company["id"]]],
            ["name", "rate", "group.kind"],
        )
        feeds = await wire.rows(
            "account.statement.journal",
            [["company", "=", company["id"]]],
            ["name", "account.code", "account.name", "currency", "validation"],
        )
        periods = await self._periods(company["id"], [])
        journals = await wire.rows("account.journal", [["type", "in", ["revenue", "general"]]], ["type"])
        places = await wire.rows(
            "stock.location",
            [["type", "in", ["warehouse", "customer"]]],
            ["name", "code", "type", "storage_location", "input_location", "output_location"],
        )
        named = self._warehouse
        houses = [p for p in places if p["type"] == "warehouse" and (not named or named in (p["code"], p["name"]))]
        house: Row = houses[0] if houses else {}
        customer = next((p["id"] for p in places if p["type"] == "customer"), None)
        setting: Row = settings[0] if settings else {}
        return Books(
            company_id=company["id"],
            company_name=company["party"]["name"],
            currency=company["currency"]["code"],
            currency_id=company["currency"]["id"],
            zone=company.get("timezone") or "",
            tax_rounding=setting.get("tax_rounding") or "document",
            receivable_id=setting.get("default_account_receivable"),
            revenue_id=setting.get("default_category_account_revenue"),
            sales_journal_id=next((j["id"] for j in journals if j["type"] == "revenue"), None),
            exchange_journal_id=setting.get("currency_exchange_journal"),
            exchanges=all(setting.get(name) for name in _EXCHANGES),
            general_journal_id=next((j["id"] for j in journals if j["type"] == "general"), None),
            warehouse_id=house.get("id"),
            warehouse_name=house.get("name") or "",
            storage_id=house.get("storage_location") or 0,
            input_id=house.get("input_location") or 0,
            output_id=house.get("output_location") or 0,
            customer_id=customer,
            houses=tuple(House(h["id"], h["storage_location"] or 0, h["output_location"] or 0) for h in houses),
            currencies={c["code"]: (c["id"], c["rounding"]) for c in currencies},
            taxes=tuple(taxes),
            feeds=tuple(
                Feed(
                    f["id"], f["name"], f["account"]["id"], f["account"]["code"] or "", f["account"]["name"],
                    f["currency"], f["validation"],
                )
                for f in feeds
            ),
            periods=periods,
        )  # fmt: skip

    async def _periods(self, company_id: int, domain: list[Any]) -> tuple[Period, ...]:
        rows = await self._wire.rows(
            "account.period",
            [["type", "=", "standard"], ["company", "=", company_id], *domain],
            ["start_date", "end_date", "state", "fiscalyear.start_date", "fiscalyear.end_date"],
        )
        return tuple(
            Period(
                row["start_date"],
                row["end_date"],
                row["state"] != "open",
                row["fiscalyear"]["start_date"],
                row["fiscalyear"]["end_date"],
                row["id"],
            )
            for row in rows
        )

    async def on(self, days: Sequence[dt.date]) -> Books:
        """The chart with the periods of these days as they are now: what is confirmed cannot be taken back."""
        books = await self.books()
        if not days:
            return books
        covering = [["start_date", "<=", max(days)], ["end_date", ">=", min(days)]]
        return msgspec.structs.replace(books, periods=await self._periods(books.company_id, covering))

    async def closed_until(self) -> dt.date | None:
        """The last day before the first open period, as it is now; None when no period before it is closed."""
        books = await self.books()
        periods = await self._periods(books.company_id, [])
        first_open = min((p.start for p in periods if not p.closed), default=None)
        ends = [p.end for p in periods if p.closed and (first_open is None or p.end < first_open)]
        return max(ends, default=None)

    async def accounts(self, books: Books, names: Iterable[str]) -> dict[str, Account]:
        """Accounts that can be booked on, by their ids, else their codes or names; what is not there is left out."""
        wanted = sorted({name for name in names if name})
        if not wanted:
            return {}
        rows = await self._wire.rows(
            "account.account",
            [
                ["company", "=", books.company_id],
                ["type", "!=", None],
                ["closed", "!=", True],
                ["OR", ["id", "in", [int(name) for name in wanted if name.isdecimal()]], ["code", "in", wanted],
                 ["name", "in", wanted]],
            ],
            ["code", "name", "party_required"],
        )  # fmt: skip
        there = [Account(row["id"], row["code"] or "", row["name"], bool(row["party_required"])) for row in rows]
        found: dict[str, Account] = {}
        for field in ("id", "code", "name"):
            for account in there:
                if (text := str(getattr(account, field))) in wanted:
                    found.setdefault(text, account)
        return found

    # -- products ---------------------------------------------------------------------------------------------------

    async def goods(self, codes: Iterable[str]) -> dict[str, Goods]:
        """The products of these codes; what Tryton does not have is left out."""
        wanted = {code for code in codes if code}
        missing = sorted(wanted - self._goods.keys())
        if missing:
            rows = await self._wire.rows(
                "product.product",
                [["code", "in", missing]],
                ["code", "default_uom", "sale_uom", "type", "salable"],
            )
            for row in rows:
                unit = row.get("sale_uom") or row["default_uom"]
                stocked = row["type"] == "goods"
                self._goods[row["code"]] = Goods(row["id"], row["code"], unit, stocked, bool(row["salable"]))
        return {code: self._goods[code] for code in wanted if code in self._goods}

    async def role_goods(self) -> dict[str, Goods]:
        """The service products that stand for shipping, fee, discount … as far as the settings name them."""
        found = await self.goods(self.roles.values())
        return {role: found[code] for role, code in self.roles.items() if code in found}

    async def revenue_account(self, books: Books, goods: Goods | None) -> int:
        """The account to which Tryton itself books sales of a product. Raises `Rejected`."""
        product = goods.id if goods is not None else 0
        if product and product not in self._accounts:
            values: dict[str, Any] = {
                "id": -1, "type": "line", "invoice": None, "invoice_type": "out", "product": product,
                "company": books.company_id, "currency": books.currency_id, "party": None, "taxes": [],
                "account": None, "unit": None, "unit_price": None, "quantity": 1, "origin": None,
                "taxes_deductible_rate": None,
            }  # fmt: skip
            changed = await self._wire.call("account.invoice.line", "on_change_product", values)
            if isinstance(changed, dict) and isinstance(changed.get("account"), dict | int):
                account = changed["account"]
                self._accounts[product] = account["id"] if isinstance(account, dict) else account
        account_id = self._accounts.get(product) or books.revenue_id
        if not account_id:
            raise Rejected(
                "Tryton has no revenue account for this line", code="missing_account", field="lines",
                cure="Give the product's accounting category a revenue account in Tryton.",
            )  # fmt: skip
        return int(account_id)


def main_rate(books: Books) -> Decimal:
    """The rate of a tax that is stated without one: the highest for sales, as PPN is in Indonesia."""
    rates = books.sale_rates()
    return rates[0] if rates else ZERO
