"""Getting in: sign-in with and without a browser, and where secrets may come from."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

import pytest

from selaras.cli.callback import code_of
from selaras.ledger.errors import LedgerError
from tests.cli.door import books_words, consent, secret, started, until
from tests.cli.install import House
from tests.ports import free_port

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
