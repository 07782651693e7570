"""What holds for all tests: a busy machine makes a property slow, not wrong; chapters have a length of their own."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from leaktop.cli import record
from leaktop.engine import feed
from leaktop.recording import encoder

settings.register_profile("leaktop", deadline=None)
settings.load_profile("leaktop")


@pytest.fixture(autouse=True, scope="session")
def chapters_of_120_ticks() -> None:
    """What is asserted at the borders of chapters must not move when the program's own length is tuned."""
    encoder.CHAPTER_TICKS = 120


@pytest.fixture(autouse=True, scope="session")
def no_log_of_this_machine() -> None:
    """A test beside this one may have the kernel kill something, which would be an event of every recording."""
    feed.watch_for_oom = record.watch_for_oom = lambda _machine: None  # type: ignore[attr-defined, assignment]  # theirs by import


@pytest.fixture(autouse=True, scope="session")
def no_configuration_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever runs the tests may have other keys, colours and intervals."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("configuration"))
