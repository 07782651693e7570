"""Look at a recording that record.sh made: ticks, what the log did when, and what moved at six moments.

    PYTHONPATH=... python look.py NAME.leaktop [NAME.log]

Times are seconds after the first tick.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

_POINTS = 7
_SHOWN = 14


def _key(row: dict[str, Any]) -> tuple[str, int] | None:
    """What a row is about, and its bytes."""
    section = row["section"]
    if section == "memory":
        return (f"memory {row['name']}", int(row["bytes"])) if row["bytes"] is not None else None
    if section == "slab":
        return f"slab {row['name']}", int(row["bytes"])
    if section == "vmalloc":
        return f"vmalloc {row['caller']} {row['module'] or ''}", int(row["bytes"])
    if section == "sockets":
        return f"socket {row['proto']} {row['local']}", int(row["rmem"] or 0)
    if section == "processes":
        return f"process {row['comm']}", int(row["anon"] or 0)
    if section == "tmpfs":
        return f"tmpfs {row['name']}", int(row["used"] or 0)
    if section == "kmemleak":
        return f"kmemleak {str(row)[80:200]}", 1
    return None


def main() -> None:
    """Print it."""
    path = Path(sys.argv[1])
    log = Path(sys.argv[2]) if len(sys.argv) > 2 else path.with_suffix(".log")
    command = [sys.executable, "-m", "leaktop", "export", str(path)]
    series: dict[str, dict[float, int]] = defaultdict(lambda: defaultdict(int))
    ticks: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as export:
        for line in export.stdout or ():
            row = json.loads(line)
            if not ticks or row["mono"] != ticks[-1]:
                ticks.append(row["mono"])
            found = _key(row)
            if found:
                series[found[0]][row["mono"]] += found[1]
    first, last = ticks[0], ticks[-1]
    late = [round(now - first) for then, now in itertools.pairwise(ticks) if now - then > 1.6]
    print(f"{path.name}: {last - first:.0f} s, {len(ticks)} ticks, {path.stat().st_size} bytes, late at {late}")
    for line in log.read_text().splitlines():
        when, _, what = line.partition(" ")
        try:
            print(f"  {float(when) - first:7.1f}  {what}")
        except ValueError:
            print(f"           {line}")
    points = [first + (last - first) * point / (_POINTS - 1) for point in range(_POINTS)]
    table = {}
    for name, values in series.items():
        at = [_at(values, point) for point in points]
        table[name] = at
    order = sorted(table, key=lambda name: -max(abs(b - a) for a in table[name] for b in table[name]))
    print(f"  {'KiB at second':44}" + "".join(f"{point - first:9.0f}" for point in points))
    for name in order[:_SHOWN] + [name for name in order[_SHOWN:] if name.startswith("memory ")][:6]:
        print(f"  {name:44.44}" + "".join(f"{value / 1024:9.0f}" for value in table[name]))


def _at(values: dict[float, int], when: float) -> int:
    """The last value at or before a moment; 0 where there is none."""
    before = [mono for mono in values if mono <= when]
    return values[max(before)] if before else 0


if __name__ == "__main__":
    main()
