"""The console: what a person sees. Pages read; the one thing they change is a retry, which looks before it sends."""

from __future__ import annotations

import datetime as dt
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from selaras.i18n import _
from selaras.ledger.errors import LedgerError
from selaras.sync import operations as sync
from selaras.web import overview, views
from selaras.web.api import Refusal
from selaras.web.context import Context, Visitor
from selaras.web.intake import WebhookIntake
from selaras.web.look import Look, path, record_path, say
from selaras.web.signing import checked_form

_EVENTS = 200
_WAITING = 300


class Pages:
    """The handlers of the console's pages."""

    def __init__(self, context: Context, intake: WebhookIntake, look: Look) -> None:
        self._context = context
        self._intake = intake
        self._look = look

    async def today(self, request: Request) -> Response:
        """Today's picture."""
        context = self._context
        connected = await overview.connections(context, self._intake)
        objectives = await context.glance(sync.objectives)
        report = await context.glance(sync.coverage)
        return self._look.page(
            request, "overview.html", live=True,
            connections=connected,
            paired=bool(context.hub.pairs),
            pictures=views.store_pictures(objectives),
            tables=views.coverage_tables(report),
            report=report,
            blocked=await context.glance(sync.blocked),
            waiting=await context.glance(overview.waiting_count),
            latest=await context.glance(overview.events, 8),
            failing=[lane for lane in context.service.lanes.values() if lane.error],
        )  # fmt: skip

    async def coverage(self, request: Request) -> Response:
        """Every day, and for which span."""
        first, last = (_day(request, name) for name in ("first", "last"))
        report = await self._context.glance(sync.coverage, None, None, first, last)
        objectives = await self._context.glance(sync.objectives, None, first or ("0001-01-01" if last else None), last)
        return self._look.page(
            request, "coverage.html", live=True, report=report, first=first or "", last=last or "",
            tables=views.coverage_tables(report, 10_000), pictures=views.store_pictures(objectives, 10_000),
        )  # fmt: skip

    async def blocked(self, request: Request) -> Response:
        """Blocked (or skipped) records by cause, with the cure."""
        skipped = request.query_params.get("skipped") == "1"
        cause = request.query_params.get("cause") or None
        report = await self._context.glance(sync.blocked, cause, skipped=skipped)
        visitor: Visitor = request.state.visitor
        edits = [] if skipped else await self._context.glance(sync.differences)
        return self._look.page(
            request, "blocked.html", live=True, edits=edits, report=report, skipped=skipped, cause=cause or "",
            may_retry=visitor.kind == "person" and not skipped, retried=request.query_params.get("retried", ""),
        )  # fmt: skip

    async def retry(self, request: Request) -> Response:
        """Try what is blocked by one cause again."""
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            raise Refusal(403, _("Sign in first"), _("Only a signed-in person may do this."))
        form = await checked_form(request, self._context)
        names = [form["name"]] if form.get("name") else []
        done = await self._context.change(
            sync.retry, self._context.hub.now(), "console", cause=form.get("cause") or None, names=names
        )
        return RedirectResponse(path("blocked", {"retried": str(done.postings + done.records)}), 303)

    async def decide(self, request: Request) -> Response:
        """Keep what a person changed in the books, or write ours again."""
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            raise Refusal(403, _("Sign in first"), _("Only a signed-in person may do this."))
        form = await checked_form(request, self._context)
        names, hub = [form.get("name", "")], self._context.hub
        try:
            if form.get("act") == "keep":
                await self._context.change(sync.keep_books, names, form.get("why", ""), hub.now(), "console")
            else:
                updates = {name: one.capabilities.updates for name, one in hub.connectors.items()}
                await self._context.change(sync.restore, names, updates, hub.now(), "console")
        except LedgerError as error:
            raise Refusal(422, say(error.message), say(error.cure)) from None
        return RedirectResponse(path("blocked"), 303)

    async def waiting(self, request: Request) -> Response:
        """What is not finished."""
        items = await self._context.glance(overview.waiting, None, _WAITING)
        total = await self._context.glance(overview.waiting_count)
        return self._look.page(request, "waiting.html", live=True, items=items, total=total)

    async def events(self, request: Request) -> Response:
        """What a person may need to know."""
        return self._look.page(
            request, "events.html", live=True, items=await self._context.glance(overview.events, _EVENTS)
        )

    async def connections(self, request: Request) -> Response:
        """Connections and their state."""
        connected = await overview.connections(self._context, self._intake)
        return self._look.page(request, "connections.html", live=True, connections=connected)

    async def order(self, request: Request) -> Response:
        """Everything about one order."""
        store, number = request.path_params["store"], request.path_params["number"]
        found = await self._context.read(sync.explain, number, kind="order", connection=store)
        return self._explained(request, found)

    async def record(self, request: Request) -> Response:
        """Everything about one record of any kind."""
        given = request.path_params
        found = await self._context.read(
            sync.explain, given["name"], kind=given["kind"], connection=given["connection"]
        )
        return self._explained(request, found)

    def _explained(self, request: Request, found: list[sync.Explanation]) -> Response:
        shown = [(one, views.order_facts(one), views.all_reasons(one), views.timeline(one)) for one in found]
        return self._look.page(request, "explain.html", live=True, shown=shown)

    async def stock(self, request: Request) -> Response:
        """What was offered of one product, and why."""
        found = await self._context.read(sync.explain_stock, request.path_params["code"])
        return self._look.page(request, "stock.html", live=True, found=found)

    async def find(self, request: Request) -> Response:
        """From what a person typed to the page that is meant: an order, a bank line, a product code."""
        wish = request.query_params.get("q", "").strip()
        if not wish:
            return self._look.page(request, "find.html", wish="", found=[])
        found: list[sync.Explanation] = []
        try:
            found = await self._context.read(sync.explain, wish)
        except LedgerError:
            try:
                await self._context.read(sync.explain_stock, wish)
            except LedgerError:
                return self._look.page(request, "find.html", 404, wish=wish, found=[])
            return RedirectResponse(path("stock", wish), 303)
        if len(found) == 1:
            return RedirectResponse(record_path(found[0].connection, found[0].kind, found[0].id), 303)
        return self._look.page(request, "find.html", wish=wish, found=found)

    async def demo(self, request: Request) -> Response:
        """The two acts of the demo, side by side, as far as they have been played."""
        shown: dict[str, Any] | None = self._context.state.get("demo")
        acts = views.demo_acts(shown) if shown else []
        return self._look.page(request, "demo.html", live=True, refresh_seconds=2, shown=shown or {}, acts=acts)


def _day(request: Request, name: str) -> str | None:
    """An ISO day of the query; None without one, or when it is not one."""
    try:
        return dt.date.fromisoformat(request.query_params.get(name, "")).isoformat()
    except ValueError:
        return None


def routes(context: Context, intake: WebhookIntake, look: Look) -> list[Route]:
    """The console's pages, for those who may read."""
    pages = Pages(context, intake, look)
    return [
        look.route("/", pages.today, "today"),
        look.route("/coverage", pages.coverage, "coverage"),
        look.route("/blocked", pages.blocked, "blocked"),
        look.route("/blocked/retry", pages.retry, "retry", "POST"),
        look.route("/blocked/decide", pages.decide, "decide", "POST"),
        look.route("/waiting", pages.waiting, "waiting"),
        look.route("/events", pages.events, "events"),
        look.route("/connections", pages.connections, "connections"),
        look.route("/orders/{store}/{number:path}", pages.order, "order"),
        look.route("/records/{kind}/{connection}/{name:path}", pages.record, "record"),
        look.route("/stock/{code:path}", pages.stock, "stock"),
        look.route("/find", pages.find, "find"),
        look.route("/demo", pages.demo, "demo"),
    ]
