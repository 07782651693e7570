"""What a facility is asked, and what it declares."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaktop.stopping import Stop

if TYPE_CHECKING:
    from leaktop.model.allocations import Allocations, Subject


class AskError(Exception):
    """A facility that should answer could not; the message says why and what would help, for people."""


@dataclass(frozen=True)
class Watch:
    """A question that is under way. Belongs to the thread that asks; `stop` may be set from any."""

    subject: Subject
    seconds: float
    """For how long it is watched, at most."""
    root: str = "/"
    """What /proc and /sys are below: another directory for captured files."""
    sampling: int = 1
    """Of tracing: look at one allocation of so many."""
    stop: Stop = field(default_factory=Stop)
    """Set by whoever does not want to wait any longer: what was seen until then is the answer."""
    on_progress: Callable[[float], None] = lambda _: None
    """Told every now and then how many seconds it has been watched."""

    def wait(self, seconds: float) -> bool:
        """Sleep, telling how it goes on; whether it is to go on."""
        began = time.monotonic()
        while (left := began + seconds - time.monotonic()) > 0 and not self.stop.wait(min(left, 0.25)):
            self.on_progress(time.monotonic() - began)
        return not self.stop.is_set()


@dataclass(frozen=True, slots=True)
class Facility:
    """One way to learn who allocates."""

    name: str
    """"allocinfo", "alloc_traces", "page_owner", "tracefs"."""
    order: int
    """The better ones come first."""
    cost: str
    """What asking costs the machine, in a sentence, for whoever has to confirm it."""
    writes: bool
    """Whether it writes to the kernel."""
    missing: Callable[[Subject, str], str | None]
    """Why it has no answer for a subject below a root, with what would help; None where it has one."""
    find: Callable[[Watch], Allocations]
    """The answer. Raises AskError."""
    is_on_request: bool = False
    """Whether it costs too much to be chosen by itself: only whoever names it gets it."""
