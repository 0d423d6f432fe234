"""Accurate Online (Indonesia): books with purchasing and stock, over its public API."""

from __future__ import annotations

import hashlib

import msgspec

from selaras.connectors.accurate.checking import SCOPES
from selaras.connectors.accurate.connector import Accurate
from selaras.connectors.accurate.drafts import Choices
from selaras.connectors.accurate.lines import ROLES, Places
from selaras.connectors.accurate.session import Account, SessionAuth, SignedToken, database_of
from selaras.connectors.accurate.voiding import MONEY
from selaras.connectors.accurate.wire import BATCH, Wire
from selaras.connectors.auth import Auth
from selaras.connectors.contract import Capabilities, ConnectorType, Rate, Setting, Settings, Tools
from selaras.connectors.http import Http
from selaras.connectors.limiter import shared
from selaras.connectors.oauth import OAuth

_DEFAULTS = {
    "account_url": "https://account.accurate.id",
    "language": "ID",
    "currency": "IDR",
    "rate": "8",
    "batch": str(BATCH),
    "timeout": "60",
    "visibility_lag": "2",
}


def _number(settings: Settings, name: str, least: float, most: float) -> float:
    """A setting that is a number. Raises `ValueError` naming it."""
    text = settings.get(name) or _DEFAULTS[name]
    try:
        found = msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        found = least - 1
    if not least <= found <= most:
        raise ValueError(f"the setting {name!r} must be a number from {least:g} to {most:g}, not {text!r}")
    return found


def build(settings: Settings, tools: Tools) -> Accurate:
    """A connector for these settings. Raises `ValueError` naming the setting that is wrong."""
    url = (settings.get("account_url") or _DEFAULTS["account_url"]).rstrip("/")
    token, secret = settings.get("api_token", ""), settings.get("signature_secret", "")
    client, client_secret = settings.get("client_id", ""), settings.get("client_secret", "")
    if token and not secret:
        raise ValueError("the setting 'signature_secret' is needed with an 'api_token'")
    if not token and not (client and client_secret):
        raise ValueError("the settings 'client_id' and 'client_secret' are needed, or 'api_token' and its secret")
    database = database_of(token) if token else settings.get("database", "").strip()
    if database and not database.isdigit():
        raise ValueError(f"the setting 'database' must be the number of a database, not {database!r}")
    currency = settings.get("currency") or _DEFAULTS["currency"]
    capabilities = Capabilities(
        batch=int(_number(settings, "batch", 1, BATCH)),
        read_batch=50,
        page=100,
        idempotency="unique_ref",
        visibility_lag=_number(settings, "visibility_lag", 0, 60),
        timeout=_number(settings, "timeout", 5, 600),
        # 8 calls a second and 8 at once (reference/accounting-apis.md §4), however long each is on its way.
        rate=Rate(per_second=_number(settings, "rate", 0.1, 8), burst=1, parallel=8, windows=((8, 1.0),)),
        sources=frozenset(
            (
                "contact", "product", "stock", "purchase", "journal", "bank_transaction", "sales_order", "invoice",
                "receipt", "credit_note", "account", "tax", "warehouse", "dimension",
            )
        ),
        targets=frozenset(
            ("contact", "sales_order", "invoice", "receipt", "credit_note", "refund_payment", "stock", "journal")
        ),
        updates=frozenset(("contact", "sales_order", "stock")),
        money_scale="major",
        voids=MONEY,
        webhooks=settings.get("webhooks", "") == "yes",
    )  # fmt: skip
    choices = Choices(
        places=Places(
            items={role: settings.get(f"item_{role}", "") for role in ROLES},
            accounts={role: settings.get(f"account_{role}", "") for role in ROLES},
            warehouse=settings.get("warehouse", ""),
        ),
        currency=currency,
        branch=settings.get("branch", ""),
        refunds=settings.get("account_refunds", ""),
        deposits=settings.get("account_deposits", ""),
        clearing=settings.get("account_clearing", ""),
        adjustments=settings.get("account_adjustments", ""),
    )
    name = tools.connection
    key = hashlib.blake2b(f"{url} {client} {token} {name}".encode(), digest_size=12).hexdigest()
    limiter = shared(f"accurate {key}", capabilities.rate)
    language = {"X-Language-Profile": settings.get("language") or _DEFAULTS["language"]}
    oauth: OAuth | None = None
    door: Auth
    if token:
        door = SignedToken(token, secret, tools.clock)
    else:
        door = oauth = OAuth(
            client,
            client_secret,
            f"{url}/oauth/token",
            tools.tokens,
            connection=name,
            authorize_url=f"{url}/oauth/authorize",
            redirect_uri=settings.get("redirect_uri", ""),
            scope=" ".join(SCOPES),
            margin=3600.0,
            clock=tools.clock,
        )
    home = Http(url, auth=door, limiter=limiter, timeout=30.0, clock=tools.clock, headers=language, name=name)
    account = Account(home, database=database, api_token=bool(token), name=name)

    def client_of(host: str) -> Http:
        auth: Auth = door if token else SessionAuth(account, door)
        return Http(
            host, auth=auth, limiter=limiter, timeout=capabilities.timeout, clock=tools.clock, headers=language,
            name=name,
        )  # fmt: skip

    return Accurate(
        account,
        Wire(account, client_of, name),
        [home],
        capabilities,
        choices,
        oauth=oauth,
        zone=tools.zone,
        database=database,
        connection=name,
        clock=tools.clock,
    )


