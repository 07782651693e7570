"""The reports that the kernel logs when memory ran out: dump_header() and __oom_kill_process() in mm/oom_kill.c, with
what show_mem() in mm/show_mem.c and dump_unreclaimable_slab() in mm/slab_common.c add. All versions, 2.6.32 to 7.2.

    COMM invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
    Mem-Info: ... Unreclaimable slab info: ... Tasks state (memory values in pages): ...
    oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/,task=COMM,pid=1,uid=0
    Out of memory: Killed process 1 (COMM) total-vm:4kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 ...

Lines of others stand between them, logs begin and end anywhere, and a COMM is 15 bytes of anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaktop.model.oom import OomCache, OomKill, OomReport, OomSite, OomTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from leaktop.model.oom import LogRecord

INVOKED = " invoked oom-killer: "
"""What a report begins with: text to look for before anything is parsed."""
KILLED = "Killed process "
"""What a report ends with, where something was killed."""

_N = r"([0-9]{1,18})"
_HEADER = re.compile(
    r"(.*) invoked oom-killer: gfp_mask=(0x[0-9a-f]{1,16}(?:\([^)\n]*\))?),.*? order=(-?[0-9]{1,4})(?:,.*)?",
    re.DOTALL,
)
_COUNTERS = re.compile(r"[a-z_]+(?:\([a-z]+\))?:[0-9]{1,18}(?: [a-z_]+(?:\([a-z]+\))?:[0-9]{1,18})*")
_COUNTER = re.compile(rf"([a-z_]+(?:\([a-z]+\))?):{_N}")
_PLACE = re.compile(r"(?:Node [0-9]+ )?(?:[A-Z][A-Za-z0-9]* free:|active_anon:)[0-9]+kB ")
_KILOBYTES = re.compile(rf"([a-z_]+): ?{_N}kB")
_SUMMED = frozenset({"present", "kernel_stack", "zspages"})
_PAGES = re.compile(rf"{_N} pages (RAM|reserved)")
_SWAP = re.compile(rf"(Free|Total) swap *= *{_N}kB")
_HUGE = re.compile(rf"(?:Node [0-9]+ )?hugepages_total={_N} .*hugepages_size={_N}kB")
_CACHE = re.compile(rf"(.{{1,250}}?) +{_N}KB +{_N}KB")
_SITE = re.compile(rf" *([0-9]{{1,9}}(?:\.[0-9]{{1,3}})?) ([KMGTPE]iB|B) +{_N} (\S.*?) *")
_COLUMNS = re.compile(r"\[ *pid *\]( +uid +tgid +total_vm +rss [a-z_ ]*)name")
_CONSTRAINT = re.compile(r"oom-kill:constraint=(\w+),(?:.*,oom_memcg=(.*?),task_memcg=)?.*", re.DOTALL)
_OLD_LIMIT = re.compile(r"Task in .* killed as a result of limit of (.*)", re.DOTALL)
_USAGE = re.compile(rf"memory: usage {_N}kB, limit {_N}kB, failcnt [0-9]+")
_KILL = re.compile(
    rf"(?:.*: )?Killed process {_N}(?:, UID ([0-9]+),)? \((.*)\),?(?: UID ([0-9]+),)?"
    r"(?: ((?:total-vm|vsz):[0-9]+kB.*))?",
    re.DOTALL,
)
_AMOUNT = re.compile(rf"([A-Za-z-]+):{_N}(?:kB)?")
_LONGEST = 1 << 13
"""Characters of a message that are looked at: more than any kernel logs in one."""
_PAGE_SIZES = (4096, 8192, 16384, 65536)


@dataclass(slots=True)
class _Place:
    """Mem-Info as it comes in: a report's own, or that of an allocation that failed."""

    pages: dict[str, int] = field(default_factory=dict)
    kilobytes: dict[str, int] = field(default_factory=dict)

    def take(self, line: str) -> bool:
        if _COUNTERS.fullmatch(line):
            self.pages |= {name: int(number) for name, number in _COUNTER.findall(line)}
        elif _PLACE.match(line):
            for name, number in _KILOBYTES.findall(line):
                if name in _SUMMED:
                    self._add(name, int(number))
        elif found := _PAGES.fullmatch(line):
            self.pages[found[2].lower()] = int(found[1])
        elif found := _SWAP.fullmatch(line):
            self.kilobytes[f"swap_{found[1].lower()}"] = int(found[2])
        elif found := _HUGE.fullmatch(line):
            self._add("hugepages", int(found[1]) * int(found[2]))
        else:
            return False
        return True

    def _add(self, name: str, kilobytes: int) -> None:
        self.kilobytes[name] = self.kilobytes.get(name, 0) + kilobytes


