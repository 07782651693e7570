"""Rules of the user: what they cover, where they are kept, and what is said of lines that are none."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.kmemleak.suppression_file import add_rule, default_path, own_suppressions, read_suppressions
from leaktop.engine.kmemleak.suppressions import RuleError, Suppressions, parse_rule, parse_suppressions, rule_for
from leaktop.parsers.kmemleak import group, parse_kmemleak

DATA = Path(__file__).parents[1] / "data/kmemleak"
TRACE = ("kmemleak_alloc", "__kmalloc", "leaky [leakgen]", "run [leakgen]", "ctl_write [leakgen]", "vfs_write")


@pytest.mark.parametrize(
    ("rule", "is_covered"),
    [
        ("leaky", True),
        ("leaky [leakgen]", True),
        ("leaky [other]", False),
        ("leak", False),
        ("vfs_write", True),
        ("module:leakgen", True),
        ("module:leak", False),
        ("leaky < run", True),
        ("leaky   <  run [leakgen] < ctl_write", True),
        ("run < leaky", False),
        ("leaky < ctl_write", False),
        ("vfs_write < do_syscall_64", False),
        ("vfs_write [leakgen]", False),
    ],
)
def test_what_a_rule_covers(rule: str, is_covered: bool) -> None:
    assert parse_rule(rule).covers(TRACE) is is_covered


def test_a_module_is_named_with_hyphens_or_without() -> None:
    assert parse_rule("module:nd-btt").covers(("alloc_arena [nd_btt]",))


@pytest.mark.parametrize("line", ["a b", "a <", "< a", "a > b", "module:", "module:a b", "a < < b", "f+0x1/0x2", "é|"])
def test_what_is_no_rule_is_said_with_its_line(line: str) -> None:
    with pytest.raises(RuleError, match="write FUNCTION, module:NAME"):
        parse_rule(line)
    found = parse_suppressions(f"# mine\n\nleaky # known\n{line}\n")
    assert [rule.text for rule in found.rules] == ["leaky"]
    assert [fault.partition(":")[0] for fault in found.faults] == ["line 4"]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.name)
def test_the_rule_for_a_group_covers_it_and_can_be_read_back(path: Path) -> None:
    for found in group(parse_kmemleak(path.read_bytes()).objects):
        rule = rule_for(found.backtrace)
        if rule is None:
            assert not found.backtrace or found.backtrace[0].startswith("0x") or "0x?" in found.backtrace
        else:
            assert rule.covers(found.backtrace)
            assert parse_suppressions(rule.text).rules == (rule,)
            assert not rule.text.startswith(("kmemleak_alloc", "__kmalloc"))


@given(st.lists(st.text(max_size=20), max_size=5))
def test_no_backtrace_makes_a_rule_that_cannot_be_read_back(frames: list[str]) -> None:
    rule = rule_for(frames)
    assert rule is None or parse_suppressions(rule.text).rules == (rule,)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = parse_suppressions(text)
    assert not found.covers(())
    assert len(found.rules) + len(found.faults) <= len(text.splitlines())


def test_a_rule_is_added_in_private_and_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "leaktop/kmemleak.suppressions"
    add_rule(parse_rule("leaky < run"), str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_text(path.read_text() + "module:nd_btt")  # an editor that leaves the last line open
    add_rule(parse_rule("leaky"), str(path))
    assert [rule.text for rule in read_suppressions(str(path)).rules] == ["leaky < run", "module:nd_btt", "leaky"]


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "list").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        add_rule(parse_rule("leaky"), str(tmp_path / "list"))
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_list_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_path() == str(tmp_path / "leaktop/kmemleak.suppressions")
    assert own_suppressions() == Suppressions()
    add_rule(parse_rule("leaky"), default_path())
    assert own_suppressions().covers(TRACE)
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert default_path().endswith("/.config/leaktop/kmemleak.suppressions")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to mind whose the list is")
@pytest.mark.parametrize("part", ["leaktop/kmemleak.suppressions", "leaktop", "."])
def test_root_reads_no_list_that_others_could_have_written(
    part: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`su` without a dash leaves XDG_CONFIG_HOME as the user had it."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    add_rule(parse_rule("leaky"), default_path())
    (tmp_path / part).chmod(0o777)
    found = own_suppressions()
    assert not found.covers(TRACE)
    assert "others than root may change it" in found.faults[0]
    (tmp_path / part).chmod(0o700)
    os.chown(tmp_path / part, 99, 99)
    assert not own_suppressions().covers(TRACE)


def test_behind_sudo_it_is_roots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1000")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == f"{pwd.getpwuid(0).pw_dir}/.config/leaktop/kmemleak.suppressions"


def test_a_list_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    Path(default_path()).parent.mkdir()
    os.mkfifo(default_path())
    assert "kmemleak.suppressions" in own_suppressions().faults[0]
