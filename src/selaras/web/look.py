"""How pages look: the templates, and numbers, money, days and reasons as people write and read them."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from selaras import i18n
from selaras.i18n import _
from selaras.ledger.errors import DatabaseUnreachable, DiskFull, LedgerError
from selaras.sync.sentences import spoken
from selaras.web import words
from selaras.web.api import Problem, Refusal, problem_answer
from selaras.web.context import Context, Visitor
from selaras.web.guard import LANGUAGE_COOKIE, cookie
from selaras.web.static import address

log = logging.getLogger("selaras.web")

Handler = Callable[[Request], Awaitable[Response]]
_YEAR: Final = 365 * 86400
REFRESH_COOKIE: Final = "selaras_refresh"
_SHORT_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HUNDRED: Final = Decimal(100)


class Look:
    """Renders pages in the request's language."""

    def __init__(self, context: Context) -> None:
        self._context = context
        env = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        i18n.install(env)
        env.filters.update(
            count=count, percent=percent, shortday=shortday, tableday=tableday, clock=self.clock, when=self.when,
            ago=self.ago, say=say, rate=rate,
            seconds=seconds, plainday=plainday, today=self.today,
        )  # fmt: skip
        env.globals.update(static=address, word=words.word, share=share, path=path, record_path=record_path)
        self._env = env

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A whole page."""
        visitor: Visitor = request.state.visitor
        language: str = request.state.language
        turned = request.query_params.get("refresh", "")
        turned = turned if turned in ("on", "off") else ""
        other = "en" if language == "id" else "id"
        shared = {
            "lang": language,
            "visitor": visitor,
            "form_token": self._context.sessions.form_token(visitor.nonce),
            "here": request.url.path,
            "other_language": other,
            "switch": path(request.url.path, {**dict(request.query_params), "lang": other}),
            "refresh": (turned or request.cookies.get(REFRESH_COOKIE)) != "off",
            "refresh_seconds": 15,
            "live": False,
            "now": dt.datetime.fromtimestamp(self._context.hub.clock(), dt.UTC),
            "demo": self._context.state.get("demo"),
            "open_read": self._context.open_read,
            "zone": self._context.zone,
        }
        html = self._env.get_template(template).render(shared | values)
        answer = HTMLResponse(html, status, headers={"Content-Language": language, "Vary": "Accept-Language, Cookie"})
        for name, wish in ((LANGUAGE_COOKIE, i18n.pick(request.query_params.get("lang"))), (REFRESH_COOKIE, turned)):
            if wish:
                answer.headers.append("Set-Cookie", cookie(name, wish, secure=self._context.secure, seconds=_YEAR))
        return answer

    def trouble(self, request: Request, status: int, title: str, detail: str, cure: str = "") -> Response:
        """A page that says what went wrong and what to do."""
        if request.url.path.startswith("/api/"):
            return problem_answer(Problem(status, title, detail, cure))
        return self.page(request, "trouble.html", status, title=title, detail=detail, cure=cure)

    def route(self, address: str, handler: Handler, name: str, method: str = "GET") -> Route:
        """A route of a page that only those who may read see."""
        return Route(address, self.guarded(handler, reading=True), methods=[method], name=name)

    def guarded(self, handler: Handler, *, reading: bool = False) -> Handler:
        """A handler whose refusals become pages; with `reading` only for those who may read, others sign in first."""

        async def endpoint(request: Request) -> Response:
            visitor: Visitor = request.state.visitor
            if reading and not visitor.may_read:
                onward = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(path("sign-in", {"next": onward}), 303)
            try:
                return await handler(request)
            except Refusal as refusal:
                told = refusal.problem
                return self.trouble(request, told.status, told.title, told.detail, told.cure)
            except LedgerError as error:
                status = 503 if isinstance(error, DiskFull | DatabaseUnreachable) else 404
                return self.trouble(request, status, _("Not found"), say(error.message), say(error.cure))

        return endpoint

    async def http_error(self, request: Request, error: Exception) -> Response:
        """Errors of routing: no such page, no such method."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 405:
            return self.trouble(request, 405, _("Not like this"), _("This address does not take that method."))
        return self.trouble(
            request, status, _("There is no such page"), _("The address leads nowhere."), _("Begin at the overview.")
        )

    async def defect(self, request: Request, error: Exception) -> Response:
        """A defect of ours; Starlette raises it again for the log."""
        log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__)
        return self.trouble(
            request, 500, _("Something went wrong here"),
            _("This is a defect of Selaras, not of your data. Nothing was lost."),
            _("The log of this installation has the details; please report them."),
        )  # fmt: skip

    # -- instants --------------------------------------------------------------------------------------------------

    def _local(self, instant: dt.datetime) -> dt.datetime:
        return instant.astimezone(ZoneInfo(self._context.zone))

    def clock(self, instant: dt.datetime) -> str:
        """14.05 in Indonesian, 14:05 in English."""
        return f"{self._local(instant):{'%H.%M' if i18n.get_locale() == 'id' else '%H:%M'}}"

    def when(self, instant: dt.datetime) -> Markup:
        """The instant for people, with the exact one for machines and for the pointer."""
        local = self._local(instant)
        today = self._local(dt.datetime.fromtimestamp(self._context.hub.clock(), dt.UTC)).date()
        long = i18n.format_instant(instant, self._context.zone)
        if local.date() == today:
            text = f"{self.clock(instant)} {local.tzname()}"
        else:
            text = f"{shortday(local.date())} {self.clock(instant)} {local.tzname()}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            instant.astimezone(dt.UTC).isoformat(timespec="seconds"), long, text
        )

    def today(self, instant: dt.datetime) -> str:
        """The day of an instant in the zone of the installation, written out."""
        return i18n.format_day(self._local(instant).date())

    def ago(self, instant: dt.datetime) -> str:
        """How long ago, in one unit."""
        return seconds(Decimal(int(max(0.0, self._context.hub.clock() - instant.timestamp()))))


