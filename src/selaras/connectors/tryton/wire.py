"""The wire: Tryton's models called by name, over JSON-RPC with a session or over REST with a key.

JSON-RPC takes lists everywhere (create, write, delete, buttons), each call is one transaction, and it is the only way
to wizards. The REST application (trytond 8.0 and later) knows the user by a revocable key instead of a password,
creates and searches in lists, but presses buttons on one record at a time and has no wizards.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from selaras.connectors.contract import Ambiguous, ConnectorError, Rejected, Transient
from selaras.connectors.http import Http, Response, segment
from selaras.connectors.tryton.errors import Warned, raise_for, refusal
from selaras.connectors.tryton.values import Row, decode, encode

Domain = Sequence[Any]
Ids = Sequence[int]
_MOST_WARNINGS: Final = 250
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, KeyError, TypeError)


class Wire(Protocol):
    """What the connector asks of Tryton. `context` adds to the company and the language of every call."""

    lists: bool
    served_at: dt.datetime | None

    def act_for(self, company: int) -> None:
        """Every call from now on is for this company."""
        ...

    async def rows(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: str = "id ASC",
        limit: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """The records of `domain`, with these fields ("party.name" reads through)."""
        ...

    async def create(self, model: str, values: Sequence[Row]) -> list[int]:
        """Create records in one transaction; their ids in order."""
        ...

    async def write(self, model: str, changes: Sequence[tuple[Ids, Row]]) -> None:
        """Change records; one transaction over JSON-RPC, one for each record over REST."""
        ...

    async def delete(self, model: str, ids: Ids) -> None:
        """Delete records."""
        ...

    async def press(self, model: str, button: str, ids: Ids) -> None:
        """Press a button on records; one transaction over JSON-RPC, one for each record over REST."""
        ...

    async def call(self, model: str, method: str, *arguments: Any) -> Any:
        """A reading method of a model that is open to RPC."""
        ...

    async def wizard(self, name: str, model: str, ids: Ids, state: str, forms: Mapping[str, Row]) -> None:
        """Run a wizard over records: open it, fill `forms`, go to `state`."""
        ...


class _Wire:
    def __init__(self, http: Http, database: str, company: int | None) -> None:
        self._http = http
        self._database = segment(database)
        self._context: dict[str, Any] = {"language": "en"}
        self.served_at: dt.datetime | None = None
        if company is not None:
            self.act_for(company)

    def act_for(self, company: int) -> None:
        """Every call from now on is for this company."""
        self._context["company"] = company

    async def _send(
        self, verb: str, path: str, body: bytes, effect: bool, headers: Mapping[str, str] | None = None
    ) -> Response:
        try:
            answer = await self._http.request(verb, path, body=body, effect=effect, headers=headers)
        except Ambiguous as error:
            if error.status == 503:
                # A row is locked: Tryton has tried it several times. What runs after the commit may be what failed.
                raise Ambiguous(
                    f"{self._http.name} is busy with the same records; it may have taken effect",
                    code="busy", status=503,
                ) from None  # fmt: skip
            raise
        if answer.served_at is not None:
            self.served_at = dt.datetime.fromtimestamp(answer.served_at, dt.UTC)
        return answer

    def _read(self, answer: Response, effect: bool) -> Any:
        try:
            return decode(answer.body)
        except _UNREADABLE:
            kind = Ambiguous if effect else Transient
            raise kind(
                f"the answer of {self._http.name} (HTTP {answer.status}) cannot be read",
                code="unreadable", status=answer.status,
            ) from None  # fmt: skip

    def _no_such(self, what: str, answer: Response) -> Rejected:
        return Rejected(
            f"{self._http.name} has no {what!r} for this user (HTTP {answer.status})", code="not_installed",
            cure="Check address and database, and install the modules named in the README.",
        )  # fmt: skip


class SessionWire(_Wire):
    """JSON-RPC."""

    lists = True

    async def rows(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: str = "id ASC",
        limit: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        arguments = [domain, 0, limit, _order(order), list(fields)]
        found: list[Row] = await self._rpc(f"model.{model}.search_read", arguments, False, context)
        return found

    async def create(self, model: str, values: Sequence[Row]) -> list[int]:
        ids: list[int] = await self._rpc(f"model.{model}.create", [list(values)], True)
        return ids

    async def write(self, model: str, changes: Sequence[tuple[Ids, Row]]) -> None:
        arguments: list[Any] = []
        for ids, values in changes:
            arguments += [list(ids), values]
        if arguments:
            await self._rpc(f"model.{model}.write", arguments, True)

    async def delete(self, model: str, ids: Ids) -> None:
        if ids:
            await self._rpc(f"model.{model}.delete", [list(ids)], True)

    async def press(self, model: str, button: str, ids: Ids) -> None:
        if ids:
            await self._rpc(f"model.{model}.{button}", [list(ids)], True)

    async def call(self, model: str, method: str, *arguments: Any) -> Any:
        return await self._rpc(f"model.{model}.{method}", list(arguments), False)

    async def wizard(self, name: str, model: str, ids: Ids, state: str, forms: Mapping[str, Row]) -> None:
        about = {"active_model": model, "active_id": ids[0], "active_ids": list(ids)}
        opened = await self._rpc(f"wizard.{name}.create", [], True, about)
        await self._rpc(f"wizard.{name}.execute", [opened[0], dict(forms), state], True, about)
        with contextlib.suppress(ConnectorError):  # the work is done; a wizard left open is swept away by Tryton
            await self._rpc(f"wizard.{name}.delete", [opened[0]], True, about)

    async def _rpc(
        self, method: str, arguments: list[Any], effect: bool, context: Mapping[str, Any] | None = None
    ) -> Any:
        """One call; warnings that Tryton raises on the way are skipped one after the other.

        A warning asks a person to think again. What is written here happened in the store already, so there is nothing
        to think about; what must not be is an error in Tryton, and that is passed on.
        """
        params = [*arguments, {**self._context, **(context or {})}]
        for _ in range(_MOST_WARNINGS):
            try:
                return await self._once(method, params, effect)
            except Warned as warned:
                skip = [warned.key, False, dict(self._context)]
                await self._once("model.res.user.warning.skip", skip, True)
        raise Rejected(
            f"{method}: Tryton keeps asking about warnings",
            code="warnings",
            cure="Do this step once by hand in Tryton.",
        )

    async def _once(self, method: str, params: list[Any], effect: bool) -> Any:
        body = encode({"id": 1, "method": method, "params": params})
        answer = await self._send("POST", f"/{self._database}/rpc/", body, effect)
        if answer.status >= 300:
            raise self._no_such(method.rpartition(".")[0], answer)
        said = self._read(answer, effect)
        if not isinstance(said, dict) or not ({"result", "error"} & said.keys()):
            kind = Ambiguous if effect else Transient
            raise kind(f"{method}: {self._http.name} answered something else than JSON-RPC", code="unreadable")
        if "error" in said:
            raise_for(said["error"], method.partition(".")[2])
        return said["result"]


class KeyWire(_Wire):
    """REST with the key of a user application."""

    lists = False

    async def rows(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: str = "id ASC",
        limit: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        # As a POST: a domain of a hundred references does not fit into an address.
        asked = {"domain": domain, "limit": limit, "order": _order(order), "fields_names": list(fields)}
        found: list[Row] = await self._rest("POST", f"/{model}/search_read", asked, False, context)
        return found

    async def create(self, model: str, values: Sequence[Row]) -> list[int]:
        ids: list[int] = await self._rest("POST", f"/{model}/create", {"vlist": list(values)}, True)
        return ids

    async def write(self, model: str, changes: Sequence[tuple[Ids, Row]]) -> None:
        for ids, values in changes:
            for one in ids:
                await self._rest("PUT", f"/{model}/{one}?f=id", values, True)

    async def delete(self, model: str, ids: Ids) -> None:
        for one in ids:
            await self._rest("DELETE", f"/{model}/{one}", {}, True)

    async def press(self, model: str, button: str, ids: Ids) -> None:
        for one in ids:
            await self._rest("POST", f"/{model}/{one}/{button}?f=id", {}, True)

    async def call(self, model: str, method: str, *arguments: Any) -> Any:
        raise self._needs_session(f"{model}.{method}")

    async def wizard(self, name: str, model: str, ids: Ids, state: str, forms: Mapping[str, Row]) -> None:
        raise self._needs_session(f"the wizard {name}")

    def _needs_session(self, what: str) -> Rejected:
        return Rejected(
            f"{what} cannot be reached with a key", code="needs_session",
            cure="Connect with login and password instead of a key.",
        )  # fmt: skip

    async def _rest(
        self, verb: str, path: str, body: Any, effect: bool, context: Mapping[str, Any] | None = None
    ) -> Any:
        said = encode({**self._context, "_skip_warnings": True, **(context or {})})
        head = {"X-Tryton-Context": _base64url(said)}
        answer = await self._send(verb, f"/{self._database}/rest/model{path}", encode(body), effect, head)
        if answer.status == 204:
            return None
        if answer.status < 300:
            return self._read(answer, effect)
        if answer.status == 400 and "json" in answer.headers.get("content-type", ""):
            told = self._read(answer, False)
            raise refusal(path.strip("/").partition("?")[0], str(told.get("message", "")))
        raise self._no_such(path.strip("/").partition("?")[0], answer)


def _order(text: str) -> list[list[str]]:
    return [part.split() for part in text.split(", ")]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
