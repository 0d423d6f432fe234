"""The contract and the recorded answers catch what connectors to Vendure get wrong: each mutant must be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from selaras.connectors.contract import Ambiguous, Rejected, Transient
from selaras.connectors.http import Http
from selaras.connectors.vendure import client as client_module
from selaras.connectors.vendure import lines, mapping, marking, wire
from selaras.connectors.vendure.client import Client
from tests.connectors.kit_servers import served
from tests.connectors.vendure import test_mapping as examples

Patch = pytest.MonkeyPatch


def in_rupiah(patch: Patch) -> None:
    """Rupiah have no sen, so somebody leaves out the factor of a hundred."""
    patch.setattr(wire.Scale, "major", lambda self, amount: Decimal(amount))


def in_floats(patch: Patch) -> None:
    """Money through binary floating point."""
    patch.setattr(wire.Scale, "major", lambda self, amount: float(amount) / 100)


def carts_as_orders(patch: Patch) -> None:
    """Every row of the list is an order."""
    patch.setattr(mapping, "UNPLACED", frozenset())
    kept = mapping._decoder

    class Placed:
        def decode(self, raw: bytes) -> Any:
            found = kept.decode(raw)
            found.order_placed_at = found.order_placed_at or found.created_at
            return found

    patch.setattr(mapping, "_decoder", Placed())


def refunds_twice(patch: Patch) -> None:
    """The order is lower already, and the refund takes it off once more."""
    patch.setattr(mapping, "lines_of", lambda order, backs, scale: _lines_of(order, [], scale))


def authorised_as_received(patch: Patch) -> None:
    """A promise is taken for money."""
    kept = mapping._decoder

    class Settled:
        def decode(self, raw: bytes) -> Any:
            return kept.decode(raw.replace(b'"Authorized"', b'"Settled"'))

    patch.setattr(mapping, "_decoder", Settled())


_lines_of = lines.lines_of
_MUTANTS: list[tuple[Callable[[Patch], None], Callable[[], None]]] = [
    (in_rupiah, examples.test_rupiah_are_written_in_hundredths),
    (in_floats, examples.test_rupiah_are_written_in_hundredths),
    (carts_as_orders, examples.test_a_cart_is_no_order),
    (refunds_twice, examples.test_pieces_that_a_refund_paid_for_are_sold_and_come_back),
    (authorised_as_received, examples.test_authorised_is_not_received),
]


@pytest.mark.parametrize(("mutate", "example"), _MUTANTS, ids=[m.__name__ for m, _ in _MUTANTS])
def test_the_mutant_is_killed(mutate: Callable[[Patch], None], example: Callable[[], None], monkeypatch: Patch) -> None:
    example()
    mutate(monkeypatch)
    with pytest.raises((AssertionError, TypeError, AttributeError)):
        example()


# -- 200 is not success ------------------------------------------------------------------------------------------------

ANSWERS: list[tuple[str, str, type[Exception] | None]] = [
    ('{"errors":[{"message":"x","extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":null}', "", Ambiguous),
    ('{"errors":[{"message":"no such","extensions":{"code":"ENTITY_NOT_FOUND"}}],"data":null}', "", Rejected),
    ('{"errors":[{"message":"half"}],"data":{"settlePayment":null}}', "", Ambiguous),
    ('{"data":{"settlePayment":{"errorCode":"SETTLE_PAYMENT_ERROR","message":"m","paymentErrorMessage":"habis"}}}',
     "habis", Rejected),
    ('{"data":null}', "", Ambiguous),
    ('{"data":{"settlePa', "", Ambiguous),
    ("<h1>Hello</h1>", "", Ambiguous),
    ('{"data":{"settlePayment":{"__typename":"Payment","id":"1","state":"Settled"}}}', "", None),
]  # fmt: skip


@pytest.fixture
async def told() -> AsyncIterator[tuple[Client, list[str]]]:
    """A client and the text that its server answers with, status 200."""
    says = [""]

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=says[0], content_type="application/json")

    async with served(answer) as url, aiohttp.ClientSession():
        client = Client(Http(url), clock=lambda: 0.0, key="k")
        yield client, says
        await client.close()


async def _settle(client: Client) -> None:
    marking._taken(await client.ask("mutation { settlePayment }", dict[str, Any], effect=True))


@pytest.mark.parametrize(("body", "words", "kind"), ANSWERS)
async def test_an_answer_of_200_is_looked_into(
    told: tuple[Client, list[str]], body: str, words: str, kind: type[Exception] | None
) -> None:
    client, says = told
    says[0] = body
    if kind is None:
        await _settle(client)
        return
    with pytest.raises(kind) as caught:
        await _settle(client)
    assert words in str(caught.value)


async def test_a_read_in_the_same_trouble_has_no_effect(told: tuple[Client, list[str]]) -> None:
    client, says = told
    for body, _words, kind in ANSWERS:
        if kind is Ambiguous:
            says[0] = body
            with pytest.raises(Transient):
                await client.ask("{ orders }", dict[str, Any])


async def test_the_mutant_that_believes_200(told: tuple[Client, list[str]], monkeypatch: Patch) -> None:
    """One that looks at the status alone takes refusals for success."""
    client, says = told
    monkeypatch.setattr(client_module, "_read", lambda answer, effect: client_module._Answer(msgspec.Raw(b'{"a":{}}')))
    monkeypatch.setattr(marking, "refusal", lambda result: None)
    for body, _words, kind in ANSWERS:
        says[0] = body
        if kind is not None:
            with pytest.raises(pytest.fail.Exception), pytest.raises(kind):
                await _settle(client)
