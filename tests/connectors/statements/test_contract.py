"""The feed of statements keeps the contract: in a folder of this machine and behind a real SFTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from selaras.connectors.kit import FeedContract, FeedRig
from tests.connectors.feeds import StatementsRig
from tests.connectors.files.server import serve_sftp


class TestInAFolder(FeedContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[FeedRig]:
        rig = StatementsRig(tmp_path)
        yield rig
        await rig.close()


class TestBehindSftp(FeedContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[FeedRig]:
        async with serve_sftp(tmp_path) as server:
            rig = StatementsRig(tmp_path, server)
            yield rig
            await rig.close()
