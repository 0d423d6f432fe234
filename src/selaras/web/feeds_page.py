"""The page from which everything about mapping is reached: the pairs, the feeds and their accounts, the rate card."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from selaras.i18n import _
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.sync import mappings, payout_report
from selaras.sync.feeds import ACCOUNTS, Feed, feeds_of, remove_feed, set_feed
from selaras.sync.feeds_report import feeds_report
from selaras.sync.installation import pairs_of
from selaras.sync.mappings import MappingView
from selaras.sync.rate_card_text import read, written
from selaras.web.api import Refusal
from selaras.web.context import Context, Visitor
from selaras.web.look import Look, path, say
from selaras.web.signing import checked_form

_DONE: Final = ("feed", "gone", "rates")
_MOST_RATES: Final = 1000


class FeedsPage:
    """The handlers of the page and its forms."""

    def __init__(self, context: Context, look: Look) -> None:
        self._context = context
        self._look = look

    async def show(self, request: Request) -> Response:
        """Everything on one page."""
        done = request.query_params.get("done", "")
        return await self._page(request, done=done if done in _DONE else "")

    async def feed(self, request: Request) -> Response:
        """Begin a feed, or change its accounts: only those that were changed on the page."""
        form = await self._form(request)
        name, books = form.get("connection", ""), form.get("books", "")
        given = {
            one: form[one].strip()
            for one in ACCOUNTS
            if one in form and form[one].strip() != form.get(f"was_{one}", "")
        }
        try:
            await self._context.change(set_feed, name, books, given, self._context.hub.now())
        except LedgerError as error:
            option = error.message.partition(":")[0]
            refused = {"feed": name, "option": option if option in ACCOUNTS else "", "error": error}
            return await self._page(request, 422, refused=refused, typed=form)
        return RedirectResponse(path("mapping", {"done": "feed"}), 303)

    async def remove(self, request: Request) -> Response:
        """Book the money of a connection no longer."""
        form = await self._form(request)
        try:
            await self._context.change(remove_feed, form.get("connection", ""), self._context.hub.now())
        except LedgerError as error:
            raise Refusal(422, _("That cannot be done"), say(error.message), say(error.cure)) from None
        return RedirectResponse(path("mapping", {"done": "gone"}), 303)

    async def rate_card(self, request: Request) -> Response:
        """Replace the rate card by a table that was typed or pasted."""
        form = await self._form(request)
        text = form.get("rates", "").replace("\r\n", "\n")
        rates, wrong = read(text)
        if len(rates) > _MOST_RATES:
            wrong.append(_("A rate card has at most %(n)s rates.", n=_MOST_RATES))
        now = written(await self._context.read(payout_report.rate_card_of))
        if form.get("was", "").replace("\r\n", "\n") != now and not wrong:
            wrong.append(_("Somebody else changed the rate card meanwhile. Look at it again, then save."))
        if not wrong:
            try:
                await self._context.change(payout_report.set_rate_card, rates, self._context.hub.now())
            except LedgerError as error:
                wrong.append(f"{say(error.message)} {say(error.cure)}")
        if wrong:
            return await self._page(request, 422, wrong=wrong, typed_rates=text)
        return RedirectResponse(path("mapping", {"done": "rates"}), 303)

    async def _page(self, request: Request, status: int = 200, **told: Any) -> Response:
        visitor: Visitor = request.state.visitor
        rates = await self._context.read(payout_report.rate_card_of)
        values: dict[str, Any] = {"refused": {}, "typed": {}, "wrong": [], "typed_rates": None, "done": ""} | told
        # A page with forms is not brought up to date under a person's hands.
        return self._look.page(
            request, "mappings.html", status, views=await self._context.read(_views),
            report=await self._context.read(feeds_report), rates=rates, card=written(rates),
            may_write=visitor.kind == "person", restart=_other_feeds(self._context, await self._context.read(feeds_of)),
            **values,
        )  # fmt: skip

    async def _form(self, request: Request) -> dict[str, str]:
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            raise Refusal(403, _("Sign in first"), _("Only a signed-in person may do this."))
        return await checked_form(request, self._context)


def _views(ledger: Ledger) -> list[MappingView]:
    return [mappings.show(ledger, pair.store, pair.books) for pair in pairs_of(ledger)]


def _other_feeds(context: Context, kept: list[Feed]) -> bool:
    """Whether the running process works with other feeds than those that are kept: it takes them when it starts."""
    paired = {pair.books for pair in context.hub.pairs}
    return [feed for feed in kept if feed.books in paired] != list(context.hub.feeds)


def routes(context: Context, look: Look) -> list[Route]:
    """The page for those who may read; its forms for signed-in people."""
    page = FeedsPage(context, look)
    return [
        look.route("/mapping", page.show, "mappings"),
        look.route("/feeds", page.feed, "save_feed", "POST"),
        look.route("/feeds/remove", page.remove, "end_feed", "POST"),
        look.route("/rate-card", page.rate_card, "save_rate_card", "POST"),
    ]
