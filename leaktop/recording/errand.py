"""What may hang, done by a thread of its own: whoever sends it waits for a moment, and then goes on without it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from leaktop.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable


class Errand:
    """A job that is done again and again, each time as a whole, by one thread.

    Args:
        job: what is done; it must not raise.
        name: of the thread.
    """

    def __init__(self, job: Callable[[], None], name: str) -> None:
        self._job = job
        self._name = name
        self._state = threading.Condition()
        self._asked = self._done = 0
        self._is_late = self._is_over = False
        self._thread: threading.Thread | None = None

    def send(self, patience: float | None) -> bool:
        """Have the job done, from its beginning, now or when what is under way is done.

        Args:
            patience: seconds to wait for its end; None for as long as it takes. While it is late already, none are.

        Returns:
            whether it is done.
        """
        with self._state:
            self._thread = self._thread or aside(self._work, self._name)
            if self._thread is None:  # then it is waited for
                self._job()
                return True
            self._asked += 1
            asked = self._asked
            self._state.notify_all()
            if self._is_late and patience is not None:
                patience = 0
            is_done = self._state.wait_for(lambda: self._done >= asked, patience)
            self._is_late = not is_done
            return is_done

    def end(self) -> None:
        """Let the thread go, when it is done with what it does."""
        with self._state:
            self._is_over = True
            self._state.notify_all()

    def _work(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._is_over or self._asked > self._done)
                if self._is_over and self._asked == self._done:
                    return
                asked = self._asked
            self._job()
            with self._state:
                self._done, self._is_late = asked, False
                self._state.notify_all()
