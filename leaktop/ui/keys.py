"""The keys that work everywhere, and the line at the bottom that names the most wanted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BINDINGS: list[BindingType] = [
    Binding("q,ctrl+c,ctrl+q", "quit", "Quit", id="quit"),
    Binding("question_mark,h,f1", "help", "Help", id="help"),
    Binding("space", "pause", "Pause or go on", id="pause"),
    Binding("m", "mark", "Mark the baseline", id="mark"),
    Binding("r", "record", "Record, or stop recording", id="record"),
    Binding("R", "refresh_now", "Read everything now", id="refresh"),
    Binding("plus,equals_sign", "interval(0.5)", "Faster", id="faster"),
    Binding("minus", "interval(2.0)", "Slower", id="slower"),
    Binding("left_square_bracket,T", "travel('step', -1)", "A tick back", id="back_one"),
    Binding("right_square_bracket,t", "travel('step', 1)", "A tick on", id="on_one"),
    Binding("left_curly_bracket", "travel('step', -10)", "Ten ticks back", id="back_ten"),
    Binding("right_curly_bracket", "travel('step', 10)", "Ten ticks on", id="on_ten"),
    Binding("J", "travel('ask')", "Go to a time", id="jump"),
    Binding("0", "travel('to_start')", "To the first tick", id="to_start"),
    Binding("dollar_sign", "travel('to_end')", "To the newest tick", id="to_end"),
    Binding("left_parenthesis", "travel('to_event', -1)", "To the mark or gap before", id="event_before"),
    Binding("right_parenthesis", "travel('to_event', 1)", "To the next mark or gap", id="event_after"),
    Binding("W", "travel('to_origin')", "To where the row's growth began", id="origin"),
    Binding("L", "live", "Back to live", id="live"),
    Binding("K", "kernel", "Kernel actions", id="kernel"),
    Binding("ctrl+l", "repaint", "Draw the screen anew", show=False, id="repaint"),
    Binding("ctrl+z", "suspend_process", "Back to the shell; fg returns", show=False, id="suspend"),
]
NOT_OVER_DIALOGS = {
    *("help", "kernel", "mark", "pause", "refresh_now", "interval", "record", "travel", "live"),
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


def key_line(*, is_travelling: bool, absent: set[str], enter: str) -> list[tuple[str, str, str]]:
    """(key as Textual names it, as people read it, what it does), the most wanted first.

    Args:
        is_travelling: in a recording, or in the last hour.
        absent: keys that do nothing here.
        enter: what stands for the Enter key.
    """
    keys = _TRAVEL if is_travelling else _LIVE
    return [(key, enter if key == "enter" else shown, label) for key, shown, label in keys if key not in absent]


def key_commands(bindings: Iterable[object], run: Callable[[str], Any]) -> Iterator[SystemCommand]:
    """For the command palette: every key that has a name."""
    for binding in bindings:
        if isinstance(binding, Binding) and binding.show and binding.id not in {"quit", "help"}:
            keys = binding.key.replace(",", " or ")
            yield SystemCommand(binding.description, f"Key {keys}", lambda action=binding.action: run(action))
