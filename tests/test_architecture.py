"""The shape of the package: who imports whom, and that what is declared in one place exists in the other."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import leaktop
from leaktop.engine.sections import SECTIONS
from leaktop.sources.probes import PROBES
from leaktop.view.panes import PANES

PACKAGE = Path(leaktop.__file__).parent
ROOMS = ("model", "parsers", "sources", "engine", "view", "control")


def loaded_by(module: str) -> set[str]:
    """The top-level modules that importing this one loads, in a fresh interpreter."""
    code = f"import sys, {module}; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True,
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": ""},
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["leaktop.cli.show", "leaktop.cli", "leaktop.engine.poller", "leaktop.view.panes"])
def test_what_runs_without_a_screen_loads_no_screen(module: str) -> None:
    loaded = loaded_by(module)
    assert "leaktop" in loaded
    assert not loaded & {"textual", "rich", "plotext", "psutil", "pytest"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_no_library_that_is_not_listed_here(room: str) -> None:
    imported = set()
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    outside = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    allowed = "leaktop.model" if room == "model" else "leaktop"
    # Filters are the one thing that the standard library's re cannot be trusted with: it cannot be told to stop.
    # Settings are written as the command line is: "2s", "5%".
    extra = {"view": {"regex"}, "sources": {"psutil"}, "model": {"leaktop.units"}}.get(room, set())
    assert {name for name in outside if not name.startswith(allowed)} == extra
    assert outside or room == "model"


def test_the_version_is_the_one_that_is_installed() -> None:
    try:
        installed = metadata.version("leaktop")
    except metadata.PackageNotFoundError:
        pytest.skip("leaktop is not installed here")
    assert leaktop.__version__ == installed


def test_every_pane_has_its_section() -> None:
    concluded = {"suspects", "triage"}
    sections = {rule.name for rule in SECTIONS} | concluded
    assert {pane.section for pane in PANES} == sections
    assert [pane.order for pane in PANES] == list(range(1, len(PANES) + 1))
    assert len({pane.name for pane in PANES}) == len(PANES)
    assert [pane.name for pane in PANES if pane.name not in concluded] == [rule.name for rule in SECTIONS]


def test_every_probe_of_a_section_exists() -> None:
    names = [probe.name for probe in PROBES]
    assert len(names) == len(set(names))
    assert {probe for rule in SECTIONS for probe in rule.probes} <= set(names)
    assert all(probe.cadence is None or probe.cadence > 0 for probe in PROBES)
    assert all(not probe.path.startswith("/") for probe in PROBES)


def test_no_file_is_long() -> None:
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert len(lengths) > 50
    assert {name: lines for name, lines in lengths.items() if lines > 350} == {}
