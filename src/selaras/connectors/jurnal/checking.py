"""What a connection to Jurnal finds, and what is missing there."""

from __future__ import annotations

from typing import Any

from selaras.connectors.contract import Check, Finding, Rejected
from selaras.connectors.jurnal.chart import Chart
from selaras.connectors.jurnal.client import Client
from selaras.connectors.jurnal.values import API

_MOST_SKEW = 60.0


async def check(client: Client, chart: Chart, zone: str) -> Check:
    """Company, currency, clock, accounts and service products, in about four calls."""
    content = await client.json(f"{API}/companies/active", what="the company")
    company: Any = content.get("company", content) if isinstance(content, dict) else {}
    if not isinstance(company, dict):
        company = {}
    unit = company.get("company_currency")
    currency = str((unit.get("code") if isinstance(unit, dict) else "") or company.get("currency_code") or "")
    findings = [
        Finding(
            "Clock", abs(client.skew) <= _MOST_SKEW, f"{client.skew:+.1f} s",
            "Set the clock of this machine; Mekari refuses what is signed 300 seconds off.",
        ),
        Finding(
            "Currency", currency in ("", chart.currency), currency or chart.currency,
            "Write the currency of the company into the setting 'currency'.",
        ),
    ]  # fmt: skip
    accounts = await chart.accounts(fresh=True)
    findings.append(
        Finding("Accounts", bool(accounts), str(len(accounts)), "Give the credential the right to read accounts.")
    )
    for role in ("receivable", "payable", "return", "tax", "deposit"):
        try:
            found = await chart.role_account(role)
            findings.append(Finding(f"Account for {role}", True, f"{found.code} {found.name}"))
        except Rejected as error:
            findings.append(Finding(f"Account for {role}", False, error.message, error.cure))
    goods = await chart.goods(fresh=True)
    for role, code in sorted(chart.roles.items()):
        if code:
            findings.append(
                Finding(
                    f"Product for {role}", code in goods and not goods[code].product.stocked, code,
                    f"Create a product without stock with the code {code} in Jurnal, or name another one.",
                )
            )  # fmt: skip
    return Check(str(company.get("name") or "Jurnal"), currency or chart.currency, zone, client.skew, findings)
