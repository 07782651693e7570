"""Make the pictures of this folder from the kernel that this runs on: `sudo python screenshots/make.py [NAME ...]`.

The causes are real: a socket that nobody reads, a packet ring, a file in /dev/shm, a process that grows, descriptors
that are not closed. `lab-` pictures want a kernel with kmemleak, and our module that leaks on demand loaded
(tests/lab); `lab-who-allocates` wants it booted with sysctl.vm.mem_profiling=never, so that only tracing can tell.
Others are of recordings that were made so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leaktop.cli.demo import DEMO
from leaktop.control import kmemleak
from leaktop.engine.engine import Engine
from leaktop.recording.reader import read_file
from leaktop.sources.filesystem import FileSystemSource
from leaktop.ui.app import LeaktopApp
from leaktop.ui.travel import Replayed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

HERE = Path(__file__).resolve().parent
GROWER = "import time\nkept = []\nwhile True:\n    kept.append(bytes(1 << 20))\n    time.sleep(0.4)\n"


class Shot(NamedTuple):
    """One picture: its size, how long to watch before, and the keys to press."""

    name: str
    size: tuple[int, int]
    seconds: float
    keys: tuple[str, ...]
    recording: Path | None = None
    """What is replayed; None for this machine, live."""


END = ("J", *"end", "enter")
SCENARIOS = HERE.parent / "tests" / "scenarios"
LOCKSTEP = SCENARIOS / "lab-lockstep.leaktop"
"""A module that loses two objects a packet."""
THREADS = SCENARIOS / "lab-thread-and-leak.leaktop"
"""A server that starts threads, and a module that loses buffers."""
SHM = SCENARIOS / "uml-tmpfs-growth-shm.leaktop"
"""A file in /dev/shm that grows."""
SHOTS = (
    Shot("overview", (160, 48), 15, END, THREADS),
    Shot("memory", (120, 36), 30, ("1", "z", "down")),
    Shot("residual", (120, 44), 12, ("1", *["down"] * 11, "enter")),
    Shot("slab", (120, 30), 25, ("2", "z", "U")),
    Shot("slab-detail", (120, 50), 25, ("2", "slash", *"vmap_area", "enter", "enter")),
    Shot("vmalloc", (120, 30), 12, ("3", "z")),
    Shot("sockets", (120, 30), 12, ("4", "z")),
    Shot("processes", (120, 30), 15, (*END, "6", "z"), THREADS),
    Shot("tmpfs", (120, 30), 15, (*END, "7", "z"), SHM),
    Shot("suspects", (120, 30), 15, (*END, "8", "z"), THREADS),
    Shot("narrow", (80, 24), 25, ("2",)),
    Shot("help", (120, 44), 6, ("2", "question_mark")),
    Shot("replay", (160, 48), 15, (*END, "left_curly_bracket", "2"), Path(DEMO)),
    Shot("replay-narrow", (80, 24), 15, (*END, "left_curly_bracket", "2"), Path(DEMO)),
    Shot("verdict", (160, 48), 15, (*END, "8"), LOCKSTEP),
    Shot("verdict-detail", (120, 50), 15, (*END, "8", "enter"), LOCKSTEP),
    Shot("triage", (120, 30), 15, (*END, "9", "z"), LOCKSTEP),
    Shot("lab-overview", (160, 48), 90, ("5",)),
    Shot("lab-kmemleak", (120, 30), 10, ("5", "z")),
    Shot("lab-kmemleak-detail", (120, 50), 10, ("5", "down", "enter")),
    Shot("lab-allocinfo", (120, 30), 60, ("P",)),
    Shot("lab-who-allocates", (120, 50), 45, ("2", "slash", *"kmalloc-2k", "enter", "enter", "K", "a", "y")),
)


@contextlib.contextmanager
def causes() -> Iterator[None]:
    """Memory that goes missing for real, for as long as the pictures take."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        silent.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        silent.bind(("127.0.0.1", 0))
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.connect(silent.getsockname())
        packet = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
        packet.setsockopt(263, 5, struct.pack("IIII", 1 << 16, 64, 2048, 2048))  # SOL_PACKET, PACKET_RX_RING: 4 MiB
        file = stack.enter_context(tempfile.NamedTemporaryFile(dir="/dev/shm", prefix="forgotten-"))
        stack.callback(stack.enter_context(subprocess.Popen([sys.executable, "-c", GROWER])).kill)
        kept: list[int] = []
        stack.callback(lambda: list(map(os.close, kept)))

        async def grow() -> None:
            while True:
                with contextlib.suppress(OSError):
                    sender.send(bytes(1400))
                file.write(bytes(200_000))
                file.flush()
                if len(kept) < 900:
                    kept.append(os.open("/dev/null", os.O_RDONLY))
                await asyncio.sleep(0.05)

        task = asyncio.ensure_future(grow())
        stack.callback(task.cancel)
        yield


async def press(pilot: Pilot[None], keys: tuple[str, ...]) -> None:
    """One key after the other, as fast as the screen answers."""
    for key in keys:
        await pilot.press(key)
        await asyncio.sleep(0.5)


async def take(shot: Shot) -> None:
    """Run the screen for a while and keep what it shows."""
    if shot.recording is not None:
        app = LeaktopApp(None, None, replayed=Replayed(read_file(str(shot.recording)), plays=False))
    else:
        source = FileSystemSource(kmemleak_enabled=kmemleak.is_enabled)
        app = LeaktopApp(source, Engine(source.machine))
    async with app.run_test(size=shot.size) as pilot:
        await asyncio.sleep(2)
        await press(pilot, shot.keys)
        await asyncio.sleep(shot.seconds)
        await pilot.pause()
        title = f"leaktop replay {shot.recording.name}" if shot.recording else "sudo leaktop"
        svg = app.export_screenshot(title=title)
    # Textual's fonts are fetched from elsewhere when the picture is opened; a picture should need nothing but itself.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"Fira Code", "DejaVu Sans Mono, Menlo, Consolas", svg)
    (HERE / f"{shot.name}.svg").write_text(svg)
    print(shot.name, flush=True)


async def main(names: list[str]) -> None:
    """Take the pictures that were asked for, all but the lab's by default."""
    wanted = [shot for shot in SHOTS if shot.name in names or (not names and not shot.name.startswith("lab-"))]
    with contextlib.nullcontext() if all(s.recording or s.name.startswith("lab-") for s in wanted) else causes():
        for shot in wanted:
            await take(shot)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
