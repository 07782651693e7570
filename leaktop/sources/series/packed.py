"""Archives of captured trees, unpacked privately: nothing but what leaktop reads, and no link that leads anywhere.

Whoever runs leaktop is root as a rule, and the archive comes from somebody else. So no name of a member is taken as it
is: it must match what a capture holds, directories are made here and never entered through a link, and of links only
those are made whose target is a bare name or a place in the same proc. Links of PID/fd are left out: their targets are
paths, most of them absolute.
"""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zlib
from typing import IO, TYPE_CHECKING, Any, cast

from leaktop.sources.series.loose import LOOSE_NAME
from leaktop.sources.series.session import SeriesError
from leaktop.zstd import ZstdError, ZstdFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_BYTES = 2 << 30
"""Bytes that are unpacked at most: they lie on the disk, or in memory where /tmp is a tmpfs."""
_MOST_READ = 64 << 30
"""Bytes of an archive that are passed over in search of what is wanted."""
_MOST_MEMBERS = 1_000_000
_LONGEST_HEADER = 1 << 20
"""Bytes of a member's extended header, which tarfile reads at once."""
_EXTENDED = {
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}
_BLOCK = 512
_CHUNK = 1 << 20
_DAMAGE = (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, RecursionError, KeyError, IndexError,
           zlib.error, lzma.LZMAError, ZstdError)  # fmt: skip
"""What the decompressors and tarfile raise for bytes that they do not understand."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO}

_WANTED = re.compile(
    r"(?:[^/]+/){0,3}(?:"
    r"proc/(?:meminfo|zoneinfo|vmstat|slabinfo|vmallocinfo|allocinfo|version|cmdline|config\.gz|stat|uptime|sysvipc/shm"
    r"|sys/kernel/(?:osrelease|hostname|random/boot_id)|(?:[0-9]{1,10}/)?net/[a-z0-9_]{1,20}"
    r"|[0-9]{1,10}/(?:status|stat|statm|comm|mountinfo))"
    r"|sys/kernel/(?:slab/[^/]+(?:/[a-z_]{1,40})?|mm/hugepages/[^/]+/[a-z_]{1,40}|debug/kmemleak)"
    r"|sos_commands/(?:[^/]+/ls[^/]*sys\.kernel\.slab[^/]*|kernel/uname_-a|filesys/df[^/]*|date/date[^/]*)"
    r"|date|time|uptime|hostname|uname|etc/hostname|boot/config-[\w.+~-]{1,100}"
    rf")|(?:[^/]+/){{0,3}}(?i:{LOOSE_NAME})"
)
_DIRECTORIES = re.compile(r"(?:[^/]+/){0,3}(?:proc/(?:[0-9]{1,10}|net)|sys/kernel/(?:slab(?:/[^/]+)?|mm/hugepages))")
"""Directories that mean something when they are empty."""
_LINKS = re.compile(r"(?:[^/]+/){0,3}(?:sys/kernel/slab/[^/]+|proc/(?:net|self|thread-self))")
_TARGETS = re.compile(r"(?!\.\.?\Z)[^/\0]{1,255}|self/net|[0-9]{1,10}/(?:net|task/[0-9]{1,10})")


@contextlib.contextmanager
def open_unpacked(path: str) -> Iterator[IO[bytes]]:
    """A file as what it was before gzip, bzip2, xz or zstd; told by its first bytes.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "neither a plain file nor a directory", path)
    with os.fdopen(descriptor, "rb") as file:
        magic = file.peek(6)
        for start, opener in _OPENERS.items():
            if magic.startswith(start):
                with opener(file) as unpacked:
                    yield cast("IO[bytes]", unpacked)
                return
        yield file


_OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": ZstdFile,
}


def first_block(path: str) -> bytes:
    """The first 512 bytes of a file, of what was compressed if it was; none where that is damaged.

    Raises:
        OSError: it cannot be opened.
    """
    with open_unpacked(path) as file:
        start = b""
        with contextlib.suppress(*_DAMAGE):
            while len(start) < _BLOCK and (piece := file.read(_BLOCK - len(start))):
                start += piece
        return start


