"""`selaras unique-amount`, by itself and through the process that serves the installation."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from selaras.cli.main import cli
from selaras.sync.installation import open_installation
from tests.web.stage import a_stage


class Desk:
    """The program on one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def run(self, *words: str, lang: str = "en") -> Result:
        line = ["--data", str(self.data), "--lang", lang, "unique-amount", *words]
        return CliRunner().invoke(cli, line, env={"SELARAS_WHO": "wati"})

    def json(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words, "--json")
        assert done.exit_code == code, (words, done.exit_code, done.stdout, done.stderr)
        return json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    open_installation(tmp_path / "data").close()
    return Desk(tmp_path / "data")


def test_a_bill_from_reservation_to_release(desk: Desk) -> None:
    assert "`selaras unique-amount account NAME`" in desk.run("accounts").stdout
    made = desk.json("account", "BCA", "--range", "1-500", "--at-most", "10", "--hours", "48", "--grace-hours", "72")
    assert made == {
        "account": "bca", "currency": "IDR", "low": 1, "high": 500, "direction": "add", "share": 10, "hours": 48,
        "grace_hours": 72, "open": 0, "held": 0,
    }  # fmt: skip
    first = desk.json("reserve", "bca", "1001", "147000")
    assert (first["payable"], first["printed"], first["by_whom"]) == ("147001", "1001-05", "wati")
    assert desk.json("reserve", "bca", "1001", "147000") == first
    assert desk.json("reserve", "bca", "1002", "147000", "--hours", "1")["payable"] == "147002"
    shown = desk.run("reserve", "bca", "1001", "147000").stdout
    assert "1001-05" in shown
    assert "IDR 147,001" in shown
    assert desk.json("renew", "bca", "1001", "--hours", "96")["expires_at"] > first["expires_at"]
    assert desk.json("release", "bca", "1001", "--paid")["state"] == "paid"
    assert desk.json("release", "bca", "1002", "--at-once")["state"] == "released"
    assert [row["reference"] for row in desk.json("list")] == ["1001"]
    assert [row["reference"] for row in desk.json("list", "bca", "--all")] == ["1002", "1001"]
    assert [row["reference"] for row in desk.json("list", "--amount", "147001")] == ["1001"]
    assert [row["reference"] for row in desk.json("list", "--reference", "1001-05")] == ["1001"]
    assert "No bill holds such an amount." in desk.run("list", "--amount", "5").stdout
    assert desk.json("accounts")[0]["held"] == 1
    table = desk.run("accounts").stdout
    assert "+ 1-500" in table
    assert "72 hours" in table
    assert desk.json("account", "bca", "--subtract")["high"] == 500, "what is not given stays"
    assert desk.json("reserve", "bca", "1003", "147000")["code"] == "-1"
    assert desk.json("account", "bca", "--currency", "usd")["high"] == 99


def test_check_digits(desk: Desk) -> None:
    assert desk.run("check", "--make", "1001").stdout == "1001-05\n"
    right = desk.run("check", "1001 05")
    assert (right.exit_code, "bill 1001" in right.stdout) == (0, True)
    desk.run("account", "bca")
    desk.run("reserve", "bca", "1001", "147000")
    wrong = desk.run("check", "1010-05")
    assert (wrong.exit_code, "may be: 1001" in wrong.stdout) == (1, True)
    nobody = desk.run("check", "7777-77")
    assert (nobody.exit_code, "no open bill is near" in nobody.stdout) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("reserve", "bri", "1", "5000"), "Account bri hands out no unique amounts. Accounts that do: bca."),
        (("reserve", "bca", "1", "150.000"), "'150.000' can be read in two ways."),
        (("reserve", "bca", "1", "much"), "'much' is no amount of a bill."),
        (("reserve", "bca", "1", "5000", "--hours", "0"), "A bill cannot be open for 0 hours."),
        (("renew", "bca", "1"), "Bill 1 has no unique amount of account bca."),
        (("release", "bca", "1"), "Bill 1 has no unique amount of account bca."),
        (("account", "bca", "--range", "many"), "many is no range: write it as 1-999."),
        (("account", "bca", "--range", "9-1"), "The range 9-1 is no range of codes"),
        (("list", "bri"), "Account bri hands out no unique amounts."),
        (("check", "--make", "#"), "'#' is no reference of a bill."),
    ],
)
def test_what_cannot_be_is_one_sentence(desk: Desk, words: tuple[str, ...], said: str) -> None:
    desk.run("account", "bca")
    done = desk.run(*words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_no_installation_is_made_by_a_misspelt_directory(tmp_path: Path) -> None:
    done = Desk(tmp_path / "nowhere").run("account", "bca")
    assert (done.exit_code, "There is no installation" in done.stderr) == (2, True)
    assert not (tmp_path / "nowhere").exists()


async def test_beside_a_serving_process(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        stage.ledger.db.lock.describe({"url": stage.url})
        desk = Desk(stage.data)

        def acts() -> None:
            assert desk.json("account", "bca")["account"] == "bca"
            assert desk.json("reserve", "bca", "1001", "147000")["payable"] == "147001"
            refused = desk.run("reserve", "bca", "1001", "5000")
            assert "for a total of 147000 IDR, not 5000" in refused.stderr
            assert desk.json("renew", "bca", "1001")["state"] == "open"
            assert desk.json("release", "bca", "1001", "--paid")["state"] == "paid"

        await asyncio.to_thread(acts)
        (row,) = (await stage.api("/unique-amounts"))[1]
        assert (row["reference"], row["by_whom"], row["state"]) == ("1001", "wati", "paid")
