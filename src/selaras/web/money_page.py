"""The page about money that comes in: what waits for a person, what was linked lately, and where the rules stand."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from selaras.i18n import _
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.sync import money_decisions as sync
from selaras.sync.money_decisions import OpenMoney
from selaras.sync.money_explaining import MoneyShare, lately
from selaras.sync.offline import offline_hub
from selaras.web.api import Refusal
from selaras.web.context import Context, Visitor
from selaras.web.look import Look, path, say
from selaras.web.signing import checked_form

_MOST: Final = 100
_LATELY: Final = 30
_PROPOSALS: Final = 3
_DONE: Final = ("accepted", "refused", "linked", "undone")


class MoneyPage:
    """The handlers of the page and its forms."""

    def __init__(self, context: Context, look: Look) -> None:
        self._context = context
        self._look = look

    async def money(self, request: Request) -> Response:
        """Everything on one page."""
        visitor: Visitor = request.state.visitor
        done = request.query_params.get("done", "")
        waiting = await self._context.glance(_waiting)
        # A page with forms is not brought up to date under a person's hands.
        return self._look.page(
            request, "money.html", waiting=waiting[:_MOST], total=len(waiting), proposals=_PROPOSALS,
            latest=await self._context.glance(_latest), rules=await self._context.glance(sync.rules),
            may_write=visitor.kind == "person", done=done if done in _DONE else "",
        )  # fmt: skip

    async def accept(self, request: Request) -> Response:
        """Accept what is proposed for a line."""
        form, hub = await self._form(request), self._context.hub
        rank = form.get("rank", "")
        chosen = int(rank) if rank.isdecimal() and len(rank) == 1 else 1
        seen = form.get("order", "").splitlines()

        def work(_ledger: Ledger) -> object:
            return sync.accept(hub, form.get("line", ""), hub.now(), "console", rank=chosen, orders=seen)

        return await self._done("accepted", work)

    async def refuse(self, request: Request) -> Response:
        """None of what is proposed is right."""
        form, hub = await self._form(request), self._context.hub
        seen = form.get("order", "").splitlines()

        def work(_ledger: Ledger) -> object:
            return sync.refuse(hub, form.get("line", ""), hub.now(), "console", orders=seen)

        return await self._done("refused", work)

    async def link(self, request: Request) -> Response:
        """Say which order a line pays."""
        form, hub = await self._form(request), self._context.hub

        def work(_ledger: Ledger) -> object:
            return sync.link_payment(hub, form.get("line", ""), form.get("order", "").strip(), hub.now(), "console")

        return await self._done("linked", work)

    async def undo(self, request: Request) -> Response:
        """Take a link back."""
        form, hub = await self._form(request), self._context.hub

        def work(_ledger: Ledger) -> object:
            line, order = form.get("line", ""), form.get("order", "")
            return sync.undo_money(hub, line, hub.now(), "console", form.get("why", ""), order)

        return await self._done("undone", work)

    async def _done(self, what: str, work: Any) -> Response:
        await self._context.change(work)
        return RedirectResponse(path("money", {"done": what}), 303)

    async def _form(self, request: Request) -> dict[str, str]:
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            raise Refusal(403, _("Sign in first"), _("Only a signed-in person may do this."))
        return await checked_form(request, self._context)


def _waiting(ledger: Ledger) -> list[OpenMoney]:
    return sync.unmatched(offline_hub(ledger, mirrors=False))


def _latest(ledger: Ledger) -> list[MoneyShare]:
    return lately(ledger, _LATELY)


def routes(context: Context, look: Look) -> list[Route]:
    """The page for those who may read; its forms for signed-in people."""
    page = MoneyPage(context, look)

    def refused(handler: Any) -> Any:
        """What the ledger refuses is the person's to mend, not a page that is missing."""

        async def endpoint(request: Request) -> Response:
            try:
                answer: Response = await handler(request)
            except LedgerError as error:
                raise Refusal(422, _("That cannot be done"), say(error.message), say(error.cure)) from None
            return answer

        return endpoint

    def form(name: str, handler: Any) -> Route:
        guarded = look.guarded(refused(handler), reading=True)
        return Route(f"/money/{name}", guarded, methods=["POST"], name=f"{name}_money")

    return [
        Route("/money", look.guarded(page.money, reading=True), methods=["GET"], name="money"),
        form("accept", page.accept),
        form("refuse", page.refuse),
        form("link", page.link),
        form("undo", page.undo),
    ]
