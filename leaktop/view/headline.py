"""The lines above the panes: what grows, and what holds all memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.suspects import COUNTED_ELSEWHERE
from leaktop.units import human_bytes, human_delta, human_duration, human_rate, time_of_day
from leaktop.view.cells import Tone, sanitise

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Suspect

_MOST_NAMED = 3


class Segment(NamedTuple):
    """A part of the bar that stands for all memory."""

    name: str
    bytes: int
    tone: str
    """A colour slot of the bar: anon, cache, slab, kernel, hidden, free."""


def verdict_line(frame: Frame) -> tuple[str, Tone]:
    """The verdict in a line; while there is not enough to tell, what grew most."""
    diagnosis = frame.diagnosis
    name, summary = diagnosis.verdict
    if name == "insufficient":
        return growth_line(frame)
    leaks = [case for case in diagnosis.cases if case.is_leak]
    if not leaks:
        words = sanitise(summary)
        return words if name == "none" else f"{_in_words(name)}: {words}", ""
    worst = leaks[0]
    named = ", ".join(f"{sanitise(case.name)[:40]} {human_rate(case.rate)}" for case in leaks[:_MOST_NAMED])
    more = f" and {len(leaks) - _MOST_NAMED} more" if len(leaks) > _MOST_NAMED else ""
    lasted = f" for {human_duration(worst.rise.seconds)}" if worst.rise else ""
    units = f"; {len(diagnosis.units[0].members)} rise in step" if diagnosis.units else ""
    gone = f". Memory is gone in {human_duration(worst.eta)}" if worst.eta is not None else ""
    return f"▲ {_in_words(name).upper()} {worst.confidence:.0%}  {named}{more}{lasted}{units}{gone}", "growth"


def _in_words(name: str) -> str:
    return name.replace("-", " ").capitalize()


def growth_line(frame: Frame) -> tuple[str, Tone]:
    """What grew most since the baseline, in a sentence."""
    # A moment, not a span: the line stands still while nothing grows.
    since = time_of_day(frame.baseline_wall) if frame.baseline_wall is not None else "the start"
    sections = [section for name, section in frame.sections.items() if name not in COUNTED_ELSEWHERE]
    faults = [section.fault for section in sections if section.fault]
    if len(faults) == len(sections):
        return f"Nothing can be told: {sanitise(faults[0].reason)}", "fault"
    growing = [suspect for suspect in frame.suspects if not suspect.is_cache]
    if not growing:
        return f"Nothing but caches has grown since {since}.", ""
    named = map(_grown, growing[:_MOST_NAMED])
    more = f" and {len(growing) - _MOST_NAMED} more" if len(growing) > _MOST_NAMED else ""
    return f"▲ Grew since {since}: {', '.join(named)}{more}", "growth"


def _grown(suspect: Suspect) -> str:
    size = suspect.size
    rate = "" if size.slope is None else f" ({human_rate(size.slope)})"
    return f"{sanitise(suspect.name)[:40]} {human_delta(size.growth)}{rate}"


def memory_segments(frame: Frame) -> list[Segment]:
    """All of MemTotal, by what holds it; empty where /proc/meminfo is not readable."""
    amounts = {row.record.name: row.size.value for row in frame.sections["memory"].rows}
    total = amounts.get("MemTotal")
    if not total:
        return []

    def get(name: str) -> int:
        return amounts.get(name) or 0

    shmem = get("Shmem")
    parts = [
        Segment("anon", get("AnonPages"), "anon"),
        Segment("shmem", shmem, "anon"),
        Segment("cache", max(get("Cached") + get("Buffers") + get("SwapCached") - shmem, 0), "cache"),
        Segment("slab rec", get("SReclaimable"), "cache"),
        Segment("slab unrec", get("SUnreclaim"), "slab"),
        Segment("vmalloc", get("vmalloc"), "kernel"),
        Segment("tables", get("PageTables") + get("SecPageTables"), "kernel"),
        Segment("percpu", get("Percpu"), "kernel"),
        Segment("hugepages", get("hugepages"), "kernel"),
        Segment("balloon", _balloon_inside(frame), "hidden"),
        Segment("hidden", max(get("residual"), 0), "hidden"),
    ]
    segments = []
    left = total
    for part in [*parts, Segment("free", get("MemFree") + get("pcp"), "free")]:
        # Counters are read at different moments, and a container's are of different machines.
        size = min(part.bytes, left)
        left -= size
        segments.append(part._replace(bytes=size))
    free = segments.pop()
    return [part for part in (*segments, Segment("other", left, "kernel")) if part.bytes > 0] + [free]


def _balloon_inside(frame: Frame) -> int:
    """What a balloon takes of MemTotal; nothing where its driver lowers MemTotal instead."""
    ghost = frame.sections["memory"].extras.get("residual")
    return sum(term.bytes or 0 for term in ghost.terms if term.name == "Balloon" and term.sign) if ghost else 0


def bar(segments: list[Segment], width: int) -> list[tuple[str, str]]:
    """The bar as (text, colour slot) pieces, exactly `width` characters: each part labelled where there is room."""
    total = sum(segment.bytes for segment in segments)
    if not total or width < 1:
        return []
    pieces: list[tuple[str, str]] = []
    used = 0
    so_far = 0
    for segment in segments:
        so_far += segment.bytes
        end = round(so_far * width / total)
        room = end - used
        if room <= 0:
            continue
        label = f" {segment.name} {human_bytes(segment.bytes)} "
        if len(label) > room:
            label = f" {human_bytes(segment.bytes)} "
        if len(label) > room:
            label = ""
        pieces.append((label.ljust(room)[:room], segment.tone))
        used = end
    return pieces
