"""The keys that have a name: what each is bound to, what it does, and which may be given to something else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from leaktop.view.panes import PANES


@dataclass(frozen=True, slots=True)
class Key:
    """Something that keys do."""

    name: str
    """By which the configuration gives it other keys."""
    keys: str
    """As Textual names them, with commas between."""
    action: str
    words: str
    """For the palette: what it does."""
    is_named: bool = True
    """Whether the palette lists it."""
    is_fixed: bool = False
    """Whether it keeps its keys: they stand on the screen as numbers of panes, or lead out of everything."""


EVERYWHERE = (
    Key("quit", "q,ctrl+c,ctrl+q", "quit", "Quit"),
    Key("help", "question_mark,h,f1", "help", "Help"),
    Key("pause", "space", "pause", "Pause or go on"),
    Key("mark", "m", "mark", "Mark the baseline"),
    Key("record", "r", "record", "Record, or stop recording"),
    Key("refresh", "R", "refresh_now", "Read everything now"),
    Key("faster", "plus,equals_sign", "interval(0.5)", "Faster"),
    Key("slower", "minus", "interval(2.0)", "Slower"),
    Key("back_one", "left_square_bracket,T", "travel('step', -1)", "A tick back"),
    Key("on_one", "right_square_bracket,t", "travel('step', 1)", "A tick on"),
    Key("back_ten", "left_curly_bracket", "travel('step', -10)", "Ten ticks back"),
    Key("on_ten", "right_curly_bracket", "travel('step', 10)", "Ten ticks on"),
    Key("jump", "J", "travel('ask')", "Go to a time"),
    Key("to_start", "0", "travel('to_start')", "To the first tick"),
    Key("to_end", "dollar_sign", "travel('to_end')", "To the newest tick"),
    Key("event_before", "left_parenthesis", "travel('to_event', -1)", "To the mark or gap before"),
    Key("event_after", "right_parenthesis", "travel('to_event', 1)", "To the next mark or gap"),
    Key("origin", "W", "travel('to_origin')", "To where the row's growth began"),
    Key("live", "L", "live", "Back to live"),
    Key("kernel", "K", "kernel", "Kernel actions"),
    Key("costs", "C", "costs", "What leaktop itself costs"),
    Key("repaint", "ctrl+l", "repaint", "Draw the screen anew", is_named=False),
    Key("suspend", "ctrl+z", "suspend_process", "Back to the shell; fg returns", is_named=False),
)
"""Those that work wherever one is."""

IN_PANES = (
    Key("filter", "slash", "filter", "Filter"),
    Key("back", "escape", "back", "Close the filter, or the zoom", is_named=False, is_fixed=True),
    Key("zoom", "z,e", "zoom", "Zoom the pane"),
    Key("sort_growth", "D", "sort_growth", "Sort by growth"),
    Key("sort_before", "less_than_sign,comma", "sort(-1)", "Sort by the column before"),
    Key("sort_after", "greater_than_sign,full_stop", "sort(1)", "Sort by the column after"),
    Key("reverse", "I", "reverse", "Reverse the order"),
    Key("follow", "F", "follow", "Follow the row"),
    Key("copy", "y", "copy_row", "Copy the row"),
    Key("next_pane", "tab", "next_pane(1)", "Next pane"),
    Key("previous_pane", "shift+tab", "next_pane(-1)", "Previous pane"),
    *(
        Key(f"pane_{pane.key}", pane.key, f"go({pane.order})", f"Pane {pane.key}", is_named=False, is_fixed=True)
        for pane in PANES
    ),
)
"""Those that act on the pane in use."""

ALWAYS = frozenset({
    "up", "k", "down", "j", "pageup", "ctrl+b", "pagedown", "ctrl+f", "ctrl+u", "ctrl+d", "home", "g", "end", "G",
    "enter", "ctrl+p", "ctrl+i", "ctrl+m",
})  # fmt: skip
"""Keys that move and open, and the palette's; Tab and Enter are sent as ctrl+i and ctrl+m."""

