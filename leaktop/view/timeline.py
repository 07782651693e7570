"""The timeline under the header: the curve of a gauge, and a line with what happened and where we are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.units import human_bytes, human_duration, time_of_day
from leaktop.view.spark import GLYPHS

if TYPE_CHECKING:
    from leaktop.engine.position import Position
    from leaktop.model.sample import Event

EVENT_GLYPHS = {
    "mark": "◆", "baseline": "◇", "experiment": "◈", "allocations": "◈", "oom": "†",
    "gap": "░", "suspend": "░", "reboot": "↻", "clock": "◷",
}  # fmt: skip
_LINE, _DAMAGE, _HERE = "─", "✗", "●"
_LEAST_WIDTH = 40
_EXACT = 0.0005
"""Seconds: half of what clocks are kept to."""
EDGE = 14
"""Cells on either side of the line, for the times and what the curve spans."""


def timeline_lines(position: Position, width: int) -> list[list[tuple[str, str]]]:
    """Two lines of (text, tone) pieces, each exactly `width` cells wide; none where there is no room."""
    if width < _LEAST_WIDTH:
        return []
    line = position.timeline
    left = f" {time_of_day(line.start.wall)} ".rjust(EDGE)
    right = f" {time_of_day(line.end.wall)} ".ljust(EDGE)
    room = width - len(left) - len(right)
    points = [(line.position(place, mono), amount) for place, mono, amount in position.survey.points()]
    amounts = [amount for _, amount in points]
    label = position.survey.gauge[: len(left) - 2]
    span = f" {human_bytes(min(amounts))}-{human_bytes(max(amounts))}" if amounts else ""
    curve = _curve(points, line.length, room)
    return [
        [(f" {label}".ljust(len(left)), "dim"), (curve, "cache"), (span[: len(right)].ljust(len(right)), "dim")],
        [(left, "dim"), *_ruler(position, room), (right, "dim")],
    ]


def _curve(points: list[tuple[float, int]], length: float, width: int) -> str:
    """One glyph a column: the last value in it, or that of the column before."""
    columns: list[int | None] = [None] * width
    for at, amount in points:
        columns[_column(at, length, width)] = amount
    known = [amount for amount in columns if amount is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    span = max(high - low, abs(high) // 50, 1)
    text = ""
    glyph = " "
    for value in columns:
        if value is not None:
            glyph = GLYPHS[min((value - low) * len(GLYPHS) // span, len(GLYPHS) - 1)]
        text += glyph
    return text


def _ruler(position: Position, width: int) -> list[tuple[str, str]]:
    line = position.timeline
    cells = [(_LINE, "dim")] * width
    for begin, end in line.damage:
        for column in range(_column(begin, line.length, width), _column(end, line.length, width) + 1):
            cells[column] = (_DAMAGE, "fault")
    for at, event in line.events:
        tone = "fault" if event.kind in {"gap", "suspend", "reboot", "oom"} else "accent"
        cells[_column(at, line.length, width)] = (EVENT_GLYPHS.get(event.kind, "◆"), tone)
    cells[_column(position.at, line.length, width)] = (_HERE, "growth")
    pieces: list[tuple[str, str]] = []
    for text, tone in cells:
        if pieces and pieces[-1][1] == tone:
            pieces[-1] = (pieces[-1][0] + text, tone)
        else:
            pieces.append((text, tone))
    return pieces


def _column(at: float, length: float, width: int) -> int:
    return min(int(at / length * width), width - 1) if length > 0 else 0


def event_words(position: Position) -> str:
    """What happened at the place, in words; empty where nothing did."""
    near = [e for at, e in position.timeline.events if position.since + _EXACT < at <= position.at + _EXACT]
    return "; ".join(map(words_of, near))


def words_of(event: Event) -> str:
    """What happened, in words that may hold raw names."""
    text, seconds = event.text, event.seconds
    match event.kind:
        case "mark":
            return f"mark: {text}" if text else "mark"
        case "baseline":
            return "the baseline was marked here"
        case "experiment" | "allocations" | "oom":
            return text
        case "gap":
            return f"a gap of {human_duration(seconds)} ends here"
        case "suspend":
            return f"the machine slept for {human_duration(seconds)} before this"
        case "clock":
            ahead = seconds is not None and seconds >= 0
            return f"the clock was set {'ahead' if ahead else 'back'} by {human_duration(abs(seconds or 0))}"
        case "reboot":
            return text or "another boot begins here"
        case _:
            return f"{event.kind}: {text}"


def mode_words(position: Position) -> tuple[str, str]:
    """What the player does, for the header, and its tone."""
    if position.is_following:
        return "REPLAY following", "accent"
    if position.is_playing:
        return f"REPLAY x{position.speed}", "accent"
    return ("REPLAY end" if position.is_last else f"REPLAY paused x{position.speed}"), "fault"
