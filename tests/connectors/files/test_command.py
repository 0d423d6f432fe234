"""`selaras files`: what would be read, what is refused and why, and a mapping saved by name that is used again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from selaras.cli.files import files
from selaras.connectors.files.profiles import parse

TABLE = "No. Pesanan;Tanggal;Kode Barang;Nama Barang;Jumlah;Harga\n1001;21/11/2026;KOPI;Kopi;2;75.000\n"
BAD = "1002;11/21/2026;KOPI;Kopi;2;75.000\n"


def run(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(files, [*args], standalone_mode=False)
    if isinstance(result.exception, Exception) and code != 2:
        raise result.exception
    if code != 2:
        assert result.return_value == code, result.output
    else:
        assert result.exception is not None
        return str(result.exception)
    return result.output


def test_a_preview_names_the_line_the_column_and_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(TABLE + BAD)
    shown = run("preview", str(file), code=1)
    assert "2026-11-21" in shown
    found = msgspec.json.decode(run("preview", str(file), "--json", code=1))
    assert (found["kind"], found["lines"], found["read"], found["refused_lines"]) == ("order", 2, 1, 1)
    (refusal,) = found["refusals"]
    assert (refusal["line"], refusal["column"], refusal["value"]) == (3, "Tanggal", "11/21/2026")
    assert "mdy" in refusal["cure"]
    assert found["records"][0]["total"] == "150000"


def test_a_mapping_is_saved_by_name_and_used(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(TABLE)
    run("preview", str(file), "--save", "kasir", "--folder", str(tmp_path))
    text = (tmp_path / "profiles" / "kasir.toml").read_text()
    assert parse(text, "kasir").files == ("orders.csv",)
    found = msgspec.json.decode(run("preview", str(file), "--folder", str(tmp_path), "--json"))
    assert found["profile"] == "kasir"
    assert run("profile", "kasir", "--folder", str(tmp_path)) == text
    names = {p["name"] for p in msgspec.json.decode(run("profile", "--json", "--folder", str(tmp_path)))}
    assert {"kasir", "selaras-orders", "shopee-orders"} <= names


@pytest.mark.parametrize(
    "args", [["--profile", "none"], ["--zone", "Mars/X"], ["--currency", "RPX"], ["--save", "x"], ["--save", "../x"]]
)
def test_what_cannot_be_is_said(tmp_path: Path, args: list[str]) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(TABLE)
    assert run("preview", str(file), *args, code=2)
    assert not (tmp_path / "profiles").exists()
