"""How help is laid out: paragraphs are filled, lists stay as they are written, and verbs stand in groups."""

from __future__ import annotations

import argparse
import re
from typing import Any

from leaktop.cli.about import epilog, verbs_in_groups


class HelpForm(argparse.HelpFormatter):
    """argparse's own, for texts that have lists in them."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Blocks are parted by an empty line; one with an indented line in it is a list."""
        blocks = re.split(r"\n\n+", text)
        return "\n\n".join(
            block if "\n  " in block else super(HelpForm, self)._fill_text(block, width, indent) for block in blocks
        )


class MainForm(HelpForm):
    """Leaves the verbs to the end, where they stand in groups."""

    def add_argument(self, action: argparse.Action) -> None:
        """Take an option."""
        if not isinstance(action, argparse._SubParsersAction):
            super().add_argument(action)


def lay_out(parser: argparse.ArgumentParser, verbs: argparse._SubParsersAction[Any]) -> None:
    """Give help its groups, examples and exit statuses."""
    helps = [(action.dest, action.help or "") for action in verbs._get_subactions()]
    parser.formatter_class = MainForm
    parser.epilog = f"{verbs_in_groups(helps)}\n\n{epilog('')}\n\nMore of each: leaktop VERB --help, leaktop manual"
    for name, verb in verbs.choices.items():
        verb.formatter_class = HelpForm
        verb.epilog = epilog(name)
