"""Any bytes as what a probe gives, through the engine to every pane: nothing fails, nothing shown is obeyed."""

from __future__ import annotations

import re
from functools import cache

from leaktop.engine.engine import Engine
from leaktop.model.sample import Machine, RawSample, Tick
from leaktop.sources.probes import PROBES
from leaktop.view.arranging import arrange
from leaktop.view.pane import Choice
from leaktop.view.panes import PANES
from tests import hostile
from tests.corpus import DATA
from tests.hostile import check_harmless
from tests.trees import SHM

PROBE_NAMES = tuple(probe.name for probe in PROBES)
_MACHINE = Machine("6.12", "box", 4096, "boot", "x86_64", "quiet", vmap_stack=True, is_live=True)
_MOST_ROWS = 3
_LONGEST = 300
"""Characters of the longest name in a seed; lists of a few rows change more with every byte."""
_MOST_LINES = 12
_LISTINGS = {
    "sockstat": b"sockets: used 165\nTCP: inuse 6 orphan 0 tw 0 alloc 9 mem 2\nFRAG: inuse 0 memory 0\n"
    b"protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re\n"
    b"UNIX      1152     66      -1   NI       0   yes  kernel      n  n  n  n  n  n  n  n  n  n  n  n\n",
    "smaps_rollup": b"55e000000000-7ffd00000000 ---p 00000000 00:00 0 [rollup]\nRss:  2000 kB\nPss:  1000 kB\n",
    "sysvipc": SHM.encode(),
}
"""Of files of which tests/data has no capture, by their parser."""


def show(content: bytes) -> None:
    """Two ticks of a probe, which the first byte chooses, that gives the rest, once cut: panes, rows, drill-downs."""
    if not content:
        return
    probe, rest = PROBE_NAMES[content[0] % len(PROBE_NAMES)], content[1:]
    engine = Engine(_MACHINE)
    for number, given in enumerate((rest[: len(rest) * 3 // 4], rest)):
        mono = 100.0 + 5 * number
        frame = engine.feed(Tick(mono, mono, (RawSample(probe, given, None, mono, mono),)))
    for pane in PANES:
        check_harmless(pane.headline(frame))
        for row in arrange(pane, frame, Choice(switches=frozenset({"all"})))[:_MOST_ROWS]:
            for column in pane.columns:
                check_harmless(column.cell(row, frame).text)
            pane.record(row)
            detail = pane.detail(frame, row)
            words = [detail.title, *(word for fact in detail.facts for word in fact), *detail.paragraphs]
            words += [cell for listing in detail.listings for line in listing.rows for cell in line]
            check_harmless("\n".join(words))


@cache
def _contents() -> dict[str, bytes]:
    given = hostile.contents(0, _LONGEST)
    return {probe: content for probe, content in given.items() if isinstance(content, bytes)}


def listing(module: str) -> bytes | None:
    """A list in leaktop's own form, for the parser of that name; None where there is no such form."""
    return {**_contents(), **_LISTINGS}.get(module)


def seeds() -> list[bytes]:
    """A byte that chooses the probe, and what it gives on a hostile machine, and in a capture."""
    found = []
    for number, probe in enumerate(PROBE_NAMES):
        captured = next(iter(sorted((DATA / probe).glob("*"))), None)
        contents = [_contents().get(probe), captured.read_bytes() if captured else None]
        found += [bytes((number,)) + _some_lines(content) for content in contents if content is not None]
    return found


def _some_lines(content: bytes) -> bytes:
    lines = re.findall(rb"[^\n]*\n", content)
    return b"".join(lines[:_MOST_LINES] + lines[-_MOST_LINES:] if len(lines) > 2 * _MOST_LINES else lines)


def suppression_lists() -> list[bytes]:
    """Lists of rules."""
    return [hostile.suppressions()[:3000], b"# a\nmodule:leakgen\nf < g < h\nkmalloc\n"]
