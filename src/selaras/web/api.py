"""The HTTP API: Starlette routes made from the table of operations, JSON by msgspec, errors as one sentence."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from selaras.connectors.contract import ConnectorError
from selaras.ledger.errors import DatabaseUnreachable, DiskFull, LedgerError
from selaras.web.context import Context, Visitor
from selaras.web.intake import WebhookIntake
from selaras.web.openapi import PREFIX, document
from selaras.web.operation import Call, Operation
from selaras.web.operations import OPERATIONS
from selaras.web.sweeps import Sweeps

LARGEST: Final = 8 << 20
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")


class Problem(msgspec.Struct, frozen=True):
    """An error of the API (the shape of RFC 9457, with the cure beside the detail)."""

    status: int
    title: str
    detail: str
    cure: str = ""


class Refusal(Exception):
    """Answer with a problem."""

    def __init__(self, status: int, title: str, detail: str, cure: str = "") -> None:
        super().__init__(detail)
        self.problem = Problem(status, title, detail, cure)


def encode(value: Any) -> bytes:
    """JSON; decimals are strings, instants ISO 8601 in UTC."""
    return _ENCODER.encode(value)


def json_answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(encode(value), status, media_type="application/json")


def problem_answer(problem: Problem) -> Response:
    """An error as JSON."""
    headers = {"WWW-Authenticate": 'Bearer realm="selaras"'} if problem.status == 401 else None
    return Response(encode(problem), problem.status, media_type="application/problem+json", headers=headers)


async def limited_body(request: Request, limit: int) -> bytes:
    """The body, never more of it than `limit`. Raises `Refusal` (413)."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Refusal(413, "Too large", f"The request is larger than {limit >> 20} MiB.")
        parts.append(part)
    return b"".join(parts)


def routes(context: Context, intake: WebhookIntake, sweeps: Sweeps) -> list[Route]:
    """The API's routes."""
    found = [
        Route(PREFIX + op.path.replace("{name}", "{name:path}"), _endpoint(op, context, intake, sweeps),
              methods=[op.method], name=f"api_{op.name}")
        for op in OPERATIONS
    ]  # fmt: skip

    async def openapi(request: Request) -> Response:
        return json_answer(document(context.public_url))

    return [*found, Route(f"{PREFIX}/openapi.json", openapi, name="api_openapi")]


def _endpoint(
    op: Operation, context: Context, intake: WebhookIntake, sweeps: Sweeps
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            visitor: Visitor = request.state.visitor
            _allow(op, context, visitor, request)
            query = _convert(_query_dict(request.query_params, op.query), op.query, "query")
            body = await _body(request, op)
            who = _who(visitor, body)
            call = Call(context, intake, sweeps, dict(request.path_params), query, body, who)
            return json_answer(await op.run(call), op.status)
        except Refusal as refusal:
            return problem_answer(refusal.problem)
        except ConnectorError as error:
            return problem_answer(Problem(502, "The other system did not answer", error.message, error.cure))
        except LedgerError as error:
            return problem_answer(_ledger_problem(error, op))
        except ClientDisconnect:
            return Response(status_code=400)

    return endpoint


def _allow(op: Operation, context: Context, visitor: Visitor, request: Request) -> None:
    if not visitor.may_read or (op.writes and not visitor.may_write):
        raise Refusal(
            401,
            "Sign in",
            "This needs the local token or a signed-in person.",
            "Send `Authorization: Bearer` with the token in the data directory, or sign in.",
        )
    if op.writes and visitor.kind == "person":
        given = request.headers.get("x-csrf-token", "")
        if not context.sessions.form_fits(visitor.nonce, given):
            raise Refusal(403, "Not from our page", "A call with a session cookie needs the header X-CSRF-Token.")


def _who(visitor: Visitor, body: Any) -> str:
    """Who is written beside a decision: what the program says of its user, or the console's person."""
    if visitor.kind == "person":
        return "console"
    return str(getattr(body, "who", "") or "api")


def _query_dict(given: QueryParams, kind: type[msgspec.Struct] | None) -> dict[str, Any]:
    lists: set[str] = set()
    if kind is not None:
        hints = typing.get_type_hints(kind)
        lists = {name for name, hint in hints.items() if typing.get_origin(hint) is list}
    return {name: given.getlist(name) if name in lists else given[name] for name in given}


def _convert(given: dict[str, Any], kind: type[msgspec.Struct] | None, where: str) -> Any:
    if kind is None:
        return None
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal(400, f"Wrong {where}", f"{error}.") from None


async def _body(request: Request, op: Operation) -> Any:
    if op.body is None:
        return None
    raw = await limited_body(request, LARGEST)
    try:
        return msgspec.json.decode(raw or b"{}", type=op.body)
    except msgspec.MsgspecError as error:
        raise Refusal(400, "Wrong body", f"{error}.") from None


def _ledger_problem(error: LedgerError, op: Operation) -> Problem:
    """Reading fails only because there is no such thing; writing because it cannot be done."""
    if isinstance(error, DiskFull | DatabaseUnreachable):
        return Problem(503, "The ledger cannot be written", error.message, error.cure)
    if not op.writes:
        return Problem(404, "Not found", error.message, error.cure)
    return Problem(422, "Cannot be done", error.message, error.cure)
