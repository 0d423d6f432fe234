"""The check of a connection: what is wrong with it, and how it is mended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from selaras.connectors.contract import Check, ConnectorError, Expired, Finding, Rejected
from selaras.connectors.woocommerce.client import Client
from selaras.connectors.woocommerce.errors import RIGHTS_CURE
from selaras.connectors.woocommerce.wire import WireIndex
from selaras.model.money import EXPONENTS

_SKEW_ALLOWED: Final = 60.0
_NONCE_WINDOW: Final = 900.0


async def check(client: Client, zone: str, clock: Callable[[], float]) -> Check:
    """Five calls, no writes: the site, the key's rights to read and to write, and the shop's settings."""
    try:
        index = await client.index()
        findings = [_address(index)]
    except (Expired, Rejected) as error:
        if error.code in ("no_rest_api", "redirected"):
            return Check("", "", "", client.skew or 0.0, (Finding("address", False, error.message, error.cure),))
        # Some sites hide their index from visitors; the shop's own paths may be open to the key all the same.
        index = WireIndex(timezone_string=zone)
        findings = [Finding("address", True, "the site hides its index, so its name and time zone were not compared")]
    skew = client.skew or 0.0
    try:
        await client.readable()
    except (Expired, Rejected) as error:
        findings.append(_clock(client, skew))
        findings.append(Finding("API key", False, error.message, error.cure))
        return Check(index.name, "", "", skew, findings)
    findings.append(Finding("API key", True))
    findings.append(await _writes(client))
    general = await client.settings("general")
    tax = await client.settings("tax")
    currency = general.get("woocommerce_currency", "")
    seen_zone = zone_of(index, zone, clock())
    findings += [
        Finding(
            "settings",
            bool(currency),
            "" if currency else "the key may not see the shop's settings",
            "" if currency else RIGHTS_CURE,
        ),
        _zone(index, seen_zone, zone),
        *([_decimals(currency, general.get("woocommerce_price_num_decimals", ""))] if currency else ()),
        *([_tax(general, tax)] if general and tax else ()),
        _clock(client, skew),
    ]
    return Check(index.name, currency, seen_zone, skew, findings)


def _address(index: WireIndex) -> Finding:
    if "wc/v3" in index.namespaces:
        return Finding("address", True)
    return Finding(
        "address",
        False,
        "this WordPress site has no WooCommerce",
        "Activate WooCommerce in WordPress, or enter the address of the shop itself.",
    )


async def _writes(client: Client) -> Finding:
    try:
        writable = await client.may_write()
    except ConnectorError as error:
        return Finding("write access", False, error.message, error.cure or "Check the connection again later.")
    return Finding(
        "write access",
        writable,
        "" if writable else "this key may only read",
        "" if writable else "Make a key with the permission Read/Write, or stock and payments stay unsent.",
    )


def zone_of(index: WireIndex, zone: str, now: float) -> str:
    """The shop's zone; the connection's own where the shop has an offset only, and the same one."""
    named = (index.timezone_string or "").strip()
    if named:
        return named
    try:
        hours = Decimal(bytes(index.gmt_offset).decode().strip('"') or "0")
    except InvalidOperation:
        return ""
    offset = dt.datetime.fromtimestamp(now, ZoneInfo(zone)).utcoffset()
    return zone if offset == dt.timedelta(seconds=int(hours * 3600)) else f"UTC{hours:+}"


def _zone(index: WireIndex, seen: str, zone: str) -> Finding:
    if seen == zone:
        return Finding("time zone", True)
    what = f"the store's day is that of {seen or 'another zone'}, this connection's {zone}"
    return Finding(
        "time zone",
        False,
        what,
        f"Set the zone of the connection to {seen}." if index.timezone_string
        else "Choose a city as the time zone in WordPress (Settings, General) and set the connection to the same.",
    )  # fmt: skip


def _decimals(currency: str, decimals: str) -> Finding:
    kept = EXPONENTS.get(currency)
    if kept is None:
        return Finding(
            "currency", False, f"{currency} is no currency of ISO 4217", "Choose the shop's currency in WooCommerce."
        )
    if not decimals.isdigit() or int(decimals) == kept:
        return Finding("currency", True)
    # Harmless where the prices are whole; an order that is not is blocked by name.
    return Finding("currency", True, f"the store shows {decimals} decimals of {currency}, which has {kept}")


def _tax(general: dict[str, str], tax: dict[str, str]) -> Finding:
    if general.get("woocommerce_calc_taxes") != "yes":
        return Finding("taxes", True, "the store calculates no taxes")
    inside = "included in" if tax.get("woocommerce_prices_include_tax") == "yes" else "added to"
    where = "the whole order" if tax.get("woocommerce_tax_round_at_subtotal") == "yes" else "each line"
    return Finding("taxes", True, f"taxes are {inside} the prices and rounded for {where}")


def _clock(client: Client, skew: float) -> Finding:
    """Harmless for reading, which goes by the store's own time; signatures are made with the store's time too."""
    if abs(skew) <= _SKEW_ALLOWED:
        return Finding("clock", True)
    told = f"the store's clock differs by {skew:.0f} s"
    if client.signer is None or abs(skew) < _NONCE_WINDOW:
        return Finding("clock", True, told)
    return Finding(
        "clock",
        False,
        f"{told}, and it refuses signatures that are older than 15 minutes by it",
        "Set the clock of this machine and of the store by NTP; meanwhile calls are signed with the store's time.",
    )
