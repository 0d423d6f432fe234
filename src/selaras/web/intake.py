"""Webhook intake: authenticate a delivery, make its hint durable, answer. Nothing is computed from the message.

The route is raw ASGI without a framework, and everything that arrives while a commit is under way shares the next one
(reference/engine.md §4). A delivery is never refused because its id was seen before: the same id with a newer state
behind it must be looked at again, and looking twice at the same state changes nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from selaras.connectors.contract import BadSignature, Webhook
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import MICROSECOND, RecordKey
from selaras.sync.hub import Hub
from selaras.web.answers import Answer, Receive, Scope, Send

log = logging.getLogger("selaras.web")

PREFIX: Final = "/webhooks/"
LIMIT: Final = 1 << 20
# What a sender may send beyond the limit and still be answered; behind it the line is cut.
_PATIENCE: Final = 4 << 20
_SECONDS: Final = 20.0
# Deliveries that arrive within this time wake the reading lane together.
_GATHER: Final = 0.02
_TELL_EVERY: Final = 900.0

_CLOSE: Final = [(b"connection", b"close")]
_OK: Final = Answer(200, "ok\n")
_UNKNOWN: Final = Answer(404, "No connection of this installation has this webhook address.\n")
_METHOD: Final = Answer(405, "Webhooks are delivered with POST.\n", headers=[(b"allow", b"POST")])
_LARGE: Final = Answer(413, "The delivery is larger than 1 MiB.\n", headers=_CLOSE)
_SLOW: Final = Answer(408, "The delivery did not arrive within 20 seconds.\n", headers=_CLOSE)
_REFUSED: Final = Answer(401, "The signature of this delivery is missing, wrong or too old.\n")
_BROKEN: Final = Answer(500, "The delivery could not be read; the reason is in the log of this installation.\n")
_LATER: Final = Answer(
    503, "The delivery could not be kept just now; send it again.\n", headers=[(b"retry-after", b"30")]
)


class Tally(msgspec.Struct):
    """What became of one connection's deliveries since the start."""

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    hints: int = 0


class TooLarge(Exception):
    """The body goes on beyond the limit."""


class WebhookIntake:
    """The ASGI application behind `/webhooks/{connection}`. `wake` is told, at most every 20 ms, who has news."""

    def __init__(self, hub: Hub, wake: Callable[[str], None]) -> None:
        self._hub = hub
        self._wake = wake
        self._waking: set[str] = set()
        self._told: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.tallies = {name: Tally() for name, c in hub.connectors.items() if c.capabilities.webhooks}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"][len(PREFIX) :]
        tally = self.tallies.get(name)
        if tally is None:
            return await _UNKNOWN(send)
        if scope["method"] != "POST":
            return await _METHOD(send)
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        try:
            async with asyncio.timeout(_SECONDS):
                body = await _body(headers, receive)
        except TooLarge:
            return await _LARGE(send)
        except TimeoutError:
            return await _SLOW(send)
        if body is None:
            return None  # the sender hung up; it will send again
        answer = await self._take(name, tally, headers, body)
        await answer(send)
        return None

    async def _take(self, name: str, tally: Tally, headers: dict[str, str], body: bytes) -> Answer:
        now = self._hub.clock()
        try:
            webhook = Webhook(headers, body, dt.datetime.fromtimestamp(now, dt.UTC))
            hints = self._hub.connectors[name].hints(webhook)
        except BadSignature as error:
            tally.refused += 1
            self._tell(name, now, str(error))
            return _REFUSED
        except Exception:  # a connector's defect; the sender keeps its delivery, and the sweep finds the record anyway
            tally.failed += 1
            log.exception("webhook of %s could not be read", name)
            return _BROKEN
        if hints:
            keys = [RecordKey(name, hint.kind, hint.id) for hint in hints]
            try:
                await self._hub.desk.hint(keys, "webhook", int(now * MICROSECOND))
            except LedgerError as error:
                tally.failed += 1
                log.warning("webhook of %s was not kept: %s", name, error)
                return _LATER
            tally.hints += len(keys)
            if name not in self._waking:
                self._waking.add(name)
                asyncio.get_running_loop().call_later(_GATHER, self._wake_now, name)
        tally.accepted += 1
        return _OK

    def _wake_now(self, name: str) -> None:
        self._waking.discard(name)
        self._wake(name)

    def _tell(self, name: str, now: float, why: str) -> None:
        """Put a refusal where people look, but not once for each of a flood."""
        if now - self._told.get(name, float("-inf")) < _TELL_EVERY:
            return
        self._told[name] = now
        task = asyncio.create_task(self._write_event(name, now, why))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_event(self, name: str, now: float, why: str) -> None:
        desk = self._hub.desk
        text = f"A webhook delivery was refused ({why or 'bad signature'}). If the store sent it, connect {name} again."
        try:
            event = desk.ledger.connections.event
            await desk.write(event, name, "warning", "webhook_refused", text, int(now * MICROSECOND))
        except LedgerError as error:
            log.warning("%s: %s (%s)", name, text, error)


async def _body(headers: dict[str, str], receive: Receive) -> bytes | None:
    """The whole body; None when the sender hung up. Raises `TooLarge`, having held no more than the limit."""
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LIMIT + _PATIENCE:
        raise TooLarge
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    chunk: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(chunk) <= LIMIT:
        return chunk
    parts, size, more = [chunk], len(chunk), message.get("more_body", False)
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > LIMIT + _PATIENCE:
            raise TooLarge
        if size > LIMIT:
            parts = []
        else:
            parts.append(chunk)
        more = message.get("more_body", False)
    if size > LIMIT:
        raise TooLarge
    return b"".join(parts)
