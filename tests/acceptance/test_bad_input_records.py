"""One bad record: it is named with its field and its cure, and every other record goes on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
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
)


def loaded(house: House, **order: Any) -> Any:
    """An order put into the store as it is; by default one t-shirt."""
    order.setdefault("lines", [{"sku": "KAOS-M", "quantity": 1, "unit_price": "50000"}])
    order.setdefault("buyer", {"name": "Dewi", "phone": "0819-1111-2222"})
    (made,) = house.post(f"{house.store.url}/sandbox/orders", {"orders": [order]}, house.shop)["orders"]
    return made


def around(hall: Hall, bad: Any) -> None:
    """Orders before and after the bad one are posted, the bad one is blocked, and the sum is right."""
    house = hall.house
    rows = hall.api("/coverage?connection=toko&kind=order")["rows"]
    assert [sum(row[state] for row in rows) for state in ("seen", "posted", "waiting", "blocked", "skipped")] == [
        3, 2, 0, 1, 0,
    ]  # fmt: skip
    assert bad["number"] not in house.truth()["sales"]
    assert len(house.truth()["sales"]) == 2
    (told,) = house.json("explain", bad["number"], code=1)
    assert told["status"] == "blocked"


def three(hall: Hall, spoilt: tuple[bytes, bytes] | None = None, **bad: Any) -> Any:
    """A good order, the bad one, a good order; all synchronised."""
    hall.house.checkout(("KAOS-M", 1))
    made = loaded(hall.house, **bad)
    if spoilt:
        shows(hall.house, made, *spoilt)
    hall.house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
    hall.sync()
    around(hall, made)
    return made


def test_an_unknown_currency_blocks_its_order_only(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        order = three(hall, (b'"currency":"IDR"', b'"currency":"ZZZ"'))
        group = one_group(hall, "unknown_currency")
        assert group["message"] == f"The currency ZZZ of order {order['number']} is unknown."
        assert (group["field"], group["examples"]) == ("currency", [order["number"]])


def test_a_deleted_product_blocks_its_order_until_it_is_matched(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        order = three(hall, lines=[{"sku": "SANDAL-41", "name": "Sandal", "quantity": 2, "unit_price": "75000"}])
        group = one_group(hall, "unmatched_product")
        assert "SANDAL-41" in group["message"]
        # The product comes back into the books: nobody has to press anything.
        hall.house.post(
            f"{hall.house.books.url}/sandbox/seed",
            {"products": [{"code": "SANDAL-41", "name": "Sandal", "price": "75000"}],
             "stock": [{"code": "SANDAL-41", "on_hand": "5"}]},
            hall.house.books.admin,
        )  # fmt: skip
        hall.sync()
        assert sale(hall.house, order)["total"] == "150000"


def test_a_total_that_does_not_add_up_is_blocked_with_the_difference(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        order = three(hall, total="50001")
        group = one_group(hall, "total_mismatch")
        assert group["message"] == (
            f"The parts of order {order['number']} come to 50000 IDR, its total says 50001: -1 apart."
        )
        assert [(s["currency"], s["amount"]) for s in group["sums"]] == [("IDR", "50001")]
        # A retry changes nothing as long as the store says the same.
        assert hall.house.json("retry", order["number"])["records"] == 1
        hall.settle()
        one_group(hall, "total_mismatch")
        assert hall.house.json("skip", order["number"], "--why", "salah ketik, dibatalkan")["postings"] == 1
        (row,) = hall.api("/coverage?connection=toko&kind=order")["rows"]
        assert (row["posted"], row["blocked"], row["skipped"]) == (2, 0, 1)


def shows(house: House, order: Any, part: bytes, instead: bytes) -> bytes:
    """The store shows an order otherwise than it is; gives the bytes as they were."""
    encoded = house.store.shop.encoded
    house.get(f"{house.store.url}/api/orders?ids={order['id']}", {"Authorization": f"Bearer {house.store.api_key}"})
    right = bytes(encoded[order["id"]])
    encoded[order["id"]] = right.replace(part, instead)
    assert encoded[order["id"]] != right
    return right


def test_a_record_that_is_not_utf8_is_told_and_kept_out_of_the_way(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        first = house.checkout(("KAOS-M", 1))
        bad = loaded(house)
        right = shows(house, bad, b"Dewi", b"D\xffw\xfe")
        last = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
        hall.sync()
        assert kinds(sale(house, first)) == kinds(sale(house, last)) == ["sales_order"]
        rows = hall.api("/coverage?connection=toko&kind=order")["rows"]
        assert sum(row["seen"] for row in rows) == 3
        group = one_group(hall, "unreadable")
        assert group["message"] == f"Order {bad['number']} cannot be read: buyer.name is not UTF-8."
        assert [(s["currency"], s["amount"]) for s in group["sums"]] == [("IDR", "50000")], "its money is counted"
        told = house.run("explain", bad["number"])
        assert (told.exit_code, "cannot be read" in told.stdout, told.stderr) == (1, True, "")
        house.store.shop.encoded[bad["id"]] = right
        house.act(bad, "payments", {"method": "qris", "reference": "Q9"})
        hall.sync()
        assert kinds(sale(house, {"number": bad["number"]})) == ["invoice", "receipt", "sales_order"]


def test_books_that_answer_one_rupiah_more_are_not_believed(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        app, batch = house.books.app, house.books.app._batch

        def more(kind: str, body: bytes) -> bytes:
            answer = msgspec.json.decode(batch(kind, body))
            if kind == "sales_orders":
                answer["results"][0]["total"] = str(Decimal(answer["results"][0]["total"]) + 1)
            return msgspec.json.encode(answer)

        app._batch = more
        order = house.checkout(("KAOS-M", 1))
        hall.sync()
        app._batch = batch
        group = one_group(hall, "total_differs")
        assert group["message"] == f"sales_order {order['number']}: the books say 50001 IDR, we meant 50000 IDR."
        other = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
        hall.sync()
        assert sale(house, other)["total"] == "50000"
        house.json("retry", order["number"])
        hall.settle()
        assert hall.api("/blocked")["groups"] == []
        assert sale(house, order)["total"] == "50000"
        assert house.truth()["duplicates"] == {}


def typed(house: House, order: Any, *, total: str, phone: str = "0812-3456-7890") -> Any:
    """A person has typed the order into the books, under the store's number."""
    url = f"{house.books.url}/sandbox/typist"
    contact = {"name": "Budi Santoso", "phone": phone, "kind": "customer"}
    (made,) = house.post(url, {"kind": "contacts", "items": [contact]}, house.books.admin)["results"]
    item = {
        "reference": order["number"], "date": "2026-01-05", "currency": "IDR", "total": total,
        "contact_id": made["id"], "lines": [{"code": "KAOS-M", "quantity": "1", "unit_price": total}],
    }  # fmt: skip
    (done,) = house.post(url, {"kind": "sales_orders", "items": [item]}, house.books.admin)["results"]
    assert done["ok"], done
    return done


