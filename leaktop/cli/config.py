"""`leaktop config`: which configuration is in force, what there is to configure, and whether a file is right."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from leaktop.cli.saying import complain, say
from leaktop.cli.settings_file import SettingsError, examine, in_words, load, paths
from leaktop.cli.wishes import names
from leaktop.model.settings import MEANINGS, Complaint, template
from leaktop.view.cells import safe

if TYPE_CHECKING:
    import argparse

    from leaktop.model.settings import Settings


def add_parser(verbs: Any) -> None:
    """The options of `config`."""
    parser = verbs.add_parser(
        "config",
        help="print the configuration in force, or a template; check a file",
        description="Print which files are read and what they say. /etc/leaktop.toml is for all, "
        "~/.config/leaktop/config.toml counts more; behind sudo it is the file of the user who called it. A file that "
        "others may write is not read. What is typed on the command line counts more than both.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--template", action="store_true", help="print a documented file that changes nothing yet")
    which.add_argument("--check", metavar="FILE", help="say what is wrong in FILE, line by line")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Print it.

    Returns:
        0; 2 where --check finds something wrong.
    """
    if choices.template:
        print(template(names()), end="")
        return 0
    if choices.check is not None:
        return _check(choices.check)
    found = [path for path in paths() if os.path.lexists(path)]
    loaded = load(found)
    for path in paths():
        print(f"# {safe(path)}: {'read' if path in found else 'not there'}")
    for complaint in loaded.complaints:
        say(complaint)
    for line in _in_force(loaded.settings):
        print(safe(line))
    return 0


def _check(path: str) -> int:
    try:
        _, complaints = examine(path, _themes)
    except SettingsError as error:
        return complain(error)
    for complaint in sorted(complaints, key=lambda complaint: complaint.line or 0):
        say(in_words(path, complaint))
    if not complaints:
        print(f"{safe(path)}: nothing is wrong")
    return 2 if complaints else 0


def _themes(settings: Settings) -> list[Complaint]:
    from leaktop.ui.theme import theme_names

    if settings.theme is None or settings.theme in theme_names():
        return []
    return [Complaint(f"there is no theme {settings.theme!r}; there are {', '.join(theme_names())}", "theme")]


def _in_force(settings: Settings) -> list[str]:
    """The settings as TOML; those that nobody set as comments."""
    lines: list[str] = []
    for meaning in MEANINGS:
        value = getattr(settings, meaning.name)
        if not meaning.is_table:
            lines.append(f"{meaning.name} = {_toml(value)}" if value is not None else
                         f"#{meaning.name} = {meaning.example}")  # fmt: skip
        elif value:
            lines += ["", f"[{meaning.name}]", *(f"{name} = {_toml(entry)}" for name, entry in value.items())]
    return lines


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f"{value:g}"
