"""What Vendure's refusals mean.

Vendure answers 200 to nearly everything (reference/store-billing-payment-apis.md §5). A call has failed when there is
anything in `errors`, and a mutation has failed as well when its result is one of the `ErrorResult` types. The code
decides; the message is written in the language of the channel.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from selaras.connectors.contract import Ambiguous, ConnectorError, Rejected, Transient

RIGHTS: Final = (
    "Give the administrator's role these permissions on the channel: ReadOrder, UpdateOrder, ReadCatalog, "
    "UpdateCatalog, ReadStockLocation, ReadCustomer, ReadChannel, ReadSettings."
)
SIGN_IN: Final = (
    "Enter an API key made on this very channel, or the name and password of an administrator, and the channel's token."
)
_CHANNEL: Final = "Copy the channel's token from Vendure (Settings, Channels), or leave it empty for the default one."
_TOGETHER: Final = "Update Vendure to 3.7, or Selaras, so that both know the same fields."


class WireError(msgspec.Struct):
    """One of `errors`."""

    message: str = ""
    extensions: dict[str, Any] = {}

    @property
    def code(self) -> str:
        """Its stable code."""
        return str(self.extensions.get("code") or "")


def failure(errors: list[WireError], *, effect: bool) -> ConnectorError:
    """The error that `errors` of an answer means; FORBIDDEN is the client's own matter."""
    codes = [error.code for error in errors]
    first = errors[0]
    if "CHANNEL_NOT_FOUND" in codes or "NO_VALID_CHANNEL" in codes:
        return Rejected(
            "the store has no channel with the token of this connection",
            code="unknown_channel", field="channel", cure=_CHANNEL,
        )  # fmt: skip
    if codes[0] in ("GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT"):
        return Rejected(f"the store does not understand the question: {first.message}", code=codes[0], cure=_TOGETHER)
    if codes[0] in ("USER_INPUT_ERROR", "ENTITY_NOT_FOUND", "ILLEGAL_OPERATION", "INTERNAL_SERVER_ERROR_USER"):
        return Rejected(
            f"the store refuses: {first.message}",
            code=codes[0],
            cure="Correct the record in the store, then try again.",
        )
    said = f"the store failed: {first.message or codes[0] or 'no reason given'}"
    if effect:
        # The store undoes what stands in its database, not what a payment handler has done meanwhile.
        return Ambiguous(f"{said}; it may have taken effect", code=codes[0] or "graphql")
    return Transient(said, code=codes[0] or "graphql")


def refusal(result: Any) -> Rejected | None:
    """The refusal that a mutation's result is, if it is one: an `ErrorResult` has a code, what was done has not."""
    if not isinstance(result, dict) or not result.get("errorCode"):
        return None
    code = str(result["errorCode"])
    detail = str(result.get("transitionError") or result.get("paymentErrorMessage") or "")
    message = ": ".join(filter(None, (str(result.get("message") or code), detail)))
    return Rejected(
        f"the store refuses: {message}", code=code, field="order_id", cure="Look at the order in the store."
    )