_TEXTUALS_WORDS = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
                   "plus_sign": "plus", "low_line": "underscore"}  # fmt: skip
_SPECIAL = frozenset({
    "enter", "escape", "tab", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown", "up",
    "down", "left", "right", *(f"f{number}" for number in range(1, 25)),
})  # fmt: skip
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def key_code(text: str) -> str:
    """A key as Textual names it, from what a person writes: "?", "x", "ctrl+x", "f5", "space".

    Raises:
        ValueError: there is no such key.
    """
    *held, key = ["+"] if text == "+" else text.split("+")
    if key == " ":
        key = "space"
    named = {_named(character): character for character in _PUNCTUATION}
    is_letter = len(key) == 1 and key.isascii() and key.isalnum()
    if len(key) == 1 and key in _PUNCTUATION:
        key = _named(key)
    known = is_letter or key in _SPECIAL or key in named
    if not known or any(word not in {"ctrl", "shift", "alt"} for word in held) or (held and key in named):
        raise ValueError(f'there is no key {text!r}; write "x", "X", "?", "space", "f5", "ctrl+x"')
    return "+".join((*held, key))


def _named(character: str) -> str:
    name = unicodedata.name(character).lower().replace(" ", "_").replace("-", "_")
    return _TEXTUALS_WORDS.get(name, name)


def shown_key(code: str) -> str:
    """A key as people read it, from Textual's name."""
    signs = {_named(character): character for character in _PUNCTUATION}
    return signs.get(code, code.capitalize() if code in {"space", "tab", "enter"} else code)


def key_map(wishes: Mapping[str, Iterable[str]]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """What to bind, from the wishes of the configuration.

    Args:
        wishes: names of keys to the keys wanted for them, as people write them.

    Returns:
        Names to Textual's names with commas between, of the wishes that can be granted; and (name, why not) of others.
    """
    known = {key.name: key for key in (*EVERYWHERE, *IN_PANES)}
    wanted: dict[str, tuple[str, ...]] = {}
    refused: list[tuple[str, str]] = []
    for name, keys in wishes.items():
        try:
            if name not in known:
                raise ValueError(f"there is nothing of that name; there are {', '.join(_movable(known))}")
            if known[name].is_fixed:
                raise ValueError("its key stays as it is")
            wanted[name] = tuple(dict.fromkeys(key_code(key) for key in keys))
        except ValueError as error:
            refused.append((name, str(error)))
    while clashes := list(_clashes(wanted, known)):
        # What gave way leaves its wish and has its own keys again, which may clash with the wish of another.
        for name, why in clashes:
            wanted.pop(name, None)
            refused.append((name, why))
    return {name: ",".join(keys) for name, keys in wanted.items()}, refused


def _movable(known: Mapping[str, Key]) -> list[str]:
    return [name for name, key in known.items() if not key.is_fixed]


def _clashes(wanted: Mapping[str, tuple[str, ...]], known: Mapping[str, Key]) -> list[tuple[str, str]]:
    holders: dict[str, str] = {}
    for name, key in known.items():
        if name not in wanted:
            why = f"is the key of {name}, which wants another one first"
            holders.update((code, why) for code in key.keys.split(","))
    holders.update((code, "moves or opens rows, and stays") for code in ALWAYS)
    for pane in PANES:
        holders.update((letter, f"sorts in the {pane.name} pane") for letter in pane.letters)
        holders.update((switch.key, f"is for {switch.label!r} in the {pane.name} pane") for switch in pane.switches)
    found: dict[str, str] = {}
    for name, keys in wanted.items():
        for code in keys:
            if code in holders:
                found.setdefault(name, f"{shown_key(code)} {holders[code]}")
            holders[code] = f"is wanted for {name} as well"
    return list(found.items())
