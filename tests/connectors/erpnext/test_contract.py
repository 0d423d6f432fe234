"""The ERPNext connector keeps the contract of books: by the key of a user, by OAuth 2.0, and with taxes by rate."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import BooksContract, BooksRig
from tests.connectors.erpnext.rig import erpnext_rig


class TestWithAKey(BooksContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with erpnext_rig() as rig:
            yield rig


class TestWithOAuth(BooksContract):
    """Taxes are written by rate where that comes out exactly."""

    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with erpnext_rig(oauth=True, taxes_by="rate") as rig:
            yield rig
