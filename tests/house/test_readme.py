"""The READMEs tell the truth: the same commands in both languages, and they work in a fresh clone."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.house.walls import ROOT

READMES = ("README.md", "README.id.md")
DEMO, TEST = "python3 start.py demo", "python3 start.py test"
TEN_MINUTES = 600


def commands(readme: str) -> list[str]:
    """The shell lines of a README's code blocks, without their comments."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_both_languages_give_the_same_commands() -> None:
    first, second = map(commands, READMES)
    assert first == second


@pytest.mark.parametrize("readme", READMES)
def test_the_two_commands_are_there(readme: str) -> None:
    assert {DEMO, TEST} <= set(commands(readme))


def test_ci_runs_the_command_of_the_readme() -> None:
    path = ROOT / ".ci" / "run"
    assert os.access(path, os.X_OK)
    steps = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert steps == ['cd "$(dirname "$0")/.." || exit 1', f"exec {TEST}"]


@pytest.mark.slow
@pytest.mark.timeout(TEN_MINUTES + 120)
def test_the_demo_works_in_a_fresh_clone(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there is nothing to clone")
    clone = tmp_path / "selaras"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True, timeout=120)
    # Nothing of this environment may help: no virtual environment, no import path.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SELARAS_", "PYTEST_")) and name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    }
    done = subprocess.run(
        [*DEMO.split(), "--headless", "--json"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TEN_MINUTES,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    act_two = json.loads(done.stdout)["acts"][1]
    assert (act_two["recorded"], act_two["placed"]) == (516, 516)
