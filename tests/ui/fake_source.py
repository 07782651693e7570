"""A scripted machine: what each probe gives at each tick, from real captures with growth written into them.

Nothing here has a thread or a clock. Frames are made by a real Engine and handed to the app one at a time, so that a
test decides what is on the screen.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaktop.engine.engine import Engine
from leaktop.model.frame import ProbeState
from leaktop.model.sample import Fault, Machine, RawSample, Tick
from leaktop.sources.probes import PROBES
from leaktop.sources.text_form import encode, escape
from leaktop.ui.app import LeaktopApp
from leaktop.ui.pane_box import PaneBox
from leaktop.ui.preferences import Preferences

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from textual.pilot import Pilot
    from textual.widget import Widget

    from leaktop.model.frame import Frame
    from leaktop.model.sample import Probe

DATA = Path(__file__).parents[1] / "data"
START_MONO, START_WALL = 1000.0, 1_790_000_000.0
"""2026-09-21 14:13:20 UTC."""
MACHINE = Machine("6.18.44", "lab", 4096, "0", "x86_64", "quiet", vmap_stack=True, is_live=True)
MIB = 1 << 20
_PATIENCE = 9.0
"""Seconds for the rows of large panes, which another thread puts in order."""

Content = bytes | Fault
Contents = dict[str, Content]


def captured(name: str) -> bytes:
    """The bytes of a capture under tests/data."""
    return (DATA / name).read_bytes()


def slabinfo(grown: Mapping[str, int]) -> bytes:
    """The capture, with so many slabs, all full, added to these caches."""
    lines = captured("slabinfo/live-6.18.txt").decode().splitlines()
    for i, line in enumerate(lines):
        name, *_ = line.split()
        if name in grown:
            head, tunables, tail = line.split(" : ")
            _, active, objects, size, per_slab, pages = head.split()
            slabs = grown[name]
            more = slabs * int(per_slab)
            _, active_slabs, all_slabs, shared = tail.split()
            lines[i] = (
                f"{name} {int(active) + more} {int(objects) + more} {size} {per_slab} {pages} : {tunables} : "
                f"slabdata {int(active_slabs) + slabs} {int(all_slabs) + slabs} {shared}"
            )
    return "\n".join([*lines, ""]).encode()


def slab_links() -> bytes:
    """The capture's names in leaktop's own form, with the reclaim_account that `ls` does not show."""
    lines = []
    for line in captured("sysfs_slab/live-6.18.txt").decode().splitlines()[1:]:
        name = line.split(" ", 8)[8]
        if line.startswith("l"):
            name, _, target = name.partition(" -> ")
            lines.append(f"{name}\tlink\t{target}")
        else:
            lines.append(f"{name}\tdir\t{int(name == 'dentry' or name.endswith('inode_cache'))}")
    return encode("slab_links", lines)


def meminfo(**changes: int) -> bytes:
    """The capture, with kibibytes added to these lines."""
    lines = captured("meminfo/live-6.18.txt").decode().splitlines()
    for i, line in enumerate(lines):
        name, _, rest = line.partition(":")
        if name in changes:
            lines[i] = f"{name}: {int(rest.split()[0]) + changes[name]} kB"
    return "\n".join([*lines, ""]).encode()


def processes(*rows: tuple[int, str, int]) -> bytes:
    """The list of (pid, comm, bytes of RSS)."""
    lines = [f"{pid}\t{pid * 10}\t{escape(comm)}\t{rss}\t{rss // 2}\t{rss // 2}\t0\t0\t1\t4" for pid, comm, rss in rows]
    return encode("processes", lines)


def tmpfs(*rows: tuple[str, int]) -> bytes:
    """The list of (mount point, bytes used)."""
    return encode("tmpfs", [f"{escape(name)}\ttmpfs\t{used}\t{1 << 30}\t0:{i}" for i, (name, used) in enumerate(rows)])


def sockets(*rows: tuple[str, str, int, int]) -> bytes:
    """The dump of (protocol, local address or path, bytes queued, inode)."""
    lines = [
        f"{proto}\t{escape(local)}\t\tUNCONN\t{queued}\t0\t{queued}\t0\t0\t{inode}\t0\t-\t-\t"
        for proto, local, queued, inode in rows
    ]
    return encode("sock_diag", [*lines, *(f"=\t{proto}\t1" for proto in ("tcp", "udp", "raw", "unix", "packet"))])


def owners(*rows: tuple[int, int, str]) -> bytes:
    """The list of (inode, pid, comm); each descriptor is 5."""
    return encode("socket_owners", [f"{inode}\t{pid}\t5\t{escape(comm)}" for inode, pid, comm in rows])


def moment(n: int) -> Contents:
    """The machine at tick n: kmalloc-2k, the merged signal_cache, a socket, a process and a mount all grow."""
    return {
        "meminfo": meminfo(SUnreclaim=400 * n, Slab=400 * n, MemFree=-600 * n, MemAvailable=-600 * n),
        "zoneinfo": captured("zoneinfo/vm-5.10slab.txt"),
        "vmstat": captured("vmstat/live-6.18.txt"),
        "hugepages": encode("hugepages", []),
        "slabinfo": slabinfo({"kmalloc-2k": 10 * n, "signal_cache": 4 * n, "dentry": 2 * n}),
        "slab_links": slab_links(),
        "vmallocinfo": captured("vmallocinfo/vm-7.2b.txt"),
        "sock_diag": sockets(
            ("udp", "0.0.0.0:5353", 4096 + 2048 * n, 71),
            ("raw", "0.0.0.0:1", 768, 72),
            ("unix", "/run/log.sock", 0, 73),
        ),
        "socket_owners": owners((71, 4242, "deaf"), (72, 4243, "pinger")),
        "net/sockstat": b"sockets: used 165\nUDP: inuse 1 mem 2\n",
        "net/sockstat6": b"UDP6: inuse 0\n",
        "processes": processes((1, "init", 12 * MIB), (4242, "deaf", 30 * MIB), (977, "hungry", (40 + n) * MIB)),
        "tmpfs": tmpfs(("/dev/shm", 64 * MIB + n * 4096), ("/run", 2 * MIB)),
        "sysvipc/shm": Fault("missing", "/proc/sysvipc/shm does not exist here"),
        "open_files": encode("open_files", ["=\tnetns\t1", "=\tunreadable\t0"]),
        "kmemleak": captured("kmemleak/vm-6.1b-2scan.txt"),
    }


def growing(count: int) -> list[Contents]:
    """So many ticks of steady growth."""
    return [moment(n) for n in range(count)]


def everything(fault: Fault) -> Contents:
    """A tick at which no probe gives anything, for one reason."""
    return {probe.name: fault for probe in PROBES}


class FakeSource:
    """A leaktop.sources.base.Source that gives what the script says. The last tick stays."""

    def __init__(self, ticks: Sequence[Mapping[str, Content]], machine: Machine = MACHINE) -> None:
        self.machine = machine
        self.probes: tuple[Probe, ...] = PROBES
        self.now = 0
        self._ticks = ticks

    def read(self, probe: Probe, wanted: frozenset[int] | None = None) -> RawSample | None:
        """What the script has for the probe at this tick; None where it has nothing."""
        content = self._ticks[min(self.now, len(self._ticks) - 1)].get(probe.name)
        if content is None:
            return None
        mono, wall = START_MONO + self.now, START_WALL + self.now
        if isinstance(content, Fault):
            return RawSample(probe.name, None, content, mono, wall)
        return RawSample(probe.name, content, None, mono, wall, 0.001)

    def inspect(self, subject: str, name: str) -> RawSample:
        """The attributes of a slab class, or the rollup of a process."""
        if subject == "slab":
            return RawSample("slab_attributes", b"order=3\naliases=2\n", None, START_MONO, START_WALL)
        content = b"55e000000000-7ffd00000000 ---p 00000000 00:00 0 [rollup]\nRss:  2000 kB\nPss:  1000 kB\n"
        return RawSample("smaps_rollup", content, None, START_MONO, START_WALL)

    def close(self) -> None:
        """Nothing is open."""

    def tick(self) -> Tick:
        """All samples of this tick; the next call gives the next."""
        samples = tuple(sample for probe in self.probes if (sample := self.read(probe)))
        tick = Tick(START_MONO + self.now, START_WALL + self.now, samples)
        self.now += 1
        return tick


class Live:
    """A running app, the script behind it, and what is on its screen."""

    def __init__(self, app: LeaktopApp, pilot: Pilot[None], source: FakeSource, engine: Engine) -> None:
        self.app = app
        self.pilot = pilot
        self.source = source
        self.engine = engine

    async def ticks(self, count: int = 1) -> None:
        """Let so many ticks arrive, each seen by the app."""
        for _ in range(count):
            live = self.app.live
            assert live is not None
            live.take(self.source.tick(), states_of(self.source))
            await self.settle()

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until the screen has followed."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def click(self, selector: str, x: int = 1, y: int = 0) -> None:
        """Click into a widget, and wait until the screen has followed."""
        await self.pilot.click(selector, offset=(x, y))
        await self.settle()

    async def settle(self) -> None:
        """Until every message that is under way has been seen, and what it asks for has been drawn."""
        for _ in range(3):
            await self.pilot.pause()
        end = time.monotonic() + _PATIENCE
        while any(box.is_arranging for box in self.app.dashboard.query(PaneBox)) and time.monotonic() < end:
            await self.pilot.pause(0.005)

    async def type(self, text: str) -> None:
        """Press the keys of a text."""
        names = {
            "/": "slash",
            "!": "exclamation_mark",
            "-": "minus",
            "(": "left_parenthesis",
            "[": "left_square_bracket",
        }
        await self.press(*(names.get(character, character) for character in text))

    def lines(self, selector: str | None = None) -> list[str]:
        """What is drawn, or the part of it where a widget is."""
        screen = self.app.screen
        lines = [strip.text for strip in screen._compositor.render_strips()]
        if selector is None:
            return lines
        region = screen.query_one(selector).region
        return [line[region.x : region.right] for line in lines[region.y : region.bottom]]

    def text(self, selector: str | None = None) -> str:
        """The same in one string."""
        return "\n".join(self.lines(selector))

    def pane(self, name: str) -> str:
        """What is drawn in a pane, its border included."""
        return self.text(f"#pane-{name}")

    def rows(self, name: str) -> list[str]:
        """The rows of a pane's table as drawn, without the heading, and without the sign of the cursor."""
        lines = (line[:1] + line[1:2].replace("›", " ") + line[2:] for line in self.lines(f"#pane-{name} RowTable")[1:])
        return [line for line in lines if line.strip()]

    def heading(self, name: str) -> str:
        """The heading of a pane's table."""
        return self.lines(f"#pane-{name} RowTable")[0]

    def row_under_cursor(self) -> str:
        """The drawn line that has the cursor's ground, of the whole screen; empty where none has it."""
        table: Any = self.app.focused
        ground = table.get_component_rich_style("painted--cursor").bgcolor
        for y, strip in enumerate(self.app.screen._compositor.render_strips()):
            if table.region.y <= y < table.region.bottom and any(
                segment.style and segment.style.bgcolor == ground
                for segment in strip.crop(table.region.x, table.region.right)
            ):
                return self.lines()[y][table.region.x : table.region.right]
        return ""

    def said(self) -> str:
        """The words of the notices in the corner."""
        toasts = self.app.screen.query("Toast")
        lines = self.lines()
        return (
            " ".join(
                " ".join(
                    line[toast.region.x + 1 : toast.region.right - 1]
                    for line in lines[toast.region.y : toast.region.bottom]
                )
                for toast in toasts
            )
            .replace("▌", " ")
            .replace("  ", " ")
            .strip()
        )

    def visible(self, selector: str) -> bool:
        """Whether a widget has a place on the screen."""
        widget: Widget = self.app.screen.query_one(selector)
        return widget.display and widget.region.area > 0


