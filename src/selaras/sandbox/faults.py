"""Faults on switches: what can go wrong with somebody else's API, chosen by a seeded random generator.

Every sandbox server holds one `Faults`. A fault is off at probability 0 and costs nothing then. Each fault
draws from a stream of its own, seeded with the server's seed and the fault's name: with the same seed and the
same sequence of requests the same faults fall on the same requests, and switching one fault on does not move
the others.

Switches are read and changed at run time over `/sandbox/faults` (`Faults.handle`), guarded by the header
`X-Sandbox-Key`; the answer also counts every fault that was injected, so that a test can prove that it met
what it claims.
"""

from __future__ import annotations

import asyncio
import hmac
import random
import socket
import struct
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Before = Literal["500", "503", "reset"]
After = Literal["500", "504", "drop"]

_BEFORE: tuple[Before, ...] = ("500", "503", "reset")
_AFTER: tuple[After, ...] = ("drop", "500", "504")


class FaultSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The switches. Plain names are probabilities in [0, 1]; `…_seconds` and `search_lag` are seconds.

    `fail_before`     500, 503 or a connection reset; nothing happened
    `fail_after`      the effect stands, then the connection drops or 500/504 is sent
    `drop_webhook`    a delivery is never sent
    `repeat_webhook`  a delivery is sent twice or three times
    `reorder_webhook` a delivery is held back until a later one has been sent
    `delay_webhook`   a delivery waits a random time of at most `delay_webhook_seconds`
    `half_batch`      a batch applies only its first items, then the connection drops
    `expire_tokens`   the request finds that its access token has expired now
    `throttle`        429 with `Retry-After: throttle_seconds`
    `slow`            the answer waits `slow_seconds`
    `search_lag`      seconds until a written document is seen by lists and searches; not by reads of ids
    """

    fail_before: float = 0.0
    fail_after: float = 0.0
    drop_webhook: float = 0.0
    repeat_webhook: float = 0.0
    reorder_webhook: float = 0.0
    delay_webhook: float = 0.0
    delay_webhook_seconds: float = 1.0
    half_batch: float = 0.0
    expire_tokens: float = 0.0
    throttle: float = 0.0
    throttle_seconds: float = 1.0
    slow: float = 0.0
    slow_seconds: float = 1.0
    search_lag: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            limit = 3600.0 if name.endswith("_seconds") or name == "search_lag" else 1.0
            if not 0.0 <= value <= limit:
                raise ValueError(f"{name} must lie between 0 and {limit:g}, not {value!r}")


class WebhookFate(msgspec.Struct, frozen=True):
    """What becomes of one webhook delivery: sent `copies` times (0 = lost) after `delay` seconds.

    `hold` asks the sender to send it only after the next delivery has gone out.
    """

    copies: int = 1
    delay: float = 0.0
    hold: bool = False


class Faults:
    """The switches of one server, their random streams and the count of every fault injected."""

    def __init__(self, seed: int | str = 0, settings: FaultSettings | None = None, *, key: str = "") -> None:
        self.key = key
        self.settings = settings or FaultSettings()
        self.counts: dict[str, int] = {}
        self.reseed(seed)

    def reseed(self, seed: int | str) -> None:
        """Start all streams afresh; counts go back to nothing."""
        self.seed = seed
        self._streams: dict[str, random.Random] = {}
        self.counts.clear()

    def set(self, **changes: float) -> None:
        """Turn switches (tests in the same process). Raises `ValueError` for a value out of range."""
        self.settings = msgspec.structs.replace(self.settings, **changes)

    def _stream(self, name: str) -> random.Random:
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = random.Random(f"{self.seed}:{name}")
        return stream

    def _hit(self, name: str, probability: float) -> bool:
        if not probability or self._stream(name).random() >= probability:
            return False
        self.counts[name] = self.counts.get(name, 0) + 1
        return True

    @property
    def search_lag(self) -> float:
        """Seconds until a written document is visible to lists and searches."""
        return self.settings.search_lag

    def throttled(self) -> float | None:
        """Seconds for `Retry-After` when this request is refused with 429, else None."""
        return self.settings.throttle_seconds if self._hit("throttle", self.settings.throttle) else None

    def token_expired(self) -> bool:
        """Whether this request's access token expires now."""
        return self._hit("expire_tokens", self.settings.expire_tokens)

    def delay(self) -> float:
        """Seconds that the answer waits."""
        return self.settings.slow_seconds if self._hit("slow", self.settings.slow) else 0.0

    def before(self) -> Before | None:
        """How the request fails before any effect, or None."""
        if not self._hit("fail_before", self.settings.fail_before):
            return None
        return self._stream("fail_before.how").choice(_BEFORE)

    def after(self) -> After | None:
        """How the request fails after its effect was committed, or None."""
        if not self._hit("fail_after", self.settings.fail_after):
            return None
        return self._stream("fail_after.how").choice(_AFTER)

    def half_batch(self, items: int) -> int | None:
        """Number of leading items (0 ≤ n < items) to apply before the connection drops, or None for all."""
        if items < 1 or not self._hit("half_batch", self.settings.half_batch):
            return None
        return self._stream("half_batch.items").randrange(items)

    def webhook(self) -> WebhookFate:
        """The fate of the next delivery."""
        on = self.settings
        if self._hit("drop_webhook", on.drop_webhook):
            return WebhookFate(copies=0)
        copies = 1
        if self._hit("repeat_webhook", on.repeat_webhook):
            copies = self._stream("repeat_webhook.copies").choice((2, 3))
        delay = 0.0
        if self._hit("delay_webhook", on.delay_webhook):
            delay = self._stream("delay_webhook.seconds").uniform(0.0, on.delay_webhook_seconds)
        return WebhookFate(copies, delay, self._hit("reorder_webhook", on.reorder_webhook))

    def report(self) -> dict[str, Any]:
        """Seed, switches and counts, as shown over HTTP."""
        settings = msgspec.to_builtins(self.settings)
        return {"seed": self.seed, "settings": settings, "counts": dict(self.counts)}

    def change(self, body: bytes) -> None:
        """Apply a JSON object of switches; `{"seed": n}` in it starts the streams afresh.

        Raises `ValueError` naming the switch when it is unknown or out of range; nothing is changed then.
        """
        wanted = msgspec.json.decode(body or b"{}")
        if not isinstance(wanted, dict):
            raise ValueError("faults must be a JSON object of switches")
        seed = wanted.pop("seed", None)
        if seed is not None and not isinstance(seed, int | str):
            raise ValueError("seed must be a number or a text")
        merged = {**msgspec.to_builtins(self.settings), **wanted}
        self.settings = msgspec.convert(merged, FaultSettings)
        if seed is not None:
            self.reseed(seed)

    def allowed(self, key: str) -> bool:
        """Whether `key` (header `X-Sandbox-Key`) is the admin key; compared in constant time."""
        return bool(self.key) and hmac.compare_digest(key.encode(), self.key.encode())

    def handle(self, method: str, key: str, body: bytes) -> tuple[int, bytes]:
        """The whole of `/sandbox/faults`: GET reports, POST changes and reports. Gives status, JSON body."""
        if not self.allowed(key):
            return 403, b'{"error":"the header X-Sandbox-Key is missing or wrong"}'
        if method == "POST":
            try:
                self.change(body)
            except (ValueError, msgspec.MsgspecError) as error:
                return 422, msgspec.json.encode({"error": str(error)})
        elif method != "GET":
            return 405, b'{"error":"use GET or POST"}'
        return 200, msgspec.json.encode(self.report())


