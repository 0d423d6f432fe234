"""Local mirror of contacts and products, read through their own cursors, so that planning needs no call."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from selaras.ledger import Ledger
from selaras.model.party import Contact
from selaras.model.product import Product
from selaras.rules.contacts import ContactIndex
from selaras.rules.products import ProductIndex

_contact = msgspec.json.Decoder(Contact)
_product = msgspec.json.Decoder(Product)


class Mirror:
    """Contacts and products of one connection, indexed for the rules."""

    def __init__(self, connection: str) -> None:
        self.connection = connection
        self.contacts = ContactIndex()
        self.products = ProductIndex()

    def load(self, ledger: Ledger) -> None:
        """Fill from the ledger's records (in the ledger's thread)."""
        self.learn_contacts(_contact.decode(r.body) for r in ledger.records.all(self.connection, "contact"))
        self.learn_products(_product.decode(r.body) for r in ledger.records.all(self.connection, "product"))

    def learn_contacts(self, contacts: Iterable[Contact]) -> None:
        """Take in new or changed contacts."""
        for contact in contacts:
            self.contacts.put(contact)

    def learn_products(self, products: Iterable[Product]) -> None:
        """Take in new or changed products."""
        for product in products:
            self.products.put(product)
