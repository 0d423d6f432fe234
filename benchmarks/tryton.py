#!/usr/bin/env python3
"""Orders per second into a real Tryton, beside a bare client in the same run: python benchmarks/tryton.py [--orders N]

Both write the same orders (a sale of two taxed lines, its invoice, its payment) into databases of one trytond 8.2 with
SQLite, in lists of 100. The bare client does the least that Tryton needs: create, quote, confirm, find the invoices,
date them, post them, and one statement. It looks for nothing, proves nothing, and could not go on after a broken
connection.
Tryton is installed and seeded as for the tests (kept in pytest's cache). One JSON object on the output.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from selaras.connectors.contract import Done  # noqa: E402
from selaras.connectors.kit.checks import done  # noqa: E402
from tests.connectors.tryton.shop import CLEARING, Shop, line, today  # noqa: E402
from tests.peers.tryton import HUB, Database, Home, Server, mark  # noqa: E402

_LIST = 100


def prepared(server: Server, name: str) -> Database:
    """A database with two products, and invoices laid out as Tryton ships them."""
    database = server.database(name)
    desk = database.desk()
    desk.goods({"KAOS": 10**6, "TOPI": 10**6})
    (report,) = desk.rows("ir.action.report", [["report_name", "=", "account.invoice"]], "report_name")
    desk.call("ir.action.report", "write", [report["id"]], {"report_content_custom": None, "template_extension": "odt"})
    return database


def bare(database: Database, orders: int) -> dict[str, Any]:
    """The least calls that put orders, invoices and payments into Tryton."""
    desk = database.desk(HUB)
    (party,) = desk.create("party.party", {"name": "Pembeli", "addresses": [["create", [{}]]]})
    row = desk.one("party.party", [["id", "=", party]], "addresses")
    goods = {r["code"]: r["id"] for r in desk.rows("product.product", [["code", "in", ["KAOS", "TOPI"]]], "code")}
    tax = desk.one("account.tax", [["name", "=", "PPN Keluaran 11%"]], "name")["id"]
    house = desk.one("stock.location", [["type", "=", "warehouse"]], "code")["id"]
    feed = desk.one("account.statement.journal", [["account.code", "=", CLEARING]], "name")["id"]
    unit = desk.rows("product.uom", [["symbol", "=", "u"]], "symbol")[0]["id"]
    calls, started, day = desk.calls, time.perf_counter(), today()
    for start in range(0, orders, _LIST):
        ids = desk.create("sale.sale", *(
            {
                "reference": f"B{n}", "company": desk.company, "party": party, "currency": 1, "sale_date": day,
                "invoice_address": row["addresses"][0], "shipment_address": row["addresses"][0], "warehouse": house,
                "invoice_method": "order", "shipment_method": "order",
                "lines": [["create", [
                    {"type": "line", "product": goods[code], "unit": unit, "quantity": pieces, "description": code,
                     "unit_price": Decimal(price), "taxes": [["add", [tax]]]}
                    for code, pieces, price in (("KAOS", 2, 50_000), ("TOPI", 1, 20_000 + n))
                ]]],
            }
            for n in range(start, min(start + _LIST, orders))
        ))  # fmt: skip
        desk.press("sale.sale", "quote", *ids)
        desk.press("sale.sale", "confirm", *ids)
        sales = desk.rows("sale.sale", [["id", "in", ids]], "reference", "total_amount", "invoices")
        bills = [sale["invoices"][0] for sale in sales]
        desk.call("account.invoice", "write", bills, {"invoice_date": day})
        desk.press("account.invoice", "post", *bills)
        lines = [
            {"number": f"{sale['reference']}/P1", "date": day, "amount": sale["total_amount"], "party": party,
             "account": 39, "related_to": f"account.invoice,{sale['invoices'][0]}"}
            for sale in sales
        ]  # fmt: skip
        account = desk.one("account.invoice", [["id", "=", bills[0]]], "account")["account"]
        for one in lines:
            one["account"] = account
        total = sum((sale["total_amount"] for sale in sales), Decimal(0))
        (statement,) = desk.create("account.statement", {
            "name": f"B{start}", "date": day, "company": desk.company, "journal": feed, "total_amount": total,
            "lines": [["create", lines]],
        })  # fmt: skip
        desk.press("account.statement", "validate_statement", statement)
        desk.press("account.statement", "post", statement)
    return {"seconds": time.perf_counter() - started, "calls": desk.calls - calls}


async def connector(database: Database, orders: int) -> dict[str, Any]:
    """The same through the connector, as the hub calls it."""
    shop = Shop(database, rate="10000")
    try:
        contact = await shop.buyer()
        await shop.books.check()
        calls, started = shop.books.calls, time.perf_counter()
        for start in range(0, orders, _LIST):
            sales = [
                shop.order(contact, line("KAOS", 2, "50000"), line("TOPI", 1, str(20_000 + n)), reference=f"S{n}")
                for n in range(start, min(start + _LIST, orders))
            ]
            made = [done(outcome).id for outcome in await shop.outcomes("sales_order", sales)]
            bills = [shop.invoice(order, order_id) for order, order_id in zip(sales, made, strict=True)]
            made = [done(outcome).id for outcome in await shop.outcomes("invoice", bills)]
            money = [
                shop.receipt(f"{bill.reference}/P1", contact, bill.total, invoice_id=bill_id)
                for bill, bill_id in zip(bills, made, strict=True)
            ]
            outcomes = await shop.outcomes("receipt", money)
            assert all(isinstance(outcome, Done) for outcome in outcomes)
        return {"seconds": time.perf_counter() - started, "calls": shop.books.calls - calls}
    finally:
        await shop.books.close()


def paid(database: Database, prefix: str) -> int:
    """Invoices of a run that are paid in full."""
    sales = database.desk().rows("sale.sale", [["reference", "like", f"{prefix}%"]], "invoices.state")
    return sum(all(bill["state"] == "paid" for bill in sale["invoices."]) for sale in sales)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100, help="orders in each run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, in turn")
    asked = parser.parse_args()
    folder = ROOT / ".pytest_cache" / "d" / f"tryton-{mark()}"
    folder.mkdir(parents=True, exist_ok=True)
    home = Home(folder)
    home.build()
    found: dict[str, list[dict[str, Any]]] = {"bare": [], "connector": []}
    with tempfile.TemporaryDirectory() as place:
        server = Server(home, Path(place))
        server.start()
        try:
            for run in range(asked.runs):
                one, other = prepared(server, f"bare{run}"), prepared(server, f"ours{run}")
                found["bare"].append(bare(one, asked.orders))
                found["connector"].append(asyncio.run(connector(other, asked.orders)))
                assert (paid(one, "B"), paid(other, "S")) == (asked.orders, asked.orders)
        finally:
            server.stop()
    pairs = zip(found["bare"], found["connector"], strict=True)
    ratio = statistics.median(b["seconds"] / c["seconds"] for b, c in pairs)
    answer = {
        "measured": dt.date.today().isoformat(),  # noqa: DTZ011 -- the day on this machine's calendar
        "orders": asked.orders,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "ratio": round(ratio, 3),
    }
    for name, runs in found.items():
        best = min(run["seconds"] for run in runs)
        answer[name] = {
            "orders_per_second": [round(asked.orders / run["seconds"], 2) for run in runs],
            "best": round(asked.orders / best, 2),
            "calls": runs[0]["calls"],
            "calls_per_order": round(runs[0]["calls"] / asked.orders, 3),
        }
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
