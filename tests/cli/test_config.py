"""`leaktop config`, which files are read, and what they change."""

from __future__ import annotations

import argparse
import os
import re
import threading
from pathlib import Path

import pytest

from leaktop.cli import live, main, settings_file
from leaktop.cli.configured import configure
from leaktop.cli.settings_file import SettingsError, examine, load, paths
from leaktop.cli.wishes import paced
from leaktop.model.settings import Settings
from leaktop.sources.probes import PROBES
from leaktop.view.panes import PANES
from tests.e2e.terminal import REPO

NOBODY = 65534


@pytest.fixture(autouse=True)
def for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine's own configurations are out of the way."""
    monkeypatch.setattr(settings_file, "FOR_ALL", str(tmp_path / "all.toml"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    (tmp_path / "own" / "leaktop").mkdir(parents=True)
    return tmp_path / "all.toml"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own" / "leaktop" / "config.toml"


def defaults(*arguments: str) -> argparse.Namespace:
    """The command line of the screen with nothing typed but these."""
    parser = argparse.ArgumentParser()
    live.add_options(parser)
    configure(parser, arguments)
    return parser.parse_args(arguments)


def test_without_a_file_all_is_as_usual(capsys: pytest.CaptureFixture[str]) -> None:
    assert (defaults().settings, defaults().complaints) == (None, ())
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert out.count("not there") == 2
    assert '#interval = "1s"' in out


def test_the_own_file_counts_more_than_the_one_for_all_and_what_is_typed_most(for_all: Path, own: Path) -> None:
    for_all.write_text('interval = "5s"\nascii = true\nbudget = "7%"\nmouse = false\n')
    own.write_text('interval = "2s"\nread_only = true\ntheme = "nord"\n')
    choices = defaults()
    assert (choices.interval, choices.ascii, choices.read_only, choices.theme) == (2.0, True, True, "nord")
    assert choices.budget == pytest.approx(0.07)
    assert choices.no_mouse
    typed = defaults("-d", "3s", "--theme", "dracula", "--budget", "none")
    assert (typed.interval, typed.theme, typed.budget) == (3.0, "dracula", None)
    without = defaults("--no-config")
    assert (without.interval, without.ascii, without.read_only, without.theme) == (1.0, False, False, None)


def test_a_verb_that_writes_is_refused_where_the_configuration_says_read_only(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text("read_only = true\n")
    assert main(["kmemleak", "clear"]) == 2
    assert "--read-only forbids" in capsys.readouterr().err


def test_a_bad_file_stops_nothing_and_is_said(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text('interval = "soon"\nascii = true\n[keys]\npauze = "x"\n[probes]\nfoo = 2\n')
    choices = defaults()
    assert (choices.interval, choices.ascii) == (1.0, True)
    assert main(["show", "memory", "--root", str(tmp_path)]) == 0
    said = capsys.readouterr().err
    assert f"{own}:1: interval: 'soon' is not a time" in said
    assert f"{own}:4: keys.pauze: there is nothing of that name" in said
    assert f"{own}:6: probes.foo: nothing of that name is read; there are meminfo" in said


def test_what_is_no_toml_is_said_with_its_line(own: Path) -> None:
    own.write_text("ascii = true\n\nmouse false\n")
    [words] = load([str(own)]).complaints
    assert words == f"{own}:3: not TOML: Expected '=' after a key in a key/value pair"


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text('theme = "nope"\n[columns]\nslab = ["size"]\nfoo = ["x"]\n[sort]\nslab = "x"\n[keys]\npause="m"\n')
    assert main(["config", "--check", str(file)]) == 2
    lines = [line.removeprefix(f"leaktop: {file}:") for line in capsys.readouterr().err.splitlines()]
    beginnings = (
        "1: theme: there is no theme 'nope'",
        "3: columns.slab: 'name' has to be",
        "4: columns.foo: there is no",
        "6: sort.slab: there is no column 'x'",
        "8: keys.pause: m is the key of mark",
    )
    assert len(lines) == len(beginnings)
    assert all(line.startswith(beginning) for line, beginning in zip(lines, beginnings, strict=True)), lines
    assert main(["config", "--check", str(tmp_path / "none.toml")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_the_template_is_right_and_so_is_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--template"]) == 0
    text = capsys.readouterr().out
    for number, content in enumerate((text, "\n".join(
        line[1:] if line[:1] == "#" and line[1:2] != " " else line for line in text.splitlines()
    ))):  # fmt: skip
        file = tmp_path / f"{number}.toml"
        file.write_text(content)
        assert main(["config", "--check", str(file)]) == 0, capsys.readouterr().err


def test_the_template_names_all_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--template"]) == 0
    text = " ".join(capsys.readouterr().out.replace("#", " ").split())
    for pane in PANES:
        assert f"{pane.name}: {', '.join(column.name for column in pane.columns)}" in text
    assert ", ".join(probe.name for probe in PROBES if probe.cadence is not None) in text
    assert "quit, help, pause, mark" in text


def test_the_example_in_the_readme_is_right(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", (REPO / "README.md").read_text(), re.DOTALL)
    (tmp_path / "a.toml").write_text(example)
    settings, complaints = examine(str(tmp_path / "a.toml"))
    assert complaints == []
    assert (settings.interval, settings.sort) == (2.0, {"processes": "-comm"})


def test_what_is_printed_can_be_read_again(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text('interval = 2.5\nplain = false\n[keys]\nquit = ["Q", "\\""]\n[probes]\nslabinfo = 5\n')
    assert main(["config"]) == 0
    again = tmp_path / "again.toml"
    again.write_text(capsys.readouterr().out)
    assert examine(str(again)) == examine(str(own))


def test_a_file_that_others_may_write_is_not_read(own: Path) -> None:
    for mode in (0o660, 0o602):
        own.write_text("ascii = true\n")
        own.chmod(mode)
        with pytest.raises(SettingsError, match="others may write it, so it is not read; chmod go-w"):
            examine(str(own))


def test_what_is_no_file_is_not_opened(own: Path) -> None:
    os.mkfifo(own)
    with pytest.raises(SettingsError, match="no regular file"):
        examine(str(own))
    own.unlink()
    own.symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="no regular file"):
        examine(str(own))
    own.unlink()
    own.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        examine(str(own))
    own.write_bytes(b"#" * (1 << 19))
    with pytest.raises(SettingsError, match="larger than 256 KiB"):
        examine(str(own))


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others")
def test_behind_sudo_it_is_the_callers_and_leads_nowhere_that_he_may_not_read(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_text("ascii = true\n")
    os.chown(own, NOBODY, NOBODY)
    with pytest.raises(SettingsError, match="belongs to another user"):
        examine(str(own))
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    monkeypatch.setenv("SUDO_GID", str(NOBODY))
    assert examine(str(own))[0] == Settings(ascii=True)
    assert paths()[1].endswith("/.config/leaktop/config.toml")
    assert not paths()[1].startswith(str(tmp_path)), "the environment is not his any more"
    # A link of his to a file that only root may read would tell him what is wrong in it.
    secret = tmp_path / "secret.toml"
    secret.write_text("password = 1\n")
    secret.chmod(0o600)
    own.unlink()
    own.symlink_to(secret)
    with pytest.raises(SettingsError, match="belongs to another user"):
        examine(str(own))
    secret.chmod(0o644)
    assert [complaint.key for complaint in examine(str(own))[1]] == ["password"]


def test_what_hostile_names_hold_is_not_shown_raw(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text('"a\\u001b]52;c;x\\u0007" = 1\n[sort]\n"\\u202eb" = "c\\u001b[31m"\n')
    assert main(["config", "--check", str(own)]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_probes_are_read_less_often_by_the_factor() -> None:
    slower = {probe.name: probe.cadence for probe in paced(PROBES, {"slabinfo": 5, "kmemleak": 2})}
    usual = {probe.name: probe.cadence for probe in PROBES}
    assert slower["slabinfo"] == 5 * (usual["slabinfo"] or 0)
    assert {name for name in usual if usual[name] != slower[name]} == {"slabinfo"}


def test_a_home_that_does_not_answer_is_not_waited_for(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    own.write_text("ascii = true\n")
    monkeypatch.setattr(settings_file, "_read", lambda _path: str(over.wait(20)))
    monkeypatch.setattr("leaktop.cli.configured._PATIENCE", 0.05)
    choices = defaults()
    over.set()
    assert not choices.ascii
    assert choices.complaints == (f"{own}: it could not be read in time, and is passed over",)
