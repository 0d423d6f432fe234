"""Mapping: which account, tax, warehouse and dimension of the books a store's words mean, for one pair.

A mapping is data that a person accepted, versioned by whoever keeps it; `selaras.rules.mapper` applies it to an order.

Words of a need, of a rule's `set`, and of the command line: `account:ROLE`, `method:NAME`, `tax`, `warehouse`,
`dimension:KIND`. Roles are those of `ACCOUNT_ROLES`.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Table
from decimal import Decimal
from typing import Final

import msgspec

from selaras.model.chart import Account, Dimension, TaxCode, Warehouse
from selaras.model.order import Order
from selaras.rules.explain import N_, Sentence

# What an account is for. `return`: goods taken back, where the books keep that apart from sales. `transfer_fee`: what a
# bank kept of a buyer's transfer; `withholding`: income tax that a buyer withheld (PPh 23), a claim on the tax office;
# `exchange`: what lies between money and order where they are of two currencies, for books without one of their own.
ACCOUNT_ROLES: Final = (
    "receivable", "sales", "return", "discount", "shipping", "fee", "rounding", "output_tax", "deposits",
    "transfer_fee", "withholding", "exchange",
)  # fmt: skip
DIMENSION_KINDS: Final = ("branch", "department", "project", "cost_center")
ANY: Final = "*"

USED = Sentence(N_("Accounts and taxes by version %(version)s of the mapping."))
GONE: Final = Sentence(N_("the books do not have it"))()
INACTIVE: Final = Sentence(N_("it is switched off in the books"))()
OTHER_CURRENCY: Final = Sentence(N_("it is kept in another currency"))()
_TAX = Sentence(N_("tax %(rate)s %%"))
_TAX_AT = Sentence(N_("tax %(rate)s %% in %(place)s"))
_TAX_UNKNOWN = Sentence(N_("tax of a rate that the store does not say"))
_METHOD = Sentence(N_("payment method '%(name)s'"))
_WAREHOUSE = Sentence(N_("the warehouse of the goods"))
_WAREHOUSE_OF = Sentence(N_("the warehouse of the location '%(name)s'"))
_ACCOUNT = Sentence(N_("the account for %(role)s"))
_DIMENSION = Sentence(N_("the dimension %(kind)s"))


class TaxRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The tax of the books for a rate (a fraction, 0.11) at a place ("ID", "ID-JK"; "" = anywhere)."""

    rate: Decimal
    tax: str
    place: str = ""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `set` means when every condition holds; an empty condition always does. The first rule that fits wins.

    `code` is the beginning of the product's code in the books, `channel` the store's sales channel, `place` where the
    goods go ("ID" also fits "ID-JK"), `currency` the order's. A rule for a whole document (dimensions, receivable)
    with a `code` fits when every product of the document begins with it.
    """

    set: str
    to: str
    code: str = ""
    channel: str = ""
    place: str = ""
    currency: str = ""


class Mapping(msgspec.Struct, frozen=True, omit_defaults=True):
    """The mapping of one pair. Values are the books' own ids.

    `methods`    way of paying → account that the money lies on ("*" = any other)
    `warehouses` location of the store → warehouse of the books ("*" = any other, and orders without a location)
    `dimensions` kind → value for every document; `rules` come before these and before `accounts`
    `require`    what nothing may be posted without, beside what the books cannot choose themselves
    """

    accounts: dict[str, str] = {}
    methods: dict[str, str] = {}
    taxes: tuple[TaxRule, ...] = ()
    warehouses: dict[str, str] = {}
    dimensions: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()
    require: tuple[str, ...] = ()
    version: int = 0

    @property
    def empty(self) -> bool:
        """True when it names nothing at all."""
        return not (
            self.accounts or self.methods or self.taxes or self.warehouses or self.dimensions or self.rules
            or self.require
        )  # fmt: skip

    def leaves_from(self, code: str) -> frozenset[str]:
        """Warehouses from which a product may leave for the store, whatever the order; none = wherever it lies."""
        found = set()
        for rule in self.rules:
            if rule.set == "warehouse" and code.startswith(rule.code):
                found.add(rule.to)
                if not (rule.channel or rule.place or rule.currency):
                    return frozenset(found)
        return frozenset(found | set(self.warehouses.values())) if self.warehouses else frozenset()


class Chart(msgspec.Struct, frozen=True):
    """What the books were last seen to be made of, by id. A kind that was never read cannot be checked."""

    accounts: dict[str, Account] = {}
    taxes: dict[str, TaxCode] = {}
    warehouses: dict[str, Warehouse] = {}
    dimensions: dict[str, Dimension] = {}

    def unfit(self, what: str, chosen: str, currency: str = "") -> str:
        """Why `chosen` cannot be used for `what` ("account:sales", "tax" …); "" when nothing is known against it."""
        kind = what.partition(":")[0]
        if kind in ("account", "method"):
            account = self.accounts.get(chosen)
            if account is not None and account.active and currency and account.currency not in ("", currency):
                return OTHER_CURRENCY
            return _against(self.accounts, account)
        if kind == "tax":
            return _against(self.taxes, self.taxes.get(chosen))
        if kind == "warehouse":
            return _against(self.warehouses, self.warehouses.get(chosen))
        return _against(self.dimensions, self.dimensions.get(chosen))


def _against(
    known: Table[str, Account | TaxCode | Warehouse | Dimension],
    found: Account | TaxCode | Warehouse | Dimension | None,
) -> str:
    if not known:
        return ""
    if found is None:
        return GONE
    return "" if found.active else INACTIVE


class Mapped(msgspec.Struct, frozen=True):
    """A pair's mapping in force: what it says, what the books need to be told (`needs`), and what they consist of."""

    store: str
    books: str
    mapping: Mapping
    needs: frozenset[str] = frozenset()
    chart: Chart = msgspec.field(default_factory=Chart)

    @property
    def idle(self) -> bool:
        """True when it changes nothing and asks for nothing."""
        return self.mapping.empty and not self.needs


