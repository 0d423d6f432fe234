"""The vault and the log filter: nothing is readable at rest, nothing leaks on the way."""

from __future__ import annotations

import base64
import io
import logging
import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras import secrets
from selaras.secrets import KeyProblem, RedactFilter, Vault, WrongKey, new_key, redact, remember

SECRET = "cs_9f8e7d6c5b4a39281706"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_known", type(secrets._known)())
    monkeypatch.setattr(secrets, "_known_pattern", None)


# -- the vault --------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_opens(text: str) -> None:
    vault = Vault([KEY])
    sealed = vault.seal(text)
    assert vault.open(sealed) == text
    assert len(text) < 8 or text not in sealed
    assert vault.seal(text) != sealed


def test_a_wrong_key_names_the_cure() -> None:
    sealed = Vault([KEY]).seal(SECRET)
    with pytest.raises(WrongKey) as caught:
        Vault([new_key()]).open(sealed)
    assert "SELARAS_KEY" in caught.value.cure
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("sealed", ["", "s1:", "plain", "s1:gAAAA", "s1:é", "s2:" + "A" * 100])
def test_what_was_not_sealed_here_does_not_open(sealed: str) -> None:
    with pytest.raises(WrongKey):
        Vault([KEY]).open(sealed)


def test_a_changed_value_does_not_open() -> None:
    sealed = Vault([KEY]).seal(SECRET)
    for place in (5, 20, len(sealed) // 2, len(sealed) - 3):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(WrongKey):
            Vault([KEY]).open(changed)


def test_keys_can_be_changed_without_losing_anything() -> None:
    old, new = new_key(), new_key()
    sealed = Vault([old]).seal(SECRET)
    both = Vault([new, old])
    assert both.open(sealed) == SECRET
    renewed = both.renew(sealed)
    assert Vault([new]).open(renewed) == SECRET
    with pytest.raises(WrongKey):
        Vault([old]).open(renewed)


def test_the_key_comes_from_the_environment_first(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    sealed = Vault([old]).seal(SECRET)
    vault = Vault.load(tmp_path, {"SELARAS_KEY": f" {new}, {old}\n"})
    assert vault.open(sealed) == SECRET
    assert Vault([new]).open(vault.seal("x")) == "x"
    assert list(tmp_path.iterdir()) == []


def test_the_key_comes_from_the_named_file(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere"
    file.write_text(f"{KEY}\n")
    file.chmod(0o400)
    vault = Vault.load(tmp_path / "data", {"SELARAS_KEY_FILE": str(file)})
    assert Vault([KEY]).open(vault.seal(SECRET)) == SECRET
    assert not (tmp_path / "data").exists()


def test_a_key_is_made_at_first_use_and_used_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    sealed = Vault.load(data, {}).seal(SECRET)
    assert Vault.load(data, {}).open(sealed) == SECRET
    assert [p.name for p in data.iterdir()] == ["key"]
    assert stat.S_IMODE((data / "key").stat().st_mode) == 0o600


def _seal_once(folder: str, start: object, out: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    out.put(Vault.load(Path(folder), {}).seal(SECRET))  # type: ignore[attr-defined]


def test_of_processes_starting_at_once_one_makes_the_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, out = context.Event(), context.Queue()
    workers = [context.Process(target=_seal_once, args=(str(tmp_path), start, out)) for _ in range(3)]
    for worker in workers:
        worker.start()
    start.set()
    sealed = [out.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert [Vault.load(tmp_path, {}).open(s) for s in sealed] == [SECRET] * 3


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_a_key_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    Vault.load(tmp_path, {})
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyProblem, match=f"{mode:04o}") as caught:
        Vault.load(tmp_path, {})
    assert caught.value.cure == f"Run: chmod 600 {tmp_path / 'key'}"


@pytest.mark.parametrize("content", ["", "\n", "short", "x" * 44, KEY + "x", "é"])
def test_a_malformed_key_is_refused_without_repeating_it(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(KeyProblem) as caught:
        Vault.load(tmp_path, {})
    assert caught.value.cure
    assert len(content) < 20 or content not in str(caught.value)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="nowhere"):
        Vault.load(tmp_path, {"SELARAS_KEY_FILE": str(tmp_path / "nowhere")})
    with pytest.raises(KeyProblem):
        Vault([])


def test_the_vault_does_not_show_its_keys() -> None:
    vault = Vault([KEY])
    assert KEY not in repr(vault)
    assert KEY not in str(vars(vault))


# -- out of sight -----------------------------------------------------------------------------------------------

LEAKS = [
    f"Authorization: Bearer {SECRET}",
    f"authorization: basic {SECRET}==",
    f"GET /orders?consumer_key=ck_1&consumer_secret={SECRET}&page=2",
    f'{{"access_token": "{SECRET}", "expires_in": 3600}}',
    f"{{'refresh_token': '{SECRET}'}}",
    f"Token(access_token='{SECRET}')",
    f"grant_type=refresh_token&refresh_token={SECRET}",
    f"postgresql://selaras:{SECRET}@db.example/selaras",
    f"X-Api-Key: {SECRET}",
    f"server_key = {SECRET}",
    f"x-callback-token: {SECRET}",
    f'"password":"{SECRET}\\"x"',
]


@pytest.mark.parametrize("text", LEAKS)
def test_what_is_a_secret_by_its_place_is_taken_out(text: str) -> None:
    cleaned = redact(text)
    assert SECRET not in cleaned
    assert secrets.HIDDEN in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Order 1001: the token bucket is empty for 3 s",
        "GET /orders?page=2&per_page=100",
        "https://shop.example:8443/path@x",
        "the basic rule of the password page",
        '{"expires_in": 3600, "scope": "sales"}',
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_what_the_vault_opened_is_known_from_then_on() -> None:
    text = f"the store answered: no such key {SECRET}"
    assert SECRET in redact(text)
    vault = Vault([KEY])
    vault.open(vault.seal(SECRET))
    assert redact(text) == f"the store answered: no such key {secrets.HIDDEN}"


def test_only_so_many_values_are_remembered_and_short_ones_not_at_all() -> None:
    remember("abc")
    assert redact("abc") == "abc"
    for number in range(1500):
        remember(f"value-{number:05d}")
    assert redact("value-00000 value-01499") == f"value-00000 {secrets.HIDDEN}"


def logged(act: object) -> str:
    """What a handler with the filter writes while `act(logger)` runs, whoever formats it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s %(reply)s", defaults={"reply": ""}))
    handler.addFilter(RedactFilter())
    logger = logging.getLogger("selaras.test.secrets")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        act(logger)  # type: ignore[operator]
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def test_nothing_leaks_through_a_log() -> None:
    remember(SECRET)

    def act(logger: logging.Logger) -> None:
        logger.warning("plain %s", SECRET)
        logger.warning("object %r", {"access_token": SECRET})
        logger.warning("extra", extra={"reply": f"said {SECRET}"})
        logger.warning("extra object", extra={"reply": {"x": SECRET}})
        logger.warning("does not fit %d %s", SECRET)
        logger.warning("stack", stack_info=True)
        try:
            try:
                raise ValueError(f"inner {SECRET}")
            except ValueError as error:
                raise RuntimeError(f"outer Bearer {SECRET}") from error
        except RuntimeError:
            logger.exception("failed with %s", SECRET)

    text = logged(act)
    assert SECRET not in text
    assert text.count(secrets.HIDDEN) >= 8
    assert "RuntimeError" in text
    assert "Traceback" in text


def test_the_filter_keeps_numbers_and_lets_every_record_through() -> None:
    record = logging.makeLogRecord({"msg": "took %d ms", "args": (3,), "status": 200, "money": None})
    assert RedactFilter().filter(record)
    assert record.getMessage() == "took 3 ms"
    assert record.__dict__["status"] == 200
    assert record.__dict__["money"] is None
