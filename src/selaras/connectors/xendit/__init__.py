"""Xendit (https://xendit.co), a payment gateway of Indonesia and its neighbours, over its transactions API.

Vendor's documentation: https://docs.xendit.co/apidocs/list-transactions and
https://docs.xendit.co/docs/handling-webhooks.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.xendit.connector import Xendit


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one account. Raises `ValueError` for an address unfit for credentials or a bad number."""
    return Xendit(settings, tools)


CONNECTOR = ConnectorType(
    name="xendit",
    title="Xendit",
    role="gateway",
    settings=(
        Setting("secret_key", "Secret key with the permission to read transactions (xnd_…)", secret=True),
        Setting("callback_token", "Verification token of webhooks, from Settings, Webhooks", secret=True,
                required=False),
        Setting("base_url", "Address of the API", required=False, default="https://api.xendit.co"),
        Setting("account", "Id of the sub-account (xenPlatform)", required=False),
        Setting("overlap", "Seconds read again at each poll", required=False, default="120"),
        Setting("rate", "Calls per minute; empty: 600 for a live key, 60 for a test key", required=False),
        Setting("allow_plain", "Allow http to another machine: yes or empty", required=False),
    ),
    build=build,
    docs="docs/connectors/xendit.md",
)  # fmt: skip

__all__ = ["CONNECTOR", "Xendit", "build"]
