"""Small recordings for the tests, and what must hold of whatever is read back from a damaged one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leaktop.model.sample import Event, Fault, Machine, Probe, RawSample, Tick
from leaktop.recording.encoder import Encoder
from leaktop.recording.layout import seek_table, signpost_frame
from leaktop.recording.lines import Header
from leaktop.recording.reader import Place, Recording, RecordingError, StoredChapters
from leaktop.recording.tape import MemoryStorage

MACHINE = Machine("6.1", "box", 4096, "boot-1", "x86_64", None, None, is_live=False)
PROBES = tuple(Probe(name, name, 1.0, name) for name in ("meminfo", "slabinfo"))
HEADER = Header(MACHINE, 1.0, PROBES, "0.1")
START = 1e9


def sample(probe: str, mono: float, content: bytes | None, fault: Fault | None = None) -> RawSample:
    return RawSample(probe, content, fault, mono, START + mono, 0.002)


def tick(mono: float, **contents: bytes | Fault) -> Tick:
    """One tick of some probes; "__" stands for the slash in a name."""
    samples = []
    for key, given in contents.items():
        probe = key.replace("__", "/")
        is_fault = isinstance(given, Fault)
        samples.append(sample(probe, mono, None, given) if is_fault else sample(probe, mono, given))  # type: ignore[arg-type]  # less than the real thing will do here
    return Tick(mono, START + mono, tuple(samples))


def small_ticks(count: int, start: float = 100.0) -> list[Tick]:
    """Each says another thing of meminfo; slabinfo comes every third time, mostly the same."""
    return [
        tick(
            start + i,
            meminfo=b"Free: %d" % (i * 7919 % 10000),
            **({"slabinfo": b"a %d" % (i // 6)} if i % 3 == 0 else {}),
        )
        for i in range(count)
    ]


def encode(
    chapters: Sequence[Sequence[Tick | Event]], header: Header = HEADER, *, is_closed: bool = True, cut: int = 0
) -> bytes:
    """A recording of so many chapters.

    Args:
        chapters: what each holds.
        header: of all of them.
        is_closed: with the last chapter's end, and the seek table.
        cut: bytes that are missing at the end.
    """
    content = bytearray()
    entries: list[tuple[int, int]] = []
    encoder = Encoder(
        header,
        content.extend,
        lambda c: entries.extend([(len(c.content), c.text_bytes), (len(signpost_frame(c.signpost)), 0)]),
    )
    for at, chapter in enumerate(chapters):
        for entry in chapter:
            if isinstance(entry, Event):
                encoder.event(entry)
            else:
                encoder.tick(entry)
        if is_closed or at < len(chapters) - 1:
            encoder.close_chapter()
    if is_closed:
        content += seek_table(entries)
    return bytes(content[: len(content) - cut])


def in_chapters(ticks: Sequence[Tick], size: int) -> list[Sequence[Tick]]:
    return [ticks[i : i + size] for i in range(0, len(ticks), size)]


def opened(content: bytes, *, is_growing: bool = False) -> Recording | None:
    """The recording in some bytes; None where no tick can be read."""
    storage = MemoryStorage(content)
    try:
        return Recording(StoredChapters(storage, is_growing=is_growing), is_growing=is_growing)
    except RecordingError:
        return None


def plain(tick: Tick) -> tuple[float, float, dict[str, tuple[bytes | None, str | None]]]:
    """A tick without what a recording keeps only roughly."""
    samples = {s.probe: (s.content, s.fault.reason if s.fault else None) for s in tick.samples}
    return tick.mono, tick.wall, samples


LOST = "the recording lost what was read here"


def check_ticks(recording: Recording | None, originals: Sequence[Tick]) -> set[float]:
    """Every tick is one of the originals, each sample what it was or known to be lost; the times of the whole ones."""
    if recording is None:
        return set()
    known = {original.mono: plain(original) for original in originals}
    whole = set()
    for _, found in recording.walk():
        mono, wall, samples = plain(found)
        original = known[mono]
        assert wall == original[1]
        assert samples.keys() == original[2].keys()
        lost = [probe for probe, kept in samples.items() if kept != original[2][probe]]
        assert all(samples[probe] == (None, f"{probe}: {LOST}") for probe in lost)
        if not lost:
            whole.add(mono)
    return whole


def use_all(recording: Recording | None) -> None:
    """Call everything that a recording can be asked."""
    if recording is None:
        return
    recording.events()
    assert recording.ticks >= 0
    places = [place for place, _ in recording.walk()]
    for place in [*places[:3], *places[-3:], Place(-1, 0), Place(0, -5), Place(0, 10**6), Place(10**6, 3)]:
        recording.tick(place)
        recording.state(place)
        if recording.header is not None:
            recording.header_at(place)
        moment = recording.moment(place)
        recording.at(moment.wall)
        recording.at_mono(place.chapter, moment.mono)
        for count in (0, 1, -1, 3, -3, 10**9, -(10**9)):
            assert recording.step(place, count) in places
    assert recording.first() == places[0]
    assert recording.last() == places[-1]
    assert recording.verify() == recording.damage
    recording.refresh()


def every_bit(content: bytes) -> Iterator[bytes]:
    for at in range(len(content)):
        for bit in range(8):
            yield content[:at] + bytes((content[at] ^ 1 << bit,)) + content[at + 1 :]
