"""Names that others chose, faults, failures and tiny terminals: the screen stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from leaktop.model.sample import Fault
from leaktop.view.panes import PANES
from tests import hostile
from tests.hostile import check_harmless
from tests.ui.fake_source import Live, captured, everything, growing, live, moment, owners, processes, sockets, tmpfs
from tests.ui.replayed import Script, replaying

if TYPE_CHECKING:
    from tests.ui.fake_source import Contents

WIDE = (160, 48)
NAMES = {
    "markup": ["[/foo]", "[bold]x", "[nf_conntrack]", "[@click=q]x", "-"],
    "control": ["\x1b[2J\x1b]0;title\x07", "\x1b]52;c;cm0gLXJmIC8=\x07", "\x9b31m", "a\nb\tc\rd", "\x00"],
    "unseen": ["\u202egnp.exe", "zero\u200bwidth", "\u0301\u0301", "漢字kanji"],
    "endless": ["x" * (1 << 20)],
}


def named(names: list[str], n: int) -> Contents:
    """A machine on which everything that a user can name has one of these names."""
    lines = [
        "".join(c for c in name if not c.isspace() and c.isprintable() and c != ":")[:200] or "x" for name in names
    ]
    caches = "".join(
        f"{cache} {100 + n} {100 + n} 64 64 1 : tunables 0 0 0 : slabdata {2 + n} {2 + n} 0\n" for cache in lines
    )
    many = list(enumerate(names, 666))
    return {
        **moment(n),
        "slabinfo": captured("slabinfo/live-6.18.txt") + caches.encode(),
        "processes": processes(*((i, name, (64 + n) << 20) for i, name in many)),
        "tmpfs": tmpfs(*(("/tmp/" + name, (1 << 20) * (n + 1)) for _, name in many)),
        "sock_diag": sockets(*(("unix", "/run/" + name, 4096 * (n + 1), i) for i, name in many)),
        "socket_owners": owners(*((i, i, name) for i, name in many)),
    }


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
async def test_a_name_is_shown_and_does_nothing_else(names: list[str]) -> None:
    async with live([named(names, n) for n in range(3)], size=WIDE, first=3) as shown:
        check_harmless(shown.text())
        assert all(str(666 + i) in shown.pane("processes") for i in range(len(names)))
        assert shown.pane("sockets").count("unix") == len(names)
        for name in names:
            if name.isascii() and name.isprintable() and len(name) < 20:
                assert name in shown.pane("processes")
                assert f"/run/{name}"[:16] in shown.pane("sockets")
                assert f"/tmp/{name}"[:14] in shown.pane("tmpfs")
        for digit in "4678":
            await shown.press(digit)
            for _ in names:
                await shown.press("enter")
                check_harmless(shown.text())
                assert "Esc back" in shown.text()
                await shown.press("escape", "y", "down")
                check_harmless(shown.app.clipboard.replace("\t", ""))
                assert 0 < len(shown.app.clipboard) < 2000
        assert shown.app.is_running


async def look_everywhere(shown: Live) -> None:
    """Every pane, the drill-down of its last row, what is copied of it, and the title of the window."""
    check_harmless(shown.text())
    for pane in PANES:
        await shown.press(pane.key, "G", "y", "enter")
        check_harmless(shown.text() + shown.said())
        check_harmless(shown.app.clipboard.replace("\t", ""))
        await shown.press("escape")
    check_harmless(f"{shown.app.title}{shown.app.sub_title}{shown.app.screen.title or ''}")


async def test_nothing_of_a_hostile_machine_gets_out() -> None:
    async with live([hostile.contents(n) for n in range(3)], size=WIDE, first=3) as shown:
        assert "\\x1b" in shown.text()
        await look_everywhere(shown)
        await shown.press("question_mark", "escape", "K")
        check_harmless(shown.text())
        await shown.press("escape", "2", "slash")
        await shown.type("evil")
        await shown.press("enter")
        check_harmless(shown.text())
        assert shown.app.is_running


async def test_nothing_of_a_hostile_recording_gets_out() -> None:
    script = Script(
        [hostile.contents(n) for n in range(12)],
        [(2 + i, event) for i, event in enumerate(hostile.events())],
        hostile.MACHINE,
    )
    async with replaying(script.record(12), size=WIDE, wish="-1s") as shown:
        assert "\\x1b" in shown.text()
        await look_everywhere(shown)
        for key in ("left_parenthesis", "left_parenthesis", "J", "escape", "W", "0", "dollar_sign", "question_mark"):
            await shown.press(key)
            check_harmless(shown.text() + shown.said())
        assert shown.app.is_running


async def test_markup_in_kernel_text_stays_text() -> None:
    content = b"0x0-0x1 8192 leak_it+0x1/0x2 [bold] pages=1 vmalloc\n0x0-0x1 8192 f+0x1/0x2 [/foo] pages=1 vmalloc\n"
    async with live([{**moment(0), "vmallocinfo": content}], size=(120, 30), first=2) as shown:
        await shown.press("3", "enter")
        assert "Vmalloc › f" in shown.text()
        await shown.press("escape", "M")
        assert "bold" in shown.pane("vmalloc")
        assert "/foo" in shown.pane("vmalloc")


@pytest.mark.parametrize("pattern", ["[/foo]", "[bold]", "[@click=app.quit]x"])
async def test_markup_in_a_filter_stays_text(pattern: str) -> None:
    async with live(size=(80, 24)) as shown:
        await shown.press("2", "slash")
        for character in pattern:
            shown.app.dashboard.query_one("#filter").insert_text_at_cursor(character)  # type: ignore[attr-defined]
        await shown.settle()
        await shown.press("enter")
        assert pattern in shown.pane("slab")


async def test_an_exported_picture_holds_no_control_characters() -> None:
    async with live([named(NAMES["control"], n) for n in range(2)]) as shown:
        svg = shown.app.export_screenshot()
        assert "\x1b" not in svg
        assert "\x07" not in svg


# Faults


async def test_a_fault_is_said_in_its_own_pane_with_its_remedy() -> None:
    ticks = [{**moment(n), "slabinfo": Fault("denied", "/proc/slabinfo needs root", "sudo leaktop")} for n in range(3)]
    for tick in ticks:
        tick["slab_links"] = Fault("missing", "no /sys/kernel/slab")
    async with live(ticks, first=3) as shown:
        assert "/proc/slabinfo needs root" in shown.pane("slab")
        assert "sudo leaktop" in shown.pane("slab")
        assert "hungry" in shown.pane("processes")
        assert "needs root" not in shown.pane("processes")
        assert "pcpu_mem_zalloc" in shown.pane("vmalloc")


async def test_without_slabinfo_the_names_that_sysfs_knows_are_listed() -> None:
    ticks = [{**moment(0), "slabinfo": Fault("denied", "/proc/slabinfo needs root", "sudo leaktop")}]
    async with live(ticks) as shown:
        assert "/proc/slabinfo needs root" in shown.pane("slab")
        assert "Acpi-Namespace" in shown.pane("slab")
        await shown.press("2", "enter")
        assert "Slab ›" in shown.text()
        assert "0 allocated" not in shown.text()  # unknown is not zero


async def test_everything_denied_leaves_a_screen_of_reasons() -> None:
    async with live([everything(Fault("denied", "no permission at all", "sudo leaktop"))]) as shown:
        for name in ("memory", "slab", "vmalloc", "sockets", "kmemleak", "processes", "tmpfs"):
            assert "no permission at all" in shown.pane(name), name
            assert "sudo leaktop" in shown.pane(name), name
        await shown.press("enter", "2", "enter", "z", "y", "D", "I", "U", "down", "end", "home", "K", "escape")
        assert shown.app.is_running


async def test_a_fault_that_passes_is_forgotten() -> None:
    fault = Fault("failed", "/proc/slabinfo: I/O error", None)
    async with live([moment(0), {**moment(1), "slabinfo": fault}, moment(2)], first=2) as shown:
        assert "I/O error" in shown.pane("slab")
        await shown.ticks()
        assert "I/O error" not in shown.pane("slab")
        assert "kmalloc-2k" in shown.pane("slab")


@pytest.mark.parametrize("part", ["rows", "headline"])
async def test_a_pane_that_fails_says_so_and_no_other_does(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_words: Any) -> Any:
        raise ZeroDivisionError("[/as if]\x1b")

    change: dict[str, Any] = {part: fail}
    async with live(size=(160, 48), first=1) as shown:
        for pane in PANES:
            await shown.press(pane.key)
            box = shown.app.dashboard[pane.name]
            arranging = box._arranging
            for holder, name in ((box, "pane"), (arranging, "_pane"), (arranging._arranger, "_pane")):
                monkeypatch.setattr(holder, name, replace(pane, **change))
            monkeypatch.setattr(arranging._arranger, "_of", None)  # as though its section had been read again
            shown.source.now += 20  # past the time for which a headline stands
            await shown.ticks()
            failed = [other.name for other in PANES if "This pane failed" in shown.pane(other.name)]
            assert failed == [pane.name]
            assert "[/as if]\\x1b" in " ".join(shown.pane(pane.name).replace("│", "").split())
            monkeypatch.undo()
            await shown.ticks()
            assert "This pane failed" not in shown.text()


async def test_a_drill_down_that_fails_says_so() -> None:
    def fail(*_words: Any) -> Any:
        raise ZeroDivisionError("[/as if]")

    async with live() as shown:
        table = shown.app.dashboard["slab"].table
        table.pane = replace(table.pane, detail=fail)
        await shown.press("2", "enter")
        assert "This view failed (ZeroDivisionError: [/as if])" in shown.text()
        await shown.press("p", "escape")
        assert "kmalloc-2k" in shown.pane("slab")


async def test_no_rows_anywhere() -> None:
    empty: Contents = {
        "meminfo": b"MemTotal: 0 kB\n",
        "slabinfo": b"slabinfo - version: 2.1\n# name <active_objs>\n",
        "slab_links": b"# leaktop slab_links 1\n",
        "vmallocinfo": b"",
        "sock_diag": sockets(),
        "processes": processes(),
        "tmpfs": tmpfs(),
        "kmemleak": b"",
    }
    async with live([empty]) as shown:
        assert "kmemleak reports no leak" in shown.pane("kmemleak")
        assert "no process is listed" in shown.pane("processes")
        assert "Nothing has grown" in shown.pane("suspects")
        for pane in PANES:
            await shown.press(pane.key, "enter", "escape", "down", "G", "g", "y", "greater_than_sign", "F")
        assert shown.app.is_running


async def test_before_the_first_frame_keys_do_no_harm() -> None:
    async with live(first=0) as shown:
        await shown.press("2", "enter", "y", "D", "I", "greater_than_sign", "F", "z", "space", "slash", "a", "escape")
        await shown.press("question_mark", "escape", "m", "plus")
        assert shown.app.is_running
        await shown.press("space")
        await shown.ticks(2)
        assert "kmalloc-2k" in shown.text()


# Sizes

SIZES = [(160, 48), (80, 24), (40, 10), (20, 5), (10, 3), (1, 1)]


async def resize(shown: Live, size: tuple[int, int]) -> None:
    await shown.pilot.resize_terminal(*size)
    await shown.settle()


async def test_sizes_back_and_forth_while_frames_arrive() -> None:
    async with live(growing(30)) as shown:
        for size in [*SIZES, *reversed(SIZES), (1, 1), (160, 48), (20, 5), (80, 24)]:
            await resize(shown, size)
            await shown.ticks()
            lines = shown.lines()
            assert len(lines) == size[1]
            assert all(len(line) == size[0] for line in lines if line.isascii())
        assert "MemAvailable" in shown.text()
        await resize(shown, (160, 48))
        assert all(shown.visible(f"#pane-{pane.name}") for pane in PANES if not pane.letter)


@pytest.mark.parametrize("size", [(160, 48), (20, 5), (10, 3), (1, 1)], ids=str)
async def test_every_key_at_every_size(size: tuple[int, int]) -> None:
    async with live(size=size) as shown:
        for keys in (
            ("2", "down", "enter"),
            ("p", "escape"),
            ("z", "slash", "k", "enter", "escape"),
            ("K",),
            ("escape",),
        ):
            await shown.press(*keys)
            await shown.ticks()
        await shown.press("question_mark", "down", "escape", "8", "enter", "escape", "tab", "G", "ctrl+d", "y")
        assert shown.app.is_running


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5)], ids=str)
async def test_a_small_screen_still_shows_the_pane_in_use(size: tuple[int, int]) -> None:
    async with live(size=size) as shown:
        await shown.press("2")
        assert "+320K" in shown.text()
        assert "+320K" in shown.row_under_cursor()


async def test_under_ascii_nothing_else_is_drawn() -> None:
    for size in ((160, 48), (80, 24)):
        async with live(size=size, first=8, is_ascii=True) as shown:
            for keys in ((), ("2", "z"), ("enter",), ("escape", "slash", "k"), ("escape", "question_mark"), ("end",)):
                await shown.press(*keys)
                strange = {character for character in shown.text() if not character.isascii()}
                assert strange == set(), (keys, strange)
