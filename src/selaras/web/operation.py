"""What an operation of the HTTP API is: a route with its types, and one checked call of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from selaras.web.context import Context
from selaras.web.intake import WebhookIntake
from selaras.web.sweeps import Sweeps

Name = Annotated[str, Meta(max_length=200)]


class Call(msgspec.Struct):
    """One call of an operation, checked and typed."""

    context: Context
    intake: WebhookIntake
    sweeps: Sweeps
    path: dict[str, str]
    query: Any
    body: Any
    who: str


class Operation(msgspec.Struct, frozen=True):
    """A route of the API: what it takes, what it gives, and what it does. `writes` ones need the right to write."""

    method: str
    path: str
    name: str
    summary: str
    result: Any
    run: Callable[[Call], Awaitable[Any]]
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    writes: bool = False
    status: int = 200
