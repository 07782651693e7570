"""Who allocates this: what `K` offers on a row, what is asked first, and where the answer shows and stays."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.allocations import AskError, Facility, Watch
from leaktop.model.allocations import Allocations, Site, Subject
from leaktop.recording.reader import Recording, TapedChapters
from leaktop.ui.app import LeaktopApp
from leaktop.ui.travel import Replayed
from tests.ui.fake_source import Live, growing, live
from tests.ui.replayed import press, travelled

if TYPE_CHECKING:
    from leaktop.model.sample import Event

STACK = ("kmem_cache_alloc_noprof+0x111/0x2f0", "leaky_open+0x2b/0xd0 [leaky]", "kind_leak+0x1c/0x80 [leaky]")
SITE = Site(STACK, 4447, 4447 * 2048, None, "leaky", None, 0.5, 9.0, ("evil\x1b[2J (42)",))


class Kernel:
    """A kernel that can be asked: what was asked of it, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[Subject] = []
        self.writes = True
        self.waits = False
        self.is_left_alone = threading.Event()
        self.why_not: str | None = None

    def choose(self, subject: Subject, *, may_write: bool) -> Facility:
        if self.why_not or (self.writes and not may_write):
            raise AskError(self.why_not or "tracefs: it writes to the kernel, and that is not allowed")
        return Facility("tracefs", 40, "records every allocation", self.writes, lambda *_: None, self.find)

    def find(self, watch: Watch) -> Allocations:
        self.asked.append(watch.subject)
        if self.waits:
            watch.stop.wait(10)
        self.is_left_alone.set()
        return Allocations(watch.subject, "tracefs", (SITE,), 10.0, 7, 1, ("frees on \x1b]0;x\x07 are not seen",))


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr("leaktop.engine.allocations.choose", kernel.choose)
    return kernel


async def answered(shown: Live) -> None:
    for thread in threading.enumerate():
        if thread.name == "leaktop-allocators":
            thread.join(5)
    await shown.settle()


def events(shown: Live) -> list[Event]:
    assert shown.app.live is not None
    return list(Recording(TapedChapters(shown.app.live.tape)).events())


async def to_row(shown: Live, pane: str, name: str) -> None:
    """Put the cursor on the one row of a pane that a filter leaves."""
    await shown.press(pane, "slash")
    await shown.type(name)
    await shown.press("enter", "g")


async def test_the_allocator_is_asked_for_confirmed_named_and_recorded(kernel: Kernel) -> None:
    async with live(growing(12), size=(160, 48), first=4) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K")
        assert "who allocates kmalloc-2k?" in shown.text("#actions")
        await shown.press("a")
        words = " ".join(shown.text("#confirm").split())
        assert "tracefs records every allocation." in words
        assert kernel.asked == []
        await shown.press("y")
        await answered(shown)
        [subject] = kernel.asked
        assert (subject.kind, subject.name, subject.object_size) == ("slab", "kmalloc-2k", 2048)
        said = " ".join(shown.said().split())
        assert "kmalloc-2k is allocated by leaky_open < kind_leak [leaky] (4447, 8.69M)" in said
        assert "7 events were lost" in said
        await shown.ticks(2)
        [event] = events(shown)
        assert event.kind == "allocations"
        assert event.text in said
        await shown.press("enter")
        assert "leaky_open+0x2b/0xd0 [leaky] < kind_leak+0x1c/0x80 [leaky]" in shown.text()
        assert "kmem_cache_alloc_noprof" not in shown.text()
        assert "\x1b" not in shown.text()


async def test_it_can_be_asked_from_the_drill_down(kernel: Kernel) -> None:
    async with live(growing(12), size=(160, 48), first=4) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("enter")
        assert "who allocates it?" in shown.text()
        assert "leaky_open" not in shown.text()
        await shown.press("K", "a", "y")
        await answered(shown)
        await shown.ticks(1)
        assert "leaky_open+0x2b/0xd0" in shown.text()


