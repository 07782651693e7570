"""What can be asked of kmemleak behind `K`: what each writes where, what it costs, and whether it can be undone."""

from __future__ import annotations

from typing import NamedTuple

from leaktop.control import kmemleak, mounting
from leaktop.ui.dialogs import Offer


class Question(NamedTuple):
    """An offer, and what is asked before it is done."""

    offer: Offer
    title: str
    words: str
    yes: str
    """What the button says; "" where the answer has to be typed."""


def _question(key: str, name: str, offer: str, title: str, yes: str, *words: str) -> Question:
    return Question(Offer(key, name, offer), title, "\n\n".join(words), yes)


_TWICE = (
    "The kernel walks all of its memory, twice: seconds, on a big machine minutes. Everything else goes on; reading "
    "kmemleak waits. Nothing is changed but the list of suspects. A new leak shows after the second scan only, since "
    f"the first takes it for young; {kmemleak.MINIMUM_AGE:.0f} seconds lie between them. Scan again cancels."
)
_FORGETS = (
    "The kernel forgets the objects that it has reported: they will not be listed again. There is no undo. "
    "The report is saved to a file first; if that fails, nothing is cleared."
)

SCAN = _question(
    "s", "scan", "kmemleak: scan twice, as a leak needs", "Scan", "Scan",
    f"This writes 'scan' to {kmemleak.PATH}.", _TWICE,
)  # fmt: skip
CLEAR = _question(
    "c", "clear", "kmemleak: save the report, then clear it", "Clear", "Save and clear",
    f"This writes 'clear' to {kmemleak.PATH}.", _FORGETS,
)  # fmt: skip
WORKLOAD = _question(
    "w", "workload", "kmemleak: what does a workload leak? clear, run it, scan", "What does a workload leak?", "Begin",
    f"1. This writes 'scan' twice and then 'clear' to {kmemleak.PATH}, so that whatever leaked before is out of the "
    "way. " + _FORGETS,
    "2. You run the workload.",
    "3. You press Scan. What is listed then, leaked since.",
)  # fmt: skip
AUTOMATIC = _question(
    "i", "automatic", "kmemleak: automatic scans on, off, or every so many seconds", "Automatic scans", "",
    f"This writes 'scan=WORD' to {kmemleak.PATH}. The kernel does not tell what is set now; after boot it is every "
    "600 seconds.",
    f"Type on, off, or seconds (1 to {kmemleak.LONGEST_INTERVAL}).",
)  # fmt: skip
STACKS = _question(
    "t", "stacks", "kmemleak: scan the stacks of tasks, or not", "Stacks of tasks", "",
    f"This writes 'stack=WORD' to {kmemleak.PATH}. Without the stacks, what only a running task points to is reported "
    "as well: more is found, and more of it is no leak. After boot it is on.",
    "Type on or off.",
)  # fmt: skip
DUMP = _question(
    "o", "dump", "kmemleak: dump the first object of the selected group", "Dump an object", "Dump",
    f"This writes 'dump={{address}}' to {kmemleak.PATH}.",
    "The kernel logs what it knows of this object; leaktop shows the lines. Nothing is changed.",
)  # fmt: skip
SUPPRESS = _question(
    "x", "suppress", "kmemleak: never list the selected group again", "Suppress", "Suppress",
    "This adds a line to {file}:", "    {rule}",
    "Such groups are counted in the pane's border, not listed. Nothing is written to the kernel; remove the line to "
    "see them again.",
)  # fmt: skip
OFF = _question(
    " ", "off", "kmemleak: switch it off until the next boot", "Switch kmemleak off", "",
    f"This writes 'off' to {kmemleak.PATH}.",
    "The detector ends, and frees its memory with the next clear. Nothing but a reboot switches it on again.",
    "Type off to do it.",
)  # fmt: skip
MOUNT = _question(
    "m", "mount", "mount debugfs, where kmemleak is", "Mount debugfs", "Mount",
    f"This mounts debugfs at {mounting.PLACES['debugfs']}, for root only (mode 700).",
    f"It stays mounted; umount {mounting.PLACES['debugfs']} takes it away.",
)  # fmt: skip

QUESTIONS = {
    question.offer.name: question for question in (SCAN, WORKLOAD, CLEAR, AUTOMATIC, STACKS, DUMP, SUPPRESS, MOUNT, OFF)
}
