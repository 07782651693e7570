"""What a chapter that was unpacked turned out to be: what a signpost should say of it, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.recording.layout import UNDESCRIBED, Damage, Moment, Signpost, Stretch
from leaktop.recording.lines import LineError

if TYPE_CHECKING:
    from leaktop.recording.chapter import Chapter


def describe(chapter: Chapter, length: int) -> Signpost:
    """What the signpost of a chapter would say.

    Args:
        chapter: as far as it came.
        length: bytes that it takes in the file.
    """
    moments = []
    for index in (0, -1) if len(chapter) else ():
        try:
            moments.append(chapter.moment(index))
        except LineError:
            continue
    moments = moments or [Moment(event.mono, event.wall) for event in chapter.events] or [Moment(0.0, 0.0)]
    boot = chapter.header.machine.boot_id if chapter.header else None
    return Signpost(length, len(chapter), moments[0], moments[-1], tuple(chapter.events), boot)


def judge(stretch: Stretch, chapter: Chapter) -> Damage | None:
    """What is missing of a chapter; None where all of it is there."""
    reason = chapter.fault
    if reason is None and stretch.is_closed and not chapter.is_complete:
        reason = "it is cut"
    if reason is None and chapter.header is None and len(chapter):
        reason = "its header is lost"
    if reason is None:
        return None
    signpost = stretch.signpost
    if signpost is UNDESCRIBED:
        return Damage(stretch.offset, stretch.length, reason, None, None, None)
    lost = max(signpost.ticks - len(chapter), 0)
    return Damage(stretch.offset, stretch.length, reason, signpost.first, signpost.last, lost)