def test_an_order_typed_by_hand_before_is_recognised_not_doubled(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        order = house.checkout(("KAOS-M", 1))
        typed(house, order, total="50000")
        hall.sync()
        assert kinds(sale(house, order)) == ["sales_order"]
        house.act(order, "pay", {"method": "qris", "reference": "Q1"})
        hall.sync()
        assert kinds(sale(house, order)) == ["invoice", "receipt", "sales_order"]
        assert sale(house, order)["balance"] == "0"


def test_an_order_typed_by_hand_with_another_total_is_asked(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        house = hall.house
        order = house.checkout(("KAOS-M", 1))
        there = typed(house, order, total="45000")
        other = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
        hall.sync()
        group = one_group(hall, "duplicate_reference")
        assert order["number"] in group["message"]
        assert kinds(sale(house, other)) == ["sales_order"]
        assert [s["total"] for s in house.truth()["sales"][order["number"]]] == ["45000"]
        refused = house.run("link", order["number"], "sales_order", there["id"])
        assert refused.exit_code == 2
        assert "45000" in one_sentence(refused.stderr)
        # The person corrects what was typed; our next try recognises it.
        change = {
            "id": there["id"], "total": "50000",
            "lines": [{"code": "KAOS-M", "quantity": "1", "unit_price": "50000", "amount": "50000"}],
        }  # fmt: skip
        url = f"{house.books.url}/sandbox/typist"
        done = house.post(url, {"kind": "sales_orders", "op": "update", "items": [change]}, house.books.admin)
        assert done["results"][0]["ok"], done
        house.json("retry", order["number"])
        hall.settle()
        assert [s["total"] for s in house.truth()["sales"][order["number"]]] == ["50000"]
        assert hall.api("/blocked")["groups"] == []


@pytest.mark.parametrize("policy", ["next_open_day", "hold", "ask"])
def test_a_closed_period_follows_the_policy(tmp_path: Path, policy: str) -> None:
    day = "2026-01-31"
    with a_ready_house(tmp_path / "data", policy={"lock_policy": policy, "closed_until": day}) as house:
        house.post(f"{house.books.url}/sandbox/close", {"closed_until": day}, house.books.admin)
        late = loaded(house, placed_at="2026-01-20T10:00:00+07:00")
        fresh = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
        with serving(house) as hall:
            hall.sync()
            assert kinds(sale(house, fresh)) == ["sales_order"]
            if policy == "next_open_day":
                dated(house, late, "2026-02-01")
                assert hall.api("/blocked")["groups"] == []
                return
            group = one_group(hall, "period_closed")
            assert group["message"] == f"The day 2026-01-20 lies in a period that is closed until {day}."
            assert late["number"] not in house.truth()["sales"]
        house.post(f"{house.books.url}/sandbox/close", {"closed_until": None}, house.books.admin)
        house.json("pair", "toko", "buku", "--set", "closed_until=")
        with serving(house) as hall:
            house.json("retry", "--cause", "period_closed")
            hall.sync()
            dated(house, late, "2026-01-20")


def dated(house: House, order: Any, day: str) -> None:
    (row,) = [o for o in house.books.state.sales_orders.rows.values() if o.reference == order["number"]]
    assert row.date.isoformat() == day


def test_books_closed_without_our_knowing_hold_up_nothing(tmp_path: Path) -> None:
    with a_ready_house(tmp_path / "data") as house:
        house.post(f"{house.books.url}/sandbox/close", {"closed_until": "2026-01-31"}, house.books.admin)
        late = loaded(house, placed_at="2026-01-20T10:00:00+07:00")
        fresh = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
        with serving(house) as hall:
            hall.sync()
            assert kinds(sale(house, fresh)) == ["sales_order"]
            # The books say themselves up to which day they are closed; the policy takes the next open one.
            dated(house, late, "2026-02-01")
            assert hall.api("/blocked")["groups"] == []
