"""Parcels: what tracking plugins write into an order's meta fields, else that the order was completed.

WooCommerce itself knows no shipments. Read are the fields of "Shipment Tracking" and of "Advanced Shipment Tracking",
which share `_wc_shipment_tracking_items`, of AfterShip (`_aftership_tracking_items`, formerly
`_aftership_tracking_number`), of YITH (`ywot_tracking_code`), and single fields that a connection names itself:
several Indonesian plugins keep the nomor resi in one of their own. In WooCommerce's own words a completed order is
one that was fulfilled, so it counts as sent even where nobody wrote a number down.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from selaras.connectors.woocommerce.wire import WireOrder, utc
from selaras.model.order import Shipment

_LISTS: Final = ("_wc_shipment_tracking_items", "_aftership_tracking_items")
_NUMBERS: Final = ("tracking_number", "tracking_code", "number")
_COURIERS: Final = ("custom_tracking_provider", "formatted_tracking_provider", "tracking_provider", "slug", "courier")
_SINGLE: Final[Mapping[str, str]] = {
    "_aftership_tracking_number": "_aftership_tracking_provider_name",
    "ywot_tracking_code": "ywot_carrier_name",
    "_tracking_number": "_tracking_provider",
}


def shipments_of(order: WireOrder, further: Sequence[str] = ()) -> tuple[Shipment, ...]:
    """The order's parcels, each number once. `further` names meta fields that hold a tracking number.

    A parcel without a day of its own left when the order was completed, else at the earliest when it was paid or
    placed: the time of the last change would move it with every note.
    """
    completed = utc(order.date_completed_gmt) if order.status in ("completed", "refunded") else None
    default = completed or utc(order.date_paid_gmt) or order.date_created_gmt.replace(tzinfo=dt.UTC)
    meta = {field.key: field.value for field in order.meta_data}
    found: dict[str, Shipment] = {}
    for name in _LISTS:
        for item in _items(meta.get(name)):
            number = _first(item, _NUMBERS)
            if number:
                key = str(item.get("tracking_id") or number)
                sent = _instant(item.get("date_shipped")) or default
                found.setdefault(number, Shipment(key, sent, number, _first(item, _COURIERS)))
    for name in (*further, *_SINGLE):
        number = _text(meta.get(name))
        if number:
            courier = _text(meta.get(_SINGLE[name])) if name in _SINGLE else ""
            found.setdefault(number, Shipment(number, default, number, courier))
    if not found and completed is not None:
        return (Shipment("completed", completed),)
    return tuple(found.values())


def _items(raw: msgspec.Raw | None) -> list[dict[str, Any]]:
    """A list that a plugin keeps: JSON, or JSON once more inside a text; PHP makes an object of it now and then."""
    value = _value(raw)
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.MsgspecError:
            return []
    if isinstance(value, dict):
        value = list(value.values())
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _value(raw: msgspec.Raw | None) -> Any:
    return None if raw is None else msgspec.json.decode(raw)


def _text(raw: msgspec.Raw | None) -> str:
    value = _value(raw)
    return str(value).strip() if isinstance(value, str | int) else ""


def _first(item: Mapping[str, Any], names: Sequence[str]) -> str:
    for name in names:
        value = item.get(name)
        if isinstance(value, str | int) and str(value).strip():
            return str(value).strip()
    return ""


def _instant(value: Any) -> dt.datetime | None:
    """When a parcel was handed over: Unix seconds, as number or text, or a day as text (its noon, UTC)."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    if text.isdigit() and 0 < int(text) < 1 << 40:
        return dt.datetime.fromtimestamp(int(text), dt.UTC)
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text[:10]), dt.time(12), dt.UTC)
    except ValueError:
        return None
