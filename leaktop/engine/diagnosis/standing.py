"""Memory that is taken in one step and kept: huge pages, balloons, queues that are full and that nobody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.candidates import blank
from leaktop.engine.suspects import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case
    from leaktop.model.frame import Row

LARGE_SHARE = 0.1
"""Of MemTotal: what takes more than this is where the memory went, also if it was taken before anybody watched."""
_STEP_SHARE, _STEP_FLOOR = 0.005, 16 << 20
"""A step of this much while it is watched: of MemTotal, and in bytes."""
_QUEUE, _FULL_QUEUE = 1 << 20, 128 << 10
"""Bytes that stand in a queue: in any, and in one that already drops what comes."""
_QUEUE_SECONDS = 30.0


def standing(observed: Observed, cases: list[Case]) -> list[Case]:
    """Cases for what stands, where a case for its growth is not there already."""
    known = {(case.kind, case.key) for case in cases if case.is_leak}
    return [case for case in (*_reserved(observed), *_lowered(observed), *_queues(observed)) if
            (case.kind, case.key) not in known]  # fmt: skip


def is_large(observed: Observed, amount: int | None) -> bool:
    """Whether so many bytes are a good part of the machine."""
    total = observed.amount("MemTotal")
    return amount is not None and bool(total) and amount >= LARGE_SHARE * (total or 0)


def is_step(observed: Observed, row: Row) -> bool:
    """Whether a figure grew by a large step and kept it."""
    total = observed.amount("MemTotal") or 0
    growth, value = row.size.growth or 0, row.size.value or 0
    return growth >= max(_STEP_SHARE * total, _STEP_FLOOR) and value >= 0.9 * (row.size.high_water or 0)


def unused_hugepages(observed: Observed) -> int | None:
    """Bytes set aside for huge pages that nobody uses; None where the kernel does not say."""
    free, size = observed.amount_row("HugePages_Free"), observed.amount("Hugepagesize")
    return None if free is None or size is None or free.record.count is None else free.record.count * size


def _reserved(observed: Observed) -> Iterator[Case]:
    for name, kind in (("hugepages", "hugepages"), ("Balloon", "balloon"), ("balloon", "balloon")):
        row = observed.amount_row(name)
        if row is None or not row.size.value:
            continue
        held = unused_hugepages(observed) if kind == "hugepages" else row.size.value
        if is_step(observed, row) or is_large(observed, held):
            yield _stepped(kind, row, observed)


def _lowered(observed: Observed) -> Iterator[Case]:
    """MemTotal that falls: a balloon whose driver lowers it and counts nothing, or memory that was unplugged."""
    row = observed.amount_row("MemTotal")
    counted = any(observed.amount(name) for name in ("Balloon", "balloon"))
    if row is None or counted or row.size.value is None or row.size.growth is None:
        return
    if -row.size.growth >= max(_STEP_SHARE * row.size.value, _STEP_FLOOR):
        lost = -row.size.growth
        case = blank("balloon", "memory", row.key, "MemTotal", lost, None, note="MemTotal fell: a balloon took it")
        yield case._replace(rate=lost / observed.seconds if observed.seconds else None)


def _stepped(kind: str, row: Row, observed: Observed) -> Case:
    growth = max(row.size.growth or 0, 0)
    case = blank(kind, "memory", row.key, row.record.name, growth, observed.amount_rise(row.record.name))
    return case._replace(rate=growth / observed.seconds if observed.seconds else None, low=None, high=None)


def _queues(observed: Observed) -> Iterator[Case]:
    for row in observed.section("sockets").rows:
        # A ring is set aside when the socket is made, full or not.
        value = (row.size.value or 0) - (row.record.ring or 0)
        if value < _FULL_QUEUE or (value < _QUEUE and not row.record.drops):
            continue
        curve = observed.curve("sockets", row.key, "size", is_unbroken=True)
        if curve.seconds < _QUEUE_SECONDS:
            continue
        late = [v for t, v in zip(*curve, strict=True) if t >= curve.times[-1] - max(_QUEUE_SECONDS, curve.seconds / 2)]
        if min(late) - (row.record.ring or 0) < 0.75 * value:
            continue
        _, name, owner, _ = describe("sockets", row)
        case = blank("socket", "sockets", row.key, name, value, None, note=owner)
        drops = f", {row.record.drops} dropped" if row.record.drops else ""
        yield case._replace(
            is_leak=True, confidence=0.8, rate=(row.size.growth or 0) / max(observed.seconds, 1.0),
            explained="", note=f"{case.note}; stands full{drops}".lstrip("; "),
        )  # fmt: skip
