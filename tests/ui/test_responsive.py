"""What a screen that is open for days must not keep."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

from leaktop.ui import responsive
from tests.ui.fake_source import growing, live

if TYPE_CHECKING:
    import pytest


async def test_the_lines_of_closed_dialogs_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responsive, "SWEPT_EVERY", 0.0)
    async with live(growing(8), size=(160, 48), first=1) as shown:
        kept = []
        for _ in range(3):
            await shown.press("question_mark")
            kept += [weakref.ref(widget._styles_cache) for widget in shown.app.screen.query("#help")]
            await shown.press("escape")
        await shown.ticks()
        gc.collect()
        assert len(kept) == 3
        assert not any(lines() for lines in kept)
