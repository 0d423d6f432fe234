"""The sandbox's books: the accounting application that Selaras ships for demos, tests and replays.

It is an ordinary books connector; nothing in the hub knows that the other side is a sandbox.
"""

from __future__ import annotations

from selaras.connectors.contract import Capabilities, ConnectorType, Rate, Setting, Settings, Tools
from selaras.connectors.http import Http
from selaras.connectors.limiter import shared
from selaras.connectors.oauth import OAuth
from selaras.connectors.sandbox_books.client import SandboxBooks
from selaras.connectors.settings import number

_DEFAULTS = {"grant": "authorization_code", "visibility_lag": "1.5", "rate": "200", "parallel": "8"}


def _number(settings: Settings, name: str) -> float:
    return number(settings, name, _DEFAULTS[name])


def build(settings: Settings, tools: Tools) -> SandboxBooks:
    """A connector for these settings. Raises `ValueError` naming the setting that is wrong."""
    url = settings["base_url"].rstrip("/")
    allow_plain = settings.get("allow_plain", "") == "yes"
    grant = settings.get("grant") or _DEFAULTS["grant"]
    if grant not in ("authorization_code", "client_credentials"):
        raise ValueError(f"the setting 'grant' is authorization_code or client_credentials, not {grant!r}")
    oauth = OAuth(
        settings["client_id"],
        settings["client_secret"],
        f"{url}/oauth/token",
        tools.tokens,
        connection=tools.connection,
        grant="client_credentials" if grant == "client_credentials" else "authorization_code",
        authorize_url=f"{url}/oauth/authorize" if grant == "authorization_code" else "",
        revoke_url=f"{url}/oauth/revoke",
        redirect_uri=settings.get("redirect_uri", ""),
        scope="books",
        clock=tools.clock,
        allow_plain=allow_plain,
    )
    per_second, parallel = _number(settings, "rate"), int(_number(settings, "parallel"))
    capabilities = Capabilities(
        batch=100,
        read_batch=100,
        page=100,
        idempotency="search_first",
        visibility_lag=_number(settings, "visibility_lag"),
        timeout=30.0,
        rate=Rate(per_second=per_second, burst=max(1, parallel), parallel=parallel),
        sources=frozenset(
            (
                "contact", "product", "stock", "purchase", "journal", "bank_transaction",
                "sales_order", "invoice", "receipt", "credit_note", "account", "tax", "warehouse", "dimension",
                "closing",
            )
        ),
        targets=frozenset(
            ("contact", "sales_order", "invoice", "receipt", "credit_note", "refund_payment", "journal")
        ),
        updates=frozenset(("contact", "sales_order", "invoice")),
        money_scale="major",
        voids=frozenset(("receipt", "journal")),
        write_offs=True,
        exchanges=True,
        maps=frozenset(settings.get("maps", "").replace(",", " ").split()),
    )  # fmt: skip
    http = Http(
        url,
        auth=oauth,
        limiter=shared(f"{url} {settings['client_id']} {tools.connection}", capabilities.rate),
        timeout=capabilities.timeout,
        clock=tools.clock,
        allow_plain=allow_plain,
        name=tools.connection,
    )
    return SandboxBooks(
        http,
        oauth,
        capabilities,
        zone=tools.zone,
        clock=tools.clock,
        warehouse=settings.get("warehouse", ""),
        all_journals=settings.get("journals", "") == "all",
    )


CONNECTOR = ConnectorType(
    name="sandbox_books",
    title="Sandbox books",
    role="books",
    settings=(
        Setting("base_url", "Address of the books, such as http://127.0.0.1:8900"),
        Setting("client_id", "Client id that the books have given out"),
        Setting("client_secret", "Client secret that belongs to the id", secret=True),
        Setting(
            "grant", "Sign-in: authorization_code or client_credentials", required=False, default=_DEFAULTS["grant"]
        ),
        Setting("redirect_uri", "Address to which the sign-in page returns", required=False),
        Setting("visibility_lag", "Seconds until a search finds a new document", required=False, default="1.5"),
        Setting("rate", "Calls per second at most", required=False, default=_DEFAULTS["rate"]),
        Setting("parallel", "Calls at once at most", required=False, default=_DEFAULTS["parallel"]),
        Setting("warehouse", "Warehouse whose stock counts (empty: all)", required=False),
        Setting("journals", "Journals to read: manual, or all", required=False, default="manual"),
        Setting("maps", "What must be mapped before anything is posted, such as tax,account:sales", required=False),
        Setting("allow_plain", "yes permits http to another machine", required=False),
    ),
    build=build,
    docs="src/selaras/connectors/sandbox_books/README.md",
    grant="authorization_code",
)

__all__ = ["CONNECTOR", "SandboxBooks", "build"]
