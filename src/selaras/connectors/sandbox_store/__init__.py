"""The sandbox's web shop (`selaras.sandbox.store`): the connector of the demo, and the pattern for real stores."""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.sandbox_store.connector import SandboxStore


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one sandbox store. Raises `ValueError` for a `base_url` that is not fit for credentials."""
    return SandboxStore(settings, tools)


CONNECTOR = ConnectorType(
    name="sandbox_store",
    title="Sandbox store",
    role="store",
    settings=(
        Setting("base_url", "Address of the store"),
        Setting("api_key", "API key", secret=True),
        Setting("webhook_secret", "Secret that signs the store's webhooks", secret=True),
        Setting("amounts", "How the store writes money: major or minor units", required=False, default="major"),
        Setting("overlap", "Seconds read again at each poll", required=False, default="2"),
        Setting("rate", "Calls per second that the store allows", required=False, default="500"),
        Setting("allow_plain", "Allow http to another machine: yes or empty", required=False),
    ),
    build=build,
    docs="src/selaras/connectors/sandbox_store/README.md",
)

__all__ = ["CONNECTOR", "SandboxStore", "build"]
