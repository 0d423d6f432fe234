"""What was written out, kept in the folder itself: one file `sent/NNNNNN.jsonl` for each batch, never changed again.

A batch has happened when its file has its name, and a name is given once: so whoever asks after a crash finds exactly
what stands there, and two writers cannot take one number. The file that a person picks up (`out/…`) is made from it
afterwards; a batch without its mark `sent/NNNNNN.out` has not been made into one yet.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.connectors.contract import Transient
from selaras.connectors.places import Place
from selaras.model.document import Document

SENT: Final = "sent"
_BATCH: Final = re.compile(r"(\d{6,9})\.jsonl")
_MARK: Final = re.compile(r"(\d{6,9})\.out")
_VERSION: Final = 1


class Head(msgspec.Struct, frozen=True):
    """The first line of a batch. `at` is when it was written, by the hub's clock."""

    batch: int
    kind: str
    op: str
    at: dt.datetime
    items: int
    version: int = _VERSION


class Item(msgspec.Struct, frozen=True):
    """One document of a batch."""

    id: str
    key: str
    document: Document


class Batch(msgspec.Struct, frozen=True):
    """A batch as it stands."""

    head: Head
    items: tuple[Item, ...]


class Held(msgspec.Struct, frozen=True):
    """A document as all batches together leave it. `created` is the batch that made it, `batch` the last that said
    something of it; `at` is when that was."""

    id: str
    kind: str
    document: Document
    created: int
    batch: int
    at: dt.datetime
    void: bool = False

    @property
    def reference(self) -> str:
        return self.document.reference

    @property
    def total(self) -> Decimal | None:
        return getattr(self.document, "total", getattr(self.document, "amount", None))

    @property
    def currency(self) -> str:
        return getattr(self.document, "currency", "")


_encoder: Final = msgspec.json.Encoder(decimal_format="string")
_head: Final = msgspec.json.Decoder(Head)
_item: Final = msgspec.json.Decoder(Item)


def batch_bytes(batch: Batch) -> bytes:
    """A batch as its file."""
    return b"".join(_encoder.encode(part) + b"\n" for part in (batch.head, *batch.items))


def read_batch(data: bytes, name: str) -> Batch:
    """A batch from its file. Raises `Transient` naming it when it is damaged: nothing is written until it is mended."""
    lines = data.splitlines()
    try:
        head = _head.decode(lines[0])
        items = tuple(_item.decode(line) for line in lines[1:])
        if len(items) != head.items or head.version != _VERSION:
            raise ValueError("it is cut off")
    except (IndexError, ValueError, msgspec.MsgspecError) as error:
        raise Transient(
            f"{SENT}/{name} is damaged ({error})",
            code="damaged",
            cure="Put the file back as it was, from a backup; it is the only proof of what was sent.",
        ) from None
    return Batch(head, items)


class Journal:
    """All batches of a folder, indexed. Use under one lock."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.batches: dict[int, Batch] = {}
        self.published: set[int] = set()
        self.held: dict[str, Held] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._codes: dict[str, dict[str, None]] = {}

    @property
    def last(self) -> int:
        """The number of the last batch."""
        return max(self.batches, default=0)

    async def refresh(self) -> None:
        """Read what is new. Raises `ConnectorError`."""
        numbers = []
        for entry in await self._place.list(SENT) or ():
            if found := _BATCH.fullmatch(entry.name):
                numbers.append((int(found[1]), entry.name))
            elif found := _MARK.fullmatch(entry.name):
                self.published.add(int(found[1]))
        there = {number for number, _ in numbers}
        if lost := sorted(set(self.batches) - there):
            raise Transient(
                f"{SENT}/{lost[0]:06d}.jsonl is gone",
                code="damaged",
                cure="Put the file back from a backup; it is the only proof of what was sent.",
            )
        if there and len(there) != max(there):
            gap = min(set(range(1, max(there))) - there)
            raise Transient(
                f"{SENT}/{gap:06d}.jsonl is missing",
                code="damaged",
                cure="Put the file back from a backup; it is the only proof of what was sent.",
            )
        for number, name in sorted(numbers):
            if number not in self.batches:
                data = await self._place.read(f"{SENT}/{name}")
                self.add(read_batch(data or b"", name))

    def add(self, batch: Batch) -> None:
        """Take a batch that stands into the index."""
        head = batch.head
        self.batches[head.batch] = batch
        for item in batch.items:
            before = self.held.get(item.id)
            created = before.created if before else head.batch
            if head.op == "void" and before is not None:
                held = msgspec.structs.replace(before, batch=head.batch, at=head.at, void=True)
            else:
                held = Held(item.id, head.kind, item.document, created, head.batch, head.at)
            self.held[item.id] = held
            self._names[head.kind, held.reference] = item.id
            for line in getattr(item.document, "lines", ()):
                if code := getattr(line, "code", ""):
                    self._codes.setdefault(code, {})[item.id] = None

    def named(self, kind: str, reference: str) -> Held | None:
        """The document of a kind under a reference, the newest where it was used again."""
        id = self._names.get((kind, reference))
        return self.held.get(id) if id else None

    def with_code(self, code: str) -> list[Held]:
        """Documents that have, or had, a line of this product."""
        return [self.held[id] for id in self._codes.get(code, ())]

    def of_kind(self, kind: str) -> list[Held]:
        """All documents of a kind, the ones that changed first first."""
        return sorted((h for h in self.held.values() if h.kind == kind), key=lambda h: (h.batch, h.id))

    def touched(self, after: int) -> Iterable[Item]:
        """Items of the batches behind one, in order."""
        for number in range(after + 1, self.last + 1):
            yield from self.batches[number].items

    async def commit(self, kind: str, op: str, items: Sequence[Item], at: dt.datetime) -> Batch:
        """Give the next number to these items. Raises `Taken` when another writer was faster, and what `put` raises."""
        number = self.last + 1
        batch = Batch(Head(number, kind, op, at, len(items)), tuple(items))
        await self._place.put(f"{SENT}/{number:06d}.jsonl", batch_bytes(batch))
        self.add(batch)
        return batch
