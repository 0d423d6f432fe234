"""The Tryton connector passes the contract of books over a real Tryton, with a session and with a key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import BooksContract, BooksRig
from tests.connectors.tryton.rig import tryton_rig
from tests.peers.tryton import Database, Server


@pytest.fixture(scope="class")
def tryton(tryton_server: Server, request: pytest.FixtureRequest) -> Database:
    """A database for each way of signing in: both write under the same references."""
    return tryton_server.database(f"kit_{request.node.name.lower()}")


class TestSession(BooksContract):
    @pytest.fixture
    async def rig(self, tryton: Database) -> AsyncIterator[BooksRig]:
        async with tryton_rig(tryton) as rig:
            yield rig


class TestKey(BooksContract):
    @pytest.fixture
    async def rig(self, tryton: Database) -> AsyncIterator[BooksRig]:
        async with tryton_rig(tryton, key=True) as rig:
            yield rig
