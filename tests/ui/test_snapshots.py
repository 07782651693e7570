"""Pictures of the screen. To make them anew: pytest tests/ui/test_snapshots.py --snapshot-update"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from leaktop.model.sample import Fault
from tests.ui.fake_source import Live, build, everything, growing

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
