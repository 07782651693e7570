"""Recorded machines, each with what a person says of it: the verdict agrees, and accuses nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.score import frames, labels

if TYPE_CHECKING:
    from tests.scenarios.score import Label

LABELS = list(labels())


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.name)
def test_the_verdict_is_what_a_person_says(label: Label) -> None:
    for _, frame in frames(label.name):
        last = frame
    found = last.diagnosis
    assert found.verdict.name in label.verdicts, found.verdict.summary
    assert label.is_top_right(found), [(case.kind, case.name) for case in found.cases[:3]]
    assert label.falsely_accused(found) == []
    assert found.verdict.summary
    assert [step.order for step in found.triage] == list(range(1, len(found.triage) + 1))


def test_there_are_enough_of_them() -> None:
    assert len(LABELS) >= 24
    assert sum(label.is_benign for label in LABELS) >= 10
