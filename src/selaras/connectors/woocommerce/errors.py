"""WooCommerce's refusals as our kinds of error.

A refusal is `{code, message, data: {status, …}}`. The message is written in the language of the shop, so only the
code decides. What stands before WordPress (a firewall, a cache, the host's maintenance page) answers in HTML instead.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import ConnectorError, Expired, Rejected, Throttled

PAUSE: Final = 60.0
"""Seconds to leave a firewall alone that has refused a call: calling on makes it worse."""

RIGHTS_CURE: Final = "Give the key's user the role of a shop manager, and the key the permission Read/Write."
_CURES: Final = {
    "woocommerce_rest_cannot_view": RIGHTS_CURE,
    "woocommerce_rest_cannot_edit": RIGHTS_CURE,
    "woocommerce_rest_cannot_create": RIGHTS_CURE,
    "woocommerce_rest_cannot_batch": RIGHTS_CURE,
    "rest_forbidden": RIGHTS_CURE,
    "rest_no_route": "Activate WooCommerce in WordPress, and update it where it is older than version 8.",
    "woocommerce_rest_product_invalid_id": "Look whether the product was deleted in the store.",
    "woocommerce_rest_product_variation_invalid_id": "Look whether the variation was deleted in the store.",
    "woocommerce_rest_shop_order_invalid_id": "Look whether the order was deleted in the store.",
}


class Refusal(msgspec.Struct):
    """The store's error body, of a call or of one item of a batch."""

    code: str = ""
    message: str = ""


def refusal_of(answer: Response) -> Refusal | None:
    """What WooCommerce says about a refusal; None when the answer is not its own."""
    try:
        found = msgspec.json.decode(answer.body.removeprefix(b"\xef\xbb\xbf"), type=Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if found.code else None


def refused_item(refusal: Refusal, field: str = "code") -> ConnectorError:
    """The refusal of one item of a batch."""
    code = refusal.code or "no_reason"
    return Rejected(
        refusal.message or "the store refuses this item and gives no reason",
        code=code,
        field=field,
        cure=_CURES.get(code, "Correct the record in the store, then try again."),
    )


def refused(answer: Response, base_url: str) -> ConnectorError:
    """An answer above 299 as what it means; 401 is the credentials'."""
    status = answer.status
    if status < 400:
        return moved(answer, base_url)
    refusal = refusal_of(answer)
    if status == 401:
        return expired(refusal)
    if refusal is None:
        if status == 404:
            return Rejected(
                "the store's address has no REST API",
                code="no_rest_api",
                field="base_url",
                cure="Choose any permalinks but Plain in WordPress (Settings, Permalinks), and check the address.",
                status=status,
            )
        return Throttled(
            f"a firewall or the host of the store refuses the call (HTTP {status}, no answer of WooCommerce)",
            retry_after=PAUSE,
            code="firewall",
            status=status,
        )
    return Rejected(
        refusal.message or f"the store refuses with HTTP {status}",
        code=refusal.code,
        cure=_CURES.get(refusal.code, "Correct the record, then try again."),
        status=status,
    )


def expired(refusal: Refusal | None) -> Expired:
    """The key is not accepted. Where it did not even arrive, the store sees a visitor who may not view the orders."""
    unseen = refusal is not None and refusal.code in ("woocommerce_rest_cannot_view", "rest_forbidden")
    cure = (
        "The host does not pass the Authorization header on: set `credentials` of the connection to `query`."
        if unseen
        else "Make a new key in WooCommerce (Settings, Advanced, REST API) and enter its consumer key and secret."
    )
    told = refusal.message if refusal is not None and refusal.message else "no reason given"
    return Expired(
        f"the store does not accept the key of this connection: {told}",
        code="unauthorized",
        cure=cure,
        status=401,
    )


def moved(answer: Response, base_url: str) -> Rejected:
    """The store sends us elsewhere. A signed call is never sent on: the signature is of the address."""
    there = urlsplit(answer.headers.get("location", ""))
    here = urlsplit(base_url)
    target = f"{there.scheme}://{there.netloc}" if there.netloc else "another path"
    secure = here.scheme == "http" and there.scheme == "https"
    return Rejected(
        f"the store redirects every call to {target}",
        code="redirected",
        field="base_url",
        cure=f"Set the address of the connection to {target}." if secure or there.netloc else "Check the address.",
        status=answer.status,
    )
