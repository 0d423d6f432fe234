"""ERPNext 15 and 16 (Frappe) as books: self-hosted accounting, selling and stock.

API: Frappe's REST API (`/api/resource`, `/api/method`), docs.frappe.io, "REST API" and "OAuth 2".
"""

from __future__ import annotations

from selaras.connectors.auth import Auth, FixedHeaders
from selaras.connectors.contract import Capabilities, ConnectorType, Rate, Setting, Settings, Tools
from selaras.connectors.erpnext.chart import ROLES, Chart
from selaras.connectors.erpnext.connector import ERPNext
from selaras.connectors.erpnext.drafts import Style
from selaras.connectors.erpnext.wire import Wire
from selaras.connectors.http import Http
from selaras.connectors.limiter import shared
from selaras.connectors.oauth import OAuth
from selaras.connectors.settings import number, taxes

_DEFAULTS = {
    "batch": "25",
    "visibility_lag": "30",
    "overlap": "180",
    "rate": "20",
    "parallel": "2",
    "timeout": "60",
}
_OAUTH = "/api/method/frappe.integrations.oauth2."


def _number(settings: Settings, name: str) -> float:
    return number(settings, name, _DEFAULTS[name])


def _choice(settings: Settings, name: str, *allowed: str) -> str:
    found = settings.get(name) or allowed[0]
    if found not in allowed:
        raise ValueError(f"the setting {name!r} is {' or '.join(allowed)}, not {found!r}")
    return found


def _auth(settings: Settings, tools: Tools, url: str, allow_plain: bool) -> tuple[Auth, OAuth | None]:
    """Key and secret of a user where both are given, else OAuth 2.0 with client id and secret. Raises `ValueError`."""
    key, secret = settings.get("api_key", "").strip(), settings.get("api_secret", "").strip()
    if key and secret and _choice(settings, "grant", "key", "authorization_code") == "key":
        return FixedHeaders({"Authorization": f"token {key}:{secret}"}), None
    client_id, client_secret = settings.get("client_id", "").strip(), settings.get("client_secret", "").strip()
    if not (client_id and client_secret):
        raise ValueError("the settings 'api_key' and 'api_secret' are needed, or 'client_id' and 'client_secret'")
    oauth = OAuth(
        client_id,
        client_secret,
        f"{url}{_OAUTH}get_token",
        tools.tokens,
        connection=tools.connection,
        authorize_url=f"{url}{_OAUTH}authorize",
        revoke_url=f"{url}{_OAUTH}revoke_token",
        redirect_uri=settings.get("redirect_uri", ""),
        scope="openid all",
        client_auth="body",
        clock=tools.clock,
        allow_plain=allow_plain,
    )
    return oauth, oauth


def build(settings: Settings, tools: Tools) -> ERPNext:
    """A connector for these settings. Raises `ValueError` naming the setting that is wrong."""
    url = settings["base_url"].rstrip("/")
    allow_plain = settings.get("allow_plain", "") == "yes"
    auth, oauth = _auth(settings, tools, url, allow_plain)
    batch = int(_number(settings, "batch"))
    if not 1 <= batch <= 200:
        raise ValueError(f"the setting 'batch' is 1 to 200, not {batch}")
    decimals = settings.get("price_decimals", "").strip()
    if decimals and not decimals.isdecimal():
        raise ValueError(f"the setting 'price_decimals' must be a number, not {decimals!r}")
    lag = _number(settings, "visibility_lag")
    parallel = int(_number(settings, "parallel"))
    capabilities = Capabilities(
        batch=batch,
        read_batch=50,
        page=200,
        idempotency="search_first",
        visibility_lag=lag,
        timeout=_number(settings, "timeout"),
        rate=Rate(per_second=_number(settings, "rate"), burst=max(1, parallel), parallel=parallel),
        sources=frozenset(
            (
                "contact", "product", "stock", "purchase", "journal", "bank_transaction",
                "sales_order", "invoice", "receipt", "credit_note",
                "account", "tax", "warehouse", "dimension",
            )
        ),
        targets=frozenset(
            ("contact", "sales_order", "invoice", "receipt", "credit_note", "refund_payment", "journal")
        ),
        updates=frozenset(("contact", "sales_order")),
        money_scale="major",
        voids=frozenset(("receipt", "journal")),
        write_offs=True,
        exchanges=True,
    )  # fmt: skip
    http = Http(
        url,
        auth=auth,
        limiter=shared(f"{url} {settings.get('api_key') or settings.get('client_id', '')}", capabilities.rate),
        timeout=capabilities.timeout,
        clock=tools.clock,
        allow_plain=allow_plain,
        name=tools.connection,
    )
    wire = Wire(http)
    chart = Chart(
        wire,
        company=settings.get("company", "").strip(),
        warehouses=tuple(w.strip() for w in settings.get("warehouse", "").split(";") if w.strip()),
        taxes=taxes(settings, "11=PPN 11% - PCI"),
        roles={role: name for role in ROLES if (name := settings.get(f"account_{role}", "").strip())},
        receivable=settings.get("account_receivable", "").strip(),
    )
    style = Style(
        stock=_choice(settings, "stock", "invoice", "delivery") == "invoice",
        by_rate=_choice(settings, "taxes_by", "amount", "rate") == "rate",
        decimals=int(decimals) if decimals else None,
        service=settings.get("item_service", "").strip(),
    )
    overlap = max(_number(settings, "overlap"), lag + 1.0)
    return ERPNext(
        wire, chart, style, capabilities, zone=tools.zone, overlap=overlap, oauth=oauth, clock=tools.clock
    )  # fmt: skip


