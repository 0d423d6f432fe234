"""Session cookies and form tokens: what is not ours, not now, or not of this password, is nothing."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from selaras.web.passwords import Passwords
from selaras.web.sessions import LENGTH, Sessions, new_nonce, visitor_nonce
from tests.web.stage import PASSWORD


class World:
    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.mark = b"hash of the password"
        self.sessions = Sessions("token", lambda: self.mark, lambda: self.now)


def test_a_session_is_read_back_until_its_end() -> None:
    world = World()
    cookie, session = world.sessions.begin()
    assert world.sessions.read(cookie) == session
    world.now += LENGTH - 1
    assert world.sessions.read(cookie) == session
    world.now += 1
    assert world.sessions.read(cookie) is None


def test_a_later_end_cannot_be_written_into_it() -> None:
    world = World()
    cookie, session = world.sessions.begin()
    assert world.sessions.read(cookie.replace(str(session.ends), str(session.ends + 9))) is None


def test_another_password_or_token_ends_it() -> None:
    world = World()
    cookie, _session = world.sessions.begin()
    assert Sessions("another token", lambda: world.mark, lambda: world.now).read(cookie) is None
    world.mark = b"hash of another password"
    assert world.sessions.read(cookie) is None


def test_without_a_password_nobody_is_signed_in() -> None:
    world = World()
    world.mark = b""
    cookie, _session = world.sessions.begin()
    assert world.sessions.read(cookie) is None


def test_signing_out_ends_one_session() -> None:
    world = World()
    (first, session), (second, _other) = world.sessions.begin(), world.sessions.begin()
    world.sessions.end(session)
    assert world.sessions.read(first) is None
    assert world.sessions.read(second) is not None


@given(st.text(max_size=200))
def test_no_made_up_cookie_is_a_session(cookie: str) -> None:
    assert World().sessions.read(cookie) is None


@given(st.integers(min_value=0), st.characters())
def test_no_changed_cookie_is_a_session(place: int, letter: str) -> None:
    world = World()
    cookie, _session = world.sessions.begin()
    at = place % len(cookie)
    changed = cookie[:at] + letter + cookie[at + 1 :]
    assert changed == cookie or world.sessions.read(changed) is None


@given(st.text(max_size=100))
def test_form_tokens_belong_to_one_visitor(given_token: str) -> None:
    sessions = World().sessions
    mine, other = new_nonce(), new_nonce()
    assert sessions.form_fits(mine, sessions.form_token(mine))
    assert not sessions.form_fits(other, sessions.form_token(mine))
    assert not sessions.form_fits(mine, given_token)
    assert not sessions.form_fits("", sessions.form_token(""))


@given(st.text(max_size=60))
def test_only_our_own_nonces_are_believed(cookie: str) -> None:
    assert visitor_nonce(cookie) in ("", cookie)
    assert visitor_nonce(new_nonce())


async def test_the_password_is_kept_as_a_hash_and_survives_a_restart() -> None:
    kept: dict[str, str] = {}

    class Settings:
        def setting(self, name: str) -> str:
            return kept.get(name, "")

        def set(self, name: str, value: str, _now: int) -> None:
            kept[name] = value

    class Desk:
        ledger = type("Ledger", (), {"connections": Settings()})()

        async def __call__(self, work: object, *args: object) -> object:
            return work(*args)  # type: ignore[operator]

        write = __call__

    first = Passwords(Desk(), lambda: 1)  # type: ignore[arg-type]
    await first.load()
    assert not first.known
    assert first.code_fits(first.code)
    assert not first.code_fits("")
    await first.choose(PASSWORD)
    assert not first.code_fits("")
    assert PASSWORD not in "".join(kept.values())
    second = Passwords(Desk(), lambda: 1)  # type: ignore[arg-type]
    await second.load()
    answers = await asyncio.gather(*(second.fits(p) for p in (PASSWORD, PASSWORD + " ", "", "x" * 10_000)))
    assert answers == [True, False, False, False]
