"""`leaktop record`: everything that the screen would show, into a file, with no screen."""

from __future__ import annotations

import argparse
import contextlib
import errno
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from leaktop import children
from leaktop.cli.options import add_own_cost, count, seconds, size
from leaktop.cli.protecting import is_possible, protected
from leaktop.cli.saying import say, say_lost
from leaktop.cli.signals import heed
from leaktop.control import kmemleak
from leaktop.engine.backlog import BacklogWatch
from leaktop.engine.oom import watch_for_oom
from leaktop.engine.poller import Poller
from leaktop.model.sample import Event
from leaktop.recording.file import FLOOR, is_recording, rotate
from leaktop.recording.recorder import Limits, Recorder, header_for
from leaktop.sources.filesystem import FileSystemSource
from leaktop.stopping import Stop
from leaktop.units import human_bytes, human_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leaktop.model.frame import ProbeState
    from leaktop.model.sample import Tick
    from leaktop.recording.encoder import Chapter

_SHORTEST = 0.1
_FIRST_TICK, _LAST_TICK = 10.0, 1.0
"""Seconds to wait for the tick before the command begins, and for the one after it ended."""
_TURN, _QUIET_TURN = 0.2, 1.0
"""Seconds between two looks at the command, or at the terminal; and where there is neither."""
_LAST_WAIT = 2.0
"""Seconds that a reader of standard output has to take the end of the recording."""
_REPORT_EVERY = 60.0
"""Seconds between reads of kmemleak: nobody is there to press R, and the kernel scans by itself every ten minutes."""
_REMEDIES = {errno.ENOSPC: "; --min-free sets the limit", errno.EEXIST: "; it is left alone"}


def add_parser(verbs: Any) -> None:
    """The options of `record`."""
    parser = verbs.add_parser(
        "record",
        help="record everything to a file, with no screen",
        usage="leaktop record FILE [options] [-- COMMAND ...]",
        description="Record everything to a file until a signal, --for, or the end of COMMAND.",
    )
    parser.add_argument("file", metavar="FILE", help="a new file; - for standard output")
    parser.add_argument(
        "--interval", "-d", type=seconds, default=5.0, metavar="TIME", help="between ticks (default 5s)"
    )
    parser.add_argument("--for", dest="duration", type=seconds, metavar="TIME", help="stop after so long")
    parser.add_argument(
        "--max-size", type=size, metavar="SIZE", help="begin a new file when this one has so many bytes"
    )
    parser.add_argument("--max-age", type=seconds, metavar="TIME", help="begin a new file after so long")
    parser.add_argument(
        "--keep",
        type=count,
        default=4,
        metavar="N",
        help="how many full files stay: FILE.1 .. FILE.N; older ones are removed (default 4)",
    )
    parser.add_argument(
        "--min-free", type=size, default=FLOOR, metavar="SIZE", help="leave so much of the disk free (default 64M)"
    )
    parser.add_argument("--redact", action="store_true", help="without names, addresses and kernel pointers")
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=argparse.SUPPRESS,
        help="never write to the kernel, nor make it load a module",
    )
    add_own_cost(parser, is_verb=True)
    parser.set_defaults(run=run, takes_command=True)


def run(choices: argparse.Namespace) -> int:
    """Record until told to stop.

    Returns:
        0, or the status of COMMAND; 1 where the recording could not be completed, 2 where it could not begin.
    """
    if choices.file == "-" and sys.stdout.isatty():
        say("standard output is a terminal; pipe it: leaktop record - | leaktop replay -")
        return 2
    if not is_possible(choices):
        return 2
    session = _Session(choices)
    try:
        session.open(choices)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "")
        say(f"{choices.file}: {error.strerror or error}{remedy}")
        return 2
    status = session.record(choices.command, choices.duration)
    trouble = session.close()
    if trouble and trouble != session.said:
        say(trouble)
    return status or (1 if trouble else 0)


