"""What leaktop says of its own cost."""

from __future__ import annotations

from typing import Any

from leaktop.model.frame import ProbeState
from leaktop.view.own_cost import HEADINGS, Own, own_rows, own_words

OWN = Own(0.02, 1.0, 1.0, 0.0125, "self 1.9% 46M", ())


def state(name: str, cpu: float | None, cadence: float | None, **more: Any) -> ProbeState:
    return ProbeState(name, 0.004, cadence, False, False, 2048, cpu, 1.0)._replace(**more)


def test_what_takes_most_comes_first() -> None:
    rows = own_rows([state("meminfo", 0.0003, 1.0), state("vmallocinfo", 0.5, 50.0), state("slabinfo", 0.003, 1.0)])
    assert [row[0] for row in rows] == ["vmallocinfo", "slabinfo", "meminfo"]
    assert all(len(row) == len(HEADINGS) for row in rows)
    assert rows[0][1:6] == ("500.0ms", "4.0ms", "2.00K", "50s", "1s")


def test_what_is_stretched_says_why() -> None:
    held = state("slabinfo", 0.1, 12.0, is_slow=True, is_held_back=True)
    slow = state("vmallocinfo", 0.001, 60.0, is_slow=True)
    stuck = state("processes", None, 4.0, is_waiting=True, cost=None)
    why = {row[0]: row[-1] for row in own_rows([held, slow, stuck])}
    assert why == {
        "slabinfo": "budget",
        "vmallocinfo": "slow",
        "processes": "late",
    }


def test_what_was_never_asked_is_left_out_and_what_is_not_known_is_no_zero() -> None:
    rows = own_rows([state("net/tcp", None, 2.0, cost=None), state("kmemleak", None, None)])
    assert [row[0] for row in rows] == ["kmemleak"]
    assert rows[0][1] == "-"
    assert rows[0][4] == "asked"
    assert rows[0][6] == "-"


def test_the_budget_and_what_it_does_are_said() -> None:
    words = own_words(OWN)
    assert words[0] == "Self 1.9% 46M; the budget is 2% of a core."
    assert words[1].startswith("A tick every 1s. It takes 12.5ms beside its reads")
    assert "1.25%" in words[1]
    assert words[2] == "Not protected: that is --protect."
    bound = own_words(OWN._replace(beat=1.6, protection=("priority -5",)))
    assert "every 1.6s instead of 1s, for the budget." in bound[1]
    assert bound[2] == "Protected: priority -5."
    assert own_words(OWN._replace(budget=None))[0].endswith("no budget.")
    assert "replay" in own_words(None)[0]
