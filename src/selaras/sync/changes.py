"""What changed between two versions of a record, field by field, in the source's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


class Change(msgspec.Struct, frozen=True):
    """One field: its path ("line_items[0].price"), before and after; "" when it was not there."""

    field: str
    before: str
    after: str


def changes_between(before: bytes, after: bytes) -> list[Change]:
    """The fields that differ, sorted by path. Bytes that are not JSON are compared line by line."""
    old, new = _fields(before), _fields(after)
    return [
        Change(path, old.get(path, ""), new.get(path, ""))
        for path in sorted(old.keys() | new.keys())
        if old.get(path, "") != new.get(path, "")
    ]


def _fields(raw: bytes) -> dict[str, str]:
    try:
        # Numbers stay as they were written: 1.10 and 1.1 are different words of the source.
        return dict(_flat("", _Numbers.decode(raw)))
    except (msgspec.DecodeError, UnicodeDecodeError):
        lines = raw.decode("utf-8", "replace").splitlines()
        return {f"line {number:05}": line for number, line in enumerate(lines, start=1)}


_Numbers = msgspec.json.Decoder(float_hook=str)


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _flat(f"{path}.{name}" if path else str(name), part)
    elif isinstance(value, list) and value:
        for place, part in enumerate(value):
            yield from _flat(f"{path}[{place}]", part)
    elif isinstance(value, str):
        yield path, value
    else:
        yield path, msgspec.json.encode(value).decode()
