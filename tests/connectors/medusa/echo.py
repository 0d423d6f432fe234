"""Between the plugin in the store and the hub: every hint is passed on three times, and kept to be sent again."""

from __future__ import annotations

import contextlib
import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

TIMES = 3
_SIGNED = ("X-Selaras-Time", "X-Selaras-Signature", "Content-Type")


class Echo:
    """Listens where the plugin posts to. `hub` is the address that hints go on to; "" while there is none."""

    def __init__(self) -> None:
        self.hub = ""
        self.kept: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    def hear(self, head: dict[str, str], body: bytes) -> None:
        self.kept.append((head, body))
        for _ in range(TIMES):
            self.send(head, body)

    def send(self, head: dict[str, str], body: bytes) -> None:
        """Deliver once; a hub that is not there loses the hint."""
        if not self.hub:
            return
        request = urllib.request.Request(f"{self.hub}/webhooks/toko", body, head, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                self.answers.append(answer.status)
        except urllib.error.HTTPError as error:
            self.answers.append(error.code)
        except OSError:
            self.answers.append(0)

    def again(self) -> None:
        """Everything that was ever heard, once more, newest first."""
        for head, body in reversed(list(self.kept)):
            self.send(head, body)


@contextlib.contextmanager
def an_echo(port: int) -> Iterator[Echo]:
    """An echo on a port of the loopback address."""
    echo = Echo()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            echo.hear({name: self.headers[name] for name in _SIGNED if name in self.headers}, body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield echo
        finally:
            server.shutdown()
            thread.join(10)
