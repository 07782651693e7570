"""Completions, in the shells themselves: what Tab offers."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from leaktop.cli import VERBS, main
from tests.e2e.terminal import Terminal


@pytest.fixture
def scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        (tmp_path / f"complete.{shell}").write_text(capsys.readouterr().out)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "leak.leaktop").touch()
    (tmp_path / "here" / "leak_dir").mkdir()
    return tmp_path


def offers(shell: str, scripts: Path, words: str) -> set[str]:
    """What the shell offers behind these words."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    ask = {"bash": _in_bash, "fish": _in_fish}[shell]
    done = subprocess.run(
        [program, *ask(scripts / f"complete.{shell}", words)],
        capture_output=True, text=True, check=False, cwd=scripts / "here", timeout=30,
        env={"PATH": os.environ["PATH"], "HOME": str(scripts), "TERM": "dumb"},
    )  # fmt: skip
    assert "rror" not in done.stderr, done.stderr
    return {line.partition("\t")[0].strip().rstrip("/") for line in done.stdout.splitlines()}


def _in_bash(script: Path, words: str) -> list[str]:
    given = words.split(" ")
    asked = (
        f"source {script}; COMP_WORDS=({' '.join(given)} {chr(39) * 2 if words.endswith(' ') else ''});"
        f"COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{words}'; COMP_POINT={len(words)};"
        "_shtab_leaktop; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    return ["--norc", "-c", asked]


def _in_fish(script: Path, words: str) -> list[str]:
    return ["--no-config", "-c", f"source {script}; complete -C '{words}'"]


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_verbs_options_choices_files_and_caches(shell: str, scripts: Path) -> None:
    assert set(VERBS) <= offers(shell, scripts, "leaktop ")
    assert {"record", "replay", "report"} <= offers(shell, scripts, "leaktop re")
    assert {"--read-only", "--record"} <= offers(shell, scripts, "leaktop --re")
    assert {"--max-size", "--max-age"} <= offers(shell, scripts, "leaktop record --max")
    assert {"slab", "sockets"} <= offers(shell, scripts, "leaktop show s")
    assert {"markdown"} <= offers(shell, scripts, "leaktop report --format m")
    assert {"leak.leaktop", "leak_dir"} <= offers(shell, scripts, "leaktop replay leak")
    assert {"scan", "set", "status", "show"} <= offers(shell, scripts, "leaktop kmemleak s")
    caches = {name for name in _caches() if name.startswith("kmalloc-1")}
    assert caches <= offers(shell, scripts, "leaktop trace kmalloc-1")
    assert offers(shell, scripts, "leaktop trace pag") >= {"pages"}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_cache_whose_name_is_a_command_is_not_run(shell: str, scripts: Path) -> None:
    caches = scripts / "caches"
    for name in ("kmalloc-64", "kmalloc-64(3:$(touch run))", "kmalloc-`touch run`", ":0000064"):
        (caches / name).mkdir(parents=True)
    script = scripts / f"complete.{shell}"
    script.write_text(script.read_text().replace("/sys/kernel/slab", str(caches)))
    found = offers(shell, scripts, "leaktop trace kmall")
    assert "kmalloc-64" in found
    assert not (scripts / "here" / "run").exists()


def test_zsh_offers_them_at_its_prompt(scripts: Path) -> None:
    """zsh completes only where somebody types."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed")
    (scripts / "complete.zsh").rename(scripts / "_leaktop")
    environment = {"HOME": str(scripts), "ZDOTDIR": str(scripts), "PS1": "> "}
    with Terminal([zsh, "-f", "-i"], (120, 40), environment, cwd=str(scripts / "here")) as terminal:
        terminal.write(b"fpath=(.. $fpath) && autoload -Uz compinit && compinit -D -u && print is ready\r")
        terminal.wait(lambda: any(line.startswith("is ready") for line in terminal.screen.display), "zsh is ready")
        asked = {
            "leaktop ": "kmemleak",
            "leaktop record --max": "--max-size",
            "leaktop show s": "sockets",
            "leaktop report --format ": "markdown",
            "leaktop replay ": "leak.leaktop",
            "leaktop kmemleak s": "status",
            "leaktop trace pa": "pages",
        }
        for typed, offered in asked.items():
            terminal.write(f"\x15clear\r{typed}\t\t".encode())
            terminal.wait(partial(_shows, terminal, offered), f"{offered} after {typed!r}")


def _shows(terminal: Terminal, words: str) -> bool:
    return words in terminal.text


def _caches() -> list[str]:
    try:
        return os.listdir("/sys/kernel/slab")
    except OSError:
        return []
