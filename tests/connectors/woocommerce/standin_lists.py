"""Lists of the stand-in: filters, order, offset and totals as WC_REST_CRUD_Controller and WordPress have them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tests.connectors.woocommerce.standin_auth import WooError
from tests.connectors.woocommerce.standin_shop import Shop

T = TypeVar("T")
ORDERBY = ("date", "id", "include", "title", "slug", "modified")


def bad_param(name: str, why: str) -> WooError:
    return WooError("rest_invalid_param", f"Invalid parameter(s): {name}", 400, params={name: why})


def number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit() or not low <= int(text) <= high:
        raise bad_param(name, f"{name} must be between {low} (inclusive) and {high} (inclusive)")
    return int(text)


def moment(shop: Shop, query: Mapping[str, str], name: str) -> float | None:
    """A bound as the second it is compared with.

    A time without an offset is taken for the column's own: UTC with `dates_are_gmt`, else the shop's. WordPress turns
    one *with* an offset into the shop's local time first, and compares that with the column, be it the UTC one.
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        raise bad_param(name, "Invalid date.") from None
    if value.tzinfo is not None:
        value = value.astimezone(shop.zone).replace(tzinfo=None)
    gmt = query.get("dates_are_gmt", "false") in ("true", "1")
    return value.replace(tzinfo=dt.UTC if gmt else shop.zone).timestamp()


class Listed:
    """A row of a list: what it is sorted and filtered by."""

    def __init__(self, id: int, created: int, modified: int, thing: Any) -> None:
        self.id = id
        self.created = created
        self.modified = modified
        self.thing = thing


def select(
    shop: Shop, rows: Sequence[Listed], query: Mapping[str, str], chance: random.Random
) -> tuple[list[Any], dict[str, str]]:
    """The page asked for, and its headers. Sorted by `modified`, rows of one second come in any order."""
    per_page = number(query, "per_page", 10, 1, 100)
    page = number(query, "page", 1, 1, 10**9)
    offset = number(query, "offset", 0, 0, 10**9) if "offset" in query else (page - 1) * per_page
    orderby, order = query.get("orderby", "date"), query.get("order", "desc")
    if orderby not in ORDERBY or order not in ("asc", "desc"):
        raise bad_param("orderby", "orderby is not one of " + ", ".join(ORDERBY))
    found = list(rows)
    bounds: list[tuple[str, Callable[[Listed], int], bool]] = [
        ("after", lambda r: r.created, True),
        ("before", lambda r: r.created, False),
        ("modified_after", lambda r: r.modified, True),
        ("modified_before", lambda r: r.modified, False),
    ]
    for name, value, later in bounds:
        at = moment(shop, query, name)
        if at is not None:
            found = [r for r in found if (value(r) > at if later else value(r) < at)]
    for name, keep in (("include", True), ("exclude", False)):
        ids = {int(part) for part in query.get(name, "").split(",") if part.strip().isdigit()}
        if ids:
            found = [r for r in found if (r.id in ids) is keep]
    keys: dict[str, Callable[[Listed], Any]] = {
        "id": lambda r: r.id,
        "modified": lambda r: (r.modified, chance.random()),
        "date": lambda r: (r.created, r.id),
    }
    found.sort(key=keys.get(orderby, keys["date"]), reverse=order == "desc")
    shown = found[offset : offset + per_page]
    # Behind the end WP_Query counts nothing.
    total = len(found) if shown or not offset else 0
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(-(-total // per_page))}
    return [row.thing for row in shown], headers


def only_fields(row: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """`_fields`."""
    if "_fields" not in query:
        return row
    wanted = set(query["_fields"].split(","))
    return {name: value for name, value in row.items() if name in wanted}
