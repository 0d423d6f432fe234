"""Local mirror of contacts, products and the books' chart, read through their own cursors: planning needs no call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from selaras.ledger import Ledger
from selaras.model.chart import Account, Dimension, TaxCode, Warehouse
from selaras.model.party import Contact
from selaras.model.product import Product
from selaras.rules.contacts import ContactIndex
from selaras.rules.mapping import Chart
from selaras.rules.products import ProductIndex

_contact = msgspec.json.Decoder(Contact)
_product = msgspec.json.Decoder(Product)
_CHART: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "account": msgspec.json.Decoder(Account),
    "tax": msgspec.json.Decoder(TaxCode),
    "warehouse": msgspec.json.Decoder(Warehouse),
    "dimension": msgspec.json.Decoder(Dimension),
}
# Kinds of record of which the chart of the books consists.
CHART_KINDS: Final = tuple(_CHART)


def chart_of(ledger: Ledger, connection: str) -> Chart:
    """The chart of the books as last read (in the ledger's thread)."""
    chart = Chart()
    for kind, decoder in _CHART.items():
        learn(chart, (decoder.decode(record.body) for record in ledger.records.all(connection, kind)))
    return chart


def learn(chart: Chart, parts: Iterable[object]) -> None:
    """Take in new or changed parts of a chart; what is none of it is passed over."""
    for part in parts:
        if isinstance(part, Account):
            chart.accounts[part.id] = part
        elif isinstance(part, TaxCode):
            chart.taxes[part.id] = part
        elif isinstance(part, Warehouse):
            chart.warehouses[part.id] = part
        elif isinstance(part, Dimension):
            chart.dimensions[part.id] = part


class Mirror:
    """Contacts, products and chart of one connection, indexed for the rules."""

    def __init__(self, connection: str) -> None:
        self.connection = connection
        self.contacts = ContactIndex()
        self.products = ProductIndex()
        self.chart = Chart()

    def load(self, ledger: Ledger) -> None:
        """Fill from the ledger's records (in the ledger's thread)."""
        self.learn_contacts(_contact.decode(r.body) for r in ledger.records.all(self.connection, "contact"))
        self.learn_products(_product.decode(r.body) for r in ledger.records.all(self.connection, "product"))
        self.chart = chart_of(ledger, self.connection)

    def learn_contacts(self, contacts: Iterable[Contact]) -> None:
        """Take in new or changed contacts."""
        for contact in contacts:
            self.contacts.put(contact)

    def learn_products(self, products: Iterable[Product]) -> None:
        """Take in new or changed products."""
        for product in products:
            self.products.put(product)

    def learn_chart(self, parts: Iterable[object]) -> None:
        """Take in new or changed accounts, taxes, warehouses and dimensions."""
        learn(self.chart, parts)
