from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from leaktop.model.sample import Fault, Machine, RawSample
from leaktop.sources import facilities
from leaktop.sources.facilities import FACILITIES, Answer, Host, survey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOUNTED = """\
30 27 0:6 / /sys rw - sysfs sysfs rw
31 27 0:7 / /sys/kernel/debug rw,relatime - debugfs debugfs rw
32 27 0:11 / /sys/kernel/tracing rw,relatime shared:7 - tracefs tracefs rw
33 27 0:12 / /sys/kernel/security rw,relatime - securityfs securityfs rw
"""
REMEDY = re.compile(
    r"^(sudo leaktop doctor|mount -t \w+ none /sys\S*|boot with(out)? \S+|sysctl [\w.]+=1|modprobe \w+"
    r"|leave out --read-only|run (leaktop|the container) .*|a kernel (built with CONFIG_\w+=y|from [\d.]+ on)"
    r"|dmesg \| grep kmemleak|look in dmesg .*|ls /\S+|cat /sys/kernel/security/lockdown|mknod .*)"
)


@pytest.fixture
def host(tmp_path: Path) -> Callable[..., Host]:
    """Builds a host from files; by default a live one, asked by root, with everything mounted and no config."""

    def build(
        files: dict[str, str] | None = None,
        *,
        cmdline: str | None = "quiet",
        config: str | None = None,
        uid: int = 0,
        is_live: bool = True,
        samples: dict[str, bytes | Fault] | None = None,
        enabled: Callable[[], bool | None] | None = lambda: True,
    ) -> Host:
        for name, content in {"proc/self/mountinfo": MOUNTED, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        if config is not None:
            (tmp_path / "proc/config.gz").write_bytes(gzip.compress(f"# a config\n{config}\n".encode()))
        machine = Machine("6.12.1", "box", 4096, None, "x86_64", cmdline, None, is_live)
        read = {
            name: RawSample(
                name, got if isinstance(got, bytes) else None, got if isinstance(got, Fault) else None, 0.0, 0.0
            )
            for name, got in (samples or {}).items()
        }
        return Host(str(tmp_path), machine, read, enabled, uid)

    return build


def ask(name: str, host: Host) -> Answer:
    return FACILITIES[name](host)


UNNAMED = {"kernel_addresses", "unmerged_slabs"}
"""What an unread probe leaves open; the probe's own line says how to read it."""


@pytest.mark.parametrize("uid", [0, 65534])
@pytest.mark.parametrize("config", [None, "", "CONFIG_SLUB_DEBUG=y\nCONFIG_PAGE_OWNER=y\nCONFIG_DEBUG_KMEMLEAK=y"])
def test_what_is_missing_has_a_remedy(host: Callable[..., Host], uid: int, config: str | None) -> None:
    for mounted in (MOUNTED, ""):
        for name, answer in survey(host({"proc/self/mountinfo": mounted}, config=config, uid=uid)).items():
            assert answer.detail, name
            if answer.available:
                assert answer.remedy is None, name
            elif name not in UNNAMED:
                assert answer.remedy, (name, answer)
                assert REMEDY.match(answer.remedy), (name, answer)


def test_an_empty_tree_is_survived(tmp_path: Path) -> None:
    machine = Machine(None, None, 4096, None, None, None, None, is_live=False)
    answers = survey(Host(str(tmp_path), machine))
    assert answers.keys() == FACILITIES.keys()
    assert not [name for name, answer in answers.items() if answer.available is not None]
    assert all("capture" in a.detail or "look at" in a.detail or "not read" in a.detail for a in answers.values())


def test_this_machine() -> None:
    machine = Machine("?", None, 4096, None, None, "", None, is_live=True)
    answers = survey(Host("/", machine))
    assert not [answer for answer in answers.values() if answer.remedy == "report it"]


def test_a_facility_that_breaks_is_reported(host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Host) -> Answer:
        raise ValueError("\x1b[31m")

    monkeypatch.setattr(facilities, "FACILITIES", {"broken": broken})
    assert survey(host())["broken"] == (None, "leaktop failed to find out (ValueError: \x1b[31m)", "report it")


PRESENT = [
    ("debugfs", {}),
    ("tracefs", {}),
    ("page_owner", {"sys/kernel/debug/page_owner": ""}),
    ("page_owner_stacks", {"sys/kernel/debug/page_owner_stacks/show_stacks": ""}),
    ("allocinfo", {"proc/allocinfo": "", "proc/sys/vm/mem_profiling": "1\n"}),
    ("slab_callers", {"sys/kernel/debug/slab/kmalloc-64/alloc_traces": ""}),
    ("slab_callers", {"sys/kernel/slab/dentry/store_user": "1\n", "sys/kernel/slab/dentry/alloc_calls": ""}),
    ("kmem_events", {"sys/kernel/tracing/events/kmem/kmalloc/enable": ""}),
    ("kmem_events", {"sys/kernel/debug/tracing/events/kmem/kmalloc/enable": ""}),
    ("hist_triggers", {"sys/kernel/tracing/events/kmem/kmalloc/hist": ""}),
    ("vmalloc_events", {"sys/kernel/tracing/events/vmalloc/alloc_vmap_area/enable": ""}),
    ("btf", {"sys/kernel/btf/vmlinux": ""}),
    ("memory_pressure", {"proc/pressure/memory": ""}),
    ("kernel_log", {"dev/kmsg": ""}),
    ("no_lockdown", {"sys/kernel/security/lockdown": "[none] integrity confidentiality\n"}),
    ("CAP_SYSLOG", {"proc/self/status": "Name:\tx\nCapEff:\t0000000400000000\n"}),
    ("root", {}),
]


@pytest.mark.parametrize(("name", "files"), PRESENT, ids=[f"{i}-{name}" for i, (name, _) in enumerate(PRESENT)])
def test_present(host: Callable[..., Host], name: str, files: dict[str, str]) -> None:
    answer = ask(name, host(files))
    assert answer.available is True, answer
    assert answer.remedy is None


OPTIONS = [
    ("kmemleak", "DEBUG_KMEMLEAK"),
    ("page_owner", "PAGE_OWNER"),
    ("page_owner_stacks", "PAGE_OWNER"),
    ("allocinfo", "MEM_ALLOC_PROFILING"),
    ("slab_callers", "SLUB_DEBUG"),
    ("kmem_events", "EVENT_TRACING"),
    ("hist_triggers", "HIST_TRIGGERS"),
    ("btf", "DEBUG_INFO_BTF"),
    ("memory_pressure", "PSI"),
]


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_not_built(host: Callable[..., Host], name: str, option: str, is_live: bool) -> None:
    answer = ask(name, host(config=f"# CONFIG_{option} is not set\nCONFIG_{option}_X=y", is_live=is_live))
    assert answer == (False, f"this kernel was built without CONFIG_{option}", f"a kernel built with CONFIG_{option}=y")


@pytest.mark.parametrize(
    ("name", "option", "boot"),
    [
        ("page_owner", "PAGE_OWNER", "page_owner=on"),
        ("page_owner_stacks", "PAGE_OWNER", "page_owner=on"),
        ("allocinfo", "MEM_ALLOC_PROFILING", "sysctl.vm.mem_profiling=1"),
        ("memory_pressure", "PSI", "psi=1"),
        ("kmemleak", "DEBUG_KMEMLEAK=y\nCONFIG_DEBUG_KMEMLEAK_DEFAULT_OFF", "kmemleak=on"),
    ],
)
def test_not_enabled_at_boot(host: Callable[..., Host], name: str, option: str, boot: str) -> None:
    config = f"CONFIG_{option}=y"
    assert ask(name, host(config=config)) == (False, f"booted without {boot}", f"boot with {boot}")
    given = ask(name, host(config=config, cmdline=f"quiet {boot}"))
    assert given.available is False
    assert "boot with" not in (given.remedy or "")
    captured = ask(name, host(config=config, is_live=False))
    assert captured.available is None
    assert captured.remedy == f"boot with {boot}"


def test_not_mounted(host: Callable[..., Host]) -> None:
    bare = {"proc/self/mountinfo": "1 1 0:1 / /proc rw - proc proc rw\n40 1 0:7 / /mnt/d rw - debugfs x rw\n"}
    assert ask("debugfs", host(bare)) == (
        False,
        "not mounted on /sys/kernel/debug, only on /mnt/d",
        "mount -t debugfs none /sys/kernel/debug",
    )
    assert ask("debugfs", host(bare, cmdline="debugfs=off")).remedy == "boot without debugfs=off"
    assert ask("no_lockdown", host(bare)).remedy == "mount -t securityfs none /sys/kernel/security"
    needs_both = ask("page_owner", host(bare))
    assert needs_both.detail == "booted without page_owner=on; debugfs is not mounted"
    assert (needs_both.remedy or "").split("; ") == [
        "boot with page_owner=on",
        "mount -t debugfs none /sys/kernel/debug",
        "if that does not help, a kernel built with CONFIG_PAGE_OWNER=y",
    ]
    assert ask("tracefs", host(bare)).remedy == "mount -t tracefs none /sys/kernel/tracing"
    assert ask("kmem_events", host(bare, config="CONFIG_EVENT_TRACING=y")).remedy == (
        "mount -t tracefs none /sys/kernel/tracing"
    )


def test_needs_root(host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "look", lambda _self, _path: "denied")
    for name in ("kmemleak", "page_owner", "allocinfo", "hist_triggers", "kernel_log"):
        answer = ask(name, host(uid=1000))
        assert not answer.available
        assert "needs root" in answer.detail
        assert answer.remedy == "sudo leaktop doctor"
        assert "denied even to root" in ask(name, host()).detail


def test_kmemleak(host: Callable[..., Host]) -> None:
    there = {"sys/kernel/debug/kmemleak": ""}
    assert ask("kmemleak", host(there)).available is True
    assert ask("kmemleak", host(there, enabled=lambda: False))[::2] == (False, "boot with kmemleak=on")
    assert ask("kmemleak", host(there, enabled=lambda: None)).available is None
    assert ask("kmemleak", host(there, enabled=None))[::2] == (None, "leave out --read-only")
    assert ask("kmemleak", host(there, enabled=None, is_live=False)).available is True
    assert ask("kmemleak", host(there, cmdline="kmemleak=off", enabled=None))[::2] == (False, "boot with kmemleak=on")


def test_allocinfo_switched_off(host: Callable[..., Host]) -> None:
    off = {"proc/allocinfo": "", "proc/sys/vm/mem_profiling": "0\n"}
    assert ask("allocinfo", host(off))[::2] == (False, "sysctl vm.mem_profiling=1")
    never = ask("allocinfo", host(off, cmdline="sysctl.vm.mem_profiling=never"))
    assert never[::2] == (False, "boot with sysctl.vm.mem_profiling=1")


def test_slab_callers(host: Callable[..., Host]) -> None:
    off = {"sys/kernel/slab/kmalloc-64/store_user": "0\n", "sys/kernel/slab/:0000064/store_user": "0\n"}
    assert ask("slab_callers", host(off))[::2] == (False, "boot with slub_debug=U")
    on = {"sys/kernel/slab/dentry/store_user": "1\n", "proc/self/mountinfo": "1 1 0:1 / /proc rw - proc proc rw\n"}
    assert ask("slab_callers", host(on))[::2] == (False, "mount -t debugfs none /sys/kernel/debug")


def test_slab_merging(host: Callable[..., Host]) -> None:
    assert ask("unmerged_slabs", host(samples={"slab_links": b"# leaktop slab_links 1\na\tdir\t0\n"})).available
    ours = ask("unmerged_slabs", host(samples={"slab_links": b"# x\na\tlink\t:0000064\n:0000064\tdir\t-\n"}))
    assert ours == (False, "1 names share a slab cache with others", "boot with slab_nomerge")
    listed = b"lrwxrwxrwx. 1 root root 0 Jan  1 00:00 a -> :0000064\n"
    assert ask("unmerged_slabs", host(samples={"slab_links": listed})).available is False
    fault = Fault("missing", "no SLUB", None)
    assert ask("unmerged_slabs", host(samples={"slab_links": fault})) == (None, "no SLUB", None)


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        (b"0xffffc90000000000-0xffffc90000005000   20480 f+0x1/0x2", "1", (True, None)),
        (b"0xffffc90000000000-0xffffc90000005000   20480 f+0x1/0x2", "0", (True, None)),
        (b"0x00000000cd442ff8-0x0000000012345678   20480 f", "0", (False, "sysctl kernel.kptr_restrict=1")),
        (b"0x0000000000000000-0x0000000000000000   20480 f", "2", (False, "sysctl kernel.kptr_restrict=1")),
        (b"0x0000000000000000-0x0000000000000000   20480 f", "1", (False, "sudo leaktop doctor, with CAP_SYSLOG")),
        (b"0x(____ptrval____)-0x(____ptrval____)   20480 f", "1", (None, None)),
    ],
)
def test_kernel_addresses(
    host: Callable[..., Host], line: bytes, value: str, expected: tuple[bool | None, str | None]
) -> None:
    found = host({"proc/sys/kernel/kptr_restrict": f"{value}\n"}, samples={"vmallocinfo": line})
    assert ask("kernel_addresses", found)[::2] == expected