def is_archive(path: str) -> bool:
    """Whether a file is a tar, compressed or not.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        tarfile.TarInfo.frombuf(first_block(path), "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def is_compressed(path: str) -> bool:
    """Whether a file is gzip, bzip2, xz or zstd.

    Raises:
        OSError: it cannot be opened.
    """
    with open_unpacked(path) as file:
        return not isinstance(file, io.BufferedReader)


def unpack_file(path: str, target: str) -> str | None:
    """Write the content of a compressed file to a new one.

    Returns:
        what is missing, for people; None where nothing is.

    Raises:
        SeriesError: there is no room for it.
        OSError: it cannot be opened.
    """
    with open_unpacked(path) as file:
        return _copy(file, target, MOST_BYTES)[1]


def unpack(path: str, target: str) -> str | None:
    """Write those members of a tar that leaktop reads into an empty directory.

    Returns:
        what is missing, for people; None where nothing is.

    Raises:
        SeriesError: there is no room for it.
        OSError: it cannot be opened.
    """
    ended = False

    class Member(tarfile.TarInfo):
        """A member whose extended header must be of a sane size."""

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Member:
            nonlocal ended
            ended = ended or (len(buf) == _BLOCK and not any(buf))
            member = super().frombuf(buf, encoding, errors)
            if member.type in _EXTENDED and member.size > _LONGEST_HEADER:
                raise tarfile.ReadError("an extended header of more than 1 MiB")
            return member

    with open_unpacked(path) as file:
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", _Ending(file)), mode="r|", tarinfo=Member) as tar:
                lost = _unpack_members(tar, target)
        except _DAMAGE as error:
            return f"it is damaged, what follows is lost ({error})"
    return lost or (None if ended else "it is cut, what followed is lost")


class _Ending:
    """A stream whose end is an end.

    To pass over a member tarfile reads on for as long as its size says, and that may say exbibytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._has_ended = False

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end, once.

        Raises:
            EOFError: it has ended already.
        """
        piece = self._file.read(size)
        if not piece and self._has_ended:
            raise EOFError("it ends in the middle of a member")
        self._has_ended = not piece
        return piece


def _unpack_members(tar: tarfile.TarFile, target: str) -> str | None:
    made: set[str] = set()
    left, members = MOST_BYTES, 0
    while (member := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # else all that were passed over stay in memory
        if member.offset > _MOST_READ:
            return "it is larger than any capture; the rest was left out"
        parts = [part for part in member.name.split("/") if part != "."]
        name = "/".join(parts)
        if ".." in parts or "\0" in name or not _is_wanted(member, name):
            continue
        members += 1
        if members > _MOST_MEMBERS or member.size > left:
            return "it holds more than 1,000,000 files or 2 GiB of captures; the rest was left out"
        directory = _make_directory(target, parts if member.isdir() else parts[:-1], made)
        if directory is None or member.isdir():
            continue
        place = os.path.join(directory, parts[-1])
        if member.issym():
            with contextlib.suppress(OSError):  # there is something of that name already
                os.symlink(member.linkname, place)
            continue
        content = tar.extractfile(member)
        if content is None:
            continue
        size, lost = _copy(content, place, min(left, member.size))
        left -= size
        if lost:
            return lost
        with contextlib.suppress(OSError, OverflowError, ValueError):
            os.utime(place, (member.mtime, member.mtime))
    return None


def _is_wanted(member: tarfile.TarInfo, name: str) -> bool:
    if member.isdir():
        return _DIRECTORIES.fullmatch(name) is not None
    if member.issym():
        return _LINKS.fullmatch(name) is not None and _TARGETS.fullmatch(member.linkname) is not None
    # No hard links, devices or FIFOs; nor sparse files, whose holes take no room in the archive.
    return member.isreg() and not member.issparse() and _WANTED.fullmatch(name) is not None


def _make_directory(target: str, parts: list[str], made: set[str]) -> str | None:
    """The directory of that name below the target, made if need be; None where something else is in the way."""
    path = target
    for part in parts:
        path = os.path.join(path, part)
        if path in made:
            continue
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            return None
        except OSError as error:
            _must_have_room(error)
            return None
        made.add(path)
    return path


def _copy(content: IO[bytes], place: str, most: int) -> tuple[int, str | None]:
    """Write what there is, at most so many bytes; what was cut off is removed again, since half a file is no capture.

    Returns:
        how many bytes were written, and what is missing.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(place, flags, 0o600)
    except OSError as error:
        _must_have_room(error)
        return 0, None  # a name that is too long, or a link in its place
    size = 0
    with os.fdopen(descriptor, "wb") as file:
        while True:
            try:
                piece = content.read(_CHUNK)
            except _DAMAGE as error:
                os.unlink(place)
                return 0, f"it is cut or damaged, what follows is lost ({error})"
            if not piece:
                return size, None
            size += len(piece)
            if size > most:
                os.unlink(place)
                return 0, "it holds more than 2 GiB; the rest was left out"
            try:
                file.write(piece)
                file.flush()
            except OSError as error:
                _must_have_room(error)
                raise


def _must_have_room(error: OSError) -> None:
    """A full disk ends it all; any other error costs one member.

    Raises:
        SeriesError: the disk is full.
    """
    if error.errno in _NO_ROOM:
        raise SeriesError(f"cannot unpack: {error.strerror}; TMPDIR names another place") from error
