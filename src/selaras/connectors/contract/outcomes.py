"""What was asked of a target and what became of it, item by item (HTTP 200 is not success)."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from selaras.connectors.contract.errors import ConnectorError
from selaras.model.document import Document


class Write(msgspec.Struct, frozen=True):
    """One document to bring into the target. `id` is the target's id for `update` and `void`, else empty.

    `key` never changes for one posting: a target with native idempotency keys gets it as such.
    """

    key: str
    document: Document
    id: str = ""


class Done(msgspec.Struct, frozen=True):
    """The document stands in the target. `total` is what the target says it is (None where it has no total)."""

    id: str
    number: str = ""
    total: Decimal | None = None
    currency: str = ""
    status: str = ""
    version: str = ""


class Failed(msgspec.Struct, frozen=True):
    """The item failed; `error` says how and therefore what happens next."""

    error: ConnectorError


class Found(msgspec.Struct, frozen=True):
    """A document that the target holds under a reference."""

    id: str
    reference: str
    number: str = ""
    total: Decimal | None = None
    currency: str = ""
    status: str = ""


Outcome = Done | Failed
Op = Literal["create", "update", "void"]
