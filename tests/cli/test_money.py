"""Incoming money at the command line: `unmatched` to `payouts`, by themselves and beside a running server."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.text import Text

from selaras.cli.main import cli
from selaras.sync import money_words
from selaras.sync.installation import open_installation
from selaras.sync.money import MoneyFlow
from selaras.sync.sentences import spoken
from tests.speaking import speaking
from tests.web.money_room import fill, installation, paired, propose_too
from tests.web.stage import a_stage

DAYS = ("--from", "2026-11-01", "--to", "2026-11-30")


class Desk:
    """The program on one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def run(self, *words: str, lang: str = "en", stdin: str | None = None) -> Result:
        line = ["--data", str(self.data), "--lang", lang, *words]
        return CliRunner().invoke(cli, line, input=stdin, env={"SELARAS_WHO": "wati"})

    def json(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words, "--json")
        assert done.exit_code == code, (words, done.exit_code, done.stdout, done.stderr)
        return json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    asyncio.run(installation(tmp_path / "data"))
    return Desk(tmp_path / "data")


@pytest.fixture
def empty(tmp_path: Path) -> Desk:
    open_installation(tmp_path / "data").close()
    return Desk(tmp_path / "data")


def test_what_waits_says_what_it_may_be_and_the_command(desk: Desk) -> None:
    first, second, third = desk.json("unmatched", code=1)
    assert [one["line"] for one in (first, second, third)] == ["b1", "b2", "b3"]
    assert [p["rule"] for p in first["proposals"]] == ["exact:name"]
    assert third["proposals"] == []
    shown = desk.run("unmatched")
    assert shown.exit_code == 1
    for text in ("IDR 150,000  buku:b1", "1. 1001", "exact:name", "The text shows the buyer's name.",
                 "→ selaras accept b1 --order 1001", "→ selaras link b3 ORDER", "3 lines wait."):  # fmt: skip
        assert text in shown.stdout
    assert desk.json("unmatched", "--connection", "gerbang") == []
    assert desk.run("unmatched", "--connection", "gerbang").stdout == "No money waits for a person.\n"
    indonesian = desk.run("unmatched", lang="id").stdout
    assert "Jumlahnya persis sama dengan tagihan. Teksnya memuat nama pembeli." in indonesian


def test_money_of_another_currency_shows_both_amounts(tmp_path: Path) -> None:
    asyncio.run(installation(tmp_path / "data", abroad=True))
    desk = Desk(tmp_path / "data")
    said = "2002 is paid with USD 60.00, at the bank's rate"
    shown = desk.run("unmatched").stdout
    assert "IDR 960,117  buku:x2" in shown
    assert said in shown
    assert said in desk.run("explain", "x2").stdout
    taken = desk.run("accept", "x2", "--order", "2002")
    assert (taken.exit_code, taken.stdout) == (0, f"x2 pays 2002 (IDR 960,117).\n{said}\n")
    told = desk.run("explain", "x2").stdout
    assert "IDR 960,117" in told
    assert said in told


def test_accept_one_then_all_of_a_rule(desk: Desk) -> None:
    other = desk.run("accept", "b1", "--order", "1002")
    assert (other.exit_code, "has changed meanwhile: 1001" in other.stderr) == (2, True)
    one = desk.json("accept", "b1", "--order", "1001")
    assert (one["line"], one["who"], [part["number"] for part in one["parts"]]) == ("b1", "wati", ["1001"])
    assert [row["line"] for row in desk.json("unmatched", code=1)] == ["b2", "b3"], "what was answered is gone at once"
    again = desk.run("accept", "b1")
    assert (again.exit_code, "Nothing of rank 1 is proposed" in again.stderr) == (2, True)
    bulk = desk.run("accept", "--rule", "exact:name")
    assert bulk.exit_code == 0
    assert "b2 pays 1002 (IDR 200,000).\n1 line accepted." in bulk.stdout
    (rule,) = (row for row in desk.json("autonomy") if row["rule"] == "exact:name")
    assert (rule["confirmed"], rule["wrong"], rule["alone"]) == (2, 0, False)
    assert desk.json("accept", "--rule", "exact:name") == []
    for words in (("accept",), ("accept", "b1", "--rule", "x:y"), ("accept", "--rule", "x:y", "--rank", "2")):
        assert desk.run(*words).exit_code == 2


