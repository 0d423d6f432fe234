"""Operations of the HTTP API on the mapping of a pair."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from selaras.sync import mapping_changes, mappings
from selaras.sync.mapping_changes import MappingProposals
from selaras.sync.mappings import MappingChanged, MappingHistory, MappingView
from selaras.web.operation import Call, Name, Operation

Text = Annotated[str, Meta(max_length=200_000, description="A TOML or JSON file")]


class MappingQuery(msgspec.Struct):
    store: Name | None = None
    books: Name | None = None


class WordsBody(msgspec.Struct, forbid_unknown_fields=True):
    store: Name
    books: Name
    words: Annotated[dict[Name, Name], Meta(description="Word of the mapping to id, code or name; empty takes it off")]
    note: Name = ""
    who: Name = ""


class AcceptBody(msgspec.Struct, forbid_unknown_fields=True):
    store: Name
    books: Name
    words: list[Name] = []
    who: Name = ""


class FileBody(msgspec.Struct, forbid_unknown_fields=True):
    store: Name
    books: Name
    text: Text
    note: Name = ""
    who: Name = ""


class BackBody(msgspec.Struct, forbid_unknown_fields=True):
    store: Name
    books: Name
    version: Annotated[int, Meta(ge=1)]
    who: Name = ""


async def _show(call: Call) -> MappingView:
    return await call.context.read(mappings.show, call.query.store, call.query.books)


async def _history(call: Call) -> list[MappingHistory]:
    return await call.context.read(mappings.history, call.query.store, call.query.books)


async def _proposals(call: Call) -> MappingProposals:
    return await call.context.read(mapping_changes.proposals, call.query.store, call.query.books)


async def _set(call: Call) -> MappingChanged:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(mapping_changes.set_words, b.store, b.books, b.words, now, call.who, b.note)


async def _accept(call: Call) -> MappingChanged:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(mapping_changes.accept, b.store, b.books, tuple(b.words), now, call.who)


async def _import(call: Call) -> MappingChanged:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(mapping_changes.import_text, b.store, b.books, b.text, now, call.who, b.note)


async def _back(call: Call) -> MappingChanged:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(mapping_changes.go_back, b.store, b.books, b.version, now, call.who)


OPERATIONS: Final = (
    Operation("GET", "/mapping", "mapping", "The mapping of a pair in force, and what of it is missing",
              MappingView, _show, MappingQuery),
    Operation("GET", "/mapping/history", "mapping_history", "Every version of a mapping with what it changed",
              list[MappingHistory], _history, MappingQuery),
    Operation("GET", "/mapping/proposals", "mapping_proposals", "What the chart of the books proposes",
              MappingProposals, _proposals, MappingQuery),
    Operation("POST", "/mapping", "map", "Set words of a mapping; what waits is planned again",
              MappingChanged, _set, body=WordsBody, writes=True),
    Operation("POST", "/mapping/accept", "map_accept", "Accept proposals, or all that are clear",
              MappingChanged, _accept, body=AcceptBody, writes=True),
    Operation("POST", "/mapping/file", "map_file", "Take a mapping over from a TOML or JSON text",
              MappingChanged, _import, body=FileBody, writes=True),
    Operation("POST", "/mapping/back", "map_back", "Say again what an earlier version said",
              MappingChanged, _back, body=BackBody, writes=True),
)  # fmt: skip
