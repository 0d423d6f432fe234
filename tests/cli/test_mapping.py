"""`selaras mapping` as a person uses it: look, propose, accept, set, file, history - and beside a running `serve`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.install import House, a_house

PAIR = ("toko", "buku")
CHART = {
    "accounts": [{"code": "4-1001", "name": "Penjualan Web", "type": "income"}],
    "taxes": [{"id": "ppn11", "name": "PPN 11%", "rate": "0.11"}],
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("mapping") / "data") as made:
        made.connect()
        made.products(("KAOS", "Kaos", 10))
        made.post(f"{made.books.url}/sandbox/chart", CHART, made.books.admin)
        yield made


def test_the_whole_way(house: House, tmp_path: Path) -> None:
    shown = house.json("mapping", "show", *PAIR)
    assert (shown["version"], shown["entries"], shown["chart"]["account"]) == (0, [], 0)
    assert "not read yet" in house.run("mapping", "propose", *PAIR).stdout
    assert "not read yet" in house.run("mapping", "chart", "buku").stdout
    early = house.run("mapping", "accept", *PAIR)
    assert (early.exit_code, "selaras sweep" in early.stderr) == (2, True)
    assert house.run("sweep").exit_code in (0, 1)
    chart = house.json("mapping", "chart", "buku")
    assert {"acc-4-1001", "acc-1-1200"} <= set(chart["accounts"])
    assert "4-1001 Penjualan Web" in house.run("mapping", "chart", "buku").stdout
    proposed = {one["word"]: one["chosen"] for one in house.json("mapping", "propose", *PAIR)["proposals"]}
    assert proposed["account:receivable"] == "acc-1-1200"
    assert "its type is" in house.run("mapping", "propose", *PAIR).stdout
    accepted = house.json("mapping", "accept", *PAIR, "account:receivable", "tax:11")
    assert accepted["after"] == {"account:receivable": "acc-1-1200", "tax:11": "ppn11"}
    done = house.run(
        "mapping", "set", *PAIR, "account:sales=4-1001", "account:sales[code=B-,place=SG]=4-1000", "require=tax",
        "--note", "the web shop has its own account",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "Version 2 of the mapping is in force" in done.stdout
    words = {one["word"]: one["name"] for one in house.json("mapping", "show", *PAIR)["entries"]}
    assert words["account:sales"] == "4-1001 Penjualan Web"
    assert words["account:sales[code=B-,place=SG]"] == "4-1000 Sales"
    file = tmp_path / "mapping.toml"
    assert house.run("mapping", "export", *PAIR, "--out", str(file)).exit_code == 0
    text = file.read_text(encoding="utf-8")
    assert '"sales" = "acc-4-1001"  # 4-1001 Penjualan Web' in text
    same = house.json("mapping", "import", *PAIR, str(file))
    assert (same["version"], same["after"]) == (2, {})
    file.write_text(text.replace('require = ["tax"]', ""), encoding="utf-8")
    assert house.json("mapping", "import", *PAIR, "-", stdin=file.read_text(encoding="utf-8"))["before"] == {
        "require": "tax"
    }
    history = house.json("mapping", "history", *PAIR)
    assert [(one["version"], one["who"]) for one in history] == [(3, "wati"), (2, "wati"), (1, "wati")]
    assert history[1]["note"] == "the web shop has its own account"
    back = house.json("mapping", "history", *PAIR, "--back-to", "2")
    assert (back["version"], back["after"]) == (4, {"require": "tax"})
    assert "as version 2" in house.run("mapping", "history", *PAIR).stdout
    order = house.checkout(("KAOS", 1))
    house.act(order, "pay", {"method": "qris", "reference": "Q1"})
    house.settle()
    (told,) = house.json("explain", order["number"])
    assert (4, "account:sales", "acc-4-1001") in {(m["version"], m["word"], m["id"]) for m in told["mapped"]}
    assert "4-1001 Penjualan Web" in house.run("explain", order["number"]).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "toko", "nobody", "account:sales=1"), "not kept in"),
        (("set", *PAIR, "account:sales"), "has no value"),
        (("set", *PAIR, "account:wages=1"), "no word"),
        (("import", *PAIR, "missing.toml"), "missing.toml"),
        (("history", *PAIR, "--back-to", "99"), "no version 99"),
        (("export", *PAIR, "--version", "99"), "no version 99"),
        (("chart", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(house: House, words: tuple[str, ...], said: str) -> None:
    done = house.run("mapping", *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_missing_makes_the_exit_code(house: House) -> None:
    assert house.run("mapping", "set", *PAIR, "require=dimension:branch").exit_code == 0
    done = house.run("mapping", "show", *PAIR)
    assert (done.exit_code, "dimension:branch" in done.stdout) == (1, True)
    assert json.loads(house.run("mapping", "show", *PAIR, "--json").stdout)["missing"] == ["dimension:branch"]
