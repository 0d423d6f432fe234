"""Twenty workers meet one expired token: exactly one refresh, and a single-use refresh token is used once (M1)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from selaras.connectors.contract import Connector, Expired
from selaras.ledger import Desk, Ledger, open_ledger
from selaras.ledger.connections import Connection
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.books.server import BooksServer
from selaras.sync import connecting
from selaras.sync.installation import LedgerTokens, build
from tests.sync.target import Plain

WORKERS = 20


async def signed_in(desk: Desk, server: BooksServer) -> Connection:
    """The books connected as a person does it, with a consent page that agrees by itself."""
    plain = {"base_url": server.url, "client_id": server.config.client_id, "redirect_uri": "http://127.0.0.1:8901/done"}
    secret = {"client_secret": server.config.client_secret}
    await connecting.connect(desk, "sandbox_books", "buku", plain, secret, "Asia/Jakarta", 0)
    async with connecting.signing_in(desk, "buku", time.time) as oauth, aiohttp.ClientSession() as http:
        begun = oauth.authorization_url()
        async with http.get(begun.url + "&auto=1", allow_redirects=False) as answer:
            back = parse_qs(urlsplit(answer.headers["Location"]).query)
        await connecting.finish_sign_in(oauth, begun, back["code"][0], back["state"][0])
    return await desk(desk.ledger.connections.get, "buku")


@contextlib.asynccontextmanager
async def workers(server: BooksServer, desks: list[Desk]) -> AsyncIterator[list[Connector]]:
    """Twenty workers, each with a connector and a token store of its own, spread over the desks."""
    connection = await signed_in(desks[0], server)
    made = [
        build(connection, LedgerTokens(desks[n % len(desks)], "buku", time.time), time.time) for n in range(WORKERS)
    ]
    try:
        yield made
    finally:
        await asyncio.gather(*(connector.close() for connector in made))


async def expire_and_work(server: BooksServer, made: list[Connector], rounds: int = 3) -> None:
    """Every worker has used its token; then all tokens expire at once and all workers call at once."""
    await asyncio.gather(*(connector.changed("contact", "") for connector in made))
    for number in range(1, rounds + 1):
        before = server.app.truth(["calls"])["tokens"]
        server.app.grants.expire()
        answers = await asyncio.gather(*(connector.changed("contact", "") for connector in made))
        assert len(answers) == WORKERS
        tokens = server.app.truth(["calls"])["tokens"]
        assert tokens["refreshes"] - before["refreshes"] == 1, number
        assert (tokens["reused"], tokens["refused"], tokens["issued"]) == (0, 0, number + 1)


def ledgers(where: Path | str, count: int) -> list[Ledger]:
    return [open_ledger(where, Plain()) for _ in range(count)]


async def test_in_one_process(tmp_path: Path) -> None:
    desk = Desk(open_ledger(tmp_path / "data", Plain()))
    try:
        async with serve_books(BooksConfig(single_use_refresh=True, revoke_on_reuse=True)) as server:
            async with workers(server, [desk]) as made:
                await expire_and_work(server, made)
            # One connector shared by twenty tasks: the same.
            connection = await desk(desk.ledger.connections.get, "buku")
            shared = build(connection, LedgerTokens(desk, "buku", time.time), time.time)
            before = server.app.truth(["calls"])["tokens"]["refreshes"]
            server.app.grants.expire()
            await asyncio.gather(*(shared.changed("contact", "") for _ in range(WORKERS)))
            assert server.app.truth(["calls"])["tokens"]["refreshes"] - before == 1
            await shared.close()
    finally:
        await desk.close()


async def test_in_several_processes_on_one_database(pg_dsn: str) -> None:
    # Each desk has a thread and a connection of its own, which is all that processes could share or not share.
    desks = [Desk(ledger) for ledger in ledgers(pg_dsn, 4)]
    try:
        async with (
            serve_books(BooksConfig(single_use_refresh=True, revoke_on_reuse=True)) as server,
            workers(server, desks) as made,
        ):
            await expire_and_work(server, made, rounds=2)
    finally:
        for desk in desks:
            await desk.close()


async def test_a_grant_that_is_gone_is_asked_for_once_by_all(tmp_path: Path) -> None:
    desk = Desk(open_ledger(tmp_path / "data", Plain()))
    try:
        async with serve_books(BooksConfig()) as server, workers(server, [desk]) as made:
            await asyncio.gather(*(connector.changed("contact", "") for connector in made))
            server.app.grants.revoke_all()
            shared = made[0]
            before = server.app.truth(["calls"])["tokens"]["refused"]
            outcomes = await asyncio.gather(
                *(shared.changed("contact", "") for _ in range(WORKERS)), return_exceptions=True
            )
            assert all(isinstance(outcome, Expired) for outcome in outcomes), outcomes
            assert server.app.truth(["calls"])["tokens"]["refused"] - before == 1
            with pytest.raises(Expired, match="the sign-in of buku has ended"):
                await shared.read("contact", ["con00000001"])
    finally:
        await desk.close()
