"""Days as they are: buyers who write their number in five ways, goods with another code, money booked by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.hall import (
    Hall,
    House,
    a_hall,
    a_ready_house,
    kinds,
    one_group,
    one_sentence,
    sale,
    serving,
    shop,
)


def typed(house: House, kind: str, *items: dict[str, Any]) -> list[Any]:
    """What a person types into the books."""
    url = f"{house.books.url}/sandbox/typist"
    results = house.post(url, {"kind": kind, "items": list(items)}, house.books.admin)["results"]
    assert all(result["ok"] for result in results), results
    return [result["id"] for result in results]


def shop_order(house: House, order: Any) -> Any:
    (found,) = [o for o in shop(house)["orders"] if o["number"] == order["number"]]
    return found


# -- M12: purchases and journals ---------------------------------------------------------------------------------------


def test_goods_received_in_the_books_raise_the_shelf(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        sold = house.checkout(("KAOS-M", 3))
        hall.sync()
        (supplier,) = typed(house, "contacts", {"name": "CV Kain Jaya", "kind": "supplier"})
        bought = {
            "reference": "PO-7", "date": "2026-01-05", "currency": "IDR", "total": "250000", "contact_id": supplier,
            "lines": [{"code": "KAOS-M", "quantity": "10", "unit_price": "25000"}],
        }  # fmt: skip
        (purchase,) = typed(house, "purchases", bought)
        hall.sync()
        assert shop(house)["stock"]["KAOS-M"]["available"] == 97, "ordered is not received"
        url = f"{house.books.url}/sandbox/typist"
        received = {"kind": "purchases", "op": "update", "items": [{"id": purchase, "received": True}]}
        assert house.post(url, received, house.books.admin)["results"][0]["ok"]
        hall.sync()
        assert shop(house)["stock"]["KAOS-M"]["available"] == 107
        (history,) = house.json("stock", "KAOS-M")
        assert history["offered"] == "107"
        last = max(history["history"], key=lambda one: one["planned_at"])
        assert (last["available"], last["state"], bool(last["reason"])) == ("107", "done", True)
        assert kinds(sale(house, sold)) == ["sales_order"]


def test_a_journal_by_hand_that_names_the_order_counts_as_its_payment(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        order = house.checkout(("KAOS-M", 1), method="transfer")
        hall.sync()
        (contact,) = [row["id"] for row in contacts(house)]
        entry = {
            "reference": order["number"], "date": "2026-01-05", "currency": "IDR", "note": "setoran tunai",
            "lines": [
                {"account": "bank", "debit": "50000", "credit": "0"},
                {"account": "receivable", "debit": "0", "credit": "50000", "contact_id": contact},
            ],
        }  # fmt: skip
        typed(house, "journals", entry)
        hall.sync()
        hall.sync()
        paid = shop_order(house, order)
        assert (Decimal(paid["paid"]), paid["payment_status"]) == (Decimal(50_000), "paid")
        assert kinds(sale(house, order)) == ["invoice", "sales_order"], "the journal is the payment; none is added"
        assert house.truth()["trial_balance"]["IDR"]["accounts"]["receivable"] == "0"
        assert hall.api("/blocked")["groups"] == []


def contacts(house: House) -> list[dict[str, str]]:
    """Contacts of the books."""
    return [{"id": row.id, "name": row.name, "phone": row.phone} for row in house.books.state.contacts.rows.values()]


# -- M9: tracking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before the invoice", "after the invoice"])
def test_the_tracking_number_reaches_the_books(tmp_path: Path, when: str) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        order = house.checkout(("KAOS-M", 1))
        hall.sync()
        if when == "after the invoice":
            house.act(order, "pay", {"method": "qris", "reference": "Q1"})
            hall.sync()
        house.act(order, "shipments", {"courier": "JNE", "tracking": "JNE-0099887766"})
        hall.sync()
        (row,) = house.books.state.sales_orders.rows.values()
        assert (row.tracking, row.courier) == ("JNE-0099887766", "JNE")


# -- M4: contacts ------------------------------------------------------------------------------------------------------


def test_a_buyer_who_writes_the_number_in_five_ways_is_one_contact(tmp_path: Path) -> None:
    spellings = ["0812-3456-7890", "+62 812 3456 7890", "62812.3456.7890", "(0812) 34567890", "812 3456 7890"]
    names = ["Budi Santoso", "BUDI SANTOSO", "budi  santoso", "Bpk. Budi Santoso", "Budi Santoso"]
    with a_hall(tmp_path / "data") as hall:
        orders = []
        for number, (phone, name) in enumerate(zip(spellings, names, strict=True)):
            orders.append(hall.house.checkout(("KAOS-M", 1), phone=phone, name=name))
            if number % 2:
                hall.sync()
        hall.sync()
        assert len(contacts(hall.house)) == 1, contacts(hall.house)
        assert hall.api("/blocked")["groups"] == []
        assert {row.contact_id for row in hall.house.books.state.sales_orders.rows.values()} == {
            contacts(hall.house)[0]["id"]
        }


def test_a_tie_is_asked_decided_and_undone(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        first, _second = typed(
            house, "contacts",
            {"name": "Dewi Lestari", "phone": "0819-1111-2222", "kind": "customer"},
            {"name": "Toko Melati", "phone": "+62 819 1111 2222", "kind": "customer"},
        )  # fmt: skip
        order = house.checkout(("KAOS-M", 1), phone="0819 1111 2222", name="D. Lestari")
        other = house.checkout(("TOPI", 1))
        hall.sync()
        assert kinds(sale(house, other)) == ["sales_order"]
        group = one_group(hall, "contact_tie")
        assert group["examples"] == [order["number"]]
        (tie,) = house.json("contacts", "ties", code=1)
        assert (tie["buyer"], tie["orders"], len(tie["candidates"])) == ("D. Lestari", [order["number"]], 2)
        nobody = house.run("contacts", "decide", order["number"], "con999")
        assert nobody.exit_code == 2
        assert "no active contact" in one_sentence(nobody.stderr)
        house.json("contacts", "decide", order["number"], first)
        hall.settle()
        assert kinds(sale(house, order)) == ["sales_order"]
        (row,) = [r for r in house.books.state.sales_orders.rows.values() if r.reference == order["number"]]
        assert row.contact_id == first
        # Taken back: what was posted stays, the next order is asked again.
        house.json("undo", "contact", tie["subject"])
        again = house.checkout(("KAOS-M", 1), phone="0819 1111 2222", name="D. Lestari")
        hall.sync()
        assert one_group(hall, "contact_tie")["examples"] == [again["number"]]
        house.json("contacts", "decide", again["number"], "--new")
        hall.settle()
        assert hall.api("/blocked")["groups"] == []
        (fresh,) = [r for r in house.books.state.sales_orders.rows.values() if r.reference == again["number"]]
        assert fresh.contact_id not in [c["id"] for c in contacts(house)[:2]]


# -- M3: products ------------------------------------------------------------------------------------------------------


def test_an_accepted_pair_and_a_bundle_sell_and_push_their_stock(tmp_path: Path) -> None:
    sold = (("KAOS-M", "Kaos hitam M", 20), ("TOPI 1", "Topi", 20))
    kept = [("KAOS-M", "Kaos hitam M", 20), ("TOPI-1", "Topi", 20)]
    with a_ready_house(tmp_path / "data", goods=(), policy={}) as house:
        house.products(*sold, books=kept)
        bundle = {
            "sku": "PAKET", "name": "Paket kaos dan topi", "type": "bundle", "price": "120000",
            "components": [{"sku": "KAOS-M", "quantity": 2}, {"sku": "TOPI 1", "quantity": 1}],
        }  # fmt: skip
        house.post(f"{house.store.url}/sandbox/products", {"products": [bundle]}, house.shop)
        with serving(house) as hall:
            order = house.checkout(("PAKET", 3), ("TOPI 1", 1))
            hall.sync()
            assert "TOPI 1" in one_group(hall, "unmatched_product")["message"]
            house.json("products", "accept", "TOPI 1", "TOPI-1")
            hall.sync()
            assert hall.api("/blocked")["groups"] == []
            house.act(order, "pay", {"method": "qris", "reference": "Q1"})
            hall.sync()
            found = sale(house, order)
            assert (found["balance"], found["total"]) == ("0", "410000")
            assert house.truth()["stock"]["KAOS-M"] == {"on_hand": "14", "reserved": "0"}
            assert house.truth()["stock"]["TOPI-1"] == {"on_hand": "16", "reserved": "0"}
            counter_sale(hall, "TOPI-1", 5)
            stock = shop(house)["stock"]
            assert (stock["KAOS-M"]["available"], stock["TOPI 1"]["available"]) == (14, 11)
            # The bundle is offered as often as its parts allow.
            (listed,) = house.get(
                f"{house.store.url}/api/products?skus=PAKET", {"Authorization": f"Bearer {house.store.api_key}"}
            )["products"]
            assert listed["available"] == 7


def counter_sale(hall: Hall, code: str, pieces: int) -> None:
    house = hall.house
    sold = {"items": [{"code": code, "quantity": str(pieces)}]}
    house.post(f"{house.books.url}/sandbox/sale", sold, house.books.admin)
    hall.sync()


# -- money that comes late ---------------------------------------------------------------------------------------------


def test_a_refund_that_is_told_before_its_money_came_waits_for_the_bank(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        order = house.checkout(("KAOS-M", 2), method="transfer")
        hall.sync()
        house.act(order, "payments", {"method": "transfer", "reference": "T1"})
        back = [{"line_id": order["lines"][0]["id"], "quantity": 1}]
        house.act(order, "refunds", {"lines": back, "restock": True, "method": "transfer"})
        hall.sync()
        assert kinds(sale(house, order)) == ["sales_order"]
        assert hall.api("/blocked")["groups"] == []
        today = dt.datetime.now(dt.UTC).date().isoformat()
        house.bank_line("100000", f"TRSF {order['number']} BUDI SANTOSO", today)
        hall.sync()
        hall.sync()
        found = sale(house, order)
        assert found["balance"] == "0", found
        assert "refund_payment" in kinds(found)
        assert Decimal(shop_order(house, order)["paid"]) == 100_000, "the store knew already, it is not told twice"
        assert house.truth()["stock"]["KAOS-M"] == {"on_hand": "99", "reserved": "0"}
