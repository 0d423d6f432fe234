"""A language for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from selaras import i18n


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    before = i18n.get_locale()
    i18n.set_locale(locale)
    try:
        yield
    finally:
        i18n.set_locale(before)
