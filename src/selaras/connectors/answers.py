"""Answers of a system: the response as connectors read it, and how long a refusal asks to wait."""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from selaras.connectors.contract.errors import Ambiguous, ConnectorError, Transient

T = TypeVar("T")

MAX_RETRY_AFTER: Final = 3600.0
_NUMBER: Final = re.compile(r"([+-]?\d{1,18})(\.\d*[1-9]\d*)?(?:\.0*)?")


class Response(msgspec.Struct, frozen=True):
    """An answer. `headers` have lower-case names (repeated ones joined by ", "); `body` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    effect: bool = False

    @property
    def served_at(self) -> int | None:
        """The other side's clock when it answered (Unix seconds), by its `Date` header; None without one."""
        found = _http_date(self.headers.get("date", ""))
        return None if found is None else int(found)

    def json(self) -> Any:
        """The body as JSON; numbers with a point come as `Decimal`, never as float."""
        return self._parse(_ANY.decode)

    def decode(self, kind: type[T]) -> T:
        """The body as `kind` (a msgspec type). Money fields of `kind` are `Decimal` or `int`."""
        return self._parse(lambda body: msgspec.json.decode(body, type=kind, strict=False))

    def _parse(self, decode: Callable[[bytes], T]) -> T:
        try:
            return decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass
        # An unreadable answer to a write that was not refused says nothing about what became of it.
        error: type[ConnectorError] = Ambiguous if self.effect and self.status < 400 else Transient
        raise error(
            f"the answer (HTTP {self.status}, {len(self.body)} bytes) is not the JSON that was expected",
            code="unreadable",
            status=self.status,
        )

    def __repr__(self) -> str:
        return f"Response(status={self.status}, {len(self.body)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("status", self.status), ("bytes", len(self.body))]


def repaired(raw: bytes) -> bytes:
    """JSON in valid UTF-8: as it came where it is, else with U+FFFD for every byte that is not."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").encode()
    return raw


def damaged(raw: bytes) -> list[str]:
    """The paths of the texts in a JSON value that are not UTF-8, such as `buyer.name`."""
    found: list[str] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                walk(part, f"{path}.{name}" if path else name)
        elif isinstance(value, list):
            for index, part in enumerate(value):
                walk(part, f"{path}[{index}]")
        elif isinstance(value, str) and "\ufffd" in value:
            found.append(path)

    whole = repaired(raw)
    if whole != raw:
        walk(msgspec.json.decode(whole), "")
    return found


_ANY: Final = msgspec.json.Decoder(float_hook=Decimal)


def retry_after(value: str, date: str, now: float) -> float | None:
    """Seconds meant by a Retry-After header (RFC 9110 §10.2.3), 0 to one hour; None when unusable.

    A date counts from the answer's own Date header where there is one, so that a wrong clock on either side
    does not matter; `now` (Unix time) stands in for it.
    """
    value = value.strip()
    if not value:
        return None
    number = _NUMBER.fullmatch(value)
    seconds: float
    if number:
        # Whole seconds by the standard; a part of a second, which some send, counts as one more.
        seconds = int(number[1]) + (1 if number[2] else 0)
    else:
        until = _http_date(value)
        if until is None:
            return None
        start = _http_date(date)
        seconds = until - (now if start is None else start)
    return min(MAX_RETRY_AFTER, max(0.0, seconds))


def _http_date(text: str) -> float | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
