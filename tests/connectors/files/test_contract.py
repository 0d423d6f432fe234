"""A store and books in files keep the contract: in a folder of this machine and behind a real SFTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from selaras.connectors.files import FileBooks, FileStore
from selaras.connectors.kit import BooksContract, BooksRig, StoreContract, StoreRig
from tests.connectors.files.rig import FileBooksRig, FileStoreRig, local_rig, remote_rig
from tests.connectors.files.server import serve_sftp


class TestStoreInAFolder(StoreContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[StoreRig]:
        async with local_rig(tmp_path, FileStoreRig, FileStore) as rig:
            yield rig


class TestStoreBehindSftp(StoreContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[StoreRig]:
        async with serve_sftp(tmp_path) as server, remote_rig(server, FileStoreRig, FileStore) as rig:
            yield rig


class TestBooksInAFolder(BooksContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[BooksRig]:
        async with local_rig(tmp_path, FileBooksRig, FileBooks) as rig:
            yield rig


class TestBooksBehindSftp(BooksContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[BooksRig]:
        async with serve_sftp(tmp_path) as server, remote_rig(server, FileBooksRig, FileBooks) as rig:
            yield rig
