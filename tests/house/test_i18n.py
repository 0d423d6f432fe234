"""Every text that a person can see exists in English and in Bahasa Indonesia."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from scripts import i18n as tool


def test_the_catalogues_are_whole() -> None:
    """Nothing missing, empty, fuzzy or unused; the same placeholders; each .mo is its compiled .po."""
    faults = tool.check()
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.py").write_text("print(_('%(count)s orders wait', count=1))\n", encoding="utf-8")
    page = "{% trans %}Sign in{% endtrans %}{{ ngettext('%(num)s order', '%(num)s orders', n) }}"
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    monkeypatch.setattr(tool, "SOURCE", tmp_path)
    return tmp_path


def translate(text: str, translation: str, *, flags: tuple[str, ...] = ()) -> None:
    catalog: Catalog = tool.read("id")
    entry = catalog.get(text)
    assert entry is not None
    entry.string = translation
    entry.flags |= set(flags)
    with tool.po_path("id").open("wb") as handle:
        write_po(handle, catalog)
    tool.compile_all()


def test_python_and_pages_are_both_read(small: Path) -> None:
    texts = [part for message in tool.extract() if message.id for part in tool.parts(message.id)]
    assert sorted(texts) == ["%(count)s orders wait", "%(num)s order", "%(num)s orders", "Sign in"]


def test_english_fills_itself_and_indonesian_is_asked_for(small: Path) -> None:
    tool.update()
    assert [fault.split(":")[0] for fault in tool.check()] == ["id"] * 3


def test_each_kind_of_fault_is_seen(small: Path) -> None:
    tool.update()
    translate("Sign in", "Masuk")
    assert len(tool.check()) == 2
    translate("%(count)s orders wait", "%(jumlah)s pesanan menunggu")
    assert any("placeholders" in fault for fault in tool.check())
    translate("%(count)s orders wait", "%(count)s pesanan menunggu", flags=("fuzzy",))
    assert any("fuzzy" in fault for fault in tool.check())
    tool.po_path("id").with_suffix(".mo").write_bytes(b"")
    assert any("selaras.mo" in fault for fault in tool.check())
    (small / "a.py").write_text("", encoding="utf-8")
    assert any("no longer used" in fault for fault in tool.check())
