"""A machine bigger than most: as a tree for --root, as a recording of it, and live.

    python -m tests.bench.big_machine DIR [--share 0.1]           5,000 slab caches, 30,000 processes ... to DIR
    python -m tests.bench.big_machine --record FILE [--ticks 30]  its ticks, of which some of it moves
    python -m tests.bench.big_machine --live                      sockets, dentries and processes here, until Ctrl-C

What there is of each is said by BigMachine in big_machine_texts.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from leaktop.model.sample import Fault, Machine, Probe, RawSample, Tick
from leaktop.recording.recorder import Recorder, header_for
from leaktop.sources.probes import PROBES
from leaktop.sources.text_form import encode
from tests.bench.big_machine_live import live_load
from tests.bench.big_machine_texts import BigMachine
from tests.corpus import DATA

HOLDERS = 20
"""Of so many sockets one has a descriptor in the tree that holds it."""
MACHINE = Machine("6.18.44", "big", 4096, "0", "x86_64", "quiet", vmap_stack=True, is_live=True)


class Silent:
    """A source that has nothing, for a screen that is fed by hand."""

    machine = MACHINE
    probes = ()

    def read(self, probe: Probe, wanted: frozenset[int] | None = None) -> RawSample | None:
        """Nothing."""
        return None

    def inspect(self, subject: str, name: str) -> RawSample:
        """Nothing, either."""
        return RawSample(subject, None, Fault("missing", "there is no such machine"), 0.0, 0.0)

    def close(self) -> None:
        """There is nothing open."""


def write_tree(root: Path, machine: BigMachine, second: int = 0) -> None:
    """Write all of it below a directory that is empty, or hold one of its seconds there anew.

    Args:
        root: the directory.
        machine: what to write.
        second: of its life.
    """
    write_moving(root, machine, second)
    for pid in machine.pids():
        folder = root / "proc" / str(pid)
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        for name, text in machine.process_files(pid, second).items():
            (folder / name).write_text(text)
    pids = machine.pids()
    for number in range(0, machine.sockets, HOLDERS):
        link = root / "proc" / str(pids[number // 200 % len(pids)]) / "fd" / str(3 + number // HOLDERS % 10)
        link.unlink(missing_ok=True)
        link.symlink_to(f"socket:[{number + 10000}]")
    _write_slab_links(root / "sys/kernel/slab", machine)
    debug = root / "sys/kernel/debug"
    debug.mkdir(parents=True, exist_ok=True)
    with (debug / "kmemleak").open("w") as file:
        file.writelines(machine.kmemleak())
    mounts = root / "sos_commands/filesys"
    mounts.mkdir(parents=True, exist_ok=True)
    (mounts / "df_-aliT").write_text(machine.df())


def write_moving(root: Path, machine: BigMachine, second: int) -> None:
    """The files of /proc that are no process's, at a second: the same files, overwritten, as the kernel's are."""
    (root / "proc/net").mkdir(parents=True, exist_ok=True)
    for name, content in machine.files(second).items():
        part = root / "proc" / f".{name.replace('/', '-')}"
        part.write_bytes(content)
        part.replace(root / "proc" / name)  # at once, so that nobody reads half of it
    shutil.copyfile(DATA / "vmstat" / "live-6.18.txt", root / "proc/vmstat")


def _write_slab_links(directory: Path, machine: BigMachine) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, identity in machine.cache_names():
        (directory / (identity or name)).mkdir(exist_ok=True)
        (directory / (identity or name) / "reclaim_account").write_text("0\n")
        if identity:
            (directory / name).unlink(missing_ok=True)
            (directory / name).symlink_to(identity)


def tick(machine: BigMachine, second: int, *, is_first: bool = False) -> Tick:
    """The samples that are due at a second of a recording: the probes at their own paces, kmemleak once."""
    contents = {name: text for name, text in machine.files(second).items() if not name.startswith("net/")}
    if second % 2 == 0:
        contents |= {"sock_diag": machine.socket_list(second), "tmpfs": machine.mount_list(second)}
    if second % 4 == 0:
        contents["processes"] = machine.process_list(second)
    if is_first:
        links = [f"{name}\tlink\t{same}" if same else f"{name}\tdir\t0" for name, same in machine.cache_names()]
        contents["slab_links"] = encode("slab_links", links)
        contents["kmemleak"] = "".join(machine.kmemleak()).encode()
    mono, wall = 1e5 + second, 1.79e9 + second
    return Tick(mono, wall, tuple(RawSample(name, text, None, mono, wall) for name, text in contents.items()))


def write_recording(path: str, machine: BigMachine, ticks: int) -> None:
    """A recording of so many seconds of it."""
    recorder = Recorder(header_for(MACHINE, PROBES, 1.0), suspended=lambda: 0.0)
    recorder.start(path)
    for second in range(ticks):
        recorder.take(tick(machine, second, is_first=second == 0))
    recorder.stop()


def main() -> None:
    """Make what was asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("directory", nargs="?", metavar="DIR", help="a new directory, for --root")
    options.add_argument("--share", type=float, default=1.0, help="of every size")
    options.add_argument("--record", metavar="FILE", help="a new recording")
    options.add_argument("--ticks", type=int, default=30)
    options.add_argument("--live", action="store_true", help="make this machine busy until Ctrl-C")
    chosen = options.parse_args()
    machine = BigMachine().scaled(chosen.share)
    if chosen.directory:
        write_tree(Path(chosen.directory), machine)
    if chosen.record:
        write_recording(chosen.record, machine, chosen.ticks)
    if chosen.live:
        with live_load(chosen.share) as load:
            print(f"{load}; Ctrl-C ends it", flush=True)
            try:
                while True:
                    os.waitid(os.P_PID, load.pid, os.WEXITED | os.WNOWAIT)
            except (KeyboardInterrupt, ChildProcessError):
                pass


if __name__ == "__main__":
    main()
