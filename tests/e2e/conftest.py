"""End to end: this machine's kernel, causes that the tests make themselves, leaktop in a pty."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = None
    if sys.platform != "linux":
        reason = "reads the kernel of Linux"
    elif shutil.which("setsid") is None:
        reason = "setsid (util-linux) gives the program its terminal"
    if reason is not None:
        for item in items:
            if item.path.parent == HERE:
                item.add_marker(pytest.mark.skip(reason=reason))
