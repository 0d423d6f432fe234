"""Several stores in one set of books, several companies in one installation: nothing leaks, currencies stay (B10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.ledger import open_ledger
from selaras.ledger.connections import Connection
from selaras.ledger.errors import LedgerError
from selaras.rules.plan_types import Policy
from selaras.sandbox.books import BooksConfig
from selaras.sandbox.store import StoreConfig
from selaras.sync import mapping_changes, mappings
from selaras.sync.connecting import make_pair, remove_pair
from selaras.sync.explain import explain
from selaras.sync.hub import order_stream
from selaras.sync.payments import PaymentFlow
from tests.sync.target import Plain
from tests.sync.town import a_town
from tests.sync.world import World

NOW = 1_770_000_000_000_000
PLAIN = {"default_account": "clearing"}
PRICES = {"toko": "50000", "shop": "12.34", "souk": "1.234", "warung": "50000"}
CURRENCIES = {"toko": "IDR", "shop": "USD", "souk": "KWD", "warung": "IDR"}
Town = dict[str, World]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """`toko`, `shop` and `souk` belong to one company, `warung` to another; all number their orders from 1001."""
    stores = {
        name: (
            StoreConfig(currency=CURRENCIES[name], seed=number),
            "buku_b" if name == "warung" else "buku_a",
            Policy(**PLAIN, reference_prefix={"shop": "US-", "souk": "KW-"}.get(name, "")),  # type: ignore[arg-type]
        )
        for number, name in enumerate(CURRENCIES)
    }
    books = {"buku_a": BooksConfig(company="A", seed=1), "buku_b": BooksConfig(company="B", seed=2)}
    async with a_town(tmp_path, stores, books) as worlds:
        for name, world in worlds.items():
            await world.post(
                f"{world.store.url}/sandbox/products",
                {"products": [{"sku": "KAOS", "name": "Kaos", "price": PRICES[name], "stock": 50}]},
                world.shop_admin,
            )
        for name in ("toko", "warung"):
            await worlds[name].post(
                f"{worlds[name].books.url}/sandbox/seed",
                {
                    "products": [{"code": "KAOS", "name": "Kaos", "price": "50000"}],
                    "stock": [{"code": "KAOS", "on_hand": "50"}],
                },
                worlds[name].books.admin,
            )
        yield worlds


async def sell(world: World, quantity: int = 1, **more: Any) -> Any:
    order = await world.checkout(("KAOS", quantity), **more)
    await world.act(order, "pay", {"method": "qris", "reference": f"Q{order['number']}"})
    return order


def test_two_stores_of_one_set_of_books_need_numbers_of_their_own(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Plain())
    with ledger.transaction():
        for name, role in (("toko", "store"), ("shop", "store"), ("a", "books"), ("b", "books")):
            kind = f"sandbox_{role}"
            ledger.connections.add(Connection(name, kind, role, "Asia/Jakarta", {}), NOW)
    make_pair(ledger, "toko", "a")
    with pytest.raises(LedgerError, match="same order numbers") as refused:
        make_pair(ledger, "shop", "a")
    assert "reference_prefix" in refused.value.cure
    assert make_pair(ledger, "shop", "a", {"reference_prefix": "US-"}).policy.reference_prefix == "US-"
    with pytest.raises(LedgerError, match="same order numbers"):
        make_pair(ledger, "shop", "a", {"reference_prefix": ""})
    remove_pair(ledger, "shop")
    assert make_pair(ledger, "shop", "b").policy.reference_prefix == "", "another company may number as it likes"
    ledger.close()


async def test_orders_keep_their_currency_and_their_last_unit(town: Town) -> None:
    for name, world in town.items():
        order = await sell(world, 3, tax_rate="0.11", phone=f"08120000{len(name)}001")
        assert order["currency"] == CURRENCIES[name]
    await town["toko"].sync()
    a, b = await town["toko"].truth(), await town["warung"].truth()
    # 3 × 12.34 × 1.11 = 41.0922, tax 4.0722 → 4.07; 3 × 1.234 × 0.11 = 0.40722 → 0.407.
    assert a["totals"]["invoices"] == {"IDR": "166500", "USD": "41.09", "KWD": "4.109"}
    assert b["totals"]["invoices"] == {"IDR": "166500"}
    assert sorted(a["sales"]) == ["1001", "KW-1001", "US-1001"]
    assert sorted(b["sales"]) == ["1001"]
    ended = {ref: (sale["currency"], Decimal(sale["balance"]) == 0) for ref, (sale,) in a["sales"].items()}
    assert ended == {"1001": ("IDR", True), "US-1001": ("USD", True), "KW-1001": ("KWD", True)}
    for truth in (a, b):
        assert truth["duplicates"] == {}
        assert all(Decimal(of["sum"]) == 0 for of in truth["trial_balance"].values())
    ledger = town["toko"].ledger
    for name, world in town.items():
        (cell,) = await world.hub.desk(ledger.coverage.cells, name, "order")
        assert (cell.currency, cell.seen, cell.posted, cell.balanced) == (CURRENCIES[name], 1, 1, True)


async def test_a_buyer_of_two_companies_is_a_contact_of_each_and_of_two_stores_one(town: Town) -> None:
    for name in ("toko", "shop", "warung"):
        await sell(town[name], name="Siti Rahayu", phone="0812-1111-2222")
    await town["toko"].sync()
    a, b = await town["toko"].truth(), await town["warung"].truth()
    assert (a["counts"]["contacts"], b["counts"]["contacts"]) == (1, 1), "one person for each company"
    hub = town["toko"].hub
    mirrors = {name: hub.mirrors[name] for name in ("buku_a", "buku_b")}
    links = {
        name: await hub.desk(hub.desk.ledger.postings.links, name, ["contact:phone:+6281211112222"]) for name in mirrors
    }
    assert {name: len(found) for name, found in links.items()} == {"buku_a": 1, "buku_b": 1}
    assert mirrors["buku_a"].contacts is not mirrors["buku_b"].contacts


async def test_what_one_company_calls_a_product_is_unknown_to_the_other(town: Town) -> None:
    only = {"products": [{"code": "TOPI", "name": "Topi", "price": "10000"}], "stock": []}
    await town["toko"].post(f"{town['toko'].books.url}/sandbox/seed", only, town["toko"].books.admin)
    for name in ("toko", "warung"):
        await town[name].post(
            f"{town[name].store.url}/sandbox/products",
            {"products": [{"sku": "TOPI", "name": "Topi", "price": "10000", "stock": 5}]},
            town[name].shop_admin,
        )
        await town[name].checkout(("TOPI", 1))
    await town["toko"].sync()
    hub, ledger = town["toko"].hub, town["toko"].ledger
    causes = {(c.connection, c.cause) for c in await hub.desk(ledger.coverage.causes)}
    assert causes == {("warung", "unmatched_product")}


async def test_the_mapping_of_one_pair_is_not_that_of_another(town: Town) -> None:
    chart = {
        "accounts": [
            {"code": "4-2000", "name": "Penjualan Toko", "type": "income"},
            {"code": "4-3000", "name": "Sales USD", "type": "income", "currency": "USD"},
            {"code": "1-1210", "name": "Piutang USD", "type": "receivable", "currency": "USD"},
        ]
    }
    await town["toko"].post(f"{town['toko'].books.url}/sandbox/chart", chart, town["toko"].books.admin)
    await town["toko"].sync()
    hub, ledger = town["toko"].hub, town["toko"].ledger
    words = {"account:sales": "4-2000"}
    await hub.desk(mapping_changes.set_words, ledger, "toko", "buku_a", words, NOW, "wati", "")
    words = {"account:sales": "4-3000", "account:receivable": "1-1210", "require": "account:sales"}
    await hub.desk(mapping_changes.set_words, ledger, "shop", "buku_a", words, NOW, "wati", "")
    for world in town.values():
        await sell(world)
    await town["toko"].sync()
    a = (await town["toko"].truth())["trial_balance"]
    b = (await town["warung"].truth())["trial_balance"]
    assert a["IDR"]["accounts"]["4-2000"] == "-50000"
    assert "sales" not in a["IDR"]["accounts"]
    assert a["USD"]["accounts"]["4-3000"] == "-12.34"
    assert a["KWD"]["accounts"]["sales"] == "-1.234", "souk has no mapping: as its books do it"
    assert b["IDR"]["accounts"]["sales"] == "-50000"
    views = {
        (name, books): await hub.desk(mappings.show, ledger, name, books)
        for name, books in (("toko", "buku_a"), ("shop", "buku_a"), ("souk", "buku_a"), ("warung", "buku_b"))
    }
    assert [view.version for view in views.values()] == [1, 1, 0, 0]
    assert [view.chart["account"] for view in views.values()] == [26, 26, 26, 23], "each company has its own chart"


async def test_a_mapping_that_lacks_something_stops_its_own_store_only(town: Town) -> None:
    await town["toko"].sync()
    hub, ledger = town["toko"].hub, town["toko"].ledger
    await hub.desk(mapping_changes.set_words, ledger, "shop", "buku_a", {"require": "tax"}, NOW, "wati", "")
    orders = {name: await sell(world, tax_rate="0.11") for name, world in town.items()}
    await town["toko"].sync()
    for name, order in orders.items():
        (found,) = await hub.desk(explain, ledger, f"{name}:{order['number']}")
        assert found.status == ("blocked" if name == "shop" else "posted"), name
    (cause,) = await hub.desk(ledger.coverage.causes)
    assert (cause.connection, cause.cause) == ("shop", "missing_mapping")
    assert "shop to buku_a" in cause.message


async def test_an_account_of_another_currency_is_never_owed_on(town: Town) -> None:
    chart = {"accounts": [{"code": "1-1210", "name": "Piutang USD", "type": "receivable", "currency": "USD"}]}
    await town["toko"].post(f"{town['toko'].books.url}/sandbox/chart", chart, town["toko"].books.admin)
    await town["toko"].sync()
    hub, ledger = town["toko"].hub, town["toko"].ledger
    words = {"account:receivable": "1-1210"}
    await hub.desk(mapping_changes.set_words, ledger, "souk", "buku_a", words, NOW, "wati", "")
    await sell(town["souk"])
    await town["toko"].sync()
    (cause,) = await hub.desk(ledger.coverage.causes)
    assert (cause.cause, "another currency" in cause.message) == ("mapping_unfit", True)
    words = {"account:receivable": "", "account:receivable[currency=USD]": "1-1210"}
    await hub.desk(mapping_changes.set_words, ledger, "souk", "buku_a", words, NOW, "wati", "")
    town["souk"].service.lanes["plan souk"].wake()
    await town["toko"].sync()
    assert (await town["toko"].truth())["totals"]["invoices"] == {"KWD": "1.234"}


async def test_what_a_person_booked_reaches_the_store_that_it_is_for(town: Town) -> None:
    """A receipt and a journal typed into the books of three stores, of which the first looks first."""
    orders = {name: await town[name].checkout(("KAOS", 1), method="transfer") for name in ("toko", "shop", "souk")}
    world = town["toko"]
    await world.sync()
    await world.service.stop()
    (sale,) = (await world.truth())["sales"][f"US-{orders['shop']['number']}"]
    receipt = {
        "date": "2026-01-05", "currency": "USD", "total": sale["total"], "sales_order_id": sale["id"],
        "account": "clearing",
    }  # fmt: skip
    (buyer, *_) = world.books.state.contacts.rows
    journal = {
        "date": "2026-01-05", "currency": "KWD", "reference": f"KW-{orders['souk']['number']}",
        "lines": [
            {"account": "clearing", "debit": PRICES["souk"]},
            {"account": "receivable", "credit": PRICES["souk"], "contact_id": buyer},
        ],
    }  # fmt: skip
    for kind, item in (("receipts", receipt), ("journals", journal)):
        await world.post(f"{world.books.url}/sandbox/typist", {"kind": kind, "items": [item]}, world.books.admin)
        await world.service.intakes["buku_a"].poll(kind.removesuffix("s"))
    assert await PaymentFlow(world.hub, "buku_a").by_hand() == 2
    told = {}
    for name, order in orders.items():
        stream = order_stream(name, str(order["id"]))
        history = await world.hub.desk(world.ledger.postings.of_streams, name, [stream])
        told[name] = [posting.reference.split(":")[1] for posting in history.get(stream, [])]
    assert told == {"toko": [], "shop": ["receipt"], "souk": ["journal"]}
