"""The modules that list sockets over NETLINK_SOCK_DIAG, judged by what the kernel answered to the probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaktop.sources.facilities.host import Answer

if TYPE_CHECKING:
    from leaktop.sources.facilities.host import Host


@dataclass(frozen=True, slots=True)
class Diag:
    """A diag module, called with a host."""

    protocol: str
    option: str
    without: str
    """What is missed where /proc/net has to do."""

    def __call__(self, host: Host) -> Answer:
        """Whether the kernel listed the sockets of this protocol."""
        if not host.is_live:
            return Answer(None, "a capture answers no sock_diag request; its proc/net is read")
        sample = host.samples.get("sock_diag")
        if sample is None:
            return Answer(None, "not asked: asking can load a module", "leave out --read-only")
        if sample.content is None:
            fault = sample.fault
            return Answer(None, fault.reason if fault else "not asked", fault.remedy if fault else None)
        for line in sample.content.decode("utf-8", "replace").splitlines():
            mark, _, rest = line.partition("\t")
            protocol, _, said = rest.partition("\t")
            if protocol != self.protocol:
                continue
            if mark == "=":
                return Answer(True, f"listed {said} sockets")
            if mark == "!" and said == "ENOENT":
                return self._absent(host)
            if mark == "!":
                return Answer(None, f"the kernel answered {said}; {self.without}", f"modprobe {self.protocol}_diag")
        return Answer(None, "the kernel did not answer", f"modprobe {self.protocol}_diag")

    def _absent(self, host: Host) -> Answer:
        if unbuilt := host.unbuilt(self.option):
            return unbuilt._replace(detail=f"{unbuilt.detail}; {self.without}")
        return Answer(False, f"no {self.protocol}_diag module; {self.without}", f"modprobe {self.protocol}_diag")


DIAGS = (
    Diag("tcp", "INET_TCP_DIAG", "/proc/net/tcp shows no memory, only bytes queued"),
    Diag("udp", "INET_UDP_DIAG", "/proc/net/udp is read instead"),
    Diag("raw", "INET_RAW_DIAG", "/proc/net/raw is read instead"),
    Diag("unix", "UNIX_DIAG", "/proc/net/unix shows no queues"),
    Diag("packet", "PACKET_DIAG", "/proc/net/packet shows no mmap rings"),
    Diag("netlink", "NETLINK_DIAG", "/proc/net/netlink is read instead"),
)
