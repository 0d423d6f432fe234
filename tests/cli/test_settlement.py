"""`selaras settlement` as a person uses it."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from selaras.cli.main import cli
from selaras.sync import said_gateways
from tests.cli.test_said import anonymous, sources, template
from tests.files import settlement_samples as samples
from tests.files.settlement_samples import as_csv, as_xlsx


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*args: object) -> tuple[int, str, str]:
        code = cli.main([str(arg) for arg in args], standalone_mode=False)
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_check_shows_the_batches_and_what_is_left_out(tmp_path: Path, run: Any) -> None:
    code, out, _ = run("settlement", "check", as_csv(tmp_path / "x.csv", samples.XENDIT))
    assert code == 0
    assert "XENDIT-20261120" in out
    assert "IDR 124,061" in out
    assert "WITHDRAWAL" in out


def test_check_as_json(tmp_path: Path, run: Any) -> None:
    file = as_csv(tmp_path / "m.csv", samples.MIDTRANS)
    _, out, _ = run("settlement", "check", file, "--json")
    (batch,) = json.loads(out)["batches"]
    assert batch == {
        "gateway": "midtrans", "batch": "WD-77", "settled_on": "2026-11-20", "currency": "IDR", "rows": 4,
        "refunds": 2, "gross": "270000", "fee": "6190", "net": "263810",
    }  # fmt: skip


def test_merge_writes_what_match_reads(tmp_path: Path, run: Any) -> None:
    files = [
        as_csv(tmp_path / "m.csv", samples.MIDTRANS),
        as_csv(tmp_path / "d.csv", samples.DOKU),
        as_xlsx(tmp_path / "s.xlsx", {"Income": samples.SHOPEE}),
    ]
    out = tmp_path / "settlements.csv"
    code, said, _ = run("settlement", "merge", *files, *files[:1], "--out", out)
    assert code == 0
    assert "9 rows of 3 batches" in said
    (tmp_path / "orders.csv").write_text(
        "order_id,reference,customer_name,phone,currency,total,unique_code,amount_due,ordered_on,method,captured_on\n"
        "1,INV/2026/1,Budi,,IDR,1500000,,1500000,2026-11-19,gw_va,2026-11-19\n", encoding="utf-8",
    )  # fmt: skip
    (tmp_path / "bank.csv").write_text(
        "line_id,booked_on,amount,currency,description\nb1,2026-11-20,1594783,IDR,NUSA SATU INTI ARTHA\n",
        encoding="utf-8",
    )
    code, _, err = run("match", tmp_path, "--out", tmp_path / "links.csv")
    assert (code, err) == (0, "")
    links = (tmp_path / "links.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:4] for line in links[1:]] == [["b1", "1", "1495560", "auto"]]


def test_what_does_not_add_up_is_refused_in_both_languages(tmp_path: Path, run: Any) -> None:
    rows = [list(row) for row in samples.MIDTRANS]
    rows[1][6] = "95561.00"
    file = as_csv(tmp_path / "m.csv", rows)
    code, _, err = run("settlement", "check", file)
    assert code == 2
    assert "m.csv, line 2, column 'Net Amount': gross 100000 − fee 4440 is 95560, the file says net 95561" in err
    code, _, err = run("settlement", "merge", file, "--out", tmp_path / "out.csv")
    assert (code, (tmp_path / "out.csv").exists()) == (2, False)


def test_what_the_file_does_not_say_the_caller_says(tmp_path: Path, run: Any) -> None:
    file = as_csv(tmp_path / "wd.csv", [[*row[:1], *row[4:6]] for row in samples.MIDTRANS[:3]])
    code, _, err = run("settlement", "check", file)
    assert (code, "--settled-on" in err) == (2, True)
    _, out, _ = run("settlement", "check", file, "--settled-on", "2026-11-20", "--batch", "WD-1", "--json")
    assert json.loads(out)["batches"][0]["batch"] == "WD-1"
    code, _, err = run("settlement", "check", file, "--settled-on", "20/11/2026")
    assert (code, "2026-08-31" in err) == (2, True)
    code, _, err = run("settlement", "check", file, "--gateway", "shopee")
    assert (code, "header" in err) == (2, True)


def test_a_place_that_cannot_be_written(tmp_path: Path, run: Any) -> None:
    file = as_csv(tmp_path / "m.csv", samples.MIDTRANS)
    code, _, err = run("settlement", "merge", file, "--out", tmp_path / "nowhere" / "s.csv")
    assert (code, "cannot be written" in err) == (2, True)


def test_what_is_said_in_english_is_listed_for_translation() -> None:
    """Nothing in the list that nobody says; texts with places are compared without their names."""
    texts = {
        text for _, tree in sources("") for node in ast.walk(tree)
        if isinstance(node, ast.expr) and (text := template(node))
    }  # fmt: skip
    idle = [text for text in said_gateways.TEXTS if anonymous(text) not in texts and text not in JOINED]
    assert not idle, idle


# Put together of two parts in the sources, or said behind the place where it is.
JOINED = {
    "gross less fee is not net, by %(difference)s",
    "batch %(batch)s has rows of two currencies",
    "it is not CSV (%(why)s)",
    "it cannot be read (%(why)s)",
    "%(file)s holds no settled payment.",
    "%(file)s holds no settled payment (%(why)s).",
    "%(gross)s − fees %(fee)s + correction %(correction)s is %(found)s, the file says %(net)s",
    "%(gross)s − fees %(fee)s is %(found)s, the file says %(net)s",
}
