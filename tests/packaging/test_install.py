"""Every way to install leaktop that the README names, as an ordinary user, used with sudo over ssh."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.e2e.terminal import REPO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.packaging.host import Host

GLOBAL = Path("/usr/local/bin/leaktop")
"""Where `pipx install --global` puts it, which is in sudo's secure_path."""
UNPACKED = Path("/root/.cache/leaktop")
TOOLS = 'PATH="$HOME/tools/bin:$HOME/.local/bin:$PATH";'
"""pipx and uv as a user may have them."""


@pytest.fixture(scope="session")
def tools(login: Host) -> Host:
    login.run(login.with_packages("/usr/bin/python3 -m venv tools && tools/bin/pip install --quiet pipx uv"))
    return login


class Way(NamedTuple):
    """What the README says to type, in a clone, to install leaktop and then to run it; and what takes it away."""

    install: str
    run: str
    undo: str


WAYS = {
    "pipx": Way("pipx install .", 'sudo "$(which leaktop)"', "pipx uninstall leaktop"),
    "uv": Way("uv tool install --compile-bytecode .", "sudo ~/.local/bin/leaktop", "uv tool uninstall leaktop"),
    "pipx --global": Way(
        "sudo pipx install --global .", "sudo leaktop", "sudo pipx uninstall --global leaktop && sudo rm -rf /opt/pipx"
    ),
    "pyz": Way(
        "python3 -m venv .venv && .venv/bin/python -m tests.packaging.build_pyz",
        "sudo python3 leaktop.pyz",
        "rm -rf .venv dist",
    ),
}


@pytest.fixture(params=WAYS, scope="module")
def installed(request: pytest.FixtureRequest, tools: Host) -> Iterator[str]:
    """What to type, for each way to install it."""
    way = WAYS[request.param]
    if "--global" in way.install and any(os.path.lexists(path) for path in (GLOBAL, "/opt/pipx")):
        pytest.skip(f"{GLOBAL} or /opt/pipx is there already, and left alone")
    before = set(UNPACKED.glob("*"))
    _type(tools, way.install)
    tools.run("cp leaktop/dist/leaktop.pyz ~ 2>/dev/null || true")
    yield f"{TOOLS} {way.run}"
    _type(tools, way.undo)
    for left in set(UNPACKED.glob("*")) - before:
        shutil.rmtree(left)
    with contextlib.suppress(OSError):  # not there, or of use to others
        UNPACKED.rmdir()


def _type(login: Host, words: str) -> None:
    """In the clone. Root has no pipx of its own here, but may use the user's."""
    words = words.replace("sudo pipx", "sudo --preserve-env ~/tools/bin/pipx")
    login.run(login.with_packages(f"{TOOLS} export UV_PYTHON_DOWNLOADS=never; cd leaktop && {words}"))


def test_the_readme_says_what_is_typed_here() -> None:
    readme = (REPO / "README.md").read_text()
    for way in WAYS.values():
        [row] = [line for line in readme.splitlines() if line.startswith(f"| `{way.install}`")]
        assert f"`{way.run}` |" in row


@pytest.mark.parametrize("installed", ["pipx"], indirect=True)
@pytest.mark.usefixtures("installed")
def test_sudo_finds_only_what_lies_in_its_own_path(login: Host) -> None:
    """The trap that the README warns of, which is why it says what to type."""
    if os.path.lexists(GLOBAL):
        pytest.skip("leaktop is installed for all")
    assert login.run("~/.local/bin/leaktop --version")
    done = subprocess.run(
        login.command("PATH=$HOME/.local/bin:$PATH; sudo leaktop --version"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode
    assert "command not found" in done.stderr


def test_it_shows_what_only_root_may_see(login: Host, installed: str) -> None:
    assert re.fullmatch(r"leaktop \d+\.\d+\.\d+\s", login.run(f"{installed} --version"))
    shown = json.loads(login.run(f"{installed} show slab --json"))
    assert len(shown["sections"]["slab"]["rows"]) > 20


def test_the_screen_is_drawn_answers_and_leaves_the_terminal_sane(login: Host, installed: str) -> None:
    # stty before and after, on the far side: what leaktop did to that terminal, and not what ssh did to ours.
    with login.terminal(f"stty -g; {installed}; echo status $?; stty -g") as terminal:
        terminal.wait_for("MemAvailable", timeout=30)
        if "a first look" in terminal.text:  # once a user, whichever way it was installed
            terminal.press("escape")
        terminal.press("?")
        terminal.wait_for("leaktop: keys and")
        terminal.press("escape")
        terminal.wait(lambda: not terminal.line("leaktop: keys and"), "the help goes")
        terminal.press("2", "z", "/", "dentry", "enter")
        terminal.wait_for("/dentry")
        terminal.wait(lambda: terminal.line("dentry", "%"), "the cache that was asked for")
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
        before, after = (line for line in terminal.output.decode().splitlines() if re.fullmatch(r"[\da-f:]{60,}", line))
        assert before == after
        assert b"status 0" in terminal.output
        assert b"Traceback" not in terminal.output


def test_it_records_through_the_pipe_of_ssh(login: Host, installed: str, tmp_path: Path) -> None:
    recording = tmp_path / "far.leaktop"
    with recording.open("wb") as file:
        command = login.command(f"{installed} record - --interval 0.5s --for 2s")
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    held = subprocess.run(
        [sys.executable, "-m", "leaktop", "info", str(recording), "--json"],
        capture_output=True, cwd=REPO, check=True,
    )  # fmt: skip
    assert json.loads(held.stdout)["ticks"] >= 3


@pytest.mark.parametrize("installed", ["pyz"], indirect=True)
def test_behind_sudo_the_configuration_is_the_callers_if_nobody_else_can_write_it(login: Host, installed: str) -> None:
    file = "~/.config/leaktop/config.toml"
    login.run(f"mkdir -p ~/.config/leaktop && printf 'interval = \"7s\"\\n' > {file} && chmod 600 {file}")
    assert "interval = 7" in login.run(f"{installed} config").splitlines()
    with login.terminal(installed) as terminal:
        terminal.wait_for("LIVE 7s", timeout=30)
        terminal.press("escape", "q")
        assert terminal.exit_status() == 0
    login.run(f"chmod o+w {file}")
    said = login.run(f"{installed} config 2>&1")
    assert "others may write it, so it is not read; chmod go-w" in said
    assert '#interval = "1s"' in said
    login.run(f"rm {file}")


@pytest.mark.parametrize("installed", ["pyz"], indirect=True)
def test_what_root_unpacked_is_for_root_alone(login: Host, installed: str) -> None:
    login.run(f"{installed} --version")
    assert login.run("sudo stat -c '%U %a' /root/.cache/leaktop").split() == ["root", "700"]
    login.run(f"HOME={login.home} sudo --preserve-env=HOME python3 leaktop.pyz --version")
    assert login.run("ls -A ~/.cache 2>/dev/null | grep leaktop || echo none").split() == ["none"]
