"""Contacts and products."""

from __future__ import annotations

from selaras.sandbox.books.kinds import ZERO, Contact, Product
from selaras.sandbox.books.orders import changed_fields, check_version
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books
from selaras.sandbox.books.wire import ContactChange, ContactIn, ProductChange, ProductIn

_CONTACT_KINDS = frozenset(("customer", "supplier", "both"))


def create_contact(books: Books, item: ContactIn, act: Act) -> Contact:
    """A new contact; names, addresses and telephone numbers may repeat, as they do in life."""
    books.check_reference(books.contacts, item.reference, act)
    _check_contact(item.name, item.kind)
    row_id, _ = books.contacts.new_id()
    contact = Contact(
        id=row_id,
        reference=item.reference,
        status="active",
        source=act.source,
        name=item.name,
        email=item.email,
        phone=item.phone,
        kind=item.kind,
    )
    books.contacts.add(contact, act.stamp, act.visible_at)
    return contact


def _check_contact(name: str, kind: str) -> None:
    if not name.strip():
        raise Refused("missing", "name", "A contact needs a name.")
    if kind not in _CONTACT_KINDS:
        raise Refused("invalid", "kind", f"A contact is customer, supplier or both, not {kind!r}.")


def update_contact(books: Books, item: ContactChange, act: Act) -> Contact:
    """Change a contact; always possible."""
    contact = books.contacts.get(item.id)
    if contact is None:
        raise Refused("not_found", "id", f"There is no contact {item.id!r}.")
    check_version(contact, item)
    changes = changed_fields(contact, item)
    if not changes:
        return contact
    _check_contact(changes.get("name", contact.name), changes.get("kind", contact.kind))
    if "reference" in changes:
        books.check_reference(books.contacts, changes["reference"], act, contact.id)
        books.contacts.rename(contact, changes.pop("reference"))
    for name, value in changes.items():
        setattr(contact, name, value)
    contact.status = "active" if contact.active else "inactive"
    books.contacts.touch(contact, act.stamp, act.now, act.visible_at)
    return contact


def create_product(books: Books, item: ProductIn, act: Act) -> Product:
    """A new product; its code is its own for ever. A bundle is made of products that are there and no bundles."""
    books.check_reference(books.products, item.reference, act)
    if not item.code or item.code != item.code.strip():
        raise Refused("missing", "code", "A product needs a code without blanks at its ends.")
    if item.code in books.by_code:
        other = books.by_code[item.code].id
        raise Refused("duplicate_code", "code", f"The code {item.code!r} is used already by {other}.", id=other)
    for index, part in enumerate(item.components):
        component = books.by_code.get(part.code)
        if component is None or component.components or part.quantity <= 0:
            raise Refused("unknown_product", f"components[{index}].code", f"{part.code!r} cannot be a component.")
    currency = item.currency or books.config.currency
    books.check_currency(currency)
    if item.price < 0 or item.cost < 0:
        raise Refused("invalid", "price", "Price and cost of a product cannot be below zero.")
    row_id, _ = books.products.new_id()
    product = Product(
        id=row_id,
        reference=item.reference,
        status="active",
        source=act.source,
        code=item.code,
        name=item.name,
        price=item.price,
        cost=item.cost,
        currency=currency,
        stocked=item.stocked and not item.components,
        components=item.components,
    )
    books.products.add(product, act.stamp, act.visible_at)
    books.by_code[item.code] = product
    if product.stocked:
        books.new_stock(product, act)
    return product


def update_product(books: Books, item: ProductChange, act: Act) -> Product:
    """Change a product's name, price, cost or activity."""
    product = books.products.get(item.id)
    if product is None:
        raise Refused("not_found", "id", f"There is no product {item.id!r}.")
    check_version(product, item)
    changes = changed_fields(product, item)
    if changes.get("price", ZERO) < 0 or changes.get("cost", ZERO) < 0:
        raise Refused("invalid", "price", "Price and cost of a product cannot be below zero.")
    if not changes:
        return product
    if "reference" in changes:
        books.check_reference(books.products, changes["reference"], act, product.id)
        books.products.rename(product, changes.pop("reference"))
    for name, value in changes.items():
        setattr(product, name, value)
    product.status = "active" if product.active else "inactive"
    books.products.touch(product, act.stamp, act.now, act.visible_at)
    return product
