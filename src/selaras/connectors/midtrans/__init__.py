"""Midtrans (https://midtrans.com), a payment gateway of Indonesia, over its payment API v2.

Vendor's documentation: https://docs.midtrans.com/reference/get-transaction-status and
https://docs.midtrans.com/docs/https-notification-webhooks.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.midtrans.connector import Midtrans


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one merchant. Raises `ValueError` for an address unfit for credentials or a bad number."""
    return Midtrans(settings, tools)


CONNECTOR = ConnectorType(
    name="midtrans",
    title="Midtrans",
    role="gateway",
    settings=(
        Setting("server_key", "Server key, as in Midtrans under Settings, Access keys", secret=True),
        Setting("base_url", "Address of the API", required=False, default="https://api.midtrans.com"),
        Setting("reference_suffix", "What plug-ins put behind an order number (a pattern)", required=False,
                default=r"-wc-mdtrs-\d+"),
        Setting("rate", "Calls per second", required=False, default="5"),
        Setting("allow_plain", "Allow http to another machine: yes or empty", required=False),
    ),
    build=build,
    docs="docs/connectors/midtrans.md",
)  # fmt: skip

__all__ = ["CONNECTOR", "Midtrans", "build"]
