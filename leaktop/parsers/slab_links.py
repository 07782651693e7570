"""/sys/kernel/slab: a directory for each real cache, a link for each name merged into it. SLUB, since 2.6.22.

sysfs_slab_add() in mm/slub.c. Where caches merge, the directory's name is an id: ":", flags, "-", the size
(":aA-0000192"), or ":" and the size alone where there are no flags. It travels in leaktop's text form: name,
"dir" or "link", then reclaim_account or the target. A captured `ls -l` is read as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.model.records import SlabClass
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode, rows, unescape

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORM = "slab_links"
_ENTRY = re.compile(
    r"^([dl])[-rwxsStT]{9}[.+@]? +[0-9]+ +\S+ +\S+ +[0-9]+ +"
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2} +[0-9:.]+(?: [-+][0-9]{4})?|\S+ +\S+ +\S+) (.+)\n",
    re.MULTILINE,
)
_RECLAIMABLE = {"1": True, "0": False}


def parse_slab_links(content: bytes) -> list[SlabClass]:
    """One class a directory, sorted by identity; a link whose directory is missing makes one too.

    Raises:
        ParseError: the content is empty, or neither leaktop's list nor a listing of `ls -l`.
    """
    if not content:
        raise ParseError("empty list of slab classes")
    whole = content[: content.rfind(b"\n") + 1]
    is_form = content.startswith(b"# ")
    names: dict[str, set[str]] = {}
    accounts: dict[str, bool | None] = {}
    for name, target, account in _form_entries(whole) if is_form else _listed_entries(whole):
        identity = target or name
        shared = names.setdefault(identity, set())
        if not name.startswith(":"):
            shared.add(name)
        if not target:
            accounts[identity] = account
    if not names and not is_form:
        raise ParseError(f"no directory and no link of /sys/kernel/slab: {decode(content[:60])!r}")
    return [
        SlabClass(identity, tuple(sorted(names[identity])), _reclaimable(identity, accounts.get(identity)))
        for identity in sorted(names)
    ]


def _reclaimable(identity: str, account: bool | None) -> bool | None:
    if not identity.startswith(":"):
        return account
    return "a" in identity.partition("-")[0]


def _form_entries(content: bytes) -> Iterator[tuple[str, str, bool | None]]:
    """Name, target ("" for a directory), reclaim_account."""
    for row in rows(content, _FORM):
        match row:
            case [name, "dir", account]:
                yield unescape(name), "", _RECLAIMABLE.get(account)
            case [name, "link", target]:
                yield unescape(name), unescape(target), None


def _listed_entries(content: bytes) -> Iterator[tuple[str, str, bool | None]]:
    """The same of `ls -l`, as coreutils and busybox print it, with any style of date."""
    for kind, name in _ENTRY.findall(decode(content)):
        if kind == "d":
            yield name, "", None
        else:
            alias, arrow, target = name.rpartition(" -> ")
            if arrow:
                yield alias, target.rpartition("/")[2], None
