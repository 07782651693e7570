"""What strangers' bytes may not break: every input that ever did, every seed, and a moment of mutations of each target.

The long search, by coverage, is `python -m tests.fuzz.run`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
from random import Random

import pytest

import leaktop.parsers
from tests.fuzz.mutation import mutations
from tests.fuzz.run import CRASHERS, crashers
from tests.fuzz.targets import Target, targets

SECONDS = 0.25
"""Of CPU for each target; the seeds are all tried in any case."""
MOST_RUNS = 2000
TARGETS = targets()
FOUND = [(path.parent.name, path.name) for target in TARGETS for path in crashers(target)]


@pytest.mark.parametrize(("target", "name"), FOUND or [pytest.param("", "", marks=pytest.mark.skip("none"))])
def test_what_broke_it_once(target: str, name: str) -> None:
    TARGETS[target]((CRASHERS / target / name).read_bytes())


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_moment_of_mutations(target: Target) -> None:
    seeds = target.seeds()
    end = time.process_time() + SECONDS
    for runs, content in enumerate(mutations(seeds, Random(target.name))):
        if runs >= MOST_RUNS or (runs > len(seeds) and time.process_time() > end):
            break
        try:
            target(content)
        except Exception:
            print(f"the input was {content!r}")
            raise


def test_no_parser_is_left_out() -> None:
    """One that needs more than bytes has a target that is made by hand; this is the list of those that only pass on."""
    indirect = {
        "group", "group_by_caller", "culprit", "from_culprit", "unclassified", "sum_tags", "take_allocations",
        "take_frees", "addresses_of", "lines", "rows", "number", "unescape", "decode", "is_kernels", "parse_tag",
    }  # fmt: skip
    names = {name.removeprefix("parsers.") for name in TARGETS}
    for module in pkgutil.iter_modules(leaktop.parsers.__path__):
        room = importlib.import_module(f"leaktop.parsers.{module.name}")
        for name, function in inspect.getmembers(room, inspect.isfunction):
            if function.__module__ == room.__name__ and not name.startswith("_"):
                assert name in names | indirect, f"{room.__name__}.{name} is fuzzed by nothing"


def test_every_target_has_seeds() -> None:
    bare = {name for name, target in TARGETS.items() if not target.seeds() and name != "elf"}
    assert bare == set()


def test_crashers_belong_to_targets() -> None:
    assert {path.name for path in CRASHERS.glob("*") if path.is_dir()} <= TARGETS.keys()
