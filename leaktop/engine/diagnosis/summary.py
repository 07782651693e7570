"""The summary of a verdict: what a person would write. Kernel text in it is raw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.programs import starts_threads, thread_rise
from leaktop.engine.diagnosis.words import COUNTERS, a_minute, listing
from leaktop.engine.merged import label
from leaktop.units import human_bytes, human_count, human_duration, human_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case, Unit

_NAMED = 3


def leak_summary(observed: Observed, leaks: Sequence[Case], units: Sequence[Unit]) -> str:
    """What leaks, how fast, in which unit, how long that can go on."""
    worst = leaks[0]
    sentences = [_headline(worst, observed)]
    unit = next((unit for unit in units if any(m.name == worst.name for m in unit.members)), None)
    named = {worst.name}
    if unit:
        what = "caches" if all(m.name != "pages" for m in unit.members) else "counts"
        labels = [member.label for member in unit.members]
        ratio = " : ".join(f"{member.ratio:g}" for member in unit.members)
        many = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}.get(len(labels), str(len(labels)))
        speed = a_minute(unit.per_second) if unit.per_second else ""
        sentences.append(f"{many} {what} rise in step, {ratio}, {speed}: {listing(labels)}.")
        is_plain = all(member.ratio == 1 for member in unit.members)
        sentences.append(f"One leaked unit {'is' if is_plain else 'may be'} {unit.bytes:,} bytes.")
        named |= {member.name for member in unit.members}
    elif worst.aliases:
        sentences.append(f"The name is a merged one: {label((worst.name, *worst.aliases))}.")
    others = [case for case in leaks if case.name not in named]
    if others:
        each = [f"{case.name} ({human_rate(case.rate)})" for case in others[:_NAMED]]
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        sentences.append(f"Also: {listing(each)}{more}.")
    if worst.eta is not None and worst.rate and worst.rate > 0:
        sentences.append(f"At this rate memory is gone in {human_duration(worst.eta)}.")
    return " ".join(sentences)


def _headline(case: Case, observed: Observed) -> str:
    rise = case.rise
    steadily = f", steadily for {human_duration(rise.seconds)}" if rise and rise.is_steady else ""
    rate = human_rate(case.rate)
    if case.kind == "fd" and rise:
        return f"{case.name} collects descriptors, {a_minute(rise.slope)}{steadily}: {rate} of kernel memory."
    if case.kind == "process":
        threads = thread_rise(case, observed)
        if threads and starts_threads(case, observed):
            what = "becomes more and more processes" if case.key[0] == "named" else "starts threads"
            return f"{case.name} {what}, {a_minute(threads.slope)}{steadily}: {rate} with their kernel memory."
        return f"{case.name} grows {rate}{steadily}, and gives nothing back."
    if case.kind == "socket":
        verb, whose = ("are", "their queues hold") if case.key[0] == "held" else ("is", "its queue holds")
        return f"{case.name} {verb} not read: {whose} {human_bytes(case.bytes)}{steadily}{_owner(case)}"
    if case.kind == "tmpfs":
        return f"{case.name} grows {rate}{steadily}: files in memory, which count as used until they are deleted."
    if case.kind == "residual":
        return f"Memory that no counter names grows {rate}{steadily}: pages that a driver, or another part of it, took."
    counter = COUNTERS.get(case.kind)
    total = observed.amount_rise(counter) if counter and counter != case.name else None
    if total is not None and counter and total.is_steady and case.kind == "slab":
        return f"{counter} rises {human_rate(total.slope)}{steadily}, {case.name} alone {rate}."
    return f"{case.name} grows {rate}{steadily}."


def _owner(case: Case) -> str:
    return f". It belongs to {case.note}." if case.note else "."


def reserved_summary(observed: Observed, case: Case) -> str:
    """Memory that was taken on purpose."""
    now = observed.amount(case.name)
    if case.name == "MemTotal":
        return (
            f"MemTotal fell by {human_bytes(case.bytes)}: a balloon of the hypervisor took it, or memory was unplugged."
        )
    grown = f", {human_bytes(case.bytes)} of it while it was watched" if case.bytes else ""
    if case.kind == "hugepages":
        free = observed.amount_row("HugePages_Free")
        total = observed.amount_row("HugePages_Total")
        unused = f"; {free.record.count} of {total.record.count} huge pages are unused" if free and total else ""
        kept = "They are set aside, used or not, until nr_hugepages is lowered."
        return f"Huge pages hold {human_bytes(now)}{grown}{unused}. {kept}"
    return f"A balloon holds {human_bytes(now)}{grown}: the hypervisor took it back. Nothing here leaks it."


def cache_summary(observed: Observed, gained: int, cases: Sequence[Case]) -> str:
    """Growth that goes again under pressure."""
    caches = [case.name for case in cases if case.explained.startswith("reclaimable")][:_NAMED]
    named = f", {listing(caches)} first" if caches else ""
    available = observed.amount_row("MemAvailable")
    stays = ""
    if available and available.size.growth is not None:
        change = available.size.growth
        stays = f" MemAvailable changed by {'-' if change < 0 else '+'}{human_bytes(abs(change))}."
    what = "page cache and reclaimable slab, which shrink under pressure"
    return f"Caches gained {human_bytes(gained)}{named}: {what}.{stays}"


def none_summary(observed: Observed, cases: Sequence[Case]) -> str:
    """Nothing leaks."""
    watched = human_duration(observed.seconds)
    passing = [case for case in cases if not case.is_cache and not case.explained and (case.rate or 0) > 0][:_NAMED]
    named = f" What grew most, {listing([case.name for case in passing])}, did not grow steadily." if passing else ""
    return f"Nothing grows steadily that is not a cache, over {watched}.{named}"


def short_summary(observed: Observed, reads: int, units: Sequence[Unit]) -> str:
    """Too little was seen for a trend; what stands out at one moment is said all the same."""
    seen = "One moment is" if reads <= 1 else f"{reads} samples over {human_duration(observed.seconds)} are"
    words = f"{seen} not enough to tell a leak: at least 5 samples over 20 seconds are needed."
    if not units:
        return words
    unit = units[0]
    labels = [member.label for member in unit.members]
    return (
        f"{words} But {len(labels)} caches hold the same number of objects, {human_count(unit.count)} each: "
        f"{listing(labels)}. That looks like one leaked unit of {unit.bytes:,} bytes, "
        f"{human_bytes(unit.bytes * (unit.count or 0))} in all."
    )
