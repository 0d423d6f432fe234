"""Operations of the HTTP API for back-fills and for documents that were changed by hand in the books."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from selaras.sync import backfill, backfill_status, differences
from selaras.sync.backfill_status import BackfillPlan, BackfillStatus
from selaras.sync.differences import DifferenceDecided, DifferenceItem
from selaras.sync.finding import pair_of
from selaras.web.operation import Call, Name, Operation

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="ISO day of the business's zone, inclusive")]
Names = Annotated[list[Name], Meta(min_length=1, max_length=10_000, description="Order numbers, references, #posting")]


class StoreQuery(msgspec.Struct):
    store: Name | None = None


class KeptQuery(msgspec.Struct):
    kept: bool = False


class StoreBody(msgspec.Struct, forbid_unknown_fields=True):
    store: Name | None = None
    who: Name = ""


class BackfillBody(msgspec.Struct, forbid_unknown_fields=True):
    first: Day
    last: Day
    store: Name | None = None
    who: Name = ""


class KeepBody(msgspec.Struct, forbid_unknown_fields=True):
    names: Names
    why: Annotated[str, Meta(max_length=1000)]
    who: Name = ""


class RestoreBody(msgspec.Struct, forbid_unknown_fields=True):
    names: Names
    who: Name = ""


async def _status(call: Call) -> BackfillStatus:
    return await call.context.read(backfill_status.backfill_status, call.query.store)


async def _start(call: Call) -> BackfillStatus:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(backfill.start_backfill, b.store, b.first, b.last, now, call.who)


async def _plan(call: Call) -> BackfillPlan:
    pair = await call.context.read(pair_of, call.body.store)
    return await backfill_status.plan_backfill(call.context.hub, pair, call.body.first, call.body.last)


async def _pause(call: Call) -> BackfillStatus:
    return await call.context.change(backfill.pause_backfill, call.body.store, call.context.hub.now(), call.who)


async def _resume(call: Call) -> BackfillStatus:
    return await call.context.change(backfill.resume_backfill, call.body.store, call.context.hub.now(), call.who)


async def _differences(call: Call) -> list[DifferenceItem]:
    return await call.context.glance(differences.differences, kept=call.query.kept)


async def _keep(call: Call) -> DifferenceDecided:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(differences.keep_books, tuple(b.names), b.why, now, call.who)


async def _restore(call: Call) -> DifferenceDecided:
    hub = call.context.hub
    updates = {name: one.capabilities.updates for name, one in hub.connectors.items()}
    return await call.context.change(differences.restore, tuple(call.body.names), updates, hub.now(), call.who)


OPERATIONS: Final = (
    Operation("GET", "/backfill", "backfill_status", "How far the running or last back-fill of a store is",
              BackfillStatus, _status, query=StoreQuery),
    Operation("POST", "/backfill", "backfill", "Begin a back-fill of these days", BackfillStatus, _start,
              body=BackfillBody, writes=True),
    Operation("POST", "/backfill/plan", "backfill_plan", "What a back-fill would do; the books are asked, nothing is "
              "written", BackfillPlan, _plan, body=BackfillBody, writes=True),
    Operation("POST", "/backfill/pause", "backfill_pause", "Begin no further batch", BackfillStatus, _pause,
              body=StoreBody, writes=True),
    Operation("POST", "/backfill/resume", "backfill_resume", "Go on where it was paused", BackfillStatus, _resume,
              body=StoreBody, writes=True),
    Operation("GET", "/differences", "differences", "Documents that a person changed in the books, field by field",
              list[DifferenceItem], _differences, query=KeptQuery),
    Operation("POST", "/differences/keep", "differences_keep", "The books' version stands", DifferenceDecided, _keep,
              body=KeepBody, writes=True),
    Operation("POST", "/differences/restore", "differences_restore", "Our version is written again",
              DifferenceDecided, _restore, body=RestoreBody, writes=True),
)  # fmt: skip
