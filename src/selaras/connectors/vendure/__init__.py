"""Vendure 3.7 (https://www.vendure.io), a headless shop for Node.js, over its GraphQL admin API.

Vendor's documentation: https://docs.vendure.io/reference/graphql-api/admin/queries and its source,
https://github.com/vendurehq/vendure.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.vendure.connector import Vendure


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one channel. Raises `ValueError` for an address unfit for credentials, or without any."""
    return Vendure(settings, tools)


CONNECTOR = ConnectorType(
    name="vendure",
    title="Vendure",
    role="store",
    settings=(
        Setting("base_url", "Address of Vendure's server, without /admin-api"),
        Setting("api_key", "API key made on the channel; or else name and password", secret=True, required=False),
        Setting("username", "Name (e-mail) of an administrator, instead of an API key", required=False),
        Setting("password", "Password of that administrator", secret=True, required=False),
        Setting("channel", "Token of the channel; empty for the default one", required=False),
        Setting("webhook_secret", "Secret of the hint plugin, if it is installed", secret=True, required=False),
        Setting("stock_location", "Id of the stock location to write to; empty for the only one", required=False),
        Setting("overlap", "Seconds read again at each poll", required=False, default="15"),
        Setting("recheck", "Seconds between looks for silent payments and refunds", required=False, default="600"),
        Setting("recheck_days", "Days that these looks reach back", required=False, default="30"),
        Setting("page", "Orders in one page, 500 at most", required=False, default="100"),
        Setting("rate", "Calls per second that the server allows", required=False, default="10"),
        Setting("parallel", "Calls that may be under way at once", required=False, default="4"),
        Setting("visibility_lag", "Seconds to wait before a lost write is repeated", required=False, default="10"),
        Setting("allow_plain", "Allow http to another machine: yes or empty", required=False),
    ),
    build=build,
    docs="docs/connectors/vendure.md",
)

__all__ = ["CONNECTOR", "Vendure", "build"]
