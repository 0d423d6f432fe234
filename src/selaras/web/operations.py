"""Every operation of the HTTP API in one table: the routes and the OpenAPI document are both made from it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from selaras import __version__
from selaras.ledger import Ledger
from selaras.sync import operations as sync
from selaras.web import mapping_operations, money, overview, reconnect, unique_amounts, upkeep
from selaras.web.operation import Call, Name, Operation
from selaras.web.sweeps import SweepState

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="ISO day of the business's zone, inclusive")]
Names = Annotated[
    list[Annotated[str, Meta(max_length=200)]],
    Meta(max_length=10_000, description="Order numbers, record ids, references, or #posting"),
]
Text = Annotated[str, Meta(max_length=1000)]


# -- what they take ----------------------------------------------------------------------------------------------------


class CoverageQuery(msgspec.Struct):
    connection: Name | None = None
    kind: Name | None = None
    first: Day | None = None
    last: Day | None = None


class StoreDays(msgspec.Struct):
    store: Name | None = None
    first: Day | None = None
    last: Day | None = None


class ExplainQuery(msgspec.Struct):
    kind: Name | None = None
    connection: Name | None = None


class BlockedQuery(msgspec.Struct):
    cause: Name | None = None
    skipped: bool = False


class WaitingQuery(msgspec.Struct):
    target: Name | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class EventsQuery(msgspec.Struct):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class StoreQuery(msgspec.Struct):
    store: Name | None = None


class PlanQuery(msgspec.Struct):
    store: Name | None = None
    names: Names = []
    first: Day | None = None
    last: Day | None = None
    everything: bool = False


class RetryBody(msgspec.Struct, forbid_unknown_fields=True):
    cause: Name | None = None
    names: Names = []
    everything: bool = False
    next_open_day: bool = False
    who: Name = ""


class SkipBody(msgspec.Struct, forbid_unknown_fields=True):
    why: Text
    names: Names = []
    cause: Name | None = None
    who: Name = ""


class DocumentBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    kind: Name
    books_id: Name
    key: Name = ""
    store: Name | None = None
    who: Name = ""


class ContactBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    contact: Name
    who: Name = ""


class ProductBody(msgspec.Struct, forbid_unknown_fields=True):
    store_code: Name
    books_code: Name
    store: Name | None = None
    who: Name = ""


class RuleBody(msgspec.Struct, forbid_unknown_fields=True):
    kinds: Annotated[list[Name], Meta(min_length=1, max_length=20, description="Kinds of near miss: case, spaces, …")]
    store: Name | None = None
    who: Name = ""


class ProductsBody(msgspec.Struct, forbid_unknown_fields=True):
    csv: str
    store: Name | None = None
    who: Name = ""


class UndoBody(msgspec.Struct, forbid_unknown_fields=True):
    kind: Name
    subject: Name
    store: Name | None = None
    who: Name = ""


class ReplanBody(msgspec.Struct, forbid_unknown_fields=True):
    store: Name | None = None
    names: Names = []
    first: Day | None = None
    last: Day | None = None
    everything: bool = False
    who: Name = ""


class SweepBody(msgspec.Struct, forbid_unknown_fields=True):
    store: Name = ""
    since: Day | None = None
    wait: bool = False
    who: Name = ""


class LaneState(msgspec.Struct, frozen=True):
    """A lane of the engine: how often it ran well, whether it runs now, and what its last turn failed with."""

    name: str
    runs: int
    busy: bool
    error: str


class PairState(msgspec.Struct, frozen=True):
    """A store and the books that it is kept in."""

    store: str
    books: str


class Status(msgspec.Struct, frozen=True):
    """The process at a glance. `quiet`: nothing runs and nothing waits to be read, planned or sent."""

    version: str
    quiet: bool
    waiting: int
    pairs: list[PairState]
    lanes: list[LaneState]


# -- what they do ------------------------------------------------------------------------------------------------------


async def _coverage(call: Call) -> sync.CoverageReport:
    q = call.query
    return await call.context.glance(sync.coverage, q.connection, q.kind, q.first, q.last)


async def _objectives(call: Call) -> sync.Objectives:
    q = call.query
    return await call.context.glance(sync.objectives, q.store, q.first, q.last)


async def _explain(call: Call) -> list[sync.Explanation]:
    q = call.query
    return await call.context.read(sync.explain, call.path["name"], kind=q.kind, connection=q.connection)


async def _stock(call: Call) -> list[sync.StockHistory]:
    return await call.context.read(sync.explain_stock, call.path["code"], call.query.store)


async def _blocked(call: Call) -> sync.BlockedReport:
    return await call.context.glance(sync.blocked, call.query.cause, skipped=call.query.skipped)


async def _waiting(call: Call) -> list[overview.WaitingItem]:
    return await call.context.glance(overview.waiting, call.query.target, call.query.limit)


async def _events(call: Call) -> list[overview.EventItem]:
    return await call.context.glance(overview.events, call.query.limit)


async def _connections(call: Call) -> list[overview.ConnectionState]:
    return await overview.connections(call.context, call.intake)


async def _status(call: Call) -> Status:
    service, hub = call.context.service, call.context.hub
    return Status(
        __version__,
        await service.quiet(),
        await call.context.glance(overview.waiting_count),
        [PairState(pair.store, pair.books) for pair in hub.pairs],
        [LaneState(name, lane.runs, lane.busy, lane.error) for name, lane in service.lanes.items()],
    )


async def _plan(call: Call) -> sync.PlanReport:
    q = call.query
    return await call.context.read(
        sync.plan, q.store, names=tuple(q.names), first=q.first, last=q.last, everything=q.everything
    )


async def _products(call: Call) -> sync.Catalogues:
    return await call.context.read(sync.products, call.query.store)


async def _ties(call: Call) -> list[sync.Tie]:
    return await call.context.glance(overview.all_ties, call.query.store)


async def _decisions(call: Call) -> list[sync.Standing]:
    return await call.context.read(sync.decisions)


async def _sweep_state(call: Call) -> SweepState:
    return call.sweeps.state


async def _retry(call: Call) -> sync.Retried:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(
        sync.retry, now, call.who, cause=b.cause, names=tuple(b.names), everything=b.everything,
        next_open_day=b.next_open_day,
    )  # fmt: skip


async def _skip(call: Call) -> sync.Skipped:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(sync.skip, now, call.who, b.why, tuple(b.names), b.cause)


async def _link_document(call: Call) -> sync.DocumentLinked:
    b = call.body
    linked = await sync.link_document(call.context.hub, b.name, b.kind, b.books_id, call.who, key=b.key, store=b.store)
    call.context.changed()
    return linked


async def _contact(call: Call) -> sync.Decided:
    b, hub = call.body, call.context.hub

    def decide(_ledger: Ledger) -> sync.Decided:
        return sync.decide_contact(hub, b.name, b.contact, hub.now(), call.who)

    return await call.context.change(decide)


async def _product(call: Call) -> sync.Accepted:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(sync.accept_product, b.store_code, b.books_code, now, call.who, b.store)


async def _products_by_rule(call: Call) -> sync.Accepted:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(sync.accept_products_by_rule, tuple(b.kinds), now, call.who, b.store)


async def _import_products(call: Call) -> sync.Accepted:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(sync.import_products, b.csv, now, call.who, b.store)


async def _undo(call: Call) -> sync.Undone:
    b, now = call.body, call.context.hub.now()
    return await call.context.change(sync.undo, b.kind, b.subject, now, b.store)


async def _replan(call: Call) -> sync.Replanned:
    b = call.body
    return await call.context.change(
        sync.replan, b.store, names=tuple(b.names), first=b.first, last=b.last, everything=b.everything
    )


async def _sign_in(call: Call) -> reconnect.SignedIn:
    return await reconnect.finish(call.context, call.body)


async def _sweep(call: Call) -> SweepState:
    return await call.sweeps.start(call.body.store, wait=call.body.wait, since=call.body.since or "")


OPERATIONS: Final = (
    Operation("GET", "/status", "status", "The process at a glance", Status, _status),
    Operation("GET", "/coverage", "coverage", "Coverage by day: seen = posted + waiting + blocked + skipped",
              sync.CoverageReport, _coverage, query=CoverageQuery),
    Operation("GET", "/objectives", "objectives", "Orders recorded, stock accuracy and stock-out cancellations by day",
              sync.Objectives, _objectives, query=StoreDays),
    Operation("GET", "/explain/{name}", "explain", "Everything about the records that are called so",
              list[sync.Explanation], _explain, query=ExplainQuery),
    Operation("GET", "/stock/{code}", "stock", "What was offered of a product code, why, and the store's answer",
              list[sync.StockHistory], _stock, query=StoreQuery),
    Operation("GET", "/blocked", "blocked", "What is blocked (or skipped), by cause, with the cure",
              sync.BlockedReport, _blocked, query=BlockedQuery),
    Operation("GET", "/waiting", "waiting", "What is not finished, oldest first",
              list[overview.WaitingItem], _waiting, query=WaitingQuery),
    Operation("GET", "/events", "events", "What a person may need to know, newest first",
              list[overview.EventItem], _events, query=EventsQuery),
    Operation("GET", "/connections", "connections", "Connections and their state, without secrets",
              list[overview.ConnectionState], _connections),
    Operation("GET", "/plan", "plan", "What would be posted now; nothing is written", sync.PlanReport, _plan,
              query=PlanQuery),
    Operation("GET", "/products", "products", "The catalogues of a pair compared", sync.Catalogues, _products,
              query=StoreQuery),
    Operation("GET", "/contacts/ties", "ties", "Buyers who wait for a person to say which contact they are",
              list[sync.Tie], _ties, query=StoreQuery),
    Operation("GET", "/decisions", "decisions", "Decisions of people that hold", list[sync.Standing], _decisions),
    Operation("GET", "/sweep", "sweep_state", "The running sweep, or the last one", SweepState, _sweep_state),
    Operation("POST", "/retry", "retry", "Try blocked postings again; they look before they send",
              sync.Retried, _retry, body=RetryBody, writes=True),
    Operation("POST", "/skip", "skip", "Decide that blocked postings shall not be sent, and say why",
              sync.Skipped, _skip, body=SkipBody, writes=True),
    Operation("POST", "/link/document", "link_document", "Tie a document of the books to an order, creating none",
              sync.DocumentLinked, _link_document, body=DocumentBody, writes=True),
    Operation("POST", "/contacts", "contact", "Say which contact of the books a buyer is",
              sync.Decided, _contact, body=ContactBody, writes=True),
    Operation("POST", "/products", "product", "Accept that a store code is a code of the books",
              sync.Accepted, _product, body=ProductBody, writes=True),
    Operation("POST", "/products/rule", "products_rule", "Accept near misses of a kind that have one candidate each",
              sync.Accepted, _products_by_rule, body=RuleBody, writes=True),
    Operation("POST", "/products/csv", "products_csv", "Accept pairs of codes from a CSV text",
              sync.Accepted, _import_products, body=ProductsBody, writes=True),
    Operation("POST", "/undo", "undo", "Take a decision back (product, contact, skip)",
              sync.Undone, _undo, body=UndoBody, writes=True),
    Operation("POST", "/replan", "replan", "Plan orders again", sync.Replanned, _replan, body=ReplanBody, writes=True),
    Operation("POST", "/sign-in", "sign_in", "Finish a sign-in with the code that came back from the other side",
              reconnect.SignedIn, _sign_in, body=reconnect.SignInBody, writes=True),
    Operation("POST", "/sweep", "sweep", "Compare both sides whole; `wait` answers when it is done",
              SweepState, _sweep, body=SweepBody, writes=True, status=202),
    *mapping_operations.OPERATIONS,
    *upkeep.OPERATIONS,
    *unique_amounts.OPERATIONS,
    *money.OPERATIONS,
)  # fmt: skip
