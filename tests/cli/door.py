"""The program as a process of its own, and what it takes to sign in to the sandbox books."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.cli.install import House

GOODS = (("KAOS-M", "Kaos hitam M", 10), ("TOPI 1", "Topi", 5))
KEPT = [("KAOS-M", "Kaos hitam M", 10), ("TOPI-1", "Topi", 5)]


def started(house: House, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """The program as a process of its own."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "SELARAS_LANG": "en", "SELARAS_WHO": "wati", **(env or {})}
    return subprocess.Popen(
        [sys.executable, "-m", "selaras", "--data", str(house.data), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def until(stream: Any, wanted: str) -> str:
    """The first line with `wanted` in it."""
    lines = []
    for line in stream:
        if wanted in line:
            return str(line)
        lines.append(line)
    raise AssertionError(f"never said {wanted!r}: {lines}")


def consent(url: str, decision: str = "allow") -> urllib.request.Request:
    """A person presses the button on the sign-in page; the browser follows to our page."""
    with urllib.request.urlopen(url, timeout=60) as page:
        fields = re.findall(r'name="([^"]+)" value="([^"]*)">', page.read().decode())
    form = urllib.parse.urlencode([*((k, v.replace("&amp;", "&")) for k, v in fields), ("decision", decision)])
    where = urllib.parse.urlsplit(url)
    return urllib.request.Request(f"{where.scheme}://{where.netloc}{where.path}", form.encode(), method="POST")


def books_words(house: House, *more: str) -> list[str]:
    return [
        "connect", "sandbox_books", "--name", "buku", "--set", f"base_url={house.books.url}", "--set",
        f"client_id={house.books.config.client_id}", *more,
    ]  # fmt: skip


def secret(house: House) -> dict[str, str]:
    return {"SELARAS_SECRET_CLIENT_SECRET": house.books.config.client_secret}


def eventually(question: Callable[[], bool], seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.2)
