"""The Medusa connector keeps the contract of a store, over a real Medusa."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import StoreContract, StoreRig
from tests.connectors.medusa.rig import medusa_rig
from tests.peers.medusa import Server


class TestLive(StoreContract):
    @pytest.fixture
    async def rig(self, medusa: Server) -> AsyncIterator[StoreRig]:
        async with medusa_rig(medusa) as rig:
            yield rig