def test_refused_and_linked_by_hand_and_undone_is_explained(desk: Desk) -> None:
    assert desk.json("refuse", "b1")["numbers"] == ["1001"]
    assert "Nothing is proposed for b1." in desk.run("refuse", "b1").stderr
    assert desk.run("link", "b2", "1001").exit_code == 0
    (share,) = desk.json("explain", "b2", code=1)[0]["money"]  # planned again with the next round
    assert (share["number"], share["how"], share["who"], share["others"]) == (
        "1001", "person", "wati", ["Order 1002: a person said that it is not this one."],
    )  # fmt: skip
    text = desk.run("explain", "b4").stdout
    assert "order 1003  IDR 310,000" in text
    assert "Rule exact:reference" in text
    assert "nobody has found it wrong" in text
    assert desk.run("undo", "money", "b4", "--why", "wrong buyer").exit_code == 0
    (undone,) = desk.json("explain", "b4")[0]["money"]
    assert (undone["undone_by"], undone["why_undone"], undone["how"]) == ("wati", "wrong buyer", "auto")
    assert "Undone by wati" in desk.run("explain", "b4").stdout
    assert [row["line"] for row in desk.json("explain", "1003")[0]["money"]] == ["b4"]
    (suggested,) = desk.json("explain", "mt-1")[0]["money"]
    assert (suggested["rule"], suggested["number"]) == ("exact:gateway", "1004")


def test_only_what_was_seen_is_refused(desk: Desk) -> None:
    shown = desk.run("unmatched").stdout
    assert "selaras refuse b1 --order 1001" in shown
    ledger = open_installation(desk.data)
    propose_too(ledger, "b1", "1004")
    ledger.close()
    refused = desk.run("refuse", "b1", "--order", "1001")
    assert (refused.exit_code, "has changed meanwhile: 1001, 1004" in refused.stderr) == (2, True), refused.stderr
    assert len(desk.json("unmatched", code=1)[0]["proposals"]) == 2, "nothing was refused"
    assert "selaras refuse b1 --order 1001 --order 1004" in desk.run("unmatched").stdout
    assert desk.json("refuse", "b1", "--order", "1004", "--order", "1001")["numbers"] == ["1001", "1004"]


def test_an_order_that_stands_in_two_proposals_counts_against_the_rule_of_the_first(desk: Desk) -> None:
    ledger = open_installation(desk.data)
    propose_too(ledger, "b1", "1001")
    ledger.close()
    assert desk.json("refuse", "b1")["numbers"] == ["1001"]
    (rule,) = (row for row in desk.json("autonomy") if row["rule"] == "exact:name")
    assert rule["wrong"] == 1


def test_suggestions_are_explained_before_they_are_answered(desk: Desk) -> None:
    (found,) = desk.json("explain", "b1", code=1)
    (answer,) = found["suggested"]
    assert (answer["numbers"], answer["amount"], answer["rule"]) == (["1001"], "150000", "exact:name")
    assert "Needed: 95 % and 20." in answer["earned"]
    indonesian = desk.run("explain", "b1", lang="id").stdout
    assert (
        "Mungkin membayar pesanan 1001 (99.9 %). Jumlahnya persis sama dengan tagihan. Teksnya memuat nama pembeli. 0"
        in indonesian
    )
    assert "is due" not in indonesian


def test_autonomy_is_changed_and_shown(desk: Desk) -> None:
    assert desk.json("autonomy", "set", "exact:name", "alone")["modes"] == {"exact:name": "alone"}
    assert "yes" in next(line for line in desk.run("autonomy").stdout.splitlines() if "exact:name" in line)
    assert desk.json("autonomy", "need", "--least", "30", "--precision", "0.9")["least"] == 30
    shown = desk.run("autonomy", "need").stdout
    assert "after 30 confirmed cases, right at least 90 % of the time (confidence 95 %)" in shown
    assert "exact:name: posts alone" in shown
    assert desk.json("autonomy", "set", "exact:name", "earn")["modes"] == {}
    assert desk.json("autonomy", "need", "--connection", "buku", "--least", "5")["least"] == 5
    assert desk.json("autonomy", "need")["least"] == 30
    assert desk.run("autonomy", "need", "--precision", "1").exit_code == 2
    assert desk.run("autonomy", "set", "exact:name", "never").exit_code == 2
    assert "is it spelt right?" in desk.run("autonomy", "set", "exact:nmae", "ask").stdout
    assert "is it spelt right?" not in desk.run("autonomy", "set", "exact:name", "ask").stdout
    assert desk.json("autonomy", "--connection", "gerbang")[0]["rule"] == "exact:gateway"


