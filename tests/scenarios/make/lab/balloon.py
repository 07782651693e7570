"""On the host: when a file appears, make the guest's balloon bigger, in ten steps.

balloon.py SOCKET FILE FROM TO     # QEMU's QMP socket; sizes of the guest in MiB
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

_STEPS = 10
_PAUSE = 4.0


def _send(qmp: socket.socket, command: str, **arguments: int) -> None:
    qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    qmp.recv(65536)


def main() -> None:
    """Wait for the socket, then for the file, then inflate."""
    path, go, largest, smallest = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    while not os.path.exists(path):
        time.sleep(0.2)
    time.sleep(1)
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.connect(path)
        qmp.recv(65536)
        _send(qmp, "qmp_capabilities")
        while not os.path.exists(go):
            time.sleep(0.2)
        for step in range(1, _STEPS + 1):
            mib = largest - (largest - smallest) * step // _STEPS
            _send(qmp, "balloon", value=mib << 20)
            time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
