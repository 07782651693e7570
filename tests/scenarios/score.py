"""Scores the verdict against recorded, labelled scenarios: python -m tests.scenarios.score [NAME...]

For each: is the verdict right, is the top suspect right, is anybody accused falsely, and how long after the leak began
is the verdict right and stays so.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaktop.engine.engine import Engine
from leaktop.recording.reader import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.diagnosis import Case, Diagnosis
    from leaktop.model.frame import Frame

HERE = Path(__file__).parent
_EVERY = 2.0
"""Seconds of the recording between two verdicts."""


@dataclass(frozen=True)
class Label:
    """What a person says of a scenario."""

    name: str
    what: str
    verdicts: list[str]
    is_benign: bool
    began: float
    culprits: list[dict[str, Any]]

    def is_right(self, diagnosis: Diagnosis) -> bool:
        """Whether class and top suspect are as labelled."""
        return diagnosis.verdict.name in self.verdicts and self.is_top_right(diagnosis)

    def is_top_right(self, diagnosis: Diagnosis) -> bool:
        """Whether the first suspect is one of the culprits; there is nothing to be right about where there is none."""
        if not self.culprits:
            return True
        return bool(diagnosis.cases) and self.is_culprit(diagnosis.cases[0])

    def is_culprit(self, case: Case) -> bool:
        """Whether a case is one of the labelled."""
        names = (case.name, *case.aliases)
        return any(
            case.kind == culprit["kind"] and any(culprit["name"] in name for name in names) for culprit in self.culprits
        )

    def falsely_accused(self, diagnosis: Diagnosis) -> list[Case]:
        """Leaks where nothing leaks."""
        return [case for case in diagnosis.cases if case.is_leak] if self.is_benign else []


@dataclass(frozen=True)
class Score:
    """How one scenario went."""

    label: Label
    last: Diagnosis
    seconds: float | None
    """From the beginning of the leak to the verdict that was right and stayed so; None: never."""
    wrongly: float
    """Share of the verdicts on the way that accused somebody in a benign scenario."""

    @property
    def is_right(self) -> bool:
        """Verdict and top suspect."""
        return self.label.is_right(self.last)


def labels(names: Sequence[str] = ()) -> Iterator[Label]:
    """The labels of these scenarios, or of all."""
    for path in sorted(HERE.glob("*.toml")):
        if names and path.stem not in names:
            continue
        text = tomllib.loads(path.read_text())
        yield Label(
            path.stem,
            text["what"],
            text["verdict"],
            text["benign"],
            text.get("began", 0.0),
            text.get("culprit", []),
        )


def frames(name: str) -> Iterator[tuple[float, Frame]]:
    """Every tick of a scenario as live: seconds since the first, and the Frame."""
    recording = read_file(str(HERE / f"{name}.leaktop"))
    first = recording.first()
    assert first is not None
    engine = Engine(recording.header_at(first).machine)
    began = recording.moment(first).mono
    for _, tick in recording.walk(first):
        yield tick.mono - began, engine.feed(tick)


def score(label: Label) -> Score:
    """Play one scenario."""
    since: float | None = None
    seen = wrong = 0
    asked = 0.0
    last: Frame | None = None
    diagnosis: Diagnosis | None = None
    for moment, frame in frames(label.name):
        last = frame
        if moment < asked:
            continue
        asked = moment + _EVERY
        diagnosis = frame.diagnosis
        seen += 1
        wrong += bool(label.falsely_accused(diagnosis))
        since = None if not label.is_right(diagnosis) else moment if since is None else since
    assert last is not None
    diagnosis = last.diagnosis
    return Score(label, diagnosis, None if since is None else max(since - label.began, 0.0), wrong / max(seen, 1))


def main(names: Sequence[str]) -> int:
    """Print a line for each scenario, and the sums."""
    scores = [score(label) for label in labels(names)]
    for one in scores:
        top = one.last.cases[0] if one.last.cases else None
        accused = ", ".join(f"{case.kind} {case.name}" for case in one.label.falsely_accused(one.last))
        print(
            f"{'ok  ' if one.is_right and not accused else 'FAIL'} {one.label.name:<26} {one.last.verdict.name:<15}"
            f" {'-' if one.seconds is None else f'{one.seconds:.0f}':>5} s  "
            f"{f'{top.kind} {top.name}' if top else '-':<40.40}"
            + (f"  accused: {accused}" if accused else "")
            + (f"  ({one.wrongly:.0%} of the way)" if one.wrongly else "")
        )
    leaks = [one for one in scores if not one.label.is_benign]
    quick = [one for one in leaks if one.seconds is not None and one.seconds <= 60 and one.is_right]
    right = sum(one.last.verdict.name in one.label.verdicts for one in scores)
    tops = sum(one.label.is_top_right(one.last) for one in leaks)
    false = sum(bool(one.label.falsely_accused(one.last)) for one in scores)
    print(
        f"{len(scores)} scenarios, {len(leaks)} with a leak: verdict right {right}/{len(scores)}, top suspect right "
        f"{tops}/{len(leaks)}, false accusations {false}, named within 60 s {len(quick)}/{len(leaks)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
