"""Mekari Jurnal as books: the accounting application of Jurnal by Mekari, Indonesia.

API: api.mekari.com, "Jurnal API Doc" (swagger 2.0.0), and Mekari's developer documentation on HMAC and OAuth 2.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from selaras.connectors.contract import Capabilities, ConnectorType, Rate, Setting, Settings, Tools
from selaras.connectors.http import Http
from selaras.connectors.jurnal.chart import Chart
from selaras.connectors.jurnal.client import Client
from selaras.connectors.jurnal.connector import Jurnal
from selaras.connectors.jurnal.pace import Pace
from selaras.connectors.jurnal.reading import SOURCES
from selaras.connectors.jurnal.signing import MekariHmac
from selaras.connectors.jurnal.voiding import MONEY
from selaras.connectors.limiter import Chain, Limiter, shared
from selaras.connectors.oauth import OAuth
from selaras.connectors.settings import number, taxes

_DEFAULTS = {
    "base_url": "https://api.mekari.com",
    "account_url": "https://account.mekari.com",
    "auth": "hmac",
    "currency": "IDR",
    "account_return": "4-40200",
    "account_tax": "2-20500",
    "account_deposit": "2-20203",
    "product_shipping": "SHIPPING",
    "product_fee": "FEE",
    "per_minute": "30",
    "per_minute_address": "40",
    "poll_share": "0.1",
    "window": "35",
    "visibility_lag": "5",
}
ROLES = ("shipping", "fee", "rounding", "sales")
_ACCOUNTS = ("receivable", "payable", "return", "tax", "deposit")
# The call itself; a posting's lease also holds the wait for a turn, which is long at thirty calls a minute.
_CALL = 45.0
_TURN = 90.0


def _number(settings: Settings, name: str) -> float:
    return number(settings, name, _DEFAULTS[name])


def rates(settings: Settings) -> tuple[Rate, Rate]:
    """The limits of a credential and of the address it calls from: by the minute, and sixty times that by the hour.

    An address has 2,500 calls an hour at 40 a minute (help-center.jurnal.id, article 10312996578713).
    """
    own, address = int(_number(settings, "per_minute")), int(_number(settings, "per_minute_address"))
    if own < 1 or address < 1:
        raise ValueError("the settings 'per_minute' and 'per_minute_address' must be 1 or more")
    hour = address * 2500 // 40
    return (
        Rate(own / 60, burst=min(10, own), parallel=2, windows=((own, 60.0), (own * 60, 3600.0))),
        Rate(address / 60, burst=min(10, address), parallel=8, windows=((address, 60.0), (hour, 3600.0))),
    )


def build(
    settings: Settings,
    tools: Tools,
    *,
    monotonic: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Jurnal:
    """A connector for these settings. `monotonic` and `sleep` give the limits another clock (benchmarks).

    Raises `ValueError` naming the setting that is wrong.
    """
    url = (settings.get("base_url") or _DEFAULTS["base_url"]).rstrip("/")
    account_url = (settings.get("account_url") or _DEFAULTS["account_url"]).rstrip("/")
    allow_plain = settings.get("allow_plain", "") == "yes"
    how = settings.get("auth") or _DEFAULTS["auth"]
    client_id, secret = settings["client_id"], settings["client_secret"]
    if how not in ("hmac", "oauth"):
        raise ValueError(f"the setting 'auth' is hmac or oauth, not {how!r}")
    oauth = None
    if how == "oauth":
        oauth = OAuth(
            client_id, secret, f"{account_url}/auth/oauth2/token", tools.tokens, connection=tools.connection,
            authorize_url=f"{account_url}/auth", redirect_uri=settings.get("redirect_uri", ""),
            scope=settings.get("scope", ""), extra_token={"scope": settings.get("scope", "")}, grant_days=30.0,
            body_format="json",
             clock=tools.clock, allow_plain=allow_plain,
        )  # fmt: skip
    own, address = rates(settings)
    capabilities = Capabilities(
        batch=100,
        read_batch=100,
        page=100,
        idempotency="unique_ref",
        visibility_lag=_number(settings, "visibility_lag"),
        timeout=_TURN,
        rate=own,
        sources=SOURCES,
        targets=frozenset(("contact", "sales_order", "invoice", "receipt", "credit_note", "refund_payment", "journal")),
        updates=frozenset(("contact", "sales_order")),
        voids=MONEY,
    )
    if monotonic is None:
        first, second = shared(f"jurnal {url} {client_id}", own), shared(f"jurnal {url} address", address)
    else:
        first, second = Limiter(own, clock=monotonic, sleep=sleep), Limiter(address, clock=monotonic, sleep=sleep)
    signer = MekariHmac(client_id, secret, tools.clock) if how == "hmac" else None
    http = Http(
        url, auth=oauth, limiter=Chain(first, second), timeout=_CALL, clock=tools.clock, sign=signer,
        allow_plain=allow_plain, name=tools.connection,
    )  # fmt: skip
    client = Client(http, signer, tools.clock)
    roles = {role: settings.get(f"product_{role}") or _DEFAULTS.get(f"product_{role}", "") for role in ROLES}
    accounts = {role: settings.get(f"account_{role}") or _DEFAULTS.get(f"account_{role}", "") for role in _ACCOUNTS}
    chart = Chart(
        client, tools.clock, currency=settings.get("currency") or _DEFAULTS["currency"], roles=roles,
        taxes=taxes(settings, "11=PPN Keluaran"), accounts=accounts, warehouse=settings.get("warehouse", ""),
    )  # fmt: skip
    pace = Pace(
        tools.clock, lambda: client.calls, lambda: first.waiting, own.per_second, _number(settings, "poll_share")
    )
    return Jurnal(
        client, chart, capabilities, zone=tools.zone, clock=tools.clock, pace=pace, oauth=oauth,
        window=int(_number(settings, "window")), suspense=settings.get("account_suspense", ""),
    )  # fmt: skip


def _build(settings: Settings, tools: Tools) -> Jurnal:
    return build(settings, tools)


CONNECTOR = ConnectorType(
    name="jurnal",
    title="Mekari Jurnal",
    role="books",
    settings=(
        Setting("client_id", "Client id that Mekari has given out"),
        Setting("client_secret", "Client secret that belongs to the id", secret=True),
        Setting("auth", "How requests show who they are: hmac, or oauth", required=False, default="hmac"),
        Setting("scope", "Scopes of the sign-in, separated by spaces (oauth)", required=False),
        Setting("redirect_uri", "Address to which the sign-in page returns (oauth)", required=False),
        Setting("currency", "Currency of the company", required=False, default="IDR"),
        Setting("warehouse", "Name of the warehouse whose stock counts (empty: all)", required=False),
        Setting("taxes", "Taxes by rate, such as 11=PPN Keluaran (empty: the only one of its rate)", required=False),
        Setting("account_receivable", "Account of customers (empty: the first receivable account)", required=False),
        Setting("account_payable", "Account of suppliers (empty: the first payable account)", required=False),
        Setting("account_return", "Account for sales returns", required=False, default="4-40200"),
        Setting("account_tax", "Account for output tax", required=False, default="2-20500"),
        Setting("account_deposit", "Account for money received in advance", required=False, default="2-20203"),
        Setting("account_suspense", "Account for bank receipts that nobody knows yet (empty: none)", required=False),
        Setting("product_shipping", "Code of the product for shipping", required=False, default="SHIPPING"),
        Setting("product_fee", "Code of the product for fees", required=False, default="FEE"),
        Setting("product_rounding", "Code of the product for rounding", required=False),
        Setting("product_sales", "Code of the product for sales without one", required=False),
        Setting("per_minute", "Calls per minute of this credential", required=False, default="30"),
        Setting("per_minute_address", "Calls per minute from this address", required=False, default="40"),
        Setting("poll_share", "Part of the calls that a poll of one kind may use", required=False, default="0.1"),
        Setting("window", "Days of transactions that a poll reads again", required=False, default="35"),
        Setting("visibility_lag", "Seconds until a list shows a new document", required=False, default="5"),
        Setting("base_url", "Address of the API", required=False, default=_DEFAULTS["base_url"]),
        Setting("account_url", "Address of the sign-in", required=False, default=_DEFAULTS["account_url"]),
        Setting("allow_plain", "yes permits http to another machine", required=False),
    ),
    build=_build,
    docs="src/selaras/connectors/jurnal/README.md",
    grant="",
)

__all__ = ["CONNECTOR", "Jurnal", "build", "rates"]
