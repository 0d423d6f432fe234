"""The OpenAPI 3.1 document, made from the same table as the routes, so that it cannot say anything else."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from selaras import __version__
from selaras.web.operation import Operation
from selaras.web.operations import OPERATIONS

PREFIX: Final = "/api/v1"
_REF: Final = "#/components/schemas/{name}"
_PROBLEM: Final = {
    "type": "object",
    "required": ["status", "title", "detail", "cure"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string", "description": "One sentence for a person."},
        "cure": {"type": "string", "description": "What to do about it."},
    },
}
_ERRORS: Final = {
    "400": "The query or the body has not the shape described here.",
    "401": "Neither the local token nor a session.",
    "403": "A session without the form token in X-CSRF-Token.",
    "404": "Nothing is called so.",
    "413": "The body is too large.",
    "422": "It cannot be done; detail and cure say why and how to mend it.",
    "502": "The store or the books did not answer.",
    "503": "The ledger cannot be written just now.",
}


def document(public_url: str = "") -> dict[str, Any]:
    """The document as plain values."""
    kinds = [op.result for op in OPERATIONS] + [op.body for op in OPERATIONS if op.body]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    results = dict(zip([op.name for op in OPERATIONS], schemas, strict=False))
    bodies = dict(zip([op.name for op in OPERATIONS if op.body], schemas[len(OPERATIONS) :], strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for op in OPERATIONS:
        made = _operation(op, results[op.name], bodies.get(op.name))
        paths.setdefault(PREFIX + op.path, {})[op.method.lower()] = made
    paths[f"{PREFIX}/openapi.json"] = {
        "get": {
            "operationId": "openapi",
            "summary": "This document",
            "security": [],
            "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {}}}}},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Selaras",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": (
                "Ask an installation what it has seen, what became of it and why, and act on what is blocked. "
                "Amounts are decimal strings in major units beside their currency; instants are ISO 8601 in UTC; days "
                "are days of the business."
            ),
        },
        "servers": [{"url": public_url or "/"}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The file `token` of the data directory."},
                "session": {"type": "apiKey", "in": "cookie", "name": "selaras_session"},
            },
        },
    }


def _operation(op: Operation, result: Any, body: Any) -> dict[str, Any]:
    errors = {"400", "401", "503"}
    if op.writes:
        errors |= {"403", "413", "422"}
    elif _names(op):
        errors.add("404")
    if op.name in ("sweep", "link_document"):
        errors.add("502")
    made: dict[str, Any] = {
        "operationId": op.name,
        "summary": op.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", op.path)
        ]
        + _parameters(op.query),
        "responses": {
            str(op.status): {"description": op.summary, "content": {"application/json": {"schema": result}}},
            **{
                code: {
                    "description": _ERRORS[code],
                    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}},
                }
                for code in sorted(errors)
            },
        },
    }
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


def _names(op: Operation) -> bool:
    """Whether the operation names something that may not exist."""
    query = op.query.__struct_fields__ if op.query else ()
    return "{" in op.path or bool({"store", "names"} & set(query))


def _parameters(query: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    (_schema,), components = msgspec.json.schema_components([query], ref_template=_REF)
    described = components[query.__name__]
    required = set(described.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in described["properties"].items()
    ]
