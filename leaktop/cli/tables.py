"""Sections as tables: one a section, a row for what the kernel told of one thing at one tick, nothing computed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_type_hints

from leaktop.engine.inputs import Inputs
from leaktop.engine.sections import SECTIONS
from leaktop.model import records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from leaktop.cli.moments import Span
    from leaktop.engine.sections import Entry, SectionRule
    from leaktop.recording.reader import Recording

Kind = Literal["text", "integer", "number", "truth", "json"]
"""Of a column; "json" is a list."""


class _MemoryLine(NamedTuple):
    """A line of /proc/meminfo."""

    name: str
    bytes: int | None
    count: int | None  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record


_RECORDS: dict[str, type] = {
    "memory": _MemoryLine,
    "slab": records.Cache,
    "vmalloc": records.VmallocGroup,
    "sockets": records.Socket,
    "kmemleak": records.KmemleakGroup,
    "processes": records.Process,
    "tmpfs": records.SharedMemory,
    "allocinfo": records.AllocTag,
}
_JOINED = {"slab_links", "zoneinfo", "socket_owners"}
"""Probes that add to the rows of another: they alone make no new ones."""
_PROBE_OF_KIND = {"tmpfs": "tmpfs", "sysv": "sysvipc/shm", "memfd": "open_files", "deleted": "open_files"}
"""Of the tmpfs section, whose rows come from several probes, each with a pace of its own."""
_KINDS: dict[object, Kind] = {str: "text", int: "integer", float: "number", bool: "truth"}


class TableRow(NamedTuple):
    """One row, its values in the order of the section's columns."""

    section: str
    wall: float
    mono: float
    values: list[Any]


def columns_of(section: str) -> dict[str, Kind]:
    """The columns of a section's table, and what they hold; each may be null."""
    hints = get_type_hints(_RECORDS[section])
    return {name: _kind(hint) for name, hint in hints.items()}


def _kind(hint: Any) -> Kind:
    some = [part for part in getattr(hint, "__args__", (hint,)) if part is not type(None)]
    return _KINDS.get(some[0], "json") if len(some) == 1 else "json"


def table_rows(recording: Recording, span: Span, only: str | None = None) -> Iterator[TableRow]:
    """The rows of a span, tick by tick: a section has rows where its probes were read.

    Args:
        recording: what is exported.
        span: of it.
        only: the section; None for all.
    """
    rules = [rule for rule in SECTIONS if only in {None, rule.name}]
    inputs: Inputs | None = None
    chapter: int | None = None
    for place, tick in recording.walk(span.first):
        if place > span.last:
            return
        if place.chapter != chapter:
            machine = recording.header_at(place).machine
            if inputs is None or machine != inputs.machine:
                inputs = Inputs(machine)
            # What earlier chapters said of the slower probes, should one of them be damaged.
            inputs.take(recording.state(place).samples)
            chapter = place.chapter
        if inputs is None:
            continue
        inputs.take(tick.samples)
        came = {sample.probe for sample in tick.samples}
        for rule in rules:
            for entry in _entries(rule, inputs, came):
                yield TableRow(rule.name, tick.wall, tick.mono, _values(rule.name, entry.record))


def _entries(rule: SectionRule, inputs: Inputs, came: set[str]) -> list[Entry]:
    if came.isdisjoint(set(rule.probes) - _JOINED):
        return []
    try:
        assembly = rule.assemble(inputs)
    except Exception:
        # As in the engine: one section that trips over a strange kernel must not end the export.
        return []
    if rule.name == "tmpfs":
        return [entry for entry in assembly.entries if _PROBE_OF_KIND.get(entry.record.kind) in came]
    if assembly.fault is not None:
        return []
    if rule.name == "memory":
        return [entry for entry in assembly.entries if not entry.record.is_derived]
    return assembly.entries


def _values(section: str, record: Any) -> list[Any]:
    return [_plain(getattr(record, name)) for name in _RECORDS[section]._fields]  # type: ignore[attr-defined]  # every record is a NamedTuple


def _plain(value: Any) -> Any:
    """The value out of what JSON has; text in valid Unicode, odd bytes as escapes."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        return (
            [_plain(part) for part in value]
            if fields is None
            else {name: _plain(part) for name, part in zip(fields, value, strict=True)}
        )
    return value


def as_text(value: Any) -> str:
    """A list as JSON, for tables that hold none."""
    return json.dumps(value, separators=(",", ":"))


def flat(columns: Mapping[str, Kind], values: list[Any]) -> list[Any]:
    """The values of a row, lists as JSON."""
    return [
        as_text(value) if kind == "json" and value is not None else value
        for kind, value in zip(columns.values(), values, strict=True)
    ]
