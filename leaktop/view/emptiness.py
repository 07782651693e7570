"""What a pane says in place of rows: why there are none, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.sections import SECTIONS
from leaktop.units import human_count
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from leaktop.model.frame import Frame
    from leaktop.model.sample import Fault, FaultKind
    from leaktop.view.pane import Choice, PaneView

_DOCTOR = "`leaktop doctor` says what there is here, and how to get more."
_OTHERWISE: dict[FaultKind, str] = {
    "missing": f"The other panes do without it. {_DOCTOR}",
    "denied": _DOCTOR,
    "disabled": _DOCTOR,
    "unsupported": _DOCTOR,
    "busy": "R reads it again.",
    "empty": "R reads it again. In a container look on the host, whose /proc is whole.",
    "malformed": "Look at the file itself: what a kernel really wrote so is worth a report.",
    "failed": "R tries again. The other panes do without it.",
}
"""What helps by the kind of a fault that names no remedy of its own."""
_PROBES = {rule.name: rule.probes for rule in SECTIONS}

Words = list[tuple[str, str]]
"""Lines of (text, tone), safe to show."""


def why_empty(pane: PaneView, frame: Frame, choice: Choice) -> Words:
    """Why a pane has no row to show now, the strongest reason first.

    Args:
        pane: the pane.
        frame: the moment that is shown.
        choice: the user's filter and switches, of which no row is left.
    """
    section = frame.sections.get(pane.section)
    if section is not None and section.mono is None:
        return _unread(pane, frame)
    if (hidden := len(pane.rows(frame, frozenset()))) and (choice.pattern or choice.switches):
        return _hidden(pane, choice, hidden)
    if section is not None and section.fault is not None:
        return _fault(section.fault, is_live=frame.machine.is_live)
    return [(pane.empty(frame), "dim")]


def _fault(fault: Fault, *, is_live: bool) -> Words:
    """Why something cannot be read, and what helps, or would have helped."""
    words: Words = [(sanitise(fault.reason), "fault")]
    if fault.remedy:
        words.append((f"{'What helps' if is_live else 'What would have helped'}: {sanitise(fault.remedy)}", ""))
    elif is_live:
        words.append((_OTHERWISE[fault.kind], ""))
    return words


def _unread(pane: PaneView, frame: Frame) -> Words:
    """Nothing came of it yet."""
    states = [frame.probes[name] for name in _PROBES[pane.section] if name in frame.probes]
    if not states:  # the poller knows of every probe; a replay, only of what was recorded
        return [
            ("Nothing of this was recorded up to this moment.", "dim"),
            (") goes to the next event, $ to the end of the recording: it may have come later.", ""),
        ]
    words: Words = [(f"Reading {pane.source} ...", "dim")]
    if any(state.is_waiting for state in states):
        words.append(("The kernel takes its time over it. All else goes on meanwhile.", "dim"))
    return words


def _hidden(pane: PaneView, choice: Choice, count: int) -> Words:
    """What is there is hidden by choice."""
    rows = "1 row" if count == 1 else f"{human_count(count)} rows"
    reasons, keys = [], []
    on = [switch for switch in pane.switches if switch.name in choice.switches]
    if choice.pattern:
        reasons.append(f"the filter {sanitise(choice.pattern)}")
        keys.append("Esc clears the filter")
    if on:
        reasons.append(" and ".join(f"'{switch.label}'" for switch in on))
        keys.append(" and ".join(f"{switch.key} switches '{switch.label}' off" for switch in on))
    return [
        (f"{rows} here, of which {' and '.join(reasons)} leave{'' if len(reasons) > 1 else 's'} none.", "dim"),
        (f"{'; '.join(keys)}.", ""),
    ]
