"""`leaktop manual`: the manual page, made from the command line, the settings and the table of exit statuses."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

import leaktop
from leaktop.cli import wishes
from leaktop.cli.about import ABOUT, EVERYWHERE, GROUPS, NOTES
from leaktop.cli.settings_file import FOR_ALL
from leaktop.model.settings import MEANINGS
from leaktop.view import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = (
    (FOR_ALL, "The configuration for all users: see leaktop config."),
    ("~/.config/leaktop/config.toml", "Your own, which counts more; behind sudo, that of the user who called it."),
    ("~/.config/leaktop/kmemleak.suppressions", "What kmemleak reports and is no leak; behind sudo, root's."),
    ("~/.local/state/leaktop/", "That the tour was seen."),
    ("~/.cache/leaktop/", "Where leaktop.pyz unpacks itself; may be removed."),
)  # fmt: skip
_ENVIRONMENT = (
    ("NO_COLOR", "No colours."),
    ("TERM, COLORTERM", "What the terminal can show."),
    ("COLUMNS", "The width of help."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME", "Where the files above lie; not behind sudo."),
    ("LEAKTOP_TOUR", "never: the tour is not shown; for tests, and for machines that many log in to."),
    ("SUDO_UID, SUDO_GID", "Set by sudo: whose configuration is read, and to whom files that are written belong."),
)
_ESCAPES = str.maketrans(
    {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga", '"': "\\(dq"}
)


def add_parser(verbs: Any) -> None:
    """The options of `manual`."""
    parser = verbs.add_parser(
        "manual",
        help="print the manual page, for man: leaktop manual | man -l -",
        description="Print the manual page as man takes it. To read it: leaktop manual | man -l -\n\n"
        "To install it for all:\n"
        "  leaktop manual | sudo tee /usr/local/share/man/man1/leaktop.1",
    )
    parser.set_defaults(run=run)


def run(_choices: argparse.Namespace) -> int:
    """Print it."""
    from leaktop.cli import whole_parser

    print("\n".join(_page(whole_parser())))
    return 0


def _page(parser: argparse.ArgumentParser) -> Iterator[str]:
    verbs, helps = _subparsers(parser), _helps(parser)
    yield f'.TH LEAKTOP 1 "" "leaktop {leaktop.__version__}"'
    yield from (".SH NAME", "leaktop \\- find the memory that no process owns", ".SH SYNOPSIS")
    yield from (".B leaktop", "[\\fIoptions\\fR]", ".br", ".B leaktop", "\\fIVERB\\fR ...", ".SH DESCRIPTION")
    yield from list(_prose(parser.description or ""))[1:]
    yield ".SH OPTIONS"
    yield from _arguments(parser)
    yield ".SH VERBS"
    for names in GROUPS.values():
        for name in names:
            yield from _verb(name, verbs[name], helps[name])
    yield ".SH KEYS"
    yield "Those of the live screen and of a replay; ? lists them with what they do in the pane in use."
    for key in (*keys.EVERYWHERE, *keys.IN_PANES):
        if not key.name.startswith("pane_"):
            yield from _item(
                " ".join(keys.shown_key(code) for code in key.keys.split(",")), f"{key.words} ({key.name})."
            )
    known = wishes.names()
    yield ".SH CONFIGURATION"
    yield "TOML. `leaktop config --template` prints it with every setting."
    for meaning in MEANINGS:
        usual = "" if meaning.is_table else f" Usual: {meaning.example}."
        yield from _item(f"[{meaning.name}]" if meaning.is_table else meaning.name, meaning.words + usual)
        for line in known.get(meaning.name, ()):
            yield from (".br", _safe(line))
    yield ".SH EXIT STATUS"
    yield "Of the live screen; those of each verb stand with it."
    yield from _exits("")
    yield from (".PP", "Of all, where nothing else is said:")
    for status, words in EVERYWHERE.items():
        yield from _item(str(status), words)
    yield ".SH FILES"
    yield "Of a configuration, one that others than its owner may write is not read."
    for path, words in _FILES:
        yield from _item(path, words)
    yield ".SH ENVIRONMENT"
    for name, words in _ENVIRONMENT:
        yield from _item(name, words)
    yield ".SH EXAMPLES"
    yield from _examples("")


def _verb(name: str, parser: argparse.ArgumentParser, words: str, above: str = "leaktop") -> Iterator[str]:
    usage = re.sub(r"\s+", " ", parser.format_usage().removeprefix("usage: ").strip())
    yield f'.SS "{above} {name}"'
    yield from _bold(usage)
    yield from _prose(parser.description or f"{words[:1].upper()}{words[1:]}.")
    yield from _arguments(parser)
    helps = _helps(parser)
    for action, below in _subparsers(parser).items():
        yield from _verb(action, below, helps[action], f"{above} {name}")
    if above == "leaktop":
        yield from (".PP", "Exit status:")
        yield from _exits(name)
        yield from (".PP", "Examples:")
        yield from _examples(name)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    form = argparse.HelpFormatter(parser.prog)
    for action in parser._get_positional_actions() + parser._get_optional_actions():
        if isinstance(action, argparse._SubParsersAction) or action.help is argparse.SUPPRESS:
            continue
        if action.dest != "help" or parser.prog == "leaktop":
            yield from _item(form._format_action_invocation(action), form._expand_help(action) if action.help else "")


def _exits(verb: str) -> Iterator[str]:
    for status, words in ABOUT[verb].exits.items():
        if words:
            yield from _item(str(status), words)
    if verb in NOTES:
        yield from _item("else", NOTES[verb])


def _examples(verb: str) -> Iterator[str]:
    yield ".nf"
    yield from (f"    {_safe(example)}" for example in ABOUT[verb].examples)
    yield ".fi"


def _item(term: str, words: str) -> Iterator[str]:
    yield ".TP"
    yield from _bold(term)
    yield _safe(words)


def _bold(text: str) -> Iterator[str]:
    yield f"\\fB{_safe(text)}\\fR"


def _prose(text: str) -> Iterator[str]:
    for block in filter(None, re.split(r"\n\n+", text)):
        yield ".PP"
        if "\n  " in block:
            yield from (".nf", *map(_safe, block.splitlines()), ".fi")
        else:
            yield _safe(block)


def _safe(text: str) -> str:
    """As it is, whatever roff takes characters for."""
    escaped = text.translate(_ESCAPES)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """By name; empty where it has none."""
    found = (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return next(found, {})


def _helps(parser: argparse.ArgumentParser) -> dict[str, str]:
    """What each of them does, in a line."""
    found = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {action.dest: action.help or "" for of in found for action in of._get_subactions()}
