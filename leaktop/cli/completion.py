"""`leaktop completion SHELL`: what bash, zsh or fish needs to complete our command line, made from it."""

from __future__ import annotations

import argparse
from typing import Any

from leaktop.engine.subjects import WORDS

_FILES = {"FILE", "OUT", "SERIES"}
_WORDS = " ".join(WORDS)
_CACHES = {
    "bash": "_leaktop_caches",
    "zsh": "_leaktop_caches",
    "fish": f"(command ls /sys/kernel/slab 2>/dev/null | string match -v ':*'; string split ' ' '{_WORDS}')",
}
"""The kernel lists its caches for everybody; those with a colon are classes of merged ones.

bash runs what looks like a command in a list of words, and old kernels name caches after control groups.
"""
_FUNCTIONS = {
    "bash": """\
_leaktop_caches() {
    compgen -W "$(command ls /sys/kernel/slab 2>/dev/null | LC_ALL=C command grep -x '[A-Za-z0-9_.-]*') WORDS" -- "$1"
}
""",
    "zsh": """\
_leaktop_caches() {
    local -a caches
    caches=(/sys/kernel/slab/[^:]*(N:t) WORDS)
    compadd -a caches
}
""",
    "fish": "",
}


def add_parser(verbs: Any) -> None:
    """The options of `completion`."""
    parser = verbs.add_parser(
        "completion",
        help="print completions for bash, zsh or fish",
        description="Print what completes verbs, options, files and names of caches in a shell. Where to put it:\n\n"
        "  bash  ~/.local/share/bash-completion/completions/leaktop\n"
        "  zsh   _leaktop in a directory of $fpath\n"
        "  fish  ~/.config/fish/completions/leaktop.fish",
    )
    parser.add_argument("shell", choices=list(_CACHES), metavar="SHELL", help=", ".join(_CACHES))
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Print it."""
    import shtab

    from leaktop.cli import whole_parser

    parser = whole_parser()
    _name_kinds(parser)
    print(shtab.complete(parser, choices.shell, preamble=_FUNCTIONS[choices.shell].replace("WORDS", _WORDS)), end="")
    return 0


def _name_kinds(parser: argparse.ArgumentParser) -> None:
    """Say of every argument what it names, by the word that stands for it in the help."""
    import shtab

    for action in parser._actions:
        word = action.metavar
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                _name_kinds(verb)
        elif word in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
        elif word == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]  # likewise
        elif isinstance(word, str) and word.startswith("CACHE"):
            action.complete = _CACHES  # type: ignore[attr-defined]  # likewise
