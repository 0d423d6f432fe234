"""Medusa 2 (https://medusajs.com), the store to be programmed, over its admin API.

Vendor's documentation: https://docs.medusajs.com/api/admin. Read against 2.21.2.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.medusa.connector import Medusa


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one store. Raises `ValueError` for an address unfit for credentials."""
    return Medusa(settings, tools)


CONNECTOR = ConnectorType(
    name="medusa",
    title="Medusa",
    role="store",
    settings=(
        Setting("base_url", "Address of Medusa's server, which its admin calls (not that of the storefront)"),
        Setting("secret_key", "Secret API key (sk_…)", secret=True),
        Setting("webhook_secret", "Secret shared with the package medusa-selaras-hints", secret=True, required=False),
        Setting("location", "Id of the location whose stock the books keep (sloc_…)", required=False),
        Setting("overlap", "Seconds read again at each poll", required=False, default="600"),
        Setting("rate", "Calls per second that the host allows", required=False, default="10"),
        Setting("parallel", "Calls that may be under way at once", required=False, default="4"),
        Setting("visibility_lag", "Seconds to wait before a lost write is repeated", required=False, default="5"),
        Setting("allow_plain", "Allow http to another machine: yes or empty", required=False),
    ),
    build=build,
    docs="docs/connectors/medusa.md",
)

__all__ = ["CONNECTOR", "Medusa", "build"]
