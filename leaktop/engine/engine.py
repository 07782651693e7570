"""The engine: eats ticks, gives Frames. Pure but for what it remembers; the same ticks give the same Frames."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from leaktop.courtesy import let_go
from leaktop.engine.growth import Ledger
from leaktop.engine.inputs import Inputs
from leaktop.engine.sections import SECTIONS
from leaktop.engine.series import HORIZON
from leaktop.engine.suspects import rank_suspects
from leaktop.model.frame import Frame, Section
from leaktop.model.sample import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leaktop.engine.sections import Assembly, SectionRule
    from leaktop.model.diagnosis import Diagnosis
    from leaktop.model.frame import Key, ProbeState, Row
    from leaktop.model.sample import Machine, Tick


class Engine:
    """Assembles sections, keeps their history, and says what grows.

    `feed` belongs to one thread; `mark_baseline` and what reads the history may be called from any.

    Args:
        machine: facts about what is read.
        horizon: seconds of history that are kept.
    """

    def __init__(self, machine: Machine, horizon: float = HORIZON) -> None:
        self._inputs = Inputs(machine)
        self._machine = machine
        self._sections: dict[str, Section] = {rule.name: Section(rule.name) for rule in SECTIONS}
        self._outdated: dict[str, list[Row]] = {}
        """Rows of the read before the last: held until nobody looks at them any more, and then let go by and by."""
        self._ledgers = {rule.name: Ledger(horizon) for rule in SECTIONS}
        self._baseline_mono: float | None = None
        self._baseline_wall: float | None = None
        self._mark_wanted = threading.Event()
        self._mark_wall: float | None = None

    def feed(self, tick: Tick, probes: Mapping[str, ProbeState] | None = None) -> Frame:
        """The Frame after one more tick.

        Args:
            tick: the samples of the probes that were due.
            probes: what reading costs just now, to be shown beside.
        """
        if self._mark_wanted.is_set():
            self._mark_wanted.clear()
            self._baseline_wall = tick.wall if self._mark_wall is None else self._mark_wall
            self._baseline_mono = tick.mono
            for ledger in self._ledgers.values():
                ledger.mark(tick.mono)
        elif self._baseline_wall is None and tick.samples:
            self._baseline_wall, self._baseline_mono = tick.wall, tick.mono
        # What still cannot be read tells nothing new of a section, most of whose rows may not have been read at all.
        came = {sample.probe for sample in tick.samples if not self._inputs.is_known_fault(sample)}
        first = self._inputs.take(tick.samples)
        for rule in SECTIONS:
            if not came.isdisjoint(rule.probes):
                is_first = not first.isdisjoint(rule.probes)
                is_read = rule.main is None or rule.main in came or self._inputs.sample(rule.main) is None
                self._sections[rule.name] = self._assemble(rule, tick, is_first=is_first, is_read=is_read)
        return Frame(
            self._machine,
            tick.mono,
            tick.wall,
            dict(self._sections),
            self._baseline_wall,
            self._baseline_mono,
            self,
            rank_suspects,
            _diagnose,
            probes or {},
        )

    def mark_baseline(self, wall: float | None = None) -> None:
        """Let growth count from the next tick on.

        Args:
            wall: when that is said to have been; None for the time of the next tick.
        """
        self._mark_wall = wall
        self._mark_wanted.set()

    def points(
        self, section: str, key: Key, measure: str, until: float, since: float = float("-inf")
    ) -> tuple[list[float], list[float]]:
        """Past values of one row; see leaktop.model.frame.History."""
        return self._ledgers[section].points(key, measure, until, since)

    def read_times(self, section: str, until: float, since: float = float("-inf")) -> list[float]:
        """When a section was read; see leaktop.model.frame.History."""
        return self._ledgers[section].read_times(until, since)

    def unbroken_since(self, section: str, key: Key, measure: str) -> float | None:
        """Since when a figure was in every read; see leaktop.model.frame.History."""
        return self._ledgers[section].unbroken_since(key, measure)

    def _assemble(self, rule: SectionRule, tick: Tick, *, is_first: bool, is_read: bool) -> Section:
        try:
            assembly = rule.assemble(self._inputs)
        except Exception as error:
            # One section that trips over a kernel nobody has seen must not take the screen down with it.
            reason = f"leaktop failed on this section ({type(error).__name__}: {error})"
            return Section(rule.name, fault=Fault("failed", reason, "report it, with the files that it reads"))
        rows = self._rows(rule, assembly, tick.mono, is_first=is_first, is_read=is_read)
        notes = (*assembly.notes, *(words for section, words in self._machine.caveats if section == rule.name))
        section = Section(rule.name, rows, assembly.fault, notes, assembly.extras, tick.mono, tick.wall)
        entries = list(assembly.entries)
        del assembly
        let_go(entries)
        let_go(self._outdated.pop(rule.name, []))
        self._outdated[rule.name] = list(self._sections[rule.name].rows)
        return section

    def _rows(
        self, rule: SectionRule, assembly: Assembly, mono: float, *, is_first: bool, is_read: bool
    ) -> tuple[Row, ...]:
        ledger = self._ledgers[rule.name]
        if assembly.fault is not None:
            # A read that failed is a gap: nothing is claimed to have changed over it.
            ledger.generation += 1
        else:
            ledger.begin(len(assembly.entries), mono, is_first=is_first, is_read=is_read)
        rows = ledger.rows(assembly.entries, mono, counts=rule.counts)
        ledger.keep(assembly.figures, mono)
        if assembly.fault is None and ledger.generation % 16 == 0:
            ledger.forget_gone(mono)
        return rows


def _diagnose(frame: Frame) -> Diagnosis:
    from leaktop.engine.diagnosis import diagnose  # noqa: PLC0415  # `show` has no verdict

    return diagnose(frame)
