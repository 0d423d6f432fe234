"""Tryton's JSON: decimals, dates and instants are tagged objects, quantities are plain numbers.

Source: trytond 8.2, `trytond/protocols/jsonrpc.py` (`JSONDecoder.register`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
Row = dict[str, Any]


class Number(msgspec.Struct, frozen=True):
    """A quantity: a field of Tryton's type Float, which goes over the wire as a plain number."""

    value: Decimal


def encode(value: Any) -> bytes:
    """JSON as Tryton reads it. `Decimal` is money, `Number` a quantity."""
    return msgspec.json.encode(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, Number):
        return msgspec.Raw(format(value.value.normalize(), "f").encode())
    if isinstance(value, dt.datetime):
        return {
            "__class__": "datetime",
            "year": value.year,
            "month": value.month,
            "day": value.day,
            "hour": value.hour,
            "minute": value.minute,
            "second": value.second,
            "microsecond": value.microsecond,
        }
    if isinstance(value, dt.date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return value


def decode(body: bytes) -> Any:
    """What Tryton said, with `Decimal`, `date` and `datetime` (naive UTC) in place of the tagged objects.

    A field that was asked for with its own fields comes as "party." over JSON-RPC and as "party" over REST; here it is
    "party" in both cases. Raises `msgspec.MsgspecError`, `UnicodeDecodeError`, `ValueError` or `KeyError`.
    """
    return _typed(_DECODER.decode(body))


def _typed(value: Any) -> Any:
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get("__class__")
    if tag == "Decimal":
        return Decimal(value["decimal"])
    if tag == "date":
        return dt.date(value["year"], value["month"], value["day"])
    if tag == "datetime":
        return dt.datetime(  # noqa: DTZ001 -- Tryton's instants are UTC without saying so
            value["year"], value["month"], value["day"],
            value["hour"], value["minute"], value["second"], value["microsecond"],
        )  # fmt: skip
    if tag == "timedelta":
        return value["seconds"]
    plain = {key: _typed(item) for key, item in value.items() if not key.endswith(".")}
    for key, item in value.items():
        if key.endswith("."):
            nested, name = _typed(item), key[:-1]
            if isinstance(nested, dict) and "id" not in nested and plain.get(name) is not None:
                nested["id"] = plain[name]  # answers of on_change have the name here and the id there
            plain[name] = nested
    return plain


def quantity(value: Any) -> Decimal:
    """A quantity that was read: a JSON number, exact as it was written."""
    return Decimal(value) if value is not None else Decimal(0)


def instant(row: Row) -> dt.datetime:
    """When a record last changed: `write_date` is empty until its first change."""
    stamp = row.get("write_date") or row["create_date"]
    return stamp.replace(tzinfo=dt.UTC)  # type: ignore[no-any-return]


def reference(value: Any, model: str) -> str:
    """The id in a Reference field such as "account.invoice,21" when it points at `model`, else ""."""
    name, _, record = str(value or "").partition(",")
    return record if name == model and record.isdigit() else ""