CONNECTOR = ConnectorType(
    name="accurate",
    title="Accurate Online",
    role="books",
    settings=(
        Setting("client_id", "Client id of the application in Accurate's developer area", required=False),
        Setting("client_secret", "Client secret of that application", secret=True, required=False),
        Setting("redirect_uri", "Address to which the sign-in page returns", required=False),
        Setting("database", "Number of the database (empty: the only one)", required=False),
        Setting("api_token", "API token of a user, instead of client id and secret", secret=True, required=False),
        Setting("signature_secret", "Signature secret that belongs to the API token", secret=True, required=False),
        Setting("warehouse", "Name of the warehouse that goods leave from (empty: all)", required=False),
        Setting("branch", "Name of the branch that documents belong to", required=False),
        Setting("item_shipping", "Number of the service item for shipping", required=False),
        Setting("item_fee", "Number of the service item for fees", required=False),
        Setting("item_sales", "Number of the service item for sales without a product", required=False),
        Setting("item_rounding", "Number of the service item for rounding", required=False),
        Setting("account_shipping", "Account for shipping that is not taxed", required=False),
        Setting("account_fee", "Account for fees that are not taxed", required=False),
        Setting("account_discount", "Account for discounts beyond the other lines", required=False),
        Setting("account_rounding", "Account for rounding", required=False),
        Setting("account_refunds", "Account that money given back is booked on", required=False),
        Setting("account_deposits", "Account that down payments of customers lie on", required=False),
        Setting("account_clearing", "Account that unexplained deposits lie on", required=False),
        Setting("account_adjustments", "Account for stock adjustments", required=False),
        Setting("currency", "Currency of the books", required=False, default=_DEFAULTS["currency"]),
        Setting("webhooks", "yes once the webhook of this hub is entered in the developer area", required=False),
        Setting("language", "Language of Accurate's answers: ID or US", required=False, default=_DEFAULTS["language"]),
        Setting("rate", "Calls per second at most", required=False, default=_DEFAULTS["rate"]),
        Setting("batch", "Documents in one call at most", required=False, default=_DEFAULTS["batch"]),
        Setting("timeout", "Seconds that one call may take", required=False, default=_DEFAULTS["timeout"]),
        Setting(
            "visibility_lag", "Seconds until a search finds a new document", required=False,
            default=_DEFAULTS["visibility_lag"],
        ),
        Setting("account_url", "Address of the account server", required=False, default=_DEFAULTS["account_url"]),
    ),
    build=build,
    docs="src/selaras/connectors/accurate/README.md",
    grant="authorization_code",
)  # fmt: skip

__all__ = ["CONNECTOR", "Accurate", "build"]
