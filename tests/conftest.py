"""What every test may count on: one printed seed, a real PostgreSQL, and the system's browser."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from selaras import i18n
from tests.needs import missing

pytest_plugins = [
    "tests.fixtures_pg", "tests.peers.tryton", "tests.peers.node", "tests.peers.vendure", "tests.peers.medusa",
]  # fmt: skip

# Servers that take a minute or two to start.
PEERS = ("medusa", "vendure")
# Whatever test is the first to need one of these pays for its installation, beside another that is being installed.
BUILT, BUILDING = ("tryton", "node", *PEERS), 1800
SEED_ENV = "SELARAS_SEED"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"

# Explore anew on each run, and print what reproduces a failure. How fast the machine is, and how many of a run's first
# examples happen to be unfit, is nobody's failure.
settings.register_profile(
    "timeless", derandomize=False, print_blob=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip
settings.load_profile("timeless")


def pytest_configure(config: pytest.Config) -> None:
    # The environment carries the seed to the workers of pytest-xdist as well.
    os.environ.setdefault(SEED_ENV, str(random.SystemRandom().randrange(2**32)))
    # Who runs us in the background may have told us to ignore Ctrl-C, and programs that we start would inherit it.
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {os.environ[SEED_ENV]} (repeat with {SEED_ENV}={os.environ[SEED_ENV]})"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (`--dist loadgroup`): a file stays whole, and a store's server is started by one of them."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        peer = next((name for name in PEERS if any(one.startswith(name) for one in names)), "")
        item.add_marker(pytest.mark.xdist_group(peer or item.nodeid.partition("::")[0]))
        if any(name.startswith(BUILT) for name in names):
            item.add_marker(pytest.mark.timeout(BUILDING), append=False)


@pytest.fixture
def seed() -> int:
    """The seed of this run; give it to everything random."""
    return int(os.environ[SEED_ENV])


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Randomness that the seed and the test's name repeat; the seed is printed with a failure."""
    print(f"{SEED_ENV}={seed}")
    return random.Random(f"{seed}:{request.node.nodeid}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's chromium."""
    places = (os.environ.get("SELARAS_CHROMIUM"), *map(shutil.which, CHROMIUM_NAMES), CHROMIUM_ON_A_MAC)
    found = next((path for path in places if path and Path(path).exists()), None)
    if found is None:
        missing("no chromium on this system (install it or set SELARAS_CHROMIUM)")
    return found


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A test that sets the language (the command line does) leaves nothing behind for the next one."""
    token = i18n._current.set(None)
    yield
    i18n._current.reset(token)
