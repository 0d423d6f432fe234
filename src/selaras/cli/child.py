"""Programs that a command starts beside itself: the sandbox's servers and a worker of its own.

Run as `python -m selaras.cli.child store|books|worker|sender …`. Whoever starts one keeps the other end of its standard
input open: when that closes, for whatever reason (even `kill -9` of the parent), the child ends. None outlives
its parent.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

_GRACE = 3.0


def follow_parent() -> None:
    """End this process when standard input ends."""

    def wait() -> None:
        while os.read(0, 4096):
            continue
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE)
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="parent").start()


def main() -> None:
    """Entry of `python -m selaras.cli.child`."""
    what, *arguments = sys.argv[1:]
    follow_parent()
    sys.argv = [f"selaras-{what}", *arguments]
    if what == "store":
        from selaras.sandbox.store.__main__ import main as run
    elif what == "books":
        from selaras.sandbox.books.__main__ import main as run
    elif what == "worker":
        from selaras.cli.worker import main as run
    elif what == "sender":
        from selaras.cli.sender import main as run
    else:
        raise SystemExit(f"there is no child {what!r}: store, books, worker or sender")
    run()


if __name__ == "__main__":
    main()
