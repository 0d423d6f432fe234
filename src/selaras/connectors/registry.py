"""Which connectors there are: ours and those of other packages, through one door.

A package offers a connector by an entry point of the group `selaras.connectors` that names a `ConnectorType`. Where the
package's metadata is not installed (running from a source tree), our own folders are looked through as well.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import logging
import pkgutil
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import selaras.connectors
from selaras.connectors.contract import ConnectorType

GROUP: Final = "selaras.connectors"

_log = logging.getLogger(__name__)
_NOT_SYSTEMS: Final = frozenset({"contract", "kit"})


class UnknownConnector(LookupError):
    """No connector has this name; the message says which come near."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=3, cutoff=0.5)
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        else:
            hint = f"known are {', '.join(names)}" if names else "none is installed"
        super().__init__(f"there is no connector {name!r}: {hint}")
        self.name = name
        self.near = near


class Registry:
    """The connectors that can be used, by name. A connector that cannot be loaded is left out and told in `broken`."""

    def __init__(self, entries: Iterable[importlib.metadata.EntryPoint] | None = None) -> None:
        self._types: dict[str, ConnectorType] = {}
        self.broken: dict[str, str] = {}
        found = list(importlib.metadata.entry_points(group=GROUP) if entries is None else entries)
        known = {entry.name for entry in found}
        if entries is None:
            found += [entry for entry in _our_folders() if entry.name not in known]
        # Ours first: a package cannot take a name away from us, only say so.
        for entry in sorted(found, key=lambda e: (not e.value.startswith("selaras.connectors."), e.name, e.value)):
            self._load(entry)

    def _load(self, entry: importlib.metadata.EntryPoint) -> None:
        try:
            kind = entry.load()
        except Exception as error:  # a foreign package may fail in any way while it is imported
            self._leave_out(entry, f"{entry.value} cannot be loaded: {type(error).__name__}: {error}")
            return
        if not isinstance(kind, ConnectorType):
            self._leave_out(entry, f"{entry.value} is not a ConnectorType")
        elif kind.name != entry.name:
            self._leave_out(entry, f"{entry.value} calls itself {kind.name!r} but is entered as {entry.name!r}")
        elif kind.name in self._types:
            if self._types[kind.name] is not kind:
                self._leave_out(entry, f"{entry.value}: the name {kind.name!r} is taken already")
        else:
            self._types[kind.name] = kind

    def _leave_out(self, entry: importlib.metadata.EntryPoint, why: str) -> None:
        self.broken[f"{entry.name} ({entry.value})"] = why
        _log.warning("connector left out: %s", why)

    @property
    def types(self) -> Mapping[str, ConnectorType]:
        """All usable connector types by name."""
        return MappingProxyType(self._types)

    def get(self, name: str) -> ConnectorType:
        """The connector type `name`. Raises `UnknownConnector`."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownConnector(name, self._types) from None


def _our_folders() -> list[importlib.metadata.EntryPoint]:
    return [
        importlib.metadata.EntryPoint(
            name=module.name, value=f"selaras.connectors.{module.name}:CONNECTOR", group=GROUP
        )
        for module in pkgutil.iter_modules(selaras.connectors.__path__)
        if module.ispkg and module.name not in _NOT_SYSTEMS
    ]


_registry: Registry | None = None


def registry() -> Registry:
    """The registry of this process, made at first use."""
    global _registry
    if _registry is None:
        _registry = Registry()
    return _registry


def get(name: str) -> ConnectorType:
    """The connector type `name`. Raises `UnknownConnector`."""
    return registry().get(name)


def types() -> Mapping[str, ConnectorType]:
    """All usable connector types by name."""
    return registry().types
