"""What a person does by the command line, and what the books hold afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.install import House, a_house

GOODS = (("KAOS-M", "Kaos hitam M", 10), ("TOPI 1", "Topi", 5), ("MUG", "Mug", 5))
KEPT = [("KAOS-M", "Kaos hitam M", 10), ("TOPI-1", "Topi", 5), ("MUG", "Mug", 5)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path / "data", before=lambda house: house.products(*GOODS, books=KEPT)) as house:
        yield house


def sales(house: House, order: Any) -> list[Any]:
    found: dict[str, list[Any]] = house.truth()["sales"]
    return found.get(str(order["number"]), [])


def status(house: House, order: Any) -> str:
    (story,) = json.loads(house.run("explain", str(order["number"]), "--json").stdout)
    return str(story["status"])


def test_an_accepted_pair_frees_the_order_and_can_be_taken_back(house: House) -> None:
    order = house.checkout(("TOPI 1", 1))
    house.settle()
    assert status(house, order) == "blocked"
    assert sales(house, order) == []
    wrong = house.run("products", "accept", "TOPI 1", "TOPI-9")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    done = house.json("products", "accept", "TOPI 1", "TOPI-1")
    assert done["accepted"] == {"TOPI 1": "TOPI-1"}
    assert done["replanned"] == 1
    house.settle()
    assert status(house, order) == "posted"
    assert len(sales(house, order)) == 1
    assert house.json("undo", "--list") == [
        {"connection": "toko", "kind": "product", "subject": "TOPI 1", "answer": "TOPI-1"}
    ]
    assert house.json("undo", "product", "TOPI 1")["answer"] == "TOPI-1"
    assert house.run("undo", "product", "TOPI 1").exit_code == 2
    house.settle()
    assert len(sales(house, order)) == 1, "what was posted stays"
    second = house.checkout(("TOPI 1", 1))
    house.settle()
    assert status(house, second) == "blocked"


def test_near_misses_are_accepted_by_rule(house: House) -> None:
    house.settle()
    assert house.run("products", "accept", "--rule", "case").exit_code == 0
    assert house.json("products", "accept", "--rule", "dashes")["accepted"] == {"TOPI 1": "TOPI-1"}
    assert house.json("products", "report")["report"]["unmatched_store"] == []
    nonsense = house.run("products", "accept", "--rule", "guess")
    assert nonsense.exit_code == 2
    assert "same_name" in nonsense.stderr


def test_a_bad_row_is_refused_by_line_and_column_and_the_rest_is_taken(house: House, tmp_path: Path) -> None:
    house.settle()
    rows = (
        "books_code;store_code;note\nTOPI-1;TOPI 1;fine\nNONE;MUG;no such code\n;KAOS-M;empty\n"
        'MUG;"GELAS\n2";spans two lines\nMUG\n'
    )
    path = tmp_path / "pairs.csv"
    path.write_text("\ufeff" + rows, encoding="utf-8")
    done = house.json("products", "import", str(path), code=1)
    assert done["accepted"] == {"TOPI 1": "TOPI-1"}
    assert [(row["line"], row["column"]) for row in done["refused"]] == [
        (3, "books_code"), (4, "books_code"), (5, "store_code"), (7, "store_code"),
    ]  # fmt: skip
    shown = house.run("products", "import", "-", stdin=rows, lang="id")
    assert shown.exit_code == 1
    assert "Baris 3" in shown.stdout
    assert "Line 3" not in shown.stdout


def test_a_file_that_is_no_table_is_one_sentence(house: House, tmp_path: Path) -> None:
    house.settle()
    (tmp_path / "a.csv").write_text("code,other\nA,B\n")
    (tmp_path / "b.csv").write_bytes(b"store_code,books_code\nTOPI 1,TOPI-1\n\xff\xfe,X\n")
    for name, words in (("a.csv", "store_code"), ("b.csv", "line 3"), ("absent.csv", "absent.csv")):
        done = house.run("products", "import", str(tmp_path / name))
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), name
        assert words in done.stderr
    assert house.json("undo", "--list") == []


def test_the_export_is_what_the_import_reads(house: House, tmp_path: Path) -> None:
    house.settle()
    path = tmp_path / "open.csv"
    assert house.run("products", "export", "--out", str(path)).exit_code == 0
    filled = path.read_text(encoding="utf-8-sig").replace("TOPI 1,,", "TOPI 1,TOPI-1,")
    assert house.json("products", "import", "-", stdin=filled)["accepted"] == {
        "TOPI 1": "TOPI-1", "KAOS-M": "KAOS-M", "MUG": "MUG",
    }  # fmt: skip


def test_a_skip_keeps_its_reason_and_can_be_taken_back(house: House) -> None:
    order = house.checkout(("TOPI 1", 1))
    house.settle()
    number = str(order["number"])
    assert house.run("skip", number).exit_code == 2
    assert house.run("skip", number, "--why", "  ").exit_code == 2
    assert house.json("skip", number, "--why", "pesanan uji coba") == {"postings": 1}
    (item,) = house.json("blocked", "--skipped")["items"]
    assert (item["message"], item["by_whom"], item["name"]) == ("pesanan uji coba", "wati", number)
    house.settle()
    assert status(house, order) == "skipped"
    assert house.json("undo", "skip", number)["answer"] == "pesanan uji coba"
    house.settle()
    assert status(house, order) == "blocked"


def test_retry_by_name_by_cause_and_all(house: House) -> None:
    order = house.checkout(("TOPI 1", 1))
    house.settle()
    assert house.run("retry").exit_code == 2
    assert house.run("retry", "no-such").exit_code == 2
    assert house.run("retry", "--cause", "no_such").exit_code == 2
    number = str(order["number"])
    for words in ((number,), ("--cause", "unmatched_product"), ("--all",)):
        assert house.json("retry", *words) == {"postings": 0, "records": 1}
        house.settle()
        assert status(house, order) == "blocked"
    # The product appears in the books: the same retry now lets it through.
    seed = {
        "products": [{"code": "TOPI 1", "name": "Topi", "price": "50000"}],
        "stock": [{"code": "TOPI 1", "on_hand": "5"}],
    }
    house.post(f"{house.books.url}/sandbox/seed", seed, house.books.admin)
    house.run("retry", "--all")
    house.settle()
    assert status(house, order) == "posted"


def test_a_person_says_which_order_a_payment_pays(house: House) -> None:
    first = house.checkout(("KAOS-M", 1), method="transfer", name="Sari", phone="0813-1111-2222")
    second = house.checkout(("KAOS-M", 1), method="transfer", name="Dewi", phone="0813-3333-4444")
    house.bank_line(str(first["total"]), "TRSF E-BANKING")
    house.settle()
    (item,) = house.json(
        "blocked", "--cause", json.loads(house.run("blocked", "--json").stdout)["groups"][0]["cause"], code=1
    )["items"]
    assert item["kind"] == "bank_transaction"
    assert house.run("link", item["record"], "9999").exit_code == 2
    done = house.json("link", item["record"], str(second["number"]))
    assert [part["subject"] for part in done["parts"]] == [f"toko:{second['id']}"]
    house.settle()
    house.settle()
    (sale,) = sales(house, second)
    assert sale["balance"] == "0"
    assert [d.split()[0] for d in sales(house, first)[0]["documents"]] == ["sales_order"]
    assert house.json("blocked")["groups"] == []
    refused = house.run("link", item["record"], str(first["number"]))
    assert (refused.exit_code, "pays" in refused.stderr) == (2, True), "the receipt stands already"
    assert house.run("undo", "bank", item["record"]).exit_code == 2
    assert house.json("undo", "money", item["record"], "--why", "the other one")["line"] == item["record"]
    house.settle()
    (waits,) = house.json("unmatched", code=1)
    assert (waits["line"], waits["left"]) == (item["record"], first["total"])
    assert house.run("link", item["record"], str(first["number"])).exit_code == 0
    house.settle()
    assert house.json("unmatched") == []
    told = house.json("explain", item["record"])[0]
    assert [(one["number"], one["why_undone"]) for one in told["money"]] == [
        (str(second["number"]), "the other one"), (str(first["number"]), ""),
    ]  # fmt: skip
    assert told["status"] == "posted"


def typed(house: House, contact: str, total: str) -> str:
    """A sales order that a person types into the books; its id."""
    item = {
        "date": "2026-01-05", "currency": "IDR", "total": total, "reference": f"dari WA {total}", "contact_id": contact,
        "lines": [{"code": "TOPI-1", "name": "Topi", "quantity": "1", "unit_price": total, "amount": total}],
    }  # fmt: skip
    body = {"kind": "sales_orders", "items": [item]}
    answer = house.post(f"{house.books.url}/sandbox/typist", body, house.books.admin)
    assert answer["results"][0]["ok"], answer
    return str(answer["results"][0]["id"])


def test_a_document_typed_by_hand_is_linked_instead_of_doubled(house: House) -> None:
    order = house.checkout(("TOPI 1", 1), name="Rudi", phone="0815-0000-1111")
    house.settle()
    house.run("products", "accept", "TOPI 1", "TOPI-1")
    (before,) = house.json("explain", str(order["number"]), code=1)
    contact = before["buyer"]["contact"]
    right, wrong = typed(house, contact, str(order["total"])), typed(house, contact, "7")
    number = str(order["number"])
    for books_id, words in ((wrong, "7"), ("sor99999999", "sor99999999")):
        refused = house.run("link", number, "sales_order", books_id)
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert words in refused.stderr
    done = house.json("link", number, "sales_order", right)
    assert (done["document"], Decimal(done["total"])) == (right, Decimal(str(order["total"])))
    house.settle()
    house.act(order, "pay")
    house.settle()
    assert status(house, order) == "posted"
    (story,) = house.json("explain", number)
    linked = {link["kind"]: link["id"] for link in story["links"]}
    assert linked["sales_order"] == right
    assert "invoice" in linked
    assert house.truth()["counts"]["sales_orders"] == 2, "both typed by hand, none of ours beside them"
    assert house.run("link", number, "sales_order", right).exit_code == 2, "nothing more is needed"


def test_a_tie_of_contacts_is_decided_and_a_merge_undone(house: House) -> None:
    house.post(
        f"{house.books.url}/sandbox/seed",
        {
            "contacts": [
                {"name": "Ani Lestari", "phone": "0811-222-333"},
                {"name": "Toko Makmur", "phone": "0811-222-333"},
            ]
        },
        house.books.admin,
    )
    order = house.checkout(("KAOS-M", 1), name="Ani", phone="0811222333")
    house.settle()
    assert status(house, order) == "blocked"
    (tie,) = house.json("contacts", "ties", code=1)
    assert tie["orders"] == [str(order["number"])]
    by_name = {c["name"]: c["id"] for c in tie["candidates"]}
    assert set(by_name) == {"Ani Lestari", "Toko Makmur"}
    assert house.run("contacts", "ties", lang="id").exit_code == 1
    assert house.run("contacts", "decide", tie["orders"][0], "con99999999").exit_code == 2
    assert house.run("contacts", "decide", tie["orders"][0]).exit_code == 2
    house.json("contacts", "decide", tie["orders"][0], by_name["Ani Lestari"])
    house.settle()
    (story,) = house.json("explain", str(order["number"]))
    assert story["buyer"]["contact"] == by_name["Ani Lestari"]
    # The person was wrong: from now on it is a contact of its own.
    house.json("contacts", "decide", tie["orders"][0], "--new")
    second = house.checkout(("KAOS-M", 1), name="Ani", phone="0811222333")
    house.settle()
    (later,) = house.json("explain", str(second["number"]))
    assert later["status"] == "posted"
    assert later["buyer"]["contact"] not in ("", *by_name.values())
    subject = later["buyer"]["stream"]
    assert house.json("contacts", "undo", subject)["kind"] == "contact"
    third = house.checkout(("KAOS-M", 1), name="Ani", phone="0811222333")
    house.settle()
    assert status(house, third) == "blocked", "the rules decide again, and they ask"


def test_a_changed_policy_is_shown_before_it_is_applied(house: House) -> None:
    order = house.checkout(("KAOS-M", 2))
    house.settle()
    number = str(order["number"])
    assert [d.split()[0] for d in sales(house, order)[0]["documents"]] == ["sales_order"]
    assert house.run("pair", "toko", "buku", "--set", "invoice_at=order").exit_code == 0
    plan = house.json("plan", "--all")
    (record,) = [one for one in plan["records"] if one["number"] == number]
    assert [(d["op"], d["kind"], Decimal(d["total"])) for d in record["documents"]] == [
        ("create", "invoice", Decimal(str(order["total"])))
    ]
    assert plan["stock"] == [{"code": "KAOS-M", "on_hand": "-2", "reserved": "-2"}]
    assert plan["sums"]["invoice create"][0]["count"] == 1
    house.settle()
    assert len(sales(house, order)[0]["documents"]) == 1, "a preview posts nothing"
    assert house.json("plan", number, "--apply") == {"store": "toko", "records": 1}
    house.settle()
    assert sorted(d.split()[0] for d in sales(house, order)[0]["documents"]) == ["invoice", "sales_order"]
    assert house.json("plan", "--all")["to_post"] == 0


def test_a_month_is_certified_and_checked_without_the_installation(house: House, tmp_path: Path) -> None:
    for _round in range(3):
        house.act(house.checkout(("KAOS-M", 1)), "pay")
    house.checkout(("TOPI 1", 1))
    house.settle()
    days = {row["day"] for row in json.loads(house.run("coverage", "--json").stdout)["rows"] if row["day"]}
    month = max(days)[:7]
    path = tmp_path / "month.jsonl"
    made = house.json("certify", "--month", month, "--out", str(path), code=1)
    totals = json.loads(house.run("coverage", "--kind", "order", "--json").stdout)["totals"][0]
    assert made["totals"]["posted"]["IDR"] == {"count": totals["posted"], "sum": totals["sum_posted"]}
    assert made["totals"]["blocked"]["IDR"] == {"count": 1, "sum": totals["sum_blocked"]}
    assert made["records"] == totals["seen"]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    paid = [line for line in lines if line.get("status") == "posted"]
    assert all({"invoice", "receipt", "sales_order"} <= {d["kind"] for d in line["documents"]} for line in paid)
    away = House(tmp_path / "no-installation", None, None)
    checked = away.json("certify", "--check", str(path))
    assert (checked["fault"], checked["seal"]) == (None, made["seal"])
    content = bytearray(path.read_bytes())
    place = content.index(b"INV-")
    content[place] ^= 1
    path.write_bytes(content)
    broken = away.run("certify", "--check", str(path))
    assert broken.exit_code == 1
    assert f"line {bytes(content[:place]).count(10) + 1}:" in broken.stdout
    again = away.run("certify", "--check", str(path), lang="id")
    assert "baris" in again.stdout
    assert house.run("certify", "--month", "2026-13", "--out", str(path)).exit_code == 2
    assert house.run("certify").exit_code == 2
    assert away.run("certify", "--check", str(tmp_path / "absent")).exit_code == 2
