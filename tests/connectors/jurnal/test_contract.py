"""The Jurnal connector passes the contract of books over the stand-in, with signed requests and with OAuth 2.0."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import BooksContract, BooksRig
from tests.connectors.jurnal.rig import jurnal_rig


class TestHmac(BooksContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with jurnal_rig() as rig:
            yield rig


class TestOAuth(BooksContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with jurnal_rig(oauth=True) as rig:
            yield rig
