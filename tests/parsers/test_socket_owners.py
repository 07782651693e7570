from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.records import Owner
from leaktop.model.sample import ParseError
from leaktop.parsers.socket_owners import parse_socket_owners

FORM = b"# leaktop socket_owners 1\n"


def test_owners_by_inode() -> None:
    found = parse_socket_owners(
        FORM + b"10\t1\t3\tinit\n11\t7\t4\ta\\tb\\n\n10\t7\t5\tnginx: x\n12\tshort\n13\tx\t1\tsh\n"
    )
    assert found == {
        10: (Owner(1, "init", 3), Owner(7, "nginx: x", 5)),
        11: (Owner(7, "a\tb\n", 4),),
    }


def test_nobody_found() -> None:
    assert parse_socket_owners(FORM) == {}


def test_a_line_that_was_cut_short_is_left_out() -> None:
    assert parse_socket_owners(FORM + b"10\t1\t3\tini") == {}


def test_another_form_is_refused() -> None:
    with pytest.raises(ParseError, match="not a leaktop socket_owners list"):
        parse_socket_owners(b"# leaktop sock_diag 1\n")


@settings(max_examples=100, deadline=None)
@given(st.binary() | st.text("0123456789-\t\n\\", max_size=100).map(str.encode))
def test_any_bytes_give_owners_or_a_parse_error(junk: bytes) -> None:
    parse_socket_owners(FORM + junk + b"\n")
    with contextlib.suppress(ParseError):
        parse_socket_owners(junk)
