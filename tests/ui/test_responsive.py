"""What a screen that is open for days must not keep."""

from __future__ import annotations

import gc
import weakref

from tests.ui.fake_source import growing, live, states_of


async def test_the_lines_of_closed_dialogs_are_let_go() -> None:
    async with live(growing(80), size=(160, 48), first=1) as shown:
        kept = []
        for _ in range(3):
            await shown.press("question_mark")
            kept += [weakref.ref(widget._styles_cache) for widget in shown.app.screen.query("#help")]
            await shown.press("escape")
        assert shown.app.live is not None
        for _ in range(70):  # seconds
            shown.app.live.take(shown.source.tick(), states_of(shown.source))
        await shown.settle()
        gc.collect()
        assert len(kept) == 3
        assert not any(lines() for lines in kept)
