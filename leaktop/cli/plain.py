"""`leaktop --plain`: what the screen shows, as lines; for screen readers, logs, and terminals that draw nothing."""

from __future__ import annotations

import io
import sys
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from leaktop.cli.signals import heed
from leaktop.model.sample import Event
from leaktop.view.plain import Narrator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from leaktop.control.protect import Protection
    from leaktop.engine.engine import Engine
    from leaktop.engine.feed import LiveFeed
    from leaktop.model.frame import Frame
    from leaktop.recording.reader import Place, Recording
    from leaktop.sources.base import Source

_TURN = 0.2
_MOST_WAITING = 8
_EXACT = 0.0005
"""Seconds: half of what clocks are kept to."""


def tell_live(source: Source, engine: Engine, choices: argparse.Namespace, interval: float) -> int:
    """Tell of this machine until Ctrl-C or a signal.

    Args:
        source: where samples come from.
        engine: makes the Frames.
        choices: --record, --budget, --protect and --ascii.
        interval: seconds between ticks.

    Returns:
        0; 2 where the recording that was asked for cannot be made, or not be ended whole.
    """
    from leaktop.cli.protecting import protected
    from leaktop.cli.saying import complain
    from leaktop.engine.feed import LiveFeed

    protection = protected(choices)
    waiting: SimpleQueue[Frame | str] = SimpleQueue()

    def take(frame: Frame) -> None:
        if waiting.qsize() < _MOST_WAITING:  # a terminal that takes nothing (Ctrl-S) must not fill memory
            waiting.put(frame)

    def tell(words: str) -> None:
        if waiting.qsize() < 2 * _MOST_WAITING:
            waiting.put(words)

    feed = LiveFeed(source, engine, take, interval, tell)
    feed.poller.budget.share = choices.budget
    if choices.record is not None:
        try:
            feed.recorder.start(choices.record)
        except OSError as error:
            return complain(f"{choices.record}: {error.strerror or error}")
    feed.poller.start()
    try:
        _tell(_arriving(waiting, feed, protection), is_ascii=choices.ascii)
    finally:
        feed.poller.stop()
        lost = feed.recorder.stop()
    if lost is not None:
        return complain(f"{choices.record}: {lost}")
    return 0


def tell_recording(
    recording: Recording, choices: argparse.Namespace, goes_on: Callable[[], bool], start: Place | None = None
) -> int:
    """Tell what is in a recording, to its last tick; one that grows is followed until Ctrl-C.

    Args:
        recording: the ticks.
        choices: --ascii.
        goes_on: whether more may come.
        start: where to begin; None for its first tick.
    """
    _tell(moments(recording, goes_on, start), is_ascii=choices.ascii)
    return 0


def _tell(moments: Iterable[Frame | Event | str], *, is_ascii: bool) -> None:
    """Print what is new, until there is no more or somebody ends it."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
        sys.stdout.reconfigure(encoding="ascii" if is_ascii else None, errors="backslashreplace")
    heed(_interrupt)
    narrator = Narrator()
    frame: Frame | None = None
    try:
        for moment in moments:
            if isinstance(moment, str):
                _print([narrator.notice(time.time(), moment)])
            elif isinstance(moment, Event):
                _print([narrator.event(moment)])
            else:
                frame = moment
                _print(narrator.tell(frame))
    except KeyboardInterrupt:
        pass  # the usual way to end it
    if frame is not None:
        _print(narrator.end(frame))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _arriving(
    waiting: SimpleQueue[Frame | str], feed: LiveFeed, protection: Protection | None
) -> Iterator[Frame | str]:
    """What the poller's thread gives, and what stands in the way of recording and of protection."""
    said: str | None = None
    while True:
        yield from protection.take_troubles() if protection else ()
        try:
            yield waiting.get(timeout=_TURN)
        except Empty:
            continue
        trouble = feed.recorder.trouble
        if trouble != said:
            said = trouble
            yield f"Recording: {trouble or 'writing again'}."


def moments(recording: Recording, goes_on: Callable[[], bool], start: Place | None = None) -> Iterator[Frame | Event]:
    """Every moment of a recording from a place on, with what happened before it; then what comes."""
    from leaktop.engine.replay import Replay
    from leaktop.recording.timeline import lay_out

    replay = Replay(recording)
    here = start or recording.first()
    if here is None:
        return
    line = lay_out(recording)
    told = float("-inf") if start is None else line.position(start, recording.moment(start).mono) - _EXACT
    frame = next(found for found in replay.exact(here) if found is not None)
    replay.place = here
    yield frame  # before what happened until then, as a greeting; told again below, it says nothing new
    while True:
        at = line.position(replay.place or here, frame.mono) + _EXACT
        yield from (event for position, event in line.events if told < position <= at)
        told = at
        yield frame
        following = replay.forward()
        while following is None:
            is_last = not goes_on()  # asked first: what came until then is read below
            has_more = recording.refresh()
            line = lay_out(recording) if has_more else line
            following = replay.forward()
            if following is None and is_last:
                yield from (event for position, event in line.events if position > told)
                return
            if following is None:
                time.sleep(_TURN)
        frame = following
