"""The keys that work everywhere, and the line at the bottom that names the most wanted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from leaktop.view.keys import EVERYWHERE, IN_PANES, shown_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from leaktop.view.keys import Key


def bindings(keys: Iterable[Key]) -> list[BindingType]:
    """These keys as Textual takes them; their names become ids, by which a keymap replaces the keys."""
    return [Binding(key.keys, key.action, key.words, show=key.is_named, id=key.name) for key in keys]


def actions_by_key(keys: Iterable[Key], keymap: Mapping[str, str]) -> dict[str, str]:
    """What each key does.

    Args:
        keys: with the keys that they have unless told otherwise.
        keymap: names to the keys that the user wants instead, with commas between.
    """
    return {code: key.action for key in keys for code in keymap.get(key.name, key.keys).split(",")}


BINDINGS: list[BindingType] = bindings(EVERYWHERE)
NOT_OVER_DIALOGS = {
    *("help", "costs", "kernel", "mark", "pause", "refresh_now", "interval", "record", "travel", "live"),
}
"""Actions that wait until a dialog is answered."""

_LIVE = [
    ("q", "q", "quit"),
    ("question_mark", "?", "help"),
    ("slash", "/", "filter"),
    ("enter", "⏎", "drill down"),
    ("D", "D", "growth"),
    ("m", "m", "mark"),
    ("space", "Space", "pause"),
    ("z", "z", "zoom"),
    ("left_square_bracket", "[", "back in time"),
    ("r", "r", "record"),
    ("K", "K", "kernel"),
    ("U", "U", "unreclaimable only"),
    ("F", "F", "follow"),
    ("P", "P", "allocinfo"),
]
_TRAVEL = [
    ("q", "q", "quit"),
    ("question_mark", "?", "help"),
    ("space", "Space", "play, pause"),
    ("left_square_bracket", "[", "back"),
    ("right_square_bracket", "]", "on"),
    ("plus", "+", "faster"),
    ("J", "J", "go to"),
    ("right_parenthesis", ")", "next mark"),
    ("W", "W", "where it began"),
    ("0", "0", "start"),
    ("dollar_sign", "$", "end"),
    ("L", "L", "live"),
    ("m", "m", "mark"),
    ("enter", "⏎", "drill down"),
    ("slash", "/", "filter"),
    ("P", "P", "allocinfo"),
]


def key_line(
    *, is_travelling: bool, absent: set[str], enter: str, keymap: Mapping[str, str] | None = None
) -> list[tuple[str, str, str]]:
    """(key as Textual names it, as people read it, what it does), the most wanted first.

    Args:
        is_travelling: in a recording, or in the last hour.
        absent: keys that do nothing here.
        enter: what stands for the Enter key.
        keymap: names to the keys that the user wants instead of the usual ones.
    """
    keys = _TRAVEL if is_travelling else _LIVE
    moved = {} if not keymap else {
        code: keymap[key.name].split(",")[0]
        for key in (*EVERYWHERE, *IN_PANES)
        if key.name in keymap
        for code in key.keys.split(",")
    }  # fmt: skip
    return [
        (moved.get(key, key), enter if key == "enter" else shown_key(moved[key]) if key in moved else shown, label)
        for key, shown, label in keys
        if key not in absent
    ]


def key_commands(
    bindings: Iterable[object], run: Callable[[str], Any], keymap: Mapping[str, str]
) -> Iterator[SystemCommand]:
    """For the command palette: every key that has a name."""
    for binding in bindings:
        if isinstance(binding, Binding) and binding.show and binding.id not in {"quit", "help"}:
            codes = keymap.get(binding.id or "", binding.key).split(",")
            keys = " or ".join(shown_key(code) for code in codes)
            yield SystemCommand(binding.description, f"Key {keys}", lambda action=binding.action: run(action))
