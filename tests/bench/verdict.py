"""What the engine's work on one tick costs, the verdict included: python -m tests.bench.verdict

5,000 caches, 2,000 callers of vmalloc, 1,000 sockets and an hour of history at 1 Hz, of which a tenth moves and a dozen
leak. Run by hand, on a quiet machine; CPU time, as a mean. The target is 20 ms for what the engine does with a tick
once the text is parsed, with a fifth of a diagnosis, since one stands for five ticks. The peer is a bare awk sum of the
same slabinfo and vmallocinfo.
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.engine.inputs import Inputs
from leaktop.model.sample import Machine, RawSample, Tick
from leaktop.sources.text_form import encode
from leaktop.ui.responsive import calm_collector

if TYPE_CHECKING:
    from collections.abc import Callable

CACHES, CALLERS, SOCKETS, HOUR = 5000, 2000, 1000, 3600
MACHINE = Machine("6.12.0", "bench", 4096, None, "x86_64", None, None, is_live=False)


def slabinfo(second: int, chance: random.Random) -> bytes:
    """5,000 caches, every tenth of which moves."""
    lines = ["slabinfo - version: 2.1\n# name\n"]
    for n in range(CACHES):
        slabs = 100 + n % 50 + (second // 2 if n < 6 else chance.randrange(40) if n % 10 == 0 else 0)
        lines.append(f"cache-{n} {slabs * 16} {slabs * 16} 256 16 1 : tunables 0 0 0 : slabdata {slabs} {slabs} 0\n")
    return "".join(lines).encode()


def vmallocinfo(second: int) -> bytes:
    """2,000 callers, four of which leak an area every ten seconds."""
    lines = []
    for n in range(CALLERS):
        for area in range(1 + (second // 10 if n < 4 else 0)):
            lines.append(f"0x{area:016x}-0x{area:016x} 20480 caller_{n}+0x1/0x2 pages=4 vmalloc N0=4\n")
    return "".join(lines).encode()


def sockets(second: int, chance: random.Random) -> bytes:
    """1,000 sockets with something in their queues, two of which nobody reads, and a tenth of which moves."""
    rows = []
    for n in range(SOCKETS):
        size = 2304 * (second if n < 2 else 1 + n % 9 + (chance.randrange(9) if n % 10 == 0 else 0))
        rows.append(f"udp\t127.0.0.1:{n}\t0.0.0.0:0\tUNCONN\t{size}\t0\t{size}\t0\t0\t{n + 1}\t0\t-\t-\tc")
    return encode("sock_diag", [*rows, f"=\tudp\t{SOCKETS}"])


def meminfo(second: int) -> bytes:
    """24 GiB, going slowly."""
    total, used = 24 << 20, (2 << 20) + 100 * second
    lines = {
        "MemTotal": total, "MemFree": total - used, "MemAvailable": total - used, "Buffers": 0, "Cached": 1 << 19,
        "SwapCached": 0, "AnonPages": 1 << 19, "Slab": 1 << 18, "SReclaimable": 1 << 16, "SUnreclaim": 3 << 16,
        "VmallocUsed": 1 << 15, "PageTables": 9000, "KernelStack": 9000, "Percpu": 9000, "Shmem": 4000,
    }  # fmt: skip
    return "".join(f"{name}: {size} kB\n" for name, size in lines.items()).encode()


def tick(second: int, chance: random.Random) -> Tick:
    """All of it at one second."""
    probes = {
        "meminfo": meminfo(second),
        "slabinfo": slabinfo(second, chance),
        "vmallocinfo": vmallocinfo(second),
        "sock_diag": sockets(second, chance),
    }
    mono = 1e5 + second
    return Tick(mono, 1e9 + second, tuple(RawSample(n, c, None, mono, 1e9 + second) for n, c in probes.items()))


def peer(last: Tick) -> float:
    """Milliseconds that gawk takes to sum the same two files."""
    awk = shutil.which("gawk") or shutil.which("awk")
    if awk is None:
        return float("nan")
    with tempfile.TemporaryDirectory() as folder:
        for sample in last.samples:
            (Path(folder) / sample.probe).write_bytes(sample.content or b"")
        began = time.perf_counter()
        for name, sums in (("slabinfo", "{n[$1]+=$15*$6}END{print length(n)}"),
                           ("vmallocinfo", "{n[$3]+=$2}END{print length(n)}")):  # fmt: skip
            subprocess.run([awk, sums, f"{folder}/{name}"], check=True, capture_output=True)
        return 1000 * (time.perf_counter() - began)


def clock_parsing() -> list[float]:
    """CPU seconds that the engine's inputs spend in parsers from now on, in a list of one."""
    spent = [0.0]
    parsed = Inputs.parsed

    def clocked(inputs: Inputs, probe: str, parse: Callable[[bytes], object]) -> object:
        began = time.process_time()
        records = parsed(inputs, probe, parse)
        spent[0] += time.process_time() - began
        return records

    Inputs.parsed = clocked  # type: ignore[method-assign,assignment]  # a clock around the one door to the parsers
    return spent


def main() -> int:
    """Play an hour, then time the last ticks."""
    chance = random.Random(1)
    parsing = clock_parsing()
    calm_collector()  # as the live screen does
    engine = Engine(MACHINE)
    feeds, verdicts, parses = [], [], []
    for second in range(HOUR):
        given = tick(second, chance)
        parsing[0] = 0.0
        began = time.process_time()
        frame = engine.feed(given)
        fed = time.process_time()
        if second >= HOUR - 40:
            feeds.append(1000 * (fed - began - parsing[0]))
            parses.append(1000 * parsing[0])
            if second % 5 == 0:
                began = time.process_time()
                found = frame.diagnosis
                verdicts.append(1000 * (time.process_time() - began))
        if second % 600 == 0:
            print(f"  {second} s of {HOUR}", file=sys.stderr)
    leaks = sum(case.is_leak for case in found.cases)
    feed, verdict, parse = statistics.mean(feeds), statistics.mean(verdicts), statistics.mean(parses)
    rows = f"{CACHES} caches, {CALLERS} callers, {SOCKETS} sockets, an hour at 1 Hz"
    print(f"{rows}; {leaks} leaks, {found.verdict.name}")
    print(f"engine's work on a tick: {feed + verdict / 5:.1f} ms; target 20")
    print(f"  of it rows, deltas and history: {feed:.1f} ms, slowest {max(feeds):.1f}")
    print(f"  and a fifth of ranking and diagnosis, {verdict:.1f} ms, slowest {max(verdicts):.1f}")
    print(f"parsing before it: {parse:.1f} ms")
    awk = peer(given)
    print(f"gawk sums of that slabinfo and vmallocinfo: {awk:.1f} ms; all of a tick {(parse + feed) / awk:.1f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
