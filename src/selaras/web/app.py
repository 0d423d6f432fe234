"""The whole web as one ASGI application: webhooks and health beside the framework, everything else behind the guard."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from selaras.engine.service import Service
from selaras.sync.hub import Hub
from selaras.web import api, feeds_page, figures, mapping_page, matching, money_page, pages, signing, static
from selaras.web.answers import JSON, Answer, Receive, Scope, Send
from selaras.web.context import Context
from selaras.web.guard import Guard
from selaras.web.health import HealthCheck
from selaras.web.intake import PREFIX, WebhookIntake
from selaras.web.look import Look
from selaras.web.sweeps import Sweeps

HEALTH = "/healthz"


class Application:
    """The ASGI application of one installation; use it as an async context manager around the time it serves."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.intake = WebhookIntake(context.hub, context.service.wake)
        self.sweeps = Sweeps(context)
        self._health = HealthCheck(context)
        look = Look(context)
        self.routes: list[Route] = [
            *api.routes(context, self.intake, self.sweeps),
            Route("/metrics", self._metrics, name="metrics"),
            *static.routes(),
            *signing.routes(context, look),
            *matching.routes(context, look),
            *money_page.routes(context, look),
            *mapping_page.routes(context, look),
            *feeds_page.routes(context, look),
            *pages.routes(context, self.intake, look),
        ]
        framework = Starlette(
            routes=self.routes,
            exception_handlers={HTTPException: look.http_error, Exception: look.defect},
        )
        framework.router.redirect_slashes = False
        self._guarded = Guard(framework, context)

    async def __aenter__(self) -> Self:
        await self.context.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.sweeps.close()
        await self.context.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(PREFIX):
                return await self.intake(scope, receive, send)
            if path == HEALTH:
                return await self._healthz(scope, receive, send)
            return await self._guarded(scope, receive, send)
        return None

    async def _healthz(self, scope: Scope, receive: Receive, send: Send) -> None:
        authorization = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"authorization"), "")
        health = await self._health(details=self._guarded.is_program(authorization) or self.context.open_read)
        await Answer(health.code, api.encode(health), kind=JSON)(send)

    async def _metrics(self, request: Request) -> Response:
        """For those who may read; Prometheus sends the local token with `bearer_token_file`."""
        if not request.state.visitor.may_read:
            return PlainTextResponse(
                "Metrics need the local token as a bearer token.\n", 401, {"WWW-Authenticate": 'Bearer realm="selaras"'}
            )
        return Response(await figures.metrics(self.context, self.intake), media_type=figures.CONTENT_TYPE)


def app(
    hub: Hub,
    service: Service,
    *,
    data: Path,
    public_url: str = "",
    open_read: bool = False,
    state: dict[str, Any] | None = None,
) -> Application:
    """The application of a running hub and engine.

    `data` holds the local token, `public_url` is where people and stores reach us, `open_read` shows pages without
    sign-in (for a demo on loopback), and `state["demo"]` is what the demo page shows.
    """
    return Application(Context(hub, service, data=data, public_url=public_url, open_read=open_read, state=state))
