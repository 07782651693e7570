"""Whether a big machine ever blocks a key: `python -m tests.bench.big_screen [--share 1] [--seconds 60]`.

leaktop runs in a pty of 160x48 on two trees of a big machine that differ by five seconds, read in turn, so that every
tick is read, parsed and fed anew. Keys are pressed meanwhile, at odd moments, in the pane of the sockets, zoomed.
Printed is the time from a key to its paint, on one clock, the median and the worst of each way to read the machine, and
how late a process woke meanwhile that only slept:

    live        sockets as sock_diag lists them: all that hold memory, half of them
    --root      sockets from the tables of /proc/net, all of them
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.sample import Probe, RawSample
from leaktop.sources.filesystem import FileSystemSource
from leaktop.sources.probes import PROBES
from leaktop.ui.app import LeaktopApp
from leaktop.ui.responsive import calm_collector, screens_loop
from leaktop.ui.row_table import RowTable
from tests.bench.big_machine import write_moving, write_tree
from tests.bench.big_machine_texts import BigMachine
from tests.bench.screen import Terminal

if TYPE_CHECKING:
    from leaktop.model.frame import Frame

WORST, LATER = 50.0, 5
"""Milliseconds that a key may wait; and seconds between the two trees."""
SERVE = "--serve"
KEYS = (b"j", b"k", b"j", b"\x1b[6~", b"j", b"\x1b[5~", b"G", b"g")


class TwoTrees:
    """A source that reads two trees in turn: a machine that moves.

    Args:
        roots: of the trees.
        sockets: rows of sock_diag, by turns; none to read the tables of /proc/net.
    """

    def __init__(self, roots: list[str], sockets: list[bytes]) -> None:
        self._sources = [FileSystemSource(root) for root in roots]
        self._sockets = sockets
        self._turns: dict[str, int] = {}
        self.machine = self._sources[0].machine
        self.probes = tuple(probe for probe in PROBES if sockets or probe.name != "sock_diag")

    def read(self, probe: Probe, wanted: frozenset[int] | None = None) -> RawSample | None:
        """One sample, of the tree whose turn it is."""
        turn = self._turns[probe.name] = self._turns.get(probe.name, -1) + 1
        if self._sockets and probe.name in {"net/tcp", "net/udp", "net/unix"}:
            return None
        if self._sockets and probe.name == "sock_diag":
            began = time.monotonic()
            content = bytes(bytearray(self._sockets[turn % 2]))
            return RawSample("sock_diag", content, None, began, time.time(), time.monotonic() - began)
        if probe.name in {"socket_owners", "open_files"}:
            return RawSample(probe.name, None, None, time.monotonic(), time.time())
        return self._sources[turn % 2].read(probe, wanted)

    def inspect(self, subject: str, name: str) -> RawSample:
        """As the first of them."""
        return self._sources[0].inspect(subject, name)

    def close(self) -> None:
        """Close both."""
        for source in self._sources:
            source.close()


class Sleeper:
    """A process that does nothing but sleep: how late it wakes is the machine's own doing, not ours.

    Args:
        log: the file that it writes to.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        program = (
            "import sys, time\nworst = 0\nwhile True:\n began = time.monotonic(); time.sleep(0.005)\n"
            " late = time.monotonic() - began - 0.005\n"
            " if late > worst: worst = late; open(sys.argv[1], 'w').write(str(worst))\n"
        )
        self._process = subprocess.Popen([sys.executable, "-S", "-c", program, str(log)])

    def late_ms(self) -> float:
        """The worst so far; it ends with that."""
        self._process.kill()
        self._process.wait()
        return float(self._log.read_text() or 0) * 1000


def write_trees(directory: Path, machine: BigMachine) -> list[str]:
    """Both trees."""
    roots = [directory / "now", directory / "later"]
    for root, second in zip(roots, (0, LATER), strict=True):
        if not root.exists():
            write_tree(root, machine, second)
            write_moving(root, machine, second)
    return [str(root) for root in roots]


def serve(directory: str, share: float, is_live: bool) -> None:
    """Run the screen here, and write down when each press of a key was painted, and each Frame."""
    machine = BigMachine().scaled(share)
    roots = [f"{directory}/now", f"{directory}/later"]
    source = TwoTrees(roots, [machine.socket_list(second) for second in (0, LATER)] if is_live else [])
    app = LeaktopApp(source, Engine(source.machine))
    log = open(f"{directory}/painted", "w", buffering=1)  # noqa: SIM115 - for as long as the program runs
    go = RowTable._go

    def timed(self: RowTable, index: int) -> None:
        go(self, index)
        self.app.call_after_refresh(lambda: log.write(f"key {time.monotonic()}\n"))

    RowTable._go = timed  # type: ignore[method-assign]  # replaced here on purpose
    show = app.dashboard.show

    def counted(frame: Frame) -> None:
        show(frame)
        log.write(f"frame {time.monotonic()}\n")

    app.dashboard.show = counted  # type: ignore[method-assign]  # replaced here on purpose

    calm_collector()
    app.run(loop=screens_loop())


def press_keys(directory: Path, share: float, seconds: float, *, is_live: bool) -> str:
    """Press keys for so long; the figures in words."""
    command = [sys.executable, "-m", "tests.bench.big_screen", SERVE, str(directory), "--share", str(share)]
    terminal = Terminal([*command, *(["--live"] if is_live else [])])
    terminal.read(12)
    os.write(terminal.master, b"4")
    terminal.read(2)
    os.write(terminal.master, b"z")
    terminal.read(2)
    chance, pressed, asleep = random.Random(1), [], Sleeper(directory / "slept")
    painted = directory / "painted"
    before = painted.read_text().count("key")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pressed.append(time.monotonic())
        os.write(terminal.master, KEYS[len(pressed) % len(KEYS)])
        terminal.read(chance.uniform(0.05, 0.15))
    terminal.read(3)
    cpu, rss = terminal.cpu_seconds(), terminal.rss_mib()
    terminal.close()
    entries = [line.split() for line in painted.read_text().splitlines()]
    times = [float(value) for kind, value in entries if kind == "key"][before:]
    frames = sum(kind == "frame" for kind, _ in entries)
    waits = sorted((paint - press) * 1000 for press, paint in zip(pressed, times, strict=False))
    middle, most, worst = statistics.median(waits), waits[len(waits) * 99 // 100], waits[-1]
    verdict = "met" if worst <= WORST else "MISSED"
    return (
        f"{len(waits)} of {len(pressed)} keys: median {middle:.1f} ms, 99 % {most:.1f}, worst {worst:.1f}; "
        f"target {WORST:g}: {verdict}\n      {frames} Frames shown, CPU {cpu:.0f} s in all, {rss:.0f} MiB; a process "
        f"that only sleeps woke {asleep.late_ms():.1f} ms late at worst"
    )


def main() -> None:
    """Write the trees and press keys."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--share", type=float, default=1.0)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--keep", metavar="DIR", help="leave the trees there, or take them from there")
    options.add_argument("--only", choices=("live", "root"))
    options.add_argument(SERVE, metavar="DIR", help=argparse.SUPPRESS)
    options.add_argument("--live", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        serve(chosen.serve, chosen.share, chosen.live)
        return
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(chosen.keep or temporary)
        write_trees(directory, BigMachine().scaled(chosen.share))
        for way in ("live", "root"):
            if chosen.only in {None, way}:
                figures = press_keys(directory, chosen.share, chosen.seconds, is_live=way == "live")
                print(f"{way:<5} {figures}", flush=True)


if __name__ == "__main__":
    main()
