"""What owners answer for: the kernel memory that follows a process's descriptors and threads goes when they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.programs import thread_rise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Explained, Owners
    from leaktop.model.diagnosis import Case
    from leaktop.model.frame import Key

_FD_BYTES, _THREAD_BYTES = 256, 24 << 10
"""What a descriptor and a thread cost at least, where no cache could be seen to follow them."""


def with_what_they_own(
    cases: list[Case], explained: Mapping[tuple[str, Key], Explained], observed: Observed, owners: Owners
) -> list[Case]:
    """The same cases; leaking owners with the bytes, and the rate, of what is explained by them."""
    owned: dict[tuple[str, Key], list[Case]] = {}
    for case in cases:
        found = explained.get((case.kind, case.key))
        if found and found.owner and (case.rate or 0) > 0:
            owned.setdefault(found.owner, []).append(case)
    return [
        _with(case, owned.get((case.kind, case.key), []), observed, owners)
        if case.is_leak and case.kind in {"fd", "process"}
        else case
        for case in cases
    ]


def _with(case: Case, mine: list[Case], observed: Observed, owners: Owners) -> Case:
    rate = sum(one.rate or 0 for one in mine)
    growth = sum(one.bytes for one in mine)
    if case.kind == "fd" and case.rise:
        rate = max(rate, case.rise.slope * _FD_BYTES)
        growth = max(growth, (case.objects or 0) * _FD_BYTES)
    elif case == owners.threads.holder:
        threads = thread_rise(case, observed)
        rate = max(rate, threads.slope * _THREAD_BYTES if threads else 0)
    low, high = rate + (case.low or 0), rate + (case.high or 0)
    return case._replace(rate=rate + (case.rate or 0), low=low, high=high, bytes=case.bytes + growth)
