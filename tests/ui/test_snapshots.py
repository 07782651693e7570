"""Pictures of the screen. To make them anew: pytest tests/ui/test_snapshots.py --snapshot-update"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from leaktop.engine import player as player_module
from leaktop.engine.engine import Engine
from leaktop.model.sample import Event, Fault
from leaktop.ui.app import LeaktopApp
from leaktop.ui.travel import Replayed
from tests.ui.fake_source import START_MONO, START_WALL, Live, build, everything, growing
from tests.ui.replayed import Script, press, travelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from tests.ui.fake_source import Contents


@pytest.fixture
def looks_the_same(snap_compare: Any) -> Callable[..., bool]:
    """Draw a script after so many ticks and these keys, and compare."""

    def compare(
        size: tuple[int, int], *keys: str, ticks: list[Contents] | None = None, after: int = 0, **options: Any
    ) -> bool:
        app, source, engine = build(growing(30) if ticks is None else ticks, **options)

        async def play(pilot: Pilot[None]) -> None:
            shown = Live(app, pilot, source, engine)
            await shown.settle()
            await shown.ticks(8)
            await shown.press(*keys)
            await shown.ticks(after)
            await shown.settle()

        return bool(snap_compare(app, terminal_size=size, run_before=play))

    return compare


def test_dashboard(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((160, 48), "2")


def test_dashboard_at_its_smallest(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((120, 36))


def test_slab_80x24(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((80, 24), "2", "down")


def test_slab_20x5(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((20, 5), "2")


def test_drill_down(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((120, 48), "2", "down", "enter", after=1)


def test_kmemleak_groups(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((100, 30), "5", "down")


def test_paused(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((80, 24), "2", "space", after=5)


def test_everything_denied(looks_the_same: Callable[..., bool]) -> None:
    fault = Fault("denied", "/proc/slabinfo needs root", "sudo leaktop")
    assert looks_the_same((120, 36), ticks=[everything(fault)])


def test_no_color(looks_the_same: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert looks_the_same((120, 36), "2", "down")


def test_ascii(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((120, 36), "2", is_ascii=True)


def test_light(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((120, 36), "2", theme="leaktop-light")


@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=["120x36", "80x24"])
def test_replay(snap_compare: Any, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    monkeypatch.setattr(player_module, "_PAINTING", 0.0)
    events = [
        (n, Event(START_MONO + n, START_WALL + n, kind, text, seconds))
        for n, kind, text, seconds in (
            (12, "mark", "load begins", None),
            (30, "gap", "", 75.0),
            (48, "baseline", "", None),
        )
    ]
    script = Script(growing(60), events).record(60)
    app = LeaktopApp(None, None, replayed=Replayed(script.recording(), plays=False))
    app.animation_level = "none"

    async def play(pilot: Pilot[None]) -> None:
        shown = Live(app, pilot, script.source, Engine(script.source.machine))
        await shown.settle()
        await travelled(shown)
        await press(shown, "2", "plus", "right_parenthesis", "right_parenthesis")

    assert snap_compare(app, terminal_size=size, run_before=play)


def test_tour_80x24(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((80, 24), shows_tour=True)


def test_help_80x24(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((80, 24), "2", "question_mark", "tab")


def test_colour_blind_safe(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same((120, 36), "2", "down", theme="leaktop-cb")
