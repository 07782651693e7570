"""What a step looks at, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from leaktop.units import human_rate

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case, FindingWord, Unit


class Finding(NamedTuple):
    """The answer of a step."""

    word: FindingWord
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was observed and concluded so far."""

    observed: Observed
    cases: tuple[Case, ...]
    units: tuple[Unit, ...]

    def leaks(self, *kinds: str) -> list[Case]:
        """Leaks of these kinds, the fastest first."""
        return [case for case in self.cases if case.is_leak and case.kind in kinds]

    def unread(self, *sections: str) -> str | None:
        """Why one of these sections says nothing; None where all were read."""
        for name in sections:
            section = self.observed.section(name)
            if section.fault is not None:
                remedy = f"; {section.fault.remedy}" if section.fault.remedy else ""
                return f"{section.fault.reason}{remedy}"
            if section.mono is None:
                return f"{name} was not read"
        return None

    def judge(self, value: str, fine: str, *kinds: str) -> Finding:
        """Suspect where a case of these kinds leaks; else fine, where there was time enough to tell."""
        leaks = self.leaks(*kinds)
        if leaks:
            named = ", ".join(f"{case.name} {human_rate(case.rate)}" for case in leaks[:3])
            return Finding("suspect", value, named)
        if self.is_short:
            return Finding("unknown", value, "not watched for long enough to see growth")
        return Finding("fine", value, fine)

    @property
    def is_short(self) -> bool:
        """Whether too little was seen to call anything steady."""
        return self.observed.amount_rise("MemFree") is None
