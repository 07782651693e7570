"""Writes that ask the kernel for memory, against a tree that looks like /proc and /sys; nothing reaches the kernel."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from leaktop.control import reclaim
from leaktop.control.reclaim import ReclaimError, can_shrink, drop_caches, shrink_all, shrink_cache, shrink_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two caches, another name of one of them, and drop_caches."""
    slab = tmp_path / "slab"
    for name in ("dentry", ":0002048"):
        (slab / name).mkdir(parents=True)
        (slab / name / "shrink").write_text("")
    (slab / "kmalloc-2k").symlink_to(":0002048")
    (tmp_path / "drop_caches").write_text("")
    monkeypatch.setattr(reclaim, "SLAB", str(slab))
    monkeypatch.setattr(reclaim, "DROP_CACHES", str(tmp_path / "drop_caches"))
    monkeypatch.setattr(os, "sync", lambda: None)
    return tmp_path


def written(tree: Path) -> dict[str, str]:
    return {
        str(path.relative_to(tree)): text
        for path in sorted(tree.rglob("*"))
        if path.is_file() and (text := path.read_text())
    }


def test_one_cache_is_shrunk_under_any_of_its_names(kernel: Path) -> None:
    shrink_cache("dentry")
    assert written(kernel) == {"slab/dentry/shrink": "1"}
    shrink_cache("kmalloc-2k")
    assert written(kernel)["slab/:0002048/shrink"] == "1"


def test_all_are_shrunk_once_each(kernel: Path) -> None:
    (kernel / "slab/dying").mkdir()
    assert shrink_all() == 2
    assert written(kernel) == {"slab/dentry/shrink": "1", "slab/:0002048/shrink": "1"}


@pytest.mark.parametrize("name", ["", ".", "..", "../dentry", "a/b", "/etc", "dentry\0"])
def test_what_is_no_name_is_refused(kernel: Path, name: str) -> None:
    with pytest.raises(ReclaimError, match="has no directory"):
        shrink_cache(name)
    assert not can_shrink(name)
    assert written(kernel) == {}


def test_two_dots_inside_a_name_are_a_name() -> None:
    assert shrink_path("a..b").endswith("/a..b/shrink")


def test_a_link_in_place_of_the_file_is_not_followed(kernel: Path) -> None:
    (kernel / "precious").write_text("precious")
    for path in (kernel / "slab/dentry/shrink", kernel / "drop_caches"):
        path.unlink()
        path.symlink_to(kernel / "precious")
    acts: list[Callable[[], object]] = [lambda: shrink_cache("dentry"), drop_caches]
    for act in acts:
        with pytest.raises(ReclaimError, match="it is a link"):
            act()
    assert (kernel / "precious").read_text() == "precious"


@pytest.mark.parametrize(("what", "number"), [("pagecache", "1"), ("slab", "2"), ("all", "3")])
def test_caches_are_dropped_after_a_sync(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, what: reclaim.Caches, number: str
) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(os, "sync", lambda: seen.append(written(kernel)))
    drop_caches(what)
    assert seen == [{}]
    assert written(kernel) == {"drop_caches": number}


def test_without_slub_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_shrink("dentry")
    monkeypatch.setattr(reclaim, "SLAB", "/nowhere/slab")
    acts: list[Callable[[], object]] = [lambda: shrink_cache("dentry"), shrink_all]
    for act in acts:
        with pytest.raises(ReclaimError, match="not SLUB"):
            act()
    assert not can_shrink("dentry")


def test_a_cache_that_went_is_said() -> None:
    with pytest.raises(ReclaimError, match="shrink gone: the cache is gone"):
        shrink_cache("gone")


def test_a_proc_without_drop_caches_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reclaim, "DROP_CACHES", "/nowhere/drop_caches")
    with pytest.raises(ReclaimError, match="there is no /nowhere/drop_caches here"):
        drop_caches()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "needs root"),
        (errno.EPERM, "the kernel forbids it"),
        (errno.EROFS, "read-only here, as in a container"),
        (errno.EINVAL, "Invalid argument"),
    ],
)
def test_a_refusal_is_said_in_words(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    synced: list[bool] = []

    def refuse(path: str, _flags: int) -> int:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "sync", lambda: synced.append(True))
    acts: list[Callable[[], object]] = [lambda: shrink_cache("dentry"), shrink_all, drop_caches]
    for act in acts:
        with pytest.raises(ReclaimError, match=words):
            act()
    assert synced == []
