"""The sandbox store's connector passes the contract, in both ways of writing money."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import StoreContract, StoreRig
from tests.connectors.kit_sandbox import store_rig


class TestStoreWithMajorUnits(StoreContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[StoreRig]:
        async with store_rig() as rig:
            yield rig


class TestStoreWithMinorUnits(StoreContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[StoreRig]:
        async with store_rig(amounts="minor", currency="KWD") as rig:
            yield rig
