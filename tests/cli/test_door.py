"""Locks, wrong keys, a serving process, Ctrl-C; and what the program imports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from selaras.cli import main as program
from selaras.ledger.lock import DirectoryLock
from tests.cli.door import books_words, eventually, secret, started, until
from tests.cli.install import House
from tests.ports import free_port

# -- locks and keys ----------------------------------------------------------------------------------------------------


def test_a_locked_directory_can_be_read_but_not_written(house: House) -> None:
    house.connect()
    lock = DirectoryLock(house.data)
    lock.acquire()
    try:
        refused = house.run("retry", "--all")
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert str(os.getpid()) in refused.stderr
        assert house.run("coverage").exit_code == 0
        indonesian = house.run("retry", "--all", lang="id")
        assert "dipakai" in indonesian.stderr
    finally:
        lock.release()


def test_the_wrong_key_is_one_sentence_in_both_languages(house: House) -> None:
    house.connect()
    other = {"SELARAS_KEY": Fernet.generate_key().decode()}
    for lang, word in (("en", "does not open"), ("id", "tidak terbuka")):
        done = house.run("connections", "list", env=other, lang=lang)
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert word in done.stderr
    assert house.run("coverage", env=other).exit_code == 0, "what is no secret needs no key"
    malformed = house.run("coverage", env={"SELARAS_KEY": "short"})
    assert (malformed.exit_code, malformed.stderr.count("\n")) == (2, 1)


def test_a_directory_without_installation_is_not_made_into_one(house: House) -> None:
    lines = ("coverage", "retry --all", "sweep", "backup x.db", "connections check", "pair a b", "schedule sweep daily")
    for words in lines:
        done = house.run(*words.split())
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), words
    assert not house.data.exists()


def test_a_password_in_the_database_address_is_refused(house: House) -> None:
    done = house.run("coverage", "--database", "postgresql://me:hush@localhost/x")
    assert done.exit_code == 2
    assert "SELARAS_DATABASE" in done.stderr
    assert "hush" not in done.stderr


# -- the program -------------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from selaras.cli.main import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'apsw', 'aiohttp', 'cryptography', 'rich', 'msgspec', 'starlette', 'asyncio', 'phonenumbers'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"
    for name in program.COMMANDS:
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE), name


@pytest.mark.parametrize("name", program.COMMANDS)
def test_every_command_is_there_and_has_help_in_both_languages(name: str) -> None:
    english = CliRunner().invoke(program.cli, [name, "--help"])
    assert english.exit_code == 0, english.output
    indonesian = CliRunner().invoke(program.cli, ["--lang", "id", name, "--help"])
    assert indonesian.exit_code == 0
    assert "Pemakaian:" in indonesian.output


def test_a_wrong_word_is_told_with_the_way_to_help(house: House) -> None:
    done = house.run("covrage", lang="id")
    assert done.exit_code == 2
    assert "covrage" in done.stderr
    assert house.run("coverage", "--from", "31-08-2026").exit_code == 2
    assert house.run("certify", "--month", "2026-08", "--check", "x").exit_code == 2


def test_a_defect_is_one_sentence_unless_debugging(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.connect()

    def broken(*_args: Any) -> None:
        raise ZeroDivisionError("token=abcdefghijklmnop")

    monkeypatch.setattr("selaras.cli.coverage.ask_coverage", broken)
    done = house.run("coverage")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "SELARAS_DEBUG=1" in done.stderr
    debugged = house.run("coverage", env={"SELARAS_DEBUG": "1"})
    assert isinstance(debugged.exception, ZeroDivisionError)


def test_ctrl_c_is_one_line(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.connect()

    def interrupted(*_args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("selaras.cli.coverage.ask_coverage", interrupted)
    done = house.run("coverage")
    assert done.exit_code == 130
    assert done.stderr.strip().count("\n") == 0
    assert "Stopped" in done.stderr


def test_a_real_ctrl_c_while_waiting_for_a_sign_in_is_one_line(house: House) -> None:
    redirect = f"http://127.0.0.1:{free_port()}/oauth/done"
    process = started(house, *books_words(house, "--set", f"redirect_uri={redirect}"), env=secret(house))
    try:
        until(process.stderr, "/oauth/authorize")
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.strip().splitlines() == ["Stopped. Nothing that was begun is lost."]
    assert [one["name"] for one in house.json("connections", "list")] == ["buku"], "what was stored before stays"


# -- beside a serving process ------------------------------------------------------------------------------------------


@pytest.fixture
def served(house: House) -> Iterator[House]:
    house.connect()
    process = started(house, "serve", "--port", "0")
    drain: list[threading.Thread] = []
    try:
        assert "Selaras answers at" in until(process.stdout, "answers at")
        for stream in (process.stdout, process.stderr):
            drain.append(threading.Thread(target=stream.read, daemon=True))  # type: ignore[union-attr]
            drain[-1].start()
        yield house
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
        for thread in drain:
            thread.join(10)


def test_commands_that_write_go_through_the_serving_process(served: House) -> None:
    order = served.checkout(("TOPI 1", 1))
    number = str(order["number"])

    def status() -> str:
        found = json.loads(served.run("explain", number, "--json").stdout or "[]")
        return found[0]["status"] if found else ""

    assert served.json("sweep")["swept"][0]["seen"] >= 1
    eventually(lambda: status() == "blocked")
    assert served.json("retry", number)["records"] == 1
    assert served.json("skip", number, "--why", "uji coba")["postings"] == 1
    (item,) = [i for i in served.json("blocked", "--skipped")["items"] if i["name"] == number]
    assert item["by_whom"] == "wati"
    assert served.json("undo", "skip", number)["kind"] == "skip"
    assert served.json("products", "accept", "--rule", "dashes")["accepted"] == {"TOPI 1": "TOPI-1"}
    eventually(lambda: status() == "posted")
    assert served.json("plan", number, "--apply")["records"] == 1
    assert all(one["ok"] for one in served.json("connections", "check")), "asked beside the process, with its token"
    wrong = served.run("retry", "no-such", lang="id")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    assert served.run("pair", "toko", "buku").exit_code == 2, "what the process was started with needs it stopped"
    (served.data / "token").write_text("stale\n")
    refused = served.run("retry", "--all")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def test_the_same_commands_on_postgresql(house: House, pg_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELARAS_DATABASE", pg_dsn)
    house.connect()
    assert not (house.data / "selaras.db").exists()
    assert house.json("sweep")["swept"][0]["store"] == "toko"
    report = house.json("coverage", "--kind", "order")
    assert all(row["balanced"] for row in report["rows"])
    plan = json.loads(house.run("plan", "--json").stdout)  # other tests may have left orders in the shared store
    assert (plan["store"], plan["to_post"] + plan["blocked"]) == ("toko", len(plan["records"]))
    assert [one["signed_in"] for one in house.json("connections", "list")] == [True, None]
    refused = house.run("backup", str(house.data / "copy"))
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    monkeypatch.setenv("SELARAS_DATABASE", "postgresql://nobody@127.0.0.1:1/nothing")
    unreachable = house.run("coverage", lang="id")
    assert (unreachable.exit_code, unreachable.stderr.count("\n")) == (2, 1)
    assert "PostgreSQL" in unreachable.stderr
