"""What each file of a big machine prints at a second of its life. Pure: the same second, the same bytes.

Some of it moves: a tenth of the slab caches, one caller of vmalloc in fifty, a fiftieth of the processes, a hundredth
of the sockets; a few leak.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaktop.sources.text_form import encode
from tests.corpus import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FRAMES = 10
"""Of a backtrace in the report of kmemleak."""
_SHARING = 10
"""Of so many caches the last few are only names of the first: what sysfs shows as links."""
_STATUS = """Name:\t{comm}
Umask:\t0022
State:\tS (sleeping)
Tgid:\t{pid}
Pid:\t{pid}
PPid:\t1
TracerPid:\t0
Uid:\t1000\t1000\t1000\t1000
FDSize:\t64
VmPeak:\t{virtual} kB
VmSize:\t{virtual} kB
VmHWM:\t{rss} kB
VmRSS:\t{rss} kB
RssAnon:\t{anon} kB
RssFile:\t{file} kB
RssShmem:\t0 kB
VmSwap:\t0 kB
Threads:\t{threads}
"""


def kmemleak_report(lines: int, stacks: int) -> Iterator[str]:
    """A report of so many lines at least, as 6.12 prints it: objects of all sizes and commands, from so many places."""
    printed = number = 0
    while printed < lines:
        number += 1
        place = number * 7919 % stacks
        frames = [
            "kmemleak_alloc+0x28/0x30",
            "__kmalloc_cache_noprof+0x1b2/0x2f0",
            *(f"driver_{place}_step_{k}+0x{number % 64 + k:x}/0x100 [driver_{place % 40}]" for k in range(_FRAMES - 2)),
        ]
        record = (
            f"unreferenced object 0xffff8881{number:08x} (size {32 << number % 6}):",
            f'  comm "worker/{number % 300}", pid {number % 32768}, jiffies {4294892642 + number}',
            "  hex dump (first 32 bytes):",
            "    bf 46 f1 fb 7f 77 00 00 4f 42 4a 45 43 54 21 00  .F...w..OBJECT!.",
            "    4c 45 41 4b 47 45 4e 2d 4f 42 4a 45 43 54 21 00  LEAKGEN-OBJECT!.",
            f"  backtrace (crc {number * 2654435761 % (1 << 32):x}):",
            *(f"    {frame}" for frame in frames),
        )
        printed += len(record)
        yield "\n".join((*record, ""))


@dataclass(frozen=True, slots=True)
class BigMachine:
    """How big it is, and what it prints. All sizes may be scaled together."""

    caches: int = 5_000
    areas: int = 100_000
    processes: int = 30_000
    sockets: int = 200_000
    """Of which half hold memory."""
    kmemleak_lines: int = 1_000_000
    mounts: int = 512
    cpus: int = 256

    def scaled(self, share: float) -> BigMachine:
        """A machine of this share of it."""
        sizes = (self.caches, self.areas, self.processes, self.sockets, self.kmemleak_lines, self.mounts, self.cpus)
        return BigMachine(*(max(round(size * share), 2) for size in sizes))

    def files(self, second: int) -> Mapping[str, bytes]:
        """The files of /proc that move, by the names of their probes."""
        tables = {f"net/{proto}": self.socket_table(proto, second) for proto in ("tcp", "udp", "unix")}
        return {
            "meminfo": self.meminfo(second),
            "zoneinfo": self.zoneinfo(second),
            "slabinfo": self.slabinfo(second),
            "vmallocinfo": self.vmallocinfo(second),
            **tables,
        }

    def meminfo(self, second: int) -> bytes:
        """A captured one, whose free memory goes into slab."""
        lines = []
        for line in (DATA / "meminfo" / "live-6.18.txt").read_text().splitlines():
            name, _, amount = line.partition(":")
            step = {"MemFree": -100, "MemAvailable": -100, "Slab": 100, "SUnreclaim": 100}.get(name, 0) * second
            lines.append(f"{name}: {int(amount.split()[0]) + step:>12}{' kB' * amount.endswith('kB')}")
        return "\n".join([*lines, ""]).encode()

    def zoneinfo(self, second: int) -> bytes:
        """Three zones, each with a page set a cpu."""
        zones = []
        for node, zone in ((0, "DMA"), (0, "Normal"), (1, "Normal")):
            sets = "".join(
                f"    cpu: {cpu}\n              count:    {(cpu * 37 + second) % 400}\n"
                f"              high:     1981\n              batch:    63\n  vm stats threshold: 24\n"
                for cpu in range(self.cpus)
            )
            zones.append(
                f"Node {node}, zone {zone:>8}\n  pages free     424422\n        managed  900000\n  pagesets\n{sets}"
            )
        return "".join(zones).encode()

    def cache_names(self) -> Iterator[tuple[str, str]]:
        """The name of each cache, and the id of the class that it is merged into; "" where it stands alone."""
        for number in range(self.caches):
            base = number - number % _SHARING
            yield f"cache_{number:04d}", f":A-{base:07d}" if base % 20 == 0 else ""

    def slabinfo(self, second: int) -> bytes:
        """Every tenth cache moves, and one of a thousand leaks."""
        lines = ["slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab>\n"]
        for number in range(self.caches):
            moved = second * 2 if number % 1000 == 0 else (second * 7 + number) % 40 if number % 10 == 0 else 0
            slabs, each = 100 + number % 50 + moved, 16
            lines.append(
                f"cache_{number:04d}        {slabs * each:6d} {slabs * each:6d}    256   16    1 : "
                f"tunables    0    0    0 : slabdata {slabs:6d} {slabs:6d}      0\n"
            )
        return "".join(lines).encode()

    def vmallocinfo(self, second: int) -> bytes:
        """Areas of 2,000 callers and twelve sizes; a caller of fifty takes one more each second."""
        lines = []
        callers = max(self.areas // 50, 1)
        leaked = range(0, callers, 50)
        owners = itertools.chain(
            (number % callers for number in range(self.areas)), (owner for _ in range(second) for owner in leaked)
        )
        for number, owner in enumerate(owners):
            pages = 1 << owner % 12
            lines.append(
                f"0x{0xFFFFC90000000000 + (number << 24):016x}-0x{0xFFFFC90000000000 + (number << 24) + 4096:016x}"
                f" {(pages + 1) * 4096:7d} caller_{owner}+0x{owner % 256:x}/0x400 [driver_{owner % 40}]"
                f" pages={pages} vmalloc N{owner % 2}={pages}\n"
            )
        return "".join(lines).encode()

    def rss(self, pid: int, second: int) -> int:
        """Kilobytes; a fiftieth of the processes moves, and one of a thousand grows."""
        moved = second * 64 if pid % 1000 == 0 else (second * 11 + pid) % 90 if pid % 50 == 0 else 0
        return 2000 + pid % 5000 + moved

    def pids(self) -> range:
        """Of its processes."""
        return range(1000, 1000 + self.processes)

    def process_files(self, pid: int, second: int) -> Mapping[str, str]:
        """What stands in /proc/PID."""
        rss, comm, threads = self.rss(pid, second), f"worker/{pid % 300}", 1 + pid % 8
        zeros = " ".join(["0"] * 15)
        return {
            "comm": f"{comm}\n",
            "stat": f"{pid} ({comm}) S 1 {pid} {pid} {zeros} {threads} 0 {pid * 10} {rss * 1024} {rss // 4} 0\n",
            "statm": f"{rss // 2} {rss // 4} 100 10 0 {rss // 4} 0\n",
            "status": _STATUS.format(
                comm=comm, pid=pid, virtual=rss * 2, rss=rss, anon=rss - 400, file=400, threads=threads
            ),
        }

    def process_list(self, second: int) -> bytes:
        """The same as leaktop lists it."""
        rows = []
        for pid in self.pids():
            rss = self.rss(pid, second) * 1024
            rows.append(
                f"{pid}\t{pid * 10}\tworker/{pid % 300}\t{rss}\t{rss - 409600}\t409600\t0\t0\t{1 + pid % 8}\t{pid % 40}"
            )
        return encode("processes", rows)

    def queued(self, number: int, second: int) -> int:
        """Bytes that a socket holds: every second one holds some, a hundredth moves, and the first few leak."""
        if number % 2:
            return 0
        moved = second * 4352 if number < 8 else (second * 5 + number) % 64 * 768 if number % 200 == 0 else 0
        return 2304 + number % 97 * 256 + moved

    def socket_table(self, proto: str, second: int) -> bytes:
        """A text table of /proc/net: half of the sockets are TCP's, a quarter UDP's, a quarter unix."""
        start, end = self._span(proto)
        if proto == "unix":
            rows = [
                f"{0xFFFF8881 + number:016x}: 00000003 00000000 00000000 0001 03 {number + 10000} /run/worker/{number}"
                for number in range(start, end)
            ]
            return "\n".join(["Num       RefCount Protocol Flags    Type St Inode Path", *rows, ""]).encode()
        tail = "0 100 0 0 10 0" if proto == "tcp" else "2 0000000000000000 0"
        state = "01" if proto == "tcp" else "07"
        rows = [
            f"{number:4d}: {number & 0xFFFF:04X}007F:{number % 60000 + 1024:04X} 0200007F:0050 {state} "
            f"00000000:{self.queued(number, second):08X} 00:00000000 00000000  1000        0 {number + 10000} {tail}"
            for number in range(start, end)
        ]
        drops = "" if proto == "tcp" else " ref pointer drops"
        heading = (
            f"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode{drops}"
        )
        return "\n".join([heading, *rows, ""]).encode()

    def socket_list(self, second: int, idle: int | None = 500) -> bytes:
        """The same as sock_diag gives them: all that hold memory, and some that do not."""
        rows = []
        for proto, state in (("tcp", "ESTABLISHED"), ("udp", "UNCONN"), ("unix", "ESTABLISHED")):
            left = self.sockets if idle is None else idle
            start, end = self._span(proto)
            for number in range(start, end):
                size = self.queued(number, second)
                left -= not size
                if size or left >= 0:
                    local = f"/run/worker/{number}" if proto == "unix" else f"127.0.{number >> 8 & 255}.{number & 255}"
                    local += "" if proto == "unix" else f":{number % 60000 + 1024}"
                    rows.append(
                        f"{proto}\t{local}\t127.0.0.2:80\t{state}\t{size // 2}\t0\t{size}\t0\t0\t{number + 10000}\t"
                        f"1000\t-\t-\t{number:x}"
                    )
            rows.append(f"=\t{proto}\t{end - start}")
        return encode("sock_diag", rows)

    def _span(self, proto: str) -> tuple[int, int]:
        half, rest = self.sockets // 2, self.sockets * 3 // 4
        return {"tcp": (0, half), "udp": (half, rest), "unix": (rest, self.sockets)}[proto]

    def df(self) -> str:
        """The mounts, as df lists them."""
        rows = [
            f"tmpfs            tmpfs      {1024 * (number + 1):>10} {number * 512:>9} {512:>9}  50% /run/mount/{number}"
            for number in range(self.mounts)
        ]
        return "\n".join(["Filesystem     Type     1K-blocks      Used Available Use% Mounted on", *rows, ""])

    def mount_list(self, second: int) -> bytes:
        """The same as leaktop lists them; the first grows."""
        rows = []
        for number in range(self.mounts):
            used = (number * 512 + (second * 64 if number == 0 else 0)) << 10
            rows.append(f"/run/mount/{number}\ttmpfs\t{used}\t{(number + 1) << 24}\t0:{number}")
        return encode("tmpfs", rows)

    def kmemleak(self) -> Iterator[str]:
        """The report, from 2,000 places."""
        return kmemleak_report(self.kmemleak_lines, 2_000)
