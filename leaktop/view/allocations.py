"""Who allocates, as text, a sentence, a table, and a document for programs: one answer whichever facility gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.parsers.kmemleak import culprit, from_culprit
from leaktop.units import human_bytes, human_count, human_delta, human_duration, human_rate
from leaktop.view.cells import sanitise
from leaktop.view.pane import Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.allocations import Allocations, Site, Subject

_INDENT = " " * 6
_FEW = 10
"""Allocations a second of which the tenths are told too."""
_MOST_SITES, _MOST_FRAMES, _MOST_NAMED = 20, 6, 3


def title_of(subject: Subject) -> str:
    """What was asked about, as a heading says it."""
    if subject.kind == "pages":
        return "whole pages"
    others = [name for name in subject.names if name != subject.name]
    return sanitise(f"{subject.name} ({', '.join(others)})" if others else subject.name or "all vmalloc areas")


def place_of(site: Site) -> str:
    """The function, or the line, that is to blame for a site: the first that is not an allocator's own."""
    function = culprit(site.stack) or next(iter(site.stack), None)
    known = [part for part in (site.location, function) if part]
    return sanitise(" ".join(known)) if known else "where is not known"


def headline(found: Allocations) -> str:
    """What there is, in a line."""
    watched = "held since boot" if found.seconds is None else f"held of what came in {human_duration(found.seconds)}"
    sizes = [site.bytes for site in found.sites if site.bytes is not None]
    counts = [site.count for site in found.sites if site.count is not None]
    objects = f", {human_count(sum(counts))} allocations" if counts else ""
    size = human_bytes(sum(sizes)) if sizes else "nothing" if not found.sites else "an unknown amount"
    return f"{title_of(found.subject)}: {size}{objects} {watched}, as {found.facility} tells"


def text_lines(found: Allocations, limit: int | None = None) -> Iterator[str]:
    """The answer for people: safe to print.

    Args:
        found: the answer.
        limit: the first so many sites; None for all.
    """
    yield headline(found)
    for note in found.notes:
        yield f"note: {sanitise(note)}"
    if not found.sites:
        return
    shown = found.sites[:limit]
    yield ""
    yield f"  {'held':>6} {'count':>6} {'growth':>7} {'rate':>9} {'youngest':>8} {'oldest':>8}  where"
    for site in shown:
        ages = f"{human_duration(site.youngest):>8} {human_duration(site.oldest):>8}"
        rate = None if site.growth is None or not found.seconds else site.growth / found.seconds
        yield (
            f"  {human_bytes(site.bytes):>6} {human_count(site.count):>6} {human_delta(site.growth):>7} "
            f"{human_rate(rate):>9} {ages}  {place_of(site)}"
        )
        if site.comms:
            yield f"{_INDENT}for {', '.join(map(sanitise, site.comms))}"
        if site.arrivals is not None:
            yield f"{_INDENT}{_arrivals(site)} allocated here"
        yield from (f"{_INDENT}  {sanitise(frame)}" for frame in site.stack)
    if len(shown) < len(found.sites):
        rest = found.sites[len(shown) :]
        size = human_bytes(sum(site.bytes or 0 for site in rest))
        yield f"  {size:>6} in {len(rest)} more places"


def document(found: Allocations, limit: int | None = None) -> dict[str, Any]:
    """The answer for programs: sizes in bytes, ages in seconds, null where unknown."""
    return {
        "subject": found.subject._asdict(),
        "facility": found.facility,
        "seconds": None if found.seconds is None else round(found.seconds, 3),
        "lost": found.lost,
        "sampled": found.sampled,
        "sites": [site._asdict() for site in found.sites[:limit]],
        "notes": list(found.notes),
    }


def short_title(subject: Subject) -> str:
    """The subject in a few words, safe to show."""
    name = sanitise(subject.name)
    return (name if len(name) <= 32 else f"{name[:29]}...") or "whole pages"


def summary(found: Allocations) -> str:
    """The answer in a sentence: the culprits, what they hold, how that was learned."""
    how = f"{found.facility}, {human_duration(found.seconds)}" if found.seconds else found.facility
    if not found.sites:
        return f"{short_title(found.subject)}: nothing that was allocated is still held ({how})."
    named = [f"{_path(site)} {_held(site)}" for site in found.sites[:_MOST_NAMED]]
    more = f" and {len(found.sites) - _MOST_NAMED} more" if len(found.sites) > _MOST_NAMED else ""
    lost = f"; {human_count(found.lost)} events were lost" if found.lost else ""
    return f"{short_title(found.subject)} is allocated by {'; '.join(named)}{more} ({how}{lost})."


def listing(found: Allocations) -> Listing:
    """The answer as a table, most to blame first."""
    rows = []
    is_counted = any(site.arrivals is not None for site in found.sites)
    for site in found.sites[:_MOST_SITES]:
        frames = [sanitise(frame) for frame in from_culprit(site.stack)[:_MOST_FRAMES]] or ["(no stack)"]
        where = " < ".join(frames) if site.location is None else f"{sanitise(site.location)} {frames[0]}"
        rows.append((
            human_count(site.count), human_bytes(site.bytes), human_delta(site.growth),
            *((_arrivals(site),) if is_counted else ()), _age(site),
            sanitise(", ".join(site.comms[:3])) or "-", where,
        ))  # fmt: skip
    titles = ("held", "bytes", "grew", *(("comes",) if is_counted else ()), "age", "asked for by", "allocated in")
    rows += [(*("" for _ in titles[1:]), sanitise(note)) for note in found.notes]
    return Listing(summary(found), titles, tuple(rows))


def _path(site: Site) -> str:
    frames = [frame.partition("+")[0] for frame in from_culprit(site.stack)[:_MOST_NAMED]]
    module = f" [{site.module}]" if site.module else ""
    return sanitise(" < ".join(frames) or site.location or "an unknown place") + sanitise(module)


def _held(site: Site) -> str:
    return f"({human_count(site.count)}, {human_bytes(site.bytes)})"


def _arrivals(site: Site) -> str:
    if site.arrivals is None:
        return "-"
    return f"{site.arrivals:.1f}/s" if site.arrivals < _FEW else f"{human_count(site.arrivals)}/s"


def _age(site: Site) -> str:
    ages = [human_duration(age) for age in (site.youngest, site.oldest) if age is not None]
    return " to ".join(dict.fromkeys(ages)) or "-"
