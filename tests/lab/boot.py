"""Boot the lab's kernel in QEMU on this machine's own root file system, run a command in it, and return what it said.

    python -m tests.lab.boot [--memory 1G] [--parameters 'page_owner=on'] [--timeout 600] -- COMMAND ARGUMENT...

Everything is seen in the guest under the path it has here; what the guest writes is gone afterwards, but for
/run/lab. The kernel comes from tests/lab/build, or from where LEAKTOP_LAB says.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.lab.tsc import tsc_khz

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
TIMED_OUT, DIED = 124, 125
_LOOK = 0.2
"""Seconds between two looks at what the guest wrote."""


class Lab(NamedTuple):
    """A kernel, and the module that leaks on demand in it."""

    kernel: Path
    module: Path


class Outcome(NamedTuple):
    """How a command in the guest ended."""

    status: int
    """The command's own; 124: it took too long; 125: the guest died."""
    output: str
    errors: str
    """What the command wrote to standard error, and the guest's console where the guest died."""
    directory: Path
    """What was /run/lab in the guest."""


def find_lab() -> Lab | None:
    """Where a kernel is: LEAKTOP_LAB, shared/lab beside the checkout, or what tests/lab/build made; else None."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leaktop-lab"
    named = os.environ.get("LEAKTOP_LAB")
    for place in [Path(named)] if named else [REPO.parent / "shared" / "lab", cache]:
        found = Lab(place / "prebuilt" / "bzImage", place / "prebuilt" / "leakgen.ko")
        if all(path.is_file() for path in found):
            return found
    return None


def missing() -> str | None:
    """Why nothing can be booted here, and what helps; None where it can."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "the lab's kernel is for x86_64"
    if shutil.which("qemu-system-x86_64") is None:
        return "no qemu-system-x86_64: apt-get install qemu-system-x86"
    if find_lab() is None:
        return "no kernel for the lab: run tests/lab/build (7 minutes, once), or set LEAKTOP_LAB"
    return None


def boot(
    command: list[str],
    directory: Path,
    *,
    memory: str = "1G",
    parameters: str = "",
    timeout: float = 600,
    is_shown: bool = False,
) -> Outcome:
    """Run a command in a fresh guest, as root, in this directory, and wait for its end.

    Args:
        command: what to run; no shell.
        directory: is /run/lab in the guest, read and written by both.
        memory: of the guest, as QEMU takes it.
        parameters: for the kernel: "slub_debug=U page_owner=on".
        timeout: seconds for all of it.
        is_shown: pass on what it writes while it runs.

    Raises:
        RuntimeError: nothing can be booted here; the message says what helps.
    """
    lack = missing()
    lab = find_lab()
    if lack or lab is None:
        raise RuntimeError(lack)
    for name in ("stdout", "stderr", "status"):
        (directory / name).unlink(missing_ok=True)
    (directory / "stdout").touch()
    (directory / "stderr").touch()
    (directory / "command").write_text(_script(command, lab))
    console = directory / "console"
    with console.open("wb") as log:
        # A group of its own, so that Ctrl-C here ends the waiting and not QEMU before its output is read.
        qemu = subprocess.Popen(
            _qemu(lab, directory, memory, parameters), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    is_late = False
    try:
        is_late = _wait(qemu, directory, time.monotonic() + timeout, is_shown=is_shown)
    finally:
        if qemu.poll() is None:
            os.killpg(qemu.pid, signal.SIGKILL)
        qemu.wait()
    errors = (directory / "stderr").read_text(errors="replace")
    try:
        status = int((directory / "status").read_text())
    except (OSError, ValueError):
        status = TIMED_OUT if is_late else DIED
        errors += "".join(console.read_text(errors="replace").splitlines(keepends=True)[-40:])
    return Outcome(status, (directory / "stdout").read_text(errors="replace"), errors, directory)


def _script(command: list[str], lab: Lab) -> str:
    """What the guest's first process runs: the command, in an environment like ours."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHONPATH": str(REPO),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LEAKGEN": str(lab.module),
    }
    lines = [f"export {name}={shlex.quote(text)}" for name, text in environment.items()]
    return "\n".join([*lines, f"cd {shlex.quote(os.getcwd())}", f"exec {shlex.join(command)}", ""])


def _qemu(lab: Lab, directory: Path, memory: str, parameters: str) -> list[str]:
    machine = "microvm,pic=on,pit=on,rtc=on,isa-serial=on,acpi=off,pcie=off"
    line = (
        "console=ttyS0 quiet loglevel=4 reboot=t panic=-1 tsc=reliable no_timer_check ro root=root rootfstype=9p "
        f"rootflags=trans=virtio,version=9p2000.L,msize=512000,cache=loose init={HERE / 'init'}"
    )
    if _has_kvm():
        accelerator = ["-accel", "kvm", "-cpu", "host"]
    else:
        accelerator = ["-accel", "tcg,thread=multi", "-cpu", "max"]
        khz = tsc_khz()
        line += f" tsc_early_khz={khz}" if khz else ""
    return [
        "qemu-system-x86_64", "-M", machine, "-global", "virtio-mmio.force-legacy=off", *accelerator,
        "-smp", "1", "-m", memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-serial", "stdio", "-kernel", str(lab.kernel), "-append", f"{line} {parameters}".rstrip(),
        *_share("root", Path("/"), ",readonly=on"), *_share("lab", directory, ""),
    ]  # fmt: skip


def _share(tag: str, path: Path, option: str) -> list[str]:
    where = f"local,id={tag},path={path},security_model=none,multidevs=remap{option}"
    return ["-fsdev", where, "-device", f"virtio-9p-device,fsdev={tag},mount_tag={tag}"]


def _has_kvm() -> bool:
    """Whether there is a KVM that runs ordinary kernels; some /dev/kvm have neither vmx nor svm, and do not."""
    flags = Path("/proc/cpuinfo").read_text(errors="replace")
    return re.search(r"^flags.* (?:vmx|svm) ", flags, re.MULTILINE) is not None and os.access("/dev/kvm", os.W_OK)


def _wait(qemu: subprocess.Popen[bytes], directory: Path, end: float, *, is_shown: bool) -> bool:
    """Wait for the guest's end; True where that takes too long."""
    with (directory / "stdout").open("rb") as output, (directory / "stderr").open("rb") as errors:
        while True:
            is_over = qemu.poll() is not None
            for written, to in ((output, sys.stdout), (errors, sys.stderr)) if is_shown else ():
                to.buffer.write(written.read())
                to.buffer.flush()
            if is_over or time.monotonic() > end:
                return not is_over
            time.sleep(_LOOK)


def main() -> int:
    """Boot, and pass on what the command writes and its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.boot", description="Run a command in the lab's kernel.")
    parser.add_argument("--memory", default="1G", help="of the guest (1G)")
    parser.add_argument("--parameters", default="", metavar="TEXT", help="for the kernel: 'slub_debug=U page_owner=on'")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="give up after so long (600)")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="what to run; $LEAKGEN is the module's path")
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leaktop-lab-") as place:
        try:
            outcome = boot(
                choices.command, Path(place), memory=choices.memory, parameters=choices.parameters,
                timeout=choices.timeout, is_shown=True,
            )  # fmt: skip
        except RuntimeError as error:
            print(f"lab: {error}", file=sys.stderr)
            return DIED
        if outcome.status in {TIMED_OUT, DIED}:
            print(outcome.errors, file=sys.stderr)
        return outcome.status


if __name__ == "__main__":
    sys.exit(main())
