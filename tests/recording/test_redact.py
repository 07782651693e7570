"""Redaction: the same figures out of every capture, none of the names; the same stand-in for the same original."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.engine import Engine
from leaktop.model.records import Socket
from leaktop.model.sample import Event, Fault, Machine, Probe, RawSample, Tick
from leaktop.model.socket_names import PROTOCOLS
from leaktop.parsers.allocinfo import parse_allocinfo
from leaktop.parsers.hugepages import parse_hugepages
from leaktop.parsers.kmemleak import group, parse_kmemleak
from leaktop.parsers.meminfo import parse_meminfo
from leaktop.parsers.open_files import parse_open_files
from leaktop.parsers.proc_net import parse_proc_net
from leaktop.parsers.processes import parse_processes
from leaktop.parsers.slab_links import parse_slab_links
from leaktop.parsers.slabinfo import parse_slabinfo
from leaktop.parsers.sock_diag import parse_sock_diag
from leaktop.parsers.socket_owners import parse_socket_owners
from leaktop.parsers.sockstat import parse_protocols, parse_sockstat
from leaktop.parsers.sysvipc import parse_sysvipc_shm
from leaktop.parsers.tmpfs import parse_tmpfs
from leaktop.parsers.vmallocinfo import parse_vmallocinfo, sum_vmallocinfo
from leaktop.parsers.vmstat import parse_vmstat
from leaktop.parsers.zoneinfo import parse_pcp_pages
from leaktop.recording.cut import copy_span
from leaktop.recording.lines import Header
from leaktop.recording.redact import Redactor
from leaktop.sources.probes import PROBES
from tests.corpus import CORPUS, DATA, content
from tests.recording.recordings import encode, opened
from tests.trees import DF, SHM

PARSERS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "meminfo": ("meminfo", parse_meminfo),
    "vmstat": ("vmstat", parse_vmstat),
    "zoneinfo": ("zoneinfo", parse_pcp_pages),
    "hugepages_sysfs": ("hugepages", parse_hugepages),
    "slabinfo": ("slabinfo", parse_slabinfo),
    "sysfs_slab": ("slab_links", parse_slab_links),
    "vmallocinfo": ("vmallocinfo", parse_vmallocinfo),
    "allocinfo": ("allocinfo", parse_allocinfo),
    "kmemleak": ("kmemleak", parse_kmemleak),
    "net_sockstat": ("net/sockstat", parse_sockstat),
    "net_protocols": ("net/protocols", parse_protocols),
    **{f"net_{proto}": (f"net/{proto}", partial(parse_proc_net, proto)) for proto in PROTOCOLS},
}
"""By kind of capture."""


def captured() -> list[tuple[str, Path]]:
    paths = [*DATA.glob("*/*.txt"), *(CORPUS / "public").glob("*__*.txt")]
    kinds = ((path.name.partition("__")[0] if "__" in path.name else path.parent.name, path) for path in sorted(paths))
    return [(kind, path) for kind, path in kinds if kind in PARSERS]


def redacted(probe: str, text: bytes, redactor: Redactor | None = None) -> bytes:
    tick = Tick(1.0, 1e9, (RawSample(probe, text, None, 1.0, 1e9),))
    found = (redactor or Redactor()).tick(tick).samples[0].content
    assert found is not None
    return found


def figures(value: Any) -> Any:
    """A record without its words."""
    if isinstance(value, Socket):
        value = value._replace(uid=value.uid and 1)
    if isinstance(value, str):
        return bool(value)
    if isinstance(value, dict):
        return [figures(part) for part in value.values()]
    if isinstance(value, (list, tuple)):
        return [figures(part) for part in value]
    if hasattr(value, "__dataclass_fields__"):
        return [figures(getattr(value, name)) for name in value.__dataclass_fields__]
    return value


@pytest.mark.parametrize(("kind", "path"), captured(), ids=lambda part: getattr(part, "stem", part))
def test_every_capture_keeps_its_figures(kind: str, path: Path) -> None:
    probe, parse = PARSERS[kind]
    text = content(path)
    try:
        wanted = parse(text)
    except ValueError:
        pytest.skip("no parser takes this one")
    found = parse(redacted(probe, text))
    assert figures(found) == figures(wanted)
    if kind == "kmemleak":
        assert [(g.count, g.bytes) for g in group(found.objects)] == [(g.count, g.bytes) for g in group(wanted.objects)]
        assert not any(byte.strip("0. ") for thing in found.objects for byte in thing.hex_dump)
    if kind == "vmallocinfo":
        sums = [
            [(g.module, g.kind, g.areas, g.pages) for g in sum_vmallocinfo(t)] for t in (redacted(probe, text), text)
        ]
        assert sums[0] == sums[1]


def test_where_a_module_was_built_is_nobody_s_business() -> None:
    text = (
        b"allocinfo - version: 2.0\n#     <size>  <calls> <tag info>\n"
        b"        4096        1 /home/db01/src/my leak.c:7 [leak] func:leak accurate:no \n"
        b"        8192        2 drivers/net/../../../../home/me/b.c:7 [leak] func:more \n"
        b"       12288        3 mm/slub.c:9 func:alloc_slab_page \nroot:x:0\n"
    )
    found = redacted("allocinfo", text)
    assert not re.search(rb"home|db01|my|/me|root", found)
    tags = parse_allocinfo(found)
    assert [tag[1:] for tag in tags] == [tag[1:] for tag in parse_allocinfo(text)]
    assert tags[2].location == "mm/slub.c:9"
    assert len({tag.location for tag in tags}) == 3


FIGURES_ONLY = {"meminfo", "vmstat", "zoneinfo", "hugepages_sysfs", "net_sockstat", "net_protocols"}
"""Kinds that hold nothing but figures under the kernel's own names."""


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind, path in captured() if kind not in FIGURES_ONLY],
    ids=lambda part: getattr(part, "stem", part),
)
def test_no_capture_keeps_a_pointer_or_an_address(kind: str, path: Path) -> None:
    text = content(path)
    found = redacted(PARSERS[kind][0], text)
    pointers = set(re.findall(rb"(?<![\w=])(?:0x)?(ff[0-9a-f]{14}|0000[0-9a-f]{12})(?!\w)", text)) - {b"0" * 16}
    shown = set(re.findall(rb"[0-9a-f]{16}", re.sub(rb"phys=\S+", b"", found)))
    assert not pointers & shown
    if kind.startswith(("net_tcp", "net_udp", "net_raw")):
        plain = {"0.0.0.0", "::", "::1", "::ffff:0.0.0.0"}
        was, now = (
            {
                end.rpartition(":")[0].strip("[]")
                for s in parse_proc_net(kind[4:], t).sockets
                for end in (s.local, s.peer)
            }
            for t in (text, found)
        )
        assert not {address for address in was & now if address not in plain and "127." not in address}


