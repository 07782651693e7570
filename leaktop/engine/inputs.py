"""The newest sample of each probe, parsed once however many sections ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from leaktop.courtesy import let_go
from leaktop.model.sample import Fault, ParseError, RawSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from leaktop.model.sample import Machine

T = TypeVar("T")


class Inputs:
    """Samples by probe, as sections see them.

    Attributes:
        machine: facts about the machine.
        kept: what sections keep of their last read, to make only those rows anew that changed; by section.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.kept: dict[str, Any] = {}
        self._samples: dict[str, RawSample] = {}
        self._known: set[str] = set()
        self._parsed: dict[str, tuple[RawSample, Any]] = {}

    def take(self, samples: Iterable[RawSample]) -> frozenset[str]:
        """Replace what these probes gave before; the names of those that gave something for the first time."""
        first = set()
        for sample in samples:
            self._samples[sample.probe] = sample
            if sample.content is not None and sample.probe not in self._known:
                first.add(sample.probe)
        self._known |= first
        return frozenset(first)

    def is_known_fault(self, sample: RawSample) -> bool:
        """Whether a probe gives nothing, for the same reason as the time before."""
        before = self._samples.get(sample.probe)
        return sample.fault is not None and before is not None and before.fault == sample.fault

    def sample(self, probe: str) -> RawSample | None:
        """The newest sample, fault or not; None where the probe was never read."""
        return self._samples.get(probe)

    def parsed(self, probe: str, parse: Callable[[bytes], T]) -> T | None:
        """The records of a probe; None where there are none, for a reason that `fault` gives."""
        sample = self._samples.get(probe)
        if sample is None or sample.content is None:
            return None
        kept = self._parsed.get(probe)
        if kept is not None and kept[0] is not sample and kept[0].content == sample.content:
            kept = self._parsed[probe] = (sample, kept[1])  # most of a machine stands still from tick to tick
        if kept is None or kept[0] is not sample:
            try:
                kept = (sample, parse(sample.content))
            except ParseError as error:
                kept = (sample, error)
            except Exception as error:
                # Whatever a strange kernel prints, one section fails and the screen goes on.
                kept = (
                    sample,
                    ParseError(f"leaktop cannot read this ({type(error).__name__}: {error}); please report it"),
                )
            before = _long_lists(self._parsed.get(probe, (sample, None))[1])
            self._parsed[probe] = kept
            for items in before:
                let_go(items)
        return None if isinstance(kept[1], ParseError) else kept[1]

    def fault(self, probe: str) -> Fault | None:
        """Why `parsed` gave nothing, or None where it gave something or was never asked."""
        sample = self._samples.get(probe)
        if sample is None:
            return None
        if sample.fault is not None:
            return sample.fault
        kept = self._parsed.get(probe)
        if kept is not None and kept[0] is sample and isinstance(kept[1], ParseError):
            return Fault("malformed" if sample.content else "empty", f"{probe}: {kept[1]}")
        return None


def _long_lists(parsed: object) -> list[list[Any]]:
    """Copies of the lists in what a parser gave, which is one, or holds some."""
    fields = getattr(parsed, "__dataclass_fields__", ())
    parts = [getattr(parsed, name) for name in fields] or (parsed if isinstance(parsed, tuple) else (parsed,))
    return [list(part) for part in parts if isinstance(part, (list, tuple))]
