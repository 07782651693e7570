"""What speaks for a case and against it, in sentences. Kernel text in them is raw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.candidates import least
from leaktop.engine.diagnosis.trend import LEAST_SECONDS
from leaktop.engine.sections.sockets import QUEUED
from leaktop.units import human_bytes, human_count, human_delta, human_duration, human_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case, Rise, Unit

COUNTERS = {
    "slab": "SUnreclaim",
    "vmalloc": "VmallocUsed",
    "process": "AnonPages",
    "tmpfs": "Shmem",
    "percpu": "Percpu",
    "pagetables": "PageTables",
    "kernelstack": "KernelStack",
}
"""The line of /proc/meminfo in which growth of a kind shows."""


def evidence(case: Case, observed: Observed, units: Sequence[Unit]) -> tuple[str, ...]:
    """What speaks for a case and against it, a sentence each."""
    found = []
    rise = case.rise
    if rise is not None:
        found.append(_movement(case, rise))
        if not rise.is_steady:
            found.append(_unsteady(rise))
    elif case.is_leak:
        found.append(f"{case.note[:1].upper()}{case.note[1:]}.")
    elif case.bytes < least(case.kind, observed) / 4 and observed.seconds >= LEAST_SECONDS:
        found.append("It gained too little to be judged.")
    else:
        found.append("Seen too briefly to tell a trend.")
    if case.explained:
        found.append(f"{case.explained[:1].upper()}{case.explained[1:]}.")
    if len(case.aliases) > 0:
        found.append(f"Merged: the name stands for {len(case.aliases) + 1} caches, {_listed(case.aliases)}.")
    for unit in units:
        others = [member.label for member in unit.members if member.name != case.name]
        if len(others) < len(unit.members):
            found.append(f"In step with {', '.join(others)}: {unit_words(unit)}.")
    counter = COUNTERS.get(case.kind)
    total = observed.amount_rise(counter) if counter and case.name != counter else None
    if counter and total is not None and case.is_leak and total.slope > 0:
        found.append(f"{counter} as a whole gains {human_rate(total.slope)}.")
    if case.share is not None and case.is_leak:
        found.append(f"It accounts for {case.share:.0%} of the memory that the machine loses.")
    if case.note and case.rise is not None and case.kind != "slab":
        found.append(f"{case.note[:1].upper()}{case.note[1:]}.")
    if case.kind == "residual":
        found += [error_bar(observed), _beside(observed)]
    return tuple(found)


def _movement(case: Case, rise: Rise) -> str:
    if case.kind == "fd":
        return f"{rise.growth:+.0f} descriptors in {human_duration(rise.seconds)}, {rise.slope * 60:.0f} a minute."
    between = (
        f" (95 %: {human_rate(rise.low)} to {human_rate(rise.high)})" if rise.low != rise.high and rise.slope else ""
    )
    verb = "Rises" if rise.slope > 0 else "Falls" if rise.slope < 0 else "Stands"
    return (
        f"{verb} {human_rate(abs(rise.slope)).lstrip('+')}{between} over {human_duration(rise.seconds)}; "
        f"trend {rise.tau:.2f} of 1 in {rise.samples} samples, which chance makes with p = {rise.p:.1g}."
    )


def _unsteady(rise: Rise) -> str:
    if rise.growth <= 0:
        return "It is not higher than it was."
    if rise.step > 0.5:
        return "Most of it came in one step, which is no trend."
    if rise.floors < 0.75:
        return "It does not rise all along: it stands for a while, or gives back what it took."
    if rise.recent < 0.25:
        return "It rose and then slowed down: it may have found its level."
    return "The rise is not steady enough to tell it from chance."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


def unit_words(unit: Unit) -> str:
    """A unit in a clause: its ratio, its speed, its bytes."""
    ratio = " : ".join(f"{member.ratio:g}" for member in unit.members)
    if unit.per_second is None:
        return f"{ratio}, {human_count(unit.count)} of each; one unit is {unit.bytes} bytes"
    return f"{ratio}, {a_minute(unit.per_second)}; one unit is {unit.bytes} bytes"


def a_minute(per_second: float) -> str:
    """A count a second as people say it."""
    number = per_second * 60
    return f"{number:,.0f} a minute" if number >= 10 else f"{number:.1f} a minute"


def error_bar(observed: Observed) -> str:
    """How far the residual can be trusted here."""
    total = observed.amount("MemTotal") or 0
    rise = observed.amount_rise("residual")
    spread = f"; it moved by {human_bytes(abs(rise.growth))} while it was watched" if rise else ""
    return (
        f"The residual is a difference of many counters, right to about {human_bytes(max(total * 0.01, 32 << 20))} "
        f"on this machine{spread}."
    )


def _beside(observed: Observed) -> str:
    """What could be in the residual: the candidates that are counted, with their growth, and those that are not."""
    ghost = observed.section("memory").extras.get("residual")
    terms = {term.name: term.bytes for term in ghost.terms} if ghost else {}
    known = [("socket queues", observed.rise("sockets", QUEUED, "size"))]
    known += [(name, observed.amount_rise(name)) for name in ("Percpu", "Balloon", "balloon")]
    counted = [f"{name} {human_delta(round(rise.growth))}" for name, rise in known if rise is not None]
    if terms.get("zsmalloc") is not None:
        counted.append(f"zsmalloc {human_bytes(terms['zsmalloc'])} in all, left out of it")
    return (
        f"Beside it in the same time: {', '.join(counted) or 'nothing that is counted'}. Not read, and possible: "
        "page pools and rings of network drivers, dma-buf, GPU buffers, full pipes, tracing buffers, control groups "
        "that are gone but still charged, a balloon that counts nothing."
    )


def listing(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
