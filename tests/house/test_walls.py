"""No room imports through a wall."""

from __future__ import annotations

import ast

import pytest

from tests.house.walls import ALLOWED, ROOT, SHARED, SHARED_MAY, SOURCE, breaches, modules


def package_of(relative: tuple[str, ...]) -> tuple[str, ...]:
    return ("selaras", *relative[:-1])


def test_no_import_goes_through_a_wall() -> None:
    faults = []
    for path, room in modules():
        if room not in ALLOWED and room not in SHARED_MAY:
            continue  # the next test names it
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        package = package_of(path.relative_to(SOURCE).parts)
        faults += [f"{path.relative_to(ROOT)}:{fault}" for fault in breaches(tree, room, package)]
    assert not faults, "\n".join(faults)


def test_every_module_stands_in_a_known_room() -> None:
    unknown = sorted({room for _path, room in modules()} - set(ALLOWED) - set(SHARED_MAY))
    assert not unknown, f"neither a room nor a shared module (see tests/house/walls.py): {unknown}"


def test_walls_have_no_circle() -> None:
    """Each arrow goes one way: taking away rooms without open imports must empty the house."""
    rest = {room: set(may) for room, may in ALLOWED.items()}
    while rest:
        free = {room for room, may in rest.items() if not may}
        assert free, f"these rooms import each other in a circle: {sorted(rest)}"
        rest = {room: may - free for room, may in rest.items() if room not in free}


def test_shared_modules_are_declared_on_both_sides() -> None:
    assert set(SHARED) <= set(SHARED_MAY)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("model", "from selaras.rules import match"),
        ("model", "from selaras.secrets import Vault"),
        ("rules", "from selaras.i18n import _"),
        ("rules", "from selaras import i18n"),
        ("rules", "import time"),
        ("rules", "from datetime import datetime\nx = datetime.now()"),
        ("connectors", "from ..ledger import store"),
        ("connectors", "import psycopg"),
        ("ledger", "from selaras import sync"),
        ("web", "import selaras.sandbox.store"),
        ("sandbox", "def f():\n    from selaras.ledger import Store"),
        ("i18n", "from selaras.model import money"),
    ],
)
def test_a_breach_is_seen(room: str, source: str) -> None:
    assert breaches(ast.parse(source), room, ("selaras", room))


@pytest.mark.parametrize(
    ("room", "source"),
    [
        (
            "rules",
            "from selaras.i18n import N_\nfrom selaras.model.money import Money\nfrom decimal import Decimal",
        ),
        (
            "connectors",
            "from .contract import Store\nfrom ..secrets import remember\nfrom selaras import __version__",
        ),
        ("cli", "from selaras.sandbox import serve\nfrom selaras.web import app"),
    ],
)
def test_what_is_allowed_passes(room: str, source: str) -> None:
    assert not breaches(ast.parse(source), room, ("selaras", room))
