"""Webhooks as stores really send them: signed, asynchronous, without a second try, and switched off after failures.

The delivery id is a hash of subscription and second, as in WooCommerce (class-wc-webhook.php): deliveries of one
second share it, so nobody must take it for a key. The body is built when it is sent and tells the state of that
moment; a change that is already waiting to be told is not told twice.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
import msgspec

from selaras.sandbox.faults import Faults
from selaras.sandbox.store.config import StoreClock
from selaras.sandbox.store.records import Refused

TOPICS = frozenset({"order.created", "order.updated", "stock.updated", "product.updated"})
FAILURES_ALLOWED = 5
_HELD_AT_MOST = 1.0

Describe = Callable[[str, int], bytes | None]


class Subscription(msgspec.Struct):
    """One webhook. `failures` counts failures in a row; the fifth switches it off."""

    id: int
    url: str
    topics: list[str]
    secret: str
    status: Literal["active", "disabled"] = "active"
    failures: int = 0

    def shown(self) -> dict[str, Any]:
        """As the API shows it: without the secret."""
        return {f: getattr(self, f) for f in ("id", "url", "topics", "status", "failures")}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """base64 of HMAC-SHA256(secret, timestamp + "." + body)."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class Webhooks:
    """Subscriptions and their deliveries. `describe(topic, id)` gives the body, None when there is nothing to tell."""

    def __init__(
        self, clock: StoreClock, faults: Faults, describe: Describe, *, secret: str, parallel: int, timeout: float
    ) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._faults = faults
        self._describe = describe
        self._secret = secret
        self._parallel = parallel
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._waiting: dict[int, dict[tuple[str, int], None]] = {}
        self._held: dict[int, list[tuple[float, str, int, int]]] = {}
        self._workers: dict[int, set[asyncio.Task[None]]] = {}
        self._later: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    # -- subscriptions ----------------------------------------------------------------------------------

    async def register(self, url: str, topics: list[str], secret: str = "") -> Subscription:
        """A new subscription, after its URL has answered an unsigned ping with 200. Raises `Refused` 422."""
        unknown = sorted(set(topics) - TOPICS)
        if unknown or not topics:
            raise Refused(422, "unknown_topic", f"topics are {', '.join(sorted(TOPICS))}", unknown=unknown)
        if not url.startswith(("http://", "https://")):
            raise Refused(422, "bad_url", f"{url} is not a web address")
        key = max(self.subscriptions, default=0) + 1
        status = await self._post(
            url, f"webhook_id={key}".encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        if status != 200:
            what = "no answer" if status is None else f"HTTP {status}"
            raise Refused(422, "ping_failed", f"{url} must answer the ping with 200, there was {what}")
        key = max(self.subscriptions, default=0) + 1
        made = self.subscriptions[key] = Subscription(key, url, list(topics), secret or self._secret)
        return made

    def subscription(self, key: int) -> Subscription:
        """The subscription with this id. Raises `Refused` 404."""
        try:
            return self.subscriptions[key]
        except KeyError:
            raise Refused(404, "unknown_webhook", f"there is no webhook {key}") from None

    def restore(self, key: int, topics: list[str] | None = None) -> Subscription:
        """Switch a subscription on again. What happened while it was off is not told any more."""
        found = self.subscription(key)
        found.status = "active"
        found.failures = 0
        if topics:
            found.topics = list(topics)
        return found

    def delete(self, key: int) -> None:
        """End a subscription."""
        self.subscription(key)
        del self.subscriptions[key]
        self._waiting.pop(key, None)
        self._held.pop(key, None)

    # -- deliveries -------------------------------------------------------------------------------------

    def event(self, topic: str, key: int) -> None:
        """Something changed: tell every active subscriber, soon."""
        for found in self.subscriptions.values():
            if found.status == "active" and topic in found.topics:
                self._waiting.setdefault(found.id, {})[(topic, key)] = None
                self._wake(found)

    async def drain(self) -> None:
        """Wait until every delivery has been tried (tests)."""
        while tasks := {t for workers in self._workers.values() for t in workers} | self._later:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Stop delivering."""
        tasks = {t for workers in self._workers.values() for t in workers} | self._later
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _wake(self, found: Subscription) -> None:
        workers = self._workers.setdefault(found.id, set())
        if len(workers) < min(self._parallel, len(self._waiting[found.id])):
            task = asyncio.get_running_loop().create_task(self._work(found))
            workers.add(task)
            task.add_done_callback(workers.discard)

    async def _work(self, found: Subscription) -> None:
        waiting = self._waiting.setdefault(found.id, {})
        while waiting:
            topic, key = next(iter(waiting))
            del waiting[(topic, key)]
            if found.status != "active":
                self.counts["lost_while_off"] += 1
                continue
            fate = self._faults.webhook()
            self.counts["events"] += 1
            if not fate.copies:
                self.counts["dropped"] += 1
                continue
            self.counts["repeated"] += fate.copies - 1
            if fate.hold:
                self._hold(found, topic, key, fate.copies)
            elif fate.delay:
                self._spawn(self._delayed(found, topic, key, fate.copies, fate.delay))
            else:
                await self._deliver(found, topic, key, fate.copies)
                await self._let_go(found)

    def _hold(self, found: Subscription, topic: str, key: int, copies: int) -> None:
        self.counts["reordered"] += 1
        self._held.setdefault(found.id, []).append((self._clock.wall(), topic, key, copies))
        # Nothing may ever follow; then it goes out by itself.
        self._spawn(self._let_go_later(found))

    async def _let_go_later(self, found: Subscription) -> None:
        await asyncio.sleep(_HELD_AT_MOST)
        await self._let_go(found)

    async def _let_go(self, found: Subscription) -> None:
        for _, topic, key, copies in self._held.pop(found.id, []):
            await self._deliver(found, topic, key, copies)

    async def _delayed(self, found: Subscription, topic: str, key: int, copies: int, delay: float) -> None:
        self.counts["delayed"] += 1
        await asyncio.sleep(delay)
        await self._deliver(found, topic, key, copies)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _deliver(self, found: Subscription, topic: str, key: int, copies: int) -> None:
        body = self._describe(topic, key)
        if body is None or found.id not in self.subscriptions:
            return
        second = str(int(self._clock.wall()))
        headers = {
            "Content-Type": "application/json",
            "X-Store-Topic": topic,
            "X-Store-Delivery": hashlib.sha256(f"{found.id}:{second}".encode()).hexdigest()[:32],
            "X-Store-Timestamp": second,
            "X-Store-Signature": signature(found.secret, second, body),
        }
        for _ in range(copies):
            if found.status != "active":
                self.counts["lost_while_off"] += 1
                return
            self.counts["attempted"] += 1
            status = await self._post(found.url, body, headers)
            if status is not None and 200 <= status < 300:
                self.counts["delivered"] += 1
                found.failures = 0
                continue
            self.counts["failed"] += 1
            found.failures += 1
            if found.failures >= FAILURES_ALLOWED and found.status == "active":
                found.status = "disabled"
                self.counts["switched_off"] += 1

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int | None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
            )
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None