CONNECTOR = ConnectorType(
    name="erpnext",
    title="ERPNext",
    role="books",
    settings=(
        Setting("base_url", "Address of the ERPNext site, such as https://erp.example"),
        Setting("api_key", "API key of the ERPNext user that Selaras works as", required=False),
        Setting("api_secret", "API secret that belongs to the key", secret=True, required=False),
        Setting("client_id", "Client id of the OAuth client in ERPNext, instead of key and secret", required=False),
        Setting("client_secret", "Client secret of the OAuth client in ERPNext", secret=True, required=False),
        Setting("grant", "Sign-in: key (of a user), or authorization_code (OAuth)", required=False, default="key"),
        Setting("redirect_uri", "Address to which the sign-in page returns", required=False),
        Setting("company", "Name of the company (empty: the only one)", required=False),
        Setting(
            "warehouse", "Warehouses whose stock counts, separated by ; goods leave from the first (empty: all)",
            required=False,
        ),
        Setting(
            "stock", "What lowers the stock: invoice, or delivery (Delivery Notes in ERPNext)", required=False,
            default="invoice",
        ),
        Setting("taxes", "Tax templates by rate, such as 11=PPN 11% - PCI (empty: the only one)", required=False),
        Setting(
            "taxes_by", "How taxes are written: amount (as the store says), or rate (as ERPNext computes them)",
            required=False, default="amount",
        ),
        Setting("price_decimals", "Decimals that ERPNext keeps in prices (empty: the currency's)", required=False),
        Setting("account_shipping", "Account for shipping", required=False),
        Setting("account_fee", "Account for fees", required=False),
        Setting("account_discount", "Account for discounts over the whole order", required=False),
        Setting("account_rounding", "Account for rounding", required=False),
        Setting("account_sales", "Account for sales without a product", required=False),
        Setting("account_receivable", "Account that customers owe on (empty: the company's)", required=False),
        Setting("item_service", "Code of an item without stock, for orders without products", required=False),
        Setting("batch", "Documents in one call (at most 200)", required=False, default=_DEFAULTS["batch"]),
        Setting(
            "visibility_lag", "Seconds that a lost call may still run in ERPNext", required=False,
            default=_DEFAULTS["visibility_lag"],
        ),
        Setting("overlap", "Seconds that each poll reads again", required=False, default=_DEFAULTS["overlap"]),
        Setting("rate", "Calls per second at most", required=False, default=_DEFAULTS["rate"]),
        Setting("parallel", "Calls at once at most", required=False, default=_DEFAULTS["parallel"]),
        Setting("timeout", "Seconds after which a call is given up", required=False, default=_DEFAULTS["timeout"]),
        Setting("allow_plain", "yes permits http to another machine", required=False),
    ),
    build=build,
    docs="docs/connectors/erpnext.md",
)  # fmt: skip

__all__ = ["CONNECTOR", "ERPNext", "build"]
