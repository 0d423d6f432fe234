"""The check of a connection: who the site is, what is missing in it, and how to mend it. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from selaras.connectors.contract import Check, ConnectorError, Expired, Finding, Rejected
from selaras.connectors.erpnext.chart import ROLES, Books, Chart
from selaras.connectors.erpnext.drafts import Style
from selaras.connectors.erpnext.kinds import KINDS
from selaras.connectors.erpnext.wire import Wire
from selaras.model.money import EXPONENTS

_MOST_SKEW: Final = 60.0
_ZONE: Final = "frappe.client.get_time_zone"


async def check(wire: Wire, chart: Chart, style: Style, zone: str, clock: Callable[[], float]) -> Check:
    """Read the chart anew and look at everything that documents will need."""
    before = clock()
    user = await wire.ask("frappe.auth.get_logged_user")
    after = clock()
    if not user or user == "Guest":
        raise Expired(
            "ERPNext does not know this user", code="unauthorized",
            cure="Check the key and secret in the settings of the connection, or connect it again.",
        )  # fmt: skip
    served = wire.served_at
    skew = served.timestamp() + 0.5 - (before + after) / 2 if served is not None else 0.0
    books = await chart.books(fresh=True)
    told = await wire.ask(_ZONE)
    theirs = str(told.get("time_zone") or "") if isinstance(told, dict) else ""
    findings = [
        Finding("Clock", abs(skew) <= _MOST_SKEW, f"{skew:+.1f} s", "Set the clock of one of the two servers."),
        Finding(
            "Time zone",
            theirs == zone,
            theirs or "not set",
            "Give the connection the time zone of the site (System Settings): its stamps are in local time.",
        ),
        Finding(
            "Accounts",
            bool(books.receivable),
            books.receivable,
            "Set the default receivable account on the Company in ERPNext, or in the setting 'account_receivable'.",
        ),
        Finding(
            "Warehouse",
            bool(books.warehouses),
            ", ".join(books.warehouses),
            "Name a warehouse of ERPNext in the setting 'warehouse'.",
        ),
        Finding(
            "Currency",
            books.currency in EXPONENTS,
            books.currency,
            "Selaras does not know the currency of the Company.",
        ),
        *_taxes(books, chart),
        *_roles(books, chart),
        *await _service(chart, style),
        *await _rights(wire, books),
    ]
    return Check(books.company, books.currency, theirs or zone, skew, findings)


def _taxes(books: Books, chart: Chart) -> list[Finding]:
    found = []
    for rate, wanted in chart.taxes.items():
        what = f"Tax {format((rate * 100).normalize(), 'f')} %"
        try:
            found.append(Finding(what, True, books.tax(rate, wanted, chart.taxes).id))
        except Rejected as error:
            found.append(Finding(what, False, error.message, error.cure))
    if not chart.taxes:
        named = ", ".join(tax.id for tax in books.taxes if tax.active)
        cure = "Create a Sales Taxes and Charges Template for each tax rate of the store in ERPNext."
        found.append(Finding("Taxes", bool(named), named, cure))
    return found


def _roles(books: Books, chart: Chart) -> list[Finding]:
    found = []
    for role in ROLES:
        wanted = chart.roles.get(role)
        if wanted:
            try:
                found.append(Finding(f"Account for {role}", True, books.account(wanted, f"account_{role}")))
            except Rejected as error:
                found.append(Finding(f"Account for {role}", False, error.message, error.cure))
    return found


async def _service(chart: Chart, style: Style) -> list[Finding]:
    if not style.service:
        return []
    goods = (await chart.goods([style.service])).get(style.service)
    ok = goods is not None and goods.salable and not goods.stocked
    cure = f"Create an item {style.service} in ERPNext that may be sold and keeps no stock, or change 'item_service'."
    return [Finding("Item for other lines", ok, style.service, cure)]


async def _rights(wire: Wire, books: Books) -> list[Finding]:
    """What the user may read; what it may write shows at the first document."""
    lacking = []
    for doctype in sorted({kind.doctype for kind in KINDS.values()} | {"Bin"}):
        try:
            await wire.rows(doctype, ["name"], limit=1)
        except ConnectorError as error:
            if not isinstance(error, Rejected):
                raise
            lacking.append(doctype)
    cure = "Give the user the roles Sales Manager, Accounts Manager, Stock User, Purchase User and Item Manager."
    return [Finding("Rights", not lacking, ", ".join(lacking), cure)]
