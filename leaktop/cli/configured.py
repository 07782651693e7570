"""The configuration as defaults of the command line: what is typed counts more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from leaktop.aside import aside
from leaktop.cli.settings_file import paths

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from leaktop.cli.settings_file import Loaded

NO_CONFIG = "--no-config"
_SAME = ("interval", "budget", "theme", "ascii", "plain", "read_only")
"""Settings that are options of the same name."""
_PATIENCE = 0.5
"""Seconds that reading may take: a home on a server that is gone must not keep the program from starting."""


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Let what the configuration says be the defaults of the command line, and what is wrong in it its `complaints`.

    A configuration that cannot be read stops nothing: this program is wanted when much else is broken.
    """
    parser.set_defaults(settings=None, complaints=())
    if NO_CONFIG in arguments or "config" in arguments[:1]:
        return
    answers: list[Loaded | None] = []

    def look() -> None:
        answers.append(_load())

    looking = aside(look, "configuration")
    if looking is None:
        look()
    else:
        looking.join(_PATIENCE)
    if not answers:
        parser.set_defaults(complaints=(f"{paths()[-1]}: it could not be read in time, and is passed over",))
    elif answers[0] is not None:
        _put_in_force(parser, answers[0])


def _load() -> Loaded | None:
    found = [path for path in paths() if os.path.lexists(path)]
    if not found:
        return None
    from leaktop.cli.settings_file import load

    return load(found)


def _put_in_force(parser: argparse.ArgumentParser, loaded: Loaded) -> None:
    settings = loaded.settings
    given = {name: value for name in _SAME if (value := getattr(settings, name)) is not None}
    if settings.mouse is not None:
        given["no_mouse"] = not settings.mouse
    parser.set_defaults(settings=settings, complaints=loaded.complaints, **given)
