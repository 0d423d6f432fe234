"""Promise 1: with 30 % of all deliveries lost and no polling, one sweep accounts for every order."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from selaras.sandbox.faults import FaultSettings
from selaras.sandbox.store import StoreConfig
from tests.acceptance.hall import a_hall, eventually, kinds, sale

ORDERS = 60
LAST = 10
NEVER = dict.fromkeys(
    ("order", "product", "contact", "stock", "bank_transaction", "receipt", "journal", "reread", "sweep"), "on event"
)


def test_one_sweep_finds_what_the_lost_deliveries_were_about(tmp_path: Path, seed: int) -> None:
    lossy = StoreConfig(seed=seed, faults=FaultSettings(drop_webhook=0.3, repeat_webhook=0.1, reorder_webhook=0.1))
    with a_hall(tmp_path / "data", store=lossy, public=True, schedules=NEVER, goods=(("KAOS-M", "Kaos", 500),)) as hall:
        house = hall.house
        eventually(lambda: house.store.webhooks.subscriptions)
        hall.settle()
        orders, hooks = [], house.store.webhooks
        for n in range(ORDERS):
            if n == ORDERS - LAST:
                # Stock that moves makes us look for orders too; of the last ones nothing at all tells us.
                eventually(lambda: not hooks._later and not any(hooks._workers.values()))
                hall.settle()
                dropped = house.store.faults.counts["drop_webhook"]
                assert dropped, "nothing was lost, so nothing is shown"
                house.store.faults.set(drop_webhook=1.0)
            order = house.checkout(("KAOS-M", 1), phone=f"0812-0000-{n:04d}", name=f"Pembeli {n}")
            orders.append(order)
            if n % 3 == 0:
                house.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})
            if n % 10 == 5:
                house.act(order, "cancel", {"reason": "buyer"})
        hall.settle()
        rows = hall.api("/coverage?connection=toko&kind=order")["rows"]
        assert sum(row["seen"] for row in rows) <= ORDERS - LAST

        swept = house.json("sweep")
        assert swept["swept"][0]["seen"] == ORDERS
        assert swept["swept"][0]["changed"] >= LAST
        hall.settle()

        report = house.json("coverage", "--connection", "toko", "--kind", "order")
        states = ("source_count", "seen", "posted", "waiting", "blocked", "skipped")
        totals = [sum(row[state] for row in report["rows"]) for state in states]
        assert totals == [ORDERS, ORDERS, ORDERS, 0, 0, 0]
        assert all(row["balanced"] for row in report["rows"])
        (source, posted) = (sum(Decimal(r[s]) for r in report["rows"]) for s in ("source_sum", "sum_posted"))
        assert source == posted == 50_000 * ORDERS
        truth = house.truth()
        assert truth["duplicates"] == {}
        assert sorted(truth["sales"]) == sorted(order["number"] for order in orders)
        for n, order in enumerate(orders):
            found = sale(house, order)
            if n % 10 == 5 and n % 3:
                assert (found["status"], kinds(found)) == ("void", ["sales_order"]), n
            elif n % 10 != 5:
                assert kinds(found) == (["sales_order"] if n % 3 else ["invoice", "receipt", "sales_order"]), n
        again = house.json("sweep")
        assert (again["swept"][0]["changed"], again["differences"]) == (0, 0)