def states_of(source: FakeSource) -> dict[str, ProbeState]:
    """What reading costs: nothing worth a word."""
    return {probe.name: ProbeState(probe.name, 0.001, probe.cadence, False, False, 100) for probe in source.probes}


def next_frame(source: FakeSource, engine: Engine) -> Frame:
    """The Frame of the next tick."""
    return engine.feed(source.tick(), states_of(source))


def build(ticks: Sequence[Mapping[str, Content]], **options: Any) -> tuple[LeaktopApp, FakeSource, Engine]:
    """An app over a script, whose poller never starts."""
    source = FakeSource(ticks)
    engine = Engine(source.machine)
    app = LeaktopApp(source, engine, Preferences(**options))
    app.poller.start = lambda: None  # type: ignore[method-assign]  # replaced here on purpose
    app.animation_level = "none"
    return app, source, engine


@asynccontextmanager
async def live(
    ticks: Sequence[Mapping[str, Content]] | None = None,
    size: tuple[int, int] = (120, 36),
    first: int = 2,
    **options: Any,
) -> AsyncIterator[Live]:
    """A running app that has seen its first ticks."""
    app, source, engine = build(growing(12) if ticks is None else ticks, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        shown = Live(app, pilot, source, engine)
        await shown.settle()
        await shown.ticks(first)
        yield shown
