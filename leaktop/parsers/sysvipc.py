"""/proc/sysvipc/shm: SysV shared memory segments (ipc/shm.c; columns rss and swap since 2.6.36)."""

from __future__ import annotations

from leaktop.model.records import SharedMemory
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_NEEDED = {"key", "shmid", "size", "cpid", "nattch"}


def parse_sysvipc_shm(content: bytes) -> list[SharedMemory]:
    """Segments of kind "sysv". Used is the resident part in bytes, None on kernels that do not print it.

    The columns are found by the header; a row that is cut or torn is skipped.

    Raises:
        ParseError: the first line is not the header of this file.
    """
    header, *lines = decode(content).split("\n")
    columns = {name: place for place, name in enumerate(header.split())}
    if not columns.keys() >= _NEEDED:
        raise ParseError(f"not /proc/sysvipc/shm: {header[:60]!r}")
    segments = []
    for line in lines:
        cells = line.split()
        try:
            row = {name: int(cells[place]) for name, place in columns.items() if name != "perms"}
        except (ValueError, IndexError):
            continue
        # The key is printed as a signed number; ipcs and programs write it in hex.
        name = f"shmid {row['shmid']} (key 0x{row['key'] & 0xFFFFFFFF:08x})"
        owner = f"cpid {row['cpid']}, {row['nattch']} attached"
        segments.append(SharedMemory("sysv", name, row.get("rss"), row["size"], owner))
    return segments
