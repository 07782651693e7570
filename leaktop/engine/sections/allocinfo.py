"""Allocinfo: memory by the line of the kernel's source that allocated it, where the kernel profiles allocations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.model.sample import Fault
from leaktop.parsers.allocinfo import UNUSED, parse_tag, split_allocinfo, sum_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leaktop.engine.inputs import Inputs
    from leaktop.model.frame import Key
    from leaktop.model.records import AllocTag

_OFF = Fault(
    "disabled",
    "/proc/allocinfo counts nothing: vm.mem_profiling is 0",
    "sysctl vm.mem_profiling=1, and look at what is allocated from then on; or boot with sysctl.vm.mem_profiling=1",
)
_INACCURATE = "inaccurate, says the kernel: {} of {} lines, some of whose objects it could not account for"


class _Read(NamedTuple):
    """What is kept of one read."""

    lines: list[bytes]
    instances: dict[Key, list[int]]
    """The places of the lines of each tag that has a row; of those that never held anything some may be missing."""
    entries: dict[Key, Entry]


def assemble(inputs: Inputs) -> Assembly:
    """Rows are AllocTags that hold memory, or did at some read: most lines are zero, and never move."""
    lines = inputs.parsed("allocinfo", split_allocinfo)
    if lines is None:
        return Assembly([], inputs.fault("allocinfo"))
    before: _Read | None = inputs.kept.get("allocinfo")
    now = None if before is None else _updated(before, lines)
    if now is None:
        now = _read(lines, before.entries if before is not None else ())
    inputs.kept["allocinfo"] = now
    entries = list(now.entries.values())
    if not entries:
        return Assembly([], _OFF if lines else Fault("empty", "/proc/allocinfo holds no line"))
    inaccurate = sum(not entry.record.is_accurate for entry in entries)
    return Assembly(
        entries, None, (_INACCURATE.format(inaccurate, len(entries)),) if inaccurate else (), {"lines": len(lines)}
    )


def _updated(before: _Read, lines: list[bytes]) -> _Read | None:
    """The same read with what changed; None where the lines are not those of before: a module came or went.

    An entry whose lines did not change is the same object as before.
    """
    if lines is before.lines:
        return before
    if len(lines) != len(before.lines):
        return None
    changed = [at for at, (line, old) in enumerate(zip(lines, before.lines, strict=True)) if line != old]
    instances, entries = before.instances, before.entries.copy()
    for at in changed:
        tag, old = parse_tag(lines[at]), parse_tag(before.lines[at])
        if tag is None or old is None or tag[:3] != old[:3]:
            return None
        key = tag[:3]
        places = instances.setdefault(key, [])
        if at not in places:
            places.append(at)
        others = (parse_tag(lines[place]) for place in places if place != at)
        entries[key] = _sum(key, (tag, *(other for other in others if other is not None)))
    return _Read(lines, instances, entries)


def _read(lines: list[bytes], known: Iterable[Key]) -> _Read:
    """All lines anew; tags that had a row keep it, while they are there, though they may hold nothing now."""
    kept = set(known)
    instances: dict[Key, list[int]] = {}
    entries: dict[Key, Entry] = {}
    for at, line in enumerate(lines):
        tag = parse_tag(line) if kept or not line.startswith(UNUSED) else None
        if tag is None:
            continue
        key = tag[:3]
        if tag.bytes or tag.calls or key in kept:
            before = entries.get(key)
            if before is None:
                instances[key], entries[key] = [at], Entry(key, tag, tag.bytes, tag.calls)
            else:
                instances[key].append(at)
                entries[key] = _sum(key, (before.record, tag))
    return _Read(lines, instances, entries)


def _sum(key: Key, tags: Iterable[AllocTag]) -> Entry:
    tag = sum_tags(tags)
    return Entry(key, tag, tag.bytes, tag.calls)


SECTION = SectionRule("allocinfo", 8, ("allocinfo",), assemble, counts=True)
