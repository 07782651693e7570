"""What nobody's recorder writes: bombs, lies, odd types. The reader neither fails, nor fills memory, nor takes long."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leaktop.model.sample import Event
from leaktop.recording import chapter as chapter_module
from leaktop.recording.blocks import FRAME_MAGIC
from leaktop.recording.layout import Moment, Signpost, seek_table, signpost_frame
from leaktop.recording.lines import LineError, header_line, parse
from leaktop.recording.reader import Place, Recording, RecordingError, StoredChapters, read_file
from leaktop.recording.sealing import seal
from leaktop.recording.tape import MemoryStorage
from leaktop.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor
from tests.recording.recordings import HEADER, check_ticks, encode, in_chapters, opened, small_ticks, use_all

TICKS = small_ticks(6)
ALL = {tick.mono for tick in TICKS}
CONTENT = encode(in_chapters(TICKS, 3))


def pack(text: bytes, *, has_checksum: bool = True) -> bytes:
    options: dict[int, int] = {CompressionParameter.checksum_flag: int(has_checksum)}
    compressor = ZstdCompressor(options=options)
    return compressor.compress(text) + compressor.flush()


def unpack(content: bytes) -> bytes:
    """What zstdcat prints."""
    text = b""
    while content:
        if content[:4] != FRAME_MAGIC:
            content = content[8 + int.from_bytes(content[4:8], "little") :]
            continue
        unpacker = ZstdDecompressor()
        text += unpacker.decompress(content)
        content = unpacker.unused_data
    return text


def tick_line(number: int, mono: object = 100.0, wall: object = 1e9, **more: object) -> bytes:
    return seal({"tick": number, "mono": mono, "wall": wall, "samples": {}, **more})


def test_concatenated() -> None:
    """`cat a b`: the seek table in the middle is passed over, and the passage is a reboot or a gap."""
    later = small_ticks(6, start=500.0)
    both = opened(CONTENT + encode(in_chapters(later, 3)))
    assert both is not None
    assert check_ticks(both, [*TICKS, *later]) == ALL | {tick.mono for tick in later}
    assert both.verify() == []
    assert [event.kind for event in both.events()] == ["gap"]
    use_all(both)
    backwards = opened(encode(in_chapters(later, 3)) + CONTENT)
    assert backwards is not None
    assert [event.kind for event in backwards.events()] == ["reboot"]


def test_another_boot_whose_clock_went_on() -> None:
    other = HEADER._replace(machine=replace(HEADER.machine, boot_id="boot-2"))
    later = small_ticks(3, start=106.0)
    both = opened(CONTENT + encode([later], other))
    assert both is not None
    assert [event.kind for event in both.events()] == ["reboot"]
    assert both.header_at(Place(0, 0)).machine.boot_id == "boot-1"
    assert both.header_at(Place(2, 0)).machine.boot_id == "boot-2"


@pytest.mark.parametrize("copies", [1, 2])
def test_recompressed_as_one_frame(copies: int) -> None:
    """`zstdcat a | zstd`: several sessions in one chapter; "same" means the right tick all the same."""
    later = small_ticks(6, start=500.0)
    text = unpack(CONTENT) + (unpack(encode(in_chapters(later, 3))) if copies == 2 else b"")
    for has_checksum in (True, False):
        recording = opened(pack(text, has_checksum=has_checksum))
        assert recording is not None
        expected = [*TICKS, *later][: 6 * copies]
        assert check_ticks(recording, expected) == {tick.mono for tick in expected}
        assert recording.verify() == []
        assert len(recording.stretches) == 1
        use_all(recording)
        state = recording.state(Place(0, 4))
        assert {sample.probe: sample.content for sample in state.samples}["slabinfo"] == b"a 0"


def test_reformatted() -> None:
    """Through jq, or json.tool: other blanks, other checksums. The frame's own checksum vouches for it."""
    for is_sorted in (False, True):
        lines = [json.dumps(json.loads(line), sort_keys=is_sorted).encode() for line in unpack(CONTENT).splitlines()]
        recording = opened(pack(b"\n".join(lines)))
        assert recording is not None
        assert check_ticks(recording, TICKS) == ALL
        assert recording.verify() == []
        assert {s.probe: s.content for s in recording.state(Place(0, 2)).samples}["slabinfo"] == b"a 0"
    edited = unpack(CONTENT).replace(b"Free: 0", b"Free: X")
    recording = opened(pack(edited))
    assert recording is not None
    assert recording.tick(Place(0, 0)).samples[0].content == b"Free: X"


