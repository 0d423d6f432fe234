"""Looking for documents by what we stamped on them.

A path takes a custom id in the place of an id, which finds one document at once and exactly. For many, the newest
pages of the list are read first, a hundred documents in a call, and what is not among them is asked for one by one as
long as there is time. What there was no time for is told as absent: repeating a create is harmless, because
`custom_id` is unique and the repeat is answered by 409 with the id of the document that stands.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from selaras.connectors.addresses import segment
from selaras.connectors.contract import Transient
from selaras.connectors.jurnal import errors
from selaras.connectors.jurnal.client import Client, content_of, unreadable
from selaras.connectors.jurnal.values import API, Row, Spec, pages_of, rows_of

PAGE: Final = 100
_DIRECT: Final = 2
_PAGES: Final = 3
_KEPT: Final = 50_000


class Numbers:
    """Which number a document of ours has in Jurnal, for as long as this process lives: payments name numbers."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], str] = OrderedDict()

    def put(self, spec: Spec, id: str, number: str) -> None:
        """Remember."""
        self._kept[(spec.mark, id)] = number
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def get(self, spec: Spec, id: str) -> str:
        """The number, "" when it is not known."""
        return self._kept.get((spec.mark, id), "")


class Finder:
    """Reads documents by id or custom id."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def one(self, spec: Spec, name: str) -> Row | None:
        """A document by its id or custom id; None when there is none. Raises `ConnectorError`."""
        answer = await self._client.get(f"{API}/{spec.path}/{segment(name)}")
        if answer.status == 404:
            return None
        if answer.status >= 300:
            said = errors.read(content_of(answer))
            # Some of Jurnal's pages say "not found" with 422 (swagger, "Get History of Bank Statements").
            if answer.status == 422 and ("tidak ditemukan" in said.text.lower() or "not found" in said.text.lower()):
                return None
            raise errors.error_of(answer.status, content_of(answer), f"{spec.name} {name}")
        content = answer.json()
        row = content.get(spec.name, content) if isinstance(content, dict) else None
        if not isinstance(row, dict):
            raise unreadable(spec.name, ValueError("there is no such object"))
        return None if row.get("deleted_at") else row

    async def many(self, spec: Spec, names: Sequence[str], *, exact: bool = False) -> dict[str, Row]:
        """Documents by custom id; `exact` asks for every one that a list does not show, whatever the time it takes."""
        found: dict[str, Row] = {}
        wanted = list(dict.fromkeys(names))
        if len(wanted) > _DIRECT and spec.sort:
            for page in range(1, _PAGES + 1):
                rows, pages = await self.page(spec, page, newest=True)
                found |= {row["custom_id"]: row for row in rows if row.get("custom_id") in wanted}
                if len(found) == len(wanted) or page >= pages:
                    break
        for name in wanted:
            if name in found:
                continue
            try:
                row = await self.one(spec, name)
            except Transient as error:
                if error.code == "no_time" and not exact and len(wanted) > _DIRECT:
                    break
                raise
            if row is not None:
                found[name] = row
        return found

    async def page(self, spec: Spec, page: int, *, newest: bool) -> tuple[list[Row], int]:
        """One page of a list, and how many there are."""
        rows, pages, _count = await self.listed(spec, page, newest=newest)
        return rows, pages

    async def listed(
        self, spec: Spec, page: int, *, newest: bool, more: dict[str, object] | None = None, sort: str = ""
    ) -> tuple[list[Row], int, int]:
        """One page of a list: rows, pages, rows in all."""
        params: dict[str, object] = {
            "page": page, "page_size": PAGE, "sort_key": sort or spec.sort, "sort_order": "desc" if newest else "asc",
            **(more or {}),
        }  # fmt: skip
        content = await self._client.json(f"{API}/{spec.path}", params)
        try:
            pages, count = pages_of(content)
            return rows_of(content, spec.path), pages, count
        except (ValueError, TypeError) as error:
            raise unreadable(spec.path, error) from None
