"""A served installation for the tests: a store that signs its webhooks, a ledger on disk, real HTTP in front."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from selaras.connectors.contract import BadSignature, Capabilities, Changes, Hint, Seen, Webhook
from selaras.connectors.signatures import fresh, verify_hmac
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.ledger.connections import Connection
from selaras.ledger.values import MICROSECOND
from selaras.rules.plan_types import Policy
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import set_pairs
from selaras.web.app import Application, app
from selaras.web.server import bound, listening
from tests.sync.target import Plain

SECRET = "a webhook secret for tests"
PASSWORD = "kopi pagi di Jakarta"


class Clock:
    """The real time, until it is moved."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class SignedStore:
    """A store that has nothing to read and whose deliveries are signed over time and body."""

    def __init__(self, name: str = "toko") -> None:
        self.name = name
        self.capabilities = Capabilities(webhooks=True)

    def hints(self, webhook: Webhook) -> list[Hint]:
        if webhook.body.startswith(b"webhook_id="):
            return []
        stamp = webhook.headers.get("x-time", "")
        given = webhook.headers.get("x-signature", "")
        if not verify_hmac(SECRET, stamp.encode() + b"." + webhook.body, given, encoding="base64"):
            raise BadSignature("the signature is wrong")
        if not fresh(stamp, webhook.received_at):
            raise BadSignature("the delivery is older than five minutes")
        told = msgspec.json.decode(webhook.body)
        if told.get("defect"):
            raise KeyError("a defect of this connector")
        return [Hint("order", str(told["id"]))]

    async def changed(self, kind: str, cursor: str) -> Changes:
        return Changes([], cursor, more=False)

    async def read(self, kind: str, ids: Any) -> list[Seen]:
        return []

    async def subscribe(self, url: str) -> str:
        return "ok"

    async def close(self) -> None:
        return None


class Books(SignedStore):
    """Books without webhooks."""

    def __init__(self) -> None:
        self.name = "buku"
        self.capabilities = Capabilities()


def delivery(body: bytes, *, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """Headers of a signed delivery."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).digest()
    return {"X-Time": stamp, "X-Signature": base64.b64encode(digest).decode()}


class Stage:
    """Handles to the served installation."""

    def __init__(
        self, url: str, application: Application, http: aiohttp.ClientSession, clock: Clock, data: Path
    ) -> None:
        self.url = url
        self.app = application
        self.http = http
        self.clock = clock
        self.data = data

    @property
    def hub(self) -> Hub:
        return self.app.context.hub

    @property
    def ledger(self) -> Any:
        return self.hub.desk.ledger

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.app.context.token}"}

    async def hook(self, body: bytes, headers: dict[str, str] | None = None, name: str = "toko") -> int:
        """Deliver a webhook; its status."""
        head = delivery(body) if headers is None else headers
        async with self.http.post(f"{self.url}/webhooks/{name}", data=body, headers=head) as answer:
            return answer.status

    async def hints(self) -> dict[str, int]:
        """Hints in the ledger: id → bumps since the first."""
        rows = await self.hub.desk(self.ledger.db.rows, "SELECT id, bumps - at FROM hint")
        return {row[0]: int(row[1]) for row in rows}

    async def api(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """GET, or POST with a body, as a program; status and decoded answer."""
        head = self.bearer if headers is None else headers
        method = "GET" if body is None else "POST"
        data = None if body is None else msgspec.json.encode(body)
        async with self.http.request(method, f"{self.url}/api/v1{path}", data=data, headers=head) as answer:
            return answer.status, msgspec.json.decode(await answer.read())

    async def page(self, path: str, **headers: str) -> tuple[int, str]:
        """A page's status and text, redirects followed."""
        async with self.http.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def form(self, page: str, **fields: str) -> aiohttp.ClientResponse:
        """Fill in the form of a page and send it, as a browser does; redirects are not followed."""
        _status, html = await self.page(page)
        forms = re.findall(r'(<form method="post" action="([^"]+)">.*?</form>)', html, re.DOTALL)
        found = next(form for form in forms if form[1] != "/sign-out")
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))
        return await self.http.post(self.url + found[1], data=hidden | fields, allow_redirects=False)

    async def set_up(self) -> None:
        """Choose the password through the one-time link; the session's cookie stays in the client."""
        code = self.app.context.passwords.code
        answer = await self.form(f"/setup?code={code}", password=PASSWORD, again=PASSWORD)
        assert answer.status == 303, await answer.text()


@contextlib.asynccontextmanager
async def a_stage(
    path: Path,
    *,
    open_read: bool = False,
    public_url: str = "",
    paired: bool = True,
    patience: float = 60.0,
    database: str = "",
) -> AsyncIterator[Stage]:
    """Serve an installation; its lanes are not started unless a test does."""
    data, clock = path / "data", Clock()
    desk = Desk(open_ledger(database or data, Plain()))
    store, books = SignedStore(), Books()
    pairs = [Pair("toko", "buku", Policy())] if paired else []

    def install() -> None:
        now = int(clock() * MICROSECOND)
        add = desk.ledger.connections.add
        secrets = {"key": "s3cret-s3cret"}
        add(Connection("toko", "sandbox_store", "store", "Asia/Jakarta", {"base_url": "http://x"}, secrets), now)
        add(Connection("buku", "sandbox_books", "books", "Asia/Jakarta", {"base_url": "http://y"}, {}), now)
        set_pairs(desk.ledger, pairs)

    await desk(install)
    hub = Hub(desk, {"toko": store, "buku": books}, pairs, clock)  # type: ignore[dict-item]
    await hub.start()
    service = Service(hub)
    application = app(hub, service, data=data, open_read=open_read, public_url=public_url)
    jar = aiohttp.CookieJar(unsafe=True)
    try:
        async with (
            application,
            listening(application, bound(), patience=patience) as url,
            aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": "en"}) as http,
        ):
            yield Stage(url, application, http, clock, data)
    finally:
        await service.stop()
        await hub.close()