PROCESSES = (
    "# leaktop processes 1\n=\tunreadable\t3\n"
    "1\t9\tsecretd\t4096\t1\t2\t3\t4\t5\t6\n2\t9\tkthreadd\t0\t0\t0\t0\t0\t1\t0\n"
    "3\t9\tkworker/0:1-secretwq\t0\t0\t0\t0\t0\t1\t-\n4\t-\todd\\tsecret\t-\t-\t-\t-\t-\t-\t-\n"
)
OPEN_FILES = (
    "# leaktop open_files 1\n=\tnetns\t2\n=\tunreadable\t1\nmemfd\t/memfd:secret\t4096\t9\t1\tsecretd\t3\t2\n"
    "deleted\t/dev/shm/secret\t-\t-\t1\tsecretd\t4\t1\n"
)
TMPFS = (
    "# leaktop tmpfs 1\n/dev/shm\ttmpfs\t1\t2\t0:25\n/run/user/1000\ttmpfs\t3\t4\t0:26\n"
    "/home/secret/x\ttmpfs\t5\t-\t0:27\n"
)
SOCK_DIAG = (
    "# leaktop sock_diag 1\n=\ttcp\t3\n!\traw\tENOENT\n~\tudp\tinterrupted\n"
    "tcp\t10.11.12.13:443\t192.0.2.77:5555\tESTABLISHED\t7\t8\t9\t10\t0\t77\t1000\teth0\t-\t\n"
    "tcp\t127.0.0.1:53\t0.0.0.0:0\tLISTEN\t0\t0\t0\t0\t0\t78\t0\t-\t-\t\n"
    "tcp6\t[fe80::211:22ff:fe33:4455]:80\t[::ffff:10.11.12.13]:443\tTIME_WAIT\t0\t0\t-\t-\t-\t0\t-\tsecretif\t-"
    "\tffff888012345678\nunix\t@/tmp/secret\tinode 5\tESTABLISHED\t1\t2\t3\t4\t0\t79\t1000\t-\t-\t\n"
    "packet\t0x88cc\t\tUNCONN\t1\t0\t1\t0\t2\t80\t0\teth0\t4096\t\n"
    "netlink\troute:812\t\tUNCONN\t0\t0\t0\t0\t0\t81\t-\t-\t-\t\n"
)
LISTS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "processes": (PROCESSES, parse_processes),
    "socket_owners": ("# leaktop socket_owners 1\n77\t1\t3\tsecretd\n78\t9\t4\t?\n", parse_socket_owners),
    "open_files": (OPEN_FILES, parse_open_files),
    "tmpfs": (TMPFS, parse_tmpfs),
    "sysvipc/shm": (SHM.replace("     0     0     0     0", "  1000  1001  1000     0"), parse_sysvipc_shm),
    "sock_diag": (SOCK_DIAG, parse_sock_diag),
}


