"""The check of a connection: what is wrong with it, and how it is mended."""

from __future__ import annotations

from typing import Final

from selaras.connectors.contract import Check, ConnectorError, Expired, Finding, Rejected
from selaras.connectors.medusa.client import Client
from selaras.connectors.medusa.reading import Reader
from selaras.model.money import EXPONENTS

_SKEW_ALLOWED: Final = 60.0
_HINTS: Final = (
    "Install plugins/medusa-selaras-hints in the store with the same secret, or leave it: polling finds all."
)


async def check(client: Client, reader: Reader, zone: str, *, secret: str) -> Check:
    """Some calls, no writes: the key, the store, its currency, the orders and where stock lies.

    Medusa has no time zone of its own; the day of a record is that of the connection.
    """
    try:
        stores = await client.stores()
        await client.orders([("limit", 1)])
    except (Expired, Rejected) as error:
        what = "address" if error.code in ("no_admin_api", "redirected") else "secret key"
        return Check("", "", "", client.skew or 0.0, (Finding(what, False, error.message, error.cure),))
    currency = await reader.currency()
    skew = client.skew or 0.0
    findings = [Finding("secret key", True), _currency(currency), await _location(client, reader)]
    late = abs(skew) > _SKEW_ALLOWED
    findings.append(Finding("clock", True, f"the store's clock differs by {skew:.0f} s" if late else ""))
    findings.append(Finding("hints", True, "" if secret else f"no secret is set, so hints are refused. {_HINTS}"))
    name = str(stores[0].get("name") or "") if stores else ""
    return Check(name, currency, zone, skew, findings)


def _currency(currency: str) -> Finding:
    if currency in EXPONENTS:
        return Finding("currency", True)
    told = f"{currency} is no currency of ISO 4217" if currency else "the store has no currency"
    return Finding("currency", False, told, "Choose a default currency under Settings, Store in Medusa's admin.")


async def _location(client: Client, reader: Reader) -> Finding:
    """Stock is written into one location; which one must be certain."""
    try:
        rows = (
            await client.listing("/stock-locations", "stock_locations", [("fields", "id,name"), ("limit", 100)])
        ).rows
    except ConnectorError as error:
        return Finding("location", False, error.message, error.cure or "Check the connection again later.")
    known = [row for row in rows if reader.location and f'"{reader.location}"'.encode() in row]
    if reader.location and not known:
        return Finding(
            "location", False, f"the store has no location {reader.location}",
            "Copy the location's id (sloc_…) from its address in Medusa's admin.",
        )  # fmt: skip
    if not reader.location and len(rows) > 1:
        return Finding(
            "location", False, f"the store has {len(rows)} locations, and the connection names none",
            "Enter the id of the location whose stock the books keep.",
        )  # fmt: skip
    return Finding("location", True)
