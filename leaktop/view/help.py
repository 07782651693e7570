"""The help as plain values: what every key does, and what every figure means that can be on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.view.keys import EVERYWHERE, IN_PANES, shown_key
from leaktop.view.legend import BAR, HEADER, SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from leaktop.view.columns import Column
    from leaktop.view.legend import Meaning
    from leaktop.view.pane import PaneView

_KEYS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("zoom",), "zoom the pane: alone on the screen, with a chart of the row under the cursor"),
    (("filter",), "filter: regular expression, lower case matches both, ! in front inverts;  Esc clears it"),
    (("sort_before", "sort_after"), "sort by the column before or after;  a click on a heading sorts too"),
    (("reverse", "sort_growth"), "reverse the order;  sort by growth"),
    (("mark",), "mark the baseline: growth counts from here"),
    (("follow",), "follow the row: scroll with it wherever sorting moves it"),
    (("pause",), "pause: the panes stand still, reading goes on;  in the past and in a replay: play, pause"),
    (("refresh",), "read everything now, kmemleak too"),
    (("faster", "slower"), "change the interval, or the speed of a replay: x1, x10, x100"),
    (("copy",), "copy the row to the clipboard (OSC 52)"),
    (("record",), "record to a file, from now on or with the last hour; again: stop"),
    (
        ("back_one", "on_one"),
        "a tick back or on: into the last hour that is in memory;  in a replay through the recording",
    ),
    (("back_ten", "on_ten"), "ten ticks back or on"),
    (("jump",), "go to a time: 14:02, -5m, +30s, an ISO time, start, end, mark, gap"),
    (("to_start", "to_end"), "to the first tick, or the newest"),
    (("event_before", "event_after"), "to the mark, gap or other event before, or the next"),
    (("origin",), "to where the row's growth began"),
    (("live",), "back to live;  in a replay to the end, and on with what comes"),
    (
        ("kernel",),
        "ask the kernel: who allocates this?  leak or cache? drop it and see;  kmemleak;  asks before it writes",
    ),
    (("costs",), "what leaktop itself costs, probe by probe, and what keeps it within its budget"),
    (("repaint", "suspend"), "draw the screen anew;  back to the shell, where fg returns"),
    (("help",), "this help"),
    (("quit",), "quit"),
)
"""Names of keys, and what they do, in the order of the help."""

_FIXED: tuple[tuple[str, str], ...] = (
    ("Enter", "drill down into the row;  Esc back"),
    ("j k, arrows, g G", "move;  PgUp PgDn ctrl+u ctrl+d by pages"),
)
"""Keys that cannot be given to something else."""

_LAST: tuple[tuple[str, str], ...] = (("ctrl+p", "command palette: themes, the tour, and everything else by name"),)


class Part(NamedTuple):
    """A part of the help."""

    title: str
    rows: tuple[tuple[str, str], ...]
    """A key, a figure or a sign, and what it means."""


def help_parts(pane: PaneView, offered: Sequence[PaneView], keymap: Mapping[str, str]) -> list[Part]:
    """The whole help, in its order.

    Args:
        pane: the one in use.
        offered: all that this kernel has something for.
        keymap: names to the keys that the user wants instead of the usual ones.
    """
    return [
        Part("Keys", tuple(_keys(offered, keymap))),
        Part(f"{pane.key} {pane.title}: the pane you came from", tuple(_of_pane(pane))),
        Part("Above the panes", tuple(map(_explained, HEADER))),
        Part("The bar of all memory", tuple(map(_explained, BAR.values()))),
        Part("Signs", tuple(map(_explained, SIGNS))),
    ]


def key_names(wanted: Iterable[str], keymap: Mapping[str, str]) -> list[str]:
    """What people call the first key of each of these.

    Args:
        wanted: names of keys.
        keymap: names to the keys that the user wants instead of the usual ones.
    """
    known = {key.name: key.keys for key in (*EVERYWHERE, *IN_PANES)}
    return [shown_key(keymap.get(name, known[name]).split(",")[0]) for name in wanted]


def _keys(offered: Sequence[PaneView], keymap: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    beside = [pane for pane in offered if not pane.letter]
    yield (
        f"{beside[0].key} .. {beside[-1].key}, {key_names(['next_pane'], keymap)[0]}",
        ("go to a pane; on a wide terminal all are in view"),
    )
    yield from ((pane.key, f"go to {pane.title}, which fills the screen") for pane in offered if pane.letter)
    yield from _FIXED
    yield from ((" ".join(key_names(names, keymap)), words) for names, words in _KEYS)
    yield from _LAST


def _of_pane(pane: PaneView) -> Iterator[tuple[str, str]]:
    """Its own keys, its columns, and what else it says."""
    yield "read from", pane.source
    for switch in pane.switches:
        yield switch.key, f"{switch.label}, on or off"
    if pane.letters:
        yield "sort by", "  ".join(f"{key} {name}" for key, name in pane.letters.items())
    for column in pane.columns:
        yield column.title or "(first)", column_words(column)
    if pane.headline_hint:
        yield "in the border", f"{pane.headline_hint};  12-40 of 237: the rows in view"
    yield from map(_explained, pane.legend)


def column_words(column: Column) -> str:
    """What a column shows, in what it is counted, and where that comes from."""
    return _joined(column.hint, column.unit, column.source)


def _explained(meaning: Meaning) -> tuple[str, str]:
    return meaning.title, _joined(meaning.words, meaning.source)


def _joined(*parts: str) -> str:
    return "  ·  ".join(part for part in parts if part)
