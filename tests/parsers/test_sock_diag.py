from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.records import Socket
from leaktop.model.sample import ParseError
from leaktop.parsers.sock_diag import parse_sock_diag

FORM = b"# leaktop sock_diag 1\n"
UDP = b"udp\t127.0.0.1:53\t0.0.0.0:0\tUNCONN\t768\t0\t768\t1\t9\t4711\t104\teth0\t-\t\n"


def test_rows_totals_and_faults() -> None:
    table = parse_sock_diag(
        FORM
        + b"packet\t0x0003\t\tUNCONN\t0\t0\t0\t0\t-\t8\t-\t-\t65536\t\n=\tpacket\t1\n"
        + b"!\traw\tENOENT\n"
        + UDP
        + b"=\tudp\t2\n~\tudp\tinterrupted\n"
        + b"tcp\t10.0.0.1:1\t10.0.0.2:2\tTIME_WAIT\t0\t0\t-\t-\t-\t0\t0\t-\t-\t00ff\n=\ttcp\t96000\n"
    )
    assert table.sockets == (
        Socket("packet", "0x0003", "", "UNCONN", 0, 0, 0, 0, None, 8, None, None, 65536),
        Socket("udp", "127.0.0.1:53", "0.0.0.0:0", "UNCONN", 768, 0, 768, 1, 9, 4711, 104, "eth0"),
        Socket(
            *("tcp", "10.0.0.1:1", "10.0.0.2:2", "TIME_WAIT", 0, 0, None, None, None, 0, 0, None, None), cookie="00ff"
        ),
    )
    assert table.totals == {"packet": 1, "udp": 2, "tcp": 96000}
    assert table.faults == {"raw": "ENOENT"}


def test_names_come_back_as_they_were() -> None:
    row = rb"unix" + b"\t" + rb"/tmp/a\tb\nc\\n" + b"\tinode 7" + b"\tLISTEN" + b"\t0" * 5 + b"\t1\t0\t-\t-\t\n"
    [found] = parse_sock_diag(FORM + row).sockets
    assert found.local == "/tmp/a\tb\nc\\n"
    assert found.peer == "inode 7"


def test_what_is_no_row_is_skipped_and_fields_added_later_are_ignored() -> None:
    table = parse_sock_diag(
        FORM + b"udp\tshort\n=\tudp\tmany\n" + UDP.replace(b"768", b"x") + UDP.replace(b"\t\n", b"\t\tnew\n")
    )
    assert [found.inode for found in table.sockets] == [4711]
    assert table.totals == {}


def test_a_line_that_was_cut_short_is_left_out() -> None:
    assert parse_sock_diag(FORM + UDP + UDP[:-1] + b"ff").sockets == parse_sock_diag(FORM + UDP).sockets
    assert parse_sock_diag(FORM + b"=\ttcp\t96").totals == {}


@pytest.mark.parametrize("content", [b"", b"# leaktop sock_diag 2\n", b"\xff\x1b" * 500])
def test_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError) as refusal:
        parse_sock_diag(content)
    assert len(str(refusal.value)) < 400


@settings(max_examples=200, deadline=None)
@given(st.binary() | st.text("0123456789-\t\n\\=!udp", max_size=200).map(str.encode), st.integers(0, 60))
def test_any_bytes_give_a_table_or_a_parse_error(junk: bytes, place: int) -> None:
    for content in (junk, FORM + junk, FORM + UDP[:place] + junk + UDP[place:]):
        try:
            parse_sock_diag(content)
        except ParseError:
            assert not content.startswith(FORM)
