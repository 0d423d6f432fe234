"""Many orders in little time: rows of real orders, made by Medusa's own checkout, copied in its database.

A checkout takes Medusa a second. Tests that need hundreds of orders take a few real ones and copy all that belongs to
them under new ids; Medusa then reads, captures and refunds them like any other.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence

import msgspec
import psycopg

OWN = re.compile(
    r"\b(order|ordli|ordlitxl|ordliadj|orditem|ordsm|ordspmv|ordsmtxl|ordsmadj|ordaddr|ordsum|ordpay|pay_col|payses|pay)"
    r"_([0-9A-Z]{20})[0-9A-Z]{6}\b"
)
_ORDER = """SELECT o.id FROM "order" o WHERE o.id = %(id)s"""
_LINES = "SELECT item_id FROM order_item WHERE order_id = %(id)s"
_METHODS = "SELECT shipping_method_id FROM order_shipping WHERE order_id = %(id)s"
_COLLECTIONS = "SELECT payment_collection_id FROM order_payment_collection WHERE order_id = %(id)s"
_ADDRESSES = """SELECT unnest(ARRAY[shipping_address_id, billing_address_id]) FROM "order" WHERE id = %(id)s"""
TABLES = (
    ("order_address", "id", _ADDRESSES),
    ("order", "id", _ORDER),
    ("order_line_item", "id", _LINES),
    ("order_line_item_tax_line", "item_id", _LINES),
    ("order_line_item_adjustment", "item_id", _LINES),
    ("order_item", "order_id", _ORDER),
    ("order_shipping_method", "id", _METHODS),
    ("order_shipping_method_tax_line", "shipping_method_id", _METHODS),
    ("order_shipping_method_adjustment", "shipping_method_id", _METHODS),
    ("order_shipping", "order_id", _ORDER),
    ("order_summary", "order_id", _ORDER),
    ("payment_collection", "id", _COLLECTIONS),
    ("payment_collection_payment_providers", "payment_collection_id", _COLLECTIONS),
    ("payment_session", "payment_collection_id", _COLLECTIONS),
    ("payment", "payment_collection_id", _COLLECTIONS),
    ("order_payment_collection", "order_id", _ORDER),
)
_TIMES = re.compile(r'"(created_at|updated_at)":"[^"]*"')
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_turns = itertools.count(1)


class Model(msgspec.Struct, frozen=True):
    """A real order as rows: (table, JSON text)."""

    rows: tuple[tuple[str, str], ...]


def taken(connection: psycopg.Connection[tuple[object, ...]], id: str) -> Model:
    """The rows of a real order."""
    rows: list[tuple[str, str]] = []
    for table, column, where in TABLES:
        found = connection.execute(
            f'SELECT row_to_json(t)::text FROM "{table}" t WHERE t."{column}" IN ({where})', {"id": id}
        )
        rows += [(table, str(text)) for (text,) in found]
    return Model(tuple(rows))


def put(
    connection: psycopg.Connection[tuple[object, ...]], models: Sequence[Model], count: int, at: dt.datetime | None
) -> list[str]:
    """`count` copies, all of one instant where `at` is given; their ids."""
    made = []
    rows: dict[str, list[str]] = {table: [] for table, _column, _where in TABLES}
    now = at or dt.datetime.now(dt.UTC)
    for turn in range(count):
        model = models[turn % len(models)]
        tail = _tail(next(_turns))
        moment = now if at is not None else now + dt.timedelta(milliseconds=turn)
        times = rf'"\1":"{moment.isoformat(timespec="milliseconds")}"'
        for table, text in model.rows:
            # The tail is the end of an ULID, the rest stays: ids of one order stay different from each other.
            copied = OWN.sub(rf"\g<1>_\g<2>{tail}", _TIMES.sub(times, text))
            rows[table].append(copied)
            if table == "order":
                made.append(str(msgspec.json.decode(copied)["id"]))
    for table, texts in rows.items():
        if not texts:
            continue
        filled = f'json_populate_record(NULL::"{table}", j::json)'
        connection.execute(f'INSERT INTO "{table}" SELECT ({filled}).* FROM unnest(%s::text[]) j', (texts,))
        if table == "order":
            numbered = """UPDATE "order" SET display_id = nextval('order_display_id_seq') WHERE id = ANY(%s)"""
            connection.execute(numbered, (made,))
    return made


def _tail(number: int) -> str:
    text = ""
    for _ in range(6):
        number, rest = divmod(number, 32)
        text = _DIGITS[rest] + text
    return text