def count(number: int | Decimal) -> str:
    """1.234 in Indonesian, 1,234 in English."""
    return i18n.format_number(number)


def percent(value: Decimal | int | str | None) -> str:
    """67,4% in Indonesian, 67.4% in English; a dash where there is nothing to say. Never rounded up to 100."""
    if value is None:
        return "–"
    exact = Decimal(value)
    shown = exact.quantize(Decimal("0.1"), rounding=ROUND_DOWN)
    return f"{i18n.format_number(shown)}%"


def rate(fraction: Decimal) -> str:
    """A fraction as a percentage with every digit it has: 0,7% in Indonesian, 0.7% in English."""
    return f"{i18n.format_number(fraction * _HUNDRED)}%"


def share(part: int | Decimal, whole: int | Decimal) -> str:
    """`part` of `whole` as a width between 0 and 100 for drawings; anything that is there can be seen."""
    if not whole or not part:
        return "0"
    exact = Decimal(part) * _HUNDRED / Decimal(whole)
    return str(min(_HUNDRED, max(exact, Decimal("0.8"))).quantize(Decimal("0.01")))


def shortday(day: dt.date | str) -> str:
    """13/09/2018 in Indonesian, as in the case's Table 1; 13 Sep 2018 in English."""
    if isinstance(day, str):
        if not day:
            return "–"
        day = dt.date.fromisoformat(day)
    if i18n.get_locale() == "id":
        return f"{day:%d/%m/%Y}"
    return f"{day.day} {_SHORT_MONTHS[day.month - 1]} {day.year}"


def tableday(day: dt.date | str) -> Markup:
    """The day for a table: a narrow screen leaves the year out."""
    text = shortday(day)
    cut = max(text.rfind("/"), text.rfind(" "))
    if cut < 0:
        return escape(text)
    return Markup('{}<span class="year">{}</span>').format(text[:cut], text[cut:])


def plainday(day: str) -> str:
    """9 Agustus 2026, from an ISO day."""
    return i18n.format_day(dt.date.fromisoformat(day)) if day else "–"


def record_path(connection: str, kind: str, name: str) -> str:
    """Where a record is explained."""
    return path("orders", connection, name) if kind == "order" else path("records", kind, connection, name)


def seconds(value: Decimal | int) -> str:
    """A length of time in the largest unit that fits."""
    whole = int(value)
    if whole < 60:
        return _("%(n)s s", n=whole)
    if whole < 3600:
        return _("%(n)s min", n=whole // 60)
    if whole < 86400:
        return _("%(n)s h", n=whole // 3600)
    return _("%(n)s d", n=whole // 86400)


def say(text: str) -> str:
    """A reason, message or cure of the rules and flows in the reader's language."""
    return spoken(text)


def path(*parts: str | dict[str, str]) -> str:
    """An address from its parts, each escaped; a mapping at the end is the query."""
    query = parts[-1] if isinstance(parts[-1], dict) else None
    names = [part for part in parts if isinstance(part, str)]
    ready = len(names) == 1 and names[0].startswith("/")
    made = names[0] if ready else "/" + "/".join(quote(name, safe="") for name in names)
    return f"{made}?{urlencode(query)}" if query else made
