"""`connect` and `connections check` as a person meets them: asked at a terminal, checked at once, told how to mend."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selaras.cli.connections import opener
from selaras.ledger import Desk
from selaras.sandbox.store import StoreConfig
from selaras.sync.checking import check_connections
from selaras.sync.installation import open_installation
from tests.cli.door import GOODS, KEPT, books_words, eventually, secret, started, until
from tests.cli.install import House, a_house
from tests.ports import free_port


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A store in another zone whose clock is five minutes ahead, and books; nothing connected."""
    with a_house(
        tmp_path_factory.mktemp("none"),
        store=StoreConfig(zone="Asia/Makassar", clock_skew=300.0, seed=5),
        before=lambda h: h.products(*GOODS, books=KEPT),
        connect=False,
    ) as house:
        yield house


@pytest.fixture
def house(sides: House, tmp_path: Path) -> House:
    return House(tmp_path / "data", sides.store, sides.books)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A store and books that are in order, kept together, with an order in them."""
    with a_house(tmp_path_factory.mktemp("sound") / "data", before=lambda h: h.products(*GOODS, books=KEPT)) as house:
        yield house


def store_words(house: House, *more: str) -> list[str]:
    return ["connect", "sandbox_store", "--name", "toko", "--set", f"base_url={house.store.url}", *more]


def store_secrets(house: House) -> dict[str, str]:
    return {
        "SELARAS_SECRET_API_KEY": house.store.api_key,
        "SELARAS_SECRET_WEBHOOK_SECRET": house.store.webhook_secret,
    }


def wrong(answer: Any) -> dict[str, Any]:
    """The findings that need a cure, by what they are about."""
    return {f["what"]: f for f in answer["check"]["findings"] if not f["ok"]}


def found(answer: Any, what: str) -> Any:
    (one,) = [f for f in answer["check"]["findings"] if f["what"] == what]
    return one


# -- checked at once ---------------------------------------------------------------------------------------------------


def test_connecting_says_at_once_what_is_wrong_and_how_to_mend_it(house: House) -> None:
    done = house.run(*store_words(house), env=store_secrets(house))
    assert done.exit_code == 1, done.stderr
    assert "toko is connected." in done.stdout
    assert "the clock of toko is" in done.stdout
    assert "s ahead of this machine's" in done.stdout
    assert "Asia/Makassar" in done.stdout
    for kept in (house.store.api_key, house.store.webhook_secret):
        assert kept not in done.stdout + done.stderr
    again = house.json(*store_words(house, "--zone", "Asia/Makassar"), env=store_secrets(house), code=1)
    assert set(wrong(again["checked"])) == {"Clock"}, "the zone is mended, the clock is not ours to set"
    assert wrong(again["checked"])["Clock"]["cure"].startswith("Set both clocks by NTP")


def test_a_wrong_key_is_told_and_the_connection_is_stored_to_be_mended(house: House) -> None:
    key = {**store_secrets(house), "SELARAS_SECRET_API_KEY": "not-the-key"}
    done = house.run(*store_words(house), env=key)
    assert done.exit_code == 1
    assert "API key" in done.stdout
    assert "not-the-key" not in done.stdout + done.stderr
    assert [one["name"] for one in house.json("connections", "list")] == ["toko"]
    mended = house.json(*store_words(house, "--zone", "Asia/Makassar"), env=store_secrets(house), code=1)
    assert set(wrong(mended["checked"])) == {"Clock"}


def test_a_system_that_is_not_there_is_one_sentence(house: House) -> None:
    there = f"base_url=http://127.0.0.1:{free_port()}"
    done = house.run("connect", "sandbox_store", "--name", "toko", "--set", there, env=store_secrets(house))
    assert done.exit_code == 1
    assert "toko cannot be reached" in done.stdout or "cannot be reached" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    away = house.run(
        "connect", "sandbox_store", "--name", "lagi", "--set", there, "--no-check", env=store_secrets(house)
    )
    assert (away.exit_code, "connections check lagi" in away.stdout) == (0, True)


def test_plain_settings_may_come_from_the_environment(house: House) -> None:
    env = {**secret(house), "SELARAS_SETTING_BASE_URL": house.books.url, "SELARAS_SETTING_GRANT": "client_credentials",
           "SELARAS_SETTING_CLIENT_ID": house.books.config.client_id}  # fmt: skip
    done = house.json("connect", "sandbox_books", "--name", "buku", env=env)
    assert done["checked"]["ok"] is True
    assert found(done["checked"], "Search lag")["detail"].endswith("none of ours is there yet to prove it")
    (listed,) = house.json("connections", "list")
    assert listed["settings"]["base_url"] == house.books.url
    flag = house.run("connect", "sandbox_books", "--name", "buku", "--set", "visibility_lag=2", "--no-check", env=env)
    assert flag.exit_code == 0, flag.stderr


def test_the_days_of_both_sides_are_compared(house: House) -> None:
    house.run(*store_words(house, "--zone", "Asia/Makassar"), env=store_secrets(house))
    house.run(*books_words(house, "--set", "grant=client_credentials"), env=secret(house))
    assert house.run("pair", "toko", "buku").exit_code == 0
    books = next(one for one in house.json("connections", "check", code=1) if one["name"] == "buku")
    finding = wrong(books)["Time zone of the pair"]
    assert "Asia/Makassar" in finding["detail"]
    assert finding["cure"].endswith("`selaras pair toko buku --set zone=Asia/Jakarta`.")
    assert house.run("pair", "toko", "buku", "--set", "zone=Asia/Jakarta").exit_code == 0, "the cure is followed"
    books = next(one for one in house.json("connections", "check", code=1) if one["name"] == "buku")
    assert books["ok"] is True
    assert found(books, "Currency of the pair") == {
        "what": "Currency of the pair", "ok": True, "detail": "IDR", "cure": "",
    }  # fmt: skip


# -- asked at a terminal -----------------------------------------------------------------------------------------------


class Terminal:
    """The program on a real terminal: what it asks is read from there, what a person types is written there."""

    def __init__(self, house: House, *words: str) -> None:
        self.master, slave = pty.openpty()
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SELARAS_")},
            "PYTHONUNBUFFERED": "1", "SELARAS_LANG": "en", "TERM": "dumb", "COLUMNS": "200",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "selaras", "--data", str(house.data), *words],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.said = ""
        self._seen = 0

    def asked(self, wanted: str) -> None:
        """Wait until `wanted` stands on the screen, after what was answered before."""
        while wanted not in self.said[self._seen :]:
            self._read()
        self._seen = self.said.index(wanted, self._seen) + len(wanted)

    def _read(self) -> None:
        try:
            part = os.read(self.master, 4096)
        except OSError:  # Linux says so when the other end is closed
            part = b""
        if not part:
            raise AssertionError(f"ended without what was waited for: {self.said}")
        self.said += part.decode()

    def answer(self, question: str, text: str) -> None:
        self.asked(question)
        os.write(self.master, text.encode() + b"\n")

    def end(self) -> int:
        """The exit code, after everything that is still said."""
        while True:
            try:
                self._read()
            except AssertionError:
                break
        os.close(self.master)
        return self.process.wait(30)


def test_a_person_at_a_terminal_is_asked_for_everything(house: House) -> None:
    screen = Terminal(house, "connect")
    screen.answer("Type of system", "sandbox_store")
    screen.answer("Name of the connection [sandbox_store]", "toko")
    screen.answer("Address", house.store.url)
    screen.answer("API key", house.store.api_key)
    screen.answer("webhooks", house.store.webhook_secret)
    screen.answer("other settings as well?", "n")
    screen.answer("Time zone of its business day [Asia/Jakarta]", "Asia/Makassar")
    assert screen.end() == 1, screen.said
    assert "toko is connected." in screen.said
    assert "the clock of toko is" in screen.said
    for kept in (house.store.api_key, house.store.webhook_secret):
        assert kept not in screen.said, "what is secret is not shown while it is typed"
    (listed,) = house.json("connections", "list")
    assert (listed["zone"], listed["settings"]["base_url"]) == ("Asia/Makassar", house.store.url)


def test_only_what_is_missing_is_asked_for(house: House) -> None:
    screen = Terminal(house, *books_words(house, "--set", "grant=client_credentials"))
    screen.answer("Client secret", house.books.config.client_secret)
    assert screen.end() == 0, screen.said
    assert "buku is connected." in screen.said
    assert "Time zone of its" not in screen.said
    assert house.books.config.client_secret not in screen.said
    changed = Terminal(house, *books_words(house, "--set", "visibility_lag=2"))
    assert changed.end() == 0, changed.said
    assert "buku was changed." in changed.said


def test_a_wrong_answer_is_one_sentence(house: House) -> None:
    screen = Terminal(house, "connect", "sandbox_store", "--name", "toko")
    screen.answer("Address", "ftp://toko.example")
    screen.answer("API key", "k")
    screen.answer("webhooks", "s")
    screen.answer("other settings as well?", "")
    screen.answer("Time zone", "")
    assert screen.end() == 2
    assert "this is not a web address" in screen.said
    assert "Traceback" not in screen.said


def test_without_a_terminal_nobody_is_asked(house: House) -> None:
    for words, sentence in (
        (["connect"], "Name the type of system"),
        (["connect", "sandbox_store"], "The secret 'api_key' is missing"),
        (["connect", "sandbox_books", "--set", "client_id=x"], "is missing"),
    ):
        done = house.run(*words, stdin="", env={"SELARAS_SECRET_CLIENT_SECRET": "x"})
        assert done.exit_code == 2, words
        assert sentence in done.stderr


# -- webhooks ----------------------------------------------------------------------------------------------------------


def test_webhooks_are_followed_from_the_address_to_the_subscription(sound: House) -> None:
    store = next(one for one in sound.json("connections", "check") if one["name"] == "toko")
    assert "by polling" in found(store, "Webhooks")["detail"]
    nobody = sound.run("connections", "check", "toko", "--webhooks")
    assert (nobody.exit_code, nobody.stderr.count("\n")) == (2, 1)
    assert "--public-url" in nobody.stderr
    url = f"http://127.0.0.1:{free_port()}"
    away = sound.json("connections", "check", "toko", "--webhooks", "--public-url", url, code=1)[0]
    assert {"Public address", "Webhooks"} >= set(wrong(away)) >= {"Public address"}
    process = started(sound, "serve", "--port", url.rpartition(":")[2], "--public-url", url)
    drain = []
    try:
        until(process.stdout, "answers at")
        for stream in (process.stdout, process.stderr):
            drain.append(threading.Thread(target=stream.read, daemon=True))  # type: ignore[union-attr]
            drain[-1].start()
        api = {"Authorization": f"Bearer {sound.store.api_key}"}

        def hooks() -> list[Any]:
            return [
                h for h in sound.get(f"{sound.store.url}/api/webhooks", api)["webhooks"] if h["url"].startswith(url)
            ]

        eventually(lambda: len(hooks()) == 1)
        (plain,) = sound.json("connections", "check", "toko")
        assert found(plain, "Webhooks")["detail"] == f"changes are told to {url}/webhooks/toko", "as serve was told"
        (there,) = sound.json("connections", "check", "toko", "--webhooks")
        assert found(there, "Public address") == {"what": "Public address", "ok": True, "detail": url, "cure": ""}
        assert found(there, "Webhooks")["detail"] == f"the subscription of {url}/webhooks/toko is on"
        assert [hook["status"] for hook in hooks()] == ["active"]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
        for thread in drain:
            thread.join(10)


# -- the search --------------------------------------------------------------------------------------------------------


def test_an_order_that_we_wrote_proves_that_looking_works(sound: House) -> None:
    order = sound.checkout(("KAOS-M", 1))
    sound.settle()

    async def check() -> Any:
        desk = Desk(open_installation(sound.data))
        try:
            (answer,) = await check_connections(desk, opener(desk), ["buku"], time.time() + 10)
            return next(f for f in answer.check.findings if f.what == "Search lag")  # type: ignore[union-attr]
        finally:
            await desk.close()

    finding = asyncio.run(check())
    assert finding.ok
    assert f"{order['number']} of ours was found" in finding.detail
