"""Too many bytes and wrong bytes: a flood of 300 MB from either side stays a sentence, and memory stays small."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.hall import (
    Process,
    a_hall,
    a_process,
    a_ready_house,
    deliver,
    eventually,
    kinds,
    one_sentence,
    post,
    sale,
)

FLOOD = 300 * 1024 * 1024
PART = b" " * (1 << 20)


class Flood(socketserver.StreamRequestHandler):
    """Answers whatever is asked with 300 MB of blanks, plain or (for /api/products) packed into 300 kB."""

    def handle(self) -> None:
        line = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        with contextlib.suppress(OSError):
            if b"/products" in line:
                packed = gzip.compress(PART, 1) * (FLOOD // len(PART))
                self.wfile.write(head + b"Content-Encoding: gzip\r\n\r\n" + packed)
                return
            self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % FLOOD)
            for _ in range(FLOOD // len(PART)):
                self.wfile.write(PART)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def a_flood() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Flood) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(10)


def peak(process: Process) -> int:
    """The most memory that the process ever held, in MiB."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) >> 10


linux = pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")


@linux
def test_an_answer_of_300_mb_is_cut_off_and_other_connections_go_on(tmp_path: Path) -> None:
    with a_ready_house(tmp_path / "data") as house, a_flood() as flood:
        done = house.run(
            "connect", "sandbox_store", "--name", "besar", "--no-check", "--set", f"base_url={flood}",
            "--secrets-stdin",
            stdin="api_key=x\nwebhook_secret=y\n",
        )  # fmt: skip
        assert done.exit_code == 0
        checked = house.run("connections", "check", "besar")
        assert checked.exit_code == 1
        assert "the answer is larger than 33554432 bytes" in one_sentence(checked.stdout)
        order = house.checkout(("KAOS-M", 1))
        with a_process(house) as process:
            base = 0

            def told() -> bool:
                events = process.api("/events")
                return any("larger than" in e["message"] for e in events if e["connection"] == "besar")

            process.ready()
            base = peak(process)
            eventually(told)
            eventually(lambda: order["number"] in house.truth()["sales"])
            assert peak(process) - base < 150, "two floods at once may hold 32 MiB each, not 300"
            assert process.stop() == 0


def chunks() -> Iterator[bytes]:
    for _ in range(FLOOD // len(PART)):
        yield b"%x\r\n" % len(PART) + PART + b"\r\n"
    yield b"0\r\n\r\n"


@linux
def test_a_delivery_of_300_mb_is_refused_and_the_next_one_is_taken(tmp_path: Path) -> None:
    with a_ready_house(tmp_path / "data") as house:
        house.json("schedule", "order", "every 1h")
        with a_process(house) as process:
            url = process.ready()
            eventually(lambda: process.api("/waiting") == [])
            base = peak(process)
            declared = {"Content-Length": str(FLOOD)}
            assert post(url, "/webhooks/toko", declared, b"") == 413
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                # A sender that does not listen while it sends may find the line cut instead of the answer.
                assert post(url, "/webhooks/toko", {"Transfer-Encoding": "chunked"}, chunks()) == 413
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                token = {"Authorization": f"Bearer {(house.data / 'token').read_text().strip()}"}
                assert post(url, "/api/v1/retry", {"Transfer-Encoding": "chunked", **token}, chunks()) == 413
            assert peak(process) - base < 60
            order = house.checkout(("KAOS-M", 1))
            assert deliver(url, house, b'{"topic":"order.created","id":%d}' % order["id"]) == 200
            eventually(lambda: order["number"] in house.truth()["sales"])
            assert process.stop() == 0


def test_a_delivery_that_is_not_utf8_or_no_json_is_still_a_hint(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        hall.settle()
        house = hall.house
        bodies = [
            b'{"topic":"order.created","id":1,"name":"D\xffw\xfe"}', b'{"topic":"order.\xc3","id":2}', b"\x80\x81", b"",
        ]  # fmt: skip
        for number, body in enumerate(bodies):
            order = house.checkout(("KAOS-M", 1), phone=f"0812-0000-00{number}0", name=f"Pembeli {number}")
            assert deliver(hall.url, house, body) == 200, body
            hall.settle()
            assert kinds(sale(house, order)) == ["sales_order"], body
        assert deliver(hall.url, house, bodies[0], at=time.time() - 3600) == 401
        eventually(lambda: [e for e in hall.api("/events") if e["code"] == "webhook_refused"])


def test_a_line_that_is_cut_in_the_middle_of_a_delivery_costs_nothing(tmp_path: Path) -> None:
    with a_hall(tmp_path / "data") as hall:
        where = urlsplit(hall.url)
        for _ in range(20):
            with socket.create_connection((where.hostname or "", where.port or 0), timeout=60) as line:
                line.sendall(b"POST /webhooks/toko HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
        order = hall.house.checkout(("KAOS-M", 1))
        assert deliver(hall.url, hall.house, b'{"topic":"order.created","id":%d}' % order["id"]) == 200
        hall.settle()
        assert kinds(sale(hall.house, order)) == ["sales_order"]
