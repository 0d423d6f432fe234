"""Customers. Telephone number and e-mail live in the customer's primary Contact, which ERPNext makes itself.

`Customer.mobile_no` and `email_id` are fetched from that Contact whenever the customer is saved, so a change goes to
the Contact first (erpnext/selling/doctype/customer/customer.py). Our reference is in `customer_details`.
"""

from __future__ import annotations

from collections.abc import Sequence

from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.drafts import gone
from selaras.connectors.erpnext.values import Row
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import ContactDraft

CUSTOMER = "Customer"


class Contacts:
    """Writes customers."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create or change customers; they are not voided."""
        batch: Batch[ContactDraft] = Batch(self._wire, writes, ContactDraft)
        if op == "create":
            return await batch.run(lambda: self._create(batch))
        if op == "update":
            return await batch.run(lambda: self._update(batch))

        async def refuse() -> None:
            raise Rejected(
                "customers of ERPNext are not voided", code="document_locked", field="status",
                cure="Disable the customer in ERPNext if it is no longer wanted.",
            )  # fmt: skip

        return await batch.run(refuse)

    async def _create(self, batch: Batch[ContactDraft]) -> None:
        made = await batch.insert(batch.items, lambda item: customer(item.document))
        for item in made:
            batch.done(item, Done(item.values["name"], item.values["name"], status="open"))

    async def _update(self, batch: Batch[ContactDraft]) -> None:
        fields = ["name", "customer_name", "email_id", "mobile_no", "customer_primary_contact"]
        ids = [item.id for item in batch.items]
        there = {row["name"]: row for row in await self._wire.rows_in(CUSTOMER, fields, "name", ids)}

        async def change(item: Item[ContactDraft]) -> None:
            row = there.get(item.id)
            if row is None:
                raise gone("customer", item.id)
            draft = item.document
            ways = _changed_ways(draft, row)
            if ways and row.get("customer_primary_contact"):
                await self._wire.put("Contact", row["customer_primary_contact"], ways, item.reference)
                item.touched = True
            values: Row = {"customer_name": draft.name}
            values |= {name: value for name, value in (("email_id", draft.email), ("mobile_no", draft.phone)) if value}
            await self._wire.put(CUSTOMER, item.id, values, item.reference)
            batch.done(item, Done(item.id, item.id, status="open"))

        await batch.each(batch.items, change)


def customer(draft: ContactDraft) -> Row:
    """A customer to insert. Group and territory are the site's defaults (Selling Settings)."""
    doc: Row = {
        "doctype": CUSTOMER,
        "customer_name": draft.name or draft.reference,
        "customer_type": "Individual",
        "customer_details": draft.reference,
    }
    if draft.email:
        doc["email_id"] = draft.email
    if draft.phone:
        doc["mobile_no"] = draft.phone
    return doc


def _changed_ways(draft: ContactDraft, row: Row) -> Row:
    """The tables of a Contact that differ. What is empty in the draft stays as it is."""
    ways: Row = {}
    if draft.email and draft.email != row.get("email_id"):
        ways["email_ids"] = [{"email_id": draft.email, "is_primary": 1}]
    if draft.phone and draft.phone != row.get("mobile_no"):
        ways["phone_nos"] = [{"phone": draft.phone, "is_primary_mobile_no": 1}]
    return ways
