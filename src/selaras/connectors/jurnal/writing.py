"""Writing documents: a hundred in a call where Jurnal takes lists, and what became of each.

`batch_create` answers 200 with a status and a content for every item; 409 carries the id of the document that has the
custom id already (reference/accounting-apis.md §5). That is not a failure but the same document, once its custom id
and its total have been seen to be ours. Changes and deletions go one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from selaras.connectors.addresses import segment
from selaras.connectors.answers import Response
from selaras.connectors.contract import (
    Ambiguous,
    ConnectorError,
    Done,
    Failed,
    Outcome,
    Rejected,
    Throttled,
    Transient,
    Write,
)
from selaras.connectors.jurnal import errors
from selaras.connectors.jurnal.client import Client, content_of
from selaras.connectors.jurnal.looking import Finder, Numbers
from selaras.connectors.jurnal.mapping import done_of
from selaras.connectors.jurnal.values import API, Row, Spec


class Item(msgspec.Struct):
    """One document under way: its place in the write, the body that is sent, and its outcome once there is one."""

    place: int
    write: Write
    body: dict[str, Any] = {}
    outcome: Outcome | None = None

    @property
    def named(self) -> str:
        """What refusals call it."""
        return str(getattr(self.write.document, "reference", "") or self.write.id)

    @property
    def total(self) -> Decimal | None:
        """What it must come to; None for a contact."""
        return getattr(self.write.document, "total", None)


def finished(items: Sequence[Item]) -> list[Outcome]:
    """The outcomes in order; what has none has not been begun."""
    late = Transient("no time left in this turn; the rest follows in the next", code="no_time")
    return [item.outcome if item.outcome is not None else Failed(late) for item in items]


class Batches:
    """Sends items of one kind."""

    def __init__(self, client: Client, finder: Finder, numbers: Numbers, currency: str) -> None:
        self._client = client
        self._finder = finder
        self._numbers = numbers
        self._currency = currency

    async def create(self, spec: Spec, kind: str, items: Sequence[Item], prefix: str = "") -> None:
        """Create documents in one call. Raises `ConnectorError` when that is true of all of them."""
        if not items:
            return
        body = {spec.path: [{spec.name: item.body} for item in items]}
        answer = await self._client.send("POST", f"{API}/{spec.path}/batch_create", body)
        if answer.status >= 300:
            for item in items:
                item.outcome = Failed(errors.error_of(answer.status, content_of(answer), f"{kind} {item.named}"))
            return
        parts = self._parts(spec, kind, answer, len(items))
        doubled: list[tuple[Item, str]] = []
        for item, (status, content) in zip(items, parts, strict=True):
            if status < 300:
                item.outcome = self._stands(spec, item, content, prefix)
            elif status == 409:
                doubled.append((item, errors.read(content).id))
            elif status == 429:
                item.outcome = Failed(Throttled("Jurnal asks to wait for this item", retry_after=60.0, status=429))
            elif status >= 500:
                item.outcome = Failed(
                    Ambiguous(f"{kind} {item.named} failed in Jurnal (HTTP {status}); it may have taken effect",
                              code="server_error", status=status)
                )  # fmt: skip
            else:
                item.outcome = Failed(errors.error_of(status, content, f"{kind} {item.named}"))
        await self._adopt(spec, kind, doubled, prefix)

    async def create_one(self, spec: Spec, kind: str, item: Item, prefix: str = "") -> None:
        """Create a document of a kind that Jurnal takes one by one."""
        answer = await self._client.send("POST", f"{API}/{spec.path}", {spec.name: item.body})
        content = content_of(answer)
        if answer.status < 300:
            row = content.get(spec.name, content) if isinstance(content, dict) else {}
            item.outcome = self._stands(spec, item, self._exact(answer).get(spec.name) or row, prefix)
        elif answer.status == 409:
            await self._adopt(spec, kind, [(item, errors.read(content).id)], prefix)
        else:
            item.outcome = Failed(errors.error_of(answer.status, content, f"{kind} {item.named}"))

    async def change(self, spec: Spec, kind: str, item: Item) -> None:
        """Change a document."""
        answer = await self._client.send("PATCH", f"{API}/{spec.path}/{segment(item.write.id)}", {spec.name: item.body})
        if answer.status >= 300:
            item.outcome = Failed(errors.error_of(answer.status, content_of(answer), f"{kind} {item.named}"))
        else:
            item.outcome = self._stands(spec, item, self._exact(answer).get(spec.name, {}), "")

    async def delete(self, spec: Spec, kind: str, item: Item) -> None:
        """Delete a document, which is how Jurnal voids one."""
        answer = await self._client.send("DELETE", f"{API}/{spec.path}/{segment(item.write.id)}")
        if answer.status >= 300:
            item.outcome = Failed(errors.error_of(answer.status, content_of(answer), f"{kind} {item.named}"))
        else:
            item.outcome = Done(item.write.id, status="void")

    # -- inside -----------------------------------------------------------------------------------------------------

    @staticmethod
    def _exact(answer: Response) -> dict[str, Any]:
        found = answer.json()
        return found if isinstance(found, dict) else {}

    def _stands(self, spec: Spec, item: Item, row: Row, prefix: str) -> Outcome:
        try:
            done = done_of(spec, row, self._currency, prefix, item.write.id)
        except (ValueError, TypeError, KeyError) as error:
            return Failed(Ambiguous(f"Jurnal's answer for {item.named} cannot be read: {error}", code="unreadable"))
        self._numbers.put(spec, done.id.removeprefix(prefix), done.number)
        return done

    def _parts(self, spec: Spec, kind: str, answer: Response, count: int) -> list[tuple[int, Any]]:
        """Status and content of every item, in the order of the request."""
        try:
            rows = answer.json()[spec.path]
            parts = [(int(row[spec.name]["status"]), row[spec.name].get("content") or {}) for row in rows]
        except (KeyError, TypeError, ValueError, AttributeError):
            parts = []
        if len(parts) != count:
            raise Ambiguous(f"Jurnal's answer to {count} documents of kind {kind} cannot be read", code="unreadable")
        return parts

    async def _adopt(self, spec: Spec, kind: str, doubled: Sequence[tuple[Item, str]], prefix: str) -> None:
        """409: the document is there. It is ours when it has our custom id and our total.

        Others of the call stand already, so trouble here must not be told as "nothing happened".
        """
        if not doubled:
            return
        names = [str(item.body["custom_id"]) for item, _id in doubled]
        try:
            found = await self._finder.many(spec, names)
        except ConnectorError as error:
            found = {}
            why = error.message
        else:
            why = "there was no time to look at it"
        for item, id in doubled:
            row = found.get(str(item.body["custom_id"]))
            if row is None:
                item.outcome = Failed(await self._stranger(spec, kind, item, id, why))
                continue
            done = self._stands(spec, item, row, prefix)
            if isinstance(done, Done) and item.total is not None and done.total != item.total:
                done = Failed(self._taken(kind, item, f"{done.number} over {done.total}"))
            item.outcome = done

    async def _stranger(self, spec: Spec, kind: str, item: Item, id: str, why: str) -> ConnectorError:
        """A 409 whose document does not show under our custom id: somebody else's number, or not looked at yet."""
        if id:
            try:
                row = await self._finder.one(spec, id)
            except ConnectorError as error:
                why, row = error.message, None
            if row is not None and row.get("custom_id") != item.body["custom_id"]:
                return self._taken(kind, item, str(row.get("transaction_no") or row.get("display_name") or id))
        return Ambiguous(f"Jurnal holds {kind} {item.named} already; {why}", code="duplicate")

    @staticmethod
    def _taken(kind: str, item: Item, other: str) -> Rejected:
        return Rejected(
            f"Jurnal has another document under the number or custom id of {kind} {item.named}: {other}",
            code="duplicate_reference", field="reference",
            cure="Link the document that is there already, or give this one another number.", status=409,
        )  # fmt: skip
