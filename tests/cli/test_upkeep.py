"""Back-fill and differences from the command line, as an admin would do it; days of sweeps; closed days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.install import House, a_house

NOON = "T05:00:00Z"


def old_orders(house: House, count: int, day: str = "2026-10-01") -> list[dict[str, Any]]:
    house.products(("KAOS-M", "Kaos", 500))
    orders = [
        {
            "number": str(1001 + i), "placed_at": f"{day}{NOON}", "updated_at": f"{day}{NOON}",
            "lines": [{"sku": "KAOS-M", "name": "Kaos", "quantity": 1, "unit_price": "50000"}],
            "buyer": {"name": f"Pembeli {i}", "phone": f"0812{i:07}"}, "payment_method": "transfer",
        }
        for i in range(count)
    ]  # fmt: skip
    house.post(f"{house.store.url}/sandbox/orders", {"orders": orders}, house.shop)
    return orders


def typist(house: House, kind: str, items: list[dict[str, Any]], op: str = "create") -> list[str]:
    answer = house.post(
        f"{house.books.url}/sandbox/typist", {"kind": kind, "op": op, "items": items}, house.books.admin
    )
    assert all(result["ok"] for result in answer["results"]), answer
    return [result["id"] for result in answer["results"]]


def type_in(house: House, numbers: list[str], price: int = 50_000) -> None:
    contact = typist(house, "contacts", [{"name": "Pembeli web"}])[0]
    line = {"code": "KAOS-M", "name": "Kaos", "quantity": "1", "unit_price": str(price)}
    head = {"date": "2026-10-01", "currency": "IDR", "total": str(price), "contact_id": contact, "lines": [line]}
    typist(house, "sales_orders", [{**head, "reference": number} for number in numbers])


def test_back_fill_by_hand(tmp_path: Path) -> None:
    with a_house(tmp_path / "data") as house:
        old_orders(house, 5)
        type_in(house, ["1001", "1002"])
        type_in(house, ["1003"], 45_000)
        days = ("--from", "2026-10-01", "--to", "2026-10-31")
        refused = house.run("backfill", "toko", *days)
        assert refused.exit_code == 2
        assert "begin=" in refused.stderr
        assert house.run("pair", "toko", "buku", "--set", "begin=2026-11-01").exit_code == 0
        plan = house.json("backfill", "toko", *days, "--plan", code=1)
        assert (plan["orders"], plan["linked"], plan["create"], plan["blocked"]) == (5, 2, 2, 1)
        assert plan["conflicts"][0]["number"] == "1003"
        assert house.truth()["counts"]["sales_orders"] == 3
        assert house.json("backfill", "status")["state"] == "none"
        done = house.json("backfill", "toko", *days, code=1)
        assert (done["state"], done["done"], done["posted"], done["blocked"]) == ("done", 5, 4, 1)
        assert house.truth()["counts"]["sales_orders"] == 5
        assert "toko, 2026-10-01 to 2026-10-31: done, 5 of 5 orders." in house.run("backfill", "status", "toko").stdout
        assert house.run("backfill", "pause", "toko").exit_code == 2
        assert house.run("backfill", "resume").exit_code == 2
        assert house.run("backfill").exit_code == 2
        assert house.run("backfill", "toko", "--from", "2026-10-01").exit_code == 2
        # The cure that the block names: correct the one that is wrong, then try again.
        (wrong,) = [row for row in house.books.app.books.sales_orders.rows.values() if row.reference == "1003"]
        line = {"code": "KAOS-M", "name": "Kaos", "quantity": "1", "unit_price": "50000"}
        typist(house, "sales_orders", [{"id": wrong.id, "total": "50000", "lines": [line]}], "update")
        assert house.run("retry", "1003").exit_code == 0
        house.settle()
        assert house.json("backfill", "status")["posted"] == 5
        assert not house.truth()["duplicates"]


def test_differences_by_hand(tmp_path: Path) -> None:
    with a_house(tmp_path / "data") as house:
        house.products(("KAOS-M", "Kaos", 50))
        order = house.checkout(("KAOS-M", 1), method="transfer")
        house.settle()
        assert house.json("differences") == []
        assert "as it was written" in house.run("differences").stdout
        (row,) = house.books.app.books.sales_orders.rows.values()
        line = {"code": "KAOS-M", "name": "Kaos", "quantity": "2", "unit_price": "50000"}
        typist(house, "sales_orders", [{"id": row.id, "total": "100000", "lines": [line]}], "update")
        swept = house.json("sweep", "--since", "2020-01-01", code=1)
        assert swept["swept"][0]["since"] == "2020-01-01"
        (one,) = house.json("differences", code=1)
        assert {f["field"]: (f["wrote"], f["books"], f["store"]) for f in one["fields"]}["total"] == (
            "50000",
            "100000",
            "50000",
        )
        text = house.run("differences", lang="en").stdout
        assert order["number"] in text
        assert "100000" in text
        assert house.run("differences", "keep", order["number"]).exit_code == 2, "a reason is asked for"
        assert house.run("differences", "burn", order["number"]).exit_code == 2
        kept = house.json("differences", "keep", order["number"], "--why", "agreed by telephone")
        assert kept == {"decision": "keep", "documents": [order["number"]]}
        assert house.json("differences") == []
        assert house.json("differences", "--kept")[0]["why"] == "agreed by telephone"
        assert house.json("differences", "restore", order["number"])["decision"] == "restore"
        house.settle()
        assert str(row.total) == "50000"


def test_a_closed_day_is_asked_and_answered(tmp_path: Path) -> None:
    with a_house(tmp_path / "data") as house:
        old_orders(house, 1)
        house.run("pair", "toko", "buku", "--set", "closed_until=2026-10-31", "--set", "lock_policy=ask")
        house.settle()
        assert house.json("blocked", code=1)["groups"][0]["cause"] == "period_closed"
        assert house.json("retry", "1001", "--next-open-day")["records"] == 1
        house.settle()
        (row,) = house.books.app.books.sales_orders.rows.values()
        assert row.date.isoformat() == "2026-11-01"
        assert house.run("retry", "--all", "--next-open-day").exit_code == 2
