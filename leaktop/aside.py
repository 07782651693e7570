"""What may take long, or hang, done in a daemon thread of its own, where one can be had."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NO_THREAD = "no thread could be started: memory is short, or there are too many"


def aside(work: Callable[[], None], name: str) -> threading.Thread | None:
    """Have something done; None where no thread can be had, as on a machine that is out of memory or of pids."""
    thread = threading.Thread(target=work, name=f"leaktop-{name}", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread
