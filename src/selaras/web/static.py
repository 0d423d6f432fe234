"""Static files: read once at start, named with the hash of their content so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_FOLDER: Final = Path(__file__).parent / "static"
_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def files() -> dict[str, tuple[bytes, str, str]]:
    """Name → content, media type, short hash."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _KINDS:
            content = path.read_bytes()
            found[path.name] = (content, _KINDS[path.suffix], hashlib.sha256(content).hexdigest()[:12])
    return found


def address(name: str) -> str:
    """Where a page finds a static file."""
    return f"/static/{name}?v={files()[name][2]}"


async def _serve(request: Request) -> Response:
    found = files().get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("There is no such file.\n", 404)
    content, kind, mark = found
    kept = "public, max-age=31536000, immutable" if request.query_params.get("v") == mark else "public, max-age=60"
    return Response(content, headers={"Content-Type": kind, "Cache-Control": kept})


def routes() -> list[Route]:
    """The route of static files, and the icon that browsers ask for by themselves."""

    async def icon(_request: Request) -> Response:
        headers = {"Content-Type": "image/svg+xml", "Cache-Control": "max-age=86400"}
        return Response(files()["icon.svg"][0], headers=headers)

    return [Route("/static/{name}", _serve, name="static"), Route("/favicon.ico", icon, name="icon")]
