"""The client against answers that a healthy server does not give."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from selaras.connectors.answers import Response
from selaras.connectors.contract import (
    Ambiguous,
    Capabilities,
    Done,
    Expired,
    Failed,
    Rejected,
    Transient,
    Write,
)
from selaras.connectors.http import Http
from selaras.connectors.oauth import OAuth
from selaras.connectors.sandbox_books import SandboxBooks
from selaras.model.document import SalesOrder

TAKEN = {"ok": False, "code": "duplicate_reference", "field": "reference", "message": "Taken.", "id": "sor1"}
OURS = {
    "id": "sor1",
    "reference": "1",
    "number": "SO-1",
    "total": "5",
    "currency": "IDR",
    "status": "open",
    "version": 1,
}


class Script:
    """Answers in order; keeps what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def request(self, method: str, path: str, **more: Any) -> Response:
        self.asked.append(f"{method} {path}")
        status, body = self.answers.pop(0)
        return Response(status, {}, body if isinstance(body, bytes) else msgspec.json.encode(body), more["effect"])


def connector(*answers: Any) -> tuple[SandboxBooks, Script]:
    script = Script(*answers)
    can = Capabilities(batch=100, read_batch=100, visibility_lag=1.5)
    return SandboxBooks(cast(Http, script), cast(OAuth, None), can, zone="Asia/Jakarta"), script


def page(at: str, *items: Any, after: str | None = None) -> tuple[int, Any]:
    return 200, {"items": items, "next": after, "more": after is not None, "server_time": at}


def write(reference: str = "1") -> Write:
    return Write("k", SalesOrder(reference, dt.date(2026, 11, 20), "IDR", Decimal(5), contact_id="con1"))


async def test_the_next_poll_begins_before_the_first_page_of_this_one() -> None:
    books, script = connector(
        page("2026-11-20T10:00:00.000Z", after="k1"),
        page("2026-11-20T10:00:40.000Z", after="k 2"),
        page("2026-11-20T10:01:20.000Z"),
        page("2026-11-20T11:00:00.000Z"),
    )
    cursor = ""
    for more in (True, True, False, False):
        changes = await books.changed("invoice", cursor)
        assert changes.more is more
        cursor = changes.cursor
    assert script.asked == [
        "GET /api/invoices?limit=100",
        "GET /api/invoices?limit=100&after=k1",
        "GET /api/invoices?limit=100&after=k%202",
        "GET /api/invoices?limit=100&updated_since=2026-11-20T09%3A59%3A57.500Z",
    ], "one lag and a second before 10:00:00, however long the pages took"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", {"results": []}, {"results": [TAKEN, TAKEN]}])
async def test_an_answer_to_a_write_that_cannot_be_read_is_ambiguous(body: Any) -> None:
    books, _ = connector((200, body))
    with pytest.raises(Ambiguous):
        await books.write("sales_order", "create", [write()])


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", {"items": [{"id": 5}], "server_time": "x"}])
async def test_an_answer_to_a_read_that_cannot_be_read_is_transient(body: Any) -> None:
    books, _ = connector(*[(200, body)] * 3)
    with pytest.raises(Transient):
        await books.changed("invoice", "")
    with pytest.raises(Transient):
        await books.read("invoice", ["inv1"])
    with pytest.raises(Transient):
        await books.find("invoice", ["1"])


async def test_a_company_that_cannot_be_read() -> None:
    books, _ = connector((200, {"name": "x"}))
    with pytest.raises(Transient):
        await books.check()


@pytest.mark.parametrize(
    ("there", "kind"),
    [
        ([OURS], Done),
        ([OURS | {"total": "5.00"}], Done),
        ([OURS | {"total": "6"}], Rejected),
        ([OURS | {"currency": "USD"}], Rejected),
        ([OURS | {"reference": "2"}], Rejected),
        ([], Rejected),
        ([{"id": 5}], Ambiguous),
    ],
)
async def test_whose_is_a_reference_that_is_taken(there: list[Any], kind: type) -> None:
    books, script = connector((200, {"results": [TAKEN]}), page("2026-11-20T10:00:00.000Z", *there))
    (outcome,) = await books.write("sales_order", "create", [write()])
    assert type(outcome.error if isinstance(outcome, Failed) else outcome) is kind
    assert script.asked[1] == "GET /api/sales_orders?ids=sor1"


async def test_a_change_to_a_taken_reference_is_not_ours() -> None:
    books, script = connector((200, {"results": [TAKEN]}))
    (outcome,) = await books.write("sales_order", "update", [msgspec.structs.replace(write(), id="sor2")])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Rejected)
    assert len(script.asked) == 1


async def test_requests_refused_as_a_whole() -> None:
    books, _ = connector((404, b"<html>"), (403, {"error": "forbidden", "message": "Not yours."}), (400, b""))
    outcomes = await books.write("sales_order", "create", [write("1"), write("2")])
    assert [type(o.error) for o in outcomes if isinstance(o, Failed)] == [Rejected, Rejected]
    with pytest.raises(Expired, match="Not yours"):
        await books.write("sales_order", "create", [write()])
    with pytest.raises(Rejected):
        await books.changed("invoice", "")
