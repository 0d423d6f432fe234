"""Cursors that cannot be read."""

from __future__ import annotations

import msgspec
import pytest

from selaras.connectors.cursors import read_cursor


class Mark(msgspec.Struct, frozen=True):
    since: str = ""
    page: int = 1


def test_a_cursor_is_read_as_it_was_written() -> None:
    assert read_cursor(msgspec.json.encode(Mark("2026-11-22", 3)).decode(), Mark) == Mark("2026-11-22", 3)


@pytest.mark.parametrize("text", ["", "{", '{"since": 1}', "[]", "2026-11-22"])
def test_a_strange_cursor_is_the_beginning(text: str) -> None:
    assert read_cursor(text, Mark) == Mark()
