"""{{ cookiecutter.system }} as books for Selaras.

Replace: the settings that a person must give (a secret is marked, and never shown again), the sign-in, and the vendor's
pages. Where a person signs in with the browser, `grant` is "authorization_code" here and in `OAuth`.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools

from {{ cookiecutter.package }}.connector import Books


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one company's books. Raises `ValueError` naming a setting that makes no sense."""
    return Books(settings, tools)


CONNECTOR = ConnectorType(
    name="{{ cookiecutter.name }}",
    title="{{ cookiecutter.system }}",
    role="books",
    settings=(
        Setting("base_url", "Address of the books, such as https://books.example"),
        Setting("client_id", "Client id that the books have given out"),
        Setting("client_secret", "Client secret that belongs to the id", secret=True),
        Setting("visibility_lag", "Seconds until a search finds a new document", required=False, default="1"),
        Setting("rate", "Calls per second that the books allow", required=False, default="5"),
        Setting("allow_plain", "yes permits http to another machine", required=False),
    ),
    build=build,
    docs="README.md",
    grant="client_credentials",
)

__all__ = ["CONNECTOR", "Books", "build"]
