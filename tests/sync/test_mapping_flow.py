"""The mapping from the books' chart to the posted document: the gate, the change, the history, what stays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from selaras.ledger.errors import LedgerError
from selaras.ledger.values import RecordKey
from selaras.rules.mapping import Mapping
from selaras.rules.plan_types import Policy
from selaras.sandbox.books import BooksConfig
from selaras.sandbox.store import StoreConfig
from selaras.sync import mapping_changes, mappings
from selaras.sync.explain import Explanation, explain
from tests.sync.town import a_town
from tests.sync.world import World

NOW = 1_770_000_000_000_000
CHART = {
    "accounts": [
        {"code": "4-1001", "name": "Penjualan Web", "type": "income"},
        {"code": "4-1002", "name": "Penjualan Buku", "type": "income"},
        {"code": "1-1060", "name": "Dana QRIS", "type": "bank"},
        {"code": "1-1201", "name": "Piutang Web", "type": "receivable"},
        {"code": "2-1201", "name": "Uang Muka Pelanggan", "type": "liability"},
    ],
    "taxes": [{"id": "ppn11", "name": "PPN 11%", "rate": "0.11"}, {"id": "ppn12", "name": "PPN 12%", "rate": "0.12"}],
    "dimensions": [{"id": "jkt", "kind": "branch", "name": "Jakarta"}, {"id": "web", "kind": "project"}],
}


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[World]:
    books = BooksConfig(warehouses=("MAIN", "GUDANG"))
    stores = {"toko": (StoreConfig(), "buku", Policy(default_account="clearing"))}
    async with a_town(tmp_path, stores, {"buku": books}, maps="tax,account:sales") as worlds:
        world = worlds["toko"]
        await world.post(f"{world.books.url}/sandbox/chart", CHART, world.books.admin)
        await world.stock({"KAOS": 50, "BUKU-1": 50})
        with pytest.raises(LedgerError, match="read yet"):
            await put(world, {"account:sales": "4-1001"})
        await world.sync()
        yield world


async def put(world: World, words: dict[str, str]) -> mappings.MappingChanged:
    done = await world.hub.desk(mapping_changes.set_words, world.ledger, "toko", "buku", words, NOW, "wati", "why")
    world.service.lanes["plan toko"].wake()
    return done


async def told(world: World, order: Any) -> Explanation:
    (found,) = await world.hub.desk(explain, world.ledger, order["number"])
    return found


async def held(world: World, kind: str) -> list[Any]:
    books = world.hub.connectors["buku"]
    return [seen.record for seen in (await books.changed(kind, "")).seen]


async def balance(world: World) -> dict[str, str]:
    accounts: dict[str, str] = (await world.truth())["trial_balance"]["IDR"]["accounts"]
    return accounts


async def test_nothing_is_posted_before_the_mapping_names_what_is_needed(town: World) -> None:
    order = await town.checkout(("KAOS", 1), tax_rate="0.11")
    await town.act(order, "pay", {"method": "qris", "reference": "Q1"})
    await town.sync()
    (cause,) = await town.hub.desk(town.ledger.coverage.causes)
    assert (cause.cause, cause.records) == ("missing_mapping", 1)
    assert "the account for sales; tax 11 %" in cause.message
    assert "selaras mapping set toko buku account:sales=ACCOUNT tax:11=TAX" in cause.cure
    assert (await town.truth())["counts"]["sales_orders"] == 0
    assert (await town.hub.desk(mappings.show, town.ledger, "toko", "buku")).waiting == 1
    done = await put(town, {"account:sales": "4-1001", "tax:11": "PPN 11%", "method:qris": "1-1060"})
    assert (done.version, done.replanned) == (1, 1)
    await town.sync()
    (invoice,) = await held(town, "invoice")
    (line,) = invoice.lines
    assert (line.account, line.tax_code) == ("acc-4-1001", "ppn11")
    (receipt,) = await held(town, "receipt")
    assert receipt.account == "acc-1-1060"
    found = await told(town, order)
    assert {(c.version, c.word, c.id, c.name) for c in found.mapped} >= {
        (1, "account:sales", "acc-4-1001", "4-1001 Penjualan Web"),
        (1, "tax:11", "ppn11", "PPN 11%"),
        (1, "method", "acc-1-1060", "1-1060 Dana QRIS"),
    }
    assert found.status == "posted"


async def test_everything_that_is_named_is_booked_there_and_comes_back_whole(town: World) -> None:
    await put(
        town,
        {
            "account:sales": "4-1001", "account:sales[code=BUKU-]": "4-1002", "account:receivable": "1-1201",
            "account:deposits": "2-1201", "tax:11": "ppn11", "warehouse:*": "GUDANG", "dimension:branch": "jkt",
            "method:qris": "1-1060",
        },
    )  # fmt: skip
    order = await town.checkout(("KAOS", 2), ("BUKU-1", 1), tax_rate="0.11")
    await town.act(order, "pay", {"method": "qris", "reference": "Q1", "amount": "55500"})
    await town.sync()
    assert (await balance(town))["2-1201"] == "-55500", "paid in part: a deposit of the customer"
    await town.act(order, "pay", {"method": "qris", "reference": "Q2"})
    await town.sync()
    booked = await balance(town)
    assert (booked["4-1001"], booked["4-1002"], booked["output_tax"]) == ("-100000", "-50000", "-16500")
    assert (booked.get("1-1201", "0"), booked.get("2-1201", "0"), booked["1-1060"]) == ("0", "0", "166500")
    assert booked.get("sales", "0") == booked.get("receivable", "0") == booked.get("deposits", "0") == "0"
    for kind in ("sales_order", "invoice", "receipt"):
        assert {one.dimensions for one in await held(town, kind)} == {(("branch", "jkt"),)}
    (row,) = await town.hub.connectors["buku"].read("stock", ["KAOS"])
    shelves = {shelf["warehouse"]: shelf for shelf in json.loads(row.raw)["warehouses"]}
    assert (shelves["GUDANG"]["on_hand"], shelves["GUDANG"]["reserved"]) == ("-2", "0")
    assert shelves["MAIN"]["on_hand"] == "50"
    await town.act(order, "refunds", {"full": True, "restock": True, "reason": "batal"})
    await town.sync()
    booked = await balance(town)
    assert {booked.get(a, "0") for a in ("4-1001", "4-1002", "1-1201", "2-1201", "1-1060", "output_tax")} == {"0"}
    (note,) = await held(town, "credit_note")
    assert note.receivable == "acc-1-1201"
    assert (await town.truth())["stock"]["KAOS"] == {"on_hand": "50", "reserved": "0"}


async def test_a_change_reaches_what_waits_and_leaves_what_was_posted(town: World) -> None:
    await put(town, {"account:sales": "4-1001", "tax:11": "ppn11", "method:*": "1-1050"})
    posted = await town.checkout(("KAOS", 1), tax_rate="0.11", phone="081200000001")
    await town.act(posted, "pay", {"method": "qris", "reference": "Q1"})
    await town.sync()
    waits = await town.checkout(("KAOS", 1), tax_rate="0.12", phone="081200000002")
    await town.act(waits, "pay", {"method": "qris", "reference": "Q2"})
    await town.sync()
    assert (await told(town, waits)).status == "blocked"
    calls = (await town.truth())["counts"]
    done = await put(town, {"account:sales": "4-1002", "tax:12": "ppn12"})
    assert (done.version, done.before) == (2, {"account:sales": "acc-4-1001"})
    await town.sync()
    invoices = {one.reference: one for one in await held(town, "invoice")}
    assert {ref: one.lines[0].account for ref, one in invoices.items()} == {
        posted["number"]: "acc-4-1001", waits["number"]: "acc-4-1002",
    }  # fmt: skip
    assert {c.version for c in (await told(town, posted)).mapped} == {1}
    assert {c.version for c in (await told(town, waits)).mapped} == {2}
    after = (await town.truth())["counts"]
    assert (after["invoices"], after["credit_notes"]) == (calls["invoices"] + 1, 0)
    lines = await town.hub.desk(mappings.history, town.ledger, "toko", "buku")
    assert [(line.version, line.who, line.note) for line in lines] == [(2, "wati", "why"), (1, "wati", "why")]
    back = await town.hub.desk(mapping_changes.go_back, town.ledger, "toko", "buku", 1, NOW, "wati")
    assert (back.version, back.after) == (3, {"account:sales": "acc-4-1001"})
    first = await town.hub.desk(mappings.at_version, town.ledger, "toko", "buku", 1)
    third = await town.hub.desk(mappings.at_version, town.ledger, "toko", "buku", 3)
    assert first.mapping.accounts == third.mapping.accounts == {"sales": "acc-4-1001"}


async def test_an_account_that_is_switched_off_stops_and_goes_on_when_it_is_on_again(town: World) -> None:
    await put(town, {"account:sales": "4-1001", "tax:11": "ppn11", "method:*": "1-1050"})
    off = {"accounts": [{"code": "4-1001", "name": "Penjualan Web", "type": "income", "active": False}]}
    await town.post(f"{town.books.url}/sandbox/chart", off, town.books.admin)
    await town.sync()
    order = await town.checkout(("KAOS", 1), tax_rate="0.11")
    await town.sync()
    (cause,) = await town.hub.desk(town.ledger.coverage.causes)
    assert cause.cause == "mapping_unfit"
    assert "switched off" in cause.message
    with pytest.raises(LedgerError, match="switched off"):
        await put(town, {"account:sales": "4-1001"})
    off["accounts"][0]["active"] = True
    await town.post(f"{town.books.url}/sandbox/chart", off, town.books.admin)
    await town.sync()
    await town.sync()
    assert (await told(town, order)).status == "posted"


async def test_two_changes_from_one_version_cannot_both_be_taken(town: World) -> None:
    await town.sync()
    pair = await town.hub.desk(mappings.pair_between, town.ledger)
    made = await town.hub.desk(
        mappings.keep, town.ledger, pair, Mapping(accounts={"sales": "acc-4-1001"}), 0, NOW, "wati", ""
    )
    assert made.version == 1
    with pytest.raises(LedgerError, match="somebody else"):
        await town.hub.desk(mappings.keep, town.ledger, pair, Mapping(), 0, NOW, "budi", "")
    same = await town.hub.desk(
        mappings.keep, town.ledger, pair, Mapping(accounts={"sales": "acc-4-1001"}), 1, NOW, "budi", ""
    )
    assert (same.version, same.after) == (1, {}), "nothing changed, so there is no new version"


async def test_proposals_come_from_the_chart_that_was_read(town: World) -> None:
    order = await town.checkout(("KAOS", 1))
    await town.act(order, "pay", {"method": "qris", "reference": "Q1"})
    await town.sync()
    found = await town.hub.desk(mapping_changes.proposals, town.ledger)
    chosen = {one.word: one.chosen for one in found.proposals}
    assert (chosen["account:deposits"], chosen["tax:12"]) == ("acc-2-1201", "ppn12")
    assert chosen["account:sales"] == "acc-4-1000", "the one that is just called Sales"
    assert chosen["account:receivable"] == "acc-1-1200"
    assert chosen["warehouse:*"] == "", "there are two"
    done = await town.hub.desk(mapping_changes.accept, town.ledger, "toko", "buku", (), NOW, "wati")
    town.service.lanes["plan toko"].wake()
    assert "warehouse:*" not in done.after
    assert "method:qris" in done.after
    await town.sync()
    assert (await told(town, order)).status == "posted"
    with pytest.raises(LedgerError, match="Nothing clear"):
        await town.hub.desk(mapping_changes.accept, town.ledger, "toko", "buku", ("warehouse:*",), NOW, "wati")


async def test_an_installation_without_a_mapping_goes_on_as_before(tmp_path: Path) -> None:
    stores = {"toko": (StoreConfig(), "buku", Policy(default_account="clearing"))}
    async with a_town(tmp_path, stores, {"buku": BooksConfig()}) as worlds:
        world = worlds["toko"]
        await world.stock({"KAOS": 5})
        order = await world.checkout(("KAOS", 1), tax_rate="0.11")
        await world.act(order, "pay", {"method": "qris", "reference": "Q1"})
        await world.sync()
        found = await told(world, order)
        assert (found.status, found.mapped) == ("posted", [])
        view = await world.hub.desk(mappings.show, world.ledger)
        assert (view.version, view.entries, view.needed, view.missing) == (0, [], [], [])
        postings = await world.hub.desk(world.ledger.postings.of_record, RecordKey("toko", "order", str(order["id"])))
        assert not any("mapping" in posting.reason for posting in postings)


async def test_the_store_is_offered_what_lies_in_the_warehouse_that_its_goods_leave(town: World) -> None:
    """A piece in another warehouse cannot be sent: offering it sells what is not there."""

    async def offered() -> dict[str, Any]:
        shelf = (await town.shop_truth())["stock"]
        return {code: shelf[code]["available"] for code in ("KAOS", "BUKU-1")}

    assert await offered() == {"KAOS": 50, "BUKU-1": 50}
    words = {"account:sales": "4-1001", "tax:11": "ppn11", "warehouse:*": "GUDANG", "warehouse[code=BUKU-]": "MAIN"}
    await put(town, words)
    town.service.lanes["stock toko"].wake()
    await town.sync()
    assert await offered() == {"KAOS": 0, "BUKU-1": 50}
    count = {"stock": [{"code": "KAOS", "on_hand": "7", "warehouse": "GUDANG"}]}
    await town.post(f"{town.books.url}/sandbox/seed", count, town.books.admin)
    await town.sync()
    assert await offered() == {"KAOS": 7, "BUKU-1": 50}
    await town.checkout(("KAOS", 2), tax_rate="0.11")
    await town.sync()
    assert await offered() == {"KAOS": 5, "BUKU-1": 50}
    await put(town, {"warehouse:*": "MAIN"})
    town.service.lanes["stock toko"].wake()
    await town.sync()
    assert await offered() == {"KAOS": 50, "BUKU-1": 50}, "the two pieces are promised from the other warehouse"
