"""What is asked of kmemleak: confirmed, done in a daemon thread, and said in words."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from leaktop.aside import NO_THREAD, aside
from leaktop.control import kmemleak, mounting
from leaktop.engine.kmemleak.confirming import Confirming
from leaktop.engine.kmemleak.suppression_file import add_rule, default_path, own_suppressions
from leaktop.engine.kmemleak.suppressions import put_in_force, rule_for
from leaktop.ui.dialogs import ConfirmScreen, Offer
from leaktop.ui.kmemleak_questions import AUTOMATIC, DUMP, MOUNT, OFF, QUESTIONS, STACKS, SUPPRESS
from leaktop.ui.typed import TextScreen, TypedScreen
from leaktop.units import human_duration
from leaktop.view.cells import sanitise
from leaktop.view.panes.kmemleak import group_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.frame import Row
    from leaktop.model.records import KmemleakGroup
    from leaktop.sources.base import Source
    from leaktop.ui.app import LeaktopApp
    from leaktop.ui.kmemleak_questions import Question

_RUN_IT = "run the workload, then press Scan"


class KmemleakActions:
    """What `K` and the buttons of the kmemleak pane do.

    Args:
        app: the app on whose screen the question is asked.
        source: reads the report; None where there is no kernel to ask.
        directory: where reports are saved.
    """

    def __init__(self, app: LeaktopApp, source: Source | None, directory: str) -> None:
        self._app = app
        self._source = source
        self._directory = directory
        self._under_way: tuple[str, float] | None = None
        """What is done now, and since when; by the thread that does it."""
        self._confirming: Confirming | None = None
        self._awaits_workload = False
        put_in_force(own_suppressions())

    @property
    def status(self) -> str:
        """What is under way, for the pane's title."""
        under_way, confirming = self._under_way, self._confirming
        if under_way is None:
            return _RUN_IT if self._awaits_workload else ""
        words = confirming.phase.words if confirming is not None else ""
        return words or f"{under_way[0]} {human_duration(time.monotonic() - under_way[1])}"

    def offers(self) -> tuple[Offer, ...]:
        """What can be asked now, of the group under the cursor too where there is one."""
        group = self._selected()
        absent = set() if group is not None and group.objects else {DUMP.offer.name}
        if group is None or rule_for(group.backtrace) is None:
            absent.add(SUPPRESS.offer.name)
        if not self._lacks_debugfs():
            absent.add(MOUNT.offer.name)
        return tuple(question.offer for name, question in QUESTIONS.items() if name not in absent)

    def ask(self, name: str) -> None:
        """Confirm, then act; Scan, while a scan is under way, cancels."""
        if self._under_way is not None:
            self._app.say(
                self._cancel() if name == "scan" else "kmemleak is busy; the kernel does one thing of it at a time."
            )
            return
        question = QUESTIONS[name]
        match name:
            case "automatic":
                self._ask_typed(question, _automatic_fault, self._set_automatic)
            case "stacks":
                self._ask_typed(question, _stacks_fault, self._set_stacks)
            case "off":
                self._ask_typed(question, _off_fault, lambda _: self._start("switching off", self._switch_off))
            case "dump":
                self._ask_dump()
            case "suppress":
                self._ask_suppress()
            case _:
                self._ask_plainly(question)

    # Asking

    def _ask_plainly(self, question: Question) -> None:
        works: dict[str, tuple[str, Callable[[], str]]] = {
            "scan": ("scanning", self._scan),
            "clear": ("clearing", self._clear),
            "workload": ("scanning", self._prepare_workload),
            "mount": ("mounting", self._mount),
        }
        self._confirm(question, question.words, lambda: self._start(*works[question.offer.name]))

    def _ask_dump(self) -> None:
        group = self._selected()
        if group is None or not group.objects:
            return
        address = group.objects[0].address
        words = DUMP.words.format(address=sanitise(address))
        self._confirm(DUMP, words, lambda: self._start("dumping", lambda: self._dump(address)))

    def _ask_suppress(self) -> None:
        group = self._selected()
        rule = rule_for(group.backtrace) if group is not None else None
        if rule is None:
            return
        path = default_path()
        words = SUPPRESS.words.format(file=sanitise(path), rule=sanitise(rule.text))

        def act() -> None:
            try:
                add_rule(rule, path)
            except OSError as error:
                self._app.say(f"Nothing is suppressed: {path}: {error.strerror or error}")
                return
            put_in_force(own_suppressions())
            self._app.poller.request("kmemleak")
            self._app.say(f"Suppressed from the next read on: {rule.text}")

        self._confirm(SUPPRESS, words, act)

    def _confirm(self, question: Question, words: str, act: Callable[[], None]) -> None:
        screen = ConfirmScreen(question.title, words, question.yes)
        self._app.push_screen(screen, lambda is_yes: act() if is_yes else None)

    def _ask_typed(self, question: Question, fault: Callable[[str], str | None], act: Callable[[str], None]) -> None:
        screen = TypedScreen(question.title, question.words, fault)
        self._app.push_screen(screen, lambda word: None if word is None else act(word))

    def _selected(self) -> KmemleakGroup | None:
        """The group under the cursor, where that is in the kmemleak pane."""
        box = self._app.dashboard.active
        row: Row | None = box.table.current if box.pane.name == "kmemleak" else None
        return None if row is None else group_of(row)

    def _lacks_debugfs(self) -> bool:
        frame = self._app.dashboard["kmemleak"].frame
        fault = frame.sections["kmemleak"].fault if frame is not None else None
        return fault is not None and fault.kind == "missing" and not mounting.is_mounted("debugfs")

    def _cancel(self) -> str:
        confirming = self._confirming
        if confirming is None:
            return "kmemleak is busy; the kernel does one thing of it at a time."
        step = confirming.phase.step
        if not confirming.cancel():
            return "The second scan is under way, and cannot be called back; it ends by itself."
        if step == "waiting":
            return "Cancelled: there will be no second scan, so new leaks are not listed yet."
        return "Cancelled: the scan that is under way ends by itself, and there will be no second."

    # Doing, in a thread that nobody waits for

    def _start(self, words: str, work: Callable[[], str]) -> None:
        self._under_way = words, time.monotonic()

        def run() -> None:
            try:
                said = work()
            except (kmemleak.KmemleakError, mounting.MountError) as error:
                said = str(error)
            except OSError as error:
                said = f"The report could not be saved, so nothing was cleared: {error}"
            finally:
                self._under_way = self._confirming = None
            self._app.poller.request("kmemleak")
            self._app.say_from_thread(said)

        if aside(run, "kmemleak-write") is None:
            self._under_way = None
            self._app.say(f"Nothing was done: {NO_THREAD}.")

    def _confirm_leaks(self) -> float | None:
        """Scan twice; the seconds that took, or None where it was cancelled."""
        self._confirming = Confirming()
        return self._confirming.run()

    def _scan(self) -> str:
        took = self._confirm_leaks()
        if took is None:
            return "kmemleak: cancelled after the first scan"
        is_workload, self._awaits_workload = self._awaits_workload, False
        since = ", since the clear: the workload's leaks" if is_workload else ""
        return f"kmemleak: {kmemleak.describe_scan(took)}, both together; the list is what was found{since}"

    def _clear(self) -> str:
        return f"kmemleak: cleared; the report is in {self._save_and_clear()}"

    def _prepare_workload(self) -> str:
        if self._confirm_leaks() is None:
            return "kmemleak: cancelled; nothing was cleared"
        self._confirming, self._under_way = None, ("clearing", time.monotonic())
        path = self._save_and_clear()
        self._awaits_workload = True
        return f"kmemleak: cleared; the report is in {path}. Now {_RUN_IT}: what is listed then, leaked since."

    def _save_and_clear(self) -> str:
        content = self._report()
        if content is None:
            raise OSError("the report cannot be read")
        path = kmemleak.save_report(content, self._directory)
        kmemleak.clear()
        return path

    def _mount(self) -> str:
        mounting.mount("debugfs")
        return f"debugfs is mounted at {mounting.PLACES['debugfs']}"

    def _switch_off(self) -> str:
        kmemleak.switch_off()
        return "kmemleak is off until the next boot"

    def _dump(self, address: str) -> str:
        lines = kmemleak.dump(address)
        if not lines:
            return f"kmemleak: {address} was dumped to the kernel's log, which cannot be read here: dmesg"
        with suppress(RuntimeError):  # the screen is being taken down
            self._app.call_later(self._app.push_screen, TextScreen(f"What the kernel knows of {address}", lines))
        return "kmemleak: the object was dumped; dmesg has the same lines"

    def _set_automatic(self, word: str) -> None:
        when = {"on": True, "off": False}.get(word)
        value = int(word) if when is None else when

        def work() -> str:
            kmemleak.set_automatic_scans(value)
            return f"kmemleak: automatic scans {word if when is not None else f'every {word} seconds'}"

        self._start("setting", work)

    def _set_stacks(self, word: str) -> None:
        def work() -> str:
            kmemleak.set_stack_scans(word == "on")
            return f"kmemleak: scanning of the stacks of tasks is {word}"

        self._start("setting", work)

    def _report(self) -> bytes | None:
        """The file as it is now; None where it cannot be read."""
        if self._source is None:
            return None
        probe = next((probe for probe in self._source.probes if probe.name == "kmemleak"), None)
        sample = self._source.read(probe) if probe is not None else None
        return sample.content if sample is not None else None


def _automatic_fault(word: str) -> str | None:
    is_count = word.isascii() and word.isdecimal() and 0 < int(word[:12]) <= kmemleak.LONGEST_INTERVAL
    return None if word in {"on", "off"} or is_count else AUTOMATIC.words.rpartition("\n\n")[2]


def _stacks_fault(word: str) -> str | None:
    return None if word in {"on", "off"} else STACKS.words.rpartition("\n\n")[2]


def _off_fault(word: str) -> str | None:
    return None if word == "off" else OFF.words.rpartition("\n\n")[2]
