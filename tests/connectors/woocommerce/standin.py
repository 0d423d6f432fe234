"""A stand-in for a live WooCommerce 8–10: real HTTP(S), real paths, headers, signatures, limits and error bodies.

Made from answers of a real WooCommerce 10.0.2 (data/) and from what was seen and read of it (reference/
store-billing-payment-apis.md §2 and §19, reference/observed.md "WooCommerce"). It is no softer than those facts:

=======================================  ==========================================================================
key and secret over http are refused     §2 Auth; OAuth 1.0a over the shop's own home address, 15 minutes, nonces
`…Z` beside `dates_are_gmt` is shifted   §2 Zone trap
bounds are exclusive, seconds            §2 List orders
`modified` has no second key             §2; ties come in any order
`any` hides the bin                      §2; by id an order in the bin has the status trash
behind the end X-WP-Total is 0           WP_Query::set_found_posts
`price` is a float, `taxes[]` rules      observed.md; `total_tax` may be one off
batches: 100, item errors inside 200     §2 Stock; 413 above
a variation's parent is believed         class-wc-rest-product-variations-controller.php
no compare-and-set                       §2 Stock
webhooks                                 standin_hooks
=======================================  ==========================================================================
"""

from __future__ import annotations

import email.utils
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from tests.connectors.woocommerce.standin_auth import Key, WooError, authenticate, check_permission, php_query
from tests.connectors.woocommerce.standin_hooks import Hooks
from tests.connectors.woocommerce.standin_rest import Rest
from tests.connectors.woocommerce.standin_shop import Config, Shop

PREFIX = "/wp-json/wc/v3"
BLOCKED = "<html><head><title>403 Forbidden</title></head><body><h1>Request blocked</h1></body></html>"


@dataclass
class Trouble:
    """What goes wrong in front of WordPress, on switches."""

    fail_before: bool = False
    fail_after: bool = False
    throttle: float = 0.0
    firewall: bool = False
    maintenance: bool = False
    notice: bool = False
    mark: bool = False
    plain_permalinks: bool = False
    to_https: str = ""
    hidden_index: bool = False


class StandIn:
    """The running shop. `calls` counts what was asked: "GET /orders" and so on."""

    def __init__(self, config: Config, now: Callable[[], float], home: str, *, tls: bool, seed: int = 1) -> None:
        self.shop = Shop(config, now)
        self.home = home
        self.url = home
        self.tls = tls
        self.key = Key()
        self.hooks = Hooks(self.shop, home)
        self.rest = Rest(self.shop, self.hooks, seed)
        self.trouble = Trouble()
        self.calls: Counter[str] = Counter()
        self.queries: list[dict[str, str]] = []
        self.timezone: str | None = config.zone
        self.gmt_offset: object = 7

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, from the socket to the answer."""
        trouble = self.trouble
        if trouble.to_https:
            return web.Response(status=301, headers={"Location": trouble.to_https + request.raw_path})
        if trouble.throttle:
            wait = {"Retry-After": str(int(trouble.throttle))}
            return web.Response(
                status=429, text="<html>Too Many Requests</html>", content_type="text/html", headers=wait
            )
        if trouble.firewall:
            return web.Response(status=403, text=BLOCKED, content_type="text/html")
        if trouble.maintenance:
            text = "<!DOCTYPE html><title>Maintenance</title>Briefly unavailable for scheduled maintenance."
            return web.Response(status=503, text=text, content_type="text/html", headers={"Retry-After": "600"})
        path = urlsplit(request.raw_path).path
        base = urlsplit(self.home).path
        if not path.startswith(base + "/wp-json/") or trouble.plain_permalinks:
            return web.Response(status=404, text="<html>Not Found</html>", content_type="text/html")
        writes = request.method != "GET"
        if trouble.fail_before and writes:
            return self._say({"code": "internal_server_error", "message": "Ada eror kritis.", "data": None}, 500)
        query = php_query(urlsplit(request.raw_path).query)
        try:
            content, headers = await self._answer(request, path.removeprefix(base), query)
            status = 200
        except WooError as error:
            content = {"code": error.code, "message": error.message, "data": {"status": error.status, **error.data}}
            headers, status = {}, error.status
        if trouble.fail_after and writes and status < 300:
            assert request.transport is not None
            request.transport.abort()
        return self._say(content, status, headers)

    async def _answer(self, request: web.Request, path: str, query: dict[str, str]) -> tuple[object, dict[str, str]]:
        if path == "/wp-json/":
            if "Authorization" in request.headers:
                # WordPress takes it for an application password.
                raise WooError("invalid_username", "Unknown username.", 401)
            if self.trouble.hidden_index:
                raise WooError("rest_not_logged_in", "Anda belum masuk.", 401)
            self.calls["GET /wp-json/"] += 1
            return self._index(), {}
        if not path.startswith(PREFIX):
            raise WooError("rest_no_route", "No route was found.", 404)
        header = request.headers.get("Authorization", "")
        known = authenticate(self.shop, self.key, self.home, request.method, path, query, header, tls=self.tls)
        if not known:
            raise WooError("woocommerce_rest_cannot_view", "Maaf, Anda tidak dapat melihat sumber ini.", 401)
        check_permission(self.key, request.method)
        self.calls[f"{request.method} {path.removeprefix(PREFIX)}"] += 1
        self.queries.append(query)
        return await self.rest.answer(request.method, path.removeprefix(PREFIX), query, await request.read())

    def _index(self) -> dict[str, object]:
        return {
            "name": "Toko Tiruan",
            "description": "",
            "url": self.home,
            "home": self.home,
            "gmt_offset": self.gmt_offset,
            "timezone_string": self.timezone or "",
            "namespaces": ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wp/v2"],
        }

    def _say(self, content: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
        body = json.dumps(content, separators=(",", ":"), ensure_ascii=True).replace("/", "\\/").encode()
        if self.trouble.notice:
            body = b"<br />\n<b>Warning</b>: Undefined array key 1 in plugin.php on line 7<br />\n" + body
        if self.trouble.mark:
            body = b"\xef\xbb\xbf" + body
        stamp = email.utils.formatdate(self.shop.now(), usegmt=True)
        told = {"Date": stamp, "Cache-Control": "no-store, private", **(headers or {})}
        return web.Response(status=status, body=body, content_type="application/json", charset="UTF-8", headers=told)

    def total_calls(self) -> int:
        return sum(self.calls.values())


@asynccontextmanager
async def serve_woo(
    config: Config | None = None,
    *,
    now: Callable[[], float] = time.time,
    tls: ssl.SSLContext | None = None,
    base: str = "",
    seed: int = 1,
) -> AsyncIterator[StandIn]:
    """A stand-in on a free port of this machine; with `tls` over https, below `base` if WordPress is in a folder."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scheme = "http" if tls is None else "https"
        home = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}{base}"
        stand_in = StandIn(config or Config(), now, home, tls=tls is not None, seed=seed)
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{rest:.*}", stand_in.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=tls).start()
        try:
            yield stand_in
        finally:
            await stand_in.hooks.close()
            await runner.cleanup()
