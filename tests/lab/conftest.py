"""Tests that boot a kernel of their own: `pytest -m lab`. Without QEMU or a kernel they are skipped, and say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.boot import missing

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lack = missing()
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.lab)
            if lack:
                item.add_marker(pytest.mark.skip(reason=lack))
