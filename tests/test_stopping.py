"""A wish to stop, expressed by the handler of a signal that comes at any moment of a wait."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from leaktop.stopping import Stop

_BESIEGED = """
import signal, time
from leaktop.stopping import Stop
stop = [Stop()]
signal.signal(signal.SIGALRM, lambda *_: stop[0].set())
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
end, heard = time.monotonic() + 2, 0
while time.monotonic() < end:
    heard += stop[0].wait(0.00001)
    stop[0] = Stop()
signal.setitimer(signal.ITIMER_REAL, 0)
print(heard)
"""


def test_a_handler_may_set_it_at_any_moment_of_a_wait() -> None:
    """Two thousand signals, all of them in the middle of waits; with threading.Event the process hangs in one."""
    done = subprocess.run([sys.executable, "-c", _BESIEGED], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 10


def test_who_waits_is_woken() -> None:
    stop = Stop()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    began = time.monotonic()
    assert stop.wait(20)
    assert time.monotonic() - began < 10
    assert stop.is_set()
    assert stop.wait(20)


def test_nobody_stops() -> None:
    stop = Stop()
    assert not stop.wait(0.01)
    assert not stop.wait(-1.0)
    assert not stop.is_set()
