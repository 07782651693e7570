"""From a Frame and its past to a verdict: candidates, owners and rules, units in step, triage, words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.judge import judge
from leaktop.engine.diagnosis.lockstep import growing_units, standing_units
from leaktop.engine.diagnosis.observed import Observed
from leaktop.engine.diagnosis.remedies import next_steps
from leaktop.engine.diagnosis.steps import walk
from leaktop.engine.diagnosis.verdict import find_verdict
from leaktop.engine.diagnosis.words import evidence
from leaktop.model.diagnosis import Diagnosis

if TYPE_CHECKING:
    from leaktop.model.frame import Frame


def diagnose(frame: Frame) -> Diagnosis:
    """What the Frame and the history behind it tell. The same Frame with the same history tells the same."""
    observed = Observed(frame)
    cases = judge(observed)
    units = growing_units(cases, observed) or standing_units(observed)
    cases = [case._replace(evidence=evidence(case, observed, units), next=next_steps(case, observed)) for case in cases]
    return Diagnosis(
        find_verdict(observed, cases, units),
        tuple(cases),
        units,
        walk(observed, cases, units),
        observed.seconds,
        observed.loss,
    )
