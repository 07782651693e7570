"""`leaktop show PANE`: the same numbers once, as text or JSON, with no terminal."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import leaktop
from leaktop.cli.options import count, seconds
from leaktop.cli.saying import say
from leaktop.control import kmemleak
from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_everything
from leaktop.engine.sections import SECTIONS
from leaktop.sources.filesystem import FileSystemSource
from leaktop.view.arranging import arrange
from leaktop.view.cells import sanitise, width_of
from leaktop.view.columns import fit
from leaktop.view.pane import Choice, is_offered
from leaktop.view.panes import PANES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.frame import Frame, Row
    from leaktop.view.pane import PaneView

SHOWN = tuple(pane for pane in PANES if pane.section in {rule.name for rule in SECTIONS})
_TEXT_WIDTH = 160
_GROWTH = {"growth", "rate", "rose", "peak", "objgrowth", "spark"}
"""Columns that mean something only when more than one tick was read."""


def add_parser(verbs: Any) -> None:
    """The options of `show`."""
    parser = verbs.add_parser("show", help="print a pane once, as text or JSON")
    parser.add_argument("pane", choices=[*(pane.name for pane in SHOWN), "all"], metavar="PANE",
                        help=", ".join([*(pane.name for pane in SHOWN), "all"]))  # fmt: skip
    parser.add_argument("--json", action="store_true", help="for programs: bytes as integers, null where unknown")
    parser.add_argument("--sort", metavar="KEY", help="a column's name; --sort=-KEY reverses")
    parser.add_argument("--limit", type=count, metavar="N", help="the first N rows of each section")
    parser.add_argument(
        "--root",
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="read DIR/proc and DIR/sys: a sosreport or a captured tree",
    )
    parser.add_argument("--interval", type=seconds, default=1.0, metavar="TIME", help="between reads (default 1s)")
    parser.add_argument("--count", type=count, default=1, metavar="N", help="read N times and show the growth")
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=argparse.SUPPRESS,
        help="never write to the kernel, nor make it load a module",
    )
    parser.set_defaults(run=run)  # fmt: skip


def run(choices: argparse.Namespace) -> int:
    """Print, and return 0: that a section is unavailable is an answer too. 2 for a wrong command line."""
    if not os.path.isdir(choices.root):
        say(f"{choices.root}: no such directory")
        return 2
    panes = [pane for pane in SHOWN if choices.pane in {pane.name, "all"}]
    sort = _sort(panes, choices.sort)
    if sort is None:
        names = sorted({column.name for pane in panes for column in pane.columns})
        say(f"no column {choices.sort!r} to sort by; there are {', '.join(names)}")
        return 2
    frame = _frame(choices, {pane.name for pane in panes})
    panes = [pane for pane in panes if pane.name == choices.pane or is_offered(pane, frame)]
    grows = choices.count > 1
    if choices.json:
        json.dump(_document(frame, panes, sort, choices.limit, grows), sys.stdout, indent=1, ensure_ascii=True)
        print()
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
            sys.stdout.reconfigure(errors="backslashreplace")
        for line in _text(frame, panes, sort, choices.limit, grows):
            print(line)
    return 0


def _sort(panes: list[PaneView], wish: str | None) -> dict[str, Choice] | None:
    """The order of each pane; None where no pane has the column."""
    name = wish.removeprefix("-") if wish else None
    orders = {}
    for pane in panes:
        has_it = any(column.name == name for column in pane.columns)
        orders[pane.name] = Choice(
            sort=name if has_it and name else "size" if pane.sort == "growth" else pane.sort,
            is_reversed=bool(has_it and wish and wish.startswith("-")),
            switches=frozenset({"all"}),
        )
    found = name is None or any(choice.sort == name for choice in orders.values())
    return orders if found else None


def _frame(choices: argparse.Namespace, names: set[str]) -> Frame:
    source = FileSystemSource(
        choices.root,
        is_read_only=choices.read_only,
        idle_sockets=None,
        kmemleak_enabled=None if choices.read_only else kmemleak.is_enabled,
    )
    source.probes = tuple(probe for probe in source.probes if _is_needed(probe.lane, names))
    engine = Engine(source.machine)
    frame = engine.feed(read_everything(source))
    for _ in range(choices.count - 1):
        time.sleep(choices.interval)
        frame = engine.feed(read_everything(source))
    source.close()
    return frame


_LANES = {
    "memory": {"memory", "vmalloc"},
    "tmpfs": {"tmpfs", "open_files", "memory"},
    "sockets": {"sockets", "open_files"},
}


def _is_needed(lane: str, names: set[str]) -> bool:
    return any(lane in _LANES.get(name, {name}) for name in names)


def _document(
    frame: Frame, panes: list[PaneView], sort: dict[str, Choice], limit: int | None, grows: bool
) -> dict[str, Any]:
    return {
        "leaktop": leaktop.__version__,
        "time": datetime.fromtimestamp(frame.wall, UTC).isoformat(timespec="milliseconds"),
        "kernel": frame.machine.release,
        "sections": {pane.name: _section(frame, pane, sort[pane.name], limit, grows) for pane in panes},
    }


def _section(frame: Frame, pane: PaneView, choice: Choice, limit: int | None, grows: bool) -> dict[str, Any]:
    section = frame.sections[pane.section]
    fault = section.fault
    rows = arrange(pane, frame, choice)
    own, extras = _EXTRAS.get(pane.name, _nothing)(frame, rows)
    return {
        "status": "unavailable" if fault else "ok",
        "reason": fault.reason if fault else None,
        "remedy": fault.remedy if fault else None,
        "rows": [_row(pane, row, grows) for row in own[:limit]],
        "notes": list(section.notes),
        **extras,
    }


def _row(pane: PaneView, row: Row, grows: bool) -> dict[str, Any]:
    record = dict(pane.record(row))
    if grows:
        record["growth"] = row.size.growth
        record["rate"] = row.size.slope if row.size.slope is not None else row.size.rate
    return record


def _nothing(_frame: Frame, rows: list[Row]) -> tuple[list[Row], dict[str, Any]]:
    return rows, {}


def _memory_extras(frame: Frame, rows: list[Row]) -> tuple[list[Row], dict[str, Any]]:
    """Rows are the kernel's own lines; the residual and the pools of huge pages stand beside them."""
    extras = frame.sections["memory"].extras
    ghost = extras.get("residual")
    residual = None
    if ghost is not None:
        terms = [{"name": t.name, "bytes": t.bytes, "sign": t.sign, "note": t.note} for t in ghost.terms]
        residual = {"bytes": ghost.bytes, "terms": terms, "reason": ghost.reason}
    own = [row for row in rows if not row.record.is_derived]
    return own, {
        "residual": residual,
        "hugepages": [pool._asdict() for pool in extras.get("hugepages", ())],
        "derived": {row.record.name: row.record.bytes for row in rows if row.record.is_derived},
        "unclassified": [row.record.name for row in own if row.record.is_unclassified],
    }


