from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.oom import LogRecord, OomKill, OomReport, OomTask
from leaktop.parsers.kernel_log import parse_kernel_log
from leaktop.parsers.oom import parse_oom

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND = "oom"
OWN = Path(__file__).parents[1] / "data" / "oom"


def reports(content: bytes | str) -> list[OomReport]:
    return parse_oom(parse_kernel_log(content if isinstance(content, bytes) else content.encode()))


def own(machine: str) -> str:
    return (OWN / f"{machine}.txt").read_text()


def bare(capture: bytes) -> list[str]:
    return [re.sub(r"^\[ *[0-9]+\.[0-9]+\] ", "", line) for line in capture.decode().splitlines()]


def test_every_line_of_a_capture_is_in_its_report(capture: bytes) -> None:
    lines = bare(capture)
    found = reports(capture)
    expected = sum(" invoked oom-killer: " in line for line in lines)
    if not expected:  # one failed allocation, and one report without its beginning
        expected = int("Unreclaimable slab info:" in lines)
    assert len(found) == expected
    if not found:
        return
    [report] = found
    caches = [line.split() for line in lines if re.search(r"[0-9]KB +[0-9]+KB$", line)]
    assert sorted((cache.name, cache.used, cache.total) for cache in report.slab) == sorted(
        (" ".join(name), int(used[:-2]) * 1024, int(total[:-2]) * 1024) for *name, used, total in caches
    )
    tasks = [line.replace("[", "").replace("]", "").split() for line in lines if re.match(r"\[ *[0-9]+\] ", line)]
    size = report.page_size or 0
    assert [(task.pid, task.uid, task.total_vm, task.rss) for task in report.tasks] == [
        (int(pid), int(uid), int(vm) * size, int(rss) * size) for pid, uid, _, vm, rss, *_ in tasks
    ]
    # "tmux: client" is two words
    assert [task.name.split()[-1] for task in report.tasks] == [task[-1] for task in tasks]
    counters = " ".join(line.strip() for line in lines if re.fullmatch(r" *([a-z_]+:[0-9]+ ?)+", line)).split()
    for name, pages in (counter.split(":") for counter in counters):
        assert report.memory[name] == int(pages) * size
    assert len(report.sites) == sum(" func:" in line for line in lines)
    assert len(report.killed) == sum("Killed process" in line for line in lines)


def test_a_whole_report_of_7_2() -> None:
    [report] = reports(own("vm-7.2b-oom_user"))
    assert (report.invoker, report.order, report.constraint, report.cgroup) == ("helper", 0, "CONSTRAINT_NONE", None)
    assert report.gfp == "0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP)"
    assert report.page_size == 4096
    assert report.memory["inactive_anon"] == 106548 * 4096
    assert report.memory["ram"] == 130939 * 4096
    assert report.memory["kernel_stack"] == (608 + 224) << 10
    assert report.tasks[0] == OomTask(
        7982, "helper", 0, 106648 << 12, 106450 << 12, 106292 << 12, 157 << 12, 888832, 0, 500
    )
    assert report.killed == (OomKill(7982, "helper", 0, 426592 << 10, 425168 << 10, 4 << 10, 628 << 10, 868 << 10),)
    assert report.sites[0] == ("mm/memory.c:1207 func:folio_prealloc", 415 << 20, 106307)
    assert report.sites[1].bytes == round(13.3 * (1 << 20))


OLD = """\
[12.5] java invoked oom-killer: gfp_mask=0x201da, order=0, oom_adj=0, oom_score_adj=0
[12.5] java cpuset=/ mems_allowed=0
[12.5] Mem-Info:
[12.5] Node 0 DMA per-cpu:
[12.5] CPU    0: hi:    0, btch:   1 usd:   0
[12.5] active_anon:453060 inactive_anon:41 isolated_anon:0
[12.5]  active_file:11 inactive_file:20 isolated_file:0
[12.5]  free:3355 slab_reclaimable:1200 slab_unreclaimable:2431
[12.5] Node 0 DMA free:15908kB min:268kB present:15992kB managed:15908kB kernel_stack:0kB all_unreclaimable? yes
[12.5] Node 0 DMA32 free:13420kB min:44688kB present:2031608kB managed:1950176kB kernel_stack:1040kB bounce:0kB
[12.5] 511900 pages RAM
[12.5] 20379 pages reserved
[12.5] [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name
[12.5] [  300]     0   300     9000      200      18       21         -1000 udevd
[12.5] [ 4711]  1000  4711   600000   451000     950        0             0 java
[12.5] Out of memory: Kill process 4711 (java) score 900 or sacrifice child
[12.5] Killed process 4711 (java) total-vm:2400000kB, anon-rss:1804000kB, file-rss:0kB
"""


