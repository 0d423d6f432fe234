"""Run a store: prints one line of JSON with its address and keys as soon as it listens, until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

import msgspec

from selaras.sandbox.faults import FaultSettings
from selaras.sandbox.store.config import StoreConfig
from selaras.sandbox.store.server import serve_store

_HELP = {
    "products": "size of the catalogue drawn from the seed",
    "clock": "business time at the start, ISO 8601; without an offset in the shop's zone",
    "rate": "API calls per second allowed (0 = no limit)",
}


def parse(arguments: Sequence[str]) -> StoreConfig:
    """The settings that the command line asks for; every field of `StoreConfig` is an option."""
    parser = argparse.ArgumentParser(prog="python -m selaras.sandbox.store", description=__doc__)
    for field in msgspec.structs.fields(StoreConfig):
        option = "--" + field.name.replace("_", "-")
        if field.name == "faults":
            text = "turn on a fault, e.g. drop_webhook=0.3"
            parser.add_argument("--fault", action="append", default=[], metavar="NAME=VALUE", help=text)
        elif isinstance(field.default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            default = 60 if field.name == "products" else field.default
            parser.add_argument(option, type=type(field.default), default=default, help=_HELP.get(field.name))
    given = vars(parser.parse_args(arguments))
    faults = dict(text.split("=", 1) for text in given.pop("fault"))
    try:
        settings = msgspec.convert(faults, FaultSettings, strict=False)
        return msgspec.convert({**given, "faults": settings}, StoreConfig)
    except (ValueError, msgspec.MsgspecError) as error:
        parser.error(str(error))


async def _run(config: StoreConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: Ctrl+C ends asyncio.run itself
            break
    async with serve_store(config) as store:
        sys.stdout.write(msgspec.json.encode(store.facts()).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Entry of `python -m selaras.sandbox.store`."""
    try:
        asyncio.run(_run(parse(sys.argv[1:])))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
