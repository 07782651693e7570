"""/proc/kallsyms: the names of the kernel's functions by address; s_show() in kernel/kallsyms.c.

    ffffffff81183684 t alloc_slab_obj_exts
    ffffffffc0201000 t leakgen_open	[leakgen]

All addresses are 0 for whom kernel.kptr_restrict hides them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_SYMBOL = re.compile(rb"^([0-9a-f]{8,16}) \S (\S{1,512})(?:[\t ]+\[([^\]\n]{1,100})\])?$", re.MULTILINE)


class Symbols:
    """Functions by address.

    Args:
        table: address, name and module (b"" for the kernel itself), in any order.
    """

    def __init__(self, table: list[tuple[int, bytes, bytes]]) -> None:
        # Of several names at one address the kernel prints the one that its table has first; sorting is stable.
        self._table = sorted(table, key=lambda row: row[0])
        self._addresses = [address for address, _, _ in self._table]

    def name(self, address: int) -> str:
        """A return address as "%pB" prints it: "vfs_open+0x2a/0xe0 [module]"; "0x..." where nothing lies there."""
        # What calls a function that never returns may end with the call: the address before belongs to the caller.
        after = bisect_right(self._addresses, address - 1)
        if after == 0 or after == len(self._table):
            return f"{address:#x}"
        start = self._addresses[after - 1]
        _, name, module = self._table[bisect_left(self._addresses, start)]
        of_module = f" [{decode(module)}]" if module else ""
        return f"{decode(name)}+{address - start:#x}/{self._addresses[after] - start:#x}{of_module}"


def parse_kallsyms(content: bytes) -> Symbols:
    """The symbols.

    Raises:
        ParseError: there are none, or all addresses are hidden.
    """
    table = [
        (address, name, module)
        for text, name, module in _SYMBOL.findall(content)
        if (address := int(text, 16))
    ]  # fmt: skip
    if not table:
        raise ParseError("the addresses of /proc/kallsyms are hidden")
    return Symbols(table)
