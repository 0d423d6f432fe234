"""Sign-in of people: the set-up link of the first start, the password, the way out."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from selaras.i18n import _
from selaras.web.api import Refusal, limited_body
from selaras.web.context import LOOPBACK, Context, Visitor
from selaras.web.guard import cookie
from selaras.web.look import Look
from selaras.web.passwords import LONGEST, SHORTEST
from selaras.web.sessions import COOKIE, LENGTH

_LARGEST: Final = 64 << 10

Form = dict[str, str]


class Signing:
    """The routes around the password. Every form is checked to come from a page that we showed to the same visitor."""

    def __init__(self, context: Context, look: Look) -> None:
        self._context = context
        self._look = look

    # -- first start -----------------------------------------------------------------------------------------------

    async def setup(self, request: Request) -> Response:
        """The form behind the one-time link."""
        code = request.query_params.get("code", "")
        if self._context.passwords.known:
            return RedirectResponse("/sign-in", 303)
        if not self._context.passwords.code_fits(code):
            return self._look.page(request, "setup.html", code="", trouble="", shortest=SHORTEST)
        return self._look.page(request, "setup.html", code=code, trouble="", shortest=SHORTEST)

    async def set_up(self, request: Request) -> Response:
        """Choose the first password."""
        form = await self._form(request)
        code = form.get("code", "")
        if self._context.passwords.known or not self._context.passwords.code_fits(code):
            return self._look.trouble(
                request, 403, _("This link is used up"), _("The password was chosen already, or the link is old."),
                _("Sign in, or start Selaras again for a new link."),
            )  # fmt: skip
        trouble = _unfit(form)
        if trouble:
            return self._look.page(request, "setup.html", 400, code=code, trouble=trouble, shortest=SHORTEST)
        await self._context.passwords.choose(form["password"])
        return self._signed_in("/")

    # -- in and out ------------------------------------------------------------------------------------------------

    async def sign_in(self, request: Request) -> Response:
        """The form."""
        visitor: Visitor = request.state.visitor
        onward = _onward(request.query_params.get("next", "/"))
        if visitor.kind == "person":
            return RedirectResponse(onward, 303)
        if not self._context.passwords.known:
            return self._look.page(request, "setup.html", code="", trouble="", shortest=SHORTEST)
        return self._look.page(request, "sign_in.html", trouble="", onward=onward)

    async def check(self, request: Request) -> Response:
        """Compare the password; guessing is slowed down."""
        form, context = await self._form(request), self._context
        onward, address = _onward(form.get("next", "/")), _address(request)
        wait = context.attempts.wait(address)
        if wait:
            minutes = max(1, round(wait / 60))
            trouble = _("Too many attempts. Try again in %(minutes)s minutes.", minutes=minutes)
            answer = self._look.page(request, "sign_in.html", 429, trouble=trouble, onward=onward)
            answer.headers["Retry-After"] = str(int(wait) + 1)
            return answer
        context.attempts.failed(address)  # counted before the slow comparison, so that a burst is counted too
        if not await context.passwords.fits(form.get("password", "")):
            trouble = _("That is not the password.")
            return self._look.page(request, "sign_in.html", 401, trouble=trouble, onward=onward)
        context.attempts.passed(address)
        return self._signed_in(onward)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        await self._form(request)
        visitor: Visitor = request.state.visitor
        if visitor.session is not None:
            self._context.sessions.end(visitor.session)
        answer = RedirectResponse("/sign-in", 303)
        answer.headers["Set-Cookie"] = cookie(COOKIE, "", secure=self._context.secure, seconds=0)
        return answer

    # -- another password ------------------------------------------------------------------------------------------

    async def password(self, request: Request) -> Response:
        """The form for another password."""
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            return RedirectResponse("/sign-in?next=/password", 303)
        return self._look.page(request, "password.html", trouble="", shortest=SHORTEST)

    async def change(self, request: Request) -> Response:
        """Another password; everybody else is signed out by it."""
        form, context = await self._form(request), self._context
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            return RedirectResponse("/sign-in", 303)
        address, trouble = _address(request), _unfit(form)
        if context.attempts.wait(address):
            trouble = _("Too many attempts. Try again later.")
        elif not trouble and not await context.passwords.fits(form.get("old", "")):
            context.attempts.failed(address)
            trouble = _("The present password is another one.")
        if trouble:
            return self._look.page(request, "password.html", 400, trouble=trouble, shortest=SHORTEST)
        await context.passwords.choose(form["password"])
        return self._signed_in("/")

    # -- parts -----------------------------------------------------------------------------------------------------

    def _signed_in(self, onward: str) -> Response:
        value, _session = self._context.sessions.begin()
        answer = RedirectResponse(onward, 303)
        answer.headers["Set-Cookie"] = cookie(COOKIE, value, secure=self._context.secure, seconds=LENGTH)
        return answer

    async def _form(self, request: Request) -> Form:
        return await checked_form(request, self._context)


async def checked_form(request: Request, context: Context) -> Form:
    """The fields of a form from one of our own pages. Raises `Refusal` (403, 413)."""
    raw = await limited_body(request, _LARGEST)
    fields = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
    form = {name: values[-1] for name, values in fields.items()}
    visitor: Visitor = request.state.visitor
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    foreign = bool(origin) and urlsplit(origin).netloc != request.headers.get("host", "")
    fits = context.sessions.form_fits(visitor.nonce, form.get("form_token", ""))
    if site not in ("same-origin", "none") or foreign or not fits:
        raise Refusal(
            403, _("The form is too old"), _("It did not come from a page that was shown to you in this browser."),
            _("Go back, load the page again, and send the form once more."),
        )  # fmt: skip
    return form


def _unfit(form: Form) -> str:
    """What is wrong with a new password; "" when it will do."""
    password = form.get("password", "")
    if len(password) < SHORTEST:
        return _("At least %(n)s characters, please; a short sentence is easy to remember.", n=SHORTEST)
    if len(password) > LONGEST:
        return _("At most %(n)s characters, please.", n=LONGEST)
    if len(set(password)) < 5:
        return _("Too few different characters.")
    if password != form.get("again", ""):
        return _("The two entries differ.")
    return ""


def _onward(wish: str) -> str:
    """A path of ours to go on to; never another site."""
    return wish if wish.startswith("/") and not wish.startswith(("//", "/\\")) and wish.isprintable() else "/"


def _address(request: Request) -> str:
    """Who tries: the peer, or what a proxy on this machine says of it."""
    peer = request.client.host if request.client else ""
    if peer in LOOPBACK:
        return request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or peer
    return peer


def routes(context: Context, look: Look) -> list[Route]:
    """Set-up, sign-in, sign-out, another password."""
    signing = Signing(context, look)
    return [
        Route("/setup", look.guarded(signing.setup), name="setup"),
        Route("/setup", look.guarded(signing.set_up), methods=["POST"], name="set_up"),
        Route("/sign-in", look.guarded(signing.sign_in), name="sign_in"),
        Route("/sign-in", look.guarded(signing.check), methods=["POST"], name="check"),
        Route("/sign-out", look.guarded(signing.sign_out), methods=["POST"], name="sign_out"),
        Route("/password", look.guarded(signing.password), name="password"),
        Route("/password", look.guarded(signing.change), methods=["POST"], name="change_password"),
    ]
