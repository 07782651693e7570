"""Trace events of allocations and frees: on any kernel with tracefs, what was taken while it was watched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from leaktop.control import mounting
from leaktop.control.tracing import TraceInstance, TracingError, find_place
from leaktop.engine.allocations.base import AskError, Facility
from leaktop.engine.tracing.plan import EVENTS, PlanError, plan
from leaktop.engine.tracing.sites import is_slab, passes
from leaktop.engine.tracing.watching import TraceWatch
from leaktop.model.allocations import Allocations
from leaktop.model.sample import ParseError
from leaktop.parsers.trace_format import parse_event_format
from leaktop.sources.files import read_small
from leaktop.units import human_bytes, human_count

if TYPE_CHECKING:
    from leaktop.engine.allocations.base import Watch
    from leaktop.engine.tracing.watching import Watched
    from leaktop.model.allocations import Site, Subject
    from leaktop.parsers.trace_format import EventFormat

_LOCKDOWN = "/sys/kernel/security/lockdown"
_ROOT = 0
_SINCE = {"vmalloc": ", which are there since 6.2", "percpu": ", which are there since 4.13"}


def missing(subject: Subject, root: str) -> str | None:
    """Why events cannot tell."""
    if root != "/":
        return "a captured tree cannot be traced"
    if os.geteuid() != _ROOT:
        return "needs root: sudo leaktop"
    try:
        if b"[confidentiality]" in read_small(_LOCKDOWN):
            return "lockdown=confidentiality forbids tracing; boot with lockdown=integrity"
    except OSError:
        pass  # no lockdown in this kernel
    place = find_place()
    if place is None:
        return None if _can_mount() else "this kernel has no tracefs (CONFIG_TRACING)"
    if not os.path.isdir(f"{place}/instances"):
        return "this kernel has no trace instances (before 3.10)"
    if not any(os.path.exists(f"{place}/events/{path}/format") for path in EVENTS[subject.kind]):
        return f"this kernel has no trace events of {subject.kind}{_SINCE.get(subject.kind, '')}"
    return None


def find(watch: Watch) -> Allocations:
    """Watch the events of a subject.

    Raises:
        AskError: the kernel refused, or its events do not tell.
    """
    subject = watch.subject
    try:
        with TraceInstance("allocations", watch.seconds) as instance, TraceInstance("frees", watch.seconds) as frees:
            chosen = plan(
                subject,
                _formats(instance, subject.kind),
                os.sysconf("SC_PAGE_SIZE"),
                has_accounted=os.path.isdir("/sys/kernel/slab/kmalloc-cg-64"),
            )
            watched = TraceWatch(instance, frees, chosen, watch.stop, watch.on_progress).run(
                watch.seconds, watch.sampling
            )
    except (TracingError, PlanError) as error:
        raise AskError(str(error)) from error
    sites, notes = _relevant(subject, watched.sites)
    return Allocations(
        subject,
        FACILITY.name,
        sites,
        watched.seconds,
        watched.lost,
        watched.sampled,
        (*_totals(watched), *chosen.notes, *notes, *watched.notes),
    )


def _can_mount() -> bool:
    try:
        return b"tracefs" in read_small("/proc/filesystems") and os.path.isdir(mounting.PLACES["tracefs"])
    except OSError:
        return False


def _formats(instance: TraceInstance, kind: str) -> dict[str, EventFormat]:
    formats = {}
    for path in EVENTS[kind]:
        try:
            formats[path] = parse_event_format(instance.read(f"events/{path}/format"))
        except FileNotFoundError:
            continue  # other versions have it
        except (OSError, ParseError) as error:
            raise AskError(f"events/{path}/format cannot be read: {error}") from error
    return formats


def _relevant(subject: Subject, sites: tuple[Site, ...]) -> tuple[tuple[Site, ...], list[str]]:
    """The sites that belong to the subject, and what is said of the others."""
    if subject.kind == "pages":
        others = [site for site in sites if is_slab(site)]
        told = "became slabs, which the slab caches tell of"
    elif subject.kind == "vmalloc" and subject.name:
        others = [site for site in sites if not passes(site, subject.name)]
        told = f"are areas of other callers than {subject.name}"
    else:
        return sites, []
    size = sum(site.bytes or 0 for site in others)
    kept = tuple(site for site in sites if site not in others)
    return kept, [f"{human_bytes(size)} more {told}"] if others else []


def _totals(watched: Watched) -> list[str]:
    came, went = human_bytes(watched.allocated), human_bytes(watched.freed)
    notes = [f"{came} came, and {went} of it went; what was there before is not told"]
    if watched.sampled > 1:
        notes[0] = f"of what was looked at, {notes[0]}"
        notes.append(
            f"one object of {watched.sampled} was looked at, and what is shown is multiplied: a place that keeps fewer "
            f"than {3 * watched.sampled} may not show; --for a longer time finds it"
        )
    if watched.reused:
        notes.append(
            f"{human_count(watched.reused)} objects were freed as no event tells, as kfree_rcu does in bulk: some of "
            "what is shown may have been freed as well"
        )
    if watched.lost:
        notes.append(
            f"{human_count(watched.lost)} events were lost, frees perhaps among them: some of what is shown may have "
            "been freed as well"
        )
    if watched.dropped:
        notes.append(f"{human_count(watched.dropped)} allocations more were held than can be remembered")
    return notes


FACILITY = Facility(
    name="tracefs",
    order=40,
    cost="records allocations with their stacks, and frees, in a trace instance of its own, removed at the end; "
    "slows the code that allocates by up to a fifth; looks at some of them only where there are many",
    writes=True,
    missing=missing,
    find=find,
)
