"""Contacts: parties with e-mail and telephone, known by an identifier without a type."""

from __future__ import annotations

from collections.abc import Sequence

from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.tryton import drafts
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import ContactDraft

_TELEPHONES = ("mobile", "phone")


class Contacts:
    """Writes contacts."""

    def __init__(self, wire: Wire, budget: float) -> None:
        self._wire = wire
        self._budget = budget

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create or change contacts."""
        batch = Batch(writes, ContactDraft, self._budget, self._wire.lists)
        if op == "void":
            for item in batch.items:
                batch.fail(item, Rejected("contacts are not voided", code="unsupported", cure="Archive it in Tryton."))
            return await batch.run(lambda: _nothing())
        return await batch.run(lambda: self._create(batch) if op == "create" else self._update(batch))

    async def _create(self, batch: Batch[ContactDraft]) -> None:
        async def create(items: list[Item[ContactDraft]]) -> None:
            ids = await self._wire.create("party.party", [drafts.contact(item.document) for item in items])
            for item, made in zip(items, ids, strict=True):
                batch.done(item, Done(str(made)))

        await batch.step(batch.open(), create, one_call=True)

    async def _update(self, batch: Batch[ContactDraft]) -> None:
        rows = await self._wire.rows(
            "party.party",
            [["id", "in", [item.id for item in batch.items]]],
            ["name", "code", "contact_mechanisms.type", "contact_mechanisms.value"],
        )
        there = {row["id"]: row for row in rows}
        for item in batch.items:
            if item.id not in there:
                batch.fail(item, gone("contact", item.id))

        async def write(items: list[Item[ContactDraft]]) -> None:
            changes = [([item.id], _change(item.document, there[item.id])) for item in items]
            await self._wire.write("party.party", [(ids, values) for ids, values in changes if values])
            for item in items:
                batch.done(item, Done(str(item.id), there[item.id]["code"] or ""))

        await batch.step(batch.open(), write)


def _change(draft: ContactDraft, row: Row) -> Row:
    """What differs. An empty text keeps what a person wrote in Tryton; other numbers of the party stay."""
    values: Row = {}
    if draft.name and draft.name != row["name"]:
        values["name"] = draft.name
    actions: list[list[object]] = []
    for kind, value in drafts.reached(draft):
        if not value:
            continue
        kinds = _TELEPHONES if kind == "mobile" else (kind,)
        held = [way for way in row["contact_mechanisms"] if way["type"] in kinds]
        if any(way["value"] == value for way in held):
            continue
        if held:
            actions.append(["write", [held[0]["id"]], {"value": value}])
        else:
            actions.append(["create", [{"type": kind, "value": value}]])
    if actions:
        values["contact_mechanisms"] = actions
    return values


def gone(kind: str, record: int) -> Rejected:
    """The refusal of a document that is not in Tryton."""
    return Rejected(
        f"Tryton has no {kind} with the id {record}", code="not_found", field="id",
        cure="It is gone from the books: link another one or create it anew.",
    )  # fmt: skip


async def _nothing() -> None:
    return None
