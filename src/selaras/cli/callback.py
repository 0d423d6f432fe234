"""The page on this machine to which a sign-in returns (RFC 8252 §7.3: a loopback address, http)."""

from __future__ import annotations

import asyncio
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from selaras.i18n import _
from selaras.ledger.errors import LedgerError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Callback:
    """Listens at the redirect address while a sign-in is open; takes the first code and says how it went."""

    def __init__(self, redirect: str) -> None:
        parts = urlsplit(redirect)
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK or not parts.port:
            raise LedgerError(
                f"The sign-in returns to {redirect}, which is not a page of this machine.",
                "Use --headless, or set redirect_uri to an address such as http://127.0.0.1:8901/oauth/done.",
            )
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path or "/"
        self._runner: web.AppRunner | None = None
        loop = asyncio.get_running_loop()
        self._came: asyncio.Future[tuple[str, str]] = loop.create_future()
        self._told: asyncio.Future[bool] = loop.create_future()

    async def __aenter__(self) -> Callback:
        app = web.Application()
        app.router.add_get(self._path, self._page)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise LedgerError(
                f"The page for the sign-in cannot listen on {self._host}:{self._port} ({error.strerror or error}).",
                "Stop the program that uses it, or use --headless.",
            ) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._told.done():
            self._told.set_result(False)
        await asyncio.sleep(0)
        if self._runner is not None:
            await self._runner.cleanup()

    async def answer(self, seconds: float) -> tuple[str, str]:
        """The code and the state that came back. Raises `LedgerError` after `seconds`, or when the person declined."""
        try:
            async with asyncio.timeout(seconds):
                return await self._came
        except TimeoutError:
            raise LedgerError(
                f"Nobody signed in within {seconds:.0f} seconds.", "Begin again, or use --headless on another machine."
            ) from None

    def tell(self, *, ok: bool) -> None:
        """Let the waiting page say how it ended."""
        if not self._told.done():
            self._told.set_result(ok)

    async def _page(self, request: web.Request) -> web.Response:
        code, state, refused = (request.query.get(name, "") for name in ("code", "state", "error"))
        if self._came.done():
            return _html(_("This sign-in is finished; you can close this page."), 410)
        if not code:
            if refused:
                self._came.set_exception(
                    LedgerError(f"The sign-in was refused: {refused[:80]}.", "Begin again and allow the access.")
                )
            return _html(_("The sign-in was not finished. Begin it again."), 400)
        self._came.set_result((code, state))
        ok = await self._told
        if ok:
            return _html(_("Signed in. You can close this page and go back to the terminal."), 200)
        return _html(_("The sign-in was not finished. Begin it again."), 400)


def _html(text: str, status: int) -> web.Response:
    page = f"<!doctype html><meta charset=utf-8><title>Selaras</title><p>{text}</p>"
    headers = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store"}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)


def code_of(pasted: str) -> tuple[str, str]:
    """Code and state of what a person pasted: the whole address, its query, or the bare code (then no state).

    Raises `LedgerError` when there is no code in it.
    """
    if "=" not in pasted:
        code, state = pasted.strip(), ""
    else:
        fields = parse_qs(urlsplit(pasted).query or pasted.lstrip("?"))
        code, state = (fields.get(name, [""])[0] for name in ("code", "state"))
    if not code:
        raise LedgerError("There is no code in what was pasted.", "Paste the whole address of the page you ended on.")
    return code, state
