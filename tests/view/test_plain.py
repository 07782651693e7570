"""What is told in lines: each change once, in whole sentences, nothing that a terminal would obey."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.diagnosis import Case, Diagnosis, Verdict
from leaktop.model.sample import Event, Fault, Machine, RawSample, Tick
from leaktop.view.plain import SUMMARY_EVERY, Narrator

if TYPE_CHECKING:
    from leaktop.model.frame import Frame

MACHINE = Machine("6.18", "lab", 4096, None, "x86_64", None, None, is_live=True)
MEMINFO = b"MemTotal: 1024000 kB\nMemAvailable: 512000 kB\n"


def case(name: str, size: int, *, is_leak: bool = True) -> Case:
    return Case(
        "slab", "slab", (name, 0), name, (), "", size, None, 1024.0, None, None, None, None, 3600.0, 0.97, is_leak,
        False, "",
    )  # fmt: skip


def at(seconds: float, *cases: Case, verdict: str = "none", slab: Fault | None = None, wall: float = 1e9) -> Frame:
    """A moment at which this was concluded."""
    given: dict[str, bytes | Fault] = {"meminfo": MEMINFO, "slabinfo": slab or b"slabinfo - version: 2.1\n# name\n"}
    samples = tuple(
        RawSample(name, None, found, seconds, wall + seconds)
        if isinstance(found, Fault)
        else RawSample(name, found, None, seconds, wall + seconds)
        for name, found in given.items()
    )
    frame = Engine(MACHINE).feed(Tick(seconds, wall + seconds, samples))
    diagnosis = Diagnosis(Verdict(verdict, f"Because of {verdict}."), cases, (), (), 60.0, None)  # type: ignore[arg-type]  # less than the real thing will do here
    return replace(frame, conclude=lambda _: diagnosis, rank=lambda _: ())


def told(*frames: Frame) -> list[list[str]]:
    narrator = Narrator()
    return [[line[9:] for line in narrator.tell(frame)] for frame in frames]


def test_it_begins_with_the_machine_and_the_verdict_and_then_says_nothing_while_nothing_changes() -> None:
    first, *rest = told(*(at(float(n)) for n in range(120)))
    assert first[0].startswith("On 2001-09-")
    assert "watching lab, Linux 6.18. Of 0.98G memory 500M are available." in first[0]
    assert first[1:] == ["Verdict: No leak was seen. Because of none."]
    assert not any(rest)


def test_a_leak_is_told_when_it_appears_whenever_it_doubled_and_when_it_is_accused_no_more() -> None:
    grown = [1 << 20, 1 << 20, (2 << 20) - 1, 2 << 20, 3 << 20, 4 << 20]
    frames = [at(0.0), *(at(5.0 * n, case("leaky", size), verdict="kernel-leak") for n, size in enumerate(grown, 1))]
    lines = told(*frames, at(35.0, verdict="kernel-leak"), at(45.0), at(50.0))
    assert lines[1] == [
        "Verdict now: Kernel memory leak. Because of kernel-leak.",
        "New leak: slab cache leaky, +60K a minute, +1.00M since the baseline, 97% sure, and memory is gone in 1h00m.",
    ]
    assert [[line.partition(":")[0] for line in each] for each in lines[2:]] == [
        [], [], ["Worse"], [], ["Worse"], [], ["Verdict now", "No longer accused"], [],
    ]  # fmt: skip


def test_what_flickers_is_told_once() -> None:
    flickering = [at(5.0 * n, *([case("leaky", 4096)] if n % 2 else [])) for n in range(40)]
    assert sum("leaky" in line for lines in told(*flickering) for line in lines) == 1


def test_what_cannot_be_read_is_told_with_what_helps_and_when_it_can_be_again() -> None:
    fault = Fault("denied", "/proc/slabinfo needs root", "sudo leaktop")
    lines = told(at(0.0, slab=fault), at(5.0, slab=fault), at(10.0), at(15.0))
    assert "Slab cannot be read: /proc/slabinfo needs root. What helps: sudo leaktop." in lines[0]
    assert lines[1:] == [[], ["Slab can be read again."], []]
    assert not any("Allocinfo" in line for each in lines for line in each)


def test_a_summary_comes_now_and_then_and_at_the_end() -> None:
    narrator = Narrator()
    frames = [at(5.0 * n, case("leaky", 4096), verdict="kernel-leak") for n in range(int(2 * SUMMARY_EVERY / 5) + 1)]
    lines = [line[9:] for frame in frames for line in narrator.tell(frame)]
    assert [line.partition(".")[0] for line in lines if "Summary" in line] == [
        "Summary after 5m00s",
        "Summary after 10m00s",
    ]
    (last,) = narrator.end(frames[-1])
    assert "The end, after 10m00s." in last
    assert "Leaks: slab cache leaky" in last


def test_another_boot_is_greeted_anew_and_a_new_day_is_named() -> None:
    lines = told(at(1000.0), at(90000.0), at(5.0))
    assert lines[1][0].startswith("It is 2001-09-")
    assert lines[2][0].startswith("On 2001-09-")


def test_hostile_names_are_harmless() -> None:
    name = "a\x1b]52;c;ZWNobw==\x07\n\u202eevil" + "x" * 10_000
    narrator = Narrator()
    frame = at(0.0, case(name, 4096), verdict="kernel-leak", slab=Fault("failed", name, name))
    event = Event(0.0, 1e9, "oom", name)
    for line in [*narrator.tell(frame), narrator.event(event), narrator.notice(1e9, name), *narrator.end(frame)]:
        assert line.isprintable()
        assert len(line) < 20_000
