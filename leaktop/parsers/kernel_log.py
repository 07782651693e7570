r"""The kernel's log, in each of the forms that it comes in: one message a record, bare of its prefix.

6,339,5140900,-,caller=T1;text with \x0a for odd bytes        /dev/kmsg; devkmsg_read() in kernel/printk/printk.c
 SUBSYSTEM=pci                                                properties of that record, left out
[27742.909073] text                                           dmesg; with "[  T123]" behind it on CONFIG_PRINTK_CALLER
[Fri Nov 20 09:11:02 2026] text                               dmesg -T
kern  :info  : [    1.000000] text                            dmesg -x
Nov 20 09:11:02 host kernel: [27742.909073] text              syslog, journalctl
2026-11-20T09:11:02+0000 host kernel: text                    syslog, journalctl -o short-iso; dmesg's without a host
[27742.909073] host kernel: text                              journalctl -o short-monotonic
"""

from __future__ import annotations

import re

from leaktop.model.oom import LogRecord
from leaktop.parsers.lines import decode

_KMSG = re.compile(r"[0-9]{1,10},([0-9]{1,20}),([0-9]{1,20}),[^;\n]{0,200};(.*)")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")
_PREFIX = re.compile(
    r"""(?:<[0-9]{1,3}>)?
    (?:[a-z0-9]{3,8}\ *:[a-z]{3,7}\ *:\ )?
    (?:
        (?P<date>[A-Z][a-z]{2}\ [ 0-9][0-9]\ [0-9:]{8}(?:\.[0-9]{1,9})?\ |
                 [0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}[0-9.,]{0,10}(?:Z|[+-][0-9]{2}:?[0-9]{2})?\ )
        (?:\S{1,255}\ kernel:\ )?
    )?
    (?:
        \[\ *(?P<seconds>[0-9]{1,12}\.[0-9]{1,9})\](?:\ ?\[\ *[CT][0-9]{1,10}\])?(?:\ |$)(?:\S{1,255}\ kernel:\ )? |
        \[(?P<day>[A-Z][a-z]{2}\ [A-Z][a-z]{2}\ [ 0-9][0-9]\ [0-9:]{8}\ [0-9]{4})\]\ ?
    )?""",
    re.VERBOSE,
)


def parse_kmsg(record: bytes) -> LogRecord | None:
    """One record as one read() of /dev/kmsg gives it; None for bytes that are none."""
    found = _KMSG.match(decode(record.partition(b"\n")[0]))
    if found is None:
        return None
    text = found[3].encode("utf-8", "surrogateescape")
    plain = _ESCAPED.sub(lambda escaped: bytes([int(escaped[1], 16)]), text) if b"\\x" in text else text
    return LogRecord(decode(plain), int(found[2]) / 1e6, None, int(found[1]))


def is_kernels(record: bytes) -> bool:
    """Whether the kernel itself said it: what programs write to /dev/kmsg never gets its facility, 0."""
    priority = record.partition(b",")[0]
    return priority.isdigit() and len(priority) == 1 and priority < b"8"


def parse_kernel_log(content: bytes) -> list[LogRecord]:
    """Every message of a log in any of these forms, or several, in its order; a last line without its end is dropped.

    Lines without a prefix are kept as they are: the journal prints the later lines of a message so, and people cut
    prefixes off. Nothing is refused, since a line of a log may be anything.
    """
    records: list[LogRecord] = []
    is_raw = False
    for line in content.split(b"\n")[:-1]:
        record = parse_kmsg(line)
        if record:
            is_raw = True
            records.append(record)
        elif not (is_raw and line.startswith(b" ") and b"=" in line):
            is_raw = False
            records.append(_of_text(decode(line.rstrip(b"\r"))))
    return records


def _of_text(line: str) -> LogRecord:
    found = _PREFIX.match(line)
    if found is None:
        return LogRecord(line)
    seconds, stamp = found["seconds"], found["date"] or found["day"]
    return LogRecord(
        line[found.end() :],
        None if seconds is None else float(seconds),
        None if stamp is None else stamp.rstrip(),
    )
