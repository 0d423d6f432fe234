"""A clock that is ten minutes wrong, on whichever side: webhooks, cursors and tokens do not mind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from selaras.sandbox.books import BooksConfig
from selaras.sandbox.store import StoreConfig
from tests.acceptance.hall import Clock, a_hall, a_ready_house, deliver, eventually, kinds, sale, serving

WRONG = 600.0


@pytest.mark.parametrize("ahead", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_a_hub_whose_clock_is_wrong_misses_nothing(tmp_path: Path, ahead: float) -> None:
    clock = Clock(ahead)
    with a_hall(tmp_path / "data", books=BooksConfig(access_seconds=2.0), clock=clock, public=True) as hall:
        house = hall.house
        eventually(lambda: house.store.webhooks.subscriptions)
        hall.sync()
        # By webhook alone: nothing is polled for an hour.
        hinted = house.checkout(("KAOS-M", 1))
        eventually(lambda: hinted["number"] in house.truth()["sales"])
        assert not [e for e in hall.api("/events") if e["code"] == "webhook_refused"]
        # By cursor alone.
        house.store.faults.set(drop_webhook=1.0)
        polled = [house.checkout(("TOPI", 1), phone=f"0813-0000-000{n}", name=f"Siti {n}") for n in range(5)]
        hall.sync()
        assert all(order["number"] in house.truth()["sales"] for order in polled)
        for order in (hinted, *polled):
            house.act(order, "pay", {"method": "qris", "reference": f"Q{order['number']}"})
            house.act(order, "shipments", {"courier": "JNE", "tracking": f"JNE{order['number']}"})
        hall.sync()
        assert [kinds(sale(house, o)) for o in (hinted, *polled)] == [["invoice", "receipt", "sales_order"]] * 6
        # What was recorded and sent again an hour later is a replay, whatever our clock says; what is new is not.
        body = b'{"topic":"order.updated","id":1}'
        assert deliver(hall.url, house, body, at=time.time() - 3600) == 401
        assert deliver(hall.url, house, body) == 200
        hall.settle()
        # Somebody sets the clock right while we run.
        clock.ahead = 0.0
        house.store.faults.set(drop_webhook=0.0)
        last = house.checkout(("KAOS-M", 1), phone="0899-1212-1212", name="Agus")
        eventually(lambda: last["number"] in house.truth()["sales"])
        hall.sync()
        time.sleep(2.1)  # an access token's life: the next call needs another
        hall.sync()
        truth = house.truth()
        assert truth["duplicates"] == {}
        assert truth["tokens"]["issued"] > 1, "tokens ran out meanwhile"
        rows = hall.api("/coverage?connection=toko&kind=order")["rows"]
        assert [sum(r[state] for r in rows) for state in ("seen", "posted")] == [7, 7]


@pytest.mark.parametrize("skew", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_a_store_whose_clock_is_wrong_is_told_and_read_all_the_same(tmp_path: Path, skew: float) -> None:
    with a_ready_house(tmp_path / "data", store=StoreConfig(clock_skew=skew)) as house:
        order = house.checkout(("KAOS-M", 1))
        checked = house.run("connections", "check", "toko")
        assert checked.exit_code == 1
        (told,) = [line for line in checked.stdout.splitlines() if "✘" in line and "clock" in line.lower()]
        assert "→" in told, "a cure is named"
        with serving(house) as hall:
            hall.sync()
            assert kinds(sale(house, order)) == ["sales_order"]
            late = house.checkout(("TOPI", 1), phone="0813-2222-3333", name="Siti")
            hall.sync()
            assert kinds(sale(house, late)) == ["sales_order"]
