"""Layouts of bank exports as data: how the table is headed, what each column is, and what stands above and below it.

The layouts that ship are TOML files beside this module, a user's own one is the same TOML saved by name. Facts:
reference/indonesia.md §2.1, reference/reconciliation.md §1.4 (columns as public code has them).
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from selaras.i18n import N_, gettext

FIELDS: Final = (
    "date", "value_date", "description", "reference", "amount", "flag", "debit", "credit", "balance", "before",
    "account", "currency", "sequence", "-",
)  # fmt: skip
KINDS: Final = ("csv", "xlsx", "html")
# Cells of this length are compared again and again; longer ones are no headers.
_SHORT: Final = 60
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_HOLDER: Final = re.compile(r"\s*(?:nama|name|account name|a\.?n\.?)\b", re.IGNORECASE)


class BadLayout(ValueError):
    """A layout cannot be used; the text (of the catalogue, with the places of `params`) says why and how to mend it."""

    def __init__(self, text: str, **params: object) -> None:
        super().__init__(text % params)
        self.text, self.params = text, params

    def spoken(self) -> str:
        """The sentence in the language of the moment."""
        return gettext(self.text) % self.params


class Layout(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One export of one bank.

    `columns` in their order, each "field: Header" or "field: Header|Other header" ("-" is a column that is not needed,
    an empty header is one without a name). `above` is a pattern that must be found above the header; lines that name
    the holder are not looked at. `decimal` is "." or ",", "" finds it over each column. `flags_in` and `flags_out`
    mark money in and out, in the flag column or behind the amount; `blank` says what a missing mark means ("in", "out",
    or "" for: refuse). `needs` lists what the file must print: "opening", "closing", "period". `spill` names the field
    whose text may hold unquoted delimiters. `signed` amounts carry their own sign.
    """

    name: str
    columns: tuple[str, ...]
    bank: str = ""
    title: str = ""
    kinds: tuple[str, ...] = KINDS
    above: str = ""
    decimal: str = ""
    currency: str = ""
    account: str = ""
    flags_in: tuple[str, ...] = ("CR", "C", "K", "KREDIT", "CREDIT")
    flags_out: tuple[str, ...] = ("DB", "D", "DR", "DEBET", "DEBIT")
    blank: str = ""
    signed: bool = False
    needs: tuple[str, ...] = ()
    spill: str = ""
    source: str = ""

    def fields(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(field, headers) of each column."""
        return _fields(self.columns)

    def heads(self, cells: Sequence[str]) -> bool:
        """Whether a row of texts is this layout's header."""
        texts = [normal(cell) for cell in cells]
        fields = self.fields()
        while len(texts) > len(fields) and not texts[-1]:
            texts.pop()
        texts += [""] * (len(fields) - len(texts))
        return len(texts) == len(fields) and all(
            text in headers for text, (_field, headers) in zip(texts, fields, strict=True)
        )

    def headed(self, lines: Iterable[str]) -> bool:
        """Whether what stands above the header is this bank's."""
        if not self.above:
            return True
        wanted = re.compile(self.above, re.IGNORECASE)
        return any(wanted.search(line) for line in lines if not _HOLDER.match(line))


@functools.lru_cache(maxsize=512)
def _fields(columns: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = []
    for column in columns:
        field, _colon, headers = column.partition(":")
        found.append((field.strip(), tuple(normal(header) for header in headers.split("|"))))
    return tuple(found)


def normal(text: str) -> str:
    """A header as it is compared: small letters, single blanks, no unit in brackets."""
    return _remembered(text) if len(text) <= _SHORT else _normal(text)


@functools.lru_cache(maxsize=4096)
def _remembered(text: str) -> str:
    return _normal(text)


def _normal(text: str) -> str:
    text = re.sub(r"\s*\((?:rp|idr)\.?\)", "", text.replace("\xa0", " "), flags=re.IGNORECASE)
    return " ".join(text.casefold().strip().strip("'").rstrip(":").split())


def checked(layout: Layout) -> Layout:
    """The layout, if it can be used. Raises `BadLayout`."""
    name = layout.name
    if not _NAME.fullmatch(name):
        raise BadLayout(N_("%(name)s is no name for a layout: use small letters, digits, - and _."), name=repr(name))
    fields = [field for field, _headers in layout.fields()]
    for field in fields:
        if field not in FIELDS:
            raise BadLayout(
                N_("Layout %(name)s: %(field)s is no field. Use one of %(fields)s."),
                name=name, field=repr(field), fields=", ".join(FIELDS),
            )  # fmt: skip
    doubled = {field for field in fields if fields.count(field) > 1} - {"-", "description"}
    if doubled:
        raise BadLayout(
            N_("Layout %(name)s: two columns are %(field)s. Keep one of them."), name=name, field=doubled.pop()
        )
    if "date" not in fields:
        raise BadLayout(N_("Layout %(name)s has no date column. Say which one it is."), name=name)
    if "amount" not in fields and not {"debit", "credit"} <= set(fields):
        raise BadLayout(
            N_("Layout %(name)s has neither an amount column nor debit and credit. Say which they are."), name=name
        )
    if layout.decimal not in ("", ".", ","):
        raise BadLayout(N_("Layout %(name)s: decimal must be '.', ',' or empty."), name=name)
    if layout.blank not in ("", "in", "out") or not set(layout.needs) <= {"opening", "closing", "period"}:
        raise BadLayout(
            N_("Layout %(name)s: blank must be 'in', 'out' or empty; needs: opening, closing, period."), name=name
        )
    if not set(layout.kinds) <= set(KINDS):
        raise BadLayout(N_("Layout %(name)s: kinds must be some of %(kinds)s."), name=name, kinds=", ".join(KINDS))
    try:
        re.compile(layout.above)
    except re.error as error:
        raise BadLayout(N_("Layout %(name)s: above is no pattern (%(error)s)."), name=name, error=error) from None
    return layout


def parse(text: str) -> list[Layout]:
    """The layouts of a TOML text. Raises `BadLayout`."""
    try:
        found = msgspec.convert(tomllib.loads(text).get("layout", []), list[Layout])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadLayout(N_("The layout cannot be read: %(error)s."), error=error) from None
    if not found:
        raise BadLayout(N_("The file holds no [[layout]]."))
    return [checked(layout) for layout in found]


@functools.cache
def shipped() -> dict[str, Layout]:
    """The layouts that come with Selaras, by name."""
    found: dict[str, Layout] = {}
    folder = resources.files("selaras.files").joinpath("layouts")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            for layout in parse(file.read_text(encoding="utf-8")):
                if layout.name in found:
                    raise BadLayout(N_("Two layouts are called %(name)s."), name=layout.name)
                found[layout.name] = layout
    return found


def saved(folder: Path) -> dict[str, Layout]:
    """A user's own layouts, by name. Raises `BadLayout` naming the file."""
    found = {}
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            for layout in parse(path.read_text(encoding="utf-8")):
                found[layout.name] = layout
        except BadLayout as error:
            raise BadLayout(N_("%(file)s: %(error)s"), file=path.name, error=error.spoken()) from None
        except UnicodeDecodeError as error:
            raise BadLayout(N_("The layout cannot be read: %(error)s."), error=f"{path.name}: {error}") from None
    return found


def to_toml(layout: Layout) -> str:
    """A layout as TOML, only what differs from the defaults."""
    lines = ["[[layout]]"]
    defaults = Layout(layout.name, layout.columns)
    for name in Layout.__struct_fields__:
        value = getattr(layout, name)
        if name in ("name", "columns") or value != getattr(defaults, name):
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: str | bool | tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()  # a JSON string is a basic string of TOML
    if len(value) > 3:
        return "[\n" + "".join(f"  {_toml(one)},\n" for one in value) + "]"
    return "[" + ", ".join(_toml(one) for one in value) + "]"
