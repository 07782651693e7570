"""A configuration in a real terminal: what is right in it counts, what is wrong is said, and the screen comes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.terminal import LEAKTOP, Terminal

if TYPE_CHECKING:
    from pathlib import Path


def configured(directory: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    """The environment of a user who has this configuration."""
    (directory / "leaktop").mkdir()
    file = directory / "leaktop" / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return {"XDG_CONFIG_HOME": str(directory)}


def test_what_is_right_counts_and_what_is_wrong_is_said(tmp_path: Path) -> None:
    text = 'interval = "3s"\ntheme = "nope"\nmouse = 1\n[keys]\npause = "x"\nquit = "Q"\nzoom = "s"\n'
    with Terminal(environment=configured(tmp_path, text)) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.wait_for("LIVE 3s")
        terminal.wait_for("mouse:")
        terminal.wait_for("Passed")
        terminal.press("x")
        terminal.wait_for("PAUSED")
        terminal.press("q")
        assert terminal.process.poll() is None
        terminal.press("Q")
        assert terminal.exit_status() == 0
        terminal.check_restored()


def test_one_that_others_may_write_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    environment = configured(tmp_path, 'interval = "3s"\n', 0o666)
    with Terminal((*LEAKTOP, "--ascii"), environment=environment) as terminal:
        terminal.wait_for("LIVE 1s")
        terminal.wait_for("others")
        terminal.press("q")
        assert terminal.exit_status() == 0
    with Terminal((*LEAKTOP, "--no-config"), environment=environment) as terminal:
        terminal.wait_for("LIVE 1s")
        terminal.press("q")
        assert terminal.exit_status() == 0
        assert "others may" not in terminal.text
