"""`leaktop --plain` at a terminal: lines and nothing else, even where it could draw; Ctrl-C is the way out."""

from __future__ import annotations

from tests.e2e.terminal import LEAKTOP, Terminal


def test_it_sends_no_control_sequence_and_leaves_with_the_last_words() -> None:
    with Terminal((*LEAKTOP, "--plain", "--read-only"), (200, 30), {"TERM": "xterm-256color"}) as terminal:
        terminal.wait_for("On ", "watching")
        terminal.wait_for("Verdict")
        terminal.press("ctrl+c")
        assert terminal.exit_status() == 0
        assert terminal.line("The end, after")
        assert not set(terminal.output) & ({*range(0x20)} - {*b"\r\n"})
