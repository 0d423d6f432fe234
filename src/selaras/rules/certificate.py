"""The month-end certificate (X1): a file that proves itself, and the check that needs nothing but the file.

Line 1 is the header, then one line for each record in the order of (day, id), then one closing line with the totals.
Every line is a JSON object in canonical form: keys sorted, no blanks, UTF-8, amounts as decimal strings. Its last word,
`chain`, is SHA-256 over the chain of the line before (64 zeros before the first), a newline, and the line without
`chain`. So no line can be changed, left out, added or moved without the check naming the first one that does not fit;
whoever keeps the last chain value (the *seal*) can tell the file from any other.
"""

from __future__ import annotations

import calendar
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from selaras.model.money import EXPONENTS
from selaras.rules.explain import N_, Sentence

FORMAT: Final = "selaras-certificate/1"
STATUSES: Final = ("posted", "waiting", "blocked", "skipped")
START: Final = "0" * 64

_HEADER: Final = frozenset(
    ("format", "month", "connection", "kind", "zone", "made_at", "software", "policy_version", "books")
)
_RECORD: Final = frozenset(("id", "number", "day", "currency", "total", "status", "digest", "documents"))
_DOCUMENT: Final = frozenset(("target", "kind", "id", "number", "reference", "currency", "total"))
_CLOSING: Final = frozenset(("records", "totals", "green"))

_EMPTY = Sentence(N_("The file is empty."))
_ENDING = Sentence(N_("The last line does not end as it must; something was cut off or added."))
_NOT_TEXT = Sentence(N_("This line is not readable text."))
_NOT_CANONICAL = Sentence(N_("This line is not written in the canonical form; it was changed."))
_CHAIN = Sentence(N_("The hash of this line does not fit; the line, or one before it, was changed, left out or moved."))
_FORMAT = Sentence(N_("This is not the header of a certificate of the form %(format)s."))
_FIELDS = Sentence(N_("This line does not have the fields that it must have."))
_ORDER = Sentence(N_("Record %(id)s stands twice or out of order."))
_DAY = Sentence(N_("Record %(id)s is of %(day)s, which is not in the month %(month)s."))
_STATUS = Sentence(N_("Record %(id)s has the unknown status %(status)s."))
_AMOUNT = Sentence(N_("%(amount)s is not an amount in %(currency)s."))
_COUNT = Sentence(N_("The closing line counts %(said)s records, the file has %(found)s."))
_TOTALS = Sentence(N_("The totals of the closing line are not those of the records above it."))
_GREEN = Sentence(N_("The closing line says more than its totals do."))
_NO_CLOSING = Sentence(N_("The closing line is missing; the file was cut off."))


class Fault(msgspec.Struct, frozen=True):
    """The first line (from 1) that does not fit, and why."""

    line: int
    message: str


class Checked(msgspec.Struct, frozen=True):
    """What the check came to. `fault` None says that every hash and every sum was recomputed and fits.

    `seal` is the last chain value as recomputed up to the fault.
    """

    fault: Fault | None
    header: dict[str, Any]
    records: int
    totals: dict[str, Any]
    green: bool
    seal: str

    @property
    def ok(self) -> bool:
        """Nothing was changed."""
        return self.fault is None


def canonical(value: Mapping[str, Any]) -> bytes:
    """The one way in which a line may be written."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link(before: str, line: Mapping[str, Any]) -> str:
    """The chain value of a line (without its own `chain`) after the chain value `before`."""
    return hashlib.sha256(before.encode() + b"\n" + canonical(line)).hexdigest()


def write(header: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The lines of a certificate, closing line included. `records` come sorted by (day, id).

    Amounts are decimal strings in major units with the currency's own number of decimals.
    """
    chain, count, totals = START, 0, Totals()
    line = {"format": FORMAT, **header}
    chain = link(chain, line)
    yield canonical({**line, "chain": chain}) + b"\n"
    for record in records:
        chain = link(chain, record)
        yield canonical({**record, "chain": chain}) + b"\n"
        count += 1
        totals.add(record["status"], record["currency"], record["total"])
    closing = {"records": count, "totals": totals.written(), "green": totals.green}
    yield canonical({**closing, "chain": link(chain, closing)}) + b"\n"


class Totals:
    """Count and sum by status and currency."""

    def __init__(self) -> None:
        self._figures: dict[tuple[str, str], tuple[int, Decimal]] = {}

    def add(self, status: str, currency: str, total: str) -> None:
        """Add one record."""
        count, amount = self._figures.get((status, currency), (0, Decimal(0)))
        self._figures[(status, currency)] = (count + 1, amount + Decimal(total))

    @property
    def green(self) -> bool:
        """Nothing waits and nothing is blocked."""
        return not any(status in ("waiting", "blocked") for status, _currency in self._figures)

    def written(self) -> dict[str, dict[str, dict[str, Any]]]:
        """status → currency → {"count", "sum"}."""
        said: dict[str, dict[str, dict[str, Any]]] = {}
        for (status, currency), (count, amount) in sorted(self._figures.items()):
            said.setdefault(status, {})[currency] = {"count": count, "sum": f"{amount:f}"}
        return said


