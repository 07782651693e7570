"""What a facility is judged by: files below a root, boot parameters, the kernel's config, and who asks."""

from __future__ import annotations

import errno
import os
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from leaktop.sources.files import KeptFiles, path_below
from leaktop.sources.machine import kernel_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leaktop.model.sample import Machine, RawSample

_CEILING = 8 << 20
_MOUNT_POINTS = {
    "debugfs": "/sys/kernel/debug",
    "tracefs": "/sys/kernel/tracing",
    "securityfs": "/sys/kernel/security",
    "sysfs": "/sys",
}
AS_ROOT = "sudo leaktop doctor"


class Answer(NamedTuple):
    """Whether something can be used, by this kernel and this user."""

    available: bool | None
    """None: cannot tell."""
    detail: str
    """One clause."""
    remedy: str | None = None
    """The command or boot parameter that would help; None where it is there, or where nothing helps."""


@dataclass(frozen=True)
class Host:
    """One machine, live or captured, as facilities look at it. Nothing here writes."""

    root: str
    machine: Machine
    samples: Mapping[str, RawSample] = field(default_factory=dict)
    """What the probes gave, by name."""
    kmemleak_enabled: Callable[[], bool | None] | None = None
    """Tells whether the detector is on. It needs a write, so it is handed in; None: not allowed."""
    uid: int = field(default_factory=os.geteuid)

    @property
    def is_live(self) -> bool:
        """False for a captured tree: what is not in it may still have been in its kernel."""
        return self.machine.is_live

    @cached_property
    def parameters(self) -> frozenset[str] | None:
        """The words of the kernel's command line; None where it is not known."""
        return None if self.machine.cmdline is None else frozenset(self.machine.cmdline.split())

    @cached_property
    def config(self) -> str | None:
        """The kernel's build configuration, where it can be read."""
        return kernel_config(self.root, self.machine.release or "")

    def option(self, name: str) -> Literal["y", "m", "n"] | None:
        """How CONFIG_`name` is set ("n": not, or unknown to this kernel); None where no config can be read."""
        if self.config is None:
            return None
        lines = f"\n{self.config}\n"
        return "y" if f"\nCONFIG_{name}=y\n" in lines else "m" if f"\nCONFIG_{name}=m\n" in lines else "n"

    def unbuilt(self, option: str) -> Answer | None:
        """The answer where the kernel's config rules a facility out."""
        if self.option(option) != "n":
            return None
        return Answer(False, f"this kernel was built without CONFIG_{option}", f"a kernel built with CONFIG_{option}=y")

    def path(self, relative: str) -> str:
        """Where a file below the root is.

        Raises:
            FileNotFoundError: a link leads out of the captured tree.
        """
        return path_below(self.root, relative)

    def look(self, relative: str) -> Literal["present", "absent", "denied"]:
        """Whether a file or directory can be opened. Only opening tells: lockdown does not show in permissions.

        Raises:
            OSError: for a reason that tells nothing about the file, such as no descriptor left.
        """
        try:
            os.close(os.open(self.path(relative), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY))
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EPERM}:
                return "denied"
            if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ELOOP}:
                return "absent"
            raise
        return "present"

    def text(self, relative: str) -> str | None:
        """A file's content; None where it cannot be read."""
        with suppress(OSError), closing(KeptFiles(self.root)) as files:
            return files.read(relative, _CEILING).decode("utf-8", "surrogateescape")
        return None

    def names(self, relative: str) -> list[str]:
        """The names in a directory; none where it cannot be listed."""
        with suppress(OSError):
            return sorted(os.listdir(self.path(relative)))
        return []

    def mounted(self, filesystem: str) -> list[str] | None:
        """Where a type of file system is mounted; None where that cannot be told."""
        if self._mounts is None:
            return None
        # proc(5): the mount point is the fifth word; the type follows " - ", after optional words.
        halves = (line.split(" - ", 1) for line in self._mounts.splitlines() if " - " in line)
        return [point for left, right in halves if right.startswith(f"{filesystem} ") for point in left.split(" ")[4:5]]

    @cached_property
    def _mounts(self) -> str | None:
        return self.text("proc/self/mountinfo")

    def mount(self, filesystem: str) -> str | None:
        """The command that mounts a file system where leaktop looks for it; None where it is, or might be, mounted."""
        point = _MOUNT_POINTS[filesystem]
        points = self.mounted(filesystem)
        return None if points is None or point in points else f"mount -t {filesystem} none {point}"

    def lack(self, relative: str, option: str, *, boot: str | None = None, since: str | None = None) -> Answer | None:
        """Why a file cannot be opened, the surest reason first; None where it can.

        Args:
            relative: the file, below the root.
            option: what it needs in the kernel's config, without CONFIG_.
            boot: the boot parameter without which it is not there.
            since: the first kernel version that has it.
        """
        seen = self.look(relative)
        if seen == "present":
            return None
        if unbuilt := self.unbuilt(option):
            return unbuilt
        if seen == "denied":
            return self.denial(relative)
        reasons, steps = [], []
        if boot and self.parameters is not None and boot not in self.parameters:
            reasons.append(f"booted without {boot}")
            steps.append(f"boot with {boot}")
        if not self.is_live:
            reasons.insert(0, f"/{relative} is not in this capture")
            return Answer(None, "; ".join(reasons), *steps)
        filesystem = next((name for name, at in _MOUNT_POINTS.items() if f"/{relative}".startswith(f"{at}/")), None)
        if filesystem and (command := self.mount(filesystem)):
            reasons.append(f"{filesystem} is not mounted")
            steps.append(command)
        if self.option(option) is None:
            steps.append(f"{'if that does not help, ' if steps else ''}a kernel built with CONFIG_{option}=y")
        elif not steps:
            steps.append(f"a kernel from {since} on" if since else f"look in dmesg for why: CONFIG_{option} is set")
        return Answer(False, "; ".join(reasons) or f"/{relative} does not exist", "; ".join(steps))

    def denial(self, relative: str) -> Answer:
        """What it means that a file is there and may not be opened."""
        if not self.is_live:
            return Answer(None, f"no permission to read /{relative} in this capture")
        if self.uid != 0:
            return Answer(None, f"/{relative} needs root", AS_ROOT)
        return Answer(
            False,
            f"/{relative} is denied even to root, by lockdown, a container or a security module",
            "cat /sys/kernel/security/lockdown; run leaktop on the host",
        )
