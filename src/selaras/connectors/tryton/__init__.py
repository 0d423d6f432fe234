"""Tryton 8.2 and later as books: self-hosted, complete accounting, purchasing and stock.

API: JSON-RPC (`/<database>/rpc/`) and the REST application (`/<database>/rest/`), docs.tryton.org, "Server".
"""

from __future__ import annotations

from selaras.connectors.contract import Capabilities, ConnectorType, Rate, Setting, Settings, Tools
from selaras.connectors.http import FixedHeaders, Http
from selaras.connectors.limiter import shared
from selaras.connectors.settings import number, taxes
from selaras.connectors.tryton.chart import ROLES, Chart
from selaras.connectors.tryton.connector import Tryton
from selaras.connectors.tryton.session import Session
from selaras.connectors.tryton.wire import KeyWire, SessionWire, Wire

_DEFAULTS = {
    "product_shipping": "SHIPPING",
    "product_fee": "FEE",
    "product_discount": "DISCOUNT",
    "overlap": "120",
    "patience": "20",
    "rate": "50",
    "timeout": "60",
}


def _number(settings: Settings, name: str) -> float:
    return number(settings, name, _DEFAULTS[name])


def build(settings: Settings, tools: Tools) -> Tryton:
    """A connector for these settings. Raises `ValueError` naming the setting that is wrong."""
    url, database = settings["base_url"].rstrip("/"), settings["database"].strip()
    login, password, key = (settings.get(name, "") for name in ("login", "password", "key"))
    if not key and not (login and password):
        raise ValueError("the settings 'login' and 'password' are needed, or a 'key' of a user application")
    if not database or "/" in database:
        raise ValueError(f"the setting 'database' must be the name of a database, not {database!r}")
    session = bool(login and password)
    per_second = _number(settings, "rate")
    capabilities = Capabilities(
        batch=100 if session else 20,
        read_batch=100,
        page=200,
        idempotency="search_first",
        visibility_lag=0.0,
        timeout=_number(settings, "timeout"),
        rate=Rate(per_second=per_second, burst=8, parallel=2),
        sources=frozenset(
            (
                "contact", "product", "stock", "purchase", "journal", "bank_transaction",
                "sales_order", "invoice", "receipt", "credit_note", "account", "tax", "warehouse", "closing",
            )
        ),
        targets=frozenset(
            ("contact", "sales_order", "invoice", "receipt", "credit_note", "refund_payment", "journal")
        ),
        # Taking back what was booked needs Tryton's wizards, which a key cannot reach.
        voids=frozenset(("receipt", "journal")) if session else frozenset(),
        write_offs=True,
        exchanges=True,
        updates=frozenset(("contact", "sales_order")),
        money_scale="major",
    )  # fmt: skip
    allow_plain = settings.get("allow_plain", "") == "yes"
    limiter = shared(f"{url} {database} {login or key}", capabilities.rate)
    name = tools.connection
    https: list[Http] = []
    wire: Wire
    if session:
        door = Http(url, timeout=30.0, clock=tools.clock, allow_plain=allow_plain, name=name)
        auth = Session(door, database, login, password, tools.tokens, tools.clock)
        http = Http(
            url, auth=auth, limiter=limiter, timeout=capabilities.timeout, clock=tools.clock, allow_plain=allow_plain,
            name=name,
        )  # fmt: skip
        https = [http, door]
        wire = SessionWire(http, database, None)
    else:
        http = Http(
            url, auth=FixedHeaders({"Authorization": f"bearer {key}"}), limiter=limiter, timeout=capabilities.timeout,
            clock=tools.clock, allow_plain=allow_plain, name=name,
        )  # fmt: skip
        https = [http]
        wire = KeyWire(http, database, None)
    roles = {role: settings.get(f"product_{role}") or _DEFAULTS.get(f"product_{role}", "") for role in ROLES}
    chart = Chart(
        wire,
        company=settings.get("company", ""),
        warehouse=settings.get("warehouse", ""),
        roles={role: code for role, code in roles.items() if code},
        taxes=taxes(settings, "11=PPN Keluaran"),
    )
    ship = settings.get("shipments") or "warehouse"
    if ship not in ("warehouse", "invoice"):
        raise ValueError(f"the setting 'shipments' is warehouse or invoice, not {ship!r}")
    return Tryton(
        wire,
        https,
        chart,
        capabilities,
        address=f"{url}/{database}",
        zone=tools.zone,
        clock=tools.clock,
        overlap=_number(settings, "overlap"),
        patience=_number(settings, "patience"),
        ship=ship == "invoice",
    )


CONNECTOR = ConnectorType(
    name="tryton",
    title="Tryton",
    role="books",
    settings=(
        Setting("base_url", "Address of the Tryton server, such as https://tryton.example"),
        Setting("database", "Name of the database"),
        Setting("login", "Login of the Tryton user that Selaras works as", required=False),
        Setting("password", "Password of that user", secret=True, required=False),
        Setting("key", "Key of a user application 'rest', instead of login and password", secret=True, required=False),
        Setting("company", "Name of the company (empty: the only one)", required=False),
        Setting("warehouse", "Code or name of the warehouse whose stock counts (empty: the first)", required=False),
        Setting(
            "shipments", "Who sends the goods: warehouse, or invoice (with the invoice)", required=False,
            default="warehouse",
        ),
        Setting("taxes", "Taxes by rate, such as 11=PPN Keluaran (empty: the only one for sales)", required=False),
        Setting("product_shipping", "Code of the product for shipping", required=False, default="SHIPPING"),
        Setting("product_fee", "Code of the product for fees", required=False, default="FEE"),
        Setting("product_discount", "Code of the product for discounts", required=False, default="DISCOUNT"),
        Setting("product_rounding", "Code of the product for rounding", required=False),
        Setting("product_sales", "Code of the product for sales without one", required=False),
        Setting("overlap", "Seconds that a poll reads again", required=False, default="120"),
        Setting("patience", "Seconds to wait for Tryton's workers", required=False, default="20"),
        Setting("rate", "Calls per second at most", required=False, default="50"),
        Setting("timeout", "Seconds that one call may take", required=False, default="60"),
        Setting("allow_plain", "yes permits http to another machine", required=False),
    ),
    build=build,
    docs="src/selaras/connectors/tryton/README.md",
)  # fmt: skip

__all__ = ["CONNECTOR", "Tryton", "build"]
