"""A host to log in to: an ordinary user with sudo on this machine, behind an sshd of our own on loopback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.terminal import REPO, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD, SSH, KEYGEN, SUDO, PYTHON = (
    "/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/bin/sudo", "/usr/bin/python3",
)  # fmt: skip
_USERADD, _USERDEL = "/usr/sbin/useradd", "/usr/sbin/userdel"
_PASSED_ON = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA")
"""Where packages come from, which a login shell of another user would not know."""
_SHIPPED = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "leaktop", "tests/packaging")

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host
PidFile none
AllowUsers {user}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
"""


def missing() -> str | None:
    """Why there can be no such host here; None where there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "takes root: it makes a user, and lets him use sudo"
    lacking = [path for path in (SSHD, SSH, KEYGEN, SUDO, PYTHON, _USERADD) if not os.path.exists(path)]
    if lacking:
        return f"{', '.join(lacking)} missing: apt-get install openssh-server sudo passwd python3-venv"
    fit = subprocess.run(
        [PYTHON, "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"],
        capture_output=True, check=False,
    )  # fmt: skip
    return f"{PYTHON} is older than 3.11, or has no venv: apt-get install python3-venv" if fit.returncode else None


class Host:
    """What a login over ssh reaches.

    Attributes:
        user: who logs in; may use sudo without a password.
        home: his directory, with the program's tree as a clone would have it, in `leaktop`.
    """

    def __init__(self, user: str, home: Path, directory: Path, port: int) -> None:
        self.user = user
        self.home = home
        self._to = (
            SSH, "-F", "none", "-p", str(port), "-i", f"{directory}/key", "-o", "IdentitiesOnly=yes",
            "-o", f"UserKnownHostsFile={directory}/known", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR",
        )  # fmt: skip

    def command(self, words: str, *options: str) -> list[str]:
        """The ssh command that runs these words in the user's shell, as one would type them."""
        return [*self._to, *options, f"{self.user}@127.0.0.1", words]

    def run(self, words: str, timeout: float = 300) -> str:
        """What they print; fails with everything that they said where they fail."""
        done = subprocess.run(
            self.command(words), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
        )
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def terminal(self, words: str, size: tuple[int, int] = (160, 48)) -> Terminal:
        """The same on a terminal: `ssh -tt`."""
        return Terminal(self.command(words, "-tt"), size)

    def with_packages(self, words: str) -> str:
        """The words, told where this machine takes packages from."""
        told = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        return " ".join([*(f"export {name}={shlex.quote(value)};" for name, value in told.items()), words])


@contextlib.contextmanager
def host() -> Iterator[Host]:
    """Make the user, his key and the sshd; take all of it away again."""
    user = f"leaktop-{os.getpid()}"
    home = Path("/home", user)
    sudoers = Path("/etc/sudoers.d", user)
    run_directory = Path("/run/sshd")
    made_run_directory = not run_directory.exists()
    with tempfile.TemporaryDirectory(prefix="leaktop-sshd-") as name, contextlib.ExitStack() as undo:
        directory = Path(name)
        # "*" and not "!": nobody can log in by password, and yet sshd does not take the account for a locked one.
        _do(_USERADD, "--create-home", "--home-dir", str(home), "--shell", "/bin/bash", "--password", "*", user)
        undo.callback(_remove_user, user, home)
        undo.callback(sudoers.unlink, missing_ok=True)
        sudoers.touch(0o440)
        sudoers.write_text(f"{user} ALL=(root) NOPASSWD:SETENV: ALL\n")
        for key in ("host", "key"):
            _do(KEYGEN, "-q", "-t", "ed25519", "-N", "", "-C", user, "-f", str(directory / key))
        entry = pwd.getpwnam(user)
        _lay_out(home, (directory / "key.pub").read_text())
        _do("/bin/chown", "-R", f"{entry.pw_uid}:{entry.pw_gid}", str(home))
        if made_run_directory:
            run_directory.mkdir(0o755)
            undo.callback(run_directory.rmdir)
        port = _free_port()
        public = (directory / "host.pub").read_text()
        (directory / "known").write_text(f"[127.0.0.1]:{port} {public}")
        (directory / "config").write_text(_CONFIG.format(port=port, directory=directory, user=user))
        daemon = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(directory / "config")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(directory / "log").open("w"),
        )  # fmt: skip
        undo.callback(_end, daemon)
        made = Host(user, home, directory, port)
        _await_answer(made, directory / "log")
        yield made


def _lay_out(home: Path, key: str) -> None:
    """His key, and the tree as in a clean clone."""
    (home / ".ssh").mkdir(0o700)
    (home / ".ssh" / "authorized_keys").write_text(key)
    for name in _SHIPPED:
        source, target = REPO / name, home / "leaktop" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _await_answer(made: Host, log: Path) -> None:
    end = time.monotonic() + 10
    while subprocess.run(made.command("true"), capture_output=True, check=False).returncode:
        assert time.monotonic() < end, f"sshd does not let {made.user} in:\n{log.read_text()}"
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    daemon.wait(10)


def _remove_user(user: str, home: Path) -> None:
    """And whatever still runs under his name."""
    number = pwd.getpwnam(user).pw_uid
    for _ in range(20):
        running = [int(name) for name in os.listdir("/proc") if name.isdecimal() and _owner(name) == number]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if not running:
            break
        time.sleep(0.1)
    _do(_USERDEL, user)
    shutil.rmtree(home)


def _owner(process: str) -> int | None:
    try:
        return os.stat(f"/proc/{process}").st_uid
    except OSError:
        return None
