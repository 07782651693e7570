"""What leaktop itself takes of the machine, probe by probe, in words and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.units import human_bytes, human_pace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leaktop.model.frame import ProbeState

HEADINGS = ("probe", "CPU", "took", "bytes", "every", "planned", "share", "")
MEANINGS = (
    "CPU: of a read and of what is made of it, the mean of the last five; took: the last read, asleep or not; share: "
    "of one core; slow: reading takes long; late: it has not ended yet. Above the budget what takes most is read less "
    "often, and ticks are further apart, three intervals at most. What keys cost is not counted. R reads everything "
    "whatever it costs."
)


class Own(NamedTuple):
    """What the whole of it costs. Seconds, bytes, shares of a core; None where that is not known."""

    budget: float | None
    interval: float
    beat: float
    beat_cost: float | None
    """CPU of a tick beside its reads."""
    measured: str
    """As the header says it."""
    protection: tuple[str, ...]
    """What keeps it alive while memory runs out; empty where nothing does."""


def own_words(own: Own | None) -> list[str]:
    """The sentences above the table.

    Args:
        own: what it costs; None where this machine is not read, as in a replay.
    """
    if own is None:
        return ["A replay reads nothing: these are the reads of the machine that was recorded."]
    limit = "no budget" if own.budget is None else f"the budget is {own.budget * 100:g}% of a core"
    measured = f"{own.measured[:1].upper()}{own.measured[1:]}; {limit}." if own.measured else f"{limit.capitalize()}."
    beat = f"A tick every {human_pace(own.beat)}"
    beat += f" instead of {human_pace(own.interval)}, for the budget." if own.beat > own.interval else "."
    if own.beat_cost is not None:
        share = _share(own.beat_cost, own.beat)
        beat += f" It takes {_milliseconds(own.beat_cost)} beside its reads, for the screen and the verdict: {share}."
    return [
        measured,
        beat,
        f"Protected: {', '.join(own.protection)}." if own.protection else "Not protected: that is --protect.",
    ]


def own_rows(probes: Iterable[ProbeState]) -> list[tuple[str, ...]]:
    """A row for each probe that was asked, as HEADINGS name them; what takes most first."""
    asked = (state for state in probes if state.cost is not None or state.is_waiting)
    known = sorted(asked, key=lambda state: (-(state.cpu or 0.0) / (state.cadence or 1e9), state.name))
    return [
        (
            state.name,
            _milliseconds(state.cpu),
            _milliseconds(state.cost),
            human_bytes(state.bytes),
            "asked" if state.cadence is None else human_pace(state.cadence),
            "-" if state.planned is None else human_pace(state.planned),
            _share(state.cpu, state.cadence),
            _why(state),
        )
        for state in known
    ]


def _why(state: ProbeState) -> str:
    if state.is_waiting:
        return "late"
    return "budget" if state.is_held_back else "slow" if state.is_slow else ""


def _share(cpu: float | None, seconds: float | None) -> str:
    return "-" if cpu is None or not seconds else f"{cpu / seconds:.2%}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}ms" if seconds < 1 else f"{seconds:.2f}s"