@pytest.mark.skipif(not (shutil.which("zstd") and shutil.which("jq")), reason="no zstd, no jq")
def test_the_usual_tools_read_and_write_it(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(CONTENT)
    subprocess.run(f"zstd -qt {path}", shell=True, check=True)
    for way in ("cat", "jq -c .", "jq -cS .", "sed s/7919/7919/"):
        subprocess.run(f"zstdcat {path} | {way} | zstd -q > {path}.2", shell=True, check=True)
        recording = read_file(f"{path}.2")
        assert check_ticks(recording, TICKS) == ALL, way
        assert recording.verify() == []


def test_an_unclosed_frame_does_not_vouch() -> None:
    text = unpack(CONTENT).replace(b"Free: 0", b"Free: X")
    compressor = ZstdCompressor()
    recording = opened(compressor.compress(text, ZstdCompressor.FLUSH_BLOCK))
    assert recording is not None
    assert 100.0 not in check_ticks(recording, TICKS)
    assert recording.damage


WRONG: list[Any] = [None, True, 0, -1, 1e400, float("nan"), 10**400, "x", [], {}, [[]], {"a": []}]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_odd_types_anywhere(wrong: Any) -> None:
    """Each value of each line is replaced by one of every other kind."""
    lines = [
        json.loads(line) for line in unpack(encode([[*small_ticks(3), Event(103.0, 1e9, "mark", "x")]])).splitlines()
    ]
    for number, line in enumerate(lines):
        for path in paths(line):
            changed = json.loads(json.dumps(line))
            put(changed, path, wrong)
            text = b"\n".join(json.dumps(other).encode() for other in [*lines[:number], changed, *lines[number + 1 :]])
            recording = opened(pack(text))
            if recording is not None and recording.first() is not None:
                use_all(recording)
                for _, tick in recording.walk():
                    assert all((s.content is None) is (s.fault is not None) for s in tick.samples)
                    assert 0 <= tick.wall < 1e12
                    assert abs(tick.mono) < 1e13


def paths(value: Any) -> list[list[str]]:
    if not isinstance(value, dict):
        return [[]]
    return [[key, *path] for key, inner in value.items() for path in [[], *paths(inner)]]


def put(value: Any, path: list[str], wrong: Any) -> None:
    *way, last = path
    for key in way:
        value = value[key]
    value[last] = wrong


@pytest.mark.parametrize(
    "text", [b'{"mono":1e999}', b"[" * 10**6, b'{"a":' * 10**5, b"\xff", b"{}x", b"nul", b'"x"', b"9" * 9999]
)
def test_lines_that_are_none(text: bytes) -> None:
    recording = opened(pack(header_line(HEADER) + tick_line(0) + text + b"\n" + tick_line(1, 101.0)))
    assert recording is not None
    assert len(list(recording.walk())) == 2
    use_all(recording)


def test_a_later_format() -> None:
    body = json.loads(header_line(HEADER)) | {"format": 2}
    with pytest.raises(RecordingError, match=r"its format is 2, .* a newer leaktop can read it"):
        Recording(StoredChapters(MemoryStorage(pack(seal(body) + tick_line(0)))))
    mixed = opened(pack(seal(body) + tick_line(0)) + CONTENT)
    assert check_ticks(mixed, TICKS) == ALL
    assert mixed is not None
    assert ["its format" in damage.reason for damage in mixed.damage] == [True]


LIES = [
    {"ticks": 10**9},
    {"ticks": 0},
    {"ticks": 1},
    {"length": 1},
    {"length": 10**9},
    {"length": 500},
    {"first": Moment(0.0, 0.0), "last": Moment(0.0, 0.0)},
    {"first": Moment(1e9, 2e11), "last": Moment(5.0, 1.0)},
    {"events": (Event(1e12, 1e11, "gap", "", 1e12),) * 50},
    {"boot": "x"},
]


@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_signposts_that_lie(lie: dict[str, Any]) -> None:
    """With the right checksum. Ticks may be hard to find by time then, yet all of them are there."""
    honest = opened(CONTENT)
    assert honest is not None
    first, second = honest.stretches
    lying = signpost_frame(first.signpost._replace(**lie))
    begin, end = first.length, second.offset
    recording = opened(CONTENT[:begin] + lying + CONTENT[end:])
    assert check_ticks(recording, TICKS) == ALL
    use_all(recording)


@pytest.mark.parametrize(
    "sizes",
    [
        [(len(CONTENT) - 5, 0)],
        [(1, 1)] * 300,
        [(2**32 - 1, 0)] * 4,
        [(0, 0)] * 50,
        [(420, 0), (len(CONTENT) - 420, 0)],
    ],
)
def test_seek_tables_that_lie(sizes: list[tuple[int, int]]) -> None:
    for content in (CONTENT, encode(in_chapters(TICKS, 3), is_closed=False)):
        recording = opened(content + seek_table(sizes))
        assert check_ticks(recording, TICKS) == ALL
    honest = opened(CONTENT)
    assert honest is not None
    ends = [s.offset for s in honest.stretches[1:]]
    body = CONTENT[: CONTENT.rindex(b"\x5e\x2a\x4d\x18")]
    # One that fits the file, and leads over the second chapter.
    recording = opened(
        body + seek_table([(honest.stretches[0].length, 0), (len(body) - honest.stretches[0].length, 0)])
    )
    assert ends
    assert check_ticks(recording, TICKS) == ALL


def test_frame_headers_that_lie() -> None:
    """A window beyond reason, a dictionary that nobody has, reserved bits."""
    for flags in range(256):
        for window in (0, 0x58, 0xFF):
            content = CONTENT[:4] + bytes((flags, window)) + CONTENT[6:]
            recording = opened(content)
            assert recording is not None
            assert check_ticks(recording, TICKS) >= {tick.mono for tick in TICKS[3:]}


def test_a_million_lists_are_no_line() -> None:
    line = b'{"tick":0,"mono":1,"wall":1,"samples":[' + b"[]," * (2 << 20) + b"[]]}"
    tracemalloc.start()
    with pytest.raises(LineError):
        parse(line)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    text = '"' + "a b\\n[{" * (1 << 20) + '"'
    assert len(parse(b'{"tick":0,"samples":{"vmallocinfo":{"text":%s}}}' % text.encode())["samples"]) == 1


@pytest.mark.parametrize(
    "piece", [b"\0", b"\n", b"x\n", b'{"tick":1,"mono":1,"wall":1,}\n', b'{"event":1,"mono":1,"wall":1}\n', b"{}\n"]
)
@pytest.mark.parametrize("is_closed", [False, True])
def test_a_bomb(piece: bytes, is_closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays near the limit, whatever the bomb is made of."""
    monkeypatch.setattr(chapter_module, "LARGEST_CHAPTER", 8 << 20)
    monkeypatch.setattr(chapter_module, "LONGEST_LINE", 4 << 20)
    compressor = ZstdCompressor()
    text = header_line(HEADER) + tick_line(0) + piece * ((24 << 20) // len(piece))
    bomb = compressor.compress(text, ZstdCompressor.FLUSH_BLOCK) + (compressor.flush() if is_closed else b"")
    tracemalloc.start()
    recording = opened(bomb + (CONTENT if is_closed else b""))
    assert recording is not None
    assert [damage for damage in recording.verify() if "unpacks to more" in damage.reason]
    assert recording.tick(Place(0, 0)).mono == 100.0
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


def test_a_real_bomb_in_little_memory(tmp_path: Path) -> None:
    """Eight gigabytes of zeros in a megabyte, read by a process that may not have one."""
    compressor = ZstdCompressor()
    content = compressor.compress(header_line(HEADER) + tick_line(0), ZstdCompressor.FLUSH_BLOCK)
    content += compressor.compress(bytes(1 << 27)) * 1
    zeros = compressor.compress(bytes(1 << 27), ZstdCompressor.FLUSH_BLOCK)
    path = tmp_path / "bomb"
    path.write_bytes(content + zeros * 62 + compressor.flush())
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "from leaktop.recording.reader import read_file\n"
        "r = read_file(sys.argv[1]); print(len(list(r.walk())), [d.reason for d in r.verify()])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout == "1 ['it unpacks to more than any recorder writes']\n", done.stderr


def test_many_tiny_frames() -> None:
    """A hundred thousand, empty and not: they are gone through once."""
    tiny, line = pack(b""), pack(b"{}\n")
    recording = opened(tiny * 30_000 + line * 20_000 + CONTENT + tiny * 10_000)
    assert check_ticks(recording, TICKS) == ALL
    assert recording is not None
    assert len(recording.stretches) == 2


def test_many_false_starts() -> None:
    for fake in (FRAME_MAGIC, CONTENT[:9], b"\x5a\x2a\x4d\x18\xff\xff\x0f\0", b"\x50\x2a\x4d\x18\0\0\0\0"):
        recording = opened(CONTENT + fake * 20_000 + CONTENT)
        assert check_ticks(recording, TICKS) == ALL


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(CONTENT)
    for length in (0, 5, 100, 300, 500, 700, len(CONTENT) - 1):
        path.write_bytes(CONTENT)
        recording = read_file(str(path))
        with path.open("r+b") as file:
            file.truncate(length)
        check_ticks(recording, TICKS)
        recording.verify()
        recording.refresh()
        list(recording.walk())


def test_only_plain_files(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"plain file|directory"):
            read_file(str(path))


def test_a_signpost_needs_its_checksum() -> None:
    body = {"signpost": 420, "ticks": 3, "first": [1, 2], "last": [1, 2], "events": []}
    line = json.dumps(body).encode()
    assert zlib.crc32(line)
    honest = opened(CONTENT)
    assert honest is not None
    begin, end = honest.stretches[0].length, honest.stretches[1].offset
    recording = opened(CONTENT[:begin] + b"\x5a\x2a\x4d\x18" + len(line).to_bytes(4, "little") + line + CONTENT[end:])
    assert recording is not None
    assert recording.stretches[0].signpost == Signpost(begin, 3, *honest.stretches[0].signpost[2:])
