"""WooCommerce 8 to 10 (https://woocommerce.com), the shop of WordPress, over its REST API v3.

Vendor's documentation: https://woocommerce.github.io/woocommerce-rest-api-docs/ and
https://developer.woocommerce.com/docs/apis/rest-api/.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.woocommerce.connector import WooCommerce


def build(settings: Settings, tools: Tools) -> Connector:
    """A connector for one store. Raises `ValueError` for an address unfit for credentials or an unknown status."""
    return WooCommerce(settings, tools)


CONNECTOR = ConnectorType(
    name="woocommerce",
    title="WooCommerce",
    role="store",
    settings=(
        Setting("base_url", "Address of the shop, as in WordPress under Settings, General"),
        Setting("consumer_key", "Consumer key of the REST API (ck_…)", secret=True),
        Setting("consumer_secret", "Consumer secret of the REST API (cs_…)", secret=True),
        Setting("webhook_secret", "Secret that signs the shop's webhooks; choose one", secret=True, required=False),
        Setting("credentials", "Where https calls carry the key: header or query", required=False, default="header"),
        Setting("statuses", "Further order statuses, like shipped=completed, packed=open", required=False),
        Setting("tracking_meta", "Meta fields that hold a tracking number, with commas", required=False),
        Setting("overlap", "Seconds read again at each poll", required=False, default="600"),
        Setting("rate", "Calls per second that the host allows", required=False, default="4"),
        Setting("parallel", "Calls that may be under way at once", required=False, default="3"),
        Setting("visibility_lag", "Seconds to wait before a lost write is repeated", required=False, default="10"),
        Setting("allow_plain", "Allow http to another machine: yes or empty", required=False),
    ),
    build=build,
    docs="docs/connectors/woocommerce.md",
)

__all__ = ["CONNECTOR", "WooCommerce", "build"]
