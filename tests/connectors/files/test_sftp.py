"""SFTP: the server must be known by its key; lost connections are told for what they are."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from selaras.connectors.contract import Done, Expired, Tools, Transient, Write
from selaras.connectors.files import FileBooks
from selaras.connectors.places import Taken
from selaras.connectors.sftp import SftpPlace
from tests.connectors.files.desk import BooksDesk
from tests.connectors.files.server import OTHER_KEY, PASSWORD, serve_sftp
from tests.connectors.files.test_outbox import order


async def test_an_unknown_server_is_never_trusted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    async with serve_sftp(tmp_path) as server:
        place = SftpPlace(server.url, known_hosts=server.known_hosts(OTHER_KEY), password=PASSWORD)
        with pytest.raises(Expired) as caught:
            await place.list("in")
        assert caught.value.code == "unknown_host"
        assert server.logins == 0
        await place.close()
        for text, word in (("host ssh-ed25519 nonsense", "key"), (str(tmp_path / "nothing"), "known_hosts")):
            place = SftpPlace(server.url, known_hosts=text, password=PASSWORD)
            with pytest.raises((Expired, Transient)) as caught2:
                await place.list("in")
            assert word in caught2.value.message + caught2.value.cure
            await place.close()
        known = tmp_path / "known"
        known.write_text(server.known_hosts() + "\n")
        place = SftpPlace(server.url, known_hosts=str(known), password=PASSWORD)
        assert await place.list("in") == []
        assert await place.list("nowhere") is None
        await place.close()


async def test_a_wrong_password_asks_a_person(tmp_path: Path) -> None:
    async with serve_sftp(tmp_path) as server:
        place = SftpPlace(server.url, known_hosts=server.known_hosts(), password="wrong")
        with pytest.raises(Expired) as caught:
            await place.read("x")
        assert caught.value.cure
        await place.close()


async def test_a_name_is_given_once_and_files_are_whole(tmp_path: Path) -> None:
    async with serve_sftp(tmp_path) as server:
        place = SftpPlace(server.url, known_hosts=server.known_hosts(), password=PASSWORD)
        await place.put("a/b/x.csv", b"one")
        with pytest.raises(Taken):
            await place.put("a/b/x.csv", b"two")
        assert await place.read("a/b/x.csv") == b"one"
        await place.put("a/b/x.csv", b"two", replace=True)
        assert await place.read("a/b/x.csv") == b"two"
        assert await place.move("a/b/x.csv", "c/y.csv")
        assert not await place.move("a/b/x.csv", "c/z.csv")
        await place.put("a/b/x.csv", b"three")
        with pytest.raises(Taken):
            await place.move("a/b/x.csv", "c/y.csv")
        assert [p.name for p in sorted(tmp_path.rglob("*")) if p.is_file()] == ["x.csv", "y.csv"]
        server.drop()
        assert await place.read("c/y.csv") == b"two"
        await place.close()


async def test_writing_goes_on_after_the_line_broke(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    async with serve_sftp(tmp_path) as server:
        books = FileBooks(server.settings(), Tools("buku", "Asia/Jakarta", None, time.time))
        for n in range(5):
            (outcome,) = await books.write("sales_order", "create", [Write(f"k{n}", order(n))])
            assert isinstance(outcome, Done)
            server.drop()
        await books.close()
        desk = BooksDesk(tmp_path)
        desk.pick_up()
        assert (len(desk.of("sales_order")), desk.doubled) == (5, [])


async def test_a_name_that_is_no_utf_8_is_read_and_moved(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/mutasi \xe9.csv")).write_bytes(b"one")
    async with serve_sftp(tmp_path) as server:
        place = SftpPlace(server.url, known_hosts=server.known_hosts(), password=PASSWORD)
        entries = await place.list("in")
        assert entries is not None
        (entry,) = entries
        copy = await place.fetch(f"in/{entry.name}", 100)
        assert copy is not None
        assert copy.read_bytes() == b"one"
        assert await place.move(f"in/{entry.name}", "done/000001-mutasi _.csv")
        assert [one.name for one in await place.list("done") or ()] == ["000001-mutasi _.csv"]
        await place.close()
