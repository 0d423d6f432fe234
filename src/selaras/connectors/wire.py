"""Between aiohttp and `Http`: deadlines, writes that are sent once, headers, and bodies of bounded size."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Final

import aiohttp

_deadline: ContextVar[float | None] = ContextVar("selaras_deadline", default=None)


@contextlib.contextmanager
def finish_by(deadline: float) -> Iterator[None]:
    """Within this block no request starts that could still be under way at `deadline` (the `Http`'s clock).

    The holder of a lease wraps its calls in it, so that nothing outlives the lease; a request that has not
    the time raises `Transient` with code "no_time" before the first byte.
    """
    mark = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(mark)


def deadline_now() -> float | None:
    """The deadline of the innermost `finish_by`, None outside of one."""
    return _deadline.get()


class Broken(aiohttp.ClientError):
    """A connection that broke under a write; aiohttp does not repeat plain `ClientError`s."""


async def never_again(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    """aiohttp middleware for writes: a connection that breaks is told in a way the library does not repeat."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broken(type(error).__name__) from None


ONCE: Final = (never_again,)


def merge(into: dict[str, str], more: Mapping[str, str]) -> None:
    """Like `update`, but a header replaces its namesake in any spelling."""
    for name, value in more.items():
        if name not in into:
            low = name.lower()
            for other in into:
                if other.lower() == low:
                    del into[other]
                    break
        into[name] = value


def lower(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, repeated ones joined by ", "."""
    out: dict[str, str] = {}
    for name, value in items:
        name = name.lower()
        out[name] = f"{out[name]}, {value}" if name in out else value
    return out


async def read_body(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body, or None as soon as it is certain to be larger than `most` bytes."""
    length = answer.content_length
    if length is not None and length > most:
        return None
    content = answer.content
    first = await content.readany()
    if len(first) > most:
        return None
    if content.at_eof():
        return first
    parts = [first]
    size = len(first)
    while part := await content.readany():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)
