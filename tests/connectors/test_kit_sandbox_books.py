"""The sandbox books' connector passes the contract, with both grants and with books that take a reference twice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from selaras.connectors.kit import BooksContract, BooksRig
from tests.connectors.kit_sandbox import books_rig


class TestBooks(BooksContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with books_rig() as rig:
            yield rig


class TestBooksThatTakeAReferenceTwice(BooksContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[BooksRig]:
        async with books_rig(grant="client_credentials", currency="USD", unique_references=False) as rig:
            yield rig
