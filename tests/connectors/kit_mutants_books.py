"""Books connectors with one mistake each; see `kit_mutants`."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec

from selaras.connectors.contract import (
    Ambiguous,
    Changes,
    Connector,
    Done,
    Expired,
    Failed,
    Found,
    LockedPeriod,
    Op,
    Outcome,
    Rejected,
    Seen,
    Throttled,
    Transient,
    Write,
)
from selaras.model.document import Journal, Receipt, SalesOrder
from tests.connectors.kit_mutants import Mutant


class FloatTotals(Mutant):
    """The total of the answer as Python reads it."""

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        found = await self.inner.find(kind, references)
        return {k: msgspec.structs.replace(f, total=float(f.total)) if f.total else f for k, f in found.items()}


class EchoesOurTotal(Mutant):
    """The total that was sent is told as the total that is held."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = await self.inner.write(kind, op, writes)
        return [
            Done(id="x", total=w.document.total) if isinstance(w.document, SalesOrder) else o
            for w, o in zip(writes, outcomes, strict=True)
        ]


class SortsOutcomes(Mutant):
    """The outcomes come as the answer has them."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        return list(reversed(await self.inner.write(kind, op, writes)))


class FindsRoughly(Mutant):
    """A search for text that contains the reference."""

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        answer: dict[str, Found] = {}
        for reference in references:
            one = await self.inner.find(kind, [reference])
            for near in (reference, reference[:-1], reference + "1"):
                one = one or await self.inner.find(kind, [near])
            answer.update((reference, found) for found in one.values())
        return answer


class DuplicateIsDone(Mutant):
    """Refused as a duplicate means that it is there, whatever it is."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = await self.inner.write(kind, op, writes)
        return [
            Done(id="other") if isinstance(o, Failed) and o.error.code == "duplicate_reference" else o for o in outcomes
        ]


class LockedIsRejected(Mutant):
    """All refusals are one kind."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = await self.inner.write(kind, op, writes)
        return [
            Failed(Rejected(o.error.message, code="refused", cure="Look."))
            if isinstance(o, Failed) and isinstance(o.error, LockedPeriod)
            else o
            for o in outcomes
        ]


class UpdatesByCreating(Mutant):
    """A change is a new document."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        return cast(list[Outcome], await self.inner.write(kind, "create" if op == "update" else op, writes))


class MissingIsFine(Mutant):
    """What is not there need not be changed."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = await self.inner.write(kind, op, writes)
        return [
            Done(id=w.id) if op != "create" and isinstance(o, Failed) else o
            for w, o in zip(writes, outcomes, strict=True)
        ]


class NoLagDeclared(Mutant):
    """A search finds what is there, surely."""

    @property
    def capabilities(self) -> Any:
        return msgspec.structs.replace(self.inner.capabilities, visibility_lag=0.0)


class NoOverlap(Mutant):
    """Go on exactly where the last poll ended."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.inner._overlap = dt.timedelta(0)


class EverybodyRefreshes(Mutant):
    """Each worker that meets a 401 gets itself a new token."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        oauth = self.inner.oauth

        @contextlib.asynccontextmanager
        async def nobody_waits() -> Any:
            yield

        oauth._store.exclusive = nobody_waits
        oauth._single = oauth._renew


class NeverRefreshes(Mutant):
    """An expired token is a matter for a person."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)

        async def never(stale: str) -> bool:
            return False

        self.inner.oauth.refresh = never


class ReadsAreAmbiguous(Mutant):
    """Every silence is ambiguous."""

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        try:
            return cast(dict[str, Found], await self.inner.find(kind, references))
        except (Transient, Throttled) as error:
            raise Ambiguous(error.message) from None


