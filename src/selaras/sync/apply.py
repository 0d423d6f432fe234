"""Apply: bring planned postings into a target, exactly once, in the fewest calls.

A posting is claimed (that commits the intent), sorted into the batch of its kind, sent when the batch is full or
nothing else can fill it, and settled with its link in one transaction. What may have happened is looked for first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from selaras.connectors.contract import (
    Ambiguous,
    ConnectorError,
    Done,
    Expired,
    Found,
    LockedPeriod,
    Op,
    Outcome,
    Stale,
    Throttled,
    Write,
)
from selaras.connectors.http import finish_by
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import MICROSECOND, Claimed, Link, Settlement, State, document_of
from selaras.model.document import Document
from selaras.model.money import NotExact, to_minor
from selaras.sync.hand_edits import Edit, HandEdits
from selaras.sync.hub import Hub

log = logging.getLogger("selaras.sync")

# Fields that hold another document's id while it is not known yet: "@" and that document's key.
_REFERRING = ("contact_id", "sales_order_id", "invoice_id", "credit_note_id")
# Writes that may be repeated without looking: they say the whole state, or are conditional on a version.
_REPEATABLE = frozenset({"stock", "store_payment"})
_LINGER = 2.0
# Earlier documents first: once they stand, more of the later ones can share a call.
_STAGE = {
    kind: place
    for place, kind in enumerate(
        (
            "contact",
            "sales_order",
            "invoice",
            "receipt",
            "credit_note",
            "refund_payment",
            "journal",
            "delivery",
            "store_payment",
        )
    )
} | {"stock": 9}


class Dispatcher:
    """Sends the postings of one target.

    `within` is what must be kept together with the settlements of a group: it runs in the ledger's thread, in the same
    transaction, so that no kill comes between. `after` is told of every group that was settled.
    """

    def __init__(self, hub: Hub, target: str, *, lease: float | None = None) -> None:
        self._hub = hub
        self._target = target
        self._connector = hub.connectors[target]
        can = self._connector.capabilities
        self._batch = max(1, can.batch)
        self._parallel = max(1, can.rate.parallel)
        # A document written at the last moment of a time-out must be visible before anyone looks for it.
        self._settle = can.visibility_lag * 1.5 + 0.5
        self._linger = max(_LINGER, 4.0 / can.rate.per_second)
        # No call starts that could outlive the lease, so it need not be longer than one call and its consequences.
        self._lease = can.timeout + self._settle + self._linger + 5.0 if lease is None else lease
        self.within: list[Callable[[Sequence[Settlement]], None]] = []
        self.after: list[Callable[[Sequence[Settlement]], Awaitable[None]]] = []
        self.calls = 0
        self._edits = HandEdits(hub, target)

    @property
    def settle_time(self) -> float:
        """Seconds after which a document written by a lost call can be found."""
        return self._settle

    async def drain(self) -> int:
        """Send what is due until nothing is; returns how many postings were settled."""
        groups: dict[tuple[str, str, bool], list[Claimed]] = {}
        flying: set[asyncio.Task[int]] = set()
        settled, since = 0, self._hub.clock()
        try:
            while True:
                waiting = sum(len(group) for group in groups.values())
                room = self._batch * (self._parallel + 1) - waiting - self._batch * len(flying)
                claimed: list[Claimed] = []
                if room > 0:
                    claimed = await self._claim(min(room, self._batch * 2))
                for claim in claimed:
                    groups.setdefault((claim.kind, claim.op, claim.look), []).append(claim)
                late = self._hub.clock() - since > self._linger
                for key in sorted(groups, key=lambda k: (-(len(groups[k]) // self._batch), _STAGE[k[0]])):
                    group = groups[key]
                    while group and len(flying) < self._parallel:
                        # A part of a batch is sent only when nothing else can fill it, or it has waited long.
                        if len(group) < self._batch and not late and (claimed or flying):
                            break
                        flying.add(asyncio.create_task(self._send(key, group[: self._batch])))
                        del group[: self._batch]
                groups = {key: group for key, group in groups.items() if group}
                if late:
                    since = self._hub.clock()
                if flying and (not claimed or len(flying) >= self._parallel):
                    done, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                    settled += sum(task.result() for task in done)
                elif not claimed and not groups:
                    return settled
        finally:
            if flying:
                await asyncio.wait(flying)
            if groups:
                await self._release([claim for group in groups.values() for claim in group])

    async def _release(self, claims: Sequence[Claimed]) -> None:
        """Give back what was claimed and not sent, so that nobody waits for our lease to end."""
        given = [Settlement(c, State.IN_DOUBT if c.look else State.PLANNED, "release", "not_sent") for c in claims]
        try:
            await self._hub.desk.write(self._hub.desk.ledger.postings.settle, self._target, given, self._hub.now())
        except LedgerError as error:
            log.warning("%s: %d postings stay claimed until their lease ends (%s)", self._target, len(given), error)

    async def _claim(self, limit: int) -> list[Claimed]:
        ledger = self._hub.desk.ledger
        return await self._hub.desk.write(ledger.postings.claim, self._target, self._hub.now(), self._lease, limit)

    # -- one call --------------------------------------------------------------------------------------------------

    async def _send(self, key: tuple[str, str, bool], group: list[Claimed]) -> int:
        kind, op, look = key
        ledger = self._hub.desk.ledger
        links = await self._hub.desk(
            ledger.postings.links, self._target, [c.stream for c in group] + [c.needs for c in group if c.needs]
        )
        settlements: list[Settlement] = []
        ready: list[tuple[Claimed, Write]] = []
        for claim in group:
            write = self._write_of(claim, links)
            if isinstance(write, Settlement):
                settlements.append(write)
            else:
                ready.append((claim, write))
        # A call that could outlive the lease would race with whoever claims the posting next.
        with finish_by(min(claim.until for claim in group) / MICROSECOND):
            if look and op == "create" and kind not in _REPEATABLE and ready:
                ready, looked = await self._look(kind, ready)
                settlements += looked
            if op != "create" and kind in self._edits.kinds and ready:
                ready, held = await self._guard(kind, ready)
                settlements += held
            if ready:
                settlements += await self._write(kind, op, ready)
        await self._hub.desk.write(self._settle_all, settlements)
        for listener in self.after:
            await listener(settlements)
        return len(settlements)

    def _settle_all(self, settlements: Sequence[Settlement]) -> None:
        self._hub.desk.ledger.postings.settle(self._target, settlements, self._hub.now())
        for also in self.within:
            also(settlements)

    def _write_of(self, claim: Claimed, links: dict[tuple[str, str], Link]) -> Write | Settlement:
        """The write for a claim with every symbolic id resolved, or the settlement that blocks it."""
        document = document_of(claim.document)
        assert document is not None, "rows without a document are never claimed"  # noqa: S101
        known: dict[str, str] = {}
        for name in _REFERRING:
            value = getattr(document, name, "")
            if not value.startswith("@"):
                continue
            stream = claim.needs if value == "@contact" else claim.stream
            link = links.get((stream, value[1:]))
            if link is None:
                return self._blocked(
                    claim,
                    "missing_document",
                    name,
                    f"The document {value[1:]!r} that this one refers to is not in the books.",
                    "Link the document that exists, or retry the one before this.",
                )
            known[name] = link.target_id
        if known:
            document = msgspec.structs.replace(document, **known)
        target_id = ""
        if claim.op != "create" and claim.kind not in _REPEATABLE:
            link = links.get((claim.stream, claim.key))
            if link is None:
                return self._blocked(
                    claim,
                    "missing_document",
                    claim.key,
                    f"There is no {claim.kind} {claim.reference} of ours in the books to {claim.op}.",
                    "Link the document that exists, or skip this posting.",
                )
            target_id = link.target_id
        return Write(key=f"{claim.stream}/{claim.key}/{claim.version}", document=document, id=target_id)

    async def _look(
        self, kind: str, ready: list[tuple[Claimed, Write]]
    ) -> tuple[list[tuple[Claimed, Write]], list[Settlement]]:
        """Search for what an earlier try may have left there."""
        found: dict[str, Found] = {}
        late: list[Settlement] = []
        size = self._portion(ready)
        for start in range(0, len(ready), size):
            part = [claim.reference for claim, _ in ready[start : start + size]]
            try:
                self.calls += 1
                found.update(await self._connector.find(kind, part))
            except ConnectorError as error:
                # Still in doubt: sending without having looked could double the document.
                rest, ready = ready[start:], ready[:start]
                alive = ready and not isinstance(error, Throttled | Expired)
                wait = self._settle if alive else max(self._backoff(rest[0][0], error), self._settle)
                late = [Settlement(c, State.IN_DOUBT, "look", error.kind, error.message, wait=wait) for c, _ in rest]
                break
        absent: list[tuple[Claimed, Write]] = []
        settlements = late
        for claim, write in ready:
            hit = found.get(claim.reference)
            if hit is None:
                absent.append((claim, write))
            else:
                outcome = Done(hit.id, hit.number, hit.total, hit.currency, hit.status)
                settlements.append(self._done(claim, write.document, outcome, act="look"))
        return absent, settlements

    async def _guard(
        self, kind: str, ready: list[tuple[Claimed, Write]]
    ) -> tuple[list[tuple[Claimed, Write]], list[Settlement]]:
        """What a person changed meanwhile is not written over: read it before it is changed."""
        edited: dict[int, Edit] = {}
        early: set[int] = set()
        late: list[Settlement] = []
        size = self._portion(ready)
        for start in range(0, len(ready), size):
            try:
                self.calls += 1
                more, soon = await self._edits.before_change(kind, ready[start : start + size])
            except ConnectorError as error:
                rest, ready = ready[start:], ready[:start]
                late = [self._put_off(c, error.kind, error.message, self._backoff(c, error)) for c, _ in rest]
                break
            edited |= more
            early |= soon
        held = late + [
            Settlement(
                claim, State.BLOCKED, "look", "edited",
                f"{claim.kind} {claim.reference} was changed by hand in the books; this change does not overwrite it.",
                cause=edited[claim.id].cause, cure="Compare both with `selaras differences`, then keep or restore it.",
            )
            for claim, _ in ready
            if claim.id in edited
        ]  # fmt: skip
        held += [self._put_off(c, "early", "", self._edits.settle_time) for c, _ in ready if c.id in early]
        return [(claim, write) for claim, write in ready if claim.id not in edited and claim.id not in early], held

    def _portion(self, ready: Sequence[tuple[Claimed, Write]]) -> int:
        """How many to read at once. Where many are read one by one, and any of those calls may fail, all of them would
        never be: a quarter of them after each try that failed is in the end a single one."""
        failed = max(0, max(claim.tries for claim, _ in ready) - 2)
        return max(1, self._connector.capabilities.read_batch >> 2 * failed)

    @staticmethod
    def _put_off(claim: Claimed, outcome: str, message: str, wait: float) -> Settlement:
        """Nothing was sent this time; an earlier try may have been."""
        state = State.IN_DOUBT if claim.look else State.PLANNED
        return Settlement(claim, state, "look", outcome, message, wait=wait)

    async def _write(self, kind: str, op: str, ready: list[tuple[Claimed, Write]]) -> list[Settlement]:
        verb: Op = "create" if op == "create" else "update" if op == "update" else "void"
        self.calls += 1
        try:
            outcomes: Sequence[Outcome] = await self._connector.write(kind, verb, [write for _, write in ready])
        except ConnectorError as error:
            return [self._failed(claim, op, error) for claim, _ in ready]
        return [
            self._done(claim, write.document, outcome, act=op)
            if isinstance(outcome, Done)
            else self._failed(claim, op, outcome.error)
            for (claim, write), outcome in zip(ready, outcomes, strict=True)
        ]

    # -- outcomes --------------------------------------------------------------------------------------------------

    def _done(self, claim: Claimed, document: Document, outcome: Done, *, act: str) -> Settlement:
        """The document is there; its total must be the one that we meant, to the smallest unit."""
        number = outcome.number or claim.reference
        total = claim.total
        if outcome.total is not None and claim.currency:
            try:
                total = to_minor(outcome.total, outcome.currency or claim.currency)
            except NotExact:
                total = None
            if total != claim.total or (outcome.currency and outcome.currency != claim.currency):
                wanted = getattr(document, "total", "")
                return Settlement(
                    claim,
                    State.BLOCKED,
                    act,
                    "total_differs",
                    f"{claim.kind} {claim.reference}: the books say {outcome.total} {outcome.currency}, "
                    f"we meant {wanted} {claim.currency}.",
                    target_id="" if act == "look" else outcome.id,
                    number=number,
                    total=total,
                    cause="total_differs",
                    field="total",
                    cure="Compare the two documents; correct the one in the books, then retry.",
                )
        target_id = "" if claim.kind == "stock" else outcome.id
        return Settlement(claim, State.DONE, act, "done", target_id=target_id, number=number, total=total)

    def _failed(self, claim: Claimed, act: str, error: ConnectorError) -> Settlement:
        """What the kind of an error means for one posting."""
        if isinstance(error, Ambiguous):
            return Settlement(claim, State.IN_DOUBT, act, error.kind, error.message, wait=self._settle)
        if isinstance(error, Stale):
            return Settlement(
                claim, State.SKIPPED, act, error.kind, error.message, cause="overtaken", field=error.field
            )
        if act == "void" and claim.look and error.code == "not_found":
            # An earlier try may have voided it, and where books void by deleting it is gone then: it has.
            return Settlement(claim, State.DONE, act, "done", error.message)
        if isinstance(error, LockedPeriod) or error.kind == "rejected":
            return Settlement(
                claim, State.BLOCKED, act, error.kind, error.message,
                cause=error.code, field=error.field, cure=error.cure,
            )  # fmt: skip
        # An update that certainly did not happen may be planned again like a create.
        state = State.IN_DOUBT if claim.look and act == "look" else State.PLANNED
        return Settlement(claim, state, act, error.kind, error.message, wait=self._backoff(claim, error))

    def _backoff(self, claim: Claimed, error: ConnectorError) -> float:
        if isinstance(error, Throttled):
            return error.retry_after
        if isinstance(error, Expired):
            # Most often only a person can mend it. But a system may also have refused for a moment.
            return 5.0 * min(12, 1 << min(max(0, claim.tries - 1), 4))
        # Spread by id instead of by chance, so that a replay is the same.
        return min(30.0, 0.2 * (1 << min(claim.tries, 8))) * (1 + claim.id % 7 / 20)

    @staticmethod
    def _blocked(claim: Claimed, cause: str, field: str, message: str, cure: str) -> Settlement:
        return Settlement(claim, State.BLOCKED, "prepare", "blocked", message, cause=cause, field=field, cure=cure)
