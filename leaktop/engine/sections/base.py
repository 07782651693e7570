"""What a section declares, and what its assembly gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs
    from leaktop.model.frame import Key
    from leaktop.model.sample import Fault


class Entry(NamedTuple):
    """A row before its growth is known."""

    key: Key
    record: Any
    size: int | None
    """Bytes of memory; None where unknown."""
    number: int | None
    """What the section counts: objects, areas, descriptors."""


class Figure(NamedTuple):
    """What is kept of a section beside its rows, for what it tells over time."""

    key: Key
    measure: str
    value: int | None


class Assembly(NamedTuple):
    """One read of a section."""

    entries: list[Entry]
    fault: Fault | None = None
    notes: tuple[str, ...] = ()
    extras: Mapping[str, Any] = {}
    figures: Sequence[Figure] = ()


@dataclass(frozen=True, slots=True)
class SectionRule:
    """How one section comes about."""

    name: str
    order: int
    probes: tuple[str, ...]
    """A new sample of any of these assembles the section anew."""
    assemble: Callable[[Inputs], Assembly]
    counts: bool
    """Whether rows have a number beside their size."""
    main: str | None = None
    """The probe that most rows come from, where it is there: others may be read more often, and bring nothing new."""
