"""Frames to lines of source, with a module and a kernel that are compiled here; and what is said without them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.sources import debug_files, symbols
from leaktop.sources.elf import ElfError, ElfFile, build_id_of
from leaktop.sources.filesystem import FileSystemSource
from leaktop.sources.symbols import command_for, resolve, source_lines

RELEASE = "6.12.0-test"
SOURCE = """\
static inline __attribute__((always_inline)) void *inner(int n)
{
	return __builtin_malloc(n);
}
void *keep[9];
__attribute__((noinline)) void leaky(int n)
{
	keep[n] = inner(n);
	keep[0] = 0;
}
__attribute__((noinline)) void outer(int n)
{
	leaky(n);
	keep[1] = keep[2];
}
__attribute__((noinline, section(".init.text"))) void first(void)
{
	outer(3);
	keep[4] = 0;
}
int main(void) { first(); return 0; }
"""
WHERE = {"leaky": "leak.c:3 in leak.c:8", "outer": "leak.c:13", "first": "leak.c:18"}
"""The line of each call."""

needs_compiler = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("objdump") and Path(symbols.ADDR2LINE).exists()),
    reason="compiles a file with gcc, and asks binutils about it",
)


def compiled(place: Path, name: str, *options: str) -> Path:
    source = place / "leak.c"
    source.write_text(SOURCE)
    target = place / name
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["gcc", "-O1", "-fno-ipa-icf", "-fcf-protection=none", *options, "-o", target, source], check=True, cwd=place
    )
    return target


def calls(binary: Path, module: str = "") -> dict[str, str]:
    """For each function the frame that a backtrace has of its first call: the address behind it."""
    listing = subprocess.run(["objdump", "-d", binary], capture_output=True, text=True, check=True).stdout
    frames = {}
    for block in listing.split("\n\n"):
        heading = re.search(r"^([0-9a-f]+) <(\w+)>:", block, re.MULTILINE)
        lines = re.findall(r"^ *([0-9a-f]+):\t[^\t]*\t(\S+)", block, re.MULTILINE)
        if heading is None or heading[2] not in WHERE:
            continue
        start, name = int(heading[1], 16), heading[2]
        behind = next(int(after[0], 16) for call, after in pairwise(lines) if call[1] == "call")
        with ElfFile(str(binary)) as file:
            [function] = file.functions([name])[name]
        size = function.size + 7 & ~7  # the kernel counts up to the next function
        frames[name] = f"{name}+{behind - start:#x}/{size:#x}{module}"
    return frames


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    symbols._kept.clear()
    debug_files._modules.cache_clear()


@needs_compiler
def test_lines_of_a_module_in_its_several_sections(tmp_path: Path) -> None:
    module = compiled(tmp_path, f"lib/modules/{RELEASE}/extra/my-leak.ko", "-g", "-c")
    frames = calls(module, " [my_leak]")
    found = resolve([*frames.values(), "nobody+0x1/0x2 [my_leak]"], RELEASE, str(tmp_path))
    expected = [WHERE[name].replace("leak.c", str(tmp_path / "leak.c")) for name in frames]
    assert found == [*expected, None]
    assert set(frames) == set(WHERE)


@needs_compiler
def test_lines_of_the_kernel_in_each_place_where_a_distribution_puts_it(tmp_path: Path) -> None:
    for number, form in enumerate(debug_files._KERNELS):
        root = tmp_path / str(number)
        root.mkdir()
        kernel = compiled(root, form.format(release=RELEASE), "-g")
        frames = calls(kernel)
        assert resolve(list(frames.values()), RELEASE, str(root)) == [
            WHERE[name].replace("leak.c", str(root / "leak.c")) for name in frames
        ]
        assert resolve(list(frames.values()), "6.12.0-other", str(root)) == [None] * 3


@needs_compiler
def test_a_function_of_another_size_is_of_another_build(tmp_path: Path) -> None:
    module = compiled(tmp_path, f"lib/modules/{RELEASE}/extra/leak.ko", "-g", "-c")
    frame = calls(module, " [leak]")["leaky"]
    offset, _, rest = frame.partition("/")
    size = int(rest.partition(" ")[0], 16)
    for wrong in (size - 16, size + 128):
        assert resolve([f"{offset}/{wrong:#x} [leak]"], RELEASE, str(tmp_path)) == [None]


@needs_compiler
def test_without_line_numbers_there_are_none_and_the_command_is_told(tmp_path: Path) -> None:
    module = compiled(tmp_path, f"lib/modules/{RELEASE}/extra/leak.ko", "-c")
    frame = calls(module, " [leak]")["leaky"]
    assert resolve([frame], RELEASE, str(tmp_path)) == [None]
    words = source_lines([frame, "junk"], RELEASE, str(tmp_path)).decode()
    assert words.endswith(f"scripts/faddr2line leak.ko {frame.partition(' ')[0]}")


@needs_compiler
def test_given_directories_come_first(tmp_path: Path) -> None:
    module = compiled(tmp_path, "elsewhere/leak.ko", "-g", "-c")
    frame = calls(module, " [leak]")["outer"]
    assert resolve([frame], RELEASE, str(tmp_path)) == [None]
    more = [str(tmp_path / "elsewhere")]
    assert resolve([frame], RELEASE, str(tmp_path), more) == [f"{tmp_path / 'leak.c'}:13"]
    assert source_lines([frame], RELEASE, str(tmp_path)).startswith(b"no debug information")


@needs_compiler
def test_a_tool_that_hangs_or_is_not_there_costs_the_lines_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = compiled(tmp_path, f"lib/modules/{RELEASE}/extra/leak.ko", "-g", "-c")
    frame = calls(module, " [leak]")["outer"]
    monkeypatch.setattr(symbols, "ADDR2LINE", str(tmp_path / "none"))
    assert resolve([frame], RELEASE, str(tmp_path)) == [None]
    hanging = tmp_path / "hangs"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(symbols, "ADDR2LINE", str(hanging))
    monkeypatch.setattr(symbols, "_TIMEOUT", 0.1)
    symbols._kept.clear()
    assert resolve([frame], RELEASE, str(tmp_path)) == [None]


@needs_compiler
def test_of_the_running_kernel_only_files_of_its_own_build_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = compiled(tmp_path, "vmlinux", "-g", "-Wl,--build-id=0x0123456789abcdef")
    with ElfFile(str(kernel)) as file:
        assert file.build_id == bytes.fromhex("0123456789abcdef")
    release = os.uname().release
    for build, path in ((bytes.fromhex("0123456789abcdef"), str(kernel)), (b"another", None), (None, str(kernel))):
        monkeypatch.setattr(debug_files, "_running_build", lambda _module, build=build: build)
        assert debug_files.debug_file(None, release, "/", [str(tmp_path)]) == path


def test_the_command_is_safe_to_paste() -> None:
    assert command_for("f+0x1/0x2 [my_leak]", RELEASE) == (
        f"/lib/modules/{RELEASE}/build/scripts/faddr2line my_leak.ko f+0x1/0x2"
    )
    assert command_for("vfs_write+0x1/0x2", RELEASE).endswith(
        f"faddr2line /usr/lib/debug/boot/vmlinux-{RELEASE} vfs_write+0x1/0x2"
    )
    assert "'x; rm -rf /'" in command_for("x; rm -rf /", RELEASE)


@pytest.mark.parametrize("release", ["", ".", "..", "../../etc", "6.12/../..", "a b", "x" * 200])
def test_no_release_leads_out_of_the_usual_places(release: str) -> None:
    assert resolve(["f+0x1/0x2", "g+0x1/0x2 [m]"], release) == [None, None]


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_frame_is_answered(frames: list[str]) -> None:
    assert resolve(frames, RELEASE, "/nowhere") == [None] * len(frames)


@given(st.binary(max_size=300), st.booleans())
def test_any_file_is_an_elf_file_or_none(tmp_path_factory: pytest.TempPathFactory, tail: bytes, is_elf: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes((b"\x7fELF\x02\x01" if is_elf else b"") + tail)
    try:
        with ElfFile(str(path)) as file:
            assert file.functions(["main"]) == {"main": []}
            assert file.build_id is None or file.build_id
    except ElfError:
        pass  # that, and nothing else, is raised


@given(st.binary(max_size=100))
def test_any_notes_have_a_build_id_or_none(notes: bytes) -> None:
    found = build_id_of(notes)
    assert found is None or found in notes


@needs_compiler
def test_the_drill_down_reads_them_through_the_source(tmp_path: Path) -> None:
    module = compiled(tmp_path, f"lib/modules/{RELEASE}/extra/leak.ko", "-g", "-c")
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/osrelease").write_text(f"{RELEASE}\n")
    frame = calls(module, " [leak]")["outer"]
    source = FileSystemSource(str(tmp_path))
    sample = source.inspect("frames", f"vfs_write+0x1/0x2\n{frame}")
    assert (sample.probe, sample.fault) == ("source_lines", None)
    assert (sample.content or b"").decode().splitlines() == [
        f"{frame}={tmp_path / 'leak.c'}:13",
        f"no debug information here for the others; with it={command_for('vfs_write+0x1/0x2', RELEASE)}",
    ]
