"""Plays a recording: the counterpart of the poller, with a thread of its own in which everything is read and made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from leaktop.engine.finding import EVENTS, Found, at_event, at_position, at_wish, previous
from leaktop.engine.origin import find_origin
from leaktop.engine.position import Position
from leaktop.engine.replay import Replay
from leaktop.engine.survey import Survey
from leaktop.engine.worker import Worker
from leaktop.recording.timeline import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.model.frame import Frame, Key
    from leaktop.recording.layout import Moment
    from leaktop.recording.reader import Place, Recording

SPEEDS = (1, 10, 100)
_PAINTED_EVERY = 0.1
"""Seconds between Frames that are shown while ticks pass faster than that."""
_LONGEST_WAIT = 2.0
"""Seconds that playing waits at a gap."""
_PAINTING = 0.04
"""Seconds that the screen gets to itself after a Frame."""
_AHEAD = 20
"""Ticks before the place whose Frame should be there when somebody steps back."""
_REFRESH = 0.5
"""Seconds between looks for what came since, where a recording is still growing."""


class Player:
    """Shows a recording. Every method may be called from any thread; what it asks for happens in the player's own.

    Args:
        recording: what to show; it belongs to the player from now on.
        on_frame: called with each Frame and where it lies, in the player's thread.
        on_words: called with what the user should read, such as a time that the recording does not have.
        is_growing: more may come; then the end is awaited rather than final.
    """

    def __init__(
        self,
        recording: Recording,
        on_frame: Callable[[Frame, Position], None],
        on_words: Callable[[str], None],
        *,
        is_growing: bool = False,
    ) -> None:
        self._recording = recording
        self._replay = Replay(recording)
        self._on_frame = on_frame
        self._on_words = on_words
        self._is_growing = is_growing
        self._worker = Worker("leaktop-player", self._idle, self._patience, self._fail)
        self._marks: list[tuple[Place, Moment]] = []
        self._timeline = lay_out(recording)
        self._survey = Survey(recording)
        self._refining: tuple[Place, Iterator[Frame | None]] | None = None
        self._speed = 1
        self._is_playing = False
        self._is_following = False
        self._is_behind = False
        """Follows, and something came that is not shown yet."""
        self._last_painted = 0.0
        self._last_refresh = 0.0
        self._due = 0.0
        self._shown: Frame | None = None
        self._failure: str | None = None

    def start(self, *, wish: str | None = None, mono: float | None = None, plays: bool = False, speed: int = 1) -> None:
        """Begin in a daemon thread: at a time as the user wrote it, a monotonic one of its boot, or the first tick."""
        self._speed, self._is_playing = speed, plays
        self._is_following = self._is_growing and wish is None and mono is None
        self._worker.ask(lambda: self._begin(wish, mono))
        self._worker.start()

    def stop(self) -> None:
        """End the thread at its next chance."""
        self._worker.stop()

    def toggle(self) -> None:
        """Play, or pause."""
        self._worker.ask(self._toggle)

    def faster(self, steps: int) -> None:
        """Play at the next higher speed, or the next lower one."""

        def change() -> None:
            at = min(max(SPEEDS.index(self._speed) + steps, 0), len(SPEEDS) - 1)
            self._speed = SPEEDS[at]
            self._publish(self._shown)

        self._worker.ask(change)

    def step(self, count: int) -> None:
        """So many ticks on, or back; stops playing."""
        self._worker.ask(lambda: self._step(count))

    def to_start(self) -> None:
        """To the first tick."""
        self._worker.ask(lambda: self._halt_at(self._recording.first()))

    def to_end(self, *, follow: bool = False) -> None:
        """To the newest tick, and on with what comes, where that is asked for."""

        def go() -> None:
            self._take_more()
            self._halt_at(self._recording.last(), is_following=follow and self._is_growing)

        self._worker.ask(go)

    def go(self, wish: str) -> None:
        """To a time as the user wrote it; "mark" and "gap" are the next of these."""
        self._worker.ask(lambda: self._find(lambda here: at_wish(self._recording, self._timeline, wish, here)))

    def to_share(self, share: float) -> None:
        """To a moment by its share of the timeline, 0 to 1."""

        def go() -> None:
            self._halt_at(at_position(self._recording, self._timeline, share * self._timeline.length))

        self._worker.ask(go)

    def to_event(self, kinds: tuple[str, ...], direction: int) -> None:
        """To the next event of these kinds, or the one before; of any kind where none is named."""

        def find(here: Place | None) -> Found:
            return at_event(self._recording, self._timeline, here, kinds, direction)

        self._worker.ask(lambda: self._find(find))

    def to_origin(self, section: str, key: Key) -> None:
        """To where the growth of a row began."""

        def go() -> None:
            place = self._replay.place
            found = None if place is None else find_origin(self._recording, section, key, place)
            if found is None:
                self._on_words("This row has not grown up to here.")
            else:
                self._halt_at(found)

        self._worker.ask(go)

    def mark(self) -> None:
        """Let growth count from here."""

        def mark() -> None:
            if self._replay.place is not None:
                self._replay.mark(self._replay.place)
                self._marks.append((self._replay.place, self._recording.moment(self._replay.place)))
                self._timeline = lay_out(self._recording, self._marks)
                self._show(self._replay.place)

        self._worker.ask(mark)

    def choose_gauge(self, name: str) -> None:
        """Let the timeline's curve be of that /proc/meminfo line."""

        def choose() -> None:
            if self._survey.choose(name):
                self._publish(self._shown)

        self._worker.ask(choose)

    # In the player's thread

    def _fail(self, error: Exception) -> None:
        """Give up what was being done: a recording is anybody's file. Said once, however often it is tried again."""
        self._refining, self._is_playing, self._is_behind = None, False, False
        words = f"leaktop failed on this recording ({type(error).__name__}: {error}). Please report it."
        if words != self._failure:
            self._failure = words
            self._on_words(words)

    def _patience(self) -> float:
        """Seconds to wait for a command before something else is done."""
        if self._refining is not None or self._is_behind or self._survey.is_busy:
            if self._is_playing:
                return max(min(self._due - time.monotonic(), 0.005), 0.0)
            # What was just shown is painted first: two threads would only take turns at the interpreter's lock.
            return max(self._last_painted + _PAINTING - time.monotonic(), 0.0)
        if self._is_playing:
            return max(self._due - time.monotonic(), 0.0)
        return _REFRESH if self._is_growing else 3600.0

    def _idle(self) -> None:
        now = time.monotonic()
        if self._is_growing and now - self._last_refresh >= _REFRESH:
            self._last_refresh = now
            self._look_for_more()
        elif self._is_playing and now >= self._due:
            self._advance(now)
        elif self._refining is not None:
            self._refine()
        elif self._is_behind:
            self._catch_up()
        elif self._survey.is_busy:
            self._survey.advance()
            if not self._survey.is_busy:
                self._timeline = lay_out(self._recording, self._marks)
                self._publish(self._shown)

    def _begin(self, wish: str | None, mono: float | None = None) -> None:
        place = self._recording.last() if self._is_following else self._recording.first()
        if place is None:
            return
        if mono is not None:
            line = self._timeline
            place = at_position(self._recording, line, mono - line.start.mono) or place
        if wish is None or wish.strip().lower() in EVENTS:
            self._show(place)
        if wish is not None:
            self._find(lambda here: at_wish(self._recording, self._timeline, wish, here))
            if self._shown is None:
                self._show(place)
        self._due = time.monotonic()  # what the first Frame took is not to be caught up with

    def _take_more(self) -> bool:
        """Take what came since; whether there is more."""
        has_more = self._recording.refresh()
        if has_more:
            self._timeline = lay_out(self._recording, self._marks)
        return has_more

    def _look_for_more(self) -> None:
        if not self._take_more():
            return
        if self._replay.place is None:
            self._begin(None)
        else:
            self._is_behind = self._is_following

    def _catch_up(self) -> None:
        here, last = self._replay.place, self._recording.last()
        self._is_behind = False
        if not self._is_following or here is None or last is None or last <= here:
            return
        frame = None
        for _ in range(_AHEAD):
            frame = self._replay.forward() or frame
        if frame is None or self._recording.step(here, _AHEAD) < last:
            self._show(last)
        else:
            self._publish(frame)

    def _toggle(self) -> None:
        self._is_playing = not (self._is_playing or self._is_following)
        self._is_following = False
        self._due = time.monotonic()
        self._publish(self._shown)

    def _advance(self, now: float) -> None:
        recording, here = self._recording, self._replay.place
        if here is None:
            self._due = now + _REFRESH
            return
        frame = self._replay.forward()
        if frame is None:
            there = recording.step(here, 1)
            if there <= here:
                self._is_playing = False
                self._is_following = self._is_growing
                self._publish(self._shown)
            else:  # before playing can go on from here, what was before has to be fed
                if self._refining is None or self._refining[0] != here:
                    self._refining = here, self._replay.exact(here)
                self._refine()
            return
        following = recording.step(self._replay.place or here, 1)
        wait = max(recording.moment(following).mono - frame.mono, 0.0) / self._speed
        self._due = max(self._due, now - 1.0) + min(wait, _LONGEST_WAIT)
        if now - self._last_painted >= _PAINTED_EVERY or self._due > now + _PAINTED_EVERY:
            self._publish(frame)
        else:
            self._shown = frame

    def _step(self, count: int) -> None:
        here = self._replay.place
        if self._is_growing and count > 0:
            self._take_more()
        if here is not None:
            self._halt_at(self._recording.step(here, count))
            earlier = self._recording.step(here, count - _AHEAD)
            if count < 0 and self._refining is None and not self._replay.knows(earlier):
                # Who steps back goes on doing so: make the Frames before these while there is time.
                self._refining = earlier, self._replay.exact(earlier)

    def _find(self, find: Callable[[Place | None], Found]) -> None:
        """Go to what is found, with a word on it."""
        place, words = find(self._replay.place)
        if words:
            self._on_words(words)
        if place is not None:
            self._halt_at(place)

    def _halt_at(self, place: Place | None, *, is_following: bool = False) -> None:
        self._is_playing, self._is_following = False, is_following
        if place is not None:
            self._show(place)

    def _show(self, place: Place) -> None:
        """Show a place: at once as well as can be, then exactly."""
        self._refining = None
        frame = self._replay.known(place)
        here = self._replay.place
        if frame is None and here is not None and here < place and place.chapter <= here.chapter + 1:
            frame = self._replay.forward() if self._recording.step(here, 1) == place else None
        if frame is None:
            frame = self._replay.rough(place)
            self._refining = place, self._replay.exact(place)
        self._publish(frame)

    def _refine(self) -> None:
        if self._refining is None:
            return
        place, frames = self._refining
        frame = next(frames)
        if frame is not None:
            self._refining = None
            if place == self._replay.place:
                self._publish(frame)

    def _publish(self, frame: Frame | None) -> None:
        self._shown = frame
        place = self._replay.place
        if frame is None or place is None:
            return
        self._failure = None
        self._last_painted = time.monotonic()
        is_last = self._recording.step(place, 1) <= place
        line = self._timeline
        at, since = line.position(place, frame.mono), previous(self._recording, line, place)
        playing = self._speed, self._is_playing, self._is_following
        self._on_frame(frame, Position(place, at, since, *playing, is_last, line, self._survey))