@pytest.mark.parametrize("probe", LISTS)
def test_every_list_keeps_its_figures(probe: str) -> None:
    text, parse = LISTS[probe]
    found = redacted(probe, text.encode())
    assert figures(parse(found)) == figures(parse(text.encode()))
    for secret in (b"secret", b"10.11.12.13", b"192.0.2.77", b"fe80", b"1000", b"ffff8880"):
        assert secret not in found


def test_mounts_of_df() -> None:
    text = DF.replace("/dev/shm", "/srv/secret").replace("/dev/sda1 ", "nas:/secret")
    found = redacted("tmpfs", text.encode())
    assert figures(parse_tmpfs(found)) == figures(parse_tmpfs(text.encode()))
    assert b"secret" not in found
    assert next(mount.name for mount in parse_tmpfs(found)) == "/run"


def test_what_says_nothing_stays() -> None:
    names = [
        process.comm for process in parse_processes(redacted("processes", LISTS["processes"][0].encode())).processes
    ]
    assert names == ["proc-1", "kthreadd", "kworker/0:1", "proc-2"]
    sockets = parse_sock_diag(redacted("sock_diag", LISTS["sock_diag"][0].encode())).sockets
    assert [socket.local.rpartition(":")[2] for socket in sockets[:3]] == ["443", "53", "80"]
    assert (sockets[1].local, sockets[1].peer, sockets[1].uid) == ("127.0.0.1:53", "0.0.0.0:0", 0)
    assert [socket.interface for socket in sockets[:3]] == ["eth0", None, "iface-1"]
    assert sockets[2].peer == f"[::ffff:{sockets[0].local.partition(':')[0]}]:443"
    assert [mount.name for mount in parse_tmpfs(redacted("tmpfs", LISTS["tmpfs"][0].encode()))] == [
        "/dev/shm", "/run/user/path-1", "/path-2",
    ]  # fmt: skip


