"""start.py says in one sentence what is wrong, and works only when something changed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import start
from tests.house.walls import ROOT


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A stage instead of .venv: what pip would have been asked for."""
    asked: list[list[str]] = []
    monkeypatch.setattr(start, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(start, "environment_works", lambda: True)
    monkeypatch.setattr(start, "pip", lambda _what, arguments: asked.append(arguments))
    locks = {name: tmp_path / f"{name}.txt" for name in start.LOCKS}
    for name, path in locks.items():
        path.write_text(name, encoding="utf-8")
    monkeypatch.setattr(start, "LOCKS", locks)
    return asked


def test_pip_runs_only_when_the_lock_changed(venv: list[list[str]]) -> None:
    start.prepare("runtime")
    assert [arguments[0] for arguments in venv] == ["--require-hashes", "--no-index"]
    start.prepare("runtime")
    assert len(venv) == 2
    start.LOCKS["runtime"].write_text("newer", encoding="utf-8")
    start.prepare("runtime")
    assert len(venv) == 4


def test_the_dev_lock_covers_the_runtime_lock(venv: list[list[str]]) -> None:
    start.prepare("dev")
    start.prepare("runtime")
    assert len(venv) == 2


def test_a_failed_install_is_tried_again(venv: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(what: str, _arguments: list[str]) -> None:
        start.stop(what)

    with monkeypatch.context() as context:
        context.setattr(start, "pip", refuse)
        with pytest.raises(SystemExit):
            start.prepare("runtime")
    start.prepare("runtime")
    assert len(venv) == 2


@pytest.mark.parametrize(
    ("words", "sentence"), [("No matching distribution", "registry"), ("HASH MISMATCH", "own words")]
)
def test_pip_troubles_are_one_sentence(
    words: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.CompletedProcess[str]([], 1, "", words)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_more: done)
    with pytest.raises(SystemExit):
        start.pip("the lock", [])
    assert sentence in capsys.readouterr().err.splitlines()[-1]


def test_a_python_without_venv_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit):
        start.make_environment()
    assert "python3-venv" in capsys.readouterr().err


def test_an_unknown_command_is_refused() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "start.py"), "sing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no command 'sing'" in done.stderr
    assert not done.stdout
