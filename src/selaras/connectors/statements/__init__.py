"""Bank statements in a watched folder or behind SFTP, as a feed of bank lines: MT940, camt, OFX, CSV, XLSX, HTML."""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.filed import settings_of
from selaras.connectors.statements.connector import Statements


def build(settings: Settings, tools: Tools) -> Connector:
    """The statements of one bank account. Raises `ValueError` naming the setting that is wrong."""
    return Statements(settings, tools)


CONNECTOR = ConnectorType(
    name="statements",
    title="Bank statements in files",
    role="bank",
    settings=settings_of(
        Setting("account", "The account of the books in which this bank account is kept: its id there"),
        Setting("number", "Number of the bank account, where files hold several", required=False),
        Setting("currency", "Currency of the bank account", required=False, default="IDR"),
        Setting("layout", "Layout of tables that do not tell their bank", required=False),
    ),
    build=build,
    docs="docs/connectors/statements.md",
)

__all__ = ["CONNECTOR", "Statements", "build"]