def test_one_original_has_one_stand_in_wherever_it_is_read() -> None:
    redactor = Redactor()
    leak = b'unreferenced object 0xffff888012345678 (size 8):\n  comm "secretd", pid 1, jiffies 1 (age 1.000s)\n'
    hexadecimal = (
        b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        b"   0: 0D0C0B0A:01BB 4D0200C0:15B3 01 00000000:00000000 00:00000000 00000000  1000        0 77 1"
        b" ffff888012345678 20\n"
    )
    path = b"Num RefCount Protocol Flags Type St Inode Path\nffff888012345678: 2 0 0 1 01 79 @/tmp/secret\n"
    lists = {probe: redacted(probe, text.encode(), redactor) for probe, (text, _) in LISTS.items()}
    comms = {
        parse_processes(lists["processes"]).processes[0].comm,
        parse_socket_owners(lists["socket_owners"])[77][0].comm,
        (parse_open_files(lists["open_files"]).files[0].owner or "").partition(" ")[0],
        parse_kmemleak(redacted("kmemleak", leak, redactor)).objects[0].comm,
    }
    assert comms == {"proc-1"}
    diag = parse_sock_diag(lists["sock_diag"]).sockets
    tcp = parse_proc_net("tcp", redacted("net/tcp", hexadecimal, redactor)).sockets[0]
    unix = parse_proc_net("unix", redacted("net/unix", path, redactor)).sockets[0]
    assert (tcp.local, tcp.peer, tcp.uid) == (diag[0].local, diag[0].peer, diag[0].uid)
    assert unix.local == diag[3].local
    addresses = re.findall(
        rb"f0000[0-9a-f]{11}", redacted("kmemleak", leak, redactor) + redacted("net/unix", path, redactor)
    )
    assert len(addresses) == 2
    assert len(set(addresses)) == 1


