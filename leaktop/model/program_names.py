"""Names of programs that mean something whoever runs them."""

from __future__ import annotations

import re

_VIRTUAL_MACHINE = re.compile(
    r"qemu-(?:system-[a-z0-9_]+|kvm)|CPU [0-9]{1,4}/KVM|firecracker|cloud-hyperviso|crosvm|VBoxHeadless|VirtualBoxVM|"
    r"vmware-vmx"
)


def virtual_machine(comm: str) -> str | None:
    """What of a command name says that it is a virtual machine; None where it is none that is known."""
    found = _VIRTUAL_MACHINE.match(comm)
    return found[0] if found else None
