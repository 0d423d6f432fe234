"""`python -m selaras.sandbox.books`: a books server as a process of its own.

Prints one line of JSON (url, admin_key, client_id, client_secret, …) when it listens, then serves until it is
told to stop (SIGINT, SIGTERM).
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from selaras.sandbox.books.config import BooksConfig
from selaras.sandbox.books.server import run
from selaras.sandbox.faults import FaultSettings


def parse(arguments: Sequence[str]) -> BooksConfig:
    """The configuration that the arguments mean. Exits with a message when they mean none."""
    parser = argparse.ArgumentParser(prog="python -m selaras.sandbox.books", description=__doc__)
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (0: any free one)")
    parser.add_argument("--seed", type=int, help="seed of the faults")
    parser.add_argument("--company", help="name of the company")
    parser.add_argument("--currency", help="ISO 4217 code of the company's currency")
    parser.add_argument("--zone", help="IANA zone of the company")
    parser.add_argument("--client-id", help="OAuth client id")
    parser.add_argument("--client-secret", help="OAuth client secret (random)")
    parser.add_argument("--admin-key", help="key of the sandbox's own switches (random)")
    parser.add_argument("--redirect-uri", action="append", help="further redirect address besides loopback ones")
    parser.add_argument("--access-seconds", type=float, help="life of an access token (86400)")
    parser.add_argument("--refresh-grace", type=float, help="seconds in which a used refresh token still works (0)")
    parser.add_argument("--rate", type=float, help="calls per second for one sign-in (0: no limit)")
    parser.add_argument("--burst", type=int, help="calls on top of the rate")
    parser.add_argument("--parallel", type=int, help="calls of one sign-in at once (0: no limit)")
    parser.add_argument("--repeat-references", action="store_true", help="accept a reference a second time")
    parser.add_argument("--refuse-overpayment", action="store_true", help="refuse receipts above what is owed")
    parser.add_argument("--refuse-negative-stock", action="store_true", help="refuse to sell what is not there")
    parser.add_argument("--faults", default="{}", help='JSON of switches, e.g. {"fail_after": 0.05}')
    found = vars(parser.parse_args(arguments))
    settings: dict[str, Any] = {
        "unique_references": not found.pop("repeat_references"),
        "overpayment": not found.pop("refuse_overpayment"),
        "negative_stock": not found.pop("refuse_negative_stock"),
        "redirect_uris": tuple(found.pop("redirect_uri") or ()),
    }
    try:
        faults = msgspec.json.decode(found.pop("faults"), type=FaultSettings)
    except msgspec.MsgspecError as error:
        parser.error(f"--faults: {error}")
    settings |= {name: value for name, value in found.items() if value is not None}
    return BooksConfig(faults=faults, **settings)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve."""
    config = parse(sys.argv[1:] if arguments is None else arguments)
    # Rows are kept for good: looking through all of them for garbage every few requests is wasted.
    gc.set_threshold(50_000, 50, 1000)

    def announce(about: dict[str, Any]) -> None:
        sys.stdout.write(msgspec.json.encode(about).decode() + "\n")
        sys.stdout.flush()

    run(config, announce)


if __name__ == "__main__":
    main()
