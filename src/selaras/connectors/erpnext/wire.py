"""The wire: Frappe's REST API v1 and the few methods of it and of ERPNext that are called.

`/api/resource/<DocType>[/<name>]` lists, reads, creates and changes; `/api/method/<dotted name>` calls. Sources: Frappe
documentation "REST API"; frappe/client.py (`insert_many`: at most 200, one transaction); reference/accounting-apis.md
§11; answers of an ERPNext 15 (reference/observed.md, "ERPNext").
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn
from urllib.parse import quote

from selaras.connectors.addresses import segment
from selaras.connectors.answers import Response
from selaras.connectors.contract import Ambiguous, Rejected, Transient
from selaras.connectors.erpnext import errors
from selaras.connectors.erpnext.values import Row, dumps
from selaras.connectors.http import Http

# Gunicorn, which serves Frappe, takes request lines of 4,094 bytes (its `limit_request_line`).
_LONGEST: Final = 3000
_REFUSALS: Final = (400, 403, 404, 409, 417, 500)
_EVERYTHING: Final = 5000

Filter = Sequence[Any]


class Wire:
    """Calls one site. `served_at` is the server's clock at the last answer, None before the first."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.served_at: dt.datetime | None = None

    @property
    def calls(self) -> int:
        """HTTP calls made so far."""
        return self._http.calls

    # -- reading ----------------------------------------------------------------------------------------------------

    async def rows(
        self,
        doctype: str,
        fields: Sequence[str],
        filters: Sequence[Filter] = (),
        *,
        order: str = "name asc",
        limit: int = _EVERYTHING,
        parent: str = "",
    ) -> list[Row]:
        """Rows of a doctype; `parent` names the doctype that a child table belongs to."""
        params = {
            "fields": dumps(list(fields)).decode(),
            "filters": dumps([list(one) for one in filters]).decode(),
            "order_by": order,
            "limit_start": "0",
            "limit_page_length": str(limit),
        }
        if parent:
            params["parent"] = parent
        answer = await self._send("GET", f"/api/resource/{segment(doctype)}", params=params)
        found = answer.json()
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, list):
            self._unreadable(answer, doctype)
        return data

    async def rows_in(
        self,
        doctype: str,
        fields: Sequence[str],
        field: str,
        values: Iterable[str],
        filters: Sequence[Filter] = (),
        *,
        order: str = "name asc",
        parent: str = "",
    ) -> list[Row]:
        """Rows whose `field` is one of `values`, in as few calls as the length of a request line allows."""
        found: list[Row] = []
        for part in _portions(dict.fromkeys(value for value in values if value)):
            found += await self.rows(doctype, fields, [[field, "in", part], *filters], order=order, parent=parent)
        return found

    async def get(self, doctype: str, name: str) -> Row | None:
        """One document with its tables, None when it is not there."""
        answer = await self._send("GET", f"/api/resource/{segment(doctype)}/{segment(name)}", missing=True)
        if answer.status == 404:
            return None
        found = answer.json()
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, dict):
            self._unreadable(answer, doctype)
        return data

    async def ask(self, method: str, **params: str) -> Any:
        """Call a method that only reads; its `message`."""
        answer = await self._send("GET", f"/api/method/{method}", params=params)
        found = answer.json()
        return found.get("message") if isinstance(found, dict) else None

    # -- writing ----------------------------------------------------------------------------------------------------

    async def insert_many(self, docs: Sequence[Row], what: str = "") -> list[str]:
        """Insert documents (with `docstatus` 1: submit them) in one transaction; their names, in order."""
        body = dumps({"docs": dumps(docs).decode()})
        answer = await self._send("POST", "/api/method/frappe.client.insert_many", body=body, what=what)
        found = answer.json()
        names = found.get("message") if isinstance(found, dict) else None
        if not isinstance(names, list) or len(names) != len(docs) or not all(isinstance(n, str) for n in names):
            self._unreadable(answer, what or "insert_many")
        return names

    async def put(self, doctype: str, name: str, values: Row, what: str = "") -> Row:
        """Change a document; `docstatus` 1 submits and 2 cancels it."""
        path = f"/api/resource/{segment(doctype)}/{segment(name)}"
        answer = await self._send("PUT", path, body=dumps(values), what=what or name)
        found = answer.json()
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, dict):
            self._unreadable(answer, doctype)
        return data

    async def call(self, method: str, values: Row, what: str = "") -> Any:
        """Call a method that changes something; its `message`."""
        answer = await self._send("POST", f"/api/method/{method}", body=dumps(values), what=what)
        found = answer.json()
        return found.get("message") if isinstance(found, dict) else None

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: bytes | None = None,
        what: str = "",
        missing: bool = False,
    ) -> Response:
        effect = method != "GET"
        answer = await self._http.request(
            method, path, params=params, body=body, effect=effect, answers=_REFUSALS, follow=not effect
        )
        self._clock(answer)
        if answer.status < 300 or (missing and answer.status == 404):
            return answer
        refusal = errors.read(answer)
        if refusal is not None:
            raise errors.error_of(refusal, answer.status, what)
        if answer.status >= 500:
            # Not Frappe's own word: a proxy, or a worker that died. Nobody knows what became of a write.
            told = f"{self._http.name} failed (HTTP {answer.status}) without saying why"
            if effect:
                raise Ambiguous(f"{told}; it may have taken effect", code="server_error", status=answer.status)
            raise Transient(told, code="server_error", status=answer.status)
        cure = (
            "Check the address of the site in the settings of the connection: another program may be answering there."
        )
        raise Rejected(f"{self._http.name} answered HTTP {answer.status}", code="refused", cure=cure)

    def _clock(self, answer: Response) -> None:
        if answer.served_at is not None:
            self.served_at = dt.datetime.fromtimestamp(answer.served_at, dt.UTC)

    def _unreadable(self, answer: Response, what: str) -> NoReturn:
        told = f"the answer of ERPNext for {what} cannot be read"
        raise (Ambiguous if answer.effect else Transient)(told, code="unreadable", status=answer.status)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _portions(values: Iterable[str]) -> list[list[str]]:
    """`values` in lists whose request lines stay short."""
    made: list[list[str]] = []
    room = 0
    for value in values:
        size = len(quote(dumps(value).decode(), safe="")) + 3
        if not made or size > room:
            made.append([])
            room = _LONGEST - 1000
        made[-1].append(value)
        room -= size
    return made


__all__ = ["Filter", "Wire"]
