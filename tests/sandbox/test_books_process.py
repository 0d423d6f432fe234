"""The books as a process of their own: one line of JSON, then service until told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import aiohttp
import msgspec
import pytest

from selaras.sandbox.books.__main__ import parse


def test_arguments() -> None:
    config = parse(
        ["--seed", "7", "--repeat-references", "--access-seconds", "1.5", "--faults", '{"fail_after": 0.05}']
    )
    assert (config.seed, config.unique_references, config.access_seconds) == (7, False, 1.5)
    assert config.faults.fail_after == 0.05
    assert config.overpayment
    assert config.negative_stock
    assert parse([]).admin_key != parse([]).admin_key, "keys that are not given are random"


@pytest.mark.parametrize("arguments", [["--faults", '{"slow": 2}'], ["--faults", "["], ["--port", "x"], ["--unknown"]])
def test_bad_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(arguments)
    assert stopped.value.code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent there")
async def test_it_announces_itself_serves_and_stops() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "selaras.sandbox.books", "--admin-key", "k", "--client-secret", "s",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        about: dict[str, Any] = msgspec.json.decode(await asyncio.wait_for(process.stdout.readline(), 120))
        assert about["admin_key"] == "k"
        async with aiohttp.ClientSession() as session:
            form = {
                "grant_type": "client_credentials",
                "client_id": about["client_id"],
                "client_secret": about["client_secret"],
            }
            async with session.post(about["token_url"], data=form) as answer:
                token = (await answer.json())["access_token"]
            head = {"Authorization": f"Bearer {token}"}
            async with session.get(f"{about['url']}/api/company", headers=head) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 120)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
