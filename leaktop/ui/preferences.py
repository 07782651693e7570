"""What the user wants of the screen: from the command line, and from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaktop.view.panes import PANES

if TYPE_CHECKING:
    from leaktop.control.protect import Protection
    from leaktop.view.pane import PaneView


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the screen looks and what it may do; each has a default that suits most."""

    interval: float = 1.0
    """Seconds between ticks."""
    is_read_only: bool = False
    """No write to the kernel is offered."""
    is_ascii: bool = False
    """No glyph beyond ASCII is drawn."""
    theme: str | None = None
    """A theme by name; None for the usual one."""
    directory: str = "."
    """Where reports are saved."""
    shows_tour: bool = False
    """Begin with the tour on top of the panes."""
    record_to: str | None = None
    """A new file that everything is recorded to from the start."""
    protection: Protection | None = None
    """What keeps this process alive while memory runs out; None where nothing was asked for."""
    panes: tuple[PaneView, ...] = PANES
    """Their columns and order."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Names of keys (leaktop.view.keys) to those that they have instead, with commas between."""
    notices: tuple[str, ...] = ()
    """What is wrong with what was asked for, said once the screen is there."""


USUAL = Preferences()
"""Where nothing was asked for."""