def version_used(reason: str) -> int | None:
    """The version of the mapping that a posting's reason names, None when it was made without one."""
    for text in reason.split("\n"):
        found = USED.read(text)
        if found is not None and found.params["version"].isdecimal():
            return int(found.params["version"])
    return None


def places_of(order: Order) -> tuple[str, ...]:
    """Where the goods go, from the narrowest to anywhere: ("id-jk", "id", "")."""
    country, province = order.buyer.address.country.strip().casefold(), order.buyer.address.province.strip().casefold()
    if not country:
        return ("",)
    if not province:
        return (country, "")
    # Stores write a province as "JK" or as "ID-JK".
    region = province if province.startswith(country + "-") else f"{country}-{province}"
    return (region, country, "")


def percent(rate: Decimal) -> str:
    """A rate as people say it: 0.11 → 11."""
    return format((rate * 100).normalize(), "f")


def said(name: str) -> str:
    """A word of the mapping as people say it: "tax:11@ID" → "tax 11 % in ID"."""
    family, _colon, rest = name.partition(":")
    if family == "tax":
        rate, _at, place = rest.partition("@")
        if rate in ("", "?"):
            return _TAX_UNKNOWN()
        return _TAX_AT(rate=rate, place=place) if place else _TAX(rate=rate)
    if family == "method":
        return _METHOD(name=rest)
    if family == "warehouse":
        return _WAREHOUSE() if rest in ("", ANY) else _WAREHOUSE_OF(name=rest)
    if family == "dimension":
        return _DIMENSION(kind=rest.replace("_", " "))
    return _ACCOUNT(role=rest.replace("_", " "))


def choices(names: Iterable[str]) -> str:
    """The words of `selaras mapping set` that mend these."""
    made = []
    for name in names:
        family, _colon, rest = name.partition(":")
        value = {"tax": "TAX", "warehouse": "WAREHOUSE", "dimension": "VALUE"}.get(family, "ACCOUNT")
        word = f"{family}:{rest.replace('?', 'RATE') if family == 'tax' else rest}={value}"
        made.append(f"'{word}'" if " " in word or "*" in word else word)
    return " ".join(made)
