"""`--plain`: lines on standard output, whatever the terminal is, until Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leaktop.cli.demo import DEMO

REPO = Path(__file__).parents[2]
LEAKTOP = [sys.executable, "-m", "leaktop"]
TOLD = (
    "watching leaklab",
    "Mark: start",
    "New leak: slab cache kmalloc-2k",
    "Summary after 5m",
    "Mark: end",
    "The end",
)
ENVIRONMENT = {**os.environ, "TERM": "dumb", "TZ": "UTC", "PYTHONPATH": str(REPO)}


def plain(*arguments: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]  # the options of run() come in a dict
        [*LEAKTOP, *arguments], capture_output=True, env=ENVIRONMENT, timeout=60, check=False, **more
    )


@pytest.mark.parametrize("arguments", [("demo", "--plain"), ("--plain", "demo")], ids=" ".join)
def test_a_recording_is_told_to_its_end_on_a_dumb_terminal_or_none(arguments: tuple[str, ...]) -> None:
    done = plain(*arguments, stdin=subprocess.DEVNULL)
    lines = done.stdout.decode("ascii").splitlines()
    assert done.returncode == 0
    assert done.stderr == b""
    assert "watching leaklab" in lines[0]
    assert any("New leak: vmalloc caller leakgen_vmalloc" in line for line in lines)
    assert "The end, after 5m5" in lines[-1]
    assert not any(byte < 0x20 for byte in done.stdout.replace(b"\n", b""))
    assert len(lines) < 30
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d [A-Z].*\.", line) for line in lines)
    order = [next(n for n, line in enumerate(lines) if words in line) for words in TOLD]
    assert order == sorted(order)


def test_it_begins_where_it_is_asked_to() -> None:
    lines = plain("replay", DEMO, "--plain", "--at", "12:42:30").stdout.decode().splitlines()
    assert "watching leaklab" in lines[0]
    assert "Verdict: Kernel memory leak" in lines[1]
    assert not any("Mark: start" in line for line in lines)
    assert any("Mark: end" in line for line in lines)
    assert plain("replay", DEMO, "--plain", "--at", "never").returncode == 2


def test_a_pipe_is_told_to_its_end() -> None:
    done = plain("replay", "--plain", "--ascii", "-", input=Path(DEMO).read_bytes())
    assert done.returncode == 0
    assert b"The end, after 5m5" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_live_it_goes_on_until_it_is_told_to_stop_and_then_says_how_things_stand(
    number: signal.Signals, tmp_path: Path
) -> None:
    path = tmp_path / "live.leaktop"
    command = [*LEAKTOP, "--plain", "--read-only", "--interval", "0.2", "--record", str(path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        first = process.stdout.readline().decode()
        process.stdout.readline()
        process.send_signal(number)
        rest = process.stdout.read().decode()
        assert process.wait(20) == 0
    assert "watching" in first
    assert "The end, after" in rest.splitlines()[-1]
    info = subprocess.run([*LEAKTOP, "info", str(path)], capture_output=True, env=ENVIRONMENT, check=True)
    assert b"ticks" in info.stdout


def test_a_recording_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    done = plain("--plain", "--record", str(tmp_path / "there"))
    assert done.returncode == 2
    assert b"there: File exists" in done.stderr


def test_what_a_recording_lost_is_said_while_it_goes_on_and_at_the_end(tmp_path: Path) -> None:
    command = [*LEAKTOP, "--plain", "--read-only", "--interval", "0.2", "--record", str(tmp_path / "live.leaktop")]
    with subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert any(b"Recording: " in line and b"too large" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(20) == 2
        assert b"File too large" in process.stderr.read()


def test_it_needs_nothing_of_the_screen() -> None:
    program = (
        "import sys; from leaktop.cli import main; main(['demo', '--plain']); "
        "print([name for name in ('textual', 'rich', 'plotext') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=ENVIRONMENT, check=True)
    assert done.stdout.splitlines()[-1] == b"[]"


def test_the_message_of_a_dumb_terminal_names_it() -> None:
    assert b"leaktop --plain" in plain(stdin=subprocess.DEVNULL).stderr
