"""Memory: the gauges, and every line of /proc/meminfo behind a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from leaktop.units import human_bytes, human_count, human_delta, human_rate
from leaktop.view.cells import Cell, sanitise
from leaktop.view.columns import Column, peak_column, rate_column, tone_of
from leaktop.view.legend import Meaning
from leaktop.view.pane import Chart, Detail, Listing, PaneView, Switch
from leaktop.view.spark import sparkline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Amount, Frame, Residual, Row
    from leaktop.model.records import HugePagePool


class Gauge(NamedTuple):
    """A figure that has a place of its own."""

    label: str
    meaning: str
    source: str = ""
    """Empty for a line of /proc/meminfo."""


GAUGES: dict[str, Gauge] = {
    "MemAvailable": Gauge("MemAvailable", "What programs can still get without swapping: the kernel's own estimate."),
    "SUnreclaim": Gauge(
        "SUnreclaim", "Slab that the kernel cannot give back: the first suspect. The Slab pane splits it."
    ),
    "SReclaimable": Gauge(
        "SReclaimable", "Slab that shrinks under pressure: dentries, inodes. Growth is use, not a leak."
    ),
    "vmalloc": Gauge(
        "Vmalloc",
        "Memory of vmalloc areas: stacks, modules, BPF, large tables. The Vmalloc pane splits it.",
        "VmallocUsed of /proc/meminfo; before 5.3, pages= of /proc/vmallocinfo",
    ),
    "KernelStack": Gauge("KernelStack", "Stacks of threads in the kernel. Grows with threads and zombies."),
    "PageTables": Gauge("PageTables", "Page tables of user space: grows with mappings, or with many processes."),
    "Percpu": Gauge("Percpu", "Per-CPU memory: grows with cgroups, devices and BPF maps that do not go away."),
    "Shmem": Gauge("Shmem", "tmpfs, shared memory, memfds. The tmpfs pane splits it."),
    "AnonPages": Gauge("AnonPages", "Memory of processes. The Processes pane splits it."),
    "hugepages": Gauge(
        "Hugepages",
        "Memory set aside for hugetlbfs, used or not.",
        "Hugetlb of /proc/meminfo, else /sys/kernel/mm/hugepages",
    ),
    "Balloon": Gauge("Balloon", "Memory that the hypervisor took back."),
    "balloon": Gauge(
        "Balloon", "Memory that the hypervisor took back: pages inflated less pages deflated.", "/proc/vmstat"
    ),
    "large kmalloc": Gauge(
        "Large kmalloc",
        "Allocations of more than two pages by kmalloc, which Slab counts and no cache holds. page_owner names them.",
        "Slab of /proc/meminfo less all of /proc/slabinfo",
    ),
    "residual": Gauge(
        "Residual",
        "Memory that no counter names: pages that drivers took. Some is normal and constant; its growth accuses.",
        "MemTotal of /proc/meminfo less every counter: Enter shows the sum",
    ),
    "pcp": Gauge(
        "Per-CPU free", "Free pages in the per-CPU lists: not in MemFree, but free.", "pagesets of /proc/zoneinfo"
    ),
    "Cached": Gauge("Cached", "Page cache, with Shmem in it. Shrinks under pressure, but for Shmem."),
    "MemFree": Gauge("MemFree", "Pages that nobody uses. Low on a healthy machine: free memory is wasted memory."),
}
"""The figures that are always in view, by derived or kernel name; the order is the order on screen."""
_ORDER = {name: position for position, name in enumerate(GAUGES)}
_GOOD_TO_GROW = {"MemAvailable", "MemFree", "pcp"}


_LINES = {"vmalloc": "VmallocUsed", "hugepages": "Hugetlb"}


def meminfo_line(row: Row) -> str | None:
    """The /proc/meminfo line behind a gauge; None for what leaktop derives."""
    amount: Amount = row.record
    return _LINES.get(amount.name, None if amount.is_derived else amount.name)


def _rows(frame: Frame, switches: frozenset[str]) -> Sequence[Row]:
    rows = frame.sections["memory"].rows
    if "all" in switches:
        return rows
    return [row for row in rows if row.record.name in GAUGES and _is_told(row)]


def _is_told(row: Row) -> bool:
    amount: Amount = row.record
    if amount.name == "residual":
        return True  # also where it cannot be told: its drill-down says why
    return bool(amount.bytes) if amount.name == "large kmalloc" else amount.bytes is not None


def _label(row: Row) -> str:
    amount: Amount = row.record
    if amount.name in GAUGES:
        return GAUGES[amount.name].label
    return sanitise(f"{amount.name} (new)" if amount.is_unclassified else amount.name)


def _name_cell(row: Row, _frame: Frame) -> Cell:
    return Cell(sanitise(_label(row)))


def _order(row: Row) -> tuple[int, str]:
    return _ORDER.get(row.record.name, len(_ORDER)), row.record.name


def _value_cell(row: Row, frame: Frame) -> Cell:
    amount: Amount = row.record
    if amount.count is not None:
        return Cell(human_count(amount.count))
    if amount.name == "residual" and amount.bytes is not None and amount.bytes < 0:
        return Cell("~0")
    return Cell(human_bytes(amount.bytes), "strong")


def _growth_cell(row: Row, _frame: Frame) -> Cell:
    return Cell(human_delta(row.size.growth), "dim" if row.record.name in _GOOD_TO_GROW else tone_of(row.size))


def _share(row: Row) -> int | None:
    return row.size.value


def _spark_cell(row: Row, frame: Frame) -> Cell:
    return Cell(sparkline(frame, "memory", row.key, 16), "dim")


def _headline(frame: Frame) -> str:
    amounts = {row.record.name: row.size.value for row in frame.sections["memory"].rows}
    if not amounts:
        return ""
    return f"{human_bytes(amounts.get('MemTotal'))} in all, residual {human_bytes(amounts.get('residual'))}"


def _detail(frame: Frame, row: Row) -> Detail:
    amount: Amount = row.record
    meaning = GAUGES[amount.name].meaning if amount.name in GAUGES else ""
    if amount.is_unclassified:
        meaning = "A line that leaktop does not know: a newer kernel's, or a vendor's. It is not part of the residual."
    facts = [
        ("value", human_count(amount.count) if amount.count is not None else human_bytes(amount.bytes)),
        ("growth", f"{human_delta(row.size.growth)} since the baseline"),
        ("rate", human_rate(row.size.slope)),
        ("peak", human_bytes(row.size.high_water)),
    ]
    paragraphs = [meaning] if meaning else []
    listings: tuple[Listing, ...] = ()
    if amount.name == "hugepages":
        listings = (_pools(frame.sections["memory"].extras["hugepages"]),)
    if amount.name == "residual":
        ghost: Residual = frame.sections["memory"].extras["residual"]
        listings = (_sum(ghost),)
        paragraphs += [
            f"It cannot be told: {ghost.reason}." if ghost.reason else "",
            "Counters are not read at one instant: within 1 % of memory or 32 MiB it says nothing. Judge its growth.",
            (
                "Where to look next: full pipes; sockets that nobody reads, packet rings (Sockets); a balloon driver "
                "in /proc/modules; ZFS; dma-buf and GPU buffers; tracing buffers; then page_owner or /proc/allocinfo."
            ),
        ]
    chart = Chart(_label(row), "memory", row.key, "size")
    return Detail(sanitise(_label(row)), tuple(facts), tuple(p for p in paragraphs if p), (chart,), listings)


def _pools(pools: Sequence[HugePagePool]) -> Listing:
    header = ("page size", "pages", "free", "reserved", "surplus")
    rows = ((human_bytes(pool.size), *(human_count(count) for count in pool[1:])) for pool in pools)
    return Listing("pools", header, tuple(rows))


def _sum(ghost: Residual) -> Listing:
    signs = {1: "+", -1: "-", 0: ""}
    rows = [
        (signs[term.sign], sanitise(term.name), human_bytes(term.bytes), sanitise(term.note)) for term in ghost.terms
    ]
    rows.append(("=", "residual", human_bytes(ghost.bytes), ""))
    return Listing("the sum", ("", "term", "bytes", ""), tuple(rows))


def _record(row: Row) -> Mapping[str, Any]:
    amount: Amount = row.record
    if amount.count is not None:
        return {"name": amount.name, "count": amount.count}
    return {"name": amount.name, "bytes": amount.bytes}


PANE = PaneView(
    name="memory",
    title="Memory",
    order=1,
    section="memory",
    columns=(
        Column(
            "gauge",
            "gauge",
            13,
            _order,
            _name_cell,
            "the kernel's name, or leaktop's for what it derives",
            "left",
            0,
            is_flexible=True,
            ascending=True,
        ),
        Column(
            "size",
            "bytes",
            6,
            _share,
            _value_cell,
            "what it is now; HugePages_ lines count pages",
            rank=0,
            unit="bytes",
        ),
        Column(
            "growth",
            "growth",
            7,
            lambda row: row.size.growth,
            _growth_cell,
            "what came since the baseline, which is the start until one is marked",
            rank=1,
            unit="bytes",
        ),
        rate_column(),
        Column(
            "spark",
            "last 4 min",
            16,
            _share,
            _spark_cell,
            "its curve over the last four minutes, 15 seconds a glyph, from its lowest to its highest",
            "left",
            3,
        ),
        peak_column(),
    ),
    rows=_rows,
    haystack=lambda row: row.record.name,
    detail=_detail,
    record=_record,
    source="/proc/meminfo, but where a gauge below names another",
    headline=_headline,
    headline_hint="MemTotal, and the residual",
    legend=tuple(Meaning(gauge.label, gauge.meaning, gauge.source) for gauge in GAUGES.values()),
    switches=(Switch("A", "all", "every line"),),
    empty=lambda _frame: "/proc/meminfo has no line that leaktop knows as a gauge. A lists every line of it.",
    sort="gauge",
    is_cache=lambda row: None if row.record.name in _GOOD_TO_GROW else row.record.name in {"SReclaimable", "Cached"},
)