class FloatRows(Mutant):
    """Amounts of the lists as floats."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        rows = [msgspec.structs.replace(s, total=float(s.total)) if s.total else s for s in changes.seen]
        return Changes(rows, changes.cursor, changes.more)


class RoundsToThousands(Mutant):
    """What is read back was rounded for a report."""

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        rows = await self.inner.read(kind, ids)
        return [msgspec.structs.replace(s, total=s.total.quantize(Decimal("1E3"))) if s.total else s for s in rows]


class LeaksKeyErrors(Mutant):
    """The error body was expected to have another shape."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return cast(list[Outcome], await self.inner.write(kind, op, writes))
        except (Ambiguous, Transient, Expired):
            raise KeyError("errors") from None


class ForgetsThePhone(Mutant):
    """A change sends the name only."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        if kind == "contact" and op == "update":
            writes = [
                msgspec.structs.replace(w, document=msgspec.structs.replace(w.document, phone="")) for w in writes
            ]
        return cast(list[Outcome], await self.inner.write(kind, op, writes))


# -- money in


class Rewrites(Mutant):
    """Something is changed on the way out."""

    def change(self, kind: str, write: Write) -> Write:
        raise NotImplementedError

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        sent = [self.change(kind, write) for write in writes] if op == "create" else writes
        return cast(list[Outcome], await self.inner.write(kind, op, sent))


class ForgetsWriteOffs(Rewrites):
    """Only the money is sent."""

    def change(self, kind: str, write: Write) -> Write:
        if not isinstance(write.document, Receipt):
            return write
        return msgspec.structs.replace(write, document=msgspec.structs.replace(write.document, write_offs=()))


class ForgetsTheExchange(Rewrites):
    """The order's amount is sent as if it had come like that."""

    def change(self, kind: str, write: Write) -> Write:
        if not isinstance(write.document, Receipt):
            return write
        alone = msgspec.structs.replace(write.document, exchanged=None, bank_transaction_id="")
        return msgspec.structs.replace(write, document=alone)


class LosesOfTheExchange(Rewrites):
    """The last unit of what came is lost to somebody's rate."""

    def change(self, kind: str, write: Write) -> Write:
        if not isinstance(write.document, Receipt) or write.document.exchanged is None:
            return write
        came = write.document.exchanged
        less = msgspec.structs.replace(came, amount=came.amount - 1)
        return msgspec.structs.replace(write, document=msgspec.structs.replace(write.document, exchanged=less))


class OneReceiptALine(Rewrites):
    """A second receipt does not name the bank line, since it has one."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.used: set[str] = set()

    def change(self, kind: str, write: Write) -> Write:
        if not isinstance(write.document, Receipt):
            return write
        line = write.document.bank_transaction_id
        if line not in self.used:
            self.used.add(line)
            return write
        return msgspec.structs.replace(write, document=msgspec.structs.replace(write.document, bank_transaction_id=""))


class EntriesExplainNothing(Rewrites):
    """An entry is an entry; the bank line is reconciled by somebody else."""

    def change(self, kind: str, write: Write) -> Write:
        if not isinstance(write.document, Journal):
            return write
        return msgspec.structs.replace(write, document=msgspec.structs.replace(write.document, bank_transaction_id=""))


class BalancesItself(Rewrites):
    """What is missing is put on the last line."""

    def change(self, kind: str, write: Write) -> Write:
        entry = write.document
        if not isinstance(entry, Journal):
            return write
        rest = sum((line.debit - line.credit for line in entry.lines[:-1]), Decimal(0))
        last = msgspec.structs.replace(entry.lines[-1], credit=rest)
        entry = msgspec.structs.replace(entry, lines=(*entry.lines[:-1], last), total=rest)
        return msgspec.structs.replace(write, document=entry)


class VoidsNothing(Mutant):
    """A receipt or an entry is left as it is: somebody will void it."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        if op == "void" and kind in ("receipt", "journal"):
            return [Done(id=write.id, status="void") for write in writes]
        return cast(list[Outcome], await self.inner.write(kind, op, writes))


class EntriesAreTypedByHand(Mutant):
    """Nothing tells an entry of ours from one of a person."""

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        rows = await self.inner.read(kind, ids)
        return [
            msgspec.structs.replace(row, record=msgspec.structs.replace(row.record, source=""))
            if isinstance(row.record, Journal)
            else row
            for row in rows
        ]
