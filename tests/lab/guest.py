"""What the scripts that run in the guest share: leaks on demand, leaktop's own command line, an answer for the host."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.lab.boot import boot

if TYPE_CHECKING:
    from pathlib import Path

SHARED = "/run/lab"
"""The directory that the host sees as well."""
LEAKGEN = "/sys/kernel/debug/leakgen/ctl"
LEAKTOP = (sys.executable, "-m", "leaktop")


def run_in_guest(script: str, directory: Path, *, parameters: str = "", timeout: float = 900) -> dict[str, Any]:
    """On the host: run a test file's own code in the guest, as `python -m MODULE`, and return its answer.

    Fails with everything that the guest wrote where it ends otherwise than with an answer.
    """
    outcome = boot([sys.executable, "-m", script], directory, parameters=parameters, timeout=timeout)
    answer = directory / "answer.json"
    if outcome.status != 0 or not answer.exists():
        raise AssertionError(
            f"status {outcome.status} in the guest\n{outcome.output[-4000:]}\n{outcome.errors[-8000:]}"
        )
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def answer(found: dict[str, Any]) -> None:
    """In the guest: what `run_in_guest` returns."""
    with open(f"{SHARED}/answer.json", "w") as file:
        json.dump(found, file, indent=1)


def load_leakgen(*parameters: str) -> None:
    """Load the module, with parameters as insmod takes them."""
    subprocess.run(["insmod", os.environ["LEAKGEN"], *parameters], check=True)


def leakgen(command: str) -> None:
    """Have the module do something: "start kmalloc64 100", "leak pages 200", "stop all", "free all"."""
    with open(LEAKGEN, "w") as file:
        file.write(command)


def leaktop(*arguments: str, timeout: float = 300) -> dict[str, Any]:
    """Run leaktop and return its status and what it wrote; its JSON, where it is some."""
    done = subprocess.run([*LEAKTOP, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    found: dict[str, Any] = {"status": done.returncode, "output": done.stdout, "errors": done.stderr}
    with contextlib.suppress(ValueError):
        found["json"] = json.loads(done.stdout)
    return found


def say(text: str) -> None:
    """A line for whoever watches, with the seconds since the guest's boot."""
    print(f"{time.monotonic():7.1f} {text}", flush=True)
