from __future__ import annotations

import pytest

from leaktop.model.records import SlabClass
from leaktop.model.sample import ParseError
from leaktop.parsers.slab_links import parse_slab_links

KIND = "sysfs_slab"


def test_every_entry_of_a_listing_is_in_its_class(capture: bytes) -> None:
    classes = {found.identity: found for found in parse_slab_links(capture)}
    directories, names = set(), {}
    for words in map(str.split, capture.decode().splitlines()):
        if words[0].startswith("l"):
            names[words[-3]] = words[-1]
        elif words[0] != "total":
            directories.add(words[-1])
    names.update({name: name for name in directories if name[0] != ":"})
    assert {name: key for key, found in classes.items() for name in found.names} == names
    assert set(classes) == directories | set(names.values())
    assert list(classes) == sorted(classes)


LISTING = b"""total 0
drwxr-xr-x. 2 root root 0 Oct  2 02:54 :0000048
drwxr-xr-x    2 root     root             0 Jan  1 10:39 :aA-0000192
drwxr-xr-x 3 nobody nogroup 0 2024-02-10 09:40 my cache
lrwxrwxrwx 1 root root 0 Feb 11 19:23 skbuff -> :A-0000256
lrwxrwxrwx 1 root root 0 Feb 11 19:23 dentry -> :aA-0000192
lrwxrwxrwx 1 root root 0 2024-02-10 09:40:01.000 +0100 arrow -> cache -> ../slab/:aA-0000192
-rw-r--r-- 1 root root 0 Feb 11 19:23 stray
lrwxrwxrwx 1 root root 0 Feb 11 19:23 cut -> :A-00002"""


def test_listings_of_all_spellings() -> None:
    assert parse_slab_links(LISTING) == [
        SlabClass(":0000048", (), False),
        SlabClass(":A-0000256", ("skbuff",), False),
        SlabClass(":aA-0000192", ("arrow -> cache", "dentry"), True),
        SlabClass("my cache", ("my cache",), None),
    ]


FORM = b"""# leaktop slab_links 1
dentry\tlink\t:aA-0000192
:aA-0000192\tdir\t0
inode_cache\tdir\t1
task_struct\tdir\t0
TCP\tdir\t-
odd\\tname\tlink\t:dt-0000096
odd\\nname\tdir\t0
bad row
filp\tlink\t:A-00"""


def test_the_text_form() -> None:
    assert parse_slab_links(FORM) == [
        SlabClass(":aA-0000192", ("dentry",), True),
        SlabClass(":dt-0000096", ("odd\tname",), False),
        SlabClass("TCP", ("TCP",), None),
        SlabClass("inode_cache", ("inode_cache",), True),
        SlabClass("odd\nname", ("odd\nname",), False),
        SlabClass("task_struct", ("task_struct",), False),
    ]
    assert parse_slab_links(FORM[: FORM.index(b"\n") + 1]) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "^empty list"),
        (b"total 0\n", "no directory and no link .* 'total 0"),
        (b"# leaktop sockets 1\na\tdir\t1\n", "not a leaktop slab_links list"),
    ],
)
def test_what_is_no_listing(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse_slab_links(content)
