"""What memory there is just now that an experiment is about: /proc/meminfo, and every slab cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.inputs import Inputs
from leaktop.engine.reading import read_probe
from leaktop.engine.sections.slab import SECTION as SLAB
from leaktop.parsers.meminfo import parse_meminfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leaktop.model.frame import Key
    from leaktop.sources.base import Source

_PROBES = {"meminfo", "slabinfo"}


class Held(NamedTuple):
    """Bytes; empty where they cannot be read."""

    amounts: Mapping[str, int]
    """By line of /proc/meminfo."""
    caches: Mapping[Key, int]
    """By key of the slab section's row."""


def held_now(source: Source) -> Held:
    """Read it, here and now, beside what the poller reads. Any thread may."""
    inputs = Inputs(source.machine)
    probes = (probe for probe in source.probes if probe.name in _PROBES)
    inputs.take(sample for probe in probes if (sample := read_probe(source, probe, None)))
    meminfo = inputs.parsed("meminfo", parse_meminfo)
    caches = {entry.key: entry.size for entry in SLAB.assemble(inputs).entries if entry.size is not None}
    return Held(meminfo.amounts if meminfo else {}, caches)
