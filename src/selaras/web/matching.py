"""Two pages on which a person answers what the rules may not: which product is meant, and which contact a buyer is."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from selaras.i18n import _
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.sync import operations as sync
from selaras.web.api import Refusal
from selaras.web.context import Context, Visitor
from selaras.web.look import Look, path, say
from selaras.web.overview import all_products, all_ties
from selaras.web.signing import checked_form

_MOST = 200


class Matching:
    """The handlers of both pages and their forms."""

    def __init__(self, context: Context, look: Look) -> None:
        self._context = context
        self._look = look

    async def products(self, request: Request) -> Response:
        """Products of the store without a partner, doubled codes, and who might be meant."""
        compared = await self._context.glance(all_products)
        return self._page(request, "products.html", compared=compared, most=_MOST)

    async def accept(self, request: Request) -> Response:
        """Accept that a store code is a code of the books."""
        form = await self._form(request)
        codes = form.get("store_code", "").strip(), form.get("books_code", "").strip()
        done = await self._context.change(
            sync.accept_product, *codes, self._context.hub.now(), "console", form.get("store") or None
        )
        return RedirectResponse(path("products", {"done": str(done.replanned)}), 303)

    async def contacts(self, request: Request) -> Response:
        """Buyers whom several contacts may be."""
        ties = await self._context.glance(all_ties)
        return self._page(request, "contacts.html", ties=ties[:_MOST], total=len(ties))

    async def choose(self, request: Request) -> Response:
        """Choose the contact, or a new one."""
        form, hub = await self._form(request), self._context.hub
        name, contact = form.get("name", ""), form.get("contact", "")

        def decide(_ledger: Ledger) -> sync.Decided:
            return sync.decide_contact(hub, name, contact, hub.now(), "console")

        await self._context.change(decide)
        return RedirectResponse(path("contacts", {"done": "1"}), 303)

    def _page(self, request: Request, template: str, **values: Any) -> Response:
        visitor: Visitor = request.state.visitor
        done = request.query_params.get("done", "")
        # A page with forms is not brought up to date under a person's hands.
        return self._look.page(
            request, template, may_write=visitor.kind == "person", done=done if done.isdigit() else "", **values
        )

    async def _form(self, request: Request) -> dict[str, str]:
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            raise Refusal(403, _("Sign in first"), _("Only a signed-in person may do this."))
        return await checked_form(request, self._context)

    def refused(self, handler: Any) -> Any:
        """What the ledger refuses is the person's to mend, not a page that is missing."""

        async def endpoint(request: Request) -> Response:
            try:
                answer: Response = await handler(request)
            except LedgerError as error:
                raise Refusal(422, _("That cannot be done"), say(error.message), say(error.cure)) from None
            return answer

        return endpoint


def routes(context: Context, look: Look) -> list[Route]:
    """Products and contacts, for those who may read; their forms for signed-in people."""
    matching = Matching(context, look)

    def page(address: str, handler: Any, name: str, method: str = "GET") -> Route:
        guarded = look.guarded(handler if method == "GET" else matching.refused(handler), reading=True)
        return Route(address, guarded, methods=[method], name=name)

    return [
        page("/products", matching.products, "products"),
        page("/products", matching.accept, "accept_product", "POST"),
        page("/contacts", matching.contacts, "contacts"),
        page("/contacts", matching.choose, "choose_contact", "POST"),
    ]
