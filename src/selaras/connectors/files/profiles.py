"""Column mappings, saved by name: which file, which columns mean what, how its numbers and dates are written.

A profile is a TOML file `profiles/NAME.toml` in the folder of the connection, or one that ships with Selaras. Those of
the folder go first.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import importlib.resources
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from selaras.connectors.files.dates import STYLES
from selaras.connectors.files.fields import FIELDS, NEEDED, OUT_KINDS
from selaras.connectors.files.tables import Form

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")


class BadProfile(ValueError):
    """A profile cannot be used; the text says which and why."""


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, dict=True):
    """How one kind of file is read (or, with `direction` "out", written).

    `files`    names that it is for, such as "orders*.csv" (empty: whatever has its columns)
    `columns`  field → the headers that may stand above it, the first one found counts
    `values`   field → what stands there → what it means (status, flags)
    `defaults` field → what counts where the column is missing or empty
    `decimal`  "," or "." ("" = found out over the column), `dates` dmy, mdy, ymd or a strptime format
    `zone`     IANA name of its dates ("" = the connection's)
    """

    name: str = ""
    kind: str
    title: str = ""
    direction: str = "in"
    files: tuple[str, ...] = ()
    sheet: str = ""
    header_row: int = 0
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""
    dates: str = "dmy"
    zone: str = ""
    columns: dict[str, tuple[str, ...]] = {}
    values: dict[str, dict[str, str]] = {}
    defaults: dict[str, str] = {}

    @property
    def form(self) -> Form:
        """How the file is written."""
        return Form(self.sheet, self.header_row, self.delimiter, self.encoding)

    @functools.cached_property
    def digest(self) -> str:
        """Changes when the profile does, so that files are read anew under it."""
        return hashlib.blake2b(msgspec.json.encode(self, order="sorted"), digest_size=6).hexdigest()

    def fits_name(self, file: str) -> bool:
        """Whether it is for files of this name."""
        return any(fnmatch.fnmatchcase(file.lower(), pattern.lower()) for pattern in self.files)

    def fits_header(self, header: Sequence[str]) -> bool:
        """Whether every column that its kind needs is there."""
        there = {folded(text) for text in header}
        return all(
            field in self.defaults or any(folded(text) in there for text in self.columns.get(field, ()))
            for field in NEEDED[self.kind]
        )


def folded(header: str) -> str:
    """A header without what people vary: case, points, spaces, underscores."""
    return re.sub(r"[\s._:/()-]+", " ", header.replace("\u00a0", " ")).strip().casefold()


def parse(text: str, name: str) -> Profile:
    """A profile from TOML. Raises `BadProfile`."""
    try:
        raw = tomllib.loads(text)
        columns = raw.get("columns", {})
        if isinstance(columns, dict):
            raw["columns"] = {k: [v] if isinstance(v, str) else v for k, v in columns.items()}
        if isinstance(raw.get("files"), str):
            raw["files"] = [raw["files"]]
        profile = msgspec.convert(raw | {"name": name}, Profile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadProfile(f"the profile {name} cannot be read: {error}") from None
    check(profile)
    return profile


def check(profile: Profile) -> None:
    """Raises `BadProfile` for what no file could be read with."""
    name = profile.name
    out = profile.direction == "out"
    kinds: Mapping[str, Mapping[str, str]] = OUT_KINDS if out else FIELDS
    if profile.direction not in ("in", "out"):
        raise BadProfile(f'the profile {name}: direction is "in" or "out"')
    if profile.kind not in kinds:
        raise BadProfile(f"the profile {name}: {profile.kind} is no kind; there are {', '.join(kinds)}")
    for part in ("columns", "values", "defaults"):
        unknown = [field for field in getattr(profile, part) if field not in kinds[profile.kind]]
        if unknown:
            known = ", ".join(kinds[profile.kind])
            raise BadProfile(f"the profile {name}: {part} has no field {unknown[0]}; there are {known}")
    if profile.decimal not in ("", ".", ","):
        raise BadProfile(f'the profile {name}: decimal is "," or "."')
    if profile.dates not in STYLES and "%" not in profile.dates:
        raise BadProfile(f"the profile {name}: dates is dmy, mdy, ymd or a format such as %d.%m.%Y")
    if len(profile.delimiter) > 1:
        raise BadProfile(f"the profile {name}: delimiter is one sign")
    if profile.zone:
        try:
            ZoneInfo(profile.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise BadProfile(f"the profile {name}: {profile.zone} is not a time zone") from None


def checked_name(name: str) -> str:
    """A name that a profile can be saved under. Raises `BadProfile`."""
    if not _NAME.fullmatch(name):
        raise BadProfile(f"{name} cannot be the name of a profile: use small letters, digits, - and _")
    return name


def to_toml(profile: Profile) -> str:
    """A profile as the TOML that `parse` reads."""
    lines = []
    fields = msgspec.to_builtins(profile)
    for key, value in fields.items():
        if key == "name" or isinstance(value, dict):
            continue
        lines.append(f"{key} = {_toml(value)}")
    for key in ("columns", "defaults"):
        if fields.get(key):
            lines += ["", f"[{key}]", *(f"{_key(k)} = {_toml(v)}" for k, v in fields[key].items())]
    for field, table in fields.get("values", {}).items():
        lines += ["", f"[values.{_key(field)}]", *(f"{_key(k)} = {_toml(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _toml(text)


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@functools.cache
def shipped() -> Mapping[str, Profile]:
    """The profiles that come with Selaras, by name."""
    found = {}
    for file in sorted(importlib.resources.files(__package__).joinpath("profiles").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            found[name] = parse(file.read_text(encoding="utf-8"), name)
    return found
