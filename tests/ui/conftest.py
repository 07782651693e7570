from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from leaktop.ui.own_cost import OwnCost

if TYPE_CHECKING:
    from collections.abc import Iterator


async def _turns(_least: float = 0) -> None:
    """Some turns of the event loop, where Textual's pilot sleeps until the process has used no CPU for 20 ms."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC, and leaktop's own cost stands still."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(OwnCost, "text", lambda _self, _mono: "self 0.9% 46M")
    monkeypatch.setattr("textual.app.wait_for_idle", _turns)
    monkeypatch.setattr("textual.pilot.wait_for_idle", _turns)
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    yield
    monkeypatch.undo()
    time.tzset()
