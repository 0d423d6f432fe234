"""Settlement reports of gateways and marketplaces in a watched folder or behind SFTP, as payouts with their rows."""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.filed import settings_of
from selaras.connectors.settlements.connector import Settlements


def build(settings: Settings, tools: Tools) -> Connector:
    """The reports of one account at a gateway. Raises `ValueError` naming the setting that is wrong."""
    return Settlements(settings, tools)


CONNECTOR = ConnectorType(
    name="settlements",
    title="Settlement reports in files",
    role="gateway",
    settings=settings_of(
        Setting("gateway", "Whose reports they are, where their columns do not tell", required=False),
        Setting("currency", "Currency where a file names none", required=False, default="IDR"),
    ),
    build=build,
    docs="docs/connectors/settlements.md",
)

__all__ = ["CONNECTOR", "Settlements", "build"]
