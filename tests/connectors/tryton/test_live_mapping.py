"""The chart of a real Tryton, and documents booked on what a mapping names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import Rejected
from selaras.model.chart import Account, TaxCode, Warehouse
from selaras.rules.mapping import Chart
from selaras.rules.proposals import propose
from tests.connectors.tryton.shop import Shop, line
from tests.peers.tryton import Database


@pytest.fixture(scope="module")
def goods(tryton: Database) -> Database:
    tryton.desk().goods({"KAOS": 100})
    return tryton


@pytest.fixture
async def shop(goods: Database) -> AsyncIterator[Shop]:
    made = Shop(goods)
    yield made
    await made.books.close()


async def chart_of(shop: Shop) -> Chart:
    parts: dict[str, dict[str, Any]] = {}
    for kind in ("account", "tax", "warehouse"):
        seen, _cursor = await shop.drained(kind)
        parts[kind] = {one.id: one.record for one in seen}
    return Chart(parts["account"], parts["tax"], parts["warehouse"])


async def test_the_chart_and_documents_booked_on_it(shop: Shop) -> None:
    chart = await chart_of(shop)
    accounts = {one.code: one for one in chart.accounts.values()}
    assert all(isinstance(one, Account) for one in chart.accounts.values())
    revenue, shipping = accounts["4.1.1"], accounts["4-4201"]
    assert (revenue.type, shipping.type) == ("income", "income")
    assert {"receivable", "payable", "bank", "income"} <= {one.type for one in chart.accounts.values()}
    (tax,) = [one for one in chart.taxes.values() if one.active and one.rate == Decimal("0.11")]
    assert isinstance(tax, TaxCode)
    (house,) = [one for one in chart.warehouses.values() if one.active]
    assert isinstance(house, Warehouse)
    found = {one.word: one for one in propose(chart)}
    clear = {
        word: chart.accounts[found[f"account:{word}"].chosen].code for word in ("shipping", "discount", "output_tax")
    }
    assert clear == {"shipping": "4-4201", "discount": "4-4301", "output_tax": "2-2101"}
    assert found["tax:11"].chosen == tax.id
    # The chart has three accounts of the type receivable, none of them by a usual name: a person says which.
    owed = found["account:receivable"]
    assert owed.chosen == ""
    assert {chart.accounts[one.id].type for one in owed.candidates} == {"receivable"}
    # Goods go to the account of shipping and back, so that the default cannot be mistaken for it.
    goods = msgspec.structs.replace(line("KAOS", 2, "50000"), account=shipping.id, tax_code=tax.id, warehouse=house.id)
    order, invoice, invoice_id = await shop.sold(goods, line("", 1, "9000", role="shipping"))
    fields = ("account.code", "amount", "taxes")
    rows = shop.desk.rows("account.invoice.line", [["invoice", "=", int(invoice_id)]], *fields)
    assert [(row["account."]["code"], row["amount"]) for row in rows] == [
        ("4-4201", Decimal(100_000)), ("4-4201", Decimal(9000)),
    ]  # fmt: skip
    assert {tuple(row["taxes"]) for row in rows} == {(int(tax.id),)}
    assert shop.bill(invoice_id)["total_amount"] == order.total
    note = shop.credit(invoice, invoice_id, msgspec.structs.replace(goods, account=revenue.id))
    note_id = (await shop.put("credit_note", note)).id
    (row,) = shop.desk.rows("account.invoice.line", [["invoice", "=", int(note_id)]], *fields)
    assert (row["account."]["code"], row["amount"]) == ("4.1.1", Decimal(-100_000))


async def test_what_tryton_does_not_have_is_refused_with_a_cure(shop: Shop) -> None:
    contact = await shop.buyer()
    wrong = msgspec.structs.replace(line("KAOS", 1, "50000"), tax_code="999999")
    refused = await shop.refusal("sales_order", shop.order(contact, wrong))
    assert isinstance(refused, Rejected)
    assert (refused.code, "mapping" in refused.cure) == ("unmapped_tax", True)
    houses = [msgspec.structs.replace(line("KAOS", 1, "50000"), warehouse=name) for name in ("1", "2")]
    refused = await shop.refusal("sales_order", shop.order(contact, *houses))
    assert refused.code == "warehouses"
