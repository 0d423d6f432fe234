"""Serve one installation: webhooks, API, console and the engine, in one process and one loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where there is one, the standard loop elsewhere."""
    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def http_protocol() -> Any:
    return "auto"
