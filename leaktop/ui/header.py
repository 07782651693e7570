"""The lines above and below the panes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.message import Message

from leaktop.ui.painted import Line, Painted, padded
from leaktop.units import human_pace, time_of_day
from leaktop.view.cells import sanitise
from leaktop.view.headline import bar, memory_segments, verdict_line

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from textual import events

    from leaktop.model.frame import Frame, ProbeState
    from leaktop.ui.own_cost import OwnCost
    from leaktop.view.pane import PaneView


class Header(Painted):
    """Three lines: where and when, what grows, what holds all memory.

    Args:
        cost: what leaktop itself takes.
    """

    def __init__(self, cost: OwnCost) -> None:
        super().__init__(id="header")
        self._cost = cost

    def show(self, frame: Frame, mode: str, mode_tone: str, recording: str = "") -> None:
        """Show this moment.

        Args:
            frame: the newest Frame, also while the panes are paused; in a recording the one that is shown.
            mode: "LIVE 1.0s" or "PAUSED 12s".
            mode_tone: how to show it.
            recording: the file, its length and its size; empty where nothing is recorded.
        """
        width = self.size.width
        if width <= 0:
            return
        slow = [_in_words(state) for state in frame.probes.values() if state.is_slow or state.is_waiting]
        words, tone = verdict_line(frame)
        lines: list[Line] = [
            self._status(frame, mode, mode_tone, slow, width, recording),
            ((padded(f" {words}", width), tone),),
            tuple(((text, f"bar-{slot}") for text, slot in bar(memory_segments(frame), width))),
        ]
        self.paint(lines[: self.size.height])

    def _status(self, frame: Frame, mode: str, mode_tone: str, slow: list[str], width: int, recording: str) -> Line:
        machine = frame.machine
        inside = machine.enclosure and f"inside {machine.enclosure}"
        place = sanitise(" ".join(part for part in (machine.hostname, machine.release, inside) if part))
        right = f"{self._cost.text(time.monotonic())}  {time_of_day(frame.wall)} "
        slow_text = f"  slow: {', '.join(slow[:3])}" if slow else ""
        room = max(width - len(" leaktop ") - len(right) - len(mode) - 3 - (len(recording) + 2 if recording else 0), 0)
        left = padded(f"{place}{slow_text}", room)
        # One piece a field, each of constant width: a new second repaints two digits, not the line.
        return (
            (" leaktop ", "accent"),
            (f"{left}  ", "fault" if slow else "dim"),
            *([(f"{recording}  ", "fault")] if recording else []),
            (f"{mode} ", mode_tone),
            *_digits(right),
        )


def _in_words(state: ProbeState) -> str:
    """ "slabinfo 12s (budget)"; only the name of a probe that just hangs."""
    if not state.is_slow or state.cadence is None:
        return state.name
    return f"{state.name} {human_pace(state.cadence)}{' (budget)' if state.is_held_back else ''}"


def _digits(text: str) -> list[tuple[str, str]]:
    return [(character, "dim") for character in text]


class Tabs(Painted):
    """The panes by key, where only one of them is on screen."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__(id="tabs")
        self._spans: list[tuple[int, int, str]] = []

    def show(self, panes: Sequence[PaneView], leaking: Container[str], active: str) -> None:
        """Show the key and title of each pane, and whether something of its section leaks."""
        pieces: list[tuple[str, str]] = []
        self._spans = []
        left = 0
        titles = [pane.title for pane in panes]
        longest = max(map(len, titles))
        room = self.size.width - 4 * len(titles)
        letters = next((n for n in range(longest, 1, -1) if sum(min(len(title), n) for title in titles) <= room), 1)
        for pane in panes:
            grows = pane.section in leaking
            text = f"{'›' if pane.name == active else ' '}{pane.key} {pane.title[:letters]}{'▲' if grows else ' '}"
            pieces.append((text, "cursor" if pane.name == active else "growth" if grows else "dim"))
            self._spans.append((left, left + len(text), pane.name))
            left += len(text)
        self.paint([(*pieces, (" ", ""))])

    def on_click(self, event: events.Click) -> None:
        """Go to the pane that was clicked."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))


class KeyLine(Painted):
    """The keys that matter now; a click on one presses it."""

    class Pressed(Message):
        """A key was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._spans: list[tuple[int, int, str]] = []

    def show(self, keys: list[tuple[str, str, str]]) -> None:
        """Show (key as Textual names it, as people read it, what it does), as many as fit."""
        pieces: list[tuple[str, str]] = []
        self._spans = []
        left = 0
        for key, shown, label in keys:
            width = len(shown) + len(label) + 4
            if left + width > self.size.width:
                break
            pieces += [(f" {shown} ", "accent"), (f"{label}  ", "dim")]
            self._spans.append((left, left + width, key))
            left += width
        self.paint([tuple(pieces)])

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        for start, end, key in self._spans:
            if start <= event.x < end:
                self.post_message(self.Pressed(key))
