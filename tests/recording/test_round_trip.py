"""What is recorded is what is read back: any bytes, faults, costs, the state at any tick, events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.sample import Event, Fault, Probe, RawSample, Tick
from leaktop.recording import encoder as encoder_module
from leaktop.recording import sealing
from leaktop.recording.lines import header_line, parse, read_header
from leaktop.recording.reader import Place, Recording
from leaktop.recording.sealing import is_sealed, seal, sealed_pieces
from tests.recording.recordings import HEADER, MACHINE, START, encode, opened, plain, sample, small_ticks, tick

NAMES = ["meminfo", "slabinfo", "net/udp", "kmemleak"]
FAULTS = st.builds(
    Fault,
    st.sampled_from(["missing", "denied", "disabled", "busy", "empty", "malformed", "unsupported", "failed"]),
    st.text(min_size=1),
    st.none() | st.text(min_size=1),
)
CONTENTS = st.one_of(st.binary(max_size=60), st.sampled_from([b"", b"a", b"b\n"]), FAULTS)
TICKS = st.lists(st.dictionaries(st.sampled_from(NAMES), CONTENTS), min_size=1, max_size=25)
HEADER_OF_ALL = HEADER._replace(probes=tuple(Probe(name, "lane", None, "/" + name) for name in NAMES))


def recorded(chapters: list[list[Tick | Event]]) -> Recording:
    recording = opened(encode(chapters, HEADER_OF_ALL))
    assert recording is not None
    return recording


@settings(max_examples=150)
@given(TICKS, st.integers(1, 9))
def test_any_ticks(contents: list[dict[str, bytes | Fault]], size: int) -> None:
    """Bytes, faults with their remedies; and at each tick, the newest sample of every probe."""
    ticks = [
        tick(100.0 + i, **{name.replace("/", "__"): given for name, given in c.items()}) for i, c in enumerate(contents)
    ]
    recording = recorded([list(ticks[i : i + size]) for i in range(0, len(ticks), size)])
    newest: dict[str, RawSample] = {}
    for number, (place, found) in enumerate(recording.walk()):
        assert place == Place(number // size, number % size)
        assert plain(found) == plain(ticks[number])
        assert [s.fault for s in found.samples] == [s.fault for s in ticks[number].samples]
        assert [s.cost for s in found.samples] == [0.002] * len(found.samples)
        newest |= {s.probe: s for s in ticks[number].samples}
        state = recording.state(place)
        assert (state.mono, state.wall) == (found.mono, found.wall)
        assert {s.probe: (s.content, s.fault) for s in state.samples} == {
            name: (s.content, s.fault) for name, s in newest.items()
        }
        assert all(abs(s.mono - newest[s.probe].mono) < 0.06 for s in state.samples)
        assert all(abs(s.wall - newest[s.probe].wall) < 0.06 for s in state.samples)
    assert recording.ticks == len(ticks) == number + 1
    assert recording.verify() == []


@given(st.binary(max_size=3000))
def test_any_bytes(content: bytes) -> None:
    recording = recorded([[tick(1.0, meminfo=content)]])
    assert recording.tick(Place(0, 0)).samples[0].content == content


@pytest.mark.parametrize("content", [bytes(range(256)) * 3, "\U0001f600\ud7ff".encode(), b"\xed\xb2\x80\xed\xa0\x80"])
def test_bytes_that_are_no_text(content: bytes) -> None:
    recording = recorded([[tick(1.0, meminfo=content)]])
    assert recording.tick(Place(0, 0)).samples[0].content == content


def test_what_did_not_change_is_not_said_again() -> None:
    big = b"".join(b"%d" % (i * i) for i in range(20_000))
    once, often = (len(encode([[tick(float(i), slabinfo=big) for i in range(n)]])) for n in (1, 50))
    assert often < once + 5000


def test_early_samples_keep_their_time() -> None:
    early = Tick(10.0, START + 10.0, (sample("a", 9.5, b"x"), sample("b", 9.99, b"y")))
    found = recorded([[early]]).tick(Place(0, 0))
    assert [(s.mono, s.wall) for s in found.samples] == [(9.5, START + 9.5), (10.0, START + 10.0)]


def test_a_probe_that_is_there_twice() -> None:
    twice = Tick(1.0, START + 1.0, (sample("meminfo", 1.0, b"x"), sample("meminfo", 1.0, b"x")))
    assert [s.content for s in recorded([[twice]]).tick(Place(0, 0)).samples] == [b"x"]


def test_nothing_read_at_all() -> None:
    bare = Tick(1.0, START, (RawSample("meminfo", None, None, 1.0, START),))
    (found,) = recorded([[bare]]).tick(Place(0, 0)).samples
    assert found.fault == Fault("failed", "meminfo: nothing was read")


def test_lines_that_no_reader_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest sample becomes a fault, in the tick and in the state that later chapters begin with."""
    monkeypatch.setattr(encoder_module, "LONGEST_LINE", 3000)
    large = tick(1.0, meminfo=b"\xff" * 900, slabinfo=b"small")
    after = tick(2.0, net__udp=b"u")
    recording = recorded([[large], [after]])
    found = {s.probe: s for s in recording.tick(Place(0, 0)).samples}
    assert found["slabinfo"].content == b"small"
    assert found["meminfo"].fault == Fault("unsupported", "meminfo: 900 bytes are more than a recording keeps")
    assert {s.probe: s.content for s in recording.state(Place(1, 0)).samples} == {
        "net/udp": b"u",
        "slabinfo": b"small",
        "meminfo": None,
    }


