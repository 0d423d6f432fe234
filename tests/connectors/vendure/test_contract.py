"""The Vendure connector keeps the contract of a store, on a live Vendure."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import StoreContract, StoreRig
from tests.connectors.vendure.rig import vendure_rig
from tests.peers.vendure import Server
from tests.peers.vendure_desk import Channel


class TestLive(StoreContract):
    @pytest.fixture
    async def rig(self, vendure_server: Server, vendure: Channel) -> AsyncIterator[StoreRig]:
        async with vendure_rig(vendure_server, vendure) as rig:
            yield rig
