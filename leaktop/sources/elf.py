"""What is wanted of an ELF file (elf(5)): where functions lie, its build id, and whether it has line numbers.

Read by hand, since that is a hundred lines where a library is a dependency that parses all of DWARF in Python.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

_SYMTAB, _NOTE = 2, 7
_RELOCATABLE = 1
_FUNCTION = 2
_BUILD_ID = 3
_MOST_SECTIONS = 1 << 16
_LINES = (".debug_line", ".zdebug_line")


class ElfError(ValueError):
    """It is no ELF file, or a damaged one."""


class Function(NamedTuple):
    """A function of the symbol table."""

    address: int
    """In a linked file where it runs, in a relocatable one (a module) within its section."""
    size: int
    section: str


class _Section(NamedTuple):
    name: str
    kind: int
    offset: int
    size: int
    link: int


class ElfFile:
    """An open ELF file; use it in a `with`.

    Args:
        path: of it.

    Raises:
        OSError: it cannot be read.
        ElfError: it is none.
    """

    def __init__(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ElfError(f"{path} is no regular file")
            try:
                self._bytes = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
            except ValueError as error:
                raise ElfError(f"{path} is empty") from error
        finally:
            os.close(descriptor)
        try:
            self._sections = self._read_sections()
        except (struct.error, OverflowError) as error:
            self._bytes.close()
            raise ElfError(f"{path} ends too early") from error
        except ElfError:
            self._bytes.close()
            raise

    def __enter__(self) -> ElfFile:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._bytes.close()

    @property
    def has_lines(self) -> bool:
        """Whether it tells lines of source."""
        return any(section.name in _LINES and section.size > 0 for section in self._sections)

    @property
    def build_id(self) -> bytes | None:
        """The note that names this build; None where it has none."""
        for section in self._sections:
            if section.kind == _NOTE:
                found = build_id_of(self._content(section), self._order)
                if found is not None:
                    return found
        return None

    def functions(self, names: Collection[str]) -> dict[str, list[Function]]:
        """Every function of these names; several where static ones share a name.

        Raises:
            ElfError: the symbol table is damaged.
        """
        found: dict[str, list[Function]] = {name: [] for name in names}
        for table in self._sections:
            if table.kind == _SYMTAB and table.link < len(self._sections):
                self._find(table, self._sections[table.link], found)
        return found

    def _find(self, table: _Section, strings: _Section, found: dict[str, list[Function]]) -> None:
        text = self._content(strings)
        wanted: dict[int, str] = {}
        for name in found:
            # Names may share their ends: every place where these bytes end a string is a name for them.
            needle = name.encode("utf-8", "surrogateescape") + b"\0"
            at = text.find(needle)
            while at >= 0:
                wanted[at] = name
                at = text.find(needle, at + 1)
        content = self._content(table)
        form = struct.Struct(self._order + ("IBBHQQ" if self._is_64 else "IIIBBH"))
        for fields in form.iter_unpack(content[: len(content) - len(content) % form.size]):
            if fields[0] not in wanted:
                continue
            if self._is_64:
                _, info, _, index, value, size = fields
            else:
                _, value, size, info, _, index = fields
            if info & 15 == _FUNCTION and 0 < index < len(self._sections):
                found[wanted[fields[0]]].append(Function(value, size, self._sections[index].name))

    def _read_sections(self) -> list[_Section]:
        head = self._bytes[:64]
        if len(head) < 52 or head[:4] != b"\x7fELF" or head[4] not in {1, 2} or head[5] not in {1, 2}:
            raise ElfError("not an ELF file")
        self._is_64, self._order = head[4] == 2, "<" if head[5] == 1 else ">"
        self.is_relocatable = struct.unpack_from(self._order + "H", head, 16)[0] == _RELOCATABLE
        start = struct.unpack_from(self._order + ("Q" if self._is_64 else "I"), head, 40 if self._is_64 else 32)[0]
        size, count, names_at = struct.unpack_from(self._order + "HHH", head, 58 if self._is_64 else 46)
        form = struct.Struct(self._order + ("IIQQQQIIQQ" if self._is_64 else "IIIIIIIIII"))
        if size != form.size:
            raise ElfError("its section headers have a strange size")
        if count == 0 and start:  # more than fit: the first header tells, as gABI has it
            count = form.unpack_from(self._bytes, start)[5]
        headers = [form.unpack_from(self._bytes, start + i * size) for i in range(min(count, _MOST_SECTIONS))]
        sections = [_Section("", kind, offset, length, link) for _, kind, _, _, offset, length, link, *_ in headers]
        if names_at >= len(sections):
            raise ElfError("its sections have no names")
        names = self._content(sections[names_at])
        return [
            section._replace(name=names[head[0] : max(names.find(b"\0", head[0]), head[0])].decode("ascii", "replace"))
            for head, section in zip(headers, sections, strict=True)
        ]

    def _content(self, section: _Section) -> bytes:
        return self._bytes[section.offset : section.offset + section.size]


def build_id_of(notes: bytes, order: str = "<") -> bytes | None:
    """The build id among notes, such as /sys/kernel/notes; None where there is none.

    Args:
        notes: as they lie in a file.
        order: "<" for little endian, ">" for big.
    """
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from(order + "III", notes, at)
        name_at = at + 12
        content_at = name_at + (name_size + 3 & ~3)
        if kind == _BUILD_ID and notes[name_at : name_at + 4] == b"GNU\0":
            return notes[content_at : content_at + size] or None
        at = content_at + (size + 3 & ~3)
    return None