class Cutter:
    """Cuts a client's connection from inside an ASGI app, as a broken network would.

    ASGI has no word for that, so the server is run with `Cutter.protocol(base)`, which remembers the
    transport of each client address; `cut(scope["client"])` then aborts it with a TCP reset.
    """

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self, base: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
        """`base` (one of uvicorn's HTTP protocols) that also registers its connections here."""
        transports = self._transports

        class Registered(base):  # type: ignore[valid-type, misc]
            def connection_made(self, transport: asyncio.Transport) -> None:
                self._peer = _peer(transport.get_extra_info("peername"))
                transports[self._peer] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self._peer, None)
                super().connection_lost(exc)

        return Registered

    def cut(self, client: Sequence[Any] | None) -> bool:
        """Reset the connection of `scope["client"]`; False when it is gone already."""
        transport = self._transports.get(_peer(client))
        if transport is None or transport.is_closing():
            return False
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Linger 0 makes the close a reset (RST) instead of an orderly end. Event loops hand out sockets that
            # may not be set (uvloop), hence the second handle on the same one.
            with socket.fromfd(sock.fileno(), sock.family, sock.type) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        return True


def _peer(address: Sequence[Any] | None) -> tuple[str, int]:
    return (str(address[0]), int(address[1])) if address else ("", 0)
