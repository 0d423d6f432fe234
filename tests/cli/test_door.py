"""Getting in and out: sign-in, secrets, locks, wrong keys, a serving process, Ctrl-C; and what the program imports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from selaras.cli import main as program
from selaras.cli.callback import code_of
from selaras.ledger.errors import LedgerError
from selaras.ledger.lock import DirectoryLock
from tests.cli.install import House, a_house
from tests.ports import free_port

GOODS = (("KAOS-M", "Kaos hitam M", 10), ("TOPI 1", "Topi", 5))
KEPT = [("KAOS-M", "Kaos hitam M", 10), ("TOPI-1", "Topi", 5)]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Both servers, nothing connected; each test takes a data directory of its own."""
    with a_house(
        tmp_path_factory.mktemp("none"), before=lambda h: h.products(*GOODS, books=KEPT), connect=False
    ) as house:
        yield house


@pytest.fixture
def house(sides: House, tmp_path: Path) -> House:
    return House(tmp_path / "data", sides.store, sides.books)


def started(house: House, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """The program as a process of its own."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "SELARAS_LANG": "en", "SELARAS_WHO": "wati", **(env or {})}
    return subprocess.Popen(
        [sys.executable, "-m", "selaras", "--data", str(house.data), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def until(stream: Any, wanted: str) -> str:
    """The first line with `wanted` in it."""
    lines = []
    for line in stream:
        if wanted in line:
            return str(line)
        lines.append(line)
    raise AssertionError(f"never said {wanted!r}: {lines}")


def consent(url: str, decision: str = "allow") -> urllib.request.Request:
    """A person presses the button on the sign-in page; the browser follows to our page."""
    with urllib.request.urlopen(url, timeout=60) as page:
        fields = re.findall(r'name="([^"]+)" value="([^"]*)">', page.read().decode())
    form = urllib.parse.urlencode([*((k, v.replace("&amp;", "&")) for k, v in fields), ("decision", decision)])
    where = urllib.parse.urlsplit(url)
    return urllib.request.Request(f"{where.scheme}://{where.netloc}{where.path}", form.encode(), method="POST")


def books_words(house: House, *more: str) -> list[str]:
    return [
        "connect", "sandbox_books", "--name", "buku", "--set", f"base_url={house.books.url}", "--set",
        f"client_id={house.books.config.client_id}", *more,
    ]  # fmt: skip


def secret(house: House) -> dict[str, str]:
    return {"SELARAS_SECRET_CLIENT_SECRET": house.books.config.client_secret}


# -- sign-in -----------------------------------------------------------------------------------------------------------


def test_sign_in_through_the_browser_and_a_page_of_ours(house: House) -> None:
    redirect = f"http://127.0.0.1:{free_port()}/oauth/done"
    process = started(house, *books_words(house, "--set", f"redirect_uri={redirect}"), env=secret(house))
    try:
        url = until(process.stderr, "/oauth/authorize").strip()
        assert "code_challenge_method=S256" in url
        with urllib.request.urlopen(consent(url), timeout=60) as page:
            assert "Signed in" in page.read().decode()
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "buku is connected." in out
    assert house.books.config.client_secret not in out + err
    (one,) = house.json("connections", "list")
    assert one["signed_in"] is True
    (checked,) = house.json("connections", "check", "buku")
    assert checked["ok"] is True


def test_sign_in_without_a_browser(house: House) -> None:
    redirect = "http://127.0.0.1:1/oauth/done"  # nothing listens there, and nothing needs to
    words = books_words(house, "--set", f"redirect_uri={redirect}", "--headless")
    process = started(house, *words, env=secret(house))
    try:
        url = until(process.stderr, "/oauth/authorize").strip()

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *args: Any, **kwargs: Any) -> None:
                return None

        try:
            urllib.request.build_opener(Stay).open(consent(url), timeout=60)
            raise AssertionError("the sign-in page must send the browser on")
        except urllib.error.HTTPError as answer:
            landed = answer.headers["Location"]
        _out, err = process.communicate(landed + "\n", timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert house.json("connections", "list")[0]["signed_in"] is True


def test_a_person_who_declines_and_one_who_never_comes(house: House) -> None:
    redirect = f"http://127.0.0.1:{free_port()}/oauth/done"
    words = books_words(house, "--set", f"redirect_uri={redirect}")
    process = started(house, *words, env=secret(house))
    try:
        url = until(process.stderr, "/oauth/authorize").strip()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(consent(url, "deny"), timeout=60)
        assert refused.value.code == 400
        _out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 2
    assert "refused" in err.splitlines()[-1]
    late = house.run("connect", "--sign-in", "buku", "--wait", "1")
    assert late.exit_code == 2
    assert "Nobody signed in" in late.stderr.splitlines()[-1]
    assert house.json("connections", "list")[0]["signed_in"] is False


def test_an_answer_of_another_sign_in_is_refused(house: House) -> None:
    port = free_port()
    redirect = f"http://127.0.0.1:{port}/oauth/done"
    process = started(house, *books_words(house, "--set", f"redirect_uri={redirect}"), env=secret(house))
    try:
        until(process.stderr, "/oauth/authorize")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{redirect}?code=stolen&state=other", timeout=60)
        _out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 2
    assert "not the one begun" in err


@pytest.mark.parametrize(
    ("pasted", "answer"),
    [
        ("http://x/y?code=a%2Fb&state=s", ("a/b", "s")),
        ("code=abc&state=s", ("abc", "s")),
        ("?code=abc", ("abc", "")),
        (" abc-123 ", ("abc-123", "")),
    ],
)
def test_what_a_person_may_paste(pasted: str, answer: tuple[str, str]) -> None:
    assert code_of(pasted) == answer


@pytest.mark.parametrize("pasted", ["", "http://x/?error=access_denied"])
def test_what_has_no_code_in_it(pasted: str) -> None:
    with pytest.raises(LedgerError, match="no code"):
        code_of(pasted)


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_a_secret_on_the_command_line_is_refused_with_the_cure(house: House) -> None:
    done = house.run(*books_words(house, "--set", "client_secret=hush-hush-hush"))
    assert done.exit_code == 2
    assert "SELARAS_SECRET_CLIENT_SECRET" in done.stderr
    assert "hush" not in done.stderr + done.stdout
    assert not house.data.exists()


def test_a_missing_secret_is_named(house: House) -> None:
    done = house.run(*books_words(house, "--no-sign-in"))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "SELARAS_SECRET_CLIENT_SECRET" in done.stderr


def test_secrets_come_from_standard_input_as_json_too(house: House) -> None:
    words = books_words(house, "--no-sign-in", "--secrets-stdin")
    assert house.run(*words, stdin="{not json").exit_code == 2
    assert house.run(*words, stdin="no equals sign").exit_code == 2
    assert house.run(*words, stdin=json.dumps({"client_secret": "s"})).exit_code == 0
    stored = (house.data / "selaras.db").read_bytes() + (house.data / "selaras.db-wal").read_bytes() if (
        house.data / "selaras.db-wal"
    ).exists() else (house.data / "selaras.db").read_bytes()  # fmt: skip
    assert b"client_secret" not in stored


def test_wrong_settings_are_one_sentence_each(house: House) -> None:
    cases: list[tuple[list[str], str]] = [
        (["connect", "sandbox_bocks"], "sandbox_books"),
        (books_words(house, "--set", "base_ulr=x"), "base_url"),
        (books_words(house, "--zone", "Asia/Jakrata"), "Asia/Jakrata"),
        (["connect", "sandbox_books", "--name", "Büku"], "Büku"),
        (books_words(house, "--set", "rate=fast"), "rate"),
        (books_words(house, "--set", "nonsense"), "name=value"),
    ]
    for words, wanted in cases:
        done = house.run(*words, env=secret(house))
        assert done.exit_code == 2, words
        assert wanted in done.stderr, words
        assert "Traceback" not in done.stderr
    nothing = house.run("connections", "list")
    assert nothing.exit_code == 2 or json.loads(house.run("connections", "list", "--json").stdout) == []


def test_only_what_is_given_changes_and_a_connection_can_be_removed(house: House) -> None:
    house.connect()
    changed = house.run("connect", "sandbox_books", "--name", "buku", "--set", "visibility_lag=2")
    assert changed.exit_code == 0, changed.stderr
    books = next(one for one in house.json("connections", "list") if one["name"] == "buku")
    assert books["settings"]["visibility_lag"] == "2"
    assert books["settings"]["client_id"] == house.books.config.client_id
    assert house.run("connections", "remove", "buku", "--yes").exit_code == 2, "it takes part in a pair"
    assert house.run("connections", "remove", "buku", stdin="n\n").exit_code == 130
    assert house.run("connections", "remove", "buku", "--with-pairs", "--yes").exit_code == 0
    assert [one["name"] for one in house.json("connections", "list")] == ["toko"]
    assert house.json("pair") == []


def test_a_pair_is_refused_when_it_makes_no_sense(house: House) -> None:
    house.connect()
    for words, wanted in (
        (["pair", "buku", "toko"], "not as store"),
        (["pair", "toko", "nobody"], "nobody"),
        (["pair", "toko", "buku", "--set", "invoice_at=never"], "invoice_at"),
        (["pair", "toko", "buku", "--set", "colour=red"], "colour"),
        (["pair", "toko", "buku", "--set", "accounts=bank"], "accounts"),
        (["pair", "toko", "buku", "--set", "zone=Mars/Base"], "Mars/Base"),
        (["pair", "toko", "buku", "--set", "closed_until=soon"], "closed_until"),
        (["pair", "nobody", "--remove"], "nobody"),
    ):
        done = house.run(*words)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), (words, done.stderr)
        assert wanted in done.stderr
    words = [
        "--set",
        "closed_until=2026-01-31",
        "--set",
        "bank_methods=transfer, va",
        "--set",
        "accounts.qris=clearing",
    ]
    policy = house.json("pair", "toko", "buku", *words, "--buffer", "2")
    assert policy["policy"]["closed_until"] == "2026-01-31"
    assert sorted(policy["policy"]["bank_methods"]) == ["transfer", "va"]
    assert policy["policy"]["accounts"] == {"qris": "clearing", "transfer": "bank"}
    assert policy["buffer"] == 2
    back = house.json("pair", "toko", "buku", "--set", "closed_until=", "--set", "accounts.qris=")
    assert back["policy"]["closed_until"] is None
    assert back["policy"]["accounts"] == {"transfer": "bank"}


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


def eventually(question: Callable[[], bool], seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.2)


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
