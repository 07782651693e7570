"""The kmemleak section over several reads: what is new, since when, what is hidden, what is probably no leak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.engine.kmemleak.sightings import Sighting
from leaktop.engine.kmemleak.suppressions import Suppressions, parse_suppressions, put_in_force
from leaktop.engine.known_false_leaks import KNOWN_FALSE_LEAKS, KnownFalseLeak, why_false
from leaktop.model.sample import Machine, RawSample, Tick
from leaktop.parsers.kmemleak import group, parse_kmemleak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.frame import Section

MACHINE = Machine("6.12", "host", 4096, "0", "x86_64", "quiet", vmap_stack=True, is_live=True)
DATA = Path(__file__).parents[1] / "data/kmemleak"


@pytest.fixture(autouse=True)
def nothing_suppressed() -> Iterator[None]:
    put_in_force(Suppressions())
    yield
    put_in_force(Suppressions())


def leaked(*objects: tuple[int, str], age: float = 9.0, comm: str = "insmod", pid: int = 7) -> bytes:
    """A report of objects at these addresses, each from the function of this name."""
    return "".join(
        f'unreferenced object 0x{address:x} (size 64):\n  comm "{comm}", pid {pid}, jiffies 5 (age {age:.3f}s)\n'
        f"  backtrace:\n    __kmalloc+0x1/0x9\n    {name}+0x1/0x9 [leaky]\n    probe+0x2/0x9 [leaky]\n"
        for address, name in objects
    ).encode()


class Reads:
    """One engine, and reports that come at 10, 20, 30 ... seconds."""

    def __init__(self) -> None:
        self._engine = Engine(MACHINE)
        self._mono = 0.0

    def read(self, content: bytes) -> Section:
        self._mono += 10
        sample = RawSample("kmemleak", content, None, self._mono, 1000 + self._mono)
        return self._engine.feed(Tick(self._mono, 1000 + self._mono, (sample,))).sections["kmemleak"]


def seen(section: Section) -> dict[str, Sighting]:
    return {key[0][1].partition(" ")[0]: found for key, found in section.extras["sightings"].items()}


def test_what_the_scan_before_had_not_is_new() -> None:
    reads = Reads()
    first = seen(reads.read(leaked((1, "a"), (2, "a"))))
    assert first == {"a": Sighting(10, 1010, True, None)}
    second = seen(reads.read(leaked((1, "a"), (2, "a"), (3, "a"), (9, "b"))))
    assert second == {"a": Sighting(10, 1010, True, 1), "b": Sighting(20, 1020, False, 1)}


def test_reading_the_same_scan_again_changes_nothing() -> None:
    reads = Reads()
    reads.read(leaked((1, "a")))
    new = seen(reads.read(leaked((1, "a"), (2, "a"))))
    assert seen(reads.read(leaked((1, "a"), (2, "a"), age=21.5))) == new  # only the ages moved
    assert seen(reads.read(leaked((1, "a"), (2, "a"), (3, "a"))))["a"].new == 1


def test_after_a_clear_all_that_is_listed_is_new() -> None:
    reads = Reads()
    reads.read(leaked((1, "a"), (2, "a")))
    assert reads.read(b"").rows == ()
    found = seen(reads.read(leaked((4, "a"), (5, "b"))))
    assert {name: sighting.new for name, sighting in found.items()} == {"a": 1, "b": 1}
    assert found["a"].first_mono == 10  # it was met before


def test_an_address_that_is_used_again_is_another_object() -> None:
    reads = Reads()
    reads.read(leaked((1, "a")))
    again = leaked((1, "a")).replace(b"jiffies 5", b"jiffies 777")
    assert seen(reads.read(again))["a"].new == 1


def test_what_is_suppressed_is_counted_and_not_listed() -> None:
    put_in_force(parse_suppressions("a < probe\n"))
    section = Reads().read(leaked((1, "a"), (2, "a"), (3, "b")))
    assert [row.record.backtrace[1] for row in section.rows] == ["b [leaky]"]
    extras = section.extras
    assert (extras["objects"], extras["suppressed_groups"], extras["suppressed_objects"]) == (1, 1, 2)
    put_in_force(parse_suppressions("module:leaky\n"))
    assert Reads().read(leaked((1, "a"), (3, "b"))).rows == ()


def test_a_line_of_the_list_that_is_no_rule_is_noted() -> None:
    put_in_force(parse_suppressions("what is this\n"))
    assert "suppressions: line 1: 'what is this' is no rule" in Reads().read(leaked((1, "a"))).notes[0]


@pytest.mark.parametrize("pattern", KNOWN_FALSE_LEAKS, ids=lambda known: min(known.functions))
def test_known_false_leaks_are_labelled_in_their_circumstances_only(pattern: KnownFalseLeak) -> None:
    for name in sorted(pattern.functions):
        module = f" [{pattern.module}]" if pattern.module else ""
        text = (
            f'unreferenced object 0x1 (size 64):\n  comm "swapper/0", pid 1, jiffies 5\n  backtrace:\n'
            f"    __kmalloc+0x1/0x9\n    {name}+0x1/0x9{module}\n"
        )
        [at_boot] = group(parse_kmemleak(text.encode()).objects)
        assert why_false(at_boot) == pattern.reason
        [later] = group(parse_kmemleak(text.replace("swapper/0", "modprobe").encode()).objects)
        assert why_false(later) == (None if pattern.at_boot else pattern.reason)
        if pattern.module:
            [elsewhere] = group(parse_kmemleak(text.replace("swapper/0", "a").replace(module, "").encode()).objects)
            assert why_false(elsewhere) is None


def test_whatever_the_boot_made_is_labelled_and_nothing_else() -> None:
    for comm, pid, words in (("swapper/0", 0, "start-up"), ("swapper/0", 1, "built-in driver"), ("swapper/0", 9, None),
                             ("insmod", 1, None)):  # fmt: skip
        [found] = group(parse_kmemleak(leaked((1, "a"), comm=comm, pid=pid)).objects)
        reason = why_false(found)
        assert (reason is None) if words is None else (reason is not None and words in reason)


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.name)
def test_planted_leaks_are_never_labelled(path: Path) -> None:
    for found in group(parse_kmemleak(path.read_bytes()).objects):
        assert why_false(found) is None
