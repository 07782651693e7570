"""What this process is enclosed in, and what it therefore does not see: containers, namespaces, hidepid.

The kernel is one for all of them: its memory is the whole machine's. Processes, sockets and mounts are those inside.
namespaces(7), user_namespaces(7), proc(5); systemd's CONTAINER_INTERFACE for what containers say of themselves.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from leaktop.sources.files import read_small

if TYPE_CHECKING:
    from collections.abc import Iterator

_INITIAL = {"pid": "pid:[4026531836]", "user": "user:[4026531837]", "cgroup": "cgroup:[4026531835]"}
"""PROC_PID_INIT_INO and its like, include/linux/proc_ns.h, since 3.8; cgroup since 4.6."""
_WHOLE_UID_MAP = ["0", "0", "4294967295"]
_CGROUP = re.compile(r"docker|kubepods|libpod|containerd|lxc|machine\.slice")
_HIDEPID = re.compile(r"^\S+ \S+ \S+ / /proc .* - proc \S+ \S*\bhidepid=(\w+)", re.MULTILINE)
_LXCFS = re.compile(r"^\S+ \S+ \S+ \S+ /proc/meminfo .* - fuse\.lxcfs ", re.MULTILINE)


class Enclosure(NamedTuple):
    """What is known of it."""

    namespaces: tuple[str, ...] | None
    """Which of pid, user, cgroup and net are not the machine's own; None where that cannot be told."""
    hints: tuple[str, ...]
    """What says that there is a container; a virtual machine that was made of its image keeps some."""
    manager: str | None
    """docker, podman, lxc, systemd-nspawn ... where they say so."""
    hidepid: str | None
    """The value, where /proc hides the processes of others."""
    is_meminfo_made_up: bool
    """lxcfs shows the container's share in place of the machine's memory."""

    @property
    def name(self) -> str | None:
        """What it is, in words; None where there is none, or none that is known."""
        apart = set(self.namespaces or ())
        if "pid" in apart or ("cgroup" in apart and self.hints):
            return f"a container ({self.manager})" if self.manager else "a container"
        return "a user namespace" if "user" in apart else "a network namespace" if "net" in apart else None

    def caveats(self) -> tuple[tuple[str, str], ...]:
        """What sections do not show because of it, by the section's name."""
        return tuple(self._caveats())

    def _caveats(self) -> Iterator[tuple[str, str]]:
        apart, it = set(self.namespaces or ()), (self.name or "").removeprefix("a ")
        if self.is_meminfo_made_up:
            yield "memory", "lxcfs makes /proc/meminfo up: it is the container's share; run leaktop on the host"
        elif it.startswith("container"):
            yield "memory", f"the memory of the whole machine, not of the {it} that leaktop runs in"
        if "pid" in apart:
            yield "processes", f"only processes of the {it} that leaktop runs in; run it on the host for all"
        elif "user" in apart:
            yield "processes", f"what processes outside of the {it} hold open is denied; run leaktop on the host"
        if self.hidepid:
            yield "processes", f"processes of others are missing: /proc has hidepid={self.hidepid}; sudo leaktop"
        if apart & {"pid", "net"}:
            yield "sockets", f"only sockets of the network namespace of the {it} that leaktop runs in"
        if "pid" in apart:
            yield "tmpfs", f"only mounts and files of the {it} that leaktop runs in"


def find_enclosure(root: str = "/", *, is_root: bool | None = None) -> Enclosure:
    """What encloses this process.

    Args:
        root: where proc, run and the like are.
        is_root: whether root asks, from whom hidepid hides nothing; None to look.
    """
    mounts = _text(root, "proc/self/mountinfo")
    hidden = _HIDEPID.search(mounts)
    sees_all = os.geteuid() == 0 if is_root is None else is_root
    return Enclosure(
        _apart(root),
        tuple(_hints(root, mounts)),
        _manager(root),
        None if hidden is None or sees_all or hidden[1] in {"0", "off"} else hidden[1],
        _LXCFS.search(mounts) is not None,
    )


def _apart(root: str) -> tuple[str, ...] | None:
    own = {name: link for name in (*_INITIAL, "net") if (link := _link(root, f"proc/self/ns/{name}"))}
    if "pid" not in own:
        return None
    apart = [name for name, initial in _INITIAL.items() if own.get(name, initial) != initial]
    if "user" not in apart and _text(root, "proc/self/uid_map").split() not in ([], _WHOLE_UID_MAP):
        apart.append("user")
    if "pid" not in apart and "net" in own and (_link(root, "proc/1/ns/net") or own["net"]) != own["net"]:
        apart.append("net")
    return tuple(apart)


def _hints(root: str, mounts: str) -> Iterator[str]:
    for name in ("run/.containerenv", ".dockerenv", "run/systemd/container", "run/host/container-manager"):
        if os.path.lexists(os.path.join(root, name)):
            yield f"/{name}"
    if group := _CGROUP.search(_text(root, "proc/self/cgroup")):
        yield f"cgroup {group[0]}"
    if " - fuse.lxcfs " in mounts:
        yield "lxcfs, which makes /proc/meminfo up"


def _manager(root: str) -> str | None:
    """As it calls itself."""
    environment = re.search(r"(?:^|\0)container=([^\0]*)", _text(root, "proc/1/environ"))
    for said in (
        _text(root, "run/systemd/container"),
        _text(root, "run/host/container-manager"),
        environment[1] if environment else "",
    ):
        if found := re.match(r"[\w.-]{1,40}", said):
            return "podman" if found[0] == "oci" else found[0]
    for name, manager in (("run/.containerenv", "podman"), (".dockerenv", "docker")):
        if os.path.lexists(os.path.join(root, name)):
            return manager
    group = _CGROUP.search(_text(root, "proc/self/cgroup"))
    return None if group is None else group[0].replace("machine.slice", "machined")


def _text(root: str, relative: str) -> str:
    with suppress(OSError):
        return read_small(os.path.join(root, relative)).decode("utf-8", "replace")
    return ""


def _link(root: str, relative: str) -> str | None:
    with suppress(OSError):
        return os.readlink(os.path.join(root, relative))
    return None
