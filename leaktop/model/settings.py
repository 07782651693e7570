"""What can be configured: each setting once, with its type, its usual value and its meaning.

The template, the checks and the manual page all come from here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from textwrap import wrap
from typing import Any, NamedTuple

from leaktop.units import parse_duration, parse_share

_WIDTH = 100


class Complaint(NamedTuple):
    """Something in a configuration that cannot be."""

    words: str
    key: str = ""
    """As in "keys.pause"; empty where it is not about one."""
    line: int | None = None


class Meaning(NamedTuple):
    """What one setting is for."""

    name: str
    words: str
    example: str
    """TOML, behind the equals sign; of a table its lines. Of a setting of one value, the usual one."""
    take: Callable[[Any], Any]
    """From what TOML gives; ValueError or TypeError in words."""
    is_table: bool


def _duration(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError('a time is wanted: 2, 0.5, "500ms" or "1m"')
    return parse_duration(value)


def _share(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError('a share of a core is wanted: "2%", or "none"')
    parse_share(str(value))
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is wanted")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text in quotes is wanted")
    return value


def _factor(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.1 <= value <= 10_000:
        raise ValueError("a number from 0.1 to 10000 is wanted: 5 reads it five times less often")
    return float(value)


def _texts(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(text, str) and text for text in listed):
        raise ValueError('a list of texts is wanted: ["one", "two"]')
    return tuple(listed)


def _value(take: Callable[[Any], Any], usual: str, words: str) -> Any:
    return field(default=None, metadata={"take": take, "example": usual, "words": words})


def _table(take: Callable[[Any], Any], example: str, words: str) -> Any:
    return field(default_factory=dict, metadata={"take": take, "example": example, "words": words})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a configuration asks for; None and nothing where it does not."""

    interval: float | None = _value(_duration, '"1s"', "Time between two ticks of the live screen.")
    budget: str | None = _value(
        _share, '"2%"', 'CPU that leaktop may take, of one core; what costs most is then read less often. "none": all.'
    )
    theme: str | None = _value(
        _text, '"leaktop"', "Colours. ansi-dark and ansi-light use the terminal's own sixteen; ctrl+p lists all."
    )
    ascii: bool | None = _value(_flag, "false", "Draw with ASCII characters only.")
    mouse: bool | None = _value(_flag, "true", "Take the mouse; false leaves it to the terminal, for its selection.")
    plain: bool | None = _value(_flag, "false", "No screen: what changes is printed as lines.")
    read_only: bool | None = _value(
        _flag, "false", "Never write to the kernel, nor make it load a module. Holds for every verb."
    )
    probes: Mapping[str, float] = _table(
        _factor,
        "slabinfo = 5\nsocket_owners = 2",
        "How much less often a file is read than usual: 5 is a fifth as often, 0.5 twice.",
    )
    keys: Mapping[str, tuple[str, ...]] = _table(
        _texts,
        'pause = ["x", "f5"]\nquit = "Q"',
        "Other keys, instead of the usual ones. Keys that sort, switch or move are not to be had.",
    )
    columns: Mapping[str, tuple[str, ...]] = _table(
        _texts,
        'slab = ["name", "size", "growth", "rate"]',
        "Which columns a pane shows, from left to right; where there is no room, fewer.",
    )
    sort: Mapping[str, str] = _table(
        _text, 'slab = "size"\nprocesses = "-comm"', "By which column a pane is sorted at first; - turns it round."
    )

    def over(self, below: Settings) -> Settings:
        """These, and what only those below say."""
        both: dict[str, Any] = {}
        for name in (each.name for each in MEANINGS):
            mine, other = getattr(self, name), getattr(below, name)
            both[name] = {**other, **mine} if isinstance(mine, Mapping) else other if mine is None else mine
        return Settings(**both)


MEANINGS = tuple(
    Meaning(each.name, each.metadata["words"], each.metadata["example"], each.metadata["take"],
            isinstance(each.default_factory, type))
    for each in fields(Settings)
)  # fmt: skip
"""Every setting, in the order of the template."""


def parse_settings(text: str) -> tuple[Settings, list[Complaint]]:
    """The settings of a TOML document, and what is wrong in it, which is passed over."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        words = str(error) if found is None else str(error)[: found.start()].rstrip()
        return Settings(), [Complaint(f"not TOML: {words}", "", int(found[1]) if found else None)]
    except RecursionError:
        return Settings(), [Complaint("not TOML: nested too deeply")]
    known = {meaning.name: meaning for meaning in MEANINGS}
    complaints = []
    taken: dict[str, Any] = {}
    for name, value in document.items():
        if name not in known:
            complaints.append(Complaint(f"there is no such setting; there are {', '.join(known)}", name))
            continue
        meaning = known[name]
        if meaning.is_table and not isinstance(value, dict):
            complaints.append(Complaint(f"a table is wanted: [{name}] and lines below it", name))
            continue
        entries = value if meaning.is_table else {"": value}
        good: dict[str, Any] = {}
        for key, entry in entries.items():
            try:
                good[key] = meaning.take(entry)
            except (ValueError, TypeError) as error:
                complaints.append(Complaint(str(error), f"{name}.{key}" if key else name))
        if good:
            taken[name] = good if meaning.is_table else good[""]
    return Settings(**taken), [complaint._replace(line=line_of(text, complaint.key)) for complaint in complaints]


def line_of(text: str, key: str) -> int | None:
    """The line that a key stands in, from 1; None where it is written in a way that only TOML understands."""
    table, _, name = key.rpartition(".")
    here = ""
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"\s*\[\s*([\w.\"'-]+)\s*\]", line)
        if heading:
            here = heading[1].strip("\"'")
            if here == key:
                return number
        entry = re.match(r"\s*([\w\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=", line)
        if entry:
            written = re.sub(r"[\"'\s]", "", entry[1])
            if (here, written) == (table, name) or (not here and written == key):
                return number
    return None


def template(names: Mapping[str, Iterable[str]]) -> str:
    """A documented configuration that changes nothing: every line is a comment.

    Args:
        names: of each table, what may stand in it, in lines of any length.
    """
    lines = ["# leaktop's configuration, in TOML. A setting counts once the # before it is gone.", ""]
    for meaning in MEANINGS:
        if meaning.is_table:
            lines += ["", f"# {meaning.words}"]
            for line in names.get(meaning.name, ()):
                lines += wrap(line, _WIDTH, initial_indent="#   ", subsequent_indent="#     ", break_on_hyphens=False)
            lines.append(f"#[{meaning.name}]")
            lines += [f"#{line}" for line in meaning.example.splitlines()]
        else:
            lines += [f"# {meaning.words}", f"#{meaning.name} = {meaning.example}"]
    return "\n".join(lines) + "\n"
