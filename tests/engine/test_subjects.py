"""Which cache or caller a name stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_everything
from leaktop.engine.subjects import NoSubjectError, find_subject, of_row
from leaktop.model.allocations import Subject
from leaktop.model.frame import Amount, Row, Trend
from leaktop.sources.filesystem import FileSystemSource

SLABINFO = """slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
ext4_io_end            0      0     72   56    1 : tunables    0    0    0 : slabdata      0      0      0
filp                 500    512    192   21    1 : tunables    0    0    0 : slabdata     25     25      0
"""  # noqa: E501  # as the kernel prints it
LINKS = """total 0
drwxr-xr-x 2 root root 0 Nov 21 07:00 :t-0000072
drwxr-xr-x 2 root root 0 Nov 21 07:00 filp
lrwxrwxrwx 1 root root 0 Nov 21 07:00 ext4_io_end -> :t-0000072
lrwxrwxrwx 1 root root 0 Nov 21 07:00 eventpoll_pwq -> :t-0000072
"""
VMALLOC = "0xffffc90000000000-0xffffc90000005000   20480 leak_area+0x1/0x2 [mine] pages=4 vmalloc N0=4\n"


@pytest.fixture
def tree(tmp_path: Path) -> str:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/slabinfo").write_text(SLABINFO)
    (tmp_path / "proc/vmallocinfo").write_text(VMALLOC)
    listing = tmp_path / "sos_commands/memory"
    listing.mkdir(parents=True)
    (listing / "ls_-l_.sys.kernel.slab").write_text(LINKS)
    return str(tmp_path)


def find(name: str, root: str) -> Subject:
    source = FileSystemSource(root, is_read_only=True)
    try:
        return find_subject(name, Engine(source.machine).feed(read_everything(source)))
    finally:
        source.close()


@pytest.mark.parametrize("name", ["ext4_io_end", "eventpoll_pwq", ":t-0000072"])
def test_a_merged_cache_has_many_names(tree: str, name: str) -> None:
    assert find(name, tree) == Subject("slab", "ext4_io_end", ("ext4_io_end", "eventpoll_pwq"), 72)


def test_a_cache_of_its_own(tree: str) -> None:
    assert find("filp", tree) == Subject("slab", "filp", ("filp",), 192)


@pytest.mark.parametrize("name", ["leak_area", "leak_area+0x1/0x2"])
def test_a_caller_of_vmalloc(tree: str, name: str) -> None:
    assert find(name, tree) == Subject("vmalloc", "leak_area", ("leak_area",))


def test_what_has_no_name_of_its_own(tree: str) -> None:
    assert find("pages", tree) == Subject("pages", "")
    assert find("percpu", tree) == Subject("percpu", "percpu")


@pytest.mark.parametrize(("amount", "kind"), [("residual", "pages"), ("large kmalloc", "pages"), ("Percpu", "percpu")])
def test_an_amount_leads_to_what_it_is_made_of(amount: str, kind: str) -> None:
    subject = of_row(row_of(amount), None)
    assert subject is not None
    assert subject.kind == kind
    assert of_row(row_of("MemFree"), None) is None


def row_of(amount: str) -> Row:
    return Row((amount,), Amount(amount, 4096), Trend(4096, 0, None, 0, None, 4096, None), None)


def test_what_is_not_there_gets_what_is_near(tree: str) -> None:
    with pytest.raises(NoSubjectError, match="'eventpol_pwq'; did you mean eventpoll_pwq"):
        find("eventpol_pwq", tree)


def test_what_cannot_be_read_is_said_rather_than_that_there_is_none(tree: str) -> None:
    (Path(tree) / "proc/slabinfo").unlink()
    with pytest.raises(NoSubjectError, match=r"slab cannot be read: .*is not in this capture"):
        find("no_such", tree)
