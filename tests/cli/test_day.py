"""A day of an admin with the command line: everything is asked of one real installation, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.install import House, a_house


class Day:
    """The house and the orders of its day."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.paid = house.checkout(("KAOS-M", 2))
        house.act(self.paid, "pay")
        self.unpaid = house.checkout(("KAOS-M", 1), method="transfer", name="Sari Dewi", phone="0813-1111-2222")
        self.unknown = house.checkout(("TOPI 1", 1), name="Rudi", phone="0815-0000-1111")
        self.cancelled = house.checkout(("KAOS-M", 1), name="Rudi", phone="0815-0000-1111")
        house.act(self.cancelled, "cancel", {"reason": "stok habis"})
        house.bank_line("123456", "SETORAN TUNAI")
        house.settle()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    def goods(house: House) -> None:
        house.products(
            ("KAOS-M", "Kaos hitam M", 10),
            ("TOPI 1", "Topi", 5),
            books=[("KAOS-M", "Kaos hitam M", 10), ("TOPI-1", "Topi", 5)],
        )

    with a_house(tmp_path_factory.mktemp("day"), before=goods) as house:
        yield Day(house)


def number(order: Any) -> str:
    return str(order["number"])


def test_coverage_adds_up_and_is_not_green_while_something_is_blocked(day: Day) -> None:
    report = day.house.json("coverage", code=1)
    (orders,) = [row for row in report["totals"] if row["kind"] == "order"]
    assert orders["seen"] == 4
    assert orders["seen"] == orders["posted"] + orders["waiting"] + orders["blocked"] + orders["skipped"]
    assert orders["blocked"] == 1
    parts = [Decimal(orders[f"sum_{name}"]) for name in ("posted", "waiting", "blocked", "skipped")]
    assert Decimal(orders["sum_seen"]) == sum(parts) > 0
    assert report["balanced"]
    assert not report["green"]
    assert not orders["green"]
    assert set(orders) == {
        "connection", "kind", "day", "currency", "seen", "posted", "waiting", "blocked", "skipped", "sum_seen",
        "sum_posted", "sum_waiting", "sum_blocked", "sum_skipped", "source_count", "source_sum", "balanced", "green",
        "counted_at",
    }  # fmt: skip


def test_coverage_can_be_narrowed(day: Day) -> None:
    assert day.house.json("coverage", "--to", "2001-01-01")["rows"] == []
    rows = day.house.json("coverage", "--kind", "bank_transaction", code=1)["rows"]
    assert {row["kind"] for row in rows} == {"bank_transaction"}
    assert day.house.json("coverage", "--connection", "nobody")["rows"] == []


@pytest.mark.parametrize("lang", ["en", "id"])
def test_tables_speak_the_language(day: Day, lang: str) -> None:
    shown = day.house.run("coverage", lang=lang)
    assert shown.exit_code == 1
    assert ("Terblokir" in shown.stdout) == (lang == "id")
    assert ("Rp " in shown.stdout) == (lang == "id")
    assert ("IDR " in shown.stdout) == (lang == "en")
    help_ = day.house.run("coverage", "--help", lang=lang)
    assert ("Pemakaian:" in help_.stdout) == (lang == "id")


def test_blocked_says_what_where_and_how_to_mend_it(day: Day) -> None:
    report = day.house.json("blocked", code=1)
    causes = {group["cause"]: group for group in report["groups"]}
    assert "unmatched_payment" in causes
    product = next(group for group in report["groups"] if "TOPI 1" in group["message"])
    assert product["examples"] == [number(day.unknown)]
    assert product["cure"]
    assert product["records"] == 1
    assert Decimal(product["sums"][0]["amount"]) == Decimal(str(day.unknown["total"]))
    assert report["records"] == 2
    shown = day.house.run("blocked", "--list")
    assert shown.exit_code == 1
    assert "TOPI 1" in shown.stdout
    only = day.house.json("blocked", "--cause", "unmatched_payment", code=1)
    assert [group["cause"] for group in only["groups"]] == ["unmatched_payment"]


def test_explain_tells_the_whole_story(day: Day) -> None:
    (story,) = day.house.json("explain", number(day.paid))
    assert (story["status"], story["kind"], story["number"]) == ("posted", "order", number(day.paid))
    assert story["seen"][0]["version"] == 1
    kinds = [sent["kind"] for sent in story["sent"] if sent["state"] == "done"]
    assert {"contact", "sales_order", "invoice", "receipt"} <= set(kinds)
    for sent in story["sent"]:
        assert sent["tries"], sent["reference"]
        assert sent["tries"][-1]["outcome"] == "done"
        assert sent["document"]["reference"] == sent["reference"]
    assert {link["kind"] for link in story["links"]} == {"contact", "sales_order", "invoice", "receipt"}
    assert all(link["id"] and link["number"] for link in story["links"] if link["kind"] != "contact")
    assert story["buyer"]["contact"]
    assert story["products"] == [
        {"code": "KAOS-M", "how": "exact", "target": "KAOS-M", "reasons": story["products"][0]["reasons"]}
    ]
    assert story["waiting"] == []
    assert story["todo"]


def test_explain_shows_what_changed_between_versions(day: Day) -> None:
    house = day.house
    order = house.checkout(("KAOS-M", 1), name="Versi", phone="0817-9999-0000")
    house.settle()
    house.act(order, "pay")
    house.settle()
    (story,) = house.json("explain", number(order))
    assert len(story["seen"]) >= 2
    changed = {change["field"]: change for change in story["seen"][-1]["changes"]}
    assert any("pa" in field for field in changed), changed
    assert all(change["before"] != change["after"] for change in changed.values())


