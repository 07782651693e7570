"""Reading probes here and now, without a poller: whatever goes wrong is a fault."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from leaktop.model.sample import Fault, RawSample, Tick

if TYPE_CHECKING:
    from leaktop.model.sample import Probe
    from leaktop.sources.base import Source


def read_probe(source: Source, probe: Probe, wanted: frozenset[int] | None) -> RawSample | None:
    """One sample; an exception that the source did not foresee becomes a fault like any other."""
    mono, wall = time.monotonic(), time.time()
    try:
        return source.read(probe, wanted)
    except Exception as error:
        reason = f"leaktop failed to read {probe.path} ({type(error).__name__}: {error})"
        return RawSample(probe.name, None, Fault("failed", reason, "report it"), mono, wall)


def read_everything(source: Source, wanted: frozenset[int] | None = None) -> Tick:
    """One tick with every probe of a source, read here and now: for `show`, and for a captured tree."""
    mono, wall = round(time.monotonic(), 3), round(time.time(), 3)
    samples = [sample for probe in source.probes if (sample := read_probe(source, probe, wanted))]
    return Tick(mono, wall, tuple(samples))
