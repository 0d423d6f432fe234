"""People and firms: the buyer as a store knows it and the contact as the books know it."""

from __future__ import annotations

import msgspec


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """A postal address; `line` is kept as written."""

    line: str = ""
    city: str = ""
    province: str = ""
    postcode: str = ""
    country: str = ""


class Buyer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who placed an order. `id` is empty for a guest checkout. One word is a full name (no last name is invented)."""

    name: str = ""
    email: str = ""
    phone: str = ""
    id: str = ""
    address: Address = Address()


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contact of the books. `kind` is customer, supplier or both."""

    id: str
    name: str
    email: str = ""
    phone: str = ""
    kind: str = "customer"
    reference: str = ""
    updated_at: str = ""
    active: bool = True