def check(content: bytes) -> Checked:
    """Recompute every hash and every sum of a certificate and name the first line that does not fit."""
    return _Checker().run(content)


class _Stop(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _Checker:
    def __init__(self) -> None:
        self.chain = START
        self.header: dict[str, Any] = {}
        self.totals = Totals()
        self.count = 0
        self.last: tuple[str, str] = ("", "")

    def run(self, content: bytes) -> Checked:
        lines = content.split(b"\n")
        closing: dict[str, Any] = {}
        number = 1
        try:
            if not content:
                raise _Stop(_EMPTY())
            for number, raw in enumerate(lines[:-1], start=1):
                line = self._line(raw)
                if number == 1:
                    self._header(line)
                elif "id" in line:
                    self._record(line)
                elif number == len(lines) - 1:
                    closing = line
                    self._closing(line)
                else:
                    raise _Stop(_FIELDS())
            number = len(lines)
            if lines[-1]:
                raise _Stop(_ENDING())
            if not closing:
                raise _Stop(_NO_CLOSING())
        except _Stop as stop:
            return self._answer(Fault(number, stop.message), closing)
        return self._answer(None, closing)

    def _answer(self, fault: Fault | None, closing: Mapping[str, Any]) -> Checked:
        green = fault is None and bool(closing.get("green"))
        return Checked(fault, self.header, self.count, self.totals.written(), green, self.chain)

    def _line(self, raw: bytes) -> dict[str, Any]:
        try:
            line = json.loads(raw.decode())
        except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
            raise _Stop(_NOT_TEXT()) from None
        if not isinstance(line, dict) or not isinstance(line.get("chain"), str):
            raise _Stop(_FIELDS())
        try:
            same = canonical(line) == raw
        except ValueError:  # a half surrogate pair written as an escape
            same = False
        if not same:
            raise _Stop(_NOT_CANONICAL())
        said = line.pop("chain")
        found = link(self.chain, line)
        if said != found:
            raise _Stop(_CHAIN())
        self.chain = found
        return line

    def _header(self, line: dict[str, Any]) -> None:
        if line.get("format") != FORMAT:
            raise _Stop(_FORMAT(format=FORMAT))
        if line.keys() != _HEADER or not _month(line["month"]):
            raise _Stop(_FIELDS())
        self.header = line

    def _record(self, line: dict[str, Any]) -> None:
        if line.keys() != _RECORD or not all(isinstance(line[name], str) for name in _RECORD - {"documents"}):
            raise _Stop(_FIELDS())
        for document in line["documents"] if isinstance(line["documents"], list) else [None]:
            if not isinstance(document, dict) or document.keys() != _DOCUMENT:
                raise _Stop(_FIELDS())
        place = (line["day"], line["id"])
        if place <= self.last:
            raise _Stop(_ORDER(id=line["id"]))
        if not line["day"].startswith(self.header["month"] + "-"):
            raise _Stop(_DAY(id=line["id"], day=line["day"], month=self.header["month"]))
        if line["status"] not in STATUSES:
            raise _Stop(_STATUS(id=line["id"], status=line["status"]))
        if not _exact(line["total"], line["currency"]):
            raise _Stop(_AMOUNT(amount=line["total"], currency=line["currency"]))
        self.last = place
        self.count += 1
        self.totals.add(line["status"], line["currency"], line["total"])

    def _closing(self, line: dict[str, Any]) -> None:
        if line.keys() != _CLOSING:
            raise _Stop(_FIELDS())
        if line["records"] != self.count:
            raise _Stop(_COUNT(said=line["records"], found=self.count))
        if line["totals"] != self.totals.written():
            raise _Stop(_TOTALS())
        if line["green"] is not self.totals.green:
            raise _Stop(_GREEN())


def _exact(text: str, currency: str) -> bool:
    """Whether a text is an amount of the currency, with exactly its decimals (an unknown currency only has 0)."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    digits = EXPONENTS.get(currency)
    if digits is None:
        return text == "0"
    return amount.is_finite() and amount.as_tuple().exponent == -digits and f"{amount:f}" == text


def _month(text: object) -> bool:
    return (
        isinstance(text, str)
        and len(text) == 7
        and text[4] == "-"
        and text.isascii()
        and (text[:4] + text[5:]).isdecimal()
        and text[:4] != "0000"
        and 1 <= int(text[5:]) <= 12
    )


def days_of(month: str) -> tuple[str, str]:
    """The first and last ISO day of a month written YYYY-MM. Raises `ValueError`."""
    if not _month(month):
        raise ValueError(f"{month!r} is not a month: write it as YYYY-MM, such as 2026-08")
    year, number = int(month[:4]), int(month[5:])
    return f"{month}-01", f"{month}-{calendar.monthrange(year, number)[1]:02}"
