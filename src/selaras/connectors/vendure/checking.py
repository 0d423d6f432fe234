"""The check of a connection: what is wrong with it, and how it is mended. It writes nothing."""

from __future__ import annotations

from typing import Any, Final

from selaras.connectors.contract import Check, ConnectorError, Expired, Finding, Rejected
from selaras.connectors.vendure.client import Client
from selaras.connectors.vendure.errors import RIGHTS
from selaras.model.money import EXPONENTS

_SKEW: Final = 60.0
_PLACES: Final = "{ stockLocations(options: { take: 100 }) { items { id name } } }"
_READS: Final = """{ orders(options: { take: 1 }) { items { id customer { id } payments { id } } }
 productVariants(options: { take: 1 }) { items { id stockLevels { stockOnHand } } } }"""
# Neither changes anything: no variant is named, and no order has the number 0. Rights are looked at before that.
_WRITES: Final = (
    "mutation { updateProductVariants(input: []) { id } }",
    'mutation { settlePayment(id: "0") { __typename } }',
)


async def check(client: Client, zone: str, location: str, secret: str) -> Check:
    """Five calls: the channel, what the administrator may do on it, and the stock locations."""
    client.forget_shop()
    try:
        shop = await client.shop()
    except (Expired, Rejected) as error:
        return Check("", "", "", client.skew or 0.0, (Finding("sign-in", False, error.message, error.cure),))
    channel = shop.active_channel
    findings = [Finding("sign-in", True), await _rights(client), await _places(client, location)]
    currency = channel.default_currency_code
    known = currency in EXPONENTS
    findings += [
        Finding(
            "currency", known, "" if known else f"{currency} is no currency of ISO 4217",
            "" if known else "Choose the channel's currency in Vendure.",
        ),
        Finding(
            "taxes", True,
            "prices contain the tax" if channel.prices_include_tax else "the tax is added to the prices",
        ),
        # Vendure keeps UTC and has no zone: the business's day is the connection's.
        Finding("time zone", True, f"Vendure has no zone of its own; days are those of {zone}"),
        Finding(
            "hints", True,
            "" if secret else "without the hint plugin payments and refunds are found within ten minutes",
        ),
    ]  # fmt: skip
    skew = client.skew or 0.0
    late = bool(secret) and abs(skew) > 300
    findings.append(
        Finding(
            "clock", not late, "" if abs(skew) <= _SKEW else f"the store's clock differs by {skew:.0f} s",
            "Set the clocks of both machines by NTP, or hints are refused." if late else "",
        )
    )  # fmt: skip
    return Check(channel.code, currency, zone, skew, findings)


async def _rights(client: Client) -> Finding:
    """Whether we may read and write; told by trying, since not every key may ask what it may do."""
    for query in (_READS, *_WRITES):
        try:
            await client.ask(query, dict[str, Any])
        except ConnectorError as error:
            if query is _READS or error.code in ("no_permission", "FORBIDDEN"):
                return Finding("permissions", False, error.message, error.cure or RIGHTS)
    return Finding("permissions", True)


async def _places(client: Client, location: str) -> Finding:
    try:
        answer: dict[str, Any] = await client.ask(_PLACES, dict[str, Any])
    except ConnectorError as error:
        return Finding("stock location", False, error.message, error.cure or RIGHTS)
    places = {str(one["id"]): str(one["name"]) for one in answer["stockLocations"]["items"]}
    listed = ", ".join(f"{id} ({name})" for id, name in places.items())
    if location and location not in places:
        return Finding(
            "stock location", False, f"there is no stock location {location}; there are {listed}",
            "Enter the id of one of them, or leave the setting empty.",
        )  # fmt: skip
    if not location and len(places) > 1:
        return Finding("stock location", True, f"stock is written to the first of {listed}")
    return Finding("stock location", True)
