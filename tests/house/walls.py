"""The walls of the house: which room may import which. docs/architecture.md shows the same table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "selaras"

ALLOWED: dict[str, frozenset[str]] = {
    "model": frozenset(),
    "rules": frozenset({"model"}),
    "connectors": frozenset({"model", "files"}),
    "ledger": frozenset({"model"}),
    "sync": frozenset({"model", "rules", "connectors", "ledger"}),
    "engine": frozenset({"model", "connectors", "ledger", "sync"}),
    "receivables": frozenset({"model", "rules", "ledger"}),
    "files": frozenset({"model"}),
    "sandbox": frozenset({"model"}),
    "web": frozenset({"model", "rules", "connectors", "ledger", "sync", "engine", "receivables", "files"}),
    "cli": frozenset(
        {"model", "rules", "connectors", "ledger", "sync", "engine", "receivables", "files", "sandbox", "web"}
    ),
}

# Modules that stand outside the rooms, and which rooms may use them.
PURE = frozenset({"model", "rules"})
SHARED: dict[str, frozenset[str]] = {
    "i18n": frozenset(ALLOWED),
    "secrets": frozenset({"connectors", "sync", "engine", "web", "cli"}),
}
# model and rules mark texts; translating needs to know who is looking, which they do not.
MARKER_ONLY = frozenset({"N_"})
# What the shared modules may import of ours.
SHARED_MAY: dict[str, frozenset[str]] = {
    "i18n": frozenset(),
    "secrets": frozenset(),
    "__init__": frozenset(),
    "__main__": frozenset({"cli"}),
}

# Doors to the world that the pure rooms do not have (no I/O, no clock, no chance), and the connectors' one.
WORLD = frozenset(
    "aiohttp apsw asyncio concurrent http io jinja2 logging multiprocessing os pathlib psycopg random "
    "requests secrets shutil socket sqlite3 ssl starlette subprocess tempfile threading time urllib "
    "uvicorn".split()
)
FORBIDDEN_OUTSIDE: dict[str, frozenset[str]] = {
    "model": WORLD,
    "rules": WORLD,
    "connectors": frozenset({"apsw", "psycopg", "sqlite3"}),
}
CLOCKS = frozenset({"now", "today", "utcnow"})


def modules() -> Iterator[tuple[Path, str]]:
    """Every module of the package with the room (or shared module) it stands in."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield path, path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...], tuple[str, ...]]]:
    """(line, module path, imported names) of every import, relative ones made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, tuple(alias.name.split(".")), ()
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            path = base + tuple((node.module or "").split(".") if node.module else ())
            names = tuple(alias.name for alias in node.names)
            if path == ("selaras",):
                # "from selaras import ledger" reaches into the room itself.
                for name in names:
                    yield node.lineno, ("selaras",) if name.startswith("__") else ("selaras", name), ()
            else:
                yield node.lineno, path, names


def breaches(tree: ast.AST, room: str, package: tuple[str, ...]) -> list[str]:
    """What one module imports through a wall, as sentences that begin with the line."""
    found = []
    for line, path, names in imports(tree, package):
        if path[0] != "selaras":
            if path[0] in FORBIDDEN_OUTSIDE.get(room, ()):
                found.append(f"{line}: {room} has no door to {path[0]}")
            continue
        target = path[1] if len(path) > 1 else ""
        if target in ("", room):
            continue
        if room in SHARED_MAY:
            if target not in SHARED_MAY[room]:
                found.append(f"{line}: the shared module {room} may not import {target}")
        elif target in SHARED:
            if room not in SHARED[target]:
                found.append(f"{line}: {room} may not import {target}")
            elif target == "i18n" and room in PURE and not (names and set(names) <= MARKER_ONLY):
                found.append(f"{line}: {room} may use only N_ of i18n")
        elif target not in ALLOWED[room]:
            found.append(f"{line}: {room} may not import {target}")
    if room in PURE:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
                found.append(f"{node.lineno}: {room} has no clock ({node.func.attr}())")
    return found
