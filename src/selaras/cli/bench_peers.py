"""Benches beside real systems, which only a source checkout can start.

What starts a real Tryton belongs to the tests and is not part of the installed package: there the figure is left out
and the answer says why.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from selaras.cli.rig import RigError

_ROOT: Final = Path(__file__).resolve().parents[3]
LEAST_RATIO: Final = 0.9


async def tryton(orders: int, runs: int) -> dict[str, Any]:
    """Orders per second into a real Tryton, beside a bare client in the same run (`benchmarks/tryton.py`).

    "ratio" is the median over the runs of ours : bare. Raises `RigError` with what the bench said when it fails.
    """
    script = _ROOT / "benchmarks" / "tryton.py"
    if not script.exists():
        return {"ok": True, "left_out": "a real Tryton can only be started from a source checkout"}
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(script), "--orders", str(orders), "--runs", str(runs),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        told, trouble = await child.communicate()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    if child.returncode:
        raise RigError(trouble.decode(errors="replace")[-1500:])
    found: dict[str, Any] = msgspec.json.decode(told)
    return {"ok": found["ratio"] >= LEAST_RATIO, **found}