class _StandardOutput:
    """Standard output as the place where a recording goes; when its reader is gone, the recording ends.

    Attributes:
        size: bytes written.
        trouble: why the rest is lost, for people; None where nothing is, or nobody reads any more.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._is_open = True
        self._poll = select.poll()
        self._poll.register(1, select.POLLOUT)
        self.size = 0
        self.trouble: str | None = None

    def piece(self, piece: bytes) -> None:
        """Write it all; a reader that takes nothing must not keep us from ending."""
        waited = 0.0
        while piece and self._is_open:
            if not self._poll.poll(_TURN * 1000):
                waited += _TURN if self._stop.is_set() else 0.0
                if waited >= _LAST_WAIT:
                    self._end("its reader takes nothing; the end of the recording is lost")
                continue
            try:
                written = os.write(1, piece[: select.PIPE_BUF])
            except OSError as error:
                self._end(None if error.errno == errno.EPIPE else f"cannot write: {error.strerror}")
                return
            self.size += written
            piece = piece[written:]

    def _end(self, trouble: str | None) -> None:
        self.trouble, self._is_open = trouble, False
        self._stop.set()

    def chapter(self, chapter: Chapter) -> None:
        """A pipe has no index."""


class _Session:
    """One recording: the poller that reads, the recorder that writes, and what ends them.

    Attributes:
        said: the trouble that standard error was told of last.
    """

    def __init__(self, choices: argparse.Namespace) -> None:
        self._stop = Stop()
        self._output: _StandardOutput | None = None
        self.said: str | None = None
        self._ticks = 0
        self._signals = 0
        self._is_closed = False
        self._lock = threading.Lock()
        self._reported = time.monotonic()
        self._began = time.monotonic()
        source = FileSystemSource(
            choices.root,
            is_read_only=choices.read_only,
            kmemleak_enabled=None if choices.read_only else kmemleak.is_enabled,
        )
        if choices.settings is not None:
            from leaktop.cli.wishes import paced

            source.probes = paced(source.probes, choices.settings.probes)
        self._watch = BacklogWatch(source.machine)
        header = header_for(source.machine, source.probes, max(choices.interval, _SHORTEST))
        redactor = None
        if choices.redact:
            from leaktop.recording.redact import Redactor

            redactor = Redactor()
            header = redactor.header(header)
        self._recorder = Recorder(header, redactor=redactor)
        self._poller = Poller(source, self._take, say_lost, header.interval, at_start=("kmemleak",))
        self._poller.budget.share = choices.budget
        self._protection = protected(choices)
        self._oom = watch_for_oom(source.machine)

    def open(self, choices: argparse.Namespace) -> None:
        """Make the file.

        Raises:
            OSError: it cannot be made.
        """
        if choices.file == "-":
            self._output = _StandardOutput(self._stop)
            self._recorder.write_to(self._output)
        else:
            limits = Limits(choices.max_size, choices.max_age, choices.keep)
            if (limits.size or limits.age) and is_recording(choices.file):
                rotate(choices.file, limits.keep)  # a service that is started again goes on in its own files
            self._recorder.start(choices.file, limits, choices.min_free)

    def record(self, command: list[str], duration: float | None) -> int:
        """Record until a signal, the end of the command or of the time; the command's status, or 0."""
        heed(self._told_to_stop, signal.SIGINT)
        self._poller.start()
        child = None
        if command:
            self._await_tick(1, _FIRST_TICK)  # what the command changes shows beside what was before
            try:
                child = children.start(command, stdout=2 if self._output else None)
            except OSError as error:
                say(f"{command[0]}: {error.strerror or error}")
                return 127 if isinstance(error, FileNotFoundError) else 126
            self._mark(f"start: {' '.join(command)}")
        end = math.inf if duration is None else time.monotonic() + duration
        patience = _TURN if child is not None or self._shows_progress else _QUIET_TURN
        while not self._stop.wait(min(patience, end - time.monotonic())):
            if time.monotonic() >= end or (child is not None and child.poll() is not None):
                break
            if self._shows_progress:
                self._progress()
        return self._finish(child)

    def close(self) -> str | None:
        """End the recording, whole; what went wrong, for people."""
        self._await_tick(1, _LAST_TICK)
        with self._lock:
            self._is_closed = True
        self._poller.stop()
        trouble = self._recorder.stop()
        if self._shows_progress:
            print("\r\x1b[K", end="", file=sys.stderr)
        return self._recorder.failure or trouble or (self._output.trouble if self._output else None)

    @property
    def _shows_progress(self) -> bool:
        """On a pipe the terminal is whose reader it is: a replay draws on it."""
        return self._output is None and sys.stderr.isatty()

    def _await_tick(self, number: int, seconds: float) -> None:
        """Wait until so many ticks were recorded, for so long at most."""
        end = time.monotonic() + seconds
        while self._ticks < number and time.monotonic() < end:
            time.sleep(0.01)

    def _finish(self, child: subprocess.Popen[bytes] | None) -> int:
        if child is None:
            return 0
        told = self._signals
        if child.poll() is None:
            with contextlib.suppress(OSError):
                child.send_signal(signal.SIGTERM)
        while child.poll() is None:
            time.sleep(0.05)
            if self._signals > told:  # who asks twice does not want to wait for a command that will not end
                child.kill()
        status = child.returncode
        self._mark(f"end: status {status}")
        self._poller.request()
        self._await_tick(self._ticks + 1, _LAST_TICK)
        return status if status >= 0 else 128 - status

    def _told_to_stop(self, _number: int, _frame: object) -> None:
        self._signals += 1
        self._stop.set()

    def _mark(self, text: str) -> None:
        self._recorder.event(Event(round(time.monotonic(), 3), round(time.time(), 3), "mark", text))

    def _take(self, tick: Tick, _states: Mapping[str, ProbeState]) -> frozenset[int]:
        """In the poller's thread."""
        with self._lock:
            if self._is_closed:
                return frozenset()
            self._recorder.take(tick)
            for event in self._oom.poll() if self._oom else ():
                self._recorder.event(event)
        self._ticks += 1
        self._complain()
        if tick.mono - self._reported >= max(_REPORT_EVERY, self._poller.budget.pause("kmemleak")):
            self._reported = tick.mono
            self._poller.request("kmemleak")
        return self._watch.take(tick)

    def _complain(self) -> None:
        """Say once what stands in the way, and once that it does no more."""
        for words in self._protection.take_troubles() if self._protection else ():
            say(words)
        trouble = self._recorder.trouble
        if trouble != self.said:
            say(trouble or "writing again")
            self.said = trouble
        if self._recorder.failure:
            self._stop.set()

    def _progress(self) -> None:
        status = self._recorder.status
        size_now = status.size if status else 0
        length = human_duration(time.monotonic() - self._began)
        with contextlib.suppress(OSError):  # the terminal may be gone, and the signal that says so ignored
            print(f"\r\x1b[Krecording {length}, {self._ticks} ticks, {human_bytes(size_now)}; Ctrl-C ends it",
                  end="", file=sys.stderr, flush=True)  # fmt: skip