def test_a_report_of_3_10() -> None:
    [report] = reports(OLD)
    assert (report.seconds, report.invoker, report.gfp, report.order) == (12.5, "java", "0x201da", 0)
    assert report.memory["active_anon"] == 453060 * 4096
    assert report.memory["kernel_stack"] == 1040 << 10
    assert [(task.name, task.swap, task.page_tables) for task in report.tasks] == [
        ("udevd", 21 << 12, 18 << 12),
        ("java", 0, 950 << 12),
    ]
    assert report.killed == (OomKill(4711, "java", None, 2400000 << 10, 1804000 << 10, 0, None, None),)


def test_red_hats_kill_line_has_its_uid_elsewhere() -> None:
    [report] = reports("Killed process 12 (java), UID 1000, total-vm:24kB, anon-rss:8kB, file-rss:4kB, shmem-rss:0kB\n")
    assert report.killed == (OomKill(12, "java", 1000, 24 << 10, 8 << 10, 4 << 10, 0, None),)


def test_tables_of_3_2() -> None:
    old = OLD.replace("nr_ptes swapents oom_score_adj", "cpu oom_adj oom_score_adj")
    assert [(task.name, task.swap, task.page_tables) for task in reports(old)[0].tasks] == [
        ("udevd", None, None),
        ("java", None, None),
    ]


CGROUP = """\
sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
memory: usage 102400kB, limit 102400kB, failcnt 94
swap: usage 0kB, limit 0kB, failcnt 0
Memory cgroup stats for /box:
anon 104000000
Tasks state (memory values in pages):
[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
[    812]     0   812    26000    25000   245760        0             0 sh
[    813]     0   813    26000      300   245760        0             0 cat
oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/box,task_memcg=/box/in,task=sh,pid=812,uid=0
Memory cgroup out of memory: Killed process 812 (sh) total-vm:104000kB, anon-rss:99000kB, file-rss:4kB, UID:0
"""


def test_a_cgroups_limit() -> None:
    [report] = reports(CGROUP)
    assert (report.constraint, report.cgroup, report.limit) == ("CONSTRAINT_MEMCG", "/box", 102400 << 10)
    assert report.page_size == 4096  # told by total-vm, in pages and in kB
    assert report.tasks[0].rss == 25000 << 12


def test_a_cgroup_that_dies_as_a_whole_is_one_report() -> None:
    group = "Tasks in /box are going to be killed due to memory.oom.group set\n"
    second = CGROUP.splitlines()[-1].replace("812 (sh)", "813 (cat)")
    [report] = reports(f"{CGROUP}{group}{second}\n")
    assert [kill.name for kill in report.killed] == ["sh", "cat"]
    first, other = reports(f"{CGROUP}{second}\n")
    assert [kill.name for kill in (*first.killed, *other.killed)] == ["sh", "cat"]
    assert other.invoker is None
    assert other.tasks == ()


def test_several_reports_and_what_lies_between() -> None:
    between = "[20.0] Mem-Info:\n[20.0] active_anon:1 inactive_anon:2\n[21.0] usb 1-1: new device\n"
    assert reports(OLD + between + CGROUP + OLD) == [*reports(OLD), *reports(CGROUP), *reports(OLD)]


def test_a_failed_allocation_is_no_report() -> None:
    assert reports("a: page allocation failure: order:8\nMem-Info:\nactive_anon:0 inactive_anon:0\n1 pages RAM\n") == []