def test_no_number_is_no_share_and_a_rule_needs_a_name(desk: Desk) -> None:
    """NaN is neither below nor above a bound; once kept, nothing that asks for the autonomy could be answered."""
    for name in ("--precision", "--confidence"):
        refused = desk.run("autonomy", "need", name, "nan")
        assert refused.exit_code == 2
        assert "'nan' is not a number" in refused.stderr
    assert desk.run("autonomy", "set", " ", "ask").exit_code == 2
    assert desk.json("autonomy", "need")["precision"] == 0.95


def test_a_connection_that_does_not_exist_is_no_good_news(desk: Desk) -> None:
    for words in (
        ("unmatched",), ("autonomy",), ("autonomy", "need"), ("autonomy", "need", "--least", "5"),
        ("autonomy", "set", "exact:name", "ask"), ("accept", "--rule", "exact:name"),
    ):  # fmt: skip
        refused = desk.run(*words, "--connection", "gerbagn")
        assert (refused.exit_code, refused.stdout) == (2, ""), words
        assert "There is no connection 'gerbagn'." in refused.stderr


def test_what_a_bank_writes_moves_no_cursor(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of buyers and banks are shown, not obeyed: a terminal takes escape sequences for commands."""
    from selaras.cli import show

    monkeypatch.setattr("sys.stdout", out := io.StringIO())
    evil = "DARI \x1b]0;pwned\x07\x1b[2JBUDI\x9b1A"
    show.say(evil, "bold")
    show.show(Text(evil), show.table("", ["a"], [(evil,), (Text(evil, style="bold"),)]))
    assert out.getvalue().count("BUDI") == 4
    assert not set(out.getvalue()) & {"\x1b", "\x07", "\x9b"}


def test_feeds_are_listed_changed_and_ended(desk: Desk) -> None:
    assert desk.json("feed") == [
        {"connection": "gerbang", "books": "buku", "account": "1-1001", "clearing": "1-1050", "fee": "6-1000"}
    ]
    changed = desk.json("feed", "gerbang", "--fee-tax", "1-1400")
    assert (changed["books"], changed["fee_tax"], changed["fee"]) == ("buku", "1-1400", "6-1000")
    assert "1-1400" in desk.run("feed").stdout
    assert "toko is a store, not a bank or a gateway." in desk.run("feed", "toko", "buku").stderr
    assert desk.run("feed", "--remove").exit_code == 2
    assert desk.run("feed", "gerbang", "--remove", "--fee", "1").exit_code == 2
    assert desk.json("feed", "gerbang", "--remove")["connection"] == "gerbang"
    assert "No bank or gateway is booked yet" in desk.run("feed").stdout
    assert "gerbang is no feed." in desk.run("feed", "gerbang", "--remove").stderr


def test_payouts_and_their_fees(desk: Desk, tmp_path: Path) -> None:
    report = desk.json("payouts", *DAYS, code=0)
    (payout,) = report["payouts"]
    assert (payout["gross"], payout["fee"], payout["net"], payout["bank_line"]) == (
        "100000", "4440", "95560", "buku:b5",
    )  # fmt: skip
    text = desk.run("payouts", *DAYS)
    assert (text.exit_code, "PAYOUT-1" in text.stdout, "for 1 there is no rate" in text.stdout) == (0, True, True)
    assert "No payout of these days is known." in desk.run("payouts", "--to", "2020-01-31").stdout
    assert "No payout of these days is known." in desk.run("payouts", "--to", "0001-01-05").stdout
    assert desk.run("payouts", "--from", "2026-12-01", "--to", "2026-11-01").exit_code == 2
    assert desk.run("payouts", "--from", "1/11/2026").exit_code == 2
    assert "nobody is no feed." in desk.run("payouts", "--gateway", "nobody").stderr

    card = tmp_path / "tarif.csv"
    card.write_text("gateway;since;channel;fixed;tax\nmidtrans;2025-01-01;bank_transfer;3000;0.11\n", encoding="utf-8")
    assert desk.run("payouts", "card", str(card)).stdout == "1 rate is in force.\n"
    (wrong,) = desk.json("payouts", *DAYS, code=1)["fees"]
    assert (wrong["taken"], wrong["agreed"], wrong["difference"]) == ("4440", "3330", "1110")
    assert "IDR 1,110" in desk.run("payouts", *DAYS).stdout
    shown = desk.run("payouts", "card", "--show").stdout
    assert shown.splitlines()[1].startswith("midtrans,2025-01-01,bank_transfer,3000,")
    assert desk.run("payouts", "card", "-", stdin=shown).stdout == "1 rate is in force.\n"
    assert desk.run("payouts", "card", "--show").stdout == shown, "what is printed can be read again"
    card.write_text("gateway,since,channel,fixed,tax\nmidtrans,2025-01-01,bank_transfer,4000,0.11\n", encoding="utf-8")
    desk.run("payouts", "card", str(card))
    assert desk.json("payouts", *DAYS, code=0)["fees"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gateway,fixed\nx,1\n", "Line 1: the column since is missing."),
        ("gateway,since,fee\n", "Line 1, column 3: there is no 'fee'"),
        ("gateway,since,fixed,fixed\n", "Line 1: the column fixed stands twice."),
        ("gateway,since\nx,2026-1-1\n", "Line 2, column since: '2026-1-1' is not a day"),
        ("gateway,since\n,2026-01-01\n", "Line 2, column gateway: it is empty."),
        ("gateway,since,fixed\nx,2026-01-01,4.000.000\n", "Line 2, column fixed: '4.000.000' is not a number"),
        ("gateway,since,share\nx,2026-01-01,0.7\n\nx,2026-01-01,2.9\n", "Line 4, column share: '2.9' is a fraction"),
        ("gateway,since,fixed\nx,2026-01-01,-1\n", "Line 2, column fixed: '-1' is below nothing"),
        ("gateway,since,fixed\nx,2026-01-01,NaN\n", "Line 2, column fixed: 'NaN' is not a number"),
        ("gateway,since,least,most\nx,2026-01-01,5,4\n", "Line 2, column most: it is below the least fee."),
        ("gateway,since,currency\nx,2026-01-01,RUPIAH\n", "Line 2, column currency: 'RUPIAH' is no currency"),
        ("gateway,since,rounding\nx,2026-01-01,near\n", "Line 2, column rounding: 'near' is none of half_up"),
        ("gateway,since\nx,2026-01-01,7\n", "Line 2 has more cells than there are columns."),
        ('gateway,since\n"x,2026-01-01\n', "cannot be read as CSV"),
    ],
)
def test_a_wrong_rate_card_is_refused_with_row_and_column(empty: Desk, text: str, said: str) -> None:
    done = empty.run("payouts", "card", "-", stdin=text)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    assert done.stderr.endswith("Nothing was taken.\n")
    assert empty.json("payouts", "card", "--show") == []


@pytest.mark.parametrize("text", money_words.TEXTS)
def test_each_refusal_is_recognised_and_translated(text: str) -> None:
    filled = text % {name: f"«{name}»" for name in re.findall(r"%\((\w+)\)s", text)}
    with speaking("id"):
        assert spoken(filled) != filled


async def test_beside_a_server_it_goes_through_it(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        await stage.hub.desk(paired, stage.hub)
        await stage.hub.desk(fill, stage.ledger)
        await MoneyFlow(stage.hub, "buku").match()
        desk = Desk(stage.data)
        stage.ledger.db.lock.describe({"url": stage.url})

        def acts() -> None:
            assert desk.json("accept", "b1")["parts"][0]["number"] == "1001"
            assert [one["line"] for one in desk.json("accept", "--rule", "exact:name")] == ["b2"]
            assert desk.json("undo", "money", "b1", "--why", "wrong")["line"] == "b1"
            assert desk.json("autonomy", "set", "exact:name", "ask")["modes"] == {"exact:name": "ask"}
            assert desk.run("refuse", "b3").exit_code == 2
            told = desk.run("feed", "gerbang", "buku", "--fee-tax", "1-1400")
            assert (told.exit_code, "Start `selaras serve` again" in told.stdout) == (0, True), told.stderr
            card = "gateway,since,fixed\nmidtrans,2025-01-01,4000\n"
            assert desk.run("payouts", "card", "-", stdin=card).exit_code == 0

        await asyncio.to_thread(acts)
        rules = {row["rule"]: row for row in (await stage.api("/money/rules"))[1]}
        assert (rules["exact:name"]["confirmed"], rules["exact:name"]["wrong"]) == (1, 1)
        assert (await stage.api("/money/rate-card"))[1][0]["fixed"] == "4000"
