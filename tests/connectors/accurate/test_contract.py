"""The Accurate connector passes the contract of books over the stand-in, with OAuth 2.0 and with an API token."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import BooksContract, BooksRig
from tests.connectors.accurate.rig import AccurateRig, accurate_rig


def well_behaved(rig: AccurateRig) -> None:
    """What no test of the kit looks at: a filter that Accurate does not have is ignored there in silence."""
    assert rig.standin.lists.ignored == []


class TestOAuth(BooksContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with accurate_rig() as rig:
            yield rig
            well_behaved(rig)


class TestApiToken(BooksContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with accurate_rig(api_token=True) as rig:
            yield rig
            well_behaved(rig)
