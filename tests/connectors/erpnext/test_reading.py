"""Cursors, pages, local time, stock by warehouse, and the chart that a mapping points to."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from selaras.connectors.erpnext.reading import Cursor, Reader
from tests.connectors.erpnext.shop import Shop, a_shop, line
from tests.connectors.erpnext.standin import serve_erpnext
from tests.connectors.erpnext.standin_people import STORES


def small(shop: Shop, page: int, *, overlap: float = 1.0, zone: str = "Asia/Jakarta", clock: Any = time.time) -> Reader:
    """A reader with little pages."""
    return Reader(shop.books._wire, shop.books._chart, ZoneInfo(zone), page, overlap, clock)


async def walked(reader: Reader, kind: str, cursor: str = "") -> tuple[list[str], str, int]:
    """Ids of a whole poll, the cursor after it, and its pages."""
    ids: list[str] = []
    for pages in range(1, 500):
        changes = await reader.changed(kind, cursor)
        ids += [seen.id for seen in changes.seen]
        cursor = changes.cursor
        if not changes.more:
            return ids, cursor, pages
    raise AssertionError("no end")


@settings(max_examples=15, deadline=None)
@given(stamps=st.lists(st.integers(0, 5), max_size=40), page=st.integers(1, 7))
async def test_rows_of_one_stamp_are_all_read(stamps: list[int], page: int) -> None:
    async with serve_erpnext() as site:
        shop = Shop(site)
        for number, second in enumerate(stamps):
            doc = site.people.customer(f"C{number:03d}")
            doc["modified"] = f"2026-11-22 10:00:0{second}.000000"
        ids, _, _ = await walked(small(shop, page), "contact")
        assert sorted(set(ids)) == sorted(f"C{n:03d}" for n in range(len(stamps)))
        assert len(ids) == len(set(ids)), "within one poll each row comes once"
        await shop.books.close()


async def test_what_is_written_between_pages_is_seen() -> None:
    async with a_shop() as shop:
        for number in range(9):
            shop.site.people.customer(f"C{number}")
        reader = small(shop, 4)
        first = await reader.changed("contact", "")
        shop.site.people.customer("late")
        shop.site.db.edit("Customer", "C0")  # moves to the end
        rest, cursor, _ = await walked(reader, "contact", first.cursor)
        seen = {row.id for row in first.seen} | set(rest)
        assert seen == {"Pembeli", "late", *(f"C{n}" for n in range(9))}
        # A row of a long transaction becomes visible with the stamp of its beginning.
        slow = shop.site.people.customer("slow")
        early = dt.datetime.fromisoformat(slow["modified"]) - dt.timedelta(seconds=0.9)
        slow["modified"] = early.isoformat(" ", "microseconds")
        again, _, _ = await walked(reader, "contact", cursor)
        assert "slow" in again


def test_the_hour_that_comes_twice_is_read_twice() -> None:
    """In Berlin 2026-10-25 03:00 becomes 02:00: stamps go back by an hour."""
    before = dt.datetime(2026, 10, 25, 0, 59, 30, tzinfo=dt.UTC).timestamp()  # 02:59:30 in summer time
    for minutes, since in ((5, "2026-10-25 01:59:00.000000"), (60 * 24, "2026-10-25 01:59:00.000000")):
        now = before + 60 * minutes
        reader = Reader(None, None, ZoneInfo("Europe/Berlin"), 10, 30.0, lambda now=now: now)  # type: ignore[arg-type, misc]
        assert reader._back(Cursor("2026-10-25 02:59:00.000000", polled=before)) == since
        assert reader._back(Cursor("2026-10-25 02:59:00.000000", polled=now)) == "2026-10-25 02:59:00.000000"


async def test_a_search_does_not_take_what_the_collation_takes() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "1"), reference="Ts-é1")
        await shop.put("sales_order", order)
        assert list(await shop.books.find("sales_order", ["ts-é1", "TS-E1", "Ts-é1", "Ts-é1 "])) == ["Ts-é1"]


async def test_long_lists_are_asked_for_in_lines_that_gunicorn_takes() -> None:
    async with a_shop() as shop:
        names = [f"Pembeli é & Söhne nomor {n:04d} dari Jakarta Selatan" for n in range(50)]
        for name in names:
            shop.site.people.customer(name)
        rows = await shop.books.read("contact", names)
        assert [row.id for row in rows] == names
        assert all(row.record is not None for row in rows)


# -- stock ----------------------------------------------------------------------------------------------------------


async def test_stock_is_the_sum_of_the_warehouses_that_are_named() -> None:
    for named, held in (("Stores - PCI", 100), ("Stores - PCI; Finished Goods", 107), ("", 107)):
        async with a_shop(warehouse=named) as shop:
            shop.site.selling.bin("KAOS", "Finished Goods - PCI")["actual_qty"] = 7.0
            shop.site.selling.bin("KAOS", "Goods In Transit - PCI")["actual_qty"] = 1000.0
            await shop.put("sales_order", shop.order(line("KAOS", 3, "1")))
            (seen,) = await shop.books.read("stock", ["KAOS"])
            assert (seen.record.on_hand, seen.record.reserved, seen.record.available) == (held, 3, held - 3)
            shelves = {shelf.warehouse: (shelf.on_hand, shelf.reserved) for shelf in seen.record.shelves}
            both = {"Finished Goods - PCI": (7, 0), "Stores - PCI": (100, 3)}
            assert shelves == ({"Stores - PCI": (100, 3)} if held == 100 else both)
            rows, cursor = await shop.drained("stock")
            assert {row.id: row.record.on_hand for row in rows}["KAOS"] == held
            shop.site.db.edit("Bin", f"TOPI|{STORES}")["actual_qty"] = 4.0
            again = {row.id: row.record.on_hand for row in (await shop.drained("stock", cursor))[0]}
            assert again["TOPI"] == 4


async def test_an_item_that_never_moved_has_nothing() -> None:
    async with a_shop() as shop:
        shop.site.people.item("BARU")
        none, service, gone = await shop.books.read("stock", ["BARU", "JASA", "NO-SUCH"])
        assert (none.record.on_hand, none.record.reserved) == (Decimal(0), Decimal(0))
        assert (service.record, gone.record) == (None, None)


# -- the chart ------------------------------------------------------------------------------------------------------


async def test_the_chart_is_listed_for_the_mapping() -> None:
    async with a_shop() as shop:
        accounts = {row.id: row.record for row in (await shop.drained("account"))[0]}
        assert (accounts["Bank BCA - PCI"].type, accounts["Bank BCA - PCI"].currency) == ("bank", "IDR")
        assert accounts["1131.0010 - Piutang Dagang - PCI"].code == "1131.0010"
        assert accounts["4190.000 - Potongan Penjualan - PCI"].type == "income"
        assert "1000 - Aset - PCI" not in accounts, "no entry can be made on a group"
        taxes = {row.id: row.record.rate for row in (await shop.drained("tax"))[0]}
        assert taxes == {"PPN 11% - PCI": Decimal("0.11"), "PPN 12% - PCI": Decimal("0.12")}
        assert {"Stores - PCI", "Finished Goods - PCI"} <= {row.id for row in (await shop.drained("warehouse"))[0]}
        values = {(row.record.kind, row.record.id) for row in (await shop.drained("dimension"))[0]}
        assert values == {("cost_center", "Main - PCI"), ("project", "PROJ-0001"), ("branch", "Bandung")}
        (one,) = await shop.books.read("dimension", ["branch/Bandung"])
        assert one.record.name == "Bandung"
        shop.site.forbidden |= {"Project"}
        assert len((await shop.drained("dimension"))[0]) == 2
        (bank,) = await shop.books.read("account", ["Bank BCA - PCI"])
        assert bank.record == accounts["Bank BCA - PCI"]


async def test_purchases_count_when_they_are_received() -> None:
    async with a_shop() as shop:
        shop.site.db.insert(
            {"doctype": "Purchase Order", "docstatus": 1, "supplier": "PT Kain", "company": "PT Contoh Integrasi",
             "transaction_date": "2026-11-20", "currency": "IDR", "grand_total": 500000.0, "rounded_total": 500000.0,
             "per_received": 40.0, "items": [{"item_code": "KAOS", "qty": 10, "rate": 50000, "amount": 500000}]}
        )  # fmt: skip
        (row,) = (await shop.drained("purchase"))[0]
        assert (row.record.received, row.record.lines[0].quantity, row.record.total) == (False, 10, 500000)
        shop.site.db.edit("Purchase Order", row.id)["per_received"] = 100.0
        assert (await shop.books.read("purchase", [row.id]))[0].record.received


async def test_a_journal_that_a_person_wrote_names_its_order() -> None:
    async with a_shop() as shop:
        shop.site.insert(
            {"doctype": "Journal Entry", "docstatus": 1, "voucher_type": "Bank Entry", "cheque_no": "1001",
             "cheque_date": "2026-11-22", "posting_date": "2026-11-22", "company": "PT Contoh Integrasi",
             "user_remark": "transfer Budi", "accounts": [
                 {"account": "Bank BCA - PCI", "debit_in_account_currency": 5000},
                 {"account": "1131.0010 - Piutang Dagang - PCI", "party_type": "Customer", "party": "Pembeli",
                  "credit_in_account_currency": 5000}]}
        )  # fmt: skip
        (row,) = (await shop.drained("journal"))[0]
        assert (row.record.reference, row.record.source) == ("1001", "")
        assert [(one.debit, one.credit, one.contact_id) for one in row.record.lines] == [
            (5000, 0, ""), (0, 5000, "Pembeli"),
        ]  # fmt: skip