def test_another_original_has_another() -> None:
    lines = b"".join(b"%d\t1\tname-%d\t0\t0\t0\t0\t0\t1\t0\n" % (i, i) for i in range(300))
    processes = parse_processes(redacted("processes", b"# leaktop processes 1\n" + lines)).processes
    assert len({process.comm for process in processes}) == 300
    rows = b"".join(
        b"tcp\t10.0.%d.%d:1\t[::]:0\tX\t0\t0\t0\t0\t0\t%d\t0\t-\t-\t\n" % (i // 256, i % 256, i + 1) for i in range(999)
    )
    sockets = parse_sock_diag(redacted("sock_diag", b"# leaktop sock_diag 1\n" + rows)).sockets
    assert len({socket.local for socket in sockets}) == 999


def test_lines_that_no_kernel_prints_are_left_out() -> None:
    for probe in (*PARSERS.values(), *((name, None) for name in LISTS)):
        text = b"the secret of db01 is 10.11.12.13\n/home/secret\tx\ty\n\nsecret: 12 secrets\n"
        assert b"secret" not in redacted(probe[0], text).replace(b"redacted", b"")
        assert b"10.11" not in redacted(probe[0], text)
    log = (
        b"Nov 21 db01 kernel: Command line: root=secret\n"
        b"[  1.0] kmemleak: unreferenced object 0xffff888012345678 (size 8):\n"
    )
    assert redacted("kmemleak", log) == b"redacted-1\nkmemleak: unreferenced object 0xf000000000000001 (size 8):\n"


HEADER = Header(
    Machine("6.1-db01", "DB01.corp.example", 4096, "1b0a-boot", "x86_64", "root=LABEL=secret slub_debug=P mem=4G quiet",
            vmap_stack=True, is_live=False, reader_pid=7),
    1.0,
    (*PROBES, Probe("later", "later", 1.0, "/srv/secret/db01")),
    "0.1",
    "secret.tar.gz",
)  # fmt: skip


def test_the_header() -> None:
    found = Redactor().header(HEADER)
    machine = found.machine
    assert found.is_redacted
    assert (machine.cmdline, machine.release, machine.reader_pid) == ("slub_debug=P mem=4G", "6.1-host-2", 7)
    assert machine.hostname == "host-1"
    assert machine.boot_id != HEADER.machine.boot_id
    assert (machine.page_size, machine.architecture, machine.vmap_stack) == (4096, "x86_64", True)
    assert not any(word in repr(found) for word in ("secret", "DB01", "db01", "corp", "1b0a"))


def test_texts_for_people() -> None:
    redactor = Redactor()
    redactor.header(HEADER)
    reason = (
        "/home/alice/db01/proc: on db01 (10.11.12.13, fe80::1:2, 00:11:22:33:44:55) at 12:00:01, 0xffff888012345678"
    )
    fault = Fault("failed", reason, "ssh root@DB01.corp.example cat /proc/slabinfo")
    found = redactor.tick(Tick(1.0, 1e9, (RawSample("meminfo", None, fault, 1.0, 1e9),))).samples[0].fault
    assert found is not None
    assert "12:00:01" in found.reason
    assert (found.remedy or "").endswith("cat /proc/slabinfo")
    for secret in ("alice", "db01", "10.11", "fe80", "00:11:22", "ffff8880", "corp"):
        assert secret not in f"{found.reason} {found.remedy}".lower()
    mark = redactor.event(Event(1.0, 1e9, "mark", "alice restarts db01"))
    again = redactor.event(Event(2.0, 1e9, "mark", "alice restarts db01"))
    assert (mark.text, again.text) == ("mark 1", "mark 1")
    assert redactor.event(Event(1.0, 1e9, "gap", "", 5.0)) == Event(1.0, 1e9, "gap", "", 5.0)


def test_an_experiment_keeps_its_figures_and_hides_the_control_group() -> None:
    redactor = Redactor()
    redactor.header(HEADER)
    said = "dentry(37:alice (db01): x): 412M before dropping slab caches, 31.0M after: 92 % came back: a cache."
    assert redactor.event(Event(1.0, 1e9, "experiment", said)).text == (
        "dentry(37:cgroup-1): 412M before dropping slab caches, 31.0M after: 92 % came back: a cache."
    )
    said = "kmalloc-2k: 212M before shrinking it, 212M after: nothing came back: its slabs hold objects."
    assert redactor.event(Event(1.0, 1e9, "experiment", said)).text == said


def test_probes_of_a_later_version_are_left_out() -> None:
    sample = RawSample("later", b"secret", None, 1.0, 1e9, 0.25)
    found = Redactor().tick(Tick(1.0, 1e9, (sample,))).samples[0]
    assert found.content is None
    assert found.fault == Fault("unsupported", "later: left out by --redact")
    assert (found.mono, found.wall, found.cost) == (1.0, 1e9, 0.25)


def test_names_of_caches() -> None:
    lines = (
        b"slabinfo - version: 2.1\n"
        b"dentry(12:alice.slice) 1 2 64 1 1 : tunables 0 0 0 : slabdata 1 2 0\n"
        b"nf_conntrack_ffff88042bc32240 1 2 64 1 1 : tunables 0 0 0 : slabdata 1 2 0\n"
        b"db01-cache 1 2 64 1 1 : tunables 0 0 0 : slabdata 1 2 0\n"
    )
    links = (
        b"# leaktop slab_links 1\ndentry(12:alice.slice)\tdir\t1\nnf_conntrack_ffff88042bc32240\tdir\t0\n"
        b"db01-cache\tlink\t:0000064\n"
    )
    redactor = Redactor()
    redactor.header(HEADER)
    names = [cache.name for cache in parse_slabinfo(redacted("slabinfo", lines, redactor))]
    assert names == ["dentry(12:cgroup-1)", "nf_conntrack_f000000000000001", "host-2-cache"]
    classes = parse_slab_links(redacted("slab_links", links, redactor))
    assert {name for known in classes for name in known.names} == set(names)


@pytest.mark.parametrize("host", ["vm", "slabdata", "user", "comm", "vmalloc", "1234", "tunables.size", "localhost"])
def test_a_host_may_be_called_anything(host: str) -> None:
    redactor = Redactor()
    redactor.header(HEADER._replace(machine=Machine("6", host, 4096, None, None, None, None, is_live=False)))
    for kind in ("slabinfo", "vmallocinfo", "kmemleak"):
        probe, parse = PARSERS[kind]
        text = content(next((DATA / kind).glob("vm-7.2b*")))
        assert figures(parse(redacted(probe, text, redactor))) == figures(parse(text))


SECRETS = (
    *(b"secret", b"db01", b"corp.example", b"10.11.12.13", b"0D0C0B0A", b"192.0.2.77", b"fe80::", b"1b0a-boot"),
    *(b"ffff888012345678", b"alice", b"odd ", b"\\t1000\\t"),
)


def test_a_piece_replays_and_ranks_the_same_without_a_secret() -> None:
    kmemleak = content(DATA / "kmemleak" / "vm-6.1b-newline.txt")
    ticks = []
    for i in range(30):
        probes = {probe: text.encode() for probe, (text, _) in LISTS.items()}
        probes["processes"] = b"# leaktop processes 1\n" + b"".join(
            b"%d\t9\tsecret%d\t%d\t1\t2\t3\t4\t5\t6\n" % (pid, pid, (pid * 4096 * i) % 9999999) for pid in range(1, 30)
        )
        probes["sock_diag"] = probes["sock_diag"].replace(b"\t7\t8\t9\t10", b"\t7\t8\t%d\t10" % (9 + i))
        for name, kind in (("meminfo", "meminfo"), ("slabinfo", "slabinfo"), ("slab_links", "sysfs_slab")):
            probes[name] = content(DATA / kind / "live-6.18.txt")
        probes["vmallocinfo"] = content(DATA / "vmallocinfo" / ("vm-7.2b.txt" if i % 2 else "vm-6.12b.txt"))
        probes["kmemleak"] = b"" if i < 5 else kmemleak
        probes["later"] = b"the secret of alice"
        samples = tuple(RawSample(name, text, None, 10.0 + i, 1e9 + i, 0.001) for name, text in probes.items())
        ticks.append(Tick(10.0 + i, 1e9 + i, samples))
    whole = opened(encode([[*ticks[:20], Event(29.5, 1e9 + 19.5, "mark", "alice sees db01")], ticks[20:]], HEADER))
    assert whole is not None
    first, last = whole.first(), whole.last()
    assert first is not None
    assert last is not None
    sink = _Sink()
    copy_span(whole, first, last, sink, Redactor())
    piece = opened(bytes(sink.content))
    assert piece is not None
    assert piece.header is not None
    text = _lines(piece)
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret
    engines = Engine(HEADER.machine), Engine(piece.header.machine)
    for (_, was), (_, now) in zip(whole.walk(), piece.walk(), strict=True):
        frames = engines[0].feed(was), engines[1].feed(now)
        for name, section in frames[0].sections.items():
            other = frames[1].sections[name]
            assert [(row.size, row.number) for row in section.rows] == [(row.size, row.number) for row in other.rows]
            assert (section.fault is None) == (other.fault is None)
        ranks = [[(s.kind, s.size, s.number, s.is_cache) for s in frame.suspects] for frame in frames]
        assert ranks[0] == ranks[1]
    assert len(frames[0].suspects) > 20


class _Sink:
    def __init__(self) -> None:
        self.content = bytearray()

    def piece(self, piece: bytes) -> None:
        self.content += piece

    def chapter(self, chapter: object) -> None:
        pass


def _lines(recording: Any) -> bytes:
    """All text of a recording, as `zstdcat` would give it, and what stands beside it uncompressed."""
    from leaktop.zstd import ZstdDecompressor

    text = b""
    for stretch in recording.stretches:
        packed = b"".join(recording._source.packed(stretch, 0))
        text += ZstdDecompressor().decompress(packed) + repr(stretch.signpost).encode()
    return text


@given(probe=st.sampled_from([probe.name for probe in PROBES]), text=st.binary(max_size=200))
def test_any_bytes_are_taken(probe: str, text: bytes) -> None:
    redactor = Redactor()
    redactor.header(HEADER)
    for junk in (text, b"# leaktop %b 1\n%b" % (probe.encode(), text)):
        found = redactor.tick(Tick(1.0, 1e9, (RawSample(probe, junk, None, 1.0, 1e9),))).samples[0]
        assert found.content is not None or found.fault is not None


@given(text=st.text(max_size=80))
def test_any_words_are_taken(text: str) -> None:
    redactor = Redactor()
    machine = Machine(text, text, 4096, text, text, text, None, is_live=False)
    redactor.header(HEADER._replace(machine=machine))
    assert redactor.event(Event(1.0, 1e9, "gap", text)).text is not None
    redactor.tick(Tick(1.0, 1e9, (RawSample("x", None, Fault("failed", text, text), 1.0, 1e9),)))
