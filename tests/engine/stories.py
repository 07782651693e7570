"""Machines that are told, not recorded: what each file says at a second is a function of the second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.sample import Machine, RawSample, Tick
from leaktop.sources.text_form import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from leaktop.model.diagnosis import Case, Diagnosis
    from leaktop.model.frame import Frame

    Level = Callable[[float], float]

MACHINE = Machine("6.12.0", "told", 4096, None, "x86_64", None, None, is_live=False)
KIB, MIB = 1 << 10, 1 << 20
TOTAL = 8 << 30
START = 100_000.0
"""Seconds since boot at which a story begins: every process in it is old unless it says otherwise."""


def flat(level: float) -> Level:
    """It never moves."""
    return lambda _second: level


def rising(rate: float, level: float = 0.0, begins: float = 0.0) -> Level:
    """So much a second, from a second on."""
    return lambda second: level + rate * max(second - begins, 0.0)


class Story:
    """A machine over time.

    Args:
        memory: bytes of lines of /proc/meminfo, over the usual ones.
        caches: name to (objsize, objects); 4 KiB slabs, or one object a slab where it is larger.
        shared: name to the other names of its class, and whether it is reclaimable.
        processes: comm to (private bytes, threads, descriptors), pids from 500 on.
        sockets: "udp:PORT" to bytes in its queue; it belongs to the first process.
        areas: caller to areas of 16 KiB.
        more: probes as they are.
    """

    def __init__(
        self,
        *,
        memory: Mapping[str, Level] | None = None,
        caches: Mapping[str, tuple[int, Level]] | None = None,
        shared: Mapping[str, tuple[str, ...]] | None = None,
        processes: Mapping[str, tuple[Level, Level, Level]] | None = None,
        sockets: Mapping[str, Level] | None = None,
        areas: Mapping[str, Level] | None = None,
        more: Mapping[str, Callable[[float], bytes]] | None = None,
    ) -> None:
        self._memory = memory or {}
        self._caches = caches or {}
        self._shared = shared or {}
        self._processes = processes or {"init": (flat(8 * MIB), flat(1), flat(9))}
        self._sockets = sockets or {}
        self._areas = areas or {}
        self._more = more or {}

    def frame(self, seconds: Iterable[float]) -> Frame:
        """The Frame at the last of these seconds."""
        engine = Engine(MACHINE)
        for second in seconds:
            frame = engine.feed(self.tick(second))
        return frame

    def told(self, seconds: Iterable[float]) -> Diagnosis:
        """What is concluded at the last of these seconds."""
        return self.frame(seconds).diagnosis

    def tick(self, second: float) -> Tick:
        """One moment."""
        mono, wall = START + second, 1e9 + second
        probes = {
            "meminfo": self._meminfo(second),
            "slabinfo": self._slabinfo(second),
            "slab_links": self._links(),
            "processes": encode("processes", list(self._status(second))),
            "sock_diag": encode("sock_diag", self._queues(second)),
            "socket_owners": encode(
                "socket_owners", [f"{inode}\t500\t3\tinit" for inode in range(1, len(self._sockets) + 1)]
            ),
            "vmallocinfo": self._vmallocinfo(second),
            **{name: give(second) for name, give in self._more.items()},
        }
        return Tick(mono, wall, tuple(RawSample(n, c, None, mono, wall) for n, c in probes.items() if c))

    def _meminfo(self, second: float) -> bytes:
        slabs = sum(_slab_bytes(size, count(second)) for size, count in self._caches.values())
        anon = sum(private(second) for private, _, _ in self._processes.values())
        vmalloc = sum(int(count(second)) for count in self._areas.values()) * 16 * KIB
        lines: dict[str, float] = {
            "MemTotal": TOTAL, "Cached": 512 * MIB, "Buffers": 16 * MIB, "SwapCached": 0, "Shmem": 4 * MIB,
            "AnonPages": anon, "Slab": slabs, "SReclaimable": 0, "SUnreclaim": slabs, "KernelStack": 2 * MIB,
            "PageTables": 4 * MIB, "VmallocUsed": vmalloc, "Percpu": 2 * MIB, "HugePages_Total": 0,
            "HugePages_Free": 0, "Hugepagesize": 2 * MIB, "Hugetlb": 0, "hidden": 10 * MIB,
        }  # fmt: skip
        lines |= {name: level(second) for name, level in self._memory.items()}
        used = ("Cached", "Buffers", "AnonPages", "Slab", "KernelStack", "PageTables", "VmallocUsed", "Percpu",
                "Hugetlb", "hidden")  # fmt: skip
        lines["MemFree"] = lines["MemTotal"] - sum(lines[name] for name in used)
        lines["MemAvailable"] = lines["MemFree"] + lines["Cached"] - lines["Shmem"]
        del lines["hidden"]
        text = "".join(
            f"{name}: {int(value)}\n" if name.startswith("HugePages_") else f"{name}: {int(value) // KIB} kB\n"
            for name, value in lines.items()
        )
        return text.encode()

    def _slabinfo(self, second: float) -> bytes:
        lines = ["slabinfo - version: 2.1\n# name\n"]
        for name, (size, count) in self._caches.items():
            each, pages = max(4096 // size, 1), max((size + 4095) // 4096, 1)
            slabs = -(-int(count(second)) // each)
            lines.append(
                f"{name} {int(count(second))} {slabs * each} {size} {each} {pages} : tunables 0 0 0 : "
                f"slabdata {slabs} {slabs} 0\n"
            )
        return "".join(lines).encode()

    def _links(self) -> bytes:
        rows = []
        for n, (name, (size, _)) in enumerate(self._caches.items()):
            reclaimable = name in {"dentry", "ext4_inode_cache"}
            identity = f":{'a' if reclaimable else 't'}-{n:03d}{size:04d}"
            rows.append(f"{identity}\tdir\t{int(reclaimable)}")
            rows += [f"{alias}\tlink\t{identity}" for alias in (name, *self._shared.get(name, ()))]
        return encode("slab_links", rows)

    def _status(self, second: float) -> Iterable[str]:
        for pid, (comm, (private, threads, fds)) in enumerate(self._processes.items(), 500):
            size = int(private(second))
            yield f"{pid}\t7\t{comm}\t{size}\t{size}\t0\t0\t0\t{int(threads(second))}\t{int(fds(second))}"

    def _queues(self, second: float) -> list[str]:
        rows = []
        for inode, (name, held) in enumerate(self._sockets.items()):
            proto, _, port = name.partition(":")
            size = int(held(second))
            if size:
                rows.append(
                    f"{proto}\t127.0.0.1:{port}\t0.0.0.0:0\tUNCONN\t{size}\t0\t{size}\t0\t0\t{inode + 1}\t0\t-\t-\tc"
                )
        return [*rows, f"=\tudp\t{len(self._sockets)}"]

    def _vmallocinfo(self, second: float) -> bytes:
        lines = []
        for caller, count in self._areas.items():
            lines += [f"0x{n:016x}-0x{n:016x} 20480 {caller}+0x10/0x20 pages=4 vmalloc N0=4\n" for n in
                      range(int(count(second)))]  # fmt: skip
        return "".join(lines).encode()


def _slab_bytes(size: int, count: float) -> int:
    each = max(4096 // size, 1)
    return -(-int(count) // each) * max((size + 4095) // 4096, 1) * 4096


def case_of(diagnosis: Diagnosis, name: str) -> Case:
    """The case of that name."""
    return next(case for case in diagnosis.cases if case.name == name or case.name.startswith(f"{name} ("))