def test_chapters_by_ticks_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = recorded([list(small_ticks(241))])
    assert [s.signpost.ticks for s in recording.stretches] == [120, 120, 1]
    monkeypatch.setattr(encoder_module, "CHAPTER_BYTES", 10_000)
    recording = recorded([[tick(float(i), meminfo=b"%d" % i * 2000) for i in range(40)]])
    assert len(recording.stretches) > 3
    assert [t.mono for _, t in recording.walk()] == [float(i) for i in range(40)]
    marks: list[Tick | Event] = [Event(float(i), START, "mark", "x" * 1000) for i in range(40)]
    recording = recorded([marks, [tick(50.0, a=b"")]])
    assert len(recording.stretches) > 3
    assert [event.kind for event in recording.events()].count("mark") == 40


def test_header() -> None:
    assert read_header(parse(header_line(HEADER_OF_ALL))) == HEADER_OF_ALL
    named = HEADER._replace(origin="sosreport", is_redacted=True, interval=0.5)
    assert read_header(parse(header_line(named))) == named
    bare = json.loads(header_line(HEADER)) | {"probes": 3, "interval": "x", "version": None, "later": {"key": 1}}
    assert read_header(bare) == HEADER._replace(probes=(), interval=1.0, version="unknown")


def test_events_of_all_chapters() -> None:
    marks = [Event(float(i), START + i, "mark", f"mark {i}", seconds) for i, seconds in enumerate([None, -3.5, 1e6])]
    recording = recorded([[marks[0], tick(0.5, a=b"")], [tick(0.7, a=b""), marks[1]], [marks[2], tick(2.5, a=b"")]])
    assert recording.events() == marks
    assert recording.chapter(1).events == [marks[1]]


def test_places_and_times() -> None:
    ticks = small_ticks(30)
    recording = recorded([list(ticks[i : i + 7]) for i in range(0, 30, 7)])
    places = [place for place, _ in recording.walk()]
    for at, place in enumerate(places):
        assert recording.moment(place) == (ticks[at].mono, ticks[at].wall)
        assert recording.at(ticks[at].wall) == recording.at(ticks[at].wall - 0.5) == place
        assert recording.at_mono(place.chapter, ticks[at].mono - 0.5) == place
        assert recording.at_mono(0, ticks[at].mono) == (place if place.chapter == 0 else places[7])
        for count in range(-40, 40):
            assert recording.step(place, count) == places[min(max(at + count, 0), 29)]
        assert [p for p, _ in recording.walk(place)] == places[at:]
    assert recording.at(0.0) == recording.first() == places[0]
    assert recording.at(1e11) == recording.at_mono(99, 0.0) == recording.last() == places[-1]


def test_gaps_between_chapters() -> None:
    apart = recorded([[tick(1.0, a=b"")], [tick(9.0, a=b"")]])
    assert [(e.kind, e.seconds, e.mono) for e in apart.events()] == [("gap", 8.0, 9.0)]
    told = recorded([[tick(1.0, a=b"")], [Event(9.0, START, "suspend", "", 8.0), tick(9.0, a=b"")]])
    assert [e.kind for e in told.events()] == ["suspend"]
    rebooted = recorded([[tick(50.0, a=b"")], [Tick(9.0, START + 80.0, ())]])
    assert [(e.kind, e.seconds) for e in rebooted.events()] == [("reboot", 30.0)]
    assert MACHINE.boot_id == rebooted.header_at(Place(1, 0)).machine.boot_id


@given(
    st.dictionaries(st.text(max_size=4), st.text(max_size=40) | st.integers() | st.none(), max_size=4),
    st.integers(1, 9),
)
def test_a_line_that_is_written_in_pieces_is_the_same_line(inner: dict[str, object], size: int) -> None:
    body = {"tick": 1, "samples": {"probe": {**inner, "text": "\udcff\n" + "x" * 30}}}
    whole = seal(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "SLICE", size)
        pieces = sealed_pieces(body)
    assert len(pieces) > 5
    assert b"".join(pieces) == whole
    assert is_sealed(whole)
    assert parse(whole)["samples"] == body["samples"]


pieces_of_text = st.lists(
    st.sampled_from([b"a", b"\n", "é".encode(), "€".encode(), "😀".encode(), b"\x80", b"\xe2\x82", b"\xff"])
)


@given(pieces_of_text, st.integers(4, 9))
def test_long_bytes_become_the_text_that_they_are_as_a_whole(given_pieces: list[bytes], size: int) -> None:
    content = b"".join([*given_pieces, b"x" * 10])
    whole = seal({"text": content.decode("utf-8", "surrogateescape")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "SLICE", size)
        assert b"".join(sealed_pieces({"text": content})) == whole
