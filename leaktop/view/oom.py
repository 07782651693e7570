"""A report of the kernel's that memory ran out: lines to read, and a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.units import human_bytes, human_count, human_duration
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.engine.oom_blame import Shares
    from leaktop.model.oom import Judgement, OomReport, OomTask

_SHARES = {
    "processes": "anonymous memory, page tables, stacks",
    "tmpfs": "tmpfs, shared memory",
    "cache": "pages of files, reclaimable slab",
    "hugepages": "set aside as huge pages",
    "slab": "slab that cannot be reclaimed",
    "uncounted": "in no counter: drivers, vmalloc, pipes, balloons",
}


def lines(report: OomReport, judgement: Judgement, held: Shares | None, limit: int) -> Iterator[str]:
    """The report as text, safe to print: when and why, the judgement, who had memory, what was killed.

    Args:
        report: what the kernel logged.
        judgement: of it.
        held: where the memory was; None where the report does not tell.
        limit: lines of each table, the largest first.
    """
    yield f"{_when(report)}: {_asked(report)}"
    yield f"  {sanitise(judgement.text)}"
    if held:
        yield ""
        yield f"  {'bytes':>7} {'share':>5}  of {human_bytes(held.in_use)} in use"
        for name, amount in zip(held._fields, held, strict=True):
            if amount:
                yield f"  {human_bytes(amount):>7} {amount / max(held.in_use, 1):>5.0%}  {_SHARES[name]}"
    if report.slab:
        yield from _heading("unreclaimable slab caches", len(report.slab), limit)
        yield f"  {'total':>7} {'used':>7}  name"
        for cache in report.slab[:limit]:
            yield f"  {human_bytes(cache.total):>7} {human_bytes(cache.used):>7}  {sanitise(cache.name)}"
    if report.sites:
        yield from _heading("allocations by line of code", len(report.sites), limit)
        yield f"  {'bytes':>7} {'calls':>7}  line"
        for site in report.sites[:limit]:
            yield f"  {human_bytes(site.bytes):>7} {human_count(site.calls):>7}  {sanitise(site.location)}"
    if report.tasks:
        yield from _heading("processes", len(report.tasks), limit)
        yield f"  {'rss':>7} {'swap':>7} {'adj':>6} {'uid':>7} {'pid':>8}  name"
        killed = {kill.pid for kill in report.killed}
        for task in _largest(report.tasks)[:limit]:
            mark = "  killed" if task.pid in killed else ""
            yield (
                f"  {human_bytes(task.rss):>7} {human_bytes(task.swap):>7} {_number(task.score_adj):>6} "
                f"{_number(task.uid):>7} {task.pid:>8}  {sanitise(task.name)}{mark}"
            )
    if report.killed:
        yield from _heading("killed", len(report.killed), limit)
        yield f"  {'anon':>7} {'file':>7} {'shmem':>7} {'tables':>7} {'pid':>8}  name"
        for kill in report.killed[:limit]:
            sizes = [human_bytes(size) for size in (kill.anon, kill.file, kill.shmem, kill.page_tables)]
            yield f"  {' '.join(f'{size:>7}' for size in sizes)} {kill.pid:>8}  {sanitise(kill.name)}"


def document(report: OomReport, judgement: Judgement, held: Shares | None) -> dict[str, Any]:
    """The whole report for programs: bytes as integers, null for what it does not tell, names raw."""
    return {
        "seconds": report.seconds,
        "time": report.stamp,
        "invoker": report.invoker,
        "gfp": report.gfp,
        "order": report.order,
        "constraint": report.constraint,
        "cgroup": report.cgroup,
        "limit": report.limit,
        "page_size": report.page_size,
        "blame": judgement.blame,
        "judgement": judgement.text,
        "freed": judgement.freed,
        "in_use": judgement.in_use,
        "held": held._asdict() if held else None,
        "memory": dict(report.memory),
        "slab": [cache._asdict() for cache in report.slab],
        "tasks": [task._asdict() for task in report.tasks],
        "sites": [site._asdict() for site in report.sites],
        "killed": [kill._asdict() for kill in report.killed],
    }


def _when(report: OomReport) -> str:
    if report.seconds is None:
        return sanitise(report.stamp) if report.stamp else "At an unknown time"
    after = f"{human_duration(report.seconds)} after boot"
    return f"{sanitise(report.stamp)}, {after}" if report.stamp else f"{after[:1].upper()}{after[1:]}"


def _asked(report: OomReport) -> str:
    """What the allocation was that failed."""
    if report.invoker is None:
        return "memory ran out; the beginning of the report is lost"
    who = sanitise(report.invoker)
    if report.order == -1:
        return f"{who} carried out SysRq f"
    pages = "one page" if not report.order or report.order < 0 else f"{1 << min(report.order, 64)} pages in one piece"
    return f"{who} asked for {pages}, {sanitise(report.gfp or '')}"


def _largest(tasks: Sequence[OomTask]) -> list[OomTask]:
    """By memory and swap; of a report that gives no sizes in bytes, by the kernel's order."""
    return sorted(tasks, key=lambda task: -((task.rss or 0) + (task.swap or 0)))


def _heading(title: str, rows: int, limit: int) -> Iterator[str]:
    yield ""
    yield f"  {title[:1].upper()}{title[1:]}{f', the largest {limit} of {rows}' if rows > limit else ''}"


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)
