"""Who is accused, who is not, and why: machines that are told."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.sample import Tick
from leaktop.sources.text_form import encode
from tests.engine.stories import KIB, MACHINE, MIB, TOTAL, Story, case_of, flat, rising

if TYPE_CHECKING:
    from leaktop.model.diagnosis import Diagnosis
    from tests.engine.stories import Level

MINUTE, THREE = range(61), range(181)
QUIET = {"kmalloc-64": (64, flat(9000)), "filp": (256, flat(3000)), "dentry": (192, flat(50_000))}


def leaks(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(case.kind, case.name) for case in diagnosis.cases if case.is_leak]


def test_nothing_happens() -> None:
    found = Story(caches=QUIET).told(MINUTE)
    assert found.verdict.name == "none"
    assert leaks(found) == []
    assert {step.finding for step in found.triage} <= {"fine", "unknown"}


@pytest.mark.parametrize("seconds", [[0], [0, 1, 2, 3], range(10), [0, 100, 200]], ids=str)
def test_too_little_is_said_to_be_too_little(seconds: list[int]) -> None:
    found = Story(caches=QUIET | {"kmalloc-2k": (2048, rising(900))}).told(seconds)
    assert found.verdict.name == "insufficient"
    assert "not enough" in found.verdict.summary
    assert leaks(found) == []


def test_a_cache_that_rises_is_a_kernel_leak_with_its_rate_and_what_is_left() -> None:
    found = Story(caches=QUIET | {"kmalloc-2k": (2048, rising(50))}).told(THREE)
    assert found.verdict.name == "kernel-leak"
    (case,) = [case for case in found.cases if case.is_leak]
    assert (case.kind, case.name) == ("slab", "kmalloc-2k")
    assert case.rate == pytest.approx(50 * 2048, rel=0.03)
    assert (case.low or 0) <= (case.rate or 0) <= (case.high or 0)
    assert case.bytes == pytest.approx(50 * 180 * 2048, rel=0.03)
    assert case.share == pytest.approx(1.0, abs=0.05)
    assert case.eta == pytest.approx((TOTAL - 600 * MIB) / (50 * 2048), rel=0.1)
    assert case.confidence > 0.9
    assert "kmalloc-2k" in found.verdict.summary
    assert "memory is gone in" in found.verdict.summary
    assert any("alloc_traces" in command for command in case.next)


def test_ten_kilobytes_a_second_are_found_on_a_busy_machine() -> None:
    chance = random.Random(7)
    noise: dict[int, float] = {}

    def busy(second: float) -> float:
        return noise.setdefault(int(second), chance.uniform(100, 900)) * MIB

    found = Story(
        caches=QUIET | {"kmalloc-2k": (2048, rising(5)), "task_struct": (4096, lambda s: busy(s) / MIB)},
        processes={"cc1": (busy, flat(1), flat(9)), "make": (flat(5 * MIB), flat(1), flat(9))},
    ).told(range(0, 301, 2))
    assert leaks(found) == [("slab", "kmalloc-2k")]


def test_three_caches_in_step_are_one_unit_with_their_merged_names() -> None:
    packets = rising(35)
    caches = QUIET | {
        "kmalloc-2048": (2048, packets),
        "kmalloc-256": (256, packets),
        "Acpi-ParseExt": (72, packets),
        "kmalloc-512": (512, rising(61)),
    }
    shared = {"kmalloc-256": ("skbuff_head_cache", "bio-0"), "Acpi-ParseExt": ("TSPacket", "eventpoll_pwq")}
    found = Story(caches=caches, shared=shared).told(THREE)
    (unit,) = found.units
    assert {member.name: member.ratio for member in unit.members} == {
        "kmalloc-2048": 1, "kmalloc-256": 1, "Acpi-ParseExt": 1,
    }  # fmt: skip
    assert unit.bytes == 2376
    assert unit.per_second == pytest.approx(35, rel=0.05)
    assert "One leaked unit is 2,376 bytes" in found.verdict.summary
    assert "kmalloc-256 (shares its slab with skbuff_head_cache and 1 more)" in found.verdict.summary
    assert "(Acpi-ParseExt, TSPacket, ...)" in found.verdict.summary


def test_one_moment_tells_a_unit_from_counts_and_aliases_alone() -> None:
    caches = QUIET | {
        "kmalloc-2048": (2048, flat(1_058_194)),
        "kmalloc-256": (256, flat(1_058_462)),
        "Acpi-ParseExt": (72, flat(1_058_636)),
    }
    found = Story(caches=caches, shared={"Acpi-ParseExt": ("TSPacket",)}).told([0])
    assert found.verdict.name == "insufficient"
    (unit,) = found.units
    assert sorted(member.bytes for member in unit.members) == [72, 256, 2048]
    assert (unit.bytes, unit.per_second) == (2376, None)


def test_a_cache_of_names_is_growth_and_no_leak_until_it_does_not_shrink() -> None:
    caches = QUIET | {"dentry": (192, rising(9000)), "ext4_inode_cache": (1024, rising(8000))}
    reclaimable = {"SReclaimable": rising(9000 * 192 + 8000 * 1024)}
    found = Story(caches=caches, memory=reclaimable).told(MINUTE)
    assert found.verdict.name == "cache-growth"
    assert leaks(found) == []
    assert any("drop_caches" in command for command in case_of(found, "dentry").next)


def test_page_cache_is_cache() -> None:
    found = Story(caches=QUIET, memory={"Cached": rising(20 * MIB, 512 * MIB)}).told(MINUTE)
    assert found.verdict.name == "cache-growth"


def test_the_debug_kernels_own_cost_is_never_the_culprit() -> None:
    caches = QUIET | {"kmemleak_object": (328, rising(900)), "kmalloc-no-objext-64": (64, rising(900))}
    found = Story(caches=caches | {"kmalloc-64": (64, rising(900))}).told(THREE)
    assert leaks(found) == [("slab", "kmalloc-64")]
    assert "debug kernel" in case_of(found, "kmemleak_object").explained


def test_who_starts_threads_is_named_and_what_hangs_on_threads_is_not() -> None:
    threads = rising(4, 10)
    found = Story(
        caches=QUIET | {"task_struct": (4096, threads), "pid": (128, threads), "cred_jar": (192, threads)},
        areas={"dup_task_struct": threads},
        processes={"spawner": (lambda s: 20 * MIB + threads(s) * 12 * KIB, threads, flat(9)),
                   "init": (flat(MIB), flat(1), flat(9))},
    ).told(THREE)  # fmt: skip
    assert found.verdict.name == "user-leak"
    assert leaks(found) == [("process", "spawner (500)")]
    assert "starts threads" in found.verdict.summary
    assert "spawner" in case_of(found, "task_struct").explained


def test_a_task_struct_that_grows_while_tasks_do_not_is_the_kernels() -> None:
    found = Story(caches=QUIET | {"task_struct": (4096, rising(4))}).told(THREE)
    assert leaks(found) == [("slab", "task_struct")]


def test_who_collects_descriptors_is_named() -> None:
    fds = rising(20, 12)
    found = Story(
        caches=QUIET | {"filp": (256, fds), "sock_inode_cache": (832, fds), "kmalloc-96": (96, fds)},
        processes={"proxy": (flat(30 * MIB), flat(2), fds), "init": (flat(MIB), flat(1), flat(9))},
    ).told(THREE)
    assert found.verdict.name == "fd-leak"
    assert leaks(found) == [("fd", "proxy (500)")]
    top = found.cases[0]
    assert top.objects == 20 * 180
    assert top.rate == pytest.approx(20 * (256 + 1024 + 4096 / 42), rel=0.05)
    assert "/proc/500/fd" in top.next[0]


def test_filp_that_grows_while_nobody_opens_is_the_kernels() -> None:
    found = Story(caches=QUIET | {"filp": (256, rising(200))}).told(THREE)
    assert leaks(found) == [("slab", "filp")]


def test_a_queue_that_nobody_reads_is_named_with_its_owner_not_the_buffers_behind_it() -> None:
    found = Story(
        caches=QUIET | {"skbuff_head_cache": (256, rising(40)), "kmalloc-2k": (2048, rising(40))},
        sockets={"udp:5140": rising(40 * 2304)},
    ).told(THREE)
    assert found.verdict.name == "socket-backlog"
    assert leaks(found) == [("socket", "udp 127.0.0.1:5140")]
    assert "init (500) fd 3" in found.verdict.summary
    assert "udp" in case_of(found, "kmalloc-2k").explained


def test_buffers_beyond_what_queues_hold_are_lost() -> None:
    found = Story(
        caches=QUIET | {"skbuff_head_cache": (256, rising(400)), "kmalloc-2k": (2048, rising(400))},
        sockets={"udp:5140": rising(2304)},
    ).told(THREE)
    assert found.verdict.name == "kernel-leak"
    assert ("slab", "kmalloc-2k") in leaks(found)


def test_a_queue_that_stands_full_is_a_backlog() -> None:
    found = Story(caches=QUIET, sockets={"udp:5140": lambda s: min(s * 4, 10) * MIB}).told(THREE)
    assert found.verdict.name == "socket-backlog"
    assert "stands full" in found.cases[0].note


def test_a_queue_that_is_read_is_none() -> None:
    found = Story(caches=QUIET, sockets={"udp:5140": lambda s: (s % 9) * MIB}).told(THREE)
    assert found.verdict.name == "none"


def test_files_in_memory() -> None:
    memory = {"Shmem": rising(MIB, 4 * MIB), "Cached": rising(MIB, 512 * MIB)}
    found = Story(caches=QUIET, memory=memory).told(MINUTE)
    assert found.verdict.name == "tmpfs-growth"
    assert leaks(found) == [("tmpfs", "Shmem")]


def test_a_process_that_grows_and_one_that_comes_back() -> None:
    found = Story(
        caches=QUIET,
        processes={
            "leaky": (rising(200 * KIB, 50 * MIB), flat(3), flat(9)),
            "sawtooth": (lambda s: 50 * MIB + (s % 40) * 10 * MIB, flat(3), flat(9)),
            "settles": (lambda s: 900 * MIB * (1 - 0.9**s), flat(3), flat(9)),
        },
    ).told(THREE)
    assert found.verdict.name == "user-leak"
    assert leaks(found) == [("process", "leaky (500)")]
    assert "smaps_rollup" in found.cases[0].next[0]


def test_a_virtual_machine_fills_its_memory() -> None:
    found = Story(caches=QUIET, processes={"qemu-system-x86": (rising(9 * MIB), flat(4), flat(30))}).told(THREE)
    assert found.verdict.name == "none"


def test_huge_pages_that_were_set_aside() -> None:
    def pages(second: float) -> float:
        return 512 if second > 30 else 0

    memory: dict[str, Level] = {"HugePages_Total": pages, "HugePages_Free": pages}
    memory["Hugetlb"] = lambda second: pages(second) * 2 * MIB
    found = Story(caches=QUIET, memory=memory).told(MINUTE)
    assert found.verdict.name == "hugepages"
    assert found.cases[0].kind == "hugepages"
    assert "512 of 512" in found.verdict.summary
    assert leaks(found) == []


def test_a_balloon_that_is_counted_and_one_that_lowers_memtotal() -> None:
    def inflated(second: float) -> float:
        return min(second * 32, 1024) * MIB

    counted = Story(caches=QUIET, memory={"Balloon": inflated, "hidden": lambda s: 10 * MIB + inflated(s)})
    silent = Story(caches=QUIET, memory={"MemTotal": lambda second: TOTAL - inflated(second)})
    for story in (counted, silent):
        found = story.told(MINUTE)
        assert found.verdict.name == "balloon"
        assert found.cases[0].kind == "balloon"
        assert leaks(found) == []


def test_memory_that_no_counter_names() -> None:
    found = Story(caches=QUIET, memory={"hidden": rising(200 * KIB, 10 * MIB)}, areas={"bpf_prog_alloc": flat(9)}).told(
        THREE
    )
    assert found.verdict.name == "kernel-leak"
    assert leaks(found) == [("residual", "residual")]
    assert any("right to about" in sentence for sentence in found.cases[0].evidence)


def test_slab_that_no_line_of_slabinfo_shows() -> None:
    def slab(second: float) -> float:
        return 200 * MIB + second * 256 * KIB

    found = Story(caches=QUIET, memory={"Slab": slab, "SUnreclaim": slab}).told(MINUTE)
    assert leaks(found) == [("slab", "large kmalloc")]


@pytest.mark.parametrize(
    ("counter", "kind", "verdict"),
    [("Percpu", "percpu", "kernel-leak"), ("KernelStack", "kernelstack", "kernel-leak"),
     ("PageTables", "pagetables", "user-leak")],
)  # fmt: skip
def test_counters_that_nobody_owns(counter: str, kind: str, verdict: str) -> None:
    found = Story(caches=QUIET, memory={counter: rising(64 * KIB, 4 * MIB)}).told(MINUTE)
    assert found.verdict.name == verdict
    assert leaks(found) == [(kind, counter)]


def test_a_caller_of_vmalloc() -> None:
    found = Story(caches=QUIET, areas={"driver_ring_alloc": rising(3), "bpf_prog_alloc": flat(20)}).told(MINUTE)
    assert leaks(found) == [("vmalloc", "driver_ring_alloc")]
    assert found.cases[0].rate == pytest.approx(3 * 16 * KIB, rel=0.05)


def test_a_leak_that_begins_late_is_found_in_the_late_part() -> None:
    found = Story(caches=QUIET | {"kmalloc-2k": (2048, rising(100, begins=150))}).told(range(301))
    assert leaks(found) == [("slab", "kmalloc-2k")]


def test_what_came_and_went_before_is_expected_to_go_again() -> None:
    def breathes(second: float) -> float:
        return 20_000 if second < 60 else 100 * max(second - 120, 0)

    found = Story(caches=QUIET | {"kmalloc-2k": (2048, breathes)}).told(THREE)
    assert leaks(found) == []


def test_the_fastest_leads_and_the_verdict_is_its() -> None:
    found = Story(
        caches=QUIET | {"kmalloc-2k": (2048, rising(20))},
        processes={"leaky": (rising(MIB, 50 * MIB), flat(3), flat(9))},
    ).told(THREE)
    assert leaks(found) == [("process", "leaky (500)"), ("slab", "kmalloc-2k")]
    assert found.verdict.name == "user-leak"
    assert "Also: kmalloc-2k" in found.verdict.summary


def test_names_come_raw_and_whole() -> None:
    """What shows them makes them harmless; here they are as the kernel printed them."""
    found = Story(caches=QUIET | {"a[b]\x1b": (2048, rising(90))}).told(MINUTE)
    assert leaks(found) == [("slab", "a[b]\x1b")]


def test_commands_are_safe_to_paste() -> None:
    found = Story(caches=QUIET | {"x;reboot": (2048, rising(90))}, areas={"$(reboot)": rising(9)}).told(MINUTE)
    commands = [command for case in found.cases if case.is_leak for command in case.next]
    assert "grep '$(reboot)' /proc/vmallocinfo" in commands
    assert any("slub_debug=U,'x;reboot'" in command for command in commands)


def test_an_hour_of_quiet_does_not_hide_what_begins_now() -> None:
    seconds = range(3601)
    found = Story(caches=QUIET | {"kmalloc-2k": (2048, rising(100, begins=3480))}).told(seconds)
    assert leaks(found) == [("slab", "kmalloc-2k")]


def test_what_levels_off_is_not_begun_anew_in_every_late_part() -> None:
    found = Story(caches=QUIET | {"kmalloc-2k": (2048, lambda s: 20_000 * (1 - 0.5 ** (s / 22)))}).told(range(148))
    assert leaks(found) == []


def test_inodes_of_files_in_memory_are_no_cache_but_follow_the_files() -> None:
    caches = QUIET | {"shmem_inode_cache": (680, rising(60))}
    assert leaks(Story(caches=caches).told(THREE)) == [("slab", "shmem_inode_cache")]
    memory = {"Shmem": rising(60 * 4096, 4 * MIB), "Cached": rising(60 * 4096, 512 * MIB)}
    assert leaks(Story(caches=caches, memory=memory).told(THREE)) == [("tmpfs", "Shmem")]


def test_a_large_machine_has_more_going_on() -> None:
    grows = {"worker": (rising(9 * KIB, 50 * MIB), flat(3), flat(9))}
    assert leaks(Story(caches=QUIET, processes=grows).told(THREE)) == [("process", "worker (500)")]
    large = {"MemTotal": flat(64 << 30)}
    assert leaks(Story(caches=QUIET, processes=grows, memory=large).told(THREE)) == []


def test_sockets_that_are_read_rarely_are_not_taken_for_a_staircase() -> None:
    story = Story(caches=QUIET, sockets={"udp:5140": rising(90 * KIB)})
    engine = Engine(MACHINE)
    for second in range(121):
        tick = story.tick(second)
        kept = [s for s in tick.samples if s.probe != "sock_diag" or second % 20 == 0]
        frame = engine.feed(Tick(tick.mono, tick.wall, tuple(kept)))
    assert leaks(frame.diagnosis) == [("socket", "udp 127.0.0.1:5140")]
    assert len(engine.read_times("sockets", frame.mono)) == 7


def test_a_ring_that_is_set_aside_is_no_backlog() -> None:
    row = f"packet\teth0\t\t\t0\t0\t0\t0\t0\t9\t0\teth0\t{4 * MIB}\tc"
    story = Story(caches=QUIET, more={"sock_diag": lambda _second: encode("sock_diag", [row, "=\tpacket\t1"])})
    frame = story.frame(THREE)
    assert [r.size.value for r in frame.sections["sockets"].rows] == [4 * MIB]
    assert leaks(frame.diagnosis) == []
