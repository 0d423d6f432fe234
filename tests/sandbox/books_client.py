"""A bare client of the sandbox books, and items to send."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec

from selaras.sandbox.books import Books, BooksConfig, BooksServer, admin, grants, serve_books, truth
from selaras.sandbox.books import batch as batches

DAY = "2026-11-20"


def line(code: str = "P1", quantity: str = "2", price: str = "15000", **more: str) -> dict[str, str]:
    """A line; without a code it is booked to a role."""
    return {"code": code, "name": code or "line", "quantity": quantity, "unit_price": price, **more}


def order(reference: str = "1001", total: str = "30000", **more: Any) -> dict[str, Any]:
    """A sales order of two P1."""
    return {
        "reference": reference,
        "date": DAY,
        "currency": "IDR",
        "total": total,
        "contact_id": "con00000001",
        "lines": [line()],
    } | more


def bill(reference: str = "1001", total: str = "30000", **more: Any) -> dict[str, Any]:
    """An invoice of two P1, on its own unless it names an order."""
    return order(reference, total) | more


def receipt(reference: str = "1001", total: str = "30000", **more: Any) -> dict[str, Any]:
    """A receipt; it has to name what it pays."""
    return {"reference": reference, "date": DAY, "currency": "IDR", "total": total} | more


SEED: dict[str, Any] = {
    "contacts": [
        {"name": "Budi", "email": "budi@example.com", "phone": "0812"},
        {"name": "CV Pemasok", "kind": "both"},
    ],
    "products": [
        {"code": "P1", "name": "Kopi", "price": "15000", "cost": "9000"},
        {"code": "P2", "name": "Teh", "price": "10000", "cost": "4000"},
        {"code": "SET", "name": "Kopi & Teh", "price": "24000", "components": [
            {"code": "P1", "quantity": "1"}, {"code": "P2", "quantity": "2"}]},
        {"code": "WRAP", "name": "Bungkus kado", "price": "5000", "stocked": False},
    ],
    "stock": [{"code": "P1", "on_hand": "100"}, {"code": "P2", "on_hand": "50"}],
}  # fmt: skip


class Local:
    """The books without HTTP, for the rules alone."""

    def __init__(self, **config: Any) -> None:
        self.books = Books(BooksConfig(**config))
        self.now = 1_800_000_000.0
        self.books.clock = lambda: self.now
        answer = admin.seed(self.books, grants.Grants(self.books.config), msgspec.json.encode(SEED))
        assert answer["stock"] == {"counted": 2, "refused": []}

    def run(self, kind: str, op: str, *items: Any, source: str = "api") -> list[dict[str, Any]]:
        """A batch."""
        self.now += 0.001
        raw = [msgspec.Raw(msgspec.json.encode(item)) for item in items]
        results = batches.run(self.books, batches.OPERATIONS[kind, op], raw, self.books.act(source))
        found: list[dict[str, Any]] = msgspec.to_builtins(results)
        return found

    def one(self, kind: str, op: str, item: Any, source: str = "api") -> dict[str, Any]:
        """A batch of one that is kept."""
        (result,) = self.run(kind, op, item, source=source)
        assert result["ok"], result
        return result

    def refused(self, kind: str, op: str, item: Any) -> tuple[str, str]:
        """Code and field of an item that is refused."""
        (result,) = self.run(kind, op, item)
        assert not result["ok"], result
        return result["code"], result["field"]

    def bank_line(self, amount: str, **more: Any) -> str:
        """A line of the bank feed; returns its id."""
        item = {"date": DAY, "amount": amount, "currency": "IDR", **more}
        act = self.books.act("bank")
        result = batches.run_item(self.books, batches.BANK_LINE, msgspec.Raw(msgspec.json.encode(item)), act)
        assert result.ok, result
        return result.id


def accounts(local: Local, currency: str = "IDR") -> dict[str, Decimal]:
    """Debit − credit by role, without the accounts that are even."""
    return {role: amount for role, amount in truth.balances(local.books)[currency].items() if amount}


def stock(local: Local, code: str = "P1") -> tuple[int, int]:
    """Pieces on hand and reserved."""
    row = local.books.stock_of[code]
    return int(row.on_hand), int(row.reserved)


class Client:
    """Calls a running server with a token of its own."""

    def __init__(self, server: BooksServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.token = ""

    def pass_time(self, seconds: float) -> None:
        """The books' clock stands still from the first call on and goes on by so much only: no machine is too slow."""
        now = self.server.state.clock() + seconds
        self.server.state.clock = lambda: now

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    # -- signing in

    def credentials(self) -> dict[str, str]:
        """Id and secret as fields of a form."""
        return {"client_id": self.server.config.client_id, "client_secret": self.server.config.client_secret}

    async def token_call(self, **form: str) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        async with self.session.post(f"{self.server.url}/oauth/token", data=self.credentials() | form) as answer:
            return answer.status, await answer.json()

    async def sign_in(self) -> dict[str, Any]:
        """Client credentials."""
        status, answer = await self.token_call(grant_type="client_credentials")
        assert status == 200, answer
        self.token = answer["access_token"]
        return answer

    async def authorize(self, **changes: str) -> tuple[int, dict[str, str], str]:
        """The authorization endpoint with `auto=1`; status, query of the redirect, PKCE verifier."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        ask = {
            "response_type": "code",
            "client_id": self.server.config.client_id,
            "redirect_uri": "http://127.0.0.1:9/back",
            "state": "st&te ä",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "auto": "1",
        } | changes
        url = f"{self.server.url}/oauth/authorize"
        async with self.session.get(url, params=ask, allow_redirects=False) as answer:
            query = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
            return answer.status, {name: values[0] for name, values in query.items()}, verifier

    async def consent(self) -> dict[str, Any]:
        """A whole authorization-code sign-in."""
        _, query, verifier = await self.authorize()
        status, answer = await self.token_call(
            grant_type="authorization_code",
            code=query["code"],
            redirect_uri="http://127.0.0.1:9/back",
            code_verifier=verifier,
        )
        assert status == 200, answer
        self.token = answer["access_token"]
        return answer

    # -- calls

    async def get(self, path: str, token: str | None = None) -> tuple[int, dict[str, Any]]:
        """GET below /api/."""
        head = {"Authorization": f"Bearer {self.token if token is None else token}"}
        async with self.session.get(f"{self.server.url}/api/{path}", headers=head) as answer:
            return answer.status, await answer.json()

    async def batch(self, kind: str, op: str, *items: Any) -> tuple[int, dict[str, Any]]:
        """POST a batch."""
        head = {"Authorization": f"Bearer {self.token}"}
        body = msgspec.json.encode({"op": op, "items": items})
        async with self.session.post(f"{self.server.url}/api/{kind}/batch", headers=head, data=body) as answer:
            return answer.status, await answer.json()

    async def create(self, kind: str, *items: Any) -> list[dict[str, Any]]:
        """A batch that is answered."""
        status, answer = await self.batch(kind, "create", *items)
        assert status == 200, answer
        results: list[dict[str, Any]] = answer["results"]
        return results

    async def admin(self, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, dict[str, Any]]:
        """GET (without body) or POST below /sandbox/."""
        head = {"X-Sandbox-Key": self.server.config.admin_key if key is None else key}
        url = f"{self.server.url}/sandbox/{path}"
        if body is None:
            async with self.session.get(url, headers=head) as answer:
                return answer.status, await answer.json()
        async with self.session.post(url, headers=head, data=msgspec.json.encode(body)) as answer:
            return answer.status, await answer.json()

    async def truth(self, parts: str = "") -> dict[str, Any]:
        """What the books really hold."""
        status, answer = await self.admin(f"truth?parts={parts}")
        assert status == 200, answer
        return answer


@asynccontextmanager
async def running(*, seeded: bool = True, signed_in: bool = True, **config: Any) -> AsyncIterator[Client]:
    """A server with two contacts, four products and some stock, and a client of it."""
    async with serve_books(BooksConfig(**config)) as server, Client(server, aiohttp.ClientSession()) as client:
        if seeded:
            status, answer = await client.admin("seed", SEED)
            assert status == 200, answer
        if signed_in:
            await client.sign_in()
        yield client