@dataclass(slots=True)
class _Draft:
    """A report whose lines are still coming."""

    seconds: float | None
    stamp: str | None
    header: re.Match[str] | None
    memory: _Place
    slab: list[OomCache] | None = None
    sites: list[OomSite] | None = None
    columns: list[str] | None = None
    tasks: list[dict[str, int | str]] = field(default_factory=list)
    constraint: str | None = None
    cgroup: str | None = None
    limit: int | None = None
    kills: list[OomKill] = field(default_factory=list)
    is_group: bool = False

    def take(self, text: str) -> None:
        """One line; the parts come in the kernel's order, so that a line is only looked for where it may be."""
        if found := _CONSTRAINT.fullmatch(text):
            self.constraint = found[1]
            self.cgroup = found[2] if found[2] is not None else self.cgroup
        elif found := _OLD_LIMIT.fullmatch(text):
            self.cgroup = found[1]
        elif found := _USAGE.fullmatch(text):
            self.limit = int(found[2]) * 1024
        elif self.take_group(text):
            pass
        elif self.columns is not None:
            self._take_task(text)
        elif found := _COLUMNS.fullmatch(text):
            self.columns = found[1].split()
        elif text == "Unreclaimable slab info:":
            self.slab = []
        elif text.startswith("Memory allocations"):
            self.sites = []
        elif self.slab is not None and (found := _CACHE.fullmatch(text)):
            self.slab.append(OomCache(found[1], int(found[2]) * 1024, int(found[3]) * 1024))
        elif self.slab is None and self.sites is not None and (found := _SITE.fullmatch(text)):
            scale = 1024 ** "BKMGTPE".index(found[2][0])
            self.sites.append(OomSite(found[4], round(float(found[1]) * scale), int(found[3])))

    def take_group(self, text: str) -> bool:
        """Whether the line announces that a cgroup dies as a whole (memory.oom.group, 4.19+): more kills follow."""
        is_group = text.startswith("Tasks in ") and "memory.oom.group" in text
        self.is_group |= is_group
        return is_group

    def _take_task(self, text: str) -> None:
        columns = self.columns or []
        found = re.fullmatch(rf"\[ *{_N}\]" + r" +(-?[0-9]{1,18})" * len(columns) + r" (.*)", text, re.DOTALL)
        if found and not self.kills:
            pid, *numbers, name = found.groups()
            self.tasks.append({"pid": int(pid), "name": name, **dict(zip(columns, map(int, numbers), strict=True))})

    def finish(self, page_size: int | None) -> OomReport:
        unit = self._page_size() or page_size
        amounts = {name: number * 1024 for name, number in self.memory.kilobytes.items() if name != "present"}
        if unit:
            amounts |= {name: number * unit for name, number in self.memory.pages.items()}
        header = self.header
        return OomReport(
            self.seconds,
            self.stamp,
            header[1] if header else None,
            header[2] if header else None,
            int(header[3]) if header else None,
            self.constraint,
            self.cgroup,
            self.limit,
            unit,
            amounts,
            tuple(sorted(self.slab or (), key=lambda cache: -cache.total)),
            tuple(_task(row, unit) for row in self.tasks),
            tuple(self.sites or ()),
            tuple(self.kills),
        )

    def _page_size(self) -> int | None:
        """Bytes of a page, from what the report gives both in pages and in kB."""
        pages, kilobytes = self.memory.pages.get("ram"), self.memory.kilobytes.get("present")
        if not (pages and kilobytes):
            sizes = {row["pid"]: row.get("total_vm") for row in self.tasks}
            both = [(sizes.get(kill.pid), kill.total_vm) for kill in self.kills]
            pages, kilobytes = next(((int(p), v // 1024) for p, v in both if p and v), (None, None))
        if not (pages and kilobytes):
            return None
        ratio = kilobytes * 1024 / pages
        nearest = min(_PAGE_SIZES, key=lambda size: abs(size - ratio))
        return nearest if abs(nearest - ratio) < nearest / 4 else None


def parse_oom(records: Iterable[LogRecord], page_size: int | None = None) -> list[OomReport]:
    """The reports in a log, in its order; none where memory never ran out.

    Mem-Info of an allocation that merely failed is no report. A kill without a report before it, as the kernel logs
    them when they come too fast, is one of its own.

    Args:
        records: the log.
        page_size: bytes, for reports that are cut so short that they do not tell: that of the machine they are from.
    """
    drafts: list[_Draft] = []
    loose = _Place()
    for record, text in _lines(records):
        draft = drafts[-1] if drafts else None
        if found := _HEADER.fullmatch(text):
            drafts.append(_Draft(record.seconds, record.stamp, found, _Place()))
        elif KILLED in text and (found := _KILL.fullmatch(text)):
            if draft is None or (draft.kills and not draft.is_group):
                drafts.append(draft := _Draft(record.seconds, record.stamp, None, _Place()))
            if draft.cgroup is None and text.startswith("Memory cgroup out of memory"):
                draft.cgroup = ""
            draft.kills.append(_kill(found))
        elif draft is not None and not draft.kills:
            if draft.columns is not None or not draft.memory.take(text):
                draft.take(text)
        elif draft is not None and draft.take_group(text):
            pass
        elif text == "Mem-Info:":
            loose = _Place()
        elif not loose.take(text) and _begins_in_the_middle(text):
            drafts.append(_Draft(record.seconds, record.stamp, None, loose))
            drafts[-1].take(text)
            loose = _Place()
    return [draft.finish(page_size) for draft in drafts]


def _lines(records: Iterable[LogRecord]) -> Iterator[tuple[LogRecord, str]]:
    """Messages, those of Mem-Info a line each; one that a newline in a name had torn is put together again."""
    torn: LogRecord | None = None
    for record in records:
        if torn is not None:
            record = torn._replace(text=f"{torn.text}\n{record.text}")  # noqa: PLW2901  # what was torn and this are one
            torn = None
        text = record.text[:_LONGEST]
        if KILLED in text and ")" not in text and text.count("\n") < 3 and len(text) < 200:
            torn = record
        elif "\n" in text and text.startswith("active_anon:"):
            for line in text.split("\n"):
                yield record, line.strip(" ")
        else:
            # Task names may end in spaces; what stands before a line is the kernel's, or the journal's.
            yield record, text.lstrip(" ") if text.startswith(" ") else text


def _begins_in_the_middle(text: str) -> bool:
    """Whether a line is one that only these reports have."""
    return (
        text == "Unreclaimable slab info:" or text.startswith("oom-kill:constraint=") or bool(_COLUMNS.fullmatch(text))
    )


def _task(row: Mapping[str, Any], unit: int | None) -> OomTask:
    def pages(column: str) -> int | None:
        number = row.get(column)
        return None if number is None or unit is None else number * unit

    tables = row.get("pgtables_bytes")
    if tables is None and pages("nr_ptes") is not None:
        tables = (pages("nr_ptes") or 0) + (pages("nr_pmds") or 0) + (pages("nr_puds") or 0)
    return OomTask(
        row["pid"],
        row["name"],
        row.get("uid"),
        pages("total_vm"),
        pages("rss"),
        pages("rss_anon"),
        pages("rss_shmem"),
        tables,
        pages("swapents"),
        row.get("oom_score_adj"),
    )


def _kill(found: re.Match[str]) -> OomKill:
    amounts = {name: int(number) for name, number in _AMOUNT.findall(found[5] or "")}

    def size(*names: str) -> int | None:
        return next((amounts[name] * 1024 for name in names if name in amounts), None)

    uid = found[2] or found[4] or amounts.get("UID")
    return OomKill(
        int(found[1]),
        found[3],
        None if uid is None else int(uid),
        size("total-vm", "vsz"),
        size("anon-rss"),
        size("file-rss"),
        size("shmem-rss"),
        size("pgtables"),
    )