def test_kernel_addresses_without_vmallocinfo(host: Callable[..., Host]) -> None:
    for value, available in (("0", False), ("1", False), ("2", False), ("x", None)):
        files = {"proc/sys/kernel/kptr_restrict": f"{value}\n"}
        assert ask("kernel_addresses", host(files, uid=1000)).available is available


def test_lockdown(host: Callable[..., Host]) -> None:
    state = {"sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}
    assert ask("no_lockdown", host(state)).available is False
    assert (
        "tracefs" in ask("no_lockdown", host({"sys/kernel/security/lockdown": "none integrity [confidentiality]"}))[1]
    )
    assert ask("no_lockdown", host({"sys/kernel/security/lockdown": ""}, config="")).available is True


def test_container(host: Callable[..., Host], tmp_path: Path) -> None:
    assert ask("no_container", host()).available is None
    namespace = tmp_path / "proc/self/ns/pid"
    namespace.parent.mkdir()
    namespace.symlink_to("pid:[4026531836]")
    assert ask("no_container", host({".dockerenv": "", "proc/self/uid_map": "   0   0 4294967295\n"})).available is True
    namespace.unlink()
    namespace.symlink_to("pid:[4026532000]")
    files = {"proc/self/cgroup": "0::/kubepods/x\n", "proc/self/uid_map": "0 1000 1\n"}
    mounts = {"proc/self/mountinfo": f"{MOUNTED}50 27 0:50 / /proc/meminfo rw - fuse.lxcfs lxcfs rw\n"}
    answer = ask("no_container", host({**files, **mounts}))
    assert answer.available is False
    for clue in ("pid namespace", "user namespace", "/.dockerenv", "cgroup kubepods", "lxcfs"):
        assert clue in answer.detail


def test_capability_missing(host: Callable[..., Host]) -> None:
    files = {"proc/self/status": "CapEff:\t0000000000000000\n"}
    assert ask("CAP_NET_ADMIN", host(files, uid=1000))[::2] == (False, "sudo leaktop doctor")
    assert "--cap-add NET_ADMIN" in (ask("CAP_NET_ADMIN", host(files)).remedy or "")


def test_kernel_config(host: Callable[..., Host]) -> None:
    assert ask("kernel_config", host()).available is False
    assert ask("kernel_config", host({"boot/config-6.12.1": "CONFIG_X=y\n"})).detail == "/boot/config-6.12.1"
    assert ask("kernel_config", host(config="CONFIG_X=y")).detail == "/proc/config.gz and /boot/config-6.12.1"


DIAG = b"# leaktop sock_diag 1\n!\traw\tENOENT\n=\tudp\t3\n!\tunix\tEPERM\ntcp\t1.2.3.4:5\tx\n=\ttcp\t12\n"


def test_diag_modules(host: Callable[..., Host]) -> None:
    asked = host(samples={"sock_diag": DIAG})
    assert ask("tcp_diag", asked) == (True, "listed 12 sockets", None)
    assert ask("udp_diag", asked).available is True
    assert ask("raw_diag", asked)[::2] == (False, "modprobe raw_diag")
    assert ask("unix_diag", asked).available is None
    assert ask("packet_diag", asked).available is None
    built = host(samples={"sock_diag": DIAG}, config="CONFIG_INET_TCP_DIAG=y")
    assert ask("raw_diag", built).remedy == "a kernel built with CONFIG_INET_RAW_DIAG=y"
    loadable = host(samples={"sock_diag": DIAG}, config="CONFIG_INET_RAW_DIAG=m")
    assert ask("raw_diag", loadable).remedy == "modprobe raw_diag"
    assert ask("tcp_diag", host())[:2] == (None, "not asked: asking can load a module")
    fault = Fault("denied", "no netlink", "sudo leaktop")
    assert ask("tcp_diag", host(samples={"sock_diag": fault})) == (None, "no netlink", "sudo leaktop")
    assert ask("tcp_diag", host(samples={"sock_diag": DIAG}, is_live=False)).available is None


def test_a_link_out_of_the_tree_is_not_followed(host: Callable[..., Host], tmp_path: Path) -> None:
    target = tmp_path.parent / "outside"
    target.write_text("x")
    place = tmp_path / "sys/kernel/btf/vmlinux"
    place.parent.mkdir(parents=True)
    place.symlink_to(target)
    assert ask("btf", host(is_live=False)).available is None
