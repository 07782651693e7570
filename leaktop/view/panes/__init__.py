"""One file a pane. To add one, add a file with a `PANE`; it is found by being here."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaktop.view.pane import PaneView

PANES: tuple[PaneView, ...] = tuple(
    sorted(
        (import_module(f"{__name__}.{module.name}").PANE for module in iter_modules(__path__)),
        key=lambda pane: pane.order,
    )
)


def pane_named(name: str) -> PaneView:
    """The pane of that name.

    Raises:
        KeyError: there is none.
    """
    return {pane.name: pane for pane in PANES}[name]