def test_explain_says_what_to_do_about_a_blocked_order(day: Day) -> None:
    (story,) = day.house.json("explain", number(day.unknown), code=1)
    assert story["status"] == "blocked"
    assert any("TOPI 1" in (sent["message"]) for sent in story["sent"])
    assert any(number(day.unknown) in line for line in story["todo"])
    shown = day.house.run("explain", number(day.unknown))
    assert shown.exit_code == 1
    assert "To do" in shown.stdout
    assert "TOPI-1" in shown.stdout


def test_explain_finds_a_bank_line_and_a_product(day: Day) -> None:
    items = day.house.json("blocked", "--cause", "unmatched_payment", code=1)["items"]
    (story,) = day.house.json("explain", items[0]["record"], code=1)
    assert story["kind"] == "bank_transaction"
    (history,) = day.house.json("explain", "stock", "KAOS-M")
    assert day.house.json("stock", "KAOS-M") == [history]
    assert history["code"] == "KAOS-M"
    # Whatever was written into the store last is what the books can promise.
    assert Decimal(history["on_hand"]) - Decimal(history["reserved"]) >= 0
    shown = day.house.run("stock", "KAOS-M", lang="id")
    assert shown.exit_code == 0
    assert "KAOS-M" in shown.stdout


def test_explain_of_nothing_is_one_sentence(day: Day) -> None:
    done = day.house.run("explain", "nobody-knows")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "nobody-knows" in done.stderr
    assert day.house.run("stock", "NO-SUCH").exit_code == 2


def test_plan_shows_and_writes_nothing(day: Day) -> None:
    before = day.house.json("coverage", code=1)
    assert day.house.json("plan")["records"] == []
    plan = day.house.json("plan", "--all", code=1)
    assert plan["blocked"] == 1
    assert plan["to_post"] == 0, plan
    assert plan["unchanged"] >= 2
    (one,) = day.house.json("plan", number(day.unknown), code=1)["records"]
    assert "TOPI 1" in one["blocked"]
    assert one["cure"]
    assert day.house.json("coverage", code=1) == before


def test_objectives_are_those_of_the_case(day: Day) -> None:
    assert day.house.run("sweep").exit_code == 0
    found = day.house.json("objectives", code=1)
    (total,) = found["totals"]
    # The cancelled order is recorded and voided; only the unmatched product is missing.
    assert total["placed"] - total["recorded"] == 1
    assert total["recorded_percent"] not in ("100", "100.0")
    assert total["stock_out_cancellations"] == 1
    assert total["stock_codes"] >= 1
    assert found["stock"]["toko"]["unmatched"] == 1
    shown = day.house.run("objectives", lang="id")
    assert shown.exit_code == 1
    assert "%" in shown.stdout


def test_sweep_counts_and_finds_a_document_that_a_hand_changed(day: Day) -> None:
    report = day.house.json("sweep")
    assert report["differences"] == 0
    assert report["swept"][0]["seen"] >= 4
    rows = [row for row in day.house.json("coverage", code=1)["rows"] if row["kind"] == "order"]
    assert all(row["source_count"] == row["seen"] and row["source_sum"] == row["sum_seen"] for row in rows)


def test_products_are_compared_with_reasons(day: Day) -> None:
    report = day.house.json("products", "report", code=1)["report"]
    assert [match["code"] for match in report["unmatched_store"]] == ["TOPI 1"]
    assert [p["code"] for p in report["unmatched_store"][0]["proposals"]] == ["TOPI-1"]
    assert "TOPI-1" in day.house.run("products", "report", lang="id").stdout
    export = day.house.run("products", "export", "--open")
    assert export.stdout.splitlines()[0].startswith("store_code,books_code,")
    assert export.stdout.splitlines()[1].startswith("TOPI 1,,")


def test_connections_show_no_secret(day: Day) -> None:
    listed = day.house.json("connections", "list")
    assert {one["name"]: one["pairs"] for one in listed} == {"toko": ["buku"], "buku": ["toko"]}
    words = json.dumps(listed) + day.house.run("connections", "list").stdout
    for secret in (day.house.store.api_key, day.house.books.config.client_secret, day.house.store.webhook_secret):
        assert secret not in words
    checked = day.house.json("connections", "check")
    assert [one["ok"] for one in checked] == [True, True]


def test_pair_and_schedule_are_listed_and_changed(day: Day) -> None:
    (pair,) = day.house.json("pair")
    assert pair["policy"]["accounts"] == {"transfer": "bank"}
    assert day.house.json("schedule", "sweep", "daily", "03:30")["sweep"] == "daily 03:30"
    assert day.house.json("schedule", "sweep") == {"sweep": "daily 03:30"}
    bad = day.house.run("schedule", "sweep", "sometimes")
    assert (bad.exit_code, bad.stderr.count("\n")) == (2, 1)


def test_events_backup_and_version(day: Day, tmp_path: Path) -> None:
    assert isinstance(day.house.json("events"), list)
    copied = day.house.json("backup", str(tmp_path / "copy.db"))
    assert copied["records"] > 0
    assert day.house.run("backup", str(tmp_path / "copy.db")).exit_code == 2
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", day.house.json("version")["selaras"])