def _socket_extras(frame: Frame, rows: list[Row]) -> tuple[list[Row], dict[str, Any]]:
    extras = frame.sections["sockets"].extras
    return rows, {name: extras.get(name, {}) for name in ("totals", "sockstat", "protocols")}


def _tmpfs_extras(_frame: Frame, rows: list[Row]) -> tuple[list[Row], dict[str, Any]]:
    """Rows are mounts; segments and files that no mount shows stand beside them."""
    others = [dict(row.record._asdict()) for row in rows if row.record.kind != "tmpfs"]
    return [row for row in rows if row.record.kind == "tmpfs"], {"shared_memory": others}


def _kmemleak_extras(frame: Frame, rows: list[Row]) -> tuple[list[Row], dict[str, Any]]:
    return rows, {"unknown": list(frame.sections["kmemleak"].extras.get("unknown", ()))}


_EXTRAS = {"memory": _memory_extras, "sockets": _socket_extras, "tmpfs": _tmpfs_extras, "kmemleak": _kmemleak_extras}


def _text(
    frame: Frame, panes: list[PaneView], sort: dict[str, Choice], limit: int | None, grows: bool
) -> Iterator[str]:
    for pane in panes:
        section = frame.sections[pane.section]
        yield f"{pane.title}: {pane.headline(frame)}".rstrip(": ")
        if section.fault is not None:
            remedy = f" ({section.fault.remedy})" if section.fault.remedy else ""
            yield f"  {sanitise(section.fault.reason)}{sanitise(remedy)}"
        yield from _table(frame, pane, arrange(pane, frame, sort[pane.name])[:limit], grows)
        for note in section.notes:
            yield f"  note: {sanitise(note)}"
        yield ""


def _table(frame: Frame, pane: PaneView, rows: Sequence[Row], grows: bool) -> Iterator[str]:
    if not rows:
        return
    columns = tuple(column for column in pane.columns if grows or column.name not in _GROWTH)
    layout = fit(columns, _TEXT_WIDTH)
    cells = [[column.cell(row, frame).text for column, _ in layout] for row in rows]
    titles = [column.title for column, _ in layout]
    widths = [max(map(width_of, (title, *(line[i] for line in cells)))) for i, title in enumerate(titles)]
    for line in [titles, *cells]:
        padded = []
        for text, width, (column, _) in zip(line, widths, layout, strict=True):
            space = " " * (width - width_of(text))
            padded.append(text + space if column.align == "left" else space + text)
        yield "  " + "  ".join(padded).rstrip()
