"""The WooCommerce connector keeps the contract of a store: signed over http, and with key and secret over https."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from selaras.connectors.kit import StoreContract, StoreRig
from tests.connectors.test_http_tls import certificate
from tests.connectors.woocommerce.rig import woo_rig
from tests.connectors.woocommerce.standin_shop import Config


class TestSignedOverHttp(StoreContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[StoreRig]:
        async with woo_rig() as rig:
            yield rig


class TestKeyOverHttps(StoreContract):
    """Prices without tax, two decimals, and an old version that says less."""

    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[StoreRig]:
        cert, key = certificate(tmp_path, "127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        trust = ssl.create_default_context(cafile=str(cert))
        config = Config(
            currency="USD", decimals=2, prices_include_tax=False, rates={1: Decimal("7.25")}, version=(8, 2)
        )
        async with woo_rig(config, tls=context, trust=trust) as rig:
            yield rig
