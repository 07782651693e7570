"""`leaktop trace` end to end, on this machine's own kernel where that can be traced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from leaktop import cli
from leaktop.cli import trace
from leaktop.control import mounting
from leaktop.control.tracing import TraceInstance, TracingError
from leaktop.engine.allocations import FACILITIES, Watch, tracefs
from leaktop.engine.tracing import watching
from leaktop.model.allocations import Allocations, Site, Subject
from leaktop.model.sample import ParseError
from tests.tracefs import FILP, HOLD, ours, traceable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.parsers.kallsyms import Symbols

__all__ = ["traceable"]

ROOT = Path(__file__).parents[2]
LEAKTOP = [sys.executable, "-m", "leaktop"]


@pytest.fixture
def keeper() -> Iterator[subprocess.Popen[str]]:
    """A process that opens files and keeps them."""
    process = subprocess.Popen([sys.executable, "-S", "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def leaktop(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LEAKTOP, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def sites_of(answer: dict[str, Any], pid: int) -> list[dict[str, Any]]:
    return [site for site in answer["sites"] if any(comm.endswith(f" ({pid})") for comm in site["comms"])]


@pytest.mark.usefixtures("traceable")
def test_who_opens_files_and_keeps_them_is_named(keeper: subprocess.Popen[str]) -> None:
    done = leaktop("trace", "filp", "--for", "2s", "--json", "--facility", "tracefs")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["facility"] == "tracefs"
    assert answer["subject"]["name"] == "filp"
    assert answer["seconds"] > 0.5
    mine = sites_of(answer, keeper.pid)
    opens = [site for site in mine if any("sys_open" in frame for frame in site["stack"])]
    assert opens, answer
    best = max(opens, key=lambda site: site["bytes"])
    assert best["count"] >= 20
    assert best["bytes"] == best["growth"] == best["count"] * answer["subject"]["object_size"]
    assert 0 <= best["youngest"] < best["oldest"] <= answer["seconds"] + 1
    assert "alloc" not in best["stack"][0].partition("_")[0] or "file" in best["stack"][0]
    assert "records allocations" in done.stderr  # what it costs is said before
    assert ours() == []


@pytest.mark.usefixtures("traceable")
def test_what_was_closed_in_time_is_not_held() -> None:
    churn = subprocess.Popen(
        [sys.executable, "-S", "-c", "import os\nwhile True: os.close(os.open('/proc/self/status', os.O_RDONLY))"]
    )
    try:
        done = leaktop("trace", "filp", "--for", "3s", "--json", "--facility", "tracefs")
    finally:
        churn.kill()
        churn.wait()
    answer = json.loads(done.stdout)
    assert answer["sampled"] > 1  # there is far too much for all to be looked at
    assert sum(site["count"] for site in sites_of(answer, churn.pid)) <= 4 * answer["sampled"]
    assert ours() == []


@pytest.mark.usefixtures("traceable")
def test_ctrl_c_ends_it_early_with_what_was_seen(keeper: subprocess.Popen[str]) -> None:
    process = _started("trace", "filp", "--for", "300s", "--json", "--facility", "tracefs")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 0
    answer = json.loads(output)
    assert 1 < answer["seconds"] < 60
    assert sites_of(answer, keeper.pid)
    assert ours() == []


@pytest.mark.usefixtures("traceable")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_end_leaves_nothing_behind(number: signal.Signals) -> None:
    process = _started("trace", "filp", "--for", "300s", "--facility", "tracefs")
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 128 + number
    assert ours() == []


@pytest.mark.usefixtures("traceable")
def test_kill_9_leaves_nothing_behind() -> None:
    was_mounted = mounting.is_mounted("tracefs")
    process = _started("trace", "filp", "--for", "300s", "--facility", "tracefs")
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while (ours() or mounting.is_mounted("tracefs") != was_mounted) and time.monotonic() < end:
        time.sleep(0.05)
    assert ours() == []


@pytest.mark.usefixtures("traceable")
def test_a_busy_cache_is_sampled_and_its_keeper_found(
    keeper: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BUDGET", 40)
    monkeypatch.setattr(watching, "_CREDIT", 0.1)
    found = tracefs.find(Watch(FILP, 3.0))
    assert found.sampled > 4
    assert any("was looked at, and what is shown is multiplied" in note for note in found.notes)
    assert all(site.count is not None and site.count > 0 for site in found.sites)


@pytest.mark.usefixtures("traceable")
def test_one_of_four_finds_a_part_and_tells_all(keeper: subprocess.Popen[str]) -> None:
    done = leaktop("trace", "filp", "--for", "3s", "--sample", "4", "--json", "--facility", "tracefs")
    answer = json.loads(done.stdout)
    assert answer["sampled"] % 4 == 0  # fewer still are looked at where the machine is busy
    (best, *_) = sites_of(answer, keeper.pid)
    assert best["count"] % answer["sampled"] == 0
    assert best["count"] >= 40


@pytest.mark.usefixtures("traceable")
@pytest.mark.parametrize(
    ("refused", "frames"),
    [(["options/stacktrace"], 4), (["options/stacktrace", "events/kmem/kmem_cache_alloc/trigger"], 1)],
)
def test_kernels_that_lack_a_way_to_record_stacks_have_another(
    keeper: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, refused: list[str], frames: int
) -> None:
    write = TraceInstance.write

    def some(instance: TraceInstance, name: str, text: str, *, adds: bool = False) -> None:
        if name in refused:
            raise TracingError(f"{text!r} to {name}: this kernel does not have it")
        write(instance, name, text, adds=adds)

    monkeypatch.setattr(TraceInstance, "write", some)
    found = tracefs.find(Watch(FILP, 2.0))
    (best, *_) = (site for site in found.sites if any(comm.endswith(f" ({keeper.pid})") for comm in site.comms))
    assert best.count is not None
    assert best.count >= 20
    assert (len(best.stack) > frames) == (frames > 1)
    assert any("only the calling function is known" in note for note in found.notes) == (frames == 1)


@pytest.mark.usefixtures("traceable")
def test_where_functions_are_hidden_addresses_are_shown(
    keeper: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(_content: bytes) -> Symbols:
        raise ParseError("the addresses of /proc/kallsyms are hidden")

    monkeypatch.setattr(watching, "parse_kallsyms", hidden)
    found = tracefs.find(Watch(FILP, 1.0))
    assert any("sysctl kernel.kptr_restrict=1" in note for note in found.notes)
    assert found.sites
    assert all(frame.startswith("0xffff") for site in found.sites for frame in site.stack)


@pytest.mark.usefixtures("traceable")
def test_pages_are_traced_too() -> None:
    done = leaktop("trace", "pages", "--for", "1s", "--facility", "tracefs", "--limit", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("whole pages: ")
    assert "movable pages (of processes, and of the page cache) are left out" in done.stdout


def _started(*arguments: str) -> subprocess.Popen[str]:
    """leaktop with its instances there."""
    process = subprocess.Popen(
        [*LEAKTOP, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    end = time.monotonic() + 20
    while len(ours()) < 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    assert len(ours()) == 2
    return process


def test_without_a_subject_it_says_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trace"]) == 2
    assert "name a cache" in capsys.readouterr().err


def test_a_name_that_nothing_has_gets_others_that_are_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trace", "no such\x1b[2J"]) == 2
    error = capsys.readouterr().err
    assert "no cache and no vmalloc caller is named" in error
    assert "\x1b" not in error


def test_nothing_is_written_where_that_is_forbidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for facility in FACILITIES:
        assert facility.name != "tracefs" or facility.writes
    monkeypatch.setattr(tracefs, "TraceInstance", None)
    assert cli.main(["trace", "pages", "--read-only", "--facility", "tracefs"]) == 2
    assert "it writes to the kernel, and that is not allowed" in capsys.readouterr().err


def test_the_list_says_of_each_why_it_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main(["trace", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {facility.name for facility in FACILITIES}
    assert [line.split(None, 5)[1:] for line in lines if line.startswith("tracefs")] == [
        ["slab,", "vmalloc,", "pages,", "percpu", "needs root: sudo leaktop"]
    ]


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (lambda patch: patch.setattr(os, "geteuid", lambda: 1000), "needs root"),
        (lambda patch: patch.setattr(tracefs, "read_small", lambda _: b"none [confidentiality]\n"), "lockdown"),
        (lambda patch: (patch.setattr(tracefs, "find_place", lambda: None),
                        patch.setattr(tracefs, "read_small", lambda _: b"nodev\tproc\n")), "has no tracefs"),
    ],
)  # fmt: skip
def test_why_events_cannot_tell(monkeypatch: pytest.MonkeyPatch, arrange: Any, reason: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    arrange(monkeypatch)
    assert reason in (tracefs.missing(FILP, "/") or "")
    assert "captured tree" in (tracefs.missing(FILP, "/somewhere") or "")


def test_a_kernel_without_vmalloc_events_says_since_when_there_are_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "instances").mkdir()
    (tmp_path / "events/kmem/kmalloc").mkdir(parents=True)
    (tmp_path / "events/kmem/kmalloc/format").write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(tracefs, "find_place", lambda: str(tmp_path))
    assert "since 6.2" in (tracefs.missing(Subject("vmalloc", "f"), "/") or "")
    assert tracefs.missing(FILP, "/") is None


def test_the_best_facility_is_asked_with_what_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Watch] = []

    class Fake:
        name, cost = "fake", "nothing"

        @staticmethod
        def find(watch: Watch) -> Allocations:
            asked.append(watch)
            return Allocations(watch.subject, "fake", (Site(("f+0x1/0x2",), 1, 2),), None)

    monkeypatch.setattr(trace, "choose", lambda *_args, **_options: Fake)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    try:
        assert cli.main(["trace", "pages", "--for", "5m", "--sample", "8"]) == 0
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), before, strict=True):
            signal.signal(number, handler)
    captured = capsys.readouterr()
    assert captured.out.startswith("whole pages: 2, 1 allocations held since boot, as fake tells")
    assert captured.err.startswith("leaktop: fake, up to 5m00s: nothing")
    (watch,) = asked
    assert (watch.subject, watch.seconds, watch.sampling, watch.root) == (Subject("pages", ""), 300.0, 8, "/")
