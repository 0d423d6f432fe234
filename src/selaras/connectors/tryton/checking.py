"""The check of a connection: who the books are, what is missing in them, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from selaras.connectors.contract import Check, ConnectorError, Finding, Rejected
from selaras.connectors.tryton.chart import Books, Chart
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import EXPONENTS

_MOST_SKEW: Final = 60.0
_RIGHTS: Final = {
    "party.party": "rwc",
    "product.product": "r",
    "sale.sale": "rwc",
    "account.invoice": "rwc",
    "account.statement": "rwcd",
    "account.move": "rwcd",
    "stock.shipment.out": "rw",
    "stock.shipment.out.return": "rwc",
    "stock.move": "rw",
    "purchase.purchase": "r",
}
_LETTERS: Final = {"r": "read", "w": "write", "c": "create", "d": "delete"}


async def check(wire: Wire, chart: Chart, zone: str, clock: Callable[[], float]) -> Check:
    """Read the chart anew and look at everything that documents will need. Writes nothing."""
    before = clock()
    books = await chart.books(fresh=True)
    after = clock()
    served = wire.served_at
    skew = served.timestamp() + 0.5 - (before + after) / 2 if served is not None else 0.0
    findings = [
        Finding("Clock", abs(skew) <= _MOST_SKEW, f"{skew:+.1f} s", "Set the clock of one of the two servers."),
        _zone(books, zone),
        _digits(books),
        Finding(
            "Tax rounding",
            books.tax_rounding == "line",
            books.tax_rounding,
            "Choose 'Per Line' in Tryton (Financial > Configuration > Configuration), or totals differ by a rupiah.",
        ),
        Finding(
            "Accounts",
            books.receivable_id is not None,
            "",
            "Set the default receivable account in Tryton (Financial > Configuration > Configuration).",
        ),
        _year(books),
        Finding(
            "Warehouse",
            books.warehouse_id is not None,
            books.warehouse_name,
            "Name a warehouse of Tryton in the setting 'warehouse'.",
        ),
        Finding(
            "Statement journals",
            bool(books.feeds),
            ", ".join(f"{feed.name} ({feed.account_code or feed.account_name})" for feed in books.feeds),
            "Create one for each bank or clearing account (Financial > Configuration > Statement Journals).",
        ),
        *_taxes(books, chart),
        *await _roles(chart),
        *await _rights(wire),
    ]
    return Check(books.company_name, books.currency, books.zone or zone, skew, findings)


def _zone(books: Books, zone: str) -> Finding:
    if not books.zone:
        return Finding(
            "Time zone",
            False,
            "not set",
            "Set the company's time zone in Tryton (Companies): it decides what today is.",
        )
    cure = "Give the connection the zone of the books, or days will be cut at different hours."
    return Finding("Time zone", books.zone == zone, books.zone, cure)


def _digits(books: Books) -> Finding:
    rounding = books.currencies[books.currency][1]
    digits = max(0, -int(rounding.normalize().as_tuple().exponent))
    wanted = EXPONENTS.get(books.currency, digits)
    cure = (
        f"Set digits {wanted} and the rounding factor to match on {books.currency} in Tryton (Currency > Currencies)."
    )
    return Finding("Decimals", digits == wanted, f"{books.currency}: {digits}", cure)


def _year(books: Books) -> Finding:
    open_periods = [period for period in books.periods if not period.closed]
    told = f"{min(p.start for p in open_periods)} – {max(p.end for p in open_periods)}" if open_periods else "none"
    cure = "Create a fiscal year with its periods in Tryton (Financial > Configuration > Fiscal Years)."
    return Finding("Open periods", bool(open_periods), told, cure)


def _taxes(books: Books, chart: Chart) -> list[Finding]:
    found = []
    for rate in books.sale_rates():
        what = f"Tax {format((rate * 100).normalize(), 'f')} %"
        try:
            chosen = books.tax_of(rate, chart.taxes)
            name = next((str(tax["name"]) for tax in books.taxes if tax["id"] == chosen), "")
            found.append(Finding(what, True, name))
        except Rejected as error:
            found.append(Finding(what, False, error.message, error.cure))
    return found


async def _roles(chart: Chart) -> list[Finding]:
    there = await chart.role_goods()
    return [
        Finding(
            f"Product for {role}",
            role in there and there[role].salable,
            code,
            f"Create a salable service product with the code {code} in Tryton, or change 'product_{role}'.",
        )
        for role, code in chart.roles.items()
    ]


async def _rights(wire: Wire) -> list[Finding]:
    """What the user may do. The key of a user application cannot ask; there the first refusal tells."""
    if not wire.lists:
        return []
    try:
        answer = await wire.call("ir.model.access", "get_access", list(_RIGHTS))
    except ConnectorError as error:
        if isinstance(error, Rejected):
            return [Finding("Rights", False, error.message, error.cure)]
        raise
    lacking: list[str] = []
    for model, letters in _RIGHTS.items():
        allowed = answer.get(model) or {}
        missing: Sequence[str] = [_LETTERS[letter] for letter in letters if not allowed.get(_LETTERS[letter])]
        if missing:
            lacking.append(f"{model}: {', '.join(missing)}")
    cure = "Give the user the groups Sales, Accounting, Statement, Stock, Purchase, Party and Product Administration."
    return [Finding("Rights", not lacking, "; ".join(lacking), cure)]
