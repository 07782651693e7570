"""`leaktop kmemleak`: the kernel's leak detector without a screen."""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from leaktop.cli.kmemleak_driving import KmemleakReader, confirmed, watched
from leaktop.cli.kmemleak_report import Wanted, document, text, wanted_rows
from leaktop.cli.options import count, size
from leaktop.cli.saying import say
from leaktop.control import kmemleak
from leaktop.control.kmemleak_state import scans_by_itself, why_disabled
from leaktop.engine.engine import Engine
from leaktop.engine.kmemleak.suppression_file import own_suppressions, read_suppressions
from leaktop.engine.kmemleak.suppressions import Suppressions, put_in_force
from leaktop.model.sample import RawSample, Tick
from leaktop.sources.filesystem import FileSystemSource
from leaktop.units import human_duration
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from leaktop.model.frame import Frame

_CEILING, _PIECE = 1 << 30, 1 << 20
_UNTIL_REBOOT = "--yes-until-reboot"


def add_parser(verbs: Any) -> None:
    """The options of `kmemleak`."""
    parser = verbs.add_parser(
        "kmemleak",
        help="drive the kernel's leak detector: scan, show, clear, status, set, dump",
        description="Drive the kernel's leak detector. More of each: leaktop kmemleak ACTION --help.",
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    scan = actions.add_parser("scan", help="scan, wait until what is new is old enough, scan again, and show the list")
    scan.add_argument("--once", action="store_true", help="a single scan: what leaked since the last one is not listed")
    _add_report_options(scan)
    show = actions.add_parser("show", help="show the list as it is, of this machine or out of a file")
    show.add_argument("--release", metavar="NAME", help="uname -r of the kernel that printed FILE (default: this one)")
    show.add_argument(
        "file", nargs="?", metavar="FILE", help="a saved report, or a log with one in it; - is standard input"
    )
    _add_report_options(show)
    status = actions.add_parser("status", help="say whether it runs, and if not, why")
    _add_json(status)
    for parser in (show, status):
        parser.add_argument("--root", default=argparse.SUPPRESS, metavar="DIR", help="read DIR/sys instead")
        parser.add_argument(
            "--read-only", action="store_true", default=argparse.SUPPRESS, help="never write to the kernel"
        )
    clear = actions.add_parser("clear", help="save the report to a new file, then have the kernel forget it")
    clear.add_argument("--directory", default=".", metavar="DIR", help="where it is saved (default: here)")
    _add_json(clear)
    change = actions.add_parser("set", help="scan=on, scan=off, scan=SECONDS, stack=on, stack=off, off")
    change.add_argument("words", nargs="+", metavar="WORD", help="scan=on|off|SECONDS, stack=on|off, or off")
    change.add_argument(_UNTIL_REBOOT, action="store_true", help="off cannot be undone but by a reboot: yes, do it")
    _add_json(change)
    dump = actions.add_parser("dump", help="show what the kernel knows of one object")
    dump.add_argument("address", metavar="ADDRESS", help="as kmemleak prints it: 0xffff888104a3e0c0")
    _add_json(dump)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    _add_json(parser)
    parser.add_argument("--module", metavar="NAME", help="only groups with a function of this module")
    parser.add_argument("--comm", metavar="NAME", help="only groups that this command allocated for")
    parser.add_argument("--min-size", type=size, default=0, metavar="SIZE", help="only groups that hold so much: 4K")
    parser.add_argument("--limit", type=count, metavar="N", help="show the N largest groups")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--suppressions", metavar="FILE", help="leave out what it lists (default: your own list)")
    which.add_argument("--all", action="store_true", help="leave nothing out")
    parser.add_argument(
        "--debug-dir", action="append", default=[], metavar="DIR", help="look here first for vmlinux and NAME.ko"
    )


def run(choices: argparse.Namespace) -> int:
    """Do what is asked.

    Returns:
        0; 1 where scan or show list a leak; 2 where there is no answer.
    """
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "scan": _scan, "show": _show, "clear": _clear, "status": _status, "set": _set, "dump": _dump,
    }  # fmt: skip
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    if choices.action not in {"show", "status"} and (refusal := _refusal(choices)):
        return _fail(refusal)
    try:
        return actions[choices.action](choices)
    except kmemleak.KmemleakError as error:
        return _fail(str(error))


def _refusal(choices: argparse.Namespace) -> str | None:
    if choices.root != "/":
        return f"{choices.action} is for the kernel that runs here; of a captured tree there is only show"
    return f"{choices.action} writes to the kernel, which --read-only forbids" if choices.read_only else None


def _scan(choices: argparse.Namespace) -> int:
    if not _use_suppressions(choices):
        return 2
    reader = KmemleakReader(choices.root, is_read_only=choices.read_only)
    reader.read()
    took = watched(kmemleak.scan) if choices.once else confirmed()
    lasted = human_duration(took) if took >= 1 else f"{took * 1000:.0f} ms"
    words = f"{'one scan' if choices.once else 'two scans'} in {lasted}"
    return _report(choices, reader.read(), took, words)


def _show(choices: argparse.Namespace) -> int:
    if not _use_suppressions(choices):
        return 2
    try:
        frame = (
            KmemleakReader(choices.root, is_read_only=choices.read_only).read()
            if choices.file is None
            else _frame_of_file(choices)
        )
    except OSError as error:
        return _fail(f"{choices.file or choices.root}: {error.strerror or error}")
    return _report(choices, frame, None, "")


