"""A target in memory on a virtual clock, with every fault that the protocol has to survive."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from selaras.connectors.contract import (
    Ambiguous,
    Capabilities,
    ConnectorError,
    Done,
    Failed,
    Found,
    Outcome,
    Rate,
    Rejected,
    Throttled,
    Transient,
    Write,
)


class Plain:
    """A sealer for tests that are not about secrets."""

    def seal(self, text: str) -> str:
        return text

    def open(self, sealed: str) -> str:
        return sealed


class Clock:
    """Virtual time in seconds."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Target:
    """Accepts duplicates in silence, finds documents only after `lag` seconds, and fails as told."""

    name = "buku"

    def __init__(self, clock: Clock, seed: int, *, lag: float = 1.0, faults: bool = True, batch: int = 10) -> None:
        self.clock = clock
        self.rng = random.Random(seed)
        self.lag = lag
        self.faults = faults
        self.capabilities = Capabilities(
            batch=batch, read_batch=batch, visibility_lag=lag, timeout=2.0, rate=Rate(1000, 10, 4)
        )
        self.documents: list[tuple[float, str, str, str, Decimal]] = []
        self.calls = 0
        self.poison: set[str] = set()

    def _fault(self) -> ConnectorError | None:
        roll = self.rng.random() if self.faults else 1.0
        if roll < 0.05:
            return Transient("refused")
        if roll < 0.08:
            return Throttled("slow down", retry_after=0.5)
        return None

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        self.calls += 1
        if fault := self._fault():
            raise fault
        seen = self.clock() - self.lag
        return {
            ref: Found(doc_id, ref, doc_id, total, "IDR")
            for at, doc_kind, ref, doc_id, total in self.documents
            if doc_kind == kind and ref in references and at <= seen
        }

    async def write(self, kind: str, op: str, writes: Sequence[Write]) -> list[Outcome]:
        self.calls += 1
        assert len(writes) <= self.capabilities.batch
        if fault := self._fault():
            raise fault
        outcomes: list[Outcome] = []
        cut = self.rng.randrange(len(writes) + 1) if self.faults and self.rng.random() < 0.05 else None
        for place, write in enumerate(writes):
            document: Any = write.document
            if cut is not None and place >= cut:
                raise Ambiguous("the connection died in the middle of the batch")
            if document.reference in self.poison:
                outcomes.append(Failed(Rejected("bad line", code="bad_line", field="lines[0]")))
                continue
            number = f"{kind}-{len(self.documents) + 1}"
            self.documents.append((self.clock(), kind, document.reference, number, document.total))
            outcomes.append(Done(number, number, document.total, document.currency))
        if self.faults and self.rng.random() < 0.05:
            raise Ambiguous("no answer")
        return outcomes

    async def close(self) -> None:
        """Nothing to close."""
