"""`selaras statement` as a person uses it: check, preview and save, layouts, merge into the bank.csv of `match`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from selaras.cli.main import cli
from selaras.files.claims import read_lines
from tests.files import made

DATA = Path(__file__).parents[1] / "files" / "data" / "indonesia"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("SELARAS_DATA", str(tmp_path / "house"))
    monkeypatch.delenv("SELARAS_LANG", raising=False)

    def call(*args: str | Path) -> Result:
        return CliRunner().invoke(cli, ["statement", *map(str, args)], catch_exceptions=False)

    return call


def test_check_says_what_it_sees(run: object, tmp_path: Path) -> None:
    assert callable(run)
    shown = run("check", DATA / "bca_klikbca_bisnis.csv", "--lines")
    assert shown.exit_code == 0, shown.output
    for words in ("bca-bisnis-csv", "0350000001", "114,412,528.54", "opening + rows = closing", "12,345.67", "BUNGA"):
        assert words in shown.output
    bad = tmp_path / "bad.csv"
    bad.write_text((DATA / "bca_klikbca_bisnis.csv").read_text().replace("12,345.67", "12,345.68"), encoding="utf-8")
    both = run("check", bad, DATA / "mandiri_mt940.sta", "--json")
    assert both.exit_code == 1
    answer = json.loads(both.output)
    assert [one["account"] for one in answer["statements"]] == ["1230001234567"]
    assert answer["statements"][0]["proofs"] == ["closing"]
    (refused,) = answer["refused"]
    assert (refused["file"], refused["row"], refused["column"]) == ("bad.csv", 22, "balance")
    assert "bad.csv, row 22" in run("check", bad).output


def test_merge_writes_each_row_once(run: object, tmp_path: Path) -> None:
    assert callable(run)
    out = tmp_path / "bank.csv"
    files = [
        DATA / f"bca_{name}.csv"
        for name in ("yearless_settled", "klikbca_bisnis", "yearless_pend", "klikbca_individual")
    ]
    merged = run("merge", *files, "--out", out, "--json")
    assert merged.exit_code == 0, merged.output
    answer = json.loads(merged.output)
    assert (answer["files"], answer["written"], answer["repeated"], answer["replaced"]) == (4, 17, 42, 1)
    first = out.read_bytes()
    assert run("merge", *reversed(files), "--out", out).exit_code == 0
    assert sorted(out.read_bytes().splitlines()) == sorted(first.splitlines())
    lines = read_lines(out)
    assert len(lines) == 17
    assert sum(lines.amount) == 2_551_252_854
    alone = tmp_path / "alone.csv"
    assert run("merge", files[1], "--out", alone).exit_code == 0
    assert set(read_lines(alone).ids) == set(lines.ids)


def test_merge_writes_nothing_when_a_file_is_refused(run: object, tmp_path: Path) -> None:
    assert callable(run)
    out = tmp_path / "bank.csv"
    failed = run("merge", DATA / "bca_klikbca_bisnis.csv", DATA / "truth.json", "--out", out)
    assert failed.exit_code == 2
    assert "truth.json" in failed.output
    assert not out.exists()
    bare = tmp_path / "bare.csv"
    bare.write_bytes(made.bca_two_sides())
    assert "--account" in run("merge", bare, "--out", out).output
    assert run("merge", bare, "--out", out, "--account", "0350000001").exit_code == 0


def test_a_preview_is_saved_and_used(run: object, tmp_path: Path) -> None:
    assert callable(run)
    file = tmp_path / "desa.csv"
    file.write_text(
        "Bank Desa\nTgl;Uraian;Masuk;Keluar;Sisa\n01/08/2026;Bayar;1.500.000,50;;2.500.000,50\n", encoding="utf-8"
    )
    assert "no layout that is known" in run("check", file).output
    seen = run("preview", file, "--column", "balance=Sisa", "--bank", "Bank Desa", "--above", "Bank Desa",
               "--account", "77", "--currency", "IDR", "--save", "desa")  # fmt: skip
    assert seen.exit_code == 0, seen.output
    assert "1,500,000.5" in seen.output
    checked = run("check", file, "--json")
    assert checked.exit_code == 0, checked.output
    (one,) = json.loads(checked.output)["statements"]
    assert (one["layout"], one["bank"], one["account"], one["money_in"]) == ("desa", "Bank Desa", "77", "1500000.50")
    assert any(layout["name"] == "desa" and layout["own"] for layout in json.loads(run("layouts", "--json").output))
    assert 'name = "desa"' in run("layouts", "desa").output
    taken = run("preview", file, "--save", "bca-bisnis-csv", "--currency", "IDR")
    assert taken.exit_code == 2


def test_what_cannot_be_meant_is_said(run: object, tmp_path: Path) -> None:
    assert callable(run)
    assert run("layouts", "nothing").exit_code == 2
    assert "no layout nothing" in run("check", DATA / "bri_cms.csv", "--layout", "nothing").output
    assert "header of the layout" in run("check", DATA / "bri_cms.csv", "--layout", "bri-ib-csv").output
    assert run("preview", DATA / "bri_cms.csv", "--column", "nonsense").exit_code == 2
    assert run("preview", DATA / "truth.json").exit_code == 2
