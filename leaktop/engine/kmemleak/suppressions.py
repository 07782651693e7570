"""Groups that the user does not want to hear of: rules, one a line, and which groups they cover.

# a comment
acpi_ev_install_handler                 whatever has this function in its backtrace
leaky_init [leaky]                      the same, only where that module has it
module:nd_btt                           whatever has a function of this module in its backtrace
add_entry < register_one < probe        these functions behind one another, the innermost first
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from leaktop.parsers.kmemleak import from_culprit

if TYPE_CHECKING:
    from collections.abc import Sequence

_MODULE = re.compile(r"module:([\w-]{1,64})")
_FRAME = re.compile(r"([\w.$]{1,512})(?: \[([\w-]{1,64})\])?")
_LONGEST_CHAIN = 3
"""Functions of a rule that is made from a group: enough to tell it from others, few enough to outlive a compiler."""


class RuleError(ValueError):
    """A line that is no rule; the message says what one looks like."""


class Rule(NamedTuple):
    """One line of the list."""

    text: str
    module: str | None
    chain: tuple[str, ...]
    """Frames that follow one another; empty for a module."""

    def covers(self, backtrace: Sequence[str]) -> bool:
        """Whether a group with this backtrace (no offsets) is meant."""
        if self.module is not None:
            end = f" [{self.module}]"
            return any(frame.endswith(end) for frame in backtrace)
        length = len(self.chain)
        return any(
            all(map(_fits, self.chain, backtrace[at : at + length])) for at in range(len(backtrace) - length + 1)
        )


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The whole list."""

    rules: tuple[Rule, ...] = ()
    faults: tuple[str, ...] = ()
    """Lines that are no rules, in words."""

    def covers(self, backtrace: Sequence[str]) -> bool:
        """Whether any rule means a group with this backtrace."""
        return any(rule.covers(backtrace) for rule in self.rules)


def parse_rule(line: str) -> Rule:
    """One rule from one line.

    Raises:
        RuleError: it is none.
    """
    text = " ".join(line.split())
    if found := _MODULE.fullmatch(text):
        return Rule(text, found[1].replace("-", "_"), ())
    frames = tuple(text.split(" < "))
    if not all(map(_FRAME.fullmatch, frames)):
        raise RuleError(f"{text[:60]!r} is no rule; write FUNCTION, module:NAME, or FUNCTION < CALLER < ITS_CALLER")
    return Rule(text, None, frames)


def parse_suppressions(text: str) -> Suppressions:
    """The list from the text of its file; what stands behind # does not count."""
    rules, faults = [], []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip()
        if not bare:
            continue
        try:
            rules.append(parse_rule(bare))
        except RuleError as error:
            faults.append(f"line {number}: {error}")
    return Suppressions(tuple(rules), tuple(faults))


def rule_for(backtrace: Sequence[str]) -> Rule | None:
    """A rule for a group: its function and the callers of that; None where the kernel gave no names."""
    named: list[str] = []
    for frame in from_culprit(backtrace)[:_LONGEST_CHAIN]:
        if not _FRAME.fullmatch(frame) or frame.startswith("0x"):
            break
        named.append(frame)
    return parse_rule(" < ".join(named)) if named else None


def put_in_force(suppressions: Suppressions) -> None:
    """Let this list hold for all that this process shows from now on, live or replayed: the user has one."""
    _IN_FORCE[0] = suppressions


def in_force() -> Suppressions:
    """The list that holds now."""
    return _IN_FORCE[0]


def _fits(wanted: str, frame: str) -> bool:
    return frame == wanted or ("[" not in wanted and frame.partition(" ")[0] == wanted)


_IN_FORCE = [Suppressions()]