def test_a_log_that_begins_within_a_report() -> None:
    text = own("vm-7.2b-oom_slab")
    [whole] = reports(text)
    [late] = reports(text[text.index("\nMem-Info:") + 1 :])
    assert late.memory == whole.memory
    assert (late.slab, late.tasks, late.killed) == (whole.slab, whole.tasks, whole.killed)
    assert late.invoker is None
    assert late.order is None
    [latest] = reports(text[text.index("\nTasks state") + 1 :])
    assert latest.killed == whole.killed
    assert [task.pid for task in latest.tasks] == [task.pid for task in whole.tasks]


def test_without_a_page_size_there_are_no_bytes() -> None:
    text = OLD[OLD.index("[12.5] [ pid ]") : OLD.index("[12.5] Out of memory")]
    [report] = reports(text)
    assert [(task.name, task.rss, task.total_vm) for task in report.tasks] == [
        ("udevd", None, None),
        ("java", None, None),
    ]
    [told] = parse_oom(parse_kernel_log(text.encode()), 65536)
    assert told.tasks[1].rss == 451000 << 16


def test_pages_of_64_kib_are_told_from_the_zones() -> None:
    large = OLD.replace("present:2031608kB", "present:32745608kB")
    assert reports(large)[0].page_size == 65536


COMMS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=15) | st.sampled_from(
    [") total-vm:9kB", "a) (b", "Mem-Info:", "x,pid=1,uid=0", "[ 1] 2 3 4", "\x1b[31m", "oom-kill:", " ", "a\nb"]
)


def as_kmsg(messages: Sequence[str]) -> list[LogRecord]:
    return [LogRecord(text, float(at), None, at) for at, text in enumerate(messages)]


@given(COMMS)
def test_any_name_survives_in_the_records_of_dev_kmsg(comm: str) -> None:
    messages = [
        f"{comm} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "Mem-Info:",
        "active_anon:1 inactive_anon:2 isolated_anon:0\n active_file:3",
        "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
        f"[   12]     0    12        5        4       1        0             0 {comm}",
        f"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/,task={comm},pid=12,uid=0",
        f"Out of memory: Killed process 12 ({comm}) total-vm:20kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:7",
    ]
    [report] = parse_oom(as_kmsg(messages))
    assert (report.invoker or "").lstrip(" ") == comm.lstrip(" ")
    assert report.constraint == "CONSTRAINT_NONE"
    assert [task.name for task in report.tasks] == [comm]
    assert report.killed == (OomKill(12, comm, 7, 20480, 4096, 0, 0, None),)
    assert report.memory == {"active_anon": 4096, "inactive_anon": 8192, "isolated_anon": 0, "active_file": 12288}


def test_a_name_with_a_newline_in_the_text_of_a_log() -> None:
    [report] = reports(OLD.replace("(java) total-vm", "(ja\n[12.5] va) total-vm"))
    assert [(kill.name, kill.anon) for kill in report.killed] == [("ja\nva", 1804000 << 10)]


@settings(max_examples=60)
@given(st.data())
def test_a_log_that_is_cut_or_damaged_never_tells_more_than_the_whole(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from([own("vm-7.2b-oom_slab"), OLD, CGROUP])).splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    [whole] = reports("".join(lines))
    for report in reports("".join(lines[start:end])):
        assert set(report.killed) <= set(whole.killed)
        assert {task.pid for task in report.tasks} <= {task.pid for task in whole.tasks}
        assert set(report.slab) <= set(whole.slab)
        if report.page_size:
            assert report.memory.items() <= whole.memory.items() | {
                (name, report.memory[name]) for name in ("kernel_stack", "hugepages") if name in report.memory
            }


@given(st.lists(st.text()), st.data())
def test_any_text_is_some_log(junk: list[str], data: st.DataObject) -> None:
    lines = OLD.splitlines()
    for text in junk:
        lines.insert(data.draw(st.integers(0, len(lines))), text)
    for report in parse_oom(as_kmsg(lines)):
        assert len(report.tasks) <= 2 + len(junk)