@pytest.mark.parametrize("keys", ["n", "escape", "enter"])
async def test_without_a_yes_nothing_is_traced(kernel: Kernel, keys: str) -> None:
    async with live(growing(8), first=4) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K", "a", keys)
        await answered(shown)
        assert kernel.asked == []


async def test_what_writes_nothing_needs_no_yes_and_is_there_in_read_only(kernel: Kernel) -> None:
    kernel.writes = False
    async with live(growing(8), first=4, is_read_only=True) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K")
        assert "drop" not in shown.text("#actions")
        await shown.press("a")
        await answered(shown)
        assert [subject.name for subject in kernel.asked] == ["kmalloc-2k"]


async def test_read_only_does_not_trace(kernel: Kernel) -> None:
    async with live(growing(8), first=4, is_read_only=True) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K", "a")
        await answered(shown)
        assert kernel.asked == []
        assert "writes to the kernel" in shown.said()


async def test_a_caller_of_vmalloc_and_a_suspect_can_be_asked_about(kernel: Kernel) -> None:
    kernel.writes = False
    async with live(growing(12), size=(160, 48), first=10) as shown:
        await to_row(shown, "3", "bpf_prog_alloc_no_stats")
        await shown.press("K", "a")
        await answered(shown)
        await to_row(shown, "8", "kmalloc-2k")
        await shown.press("K", "a")
        await answered(shown)
        assert [(subject.kind, subject.name) for subject in kernel.asked] == [
            ("vmalloc", "bpf_prog_alloc_no_stats"),
            ("slab", "kmalloc-2k"),
        ]


async def test_a_row_that_nobody_can_be_asked_about_has_no_such_offer(kernel: Kernel) -> None:
    async with live(growing(8), first=4) as shown:
        await shown.press("6", "K")
        assert "who allocates" not in shown.text("#actions")


async def test_where_no_facility_answers_it_says_why(kernel: Kernel) -> None:
    kernel.why_not = "tracefs: needs root: sudo leaktop"
    async with live(growing(8), first=4) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K", "a")
        assert "Who allocates kmalloc-2k cannot be told here. tracefs: needs root" in " ".join(shown.said().split())


async def test_asking_again_ends_it_with_what_was_seen(kernel: Kernel) -> None:
    kernel.writes, kernel.waits = False, True
    async with live(growing(12), size=(160, 48), first=4) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K", "a")
        await shown.ticks(1)
        assert "asking who allocates kmalloc-2k" in shown.text()
        await shown.press("K")
        assert "stop asking who allocates kmalloc-2k" in shown.text("#actions")
        await shown.press("a")
        await answered(shown)
        assert "leaky_open" in shown.said()


async def test_a_replay_shows_who_it_was(kernel: Kernel) -> None:
    kernel.writes = False
    async with live(growing(20), first=4) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K", "a")
        await answered(shown)
        await shown.ticks(10)
        assert shown.app.live is not None
        recording = Recording(TapedChapters(shown.app.live.tape))
        engine, source = shown.engine, shown.source
    app = LeaktopApp(None, None, replayed=Replayed(recording, plays=False))
    async with app.run_test(size=(160, 48), notifications=True) as pilot:
        replayed = Live(app, pilot, source, engine)
        await travelled(replayed)
        await press(replayed, "right_parenthesis")
        assert "allocated by leaky_open" in replayed.lines("#header")[0]
        await press(replayed, "K")
        assert "This is a replay" in replayed.said()
        assert len(kernel.asked) == 1


async def test_quitting_leaves_the_kernel_as_it_was_found(kernel: Kernel) -> None:
    kernel.writes, kernel.waits = False, True
    async with live(growing(8), first=4) as shown:
        await to_row(shown, "2", "kmalloc-2k")
        await shown.press("K", "a")
        assert not kernel.is_left_alone.is_set()
    assert kernel.is_left_alone.is_set()
