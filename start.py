#!/usr/bin/env python3
"""Start Selaras from a fresh checkout with nothing but Python: the environment, the demo, the tests.

    python3 start.py demo [options]       play the bad day of a web store and watch the books stay true
    python3 start.py test [pytest args]   run every test, two at a time (or what pytest is told)
    python3 start.py selaras [arguments]  any command of the selaras program

The first run makes .venv beside this file from the locked, hash-checked requirements; later runs only look
whether the lock has changed. What this script says goes to stderr, so the output of the command stays pure.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NoReturn, Optional  # noqa: UP035 - an old Python must get as far as our sentence

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "selaras-stamp.json"
LOCKS = {"runtime": ROOT / "requirements" / "runtime.txt", "dev": ROOT / "requirements" / "dev.txt"}
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
NO_NETWORK = (
    "Could not find a version",
    "No matching distribution",
    "Connection",
    "Temporary failure",
    "timed out",
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def stop(sentence: str) -> NoReturn:
    say("start.py: " + sentence)
    raise SystemExit(2)


def digest(*paths: Path) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def read_stamp() -> Dict[str, str]:  # noqa: UP006 - see the import
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def write_stamp(stamp: Dict[str, str]) -> None:  # noqa: UP006 - see the import
    new = STAMP.with_suffix(".new")
    new.write_text(json.dumps(stamp, indent=1, sort_keys=True), encoding="utf-8")
    new.replace(STAMP)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Two terminals must not fill the same environment at once (best effort: Windows has no flock)."""
    if WINDOWS:
        yield
        return
    import fcntl

    with open(ROOT / ".venv.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def environment_works() -> bool:
    if not PYTHON.exists():
        return False
    ask = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == "%d.%d" % sys.version_info[:2]  # noqa: UP031


def make_environment() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        stop(
            "this Python has no venv or ensurepip module; install them first "
            "(on Debian and Ubuntu: apt-get install python3-venv)."
        )
    import venv

    say("start.py: making .venv with Python " + platform.python_version())
    try:
        venv.create(VENV, clear=VENV.exists(), with_pip=True, symlinks=not WINDOWS)
    except (OSError, subprocess.CalledProcessError) as error:
        stop("the environment .venv could not be made: %s" % error)  # noqa: UP031


def pip(what: str, arguments: List[str]) -> None:  # noqa: UP006 - see the import
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == 0:
        return
    say("\n".join(done.stderr.strip().splitlines()[-12:]))
    if any(sign in done.stderr for sign in NO_NETWORK):
        stop(
            "pip could not reach a package registry that has "
            + what
            + "; connect to one (or configure pip) and run this again."
        )
    stop("pip could not install " + what + "; its own words stand above.")


def prepare(lock: str) -> None:
    """Bring .venv to the lock ("runtime" or "dev") and the project into it. Cheap when nothing changed."""
    want = {name: digest(path) for name, path in LOCKS.items()}
    project = digest(ROOT / "pyproject.toml") + " " + str(ROOT)
    with alone():
        if not environment_works():
            make_environment()
        stamp = read_stamp()
        if stamp.get(lock) != want[lock]:
            say("start.py: installing requirements/" + LOCKS[lock].name + " (once; some minutes on a slow line)")
            pip("requirements/" + LOCKS[lock].name, ["--require-hashes", "-r", str(LOCKS[lock])])
            # The dev lock holds every pin of the runtime lock (a house test compares them).
            stamp.update(want if lock == "dev" else {"runtime": want["runtime"]})
            stamp.pop("project", None)
            write_stamp(stamp)
        if stamp.get("project") != project:
            # The build backend is part of the lock, so this needs no network.
            pip(
                "the project itself",
                ["--no-index", "--no-build-isolation", "--no-deps", "--editable", str(ROOT)],
            )
            stamp["project"] = project
            write_stamp(stamp)


def find_chromium() -> Optional[str]:  # noqa: UP045 - see the import
    found = [os.environ.get("SELARAS_CHROMIUM"), *map(shutil.which, CHROMIUM_NAMES)]
    found.append("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return next((path for path in found if path and Path(path).exists()), None)


def is_debian() -> bool:
    try:
        return "ID=debian" in Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False


def want_chromium() -> None:
    """The console's tests drive the system's chromium; as root on Debian (a container) it can be fetched."""
    if find_chromium():
        return
    if is_debian() and os.geteuid() == 0 and shutil.which("apt-get"):
        say("start.py: installing chromium for the browser tests (once)")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        wait = ["-o", "DPkg::Lock::Timeout=120"]
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            with contextlib.suppress(subprocess.TimeoutExpired):
                command = ["apt-get", "-qq", *wait, *arguments]
                subprocess.run(command, env=environment, capture_output=True, check=False, timeout=600)
    if not find_chromium():
        say("start.py: chromium is missing, so no browser test can run; install it or set SELARAS_CHROMIUM.")


def become(arguments: List[str]) -> NoReturn:  # noqa: UP006 - see the import
    """Hand the terminal over: signals reach the command itself and its last line stays the last line."""
    command = [str(PYTHON), *arguments]
    sys.stdout.flush()
    if not WINDOWS:
        os.execv(command[0], command)
    child = subprocess.Popen(command)
    while True:
        # Ctrl-C goes to the child as well; wait for it to finish in its own way.
        with contextlib.suppress(KeyboardInterrupt):
            raise SystemExit(child.wait())


def main(arguments: List[str]) -> None:  # noqa: UP006 - see the import
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return
    command, rest = arguments[0], arguments[1:]
    if command == "test":
        prepare("dev")
        want_chromium()
        os.chdir(ROOT)
        # Half of the time tests wait for servers, so two run at once; with arguments pytest does as it is told.
        become(["-m", "pytest", *(rest or ["-n", "2", "--dist", "loadgroup"])])
    if command == "demo":
        prepare("runtime")
        become(["-m", "selaras", "demo", *rest])
    if command == "selaras":
        prepare("runtime")
        become(["-m", "selaras", *rest])
    stop("there is no command '" + command + "'; use demo, test or selaras.")


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the one place where an old Python is met
        stop("Selaras needs Python 3.11 or newer; this is Python " + platform.python_version() + ".")
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        say("start.py: stopped; run the same command again to go on.")
        raise SystemExit(130) from None
