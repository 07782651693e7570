from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import PageStack
from leaktop.model.sample import ParseError
from leaktop.parsers.page_owner import parse_stacks, sum_page_owner
from tests.corpus import ABSENT, CORPUS, DATA, captures, content

if TYPE_CHECKING:
    from pathlib import Path


def frames_of(lines: list[str]) -> tuple[str, ...]:
    return tuple(re.sub(r"^\[<\w+>\] ", "", line.strip()) for line in lines if line.startswith(" "))


@pytest.mark.parametrize("path", captures("page_owner_stacks"), ids=lambda path: path.stem)
def test_every_stack_of_a_capture(path: Path) -> None:
    blocks = content(path).decode().split("\n\n")
    expected = [
        PageStack(frames_of(lines), int(lines[-1].removeprefix("nr_base_pages: ")))
        for lines in (block.strip("\n").split("\n") for block in blocks)
        if lines[-1].startswith("nr_base_pages")
    ]
    assert parse_stacks(content(path)) == expected
    assert expected


@pytest.mark.parametrize("path", captures("page_owner"), ids=lambda path: path.stem)
def test_every_page_of_a_capture(path: Path) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for block in content(path).decode().split("\n\n"):
        order = re.search(r"via order (\d+)", block)
        times = re.match(r"(\d+) times:", block.strip())
        if order:
            expected[frames_of(block.split("\n"))] += (int(times[1]) if times else 1) << int(order[1])
    found = sum_page_owner(content(path))
    assert {stack.stack: stack.pages for stack in found} == expected
    assert len(found) == len(expected) > 0


def test_who_asked() -> None:
    found = sum_page_owner((DATA / "page_owner" / "vm-6.1b.txt").read_bytes())
    early = next(stack for stack in found if stack.stack[0].startswith("register_early_stack"))
    assert early.comms == ("swapper/0 (1)",)
    assert {comm for stack in found for comm in stack.comms} >= {"init (147)", "kdevtmpfs (23)", "kworker/u5:0 (9)"}
    assert all(not stack.comms for stack in sum_page_owner((DATA / "page_owner" / "vm-5.10slab.txt").read_bytes()))


def test_the_published_ones_of_old_kernels() -> None:
    if not CORPUS.is_dir():
        pytest.skip(ABSENT)
    worst, *_ = sum_page_owner((CORPUS / "public" / "page_owner__h-4.0-sorted-ttm-lkml.txt").read_bytes())
    assert (worst.pages, worst.stack[0], worst.comms) == (699487, "__alloc_pages_nodemask+0x1de/0xb00", ())
    [page] = sum_page_owner((CORPUS / "public" / "page_owner__h-5.17-memcg-offlined-lkml.txt").read_bytes())
    assert (page.pages, page.stack[-1], page.comms) == (
        1,
        "entry_SYSCALL_64_after_hwframe+0x44/0xae",
        ("podman (162970)",),
    )


HEAD = (
    "Page allocated via order 3, mask 0xcc0(GFP_KERNEL), pid 7, tgid 7 ({}), ts 5 ns\n"
    "PFN 0x1 type X Block 0\n f+0x1/0x2\n"
)


@pytest.mark.parametrize("comm", ["a b", ")", "x), ts 1 ns", "(sd-pam)", ""])
def test_a_name_may_hold_anything(comm: str) -> None:
    [stack] = sum_page_owner(HEAD.format(comm).encode())
    assert (stack.stack, stack.pages, len(stack.comms)) == (("f+0x1/0x2",), 8, 1)


def test_a_name_with_a_new_line_loses_nothing_but_itself() -> None:
    [stack] = sum_page_owner((HEAD.format("a\nb") + "\n" + HEAD.format("ok")).encode())
    assert (stack.stack, stack.pages, stack.comms) == (("f+0x1/0x2",), 16, ("? (7)", "ok (7)"))


def test_handles_stand_for_stacks() -> None:
    assert parse_stacks(b" f+0x1/0x2\n g+0x1/0x2 [m]\nhandle: 42\n\n h+0x1/0x2\nhandle: 43\n\n") == [
        PageStack(("f+0x1/0x2", "g+0x1/0x2 [m]"), None, 42),
        PageStack(("h+0x1/0x2",), None, 43),
    ]
    assert parse_stacks(b"handle: 42\nnr_base_pages: 5\n\n") == [PageStack((), 5, 42)]
    assert parse_stacks(b" f+0x1/0x2\nstack_count: 7\n\n") == [PageStack(("f+0x1/0x2",), 7)]


def test_what_is_no_stack() -> None:
    assert parse_stacks(b"") == []
    with pytest.raises(ParseError, match=r"^no stack of page_owner: 'MemTotal"):
        parse_stacks(b"MemTotal: 1 kB\n")


@given(st.binary(max_size=400) | st.text(" fPage allocated via order3,mask0x\n[<>]{}:").map(str.encode))
def test_no_bytes_crash_it(junk: bytes) -> None:
    for stack in sum_page_owner(junk):
        assert (stack.pages or 0) > 0
    try:
        assert all(stack.pages is not None or stack.handle is not None for stack in parse_stacks(junk))
    except ParseError:
        assert junk.strip()
