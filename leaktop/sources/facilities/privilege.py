"""Who asks, from where, and what the kernel hides from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaktop.sources.enclosure import find_enclosure
from leaktop.sources.facilities.host import AS_ROOT, Answer

if TYPE_CHECKING:
    from leaktop.sources.facilities.host import Host

_NOT_ASKED = Answer(None, "says nothing of a capture")
_OUTSIDE = "run leaktop on the host"


def root(host: Host) -> Answer:
    """Whether root asks: slabinfo, vmallocinfo, debugfs and other users' processes are for root."""
    if not host.is_live:
        return _NOT_ASKED
    return Answer(True, "uid 0") if host.uid == 0 else Answer(False, f"uid {host.uid}", AS_ROOT)


@dataclass(frozen=True, slots=True)
class Capability:
    """A capability, called with a host."""

    name: str
    bit: int
    use: str

    def __call__(self, host: Host) -> Answer:
        """Whether this process has it."""
        held = _capabilities(host)
        if held is None:
            return Answer(None, "/proc/self/status shows no CapEff", AS_ROOT) if host.is_live else _NOT_ASKED
        if held >> self.bit & 1:
            if "user" in (find_enclosure(host.root).namespaces or ()):
                # user_namespaces(7): what is not of the namespace, as the kernel's own files, asks the initial one.
                return Answer(
                    False, "held in a user namespace, where it does not count for the kernel's files", _OUTSIDE
                )
            return Answer(True, self.use)
        run_it = f"run the container with --cap-add {self.name.removeprefix('CAP_')}, or leaktop on the host"
        return Answer(False, f"missing: {self.use}", AS_ROOT if host.uid else run_it)


CAPABILITIES = (
    Capability("CAP_SYS_ADMIN", 21, "mounts debugfs and tracefs"),
    Capability("CAP_SYSLOG", 34, "shows kernel addresses and the kernel log"),
    Capability("CAP_NET_ADMIN", 12, "shows the filters and marks of sockets"),
    Capability("CAP_SYS_PTRACE", 19, "shows files, sockets and memory of other users' processes"),
)


def kernel_addresses(host: Host) -> Answer:
    """What %pK prints, told by the first line of vmallocinfo: boot parameters and versions change what 0 means."""
    value = (host.text("proc/sys/kernel/kptr_restrict") or "unknown").strip()
    sample = host.samples.get("vmallocinfo")
    found = re.match(rb"0x([0-9a-f]+)-0x([0-9a-f]+) ", sample.content) if sample and sample.content else None
    if found:
        ends = [int(end, 16) for end in found.groups()]
        # Areas begin and end on a page; a hash (4.15+, commit ad67b74d2469) hardly ever does.
        shown = "zeros" if not any(ends) else "hashed" if any(end % 4096 for end in ends) else None
        if shown is None:
            return Answer(True, f"kptr_restrict is {value}: as they are")
    elif value in {"0", "2"} or (value == "1" and host.is_live and host.uid):
        shown = {"0": "hashed since 4.15", "1": "zeros without CAP_SYSLOG", "2": "zeros"}[value]
    else:
        return Answer(None, f"kptr_restrict is {value}, and there is no vmallocinfo to look at")
    remedy = f"{AS_ROOT}, with CAP_SYSLOG" if value == "1" else "sysctl kernel.kptr_restrict=1"
    return Answer(False, f"kptr_restrict is {value}: {shown}", remedy)


def no_lockdown(host: Host) -> Answer:
    """Lockdown closes debugfs files to root."""
    state = host.text("sys/kernel/security/lockdown")
    found = re.search(r"\[(\w+)\]", state or "")
    if found is None:
        if host.option("SECURITY_LOCKDOWN_LSM") == "n":
            return Answer(True, "this kernel has no lockdown")
        if not host.is_live:
            return Answer(None, "/sys/kernel/security/lockdown is not in this capture")
        if command := host.mount("securityfs"):
            return Answer(None, "securityfs is not mounted", command)
        return Answer(True, "this kernel has no lockdown, or does not use it")
    if found[1] == "none":
        return Answer(True, "none")
    closed = "kmemleak is closed" if found[1] == "integrity" else "kmemleak, tracefs and kprobes are closed"
    return Answer(False, f"{found[1]}: {closed} even to root", "boot without lockdown=, with Secure Boot off")


def no_container(host: Host) -> Answer:
    """A container shows its own processes and sockets beside the whole machine's memory."""
    if not host.is_live:
        return _NOT_ASKED
    found = find_enclosure(host.root, is_root=host.uid == 0)
    if found.namespaces is None:
        return Answer(None, "; ".join(["/proc/self/ns/pid cannot be read", *found.hints]), _OUTSIDE)
    if found.name is None:
        spite = f", in spite of {'; '.join(found.hints)}" if found.hints else ""
        return Answer(True, f"the initial pid and user namespaces{spite}")
    apart = [f"a {name} namespace of its own" for name in found.namespaces]
    seen = "the kernel and its memory are the host's, processes and sockets those inside"
    return Answer(False, f"{found.name}: {'; '.join((seen, *apart, *found.hints))}", _OUTSIDE)


def every_process(host: Host) -> Answer:
    """Whether /proc shows the processes of others."""
    if not host.is_live:
        return _NOT_ASKED
    hidden = find_enclosure(host.root, is_root=host.uid == 0).hidepid
    if hidden is None:
        return Answer(True, "/proc hides none from us")
    return Answer(False, f"/proc is mounted with hidepid={hidden}: processes of others are missing", AS_ROOT)


def kernel_log(host: Host) -> Answer:
    """Where the kernel says what it ran out of."""
    if not host.is_live:
        held = ("dmesg", "var/log/dmesg", "sos_commands/kernel/dmesg", "sos_commands/kernel/dmesg_-T")
        name = next((name for name in held if host.look(name) == "present"), None)
        return Answer(True, f"/{name} is in this capture") if name else Answer(None, "no dmesg is in this capture")
    limit = (host.text("proc/sys/kernel/dmesg_restrict") or "unknown").strip()
    match host.look("dev/kmsg"):
        case "present":
            return Answer(True, f"/dev/kmsg can be read; kernel.dmesg_restrict is {limit}")
        case "denied":
            return host.denial("dev/kmsg")._replace(available=False)
        case "absent":
            return Answer(False, "there is no /dev/kmsg", "mknod /dev/kmsg c 1 11, or run leaktop on the host")


def _capabilities(host: Host) -> int | None:
    """The bits of CapEff; None for a capture, whose reader was somebody else."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", host.text("proc/self/status") or "", re.MULTILINE)
    return int(found[1], 16) if found and host.is_live else None