def _clear(choices: argparse.Namespace) -> int:
    reader = KmemleakReader(choices.root, is_read_only=choices.read_only)
    content = reader.content()
    if content is None:
        fault = reader.read().sections["kmemleak"].fault
        return _fail(f"nothing was cleared: {fault.reason if fault else 'the report cannot be read'}")
    try:
        path = kmemleak.save_report(content, choices.directory)
    except OSError as error:
        return _fail(f"the report could not be saved, so nothing was cleared: {error}")
    kmemleak.clear()
    _print({"cleared": True, "report": path}, [f"cleared; the report is in {sanitise(path)}"], choices)
    return 0


def _status(choices: argparse.Namespace) -> int:
    of_tree = "a captured tree has no detector that runs" if choices.root != "/" else None
    closed = of_tree or kmemleak.closed(may_write=not choices.read_only)
    is_enabled = None if closed or choices.read_only else kmemleak.is_enabled()
    reason = closed or (why_disabled() if is_enabled is False else None)
    automatic = scans_by_itself() if is_enabled else None
    state = {True: "on", False: f"off: {reason}", None: reason or "not known: --read-only does not ask"}[is_enabled]
    scans = {True: "on", False: "off", None: "not known"}[automatic]
    words = [f"kmemleak: {sanitise(state)}"]
    if is_enabled:
        words += [f"automatic scans: {scans}", "scanning of stacks, seconds between scans: the kernel does not tell"]
    _print({"enabled": is_enabled, "reason": reason, "automatic_scans": automatic}, words, choices)
    return 2 if closed else 0


def _set(choices: argparse.Namespace) -> int:
    acts: list[tuple[str, Callable[[], None]]] = []
    for word in choices.words:
        act = _setting(word)
        if act is None:
            return _fail(f"{word!r} is no setting; write scan=on, scan=off, scan=SECONDS, stack=on, stack=off, or off")
        acts.append((word, act))
    if "off" in choices.words and not choices.yes_until_reboot:
        return _fail(f"off cannot be undone but by a reboot; add {_UNTIL_REBOOT} if that is meant")
    for _, act in acts:
        act()
    _print({"set": [word for word, _ in acts]}, [f"set: {' '.join(word for word, _ in acts)}"], choices)
    return 0


def _setting(word: str) -> Callable[[], None] | None:
    name, _, value = word.partition("=")
    if word == "off":
        return kmemleak.switch_off
    if name == "stack" and value in {"on", "off"}:
        return lambda: kmemleak.set_stack_scans(value == "on")
    if name == "scan" and value in {"on", "off"}:
        return lambda: kmemleak.set_automatic_scans(value == "on")
    if name == "scan" and value.isascii() and value.isdecimal():
        return lambda: kmemleak.set_automatic_scans(int(value[:12]))
    return None


def _dump(choices: argparse.Namespace) -> int:
    lines = kmemleak.dump(choices.address)
    words = [sanitise(line) for line in lines] or ["dumped to the kernel's log, which cannot be read here: dmesg"]
    _print({"address": choices.address, "lines": list(lines)}, words, choices)
    return 0


def _frame_of_file(choices: argparse.Namespace) -> Frame:
    path: str = choices.file
    with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
        # In pieces: asked for at once, so much room would have to be there, however short the report.
        content = b"".join(islice(iter(partial(file.read, _PIECE), b""), _CEILING // _PIECE))
    machine = FileSystemSource().machine
    if choices.release:
        machine = replace(machine, release=choices.release)
    now, wall = time.monotonic(), time.time()
    return Engine(machine).feed(Tick(now, wall, (RawSample("kmemleak", content, None, now, wall),)))


def _use_suppressions(choices: argparse.Namespace) -> bool:
    try:
        put_in_force(
            Suppressions() if choices.all
            else read_suppressions(choices.suppressions) if choices.suppressions
            else own_suppressions()
        )  # fmt: skip
    except OSError as error:
        _fail(f"{choices.suppressions}: {error.strerror or error}")
        return False
    return True


def _report(choices: argparse.Namespace, frame: Frame, took: float | None, scans: str) -> int:
    wanted = Wanted(
        choices.module, choices.comm, choices.min_size, choices.limit, choices.root, tuple(choices.debug_dir)
    )
    fault = frame.sections["kmemleak"].fault
    rows = [] if fault else wanted_rows(frame, wanted)
    if choices.json:
        json.dump(document(frame, rows, wanted, took), sys.stdout, indent=1, ensure_ascii=True)
        print()
    elif fault is None:
        for line in text(frame, rows, wanted, scans):
            print(line)
    if fault is not None:
        remedy = f" ({fault.remedy})" if fault.remedy else ""
        return _fail(f"{fault.reason}{remedy}")
    return 1 if rows else 0


def _print(answer: dict[str, Any], words: Iterable[str], choices: argparse.Namespace) -> None:
    if choices.json:
        json.dump(answer, sys.stdout, indent=1, ensure_ascii=True)
        print()
    else:
        for line in words:
            print(line)


def _fail(words: str) -> int:
    say(words)
    return 2
