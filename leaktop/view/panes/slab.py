"""Slab: caches by growth, merged ones once with all their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.engine.known_caches import known_cache
from leaktop.units import human_bytes, human_count
from leaktop.view.cells import Cell, sanitise
from leaktop.view.columns import (
    Column,
    bytes_column,
    count_column,
    growth_column,
    in_words,
    name_column,
    peak_column,
    rate_column,
    rose_column,
    size_column,
)
from leaktop.view.pane import Chart, Detail, Listing, PaneView, Switch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame, Row
    from leaktop.model.records import Cache


_MERGED = (
    "The kernel merged caches of like size into one; the name is of the one created first and need not be the one that "
    "grows. A driver's own name among them is the best suspect."
)


def _use(row: Row) -> float | None:
    cache: Cache = row.record
    return cache.active_objs / cache.num_objs if cache.num_objs and cache.active_objs is not None else None


def _use_cell(row: Row, _frame: Frame) -> Cell:
    share = _use(row)
    return Cell("-" if share is None else f"{share:.0%}", "dim")


def _sharing(row: Row) -> str:
    cache: Cache = row.record
    return f"{cache.aliases[0]} +{len(cache.aliases) - 1}" if len(cache.aliases) > 1 else "".join(cache.aliases)


def _sharing_cell(row: Row, _frame: Frame) -> Cell:
    if row.record.aliases:
        return Cell(sanitise(_sharing(row)))
    return Cell("(reclaimable)" if row.record.reclaimable else "", "dim")


def _objects(row: Row) -> int | None:
    return row.number.growth if row.number else None


def _objects_cell(row: Row, _frame: Frame) -> Cell:
    growth = _objects(row)
    return Cell("-" if growth is None else f"{'+' if growth > 0 else ''}{human_count(growth)}", "dim")


def _rows(frame: Frame, switches: frozenset[str]) -> Sequence[Row]:
    rows = frame.sections["slab"].rows
    # Unknown is not reclaimable: a cache that cannot be told stays in view.
    return [row for row in rows if not row.record.reclaimable] if "unreclaimable" in switches else rows


def _headline(frame: Frame) -> str:
    rows = frame.sections["slab"].rows
    total = sum(row.size.value or 0 for row in rows)
    return f"{human_bytes(total)} in {len(rows)} caches" if total else f"{len(rows)} caches" if rows else ""


def _detail(frame: Frame, row: Row) -> Detail:
    cache: Cache = row.record
    name = sanitise(cache.name)
    kind = {True: "reclaimable", False: "unreclaimable", None: "not known whether reclaimable"}[cache.reclaimable]
    facts = [
        ("size", in_words(row.size)),
        ("objects", f"{human_count(cache.num_objs)} allocated, {human_count(cache.active_objs)} in use"),
        ("object size", _object_size(cache)),
        ("slabs", f"{human_count(cache.num_slabs)}, {human_count(cache.active_slabs)} active"),
        ("peak", human_bytes(row.size.high_water)),
        ("kind", kind),
        ("class", sanitise(cache.merged_into or "not merged")),
    ]  # fmt: skip
    names = sorted((cache.name, *cache.aliases))
    listings = (Listing("names that share these slabs", ("name", "what it is for"), tuple(_meaning(n) for n in names)),)
    return Detail(
        name,
        tuple(facts),
        tuple(_paragraphs(cache)),
        (Chart("bytes", "slab", row.key, "size"), Chart("objects", "slab", row.key, "number")),
        listings if cache.aliases else (),
        ("slab", cache.merged_into or cache.name),
        "attributes",
        inspects_at_once=True,
    )


def _object_size(cache: Cache) -> str:
    if cache.objsize is None:
        return "-"
    pages = "1 page" if cache.pagesperslab == 1 else f"{cache.pagesperslab} pages"
    return f"{cache.objsize} B, {cache.objperslab} to a slab of {pages}"


def _meaning(name: str) -> tuple[str, str]:
    known = known_cache(name)
    return sanitise(name), f"{known.subsystem}: {known.meaning}" if known else "not in leaktop's table: a driver's own?"


def _paragraphs(cache: Cache) -> list[str]:
    paragraphs = []
    known = known_cache(cache.name)
    if known:
        paragraphs.append(f"{known.subsystem}. When it grows: {known.meaning}.")
    if cache.aliases:
        paragraphs.append(_MERGED)
        paragraphs.append("To split the names: boot with slab_nomerge (slub_nomerge before 3.18), and compare.")
    if cache.reclaimable:
        paragraphs.append("Reclaimable: it fills with use and shrinks under pressure. Growth alone is no leak.")
    else:
        paragraphs.append(
            f"Who allocates? K a asks the kernel, or `leaktop trace {sanitise(cache.name)}`: by /proc/allocinfo or "
            f"slub_debug=U,{sanitise(cache.name)} where it was booted so, else by trace events of what comes now."
        )
    return paragraphs


def _record(row: Row) -> Mapping[str, Any]:
    return {**row.record._asdict(), "aliases": list(row.record.aliases)}


PANE = PaneView(
    name="slab",
    title="Slab",
    order=2,
    section="slab",
    columns=(
        name_column("name", "cache", lambda row: row.record.name, "the name in /proc/slabinfo", 18),
        size_column("size", "memory of its slabs: slabs x pages x page size"),
        growth_column(),
        rate_column(),
        count_column("objs", "objs", 6, lambda row: row.record.num_objs, "objects allocated (num_objs)", 1),
        Column(
            "objgrowth",
            "+objs",
            6,
            _objects,
            _objects_cell,
            "objects that came since the baseline",
            rank=4,
            unit="count",
        ),
        count_column("active", "active", 6, lambda row: row.record.active_objs, "objects in use (active_objs)", 5),
        Column("use", "use", 4, _use, _use_cell, "active_objs of num_objs: low is fragmented", rank=3, unit="share"),
        bytes_column("objsize", "objsz", 5, lambda row: row.record.objsize, "one object (objsize)", 4),
        count_column(
            "slabs", "slabs", 6, lambda row: row.record.num_slabs, "runs of pages that it took (num_slabs)", 5
        ),
        count_column(
            "active_slabs",
            "act.sl",
            6,
            lambda row: row.record.active_slabs,
            "slabs that hold an object (active_slabs)",
            8,
        ),
        count_column("objperslab", "o/slab", 6, lambda row: row.record.objperslab, "objects in a slab (objperslab)", 7),
        count_column("pages", "p/slab", 6, lambda row: row.record.pagesperslab, "pages in a slab (pagesperslab)", 7),
        rose_column(),
        peak_column(),
        Column(
            "aliases",
            "same slab as",
            18,
            _sharing,
            _sharing_cell,
            "other names of the merged cache, or that it is reclaimable",
            "left",
            2,
            source="links in /sys/kernel/slab",
        ),
    ),
    rows=_rows,
    haystack=lambda row: " ".join((row.record.name, *row.record.aliases, row.record.merged_into or "")),
    detail=_detail,
    record=_record,
    source="/proc/slabinfo",
    headline=_headline,
    headline_hint="the memory of all caches, and how many there are",
    switches=(Switch("U", "unreclaimable", "unreclaimable only"),),
    letters={
        "a": "active",
        "b": "objperslab",
        "c": "size",
        "l": "slabs",
        "n": "name",
        "o": "objs",
        "p": "pages",
        "s": "objsize",
        "u": "use",
        "v": "active_slabs",
    },
    empty=lambda _frame: "/proc/slabinfo lists no cache, which no kernel does: look at `cat /proc/slabinfo`.",
    is_cache=lambda row: bool(row.record.reclaimable),
)
