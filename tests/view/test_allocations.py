"""Who allocates, as text and for programs."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.allocations import Allocations, Site, Subject
from leaktop.view.allocations import document, headline, listing, place_of, text_lines

FILP = Subject("slab", "filp", ("filp", "skbuff_x"), 192)
STACK = ("kmem_cache_alloc_noprof+0x1/0x2", "leak_it+0x3c/0x110 [leaky]", "do_syscall_64+0x71/0x280")
TRACED = Site(
    STACK, 1401, 269_000, module="leaky", growth=269_000, youngest=0.0, oldest=3.2, comms=("python3 (10631)",)
)


def test_a_trace_reads_as_people_want_it() -> None:
    found = Allocations(FILP, "tracefs", (TRACED,), 10.0, notes=("one of 4 was looked at",))
    assert list(text_lines(found)) == [
        "filp (skbuff_x): 263K, 1401 allocations held of what came in 10s, as tracefs tells",
        "note: one of 4 was looked at",
        "",
        "    held  count  growth      rate youngest   oldest  where",
        "    263K   1401   +263K   +1.5M/m       0s       3s  leak_it+0x3c/0x110 [leaky]",
        "      for python3 (10631)",
        "        kmem_cache_alloc_noprof+0x1/0x2",
        "        leak_it+0x3c/0x110 [leaky]",
        "        do_syscall_64+0x71/0x280",
    ]


def test_what_the_kernel_counted_stands_beside_what_is_held() -> None:
    busy, slow = TRACED._replace(arrivals=435_000.0), TRACED._replace(arrivals=0.5)
    lines = list(text_lines(Allocations(FILP, "tracefs", (busy, slow), 10.0)))
    assert [line.strip() for line in lines if line.endswith("allocated here")] == [
        "435k/s allocated here", "0.5/s allocated here",
    ]  # fmt: skip
    table = listing(Allocations(FILP, "tracefs", (busy, TRACED), 10.0, notes=("n",)))
    at = table.header.index("comes")
    assert [row[at] for row in table.rows] == ["435k/s", "-", ""]
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert "comes" not in listing(Allocations(FILP, "allocinfo", (TRACED,), 10.0)).header


def test_what_is_unknown_is_not_nought() -> None:
    site = Site((), 5, None, location="mm/x.c:12")
    (*_, row) = text_lines(Allocations(Subject("pages", ""), "page_owner", (site,)))
    assert row == "       -      5       -         -        -        -  mm/x.c:12"
    assert headline(Allocations(Subject("pages", ""), "page_owner", (site,))) == (
        "whole pages: an unknown amount, 5 allocations held since boot, as page_owner tells"
    )
    assert place_of(Site((), None, None)) == "where is not known"


def test_nothing_held_is_said() -> None:
    found = Allocations(FILP, "tracefs", (), 3.0, notes=("note",))
    assert list(text_lines(found)) == [
        "filp (skbuff_x): nothing held of what came in 3s, as tracefs tells",
        "note: note",
    ]


def test_what_is_not_shown_is_summed() -> None:
    sites = tuple(Site((f"f{at}+0x1/0x2",), 1, 1024) for at in range(5))
    (*_, last) = text_lines(Allocations(FILP, "alloc_traces", sites), 2)
    assert last == "   3.00K in 3 more places"


def test_programs_get_every_field_as_it_is() -> None:
    found = Allocations(FILP, "tracefs", (TRACED,), 9.99951, lost=3, sampled=4, notes=("n",))
    assert json.loads(json.dumps(document(found))) == {
        "subject": {"kind": "slab", "name": "filp", "names": ["filp", "skbuff_x"], "object_size": 192},
        "facility": "tracefs",
        "seconds": 10.0,
        "lost": 3,
        "sampled": 4,
        "sites": [
            {
                "stack": list(STACK),
                "count": 1401,
                "bytes": 269_000,
                "location": None,
                "module": "leaky",
                "growth": 269_000,
                "youngest": 0.0,
                "oldest": 3.2,
                "comms": ["python3 (10631)"],
                "arrivals": None,
            }
        ],
        "notes": ["n"],
    }


hostile = st.text(st.sampled_from("a\x1b[2J\n\r\t\0\u202e\u200b\udcff é"), max_size=20)


@given(hostile, hostile, hostile, hostile)
def test_no_name_can_move_the_cursor(comm: str, frame: str, note: str, name: str) -> None:
    site = Site((frame, frame), 1, 1, location=frame or None, comms=(comm,))
    found = Allocations(Subject("slab", name, (name, comm)), "tracefs", (site,), 1.0, notes=(note,))
    for line in text_lines(found):
        assert line.isprintable()
