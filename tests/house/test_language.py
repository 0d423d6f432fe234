"""How texts, money, days and instants are written in both languages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from jinja2 import Environment

from selaras import i18n
from tests.speaking import speaking


@pytest.mark.parametrize(
    ("locale", "amount", "currency", "written"),
    [
        ("id", "1234567", "IDR", "Rp 1.234.567"),
        ("en", "1234567", "IDR", "IDR 1,234,567"),
        ("id", "-1500", "IDR", "-Rp 1.500"),
        ("en", "-0.5", "USD", "-USD 0.50"),
        ("id", "1234.5", "USD", "USD 1.234,50"),
        ("en", "1234.50", "IDR", "IDR 1,234.5"),
        ("en", "12.3456", "KWD", "KWD 12.3456"),
        ("en", "1E+6", "JPY", "JPY 1,000,000"),
        ("id", "0.00", "IDR", "Rp 0"),
    ],
)
def test_money(locale: str, amount: str, currency: str, written: str) -> None:
    with speaking(locale):
        assert i18n.format_money(Decimal(amount), currency) == written


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        i18n.format_money(Decimal("NaN"), "IDR")


def test_days_and_instants() -> None:
    instant = datetime(2026, 8, 8, 17, 5, tzinfo=UTC)
    with speaking("id"):
        assert i18n.format_day(date(2026, 8, 9)) == "9 Agustus 2026"
        assert i18n.format_instant(instant, "Asia/Jakarta") == "9 Agustus 2026 00.05 WIB"
        assert i18n.format_instant(instant, "Asia/Makassar") == "9 Agustus 2026 01.05 WITA"
    with speaking("en"):
        assert i18n.format_instant(instant, "Asia/Jayapura") == "9 August 2026 02:05 WIT"
    with pytest.raises(ValueError, match="zone"):
        i18n.format_instant(datetime(2026, 8, 8), "Asia/Jakarta")  # noqa: DTZ001 - that is the fault


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("fr,en;q=0.5,id;q=0.7", "id"),
        ("in", "id"),
        ("en;q=0, id;q=0.1", "id"),
        ("en;q=x, fr", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_browser_is_heard(header: str | None, locale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(i18n.ENV, raising=False)
    assert i18n.negotiate(header) == locale


def test_the_environment_gives_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(i18n.ENV, "id_ID.UTF-8")
    assert i18n.get_locale() == "id"
    with speaking("en"):
        assert i18n.get_locale() == "en"
    with pytest.raises(ValueError, match="no such language"):
        i18n.set_locale("xx")


def test_texts_take_their_values_by_name() -> None:
    with speaking("en"):
        assert i18n._("%(count)s of 100 %% never seen before", count=3) == "3 of 100 % never seen before"
        assert i18n._("100 % never seen before") == "100 % never seen before"
        assert i18n.ngettext("an unseen order", "unseen orders", 2) == "unseen orders"
        assert i18n.gettext("") == ""
    assert i18n.N_("marked") == "marked"


def test_pages_speak_the_language_of_the_context() -> None:
    environment = Environment(autoescape=True)
    i18n.install(environment)
    page = environment.from_string("{% trans n=3 %}\n  {{ n }} never seen\n{% endtrans %} {{ amount|money('IDR') }}")
    with speaking("id"):
        assert page.render(amount=Decimal(1500)) == "3 never seen Rp 1.500"
