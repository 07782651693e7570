from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.oom import LogRecord
from leaktop.parsers.kernel_log import parse_kernel_log, parse_kmsg


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[27742.909073] init: x", LogRecord("init: x", 27742.909073)),
        ("[    0.000000]  one space is its own", LogRecord(" one space is its own", 0.0)),
        ("[    1.500000][    T1] x", LogRecord("x", 1.5)),
        ("[    1.500000] [ C0] x", LogRecord("x", 1.5)),
        ("<6>[    1.500000] x", LogRecord("x", 1.5)),
        ("kern  :info  : [    1.500000] x", LogRecord("x", 1.5)),
        ("[Fri Nov 20 09:11:02 2026] x", LogRecord("x", None, "Fri Nov 20 09:11:02 2026")),
        ("Nov  2 09:11:02 host kernel: [    1.500000] x", LogRecord("x", 1.5, "Nov  2 09:11:02")),
        ("Nov 20 09:11:02 host kernel: x", LogRecord("x", None, "Nov 20 09:11:02")),
        ("Nov 20 09:11:02.123456 host kernel: x", LogRecord("x", None, "Nov 20 09:11:02.123456")),
        ("2026-11-20T09:11:02+0000 host kernel: x", LogRecord("x", None, "2026-11-20T09:11:02+0000")),
        ("2026-11-20T09:11:02.5+01:00 host kernel: x", LogRecord("x", None, "2026-11-20T09:11:02.5+01:00")),
        ("2026-11-20T09:11:02,123456+00:00 x", LogRecord("x", None, "2026-11-20T09:11:02,123456+00:00")),
        ("[    1.500000] host kernel: x", LogRecord("x", 1.5)),
        ("6,339,5140900,-;x", LogRecord("x", 5.1409, None, 339)),
        ("6,339,5140900,c,caller=T1;x;y", LogRecord("x;y", 5.1409, None, 339)),
        ("no prefix: [1.5] x", LogRecord("no prefix: [1.5] x")),
        ("", LogRecord("")),
    ],
)
def test_a_message_is_bare_of_every_known_prefix(line: str, expected: LogRecord) -> None:
    assert parse_kernel_log(f"{line}\n".encode()) == [expected]


def test_raw_records_lose_their_properties_and_escapes() -> None:
    content = rb"""4,1,10,-;comm "a\x0ab\x5cx\xc3\xa9\xff"
 SUBSYSTEM=pci
 DEVICE=+pci:0000:00:00.0
6,2,20,-;next
"""
    assert parse_kernel_log(content) == [
        LogRecord('comm "a\nb\\x\xe9\udcff"', 1e-05, None, 1),
        LogRecord("next", 2e-05, None, 2),
    ]


def test_what_is_no_record() -> None:
    assert parse_kmsg(b"") is None
    assert parse_kmsg(b"dmesg text") is None
    assert parse_kmsg(b"6,1,2") is None


def escaped(text: str) -> str:
    """As msg_add_ext_text() in kernel/printk/printk.c writes it."""
    odd = [c if 32 <= c < 127 and c != 92 else None for c in text.encode()]
    return "".join(f"\\x{byte:02x}" if c is None else chr(c) for byte, c in zip(text.encode(), odd, strict=True))


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_any_message_survives_the_kernels_escapes(messages: list[str]) -> None:
    content = "".join(f"6,{at},{at * 1000000},-;{escaped(text)}\n" for at, text in enumerate(messages))
    assert parse_kernel_log(content.encode()) == [
        LogRecord(text, float(at), None, at) for at, text in enumerate(messages)
    ]


@given(st.binary())
def test_any_bytes_are_some_log(content: bytes) -> None:
    assert len(parse_kernel_log(content)) <= content.count(b"\n")


def test_a_cut_line_is_dropped() -> None:
    assert parse_kernel_log(b"[1.0] free:22\n[1.0] free:2") == [LogRecord("free:22", 1.0)]
