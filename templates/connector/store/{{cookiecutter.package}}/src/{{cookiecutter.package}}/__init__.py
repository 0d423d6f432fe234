"""{{ cookiecutter.system }} as a store for Selaras.

Replace: the settings that a person must give (a secret is marked, and never shown again), and the vendor's pages.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools

from {{ cookiecutter.package }}.connector import Store


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one store. Raises `ValueError` naming a setting that makes no sense."""
    return Store(settings, tools)


CONNECTOR = ConnectorType(
    name="{{ cookiecutter.name }}",
    title="{{ cookiecutter.system }}",
    role="store",
    settings=(
        Setting("base_url", "Address of the store, such as https://shop.example"),
        Setting("api_key", "API key", secret=True),
        Setting("webhook_secret", "Secret that signs the store's webhooks", secret=True, required=False),
        Setting("rate", "Calls per second that the store allows", required=False, default="5"),
        Setting("allow_plain", "yes permits http to another machine", required=False),
    ),
    build=build,
    docs="README.md",
)

__all__ = ["CONNECTOR", "Store", "build"]
