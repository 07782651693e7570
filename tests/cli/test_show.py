"""`leaktop show` as a program: every row against the raw files, read here by other code."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from leaktop.cli.show import SHOWN
from tests.corpus import DATA
from tests.trees import FILES, plant, plant_rest, put

REPOSITORY = Path(__file__).parents[2]
SECTIONS = ["memory", "slab", "vmalloc", "sockets", "kmemleak", "processes", "tmpfs"]
KEYS = {
    "slab": {"name", "aliases", "merged_into", "active_objs", "num_objs", "objsize", "objperslab", "pagesperslab",
             "active_slabs", "num_slabs", "bytes", "reclaimable"},
    "vmalloc": {"caller", "module", "kind", "areas", "bytes", "pages"},
    "sockets": {"proto", "local", "peer", "state", "rx_queue", "tx_queue", "rmem", "wmem", "drops", "inode", "uid",
                "interface", "owners"},
    "kmemleak": {"count", "bytes", "backtrace", "comms", "ages", "objects"},
    "processes": {"pid", "comm", "rss", "anon", "file", "shmem", "swap", "threads", "fds"},
    "tmpfs": {"mount", "used", "size"},
}  # fmt: skip
COUNTERS = ("active_objs", "num_objs", "objsize", "objperslab", "pagesperslab")
MIB = 1 << 20
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="these files are root's")


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8", **more}


def show(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run it without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "leaktop", "show", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=30, env=environment(**more), check=False,
    )  # fmt: skip


def shown(*arguments: str | Path) -> dict[str, Any]:
    """The sections of the JSON document."""
    done = show(*arguments, "--json")
    assert done.stderr == b""
    document: dict[str, Any] = json.loads(done.stdout)
    assert set(document) == {"leaktop", "time", "kernel", "sections"}
    sections: dict[str, Any] = document["sections"]
    return sections


def rows(pane: str, *arguments: str | Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shown(pane, *arguments)[pane]["rows"]
    return found


def slab_lines(text: str) -> dict[str, tuple[int, ...]]:
    """The seven numbers of each cache, split by hand."""
    found = {}
    for line in text.splitlines()[2:]:
        words = line.split()
        found[words[0]] = (*map(int, words[1:6]), int(words[13]), int(words[14]))
    return found


def slab_numbers(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in (*COUNTERS, "active_slabs", "num_slabs"))


def meminfo_lines(text: str) -> dict[str, int]:
    return {
        line.partition(":")[0]: int(line.split()[1]) * (1024 if line.endswith("kB") else 1)
        for line in text.splitlines()
    }


def vmalloc_sums(text: str) -> dict[str | None, list[int]]:
    """Areas, bytes and pages by caller, split by hand."""
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in text.splitlines():
        words = line.split()
        caller = (
            words[2].partition("+")[0] if len(words) > 2 and ("+0x" in words[2] or words[2].startswith("0x")) else None
        )
        pages = [int(word[6:]) for word in words if word.startswith("pages=")]
        sums[caller][0] += 1
        sums[caller][1] += int(words[1])
        sums[caller][2] += sum(pages)
    return dict(sums)


def sums_of(found: list[dict[str, Any]]) -> dict[str | None, list[int]]:
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in found:
        for place, name in enumerate(("areas", "bytes", "pages")):
            sums[row["caller"]][place] += row[name]
    return dict(sums)


def near(value: int, before: int, after: int, slack: float) -> bool:
    return min(before, after) - slack <= value <= max(before, after) + slack


def test_allocinfo_is_there_where_the_kernel_has_it(tmp_path: Path) -> None:
    plant(tmp_path, "vm-6.12b")
    assert set(shown("all", "--root", tmp_path)) == {*SECTIONS, "allocinfo"}
    found = {row["location"]: row for row in rows("allocinfo", "--root", tmp_path)}
    assert found["mm/page_ext.c:271"] == {
        "location": "mm/page_ext.c:271", "module": None, "function": "alloc_page_ext", "bytes": 5242880, "calls": 1280,
        "is_accurate": True,
    }  # fmt: skip
    sizes = [row["bytes"] for row in rows("allocinfo", "--root", tmp_path)]
    assert sizes == sorted(sizes, reverse=True)
    (tmp_path / "proc/allocinfo").unlink()
    assert set(shown("all", "--root", tmp_path)) == set(SECTIONS)
    absent = shown("allocinfo", "--root", tmp_path)["allocinfo"]
    assert (absent["status"], absent["rows"]) == ("unavailable", [])
    assert absent["reason"] == "/proc/allocinfo is not in this capture"


# This machine.


def test_the_document() -> None:
    done = show("all", "--json")
    document = json.loads(done.stdout)
    assert list(document) == ["leaktop", "time", "kernel", "sections"]
    assert document["kernel"] == os.uname().release
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", document["time"])
    assert [name for name in document["sections"] if name != "allocinfo"] == SECTIONS
    assert ("allocinfo" in document["sections"]) == os.path.exists("/proc/allocinfo")
    for name, section in document["sections"].items():
        assert {"status", "reason", "remedy", "rows"} <= set(section)
        assert section["status"] in {"ok", "unavailable"}
        assert (section["reason"] is None) == (section["status"] == "ok")
        for row in section["rows"]:
            assert set(row) >= KEYS.get(name, {"name"})
            assert name != "memory" or set(row) in ({"name", "bytes"}, {"name", "count"})
    assert set(document["sections"]["memory"]["residual"]) >= {"bytes", "terms"}


@needs_root
def test_slab_is_what_slabinfo_says() -> None:
    before = slab_lines(Path("/proc/slabinfo").read_text())
    found = {row["name"]: row for row in rows("slab")}
    after = slab_lines(Path("/proc/slabinfo").read_text())
    assert before.keys() & after.keys() <= found.keys() <= before.keys() | after.keys()
    still = [name for name in before.keys() & after.keys() if before[name] == after[name]]
    assert sum(slab_numbers(found[name]) == before[name] for name in still) >= 0.95 * len(still) > 0
    for name in before.keys() & after.keys():
        numbers = slab_numbers(found[name])
        assert numbers[2:5] == before[name][2:5]
        assert found[name]["bytes"] == numbers[6] * numbers[4] * os.sysconf("SC_PAGE_SIZE")
        for mine, first, last in zip(numbers, before[name], after[name], strict=True):
            assert near(mine, first, last, 0.2 * max(first, last) + 2000)
        directory = Path("/sys/kernel/slab", name)
        if directory.exists():
            assert found[name]["reclaimable"] == bool(int((directory / "reclaim_account").read_text()))
            assert found[name]["merged_into"] == (directory.readlink().name if directory.is_symlink() else None)


@needs_root
def test_vmalloc_is_the_sum_of_its_lines() -> None:
    before = vmalloc_sums(Path("/proc/vmallocinfo").read_text())
    found = sums_of(rows("vmalloc"))
    after = vmalloc_sums(Path("/proc/vmallocinfo").read_text())
    still = [caller for caller in before if before[caller] == after.get(caller)]
    assert sum(found.get(caller) == before[caller] for caller in still) >= 0.95 * len(still) > 0
    assert before.keys() & after.keys() <= found.keys()
    for place in range(3):
        totals = [sum(sums[place] for sums in given.values()) for given in (found, before, after)]
        assert near(totals[0], totals[1], totals[2], 0.2 * totals[1])


def test_memory_is_every_line_of_meminfo() -> None:
    before = meminfo_lines(Path("/proc/meminfo").read_text())
    found: dict[str, int] = {row["name"]: row["bytes"] if "bytes" in row else row["count"] for row in rows("memory")}
    after = meminfo_lines(Path("/proc/meminfo").read_text())
    assert found.keys() == before.keys()
    for name in before:
        assert near(found[name], before[name], after[name], 256 * MIB)
        if name.startswith(("MemTotal", "Swap", "Vmalloc", "HugePages", "Hugepagesize", "CmaTotal", "HardwareCorr")):
            assert near(found[name], before[name], after[name], MIB)
    assert found["MemTotal"] == before["MemTotal"]


def test_the_residual_is_its_terms() -> None:
    residual = shown("memory")["memory"]["residual"]
    assert residual["bytes"] == sum(
        term["sign"] * term["bytes"] for term in residual["terms"] if term["bytes"] is not None
    )
    assert all(set(term) >= {"name", "bytes", "sign"} for term in residual["terms"])


def test_processes_are_what_their_status_says() -> None:
    def read() -> dict[int, dict[str, str]]:
        found = {}
        for path in Path("/proc").glob("[0-9]*/status"):
            try:
                lines = path.read_text().splitlines()
            except OSError:
                continue
            found[int(path.parts[2])] = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        return found

    with subprocess.Popen(["sleep", "30"]) as held:
        time.sleep(0.05)
        before = read()
        found = {row["pid"]: row for row in rows("processes")}
        after = read()
        status, descriptors = before[held.pid], len(os.listdir(f"/proc/{held.pid}/fd"))
        held.kill()
    mine = found[held.pid]
    expected = [
        int(status[f"{name}"].split()[0]) * 1024 for name in ("VmRSS", "RssAnon", "RssFile", "RssShmem", "VmSwap")
    ]
    assert [mine[name] for name in ("rss", "anon", "file", "shmem", "swap")] == expected
    assert (mine["comm"], mine["threads"], mine["fds"]) == ("sleep", 1, descriptors)
    both = before.keys() & after.keys()
    assert both <= found.keys()
    for pid in both:
        if before[pid]["Name"] == after[pid]["Name"] and before[pid].get("VmRSS") == after[pid].get("VmRSS"):
            assert found[pid]["comm"] == before[pid]["Name"]
            size = int(before[pid].get("VmRSS", "0 kB").split()[0]) * 1024
            assert near(found[pid]["rss"], size, size, 64 * MIB)


def test_tmpfs_is_what_statvfs_says() -> None:
    found = {row["mount"]: row for row in rows("tmpfs")}
    mounts = {
        line.split()[4]: line.split(" - ")[1].split()[0]
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
    }
    plain = {
        point
        for point, kind in mounts.items()
        if kind in {"tmpfs", "devtmpfs"} and "\\" not in point and os.path.isdir(point)
    }
    plain = {point for point in plain if "/pytest-" not in point}  # other tests mount and unmount
    assert plain <= found.keys()
    assert plain
    for point in plain:
        now = os.statvfs(point)
        assert found[point]["size"] == (now.f_blocks * now.f_frsize or None)
        if now.f_blocks:
            assert near(found[point]["used"], (now.f_blocks - now.f_bfree) * now.f_frsize, 0, 128 * MIB)


def test_unread_datagrams_are_found_with_their_owner() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        held.bind(("127.0.0.1", 0))
        for size in (1, 100, 1400):
            out.sendto(b"x" * size, held.getsockname())
        inode = os.fstat(held.fileno()).st_ino
        words = next(
            line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:] if line.split()[9] == str(inode)
        )
        (row,) = (row for row in rows("sockets") if row["inode"] == inode)
        (safe,) = (row for row in rows("sockets", "--read-only") if row["inode"] == inode)
        port = held.getsockname()[1]
    queued = int(words[4].split(":")[1], 16)
    assert queued > 1501
    assert (row["proto"], row["local"], row["rx_queue"], row["rmem"]) == ("udp", f"127.0.0.1:{port}", queued, queued)
    assert {"pid": os.getpid(), "fd": held_fd(row), "comm": Path("/proc/self/comm").read_text()[:-1]} in row["owners"]
    assert (safe["rx_queue"], safe["rmem"], safe["uid"], safe["drops"]) == (queued, queued, os.getuid(), 0)


def held_fd(row: dict[str, Any]) -> int:
    (fd,) = (owner["fd"] for owner in row["owners"] if owner["pid"] == os.getpid())
    return int(fd)


def test_unread_bytes_of_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        held, _ = server.accept()
        with held:
            client.sendall(b"x" * 12345)
            inodes = {os.fstat(s.fileno()).st_ino: s for s in (server, held, client)}
            found = {row["inode"]: row for row in rows("sockets") if row["inode"] in inodes}
            assert (found[os.fstat(held.fileno()).st_ino]["rx_queue"]) == 12345
            assert {row["state"] for row in found.values()} == {"LISTEN", "ESTABLISHED"}
            for inode, held_socket in inodes.items():
                assert [owner["fd"] for owner in found[inode]["owners"] if owner["pid"] == os.getpid()] == [
                    held_socket.fileno()
                ]


# Captured trees, where every row is known.


@pytest.mark.parametrize("machine", ["live-6.18", "vm-6.12b", "vm-7.2b"])
def test_slab_of_a_tree(tmp_path: Path, machine: str) -> None:
    found = rows("slab", "--root", plant(tmp_path, machine))
    expected = slab_lines((DATA / "slabinfo" / f"{machine}.txt").read_text())
    assert {row["name"]: slab_numbers(row) for row in found} == expected
    assert len(found) == len(expected)
    assert all(row["bytes"] == row["num_slabs"] * row["pagesperslab"] * 4096 for row in found)
    listing = DATA / "sysfs_slab" / f"{machine}.txt"
    targets = dict(re.findall(r" (\S+) -> (\S+)$", listing.read_text(), re.MULTILINE)) if listing.is_file() else {}
    for row in found:
        target = targets.get(row["name"])
        assert row["merged_into"] == target
        others = {name for name, other in targets.items() if other == target and target} - {row["name"]}
        assert set(row["aliases"]) == others
        assert row["reclaimable"] == (None if target is None else "a" in target.partition("-")[0])


@pytest.mark.parametrize("machine", [path.stem for path in sorted((DATA / "meminfo").iterdir())])
def test_memory_of_a_tree(tmp_path: Path, machine: str) -> None:
    found = rows("memory", "--root", plant(tmp_path, machine))
    expected = meminfo_lines((DATA / "meminfo" / f"{machine}.txt").read_text())
    assert {row["name"]: row.get("bytes", row.get("count")) for row in found} == expected
    assert {row["name"] for row in found if "count" in row} == {
        name for name in expected if name.startswith("HugePages_")
    }
    assert len(found) == len(expected)


@pytest.mark.parametrize("machine", [path.stem for path in sorted((DATA / "vmallocinfo").iterdir())])
def test_vmalloc_of_a_tree(tmp_path: Path, machine: str) -> None:
    text = (DATA / "vmallocinfo" / f"{machine}.txt").read_text()
    found = rows("vmalloc", "--root", plant(tmp_path, machine))
    assert sums_of(found) == vmalloc_sums(text)
    keys = Counter((row["caller"], row["module"], row["kind"]) for row in found)
    assert set(keys.values()) == {1}
    assert sum(row["areas"] for row in found if row["kind"] == "ioremap") == len(re.findall(r" ioremap\b", text))


@pytest.mark.parametrize("machine", ["vm-5.10b-2scan", "vm-6.1b-2scan", "vm-5.10slab-2scan", "vm-7.2b-2scan"])
def test_kmemleak_of_a_tree(tmp_path: Path, machine: str) -> None:
    text = (DATA / "kmemleak" / f"{machine}.txt").read_text()
    put(tmp_path, "sys/kernel/debug/kmemleak", text)
    found = rows("kmemleak", "--root", tmp_path)
    printed = re.findall(r"^unreferenced object (?:\(\w+\) )?(0x\w+) \(size (\d+)\)", text, re.MULTILINE)
    listed = [(thing["address"].removeprefix("0x"), thing["size"]) for row in found for thing in row["objects"]]
    assert sorted(listed) == sorted((address.removeprefix("0x"), int(size)) for address, size in printed)
    assert sum(row["bytes"] for row in found) == sum(int(size) for _, size in printed)
    for row in found:
        assert row["count"] == len(row["objects"])
        assert row["bytes"] == sum(thing["size"] for thing in row["objects"])
        for name in row["backtrace"]:
            assert name == "0x?" or name.partition(" ")[0] in text


@pytest.mark.parametrize(("machine", "table"), [("vm-6.1b", "udp"), ("vm-6.1b", "tcp"), ("vm-5.10b", "raw6")])
def test_sockets_of_a_tree(tmp_path: Path, machine: str, table: str) -> None:
    text = (DATA / "net" / f"net_{table}__{machine}.txt").read_text()
    put(tmp_path, f"proc/net/{table}", text)
    found = rows("sockets", "--root", tmp_path)
    printed = [line.split() for line in text.splitlines()[1:]]
    assert Counter((row["inode"], row["uid"], row["rx_queue"], row["tx_queue"]) for row in found) == Counter(
        (int(w[9]), int(w[7]), int(w[4].split(":")[1], 16), int(w[4].split(":")[0], 16)) for w in printed
    )
    assert Counter(int(row["local"].rpartition(":")[2]) for row in found) == Counter(
        int(w[1].split(":")[1], 16) for w in printed
    )
    assert {row["proto"] for row in found} == {table}
    if table != "tcp":
        assert Counter(row["drops"] for row in found) == Counter(int(w[12]) for w in printed)


def test_the_rest_of_a_tree(tmp_path: Path) -> None:
    sections = shown("all", "--root", plant_rest(tmp_path))
    assert [(row["pid"], row["comm"], row["rss"], row["fds"]) for row in sections["processes"]["rows"]] == [
        (4711, "a b\n)x", 300 << 10, None), (812, "postgres", 300 << 10, None),
    ]  # fmt: skip
    assert sections["tmpfs"]["rows"][0] == {"mount": "/run", "used": 128 << 10, "size": 4096 << 10}
    assert {row["mount"] for row in sections["tmpfs"]["rows"]} == {"/run", "/dev/shm"}
    assert [row["kind"] for row in sections["tmpfs"]["shared_memory"]] == ["sysv"]
    assert {name for name, section in sections.items() if section["status"] == "ok"} == {"processes", "tmpfs"}
    assert "is not in this capture" in sections["slab"]["reason"]


# What is asked for.


def test_text_is_the_same_numbers(tmp_path: Path) -> None:
    plant(tmp_path, "live-6.18")
    lines = show("slab", "--root", tmp_path, "--sort", "name").stdout.decode().splitlines()
    names = sorted(slab_lines((DATA / "slabinfo" / "live-6.18.txt").read_text()))
    assert lines[0].startswith("Slab: ")
    assert lines[0].endswith(f" in {len(names)} caches")
    assert lines[1].split()[:3] == ["cache", "size", "objs"]
    assert [line.split()[0] for line in lines[2 : 2 + len(names)]] == names
    assert not {"growth", "rate", "rose", "peak"} & set(lines[1].split())
    assert len({line.find(" 0 ") for line in lines}) > 0
    assert max(map(len, lines)) <= 164


@pytest.mark.parametrize("pane", SHOWN, ids=lambda pane: pane.name)
def test_every_column_can_be_sorted_by(tmp_path: Path, pane: Any) -> None:
    plant_rest(plant(tmp_path, "vm-7.2b", "vm-7.2b-2scan"))
    put(tmp_path, "proc/net/udp", (DATA / "net" / "net_udp__vm-6.1b.txt").read_bytes())
    column = pane.columns[len(pane.name) % len(pane.columns)].name
    both = [rows(pane.name, "--root", tmp_path, f"--sort={sign}{column}") for sign in ("", "-")]
    assert Counter(map(json.dumps, both[0])) == Counter(map(json.dumps, both[1]))


def test_sort_reverse_and_limit(tmp_path: Path) -> None:
    plant(tmp_path, "vm-6.12b")
    sizes = [row["bytes"] for row in rows("slab", "--root", tmp_path)]
    assert sizes == sorted(sizes, reverse=True)
    assert [row["bytes"] for row in rows("slab", "--root", tmp_path, "--sort=-size")] == sizes[::-1]
    names = [row["name"] for row in rows("slab", "--root", tmp_path, "--sort", "name", "--limit", "5")]
    assert names == sorted(slab_lines((DATA / "slabinfo" / "vm-6.12b.txt").read_text()))[:5]
    text = show("slab", "--root", tmp_path, "--limit", "2").stdout.decode().splitlines()
    assert len([line for line in text if line.startswith("  ") and "note:" not in line]) == 3


def test_reading_twice_shows_growth(tmp_path: Path) -> None:
    plant(tmp_path, "vm-6.12b")
    once, twice = (rows("slab", "--root", tmp_path, *more) for more in ((), ("--count", "2", "--interval", "20ms")))
    assert {"growth", "rate"} & set(once[0]) == set()
    assert {(row["growth"], row["rate"]) for row in twice} == {(0, 0.0)}
    begin = time.monotonic()
    text = show("slab", "--root", tmp_path, "--count", "3", "--interval", "0.3s").stdout.decode()
    assert time.monotonic() - begin > 0.6
    assert {"growth", "peak"} <= set(text.splitlines()[1].split())


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), (), ("slab", "--sort", "nonsense"), ("slab", "--limit", "0"), ("slab", "--limit", "x"),
     ("slab", "--interval", "0"), ("slab", "--count", "-1"), ("slab", "--root", "/nonexistent")],
)  # fmt: skip
def test_a_wrong_command_line(arguments: tuple[str, ...]) -> None:
    done = show(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_section_that_is_not_there_is_an_answer(tmp_path: Path) -> None:
    plant(tmp_path, "vm-6.12b")
    assert [show(pane, "--root", tmp_path).returncode for pane in ("slab", "kmemleak", "all")] == [0, 0, 0]


# Where the output goes.


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    lines = b"".join(b"cache-%d 1 1 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n" % i for i in range(5000))
    put(tmp_path, "proc/slabinfo", b"slabinfo - version: 2.1\n# name\n" + lines)
    for more in ([], ["--json"]):
        with subprocess.Popen(
            [sys.executable, "-m", "leaktop", "show", "slab", "--root", str(tmp_path), *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        ) as running:  # fmt: skip
            assert running.stdout is not None
            assert running.stderr is not None
            assert running.stdout.readline()
            running.stdout.close()
            assert running.stderr.read() == b""
        assert running.returncode == 141


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_disk_that_is_full(tmp_path: Path, more: list[str]) -> None:
    plant(tmp_path, "vm-6.12b")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "leaktop", "show", "slab", "--root", str(tmp_path), *more],
            stdout=full, stderr=subprocess.PIPE, env=environment(), check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"leaktop: cannot write: No space left on device\n")


def test_ctrl_c_while_it_waits(tmp_path: Path) -> None:
    plant(tmp_path, "vm-6.12b")
    with subprocess.Popen(
        [sys.executable, "-m", "leaktop", "show", "slab", "--root", str(tmp_path), "--count", "9", "--interval", "20s"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as running:  # fmt: skip
        time.sleep(0.6)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=5)
    assert (running.returncode, out, err) == (130, b"", b"")


def test_under_timeout_and_in_a_narrow_locale(tmp_path: Path) -> None:
    plant_rest(tmp_path)
    put(tmp_path, "proc/812/status", "Name:\t世界é\nVmRSS:\t5 kB\nThreads:\t1\n")
    done = subprocess.run(
        ["timeout", "20", sys.executable, "-m", "leaktop", "show", "all", "--root", str(tmp_path)],
        stdin=subprocess.DEVNULL, capture_output=True, env=environment(PYTHONIOENCODING="ascii"), check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u4e16\\u754c\\xe9" in done.stdout


# Hostile and empty trees.


def is_harmless(text: bytes) -> bool:
    return all(character == "\n" or character.isprintable() for character in text.decode())


JUNK = {
    "nothing": b"",
    "a newline": b"\n",
    "NULs": bytes(5000),
    "escapes": b"\x1b]52;c;cm0=\x07\x1b[2J\x9b\xe2\x80\xae\n" * 200,
    "text": b"lorem ipsum: 12 kB\n" * 50,
    "high bytes": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_never_ends_it_and_never_reaches_the_terminal(tmp_path: Path, junk: bytes) -> None:
    nets = [f"proc/net/{name}" for name in ("tcp", "udp6", "unix", "packet", "netlink", "sockstat", "protocols")]
    more = ["proc/sysvipc/shm", "proc/12/status", "proc/12/stat", "proc/12/comm", "sos_commands/filesys/df_-al",
            "sos_commands/kernel/ls_-lt_.sys.kernel.slab", "proc/sys/kernel/osrelease", "proc/version",
            "proc/config.gz",
            "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"]  # fmt: skip
    for relative in [*FILES.values(), *nets, *more]:
        put(tmp_path, relative, junk)
    text, document = show("all", "--root", tmp_path), show("all", "--root", tmp_path, "--json")
    for done in (text, document):
        assert (done.returncode, done.stderr) == (0, b"")
    assert is_harmless(text.stdout)
    assert set(json.loads(document.stdout)["sections"]) == {*SECTIONS, "allocinfo"}


def test_hostile_names_in_sound_files(tmp_path: Path) -> None:
    evil = "\x1b]0;x\x07\u202e"
    plant_rest(plant(tmp_path, "vm-6.12b"))
    put(tmp_path, "proc/slabinfo", f"slabinfo - version: 2.1\n{evil} 1 1 8 1 1 : tunables 0 0 0 : slabdata 1 1 0\n")
    put(tmp_path, "proc/meminfo", f"MemTotal: 900 kB\nMemFree: 1 kB\nVmallocUsed: 1 kB\n{evil}: 7 kB\n")
    put(tmp_path, "proc/vmallocinfo", f"0x1-0x2 8192 {evil}+0x1/0x2 [{evil}] pages=1 vmalloc\n")
    put(tmp_path, "proc/812/status", f"Name:\t{evil}\nVmRSS:\t5 kB\nThreads:\t1\n")
    put(tmp_path, "proc/net/unix", f"Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 0 1 01 77 /{evil}\n")
    put(tmp_path, "sys/kernel/debug/kmemleak",
        f'unreferenced object 0x1 (size 8):\n  comm "{evil}", pid 1, jiffies 1\n  backtrace:\n    {evil}+0x1/0x2\n'
        f"  {evil} unknown\n{evil}\n")  # fmt: skip
    put(
        tmp_path,
        "sos_commands/filesys/df_-al",
        f"Filesystem 1K-blocks Used Available Use% Mounted on\ntmpfs 9 1 8 9% /{evil}\n",
    )
    text = show("all", "--root", tmp_path)
    assert (text.returncode, text.stderr, is_harmless(text.stdout)) == (0, b"", True)
    assert text.stdout.count(b"\\x1b]0;x\\x07\\u202e") >= 6
    sections = shown("all", "--root", tmp_path)
    assert sections["slab"]["rows"][0]["name"] == evil
    assert evil in sections["memory"]["unclassified"]


def test_a_file_that_no_kernel_prints(tmp_path: Path) -> None:
    with put(tmp_path, "proc/slabinfo", b"slabinfo - version: 2.1\n").open("r+b") as file:
        file.truncate(40 * MIB)
    section = shown("slab", "--root", tmp_path)["slab"]
    assert (section["status"], section["rows"]) == ("unavailable", [])
    assert section["reason"] == "/proc/slabinfo is larger than 32 MiB, which no kernel prints"


def test_files_that_are_empty_as_in_a_container_say_so(tmp_path: Path) -> None:
    for relative in ("proc/slabinfo", "proc/vmallocinfo", "proc/meminfo"):
        put(tmp_path, relative, b"")
    sections = shown("all", "--root", tmp_path)
    for name, probe in (("slab", "slabinfo"), ("vmalloc", "vmallocinfo")):
        assert (sections[name]["status"], sections[name]["rows"]) == ("unavailable", [])
        assert f"empty {probe}" in sections[name]["reason"]
    assert sections["memory"]["status"] == "unavailable"


@pytest.mark.parametrize("depth", ["files", "pools", "roots"])
def test_nothing_of_this_machine_enters_a_tree(tmp_path: Path, depth: str) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    if depth == "roots":
        for name in ("proc", "sys", "etc", "boot", "sos_commands"):
            (root / name).symlink_to(f"/{name}")
    elif depth == "pools":
        (root / "proc").mkdir()
        for pid in (os.getpid(), 1):
            (root / "proc" / str(pid)).symlink_to(f"/proc/{pid}")
        fds = put(root, "proc/77/status", "Name:\tx\nFDSize:\t64\nVmRSS:\t5 kB\nThreads:\t1\n").parent / "fd"
        fds.symlink_to("/proc/self/fd")
        (root / "sys/kernel/mm/hugepages").mkdir(parents=True)
        (root / "sys/kernel/mm/hugepages/hugepages-2048kB").symlink_to("/sys/kernel/mm/hugepages/hugepages-2048kB")
        (root / "sys/kernel/slab").mkdir()
        (root / "sys/kernel/slab/dentry").symlink_to("/sys/kernel/slab/dentry")
    else:
        names = ["meminfo", "zoneinfo", "vmstat", "slabinfo", "vmallocinfo", "net/udp", "net/unix", "net/sockstat",
                 "sysvipc/shm", "sys/kernel/osrelease", "sys/kernel/hostname", "version", "cmdline",
                 "config.gz"]  # fmt: skip
        for name in names:
            (root / "proc" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "proc" / name).symlink_to(f"/proc/{name}")
        (root / "sys/kernel").mkdir(parents=True)
        (root / "sys/kernel/slab").symlink_to("/sys/kernel/slab")
        (root / "sys/kernel/mm").symlink_to("/sys/kernel/mm")
        (root / "proc/mounts").symlink_to("/proc/mounts")
    done = show("all", "--root", root, "--json")
    document = json.loads(done.stdout)
    assert document["kernel"] is None
    allowed = {"files": {}, "roots": {}, "pools": {"processes": 1, "slab": 1}}[depth]
    assert {name: len(section["rows"]) for name, section in document["sections"].items() if section["rows"]} == allowed
    assert os.uname().release.encode() not in done.stdout
    assert document["sections"]["memory"].get("hugepages") == []
    if depth == "pools":
        assert document["sections"]["processes"]["rows"][0]["fds"] is None
