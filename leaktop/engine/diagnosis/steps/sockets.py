"""Socket queues, those of packet sockets included: what was received and nobody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 10, "socket queues", "sockets"


def examine(look: Look) -> Finding:
    """Suspect where a queue grows, or stands full."""
    unread = look.unread("sockets")
    if unread:
        return Finding("unknown", "-", unread)
    held = sum(row.size.value or 0 for row in look.observed.section("sockets").rows)
    return look.judge(human_bytes(held), "queues are read", "socket")
