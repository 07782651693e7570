"""What help and manual say of every verb beside its options: examples, and what its exit status means."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class About(NamedTuple):
    """One verb."""

    exits: dict[int, str]
    """What each status means; those of EVERYWHERE mean the same for all, unless it says otherwise. "": never."""
    examples: tuple[str, ...] = ()


EVERYWHERE = {
    2: "a wrong command line, or nothing that could be done",
    130: "ended by Ctrl-C",
    141: "the reader of the output went away, as in `leaktop show all | head`",
}
_FAILED_TO_WRITE = "the output could not be written, as where the disk is full"

GROUPS = {
    "Look": ("show", "doctor", "demo"),
    "Record and replay": ("record", "replay", "import", "cut"),
    "Judge": ("report", "diff", "check", "info", "export"),
    "Ask the kernel": ("trace", "kmemleak", "oom"),
    "leaktop itself": ("config", "completion", "manual"),
}
"""The verbs, as the help lists them. Each is a module of this package."""

ABOUT: dict[str, About] = {
    "": About(
        {0: "the user quit", 1: "the screen failed, or no thread started", 2: "no terminal, no such theme", 130: ""},
        ("sudo leaktop", "sudo leaktop -d 5s --read-only", "sudo leaktop --record leak.leaktop"),
    ),
    "show": About(
        {0: "printed, even if a pane is unavailable", 1: _FAILED_TO_WRITE, 2: "no such pane, column or directory"},
        ("sudo leaktop show slab --limit 10", "sudo leaktop show all --json", "leaktop show slab --root sosreport/"),
    ),
    "doctor": About({0: "printed", 1: _FAILED_TO_WRITE, 2: "no such directory"}, ("sudo leaktop doctor",)),
    "demo": About({0: "the user quit", 2: "no terminal that can be drawn on"}, ("leaktop demo",)),
    "record": About(
        {0: "recorded; Ctrl-C ends it whole", 1: "it could not be completed", 2: "it could not begin", 130: ""},
        ("sudo leaktop record leak.leaktop --for 2h", "sudo leaktop record make.leaktop -- make check"),
    ),
    "replay": About(
        {0: "the user quit", 2: "it cannot be read, or there is no terminal"},
        ("leaktop replay leak.leaktop --at 14:02", "ssh host sudo leaktop record - | leaktop replay -"),
    ),
    "import": About(
        {0: "imported", 1: "the recording could not be completed", 2: "there is nothing to make a recording of"},
        ("leaktop import slab.log -o slab.leaktop", "leaktop import sosreport-1.tar.xz -o host.leaktop"),
    ),
    "cut": About(
        {0: "written", 1: "written in part", 2: "there is no such piece, or OUT is there already"},
        ("leaktop cut leak.leaktop --from -30m --redact -o piece.leaktop",),
    ),
    "report": About(
        {0: "written, whatever it says", 1: _FAILED_TO_WRITE, 2: "there is nothing to judge, or OUT is there already"},
        ("leaktop report leak.leaktop -o report.html", "sudo leaktop report --live 60s"),
    ),
    "diff": About(
        {0: "printed", 1: _FAILED_TO_WRITE, 2: "it cannot be read, or there is no such moment"},
        ("leaktop diff leak.leaktop start end", "leaktop diff leak.leaktop -30m end --json"),
    ),
    "check": About(
        {0: "nothing leaks", 1: "something leaks", 2: "it cannot be told, or COMMAND failed"},
        ("sudo leaktop check -- ./test.sh", "sudo leaktop check --kmemleak --junit leaks.xml -- ./test.sh"),
    ),
    "info": About({0: "printed", 1: _FAILED_TO_WRITE, 2: "no tick can be read"}, ("leaktop info leak.leaktop",)),
    "export": About(
        {0: "written", 1: _FAILED_TO_WRITE, 2: "there is nothing to export, or OUT is there already"},
        ("leaktop export leak.leaktop --format csv --section slab -o slab.csv",),
    ),
    "trace": About(
        {0: "answered", 1: _FAILED_TO_WRITE, 2: "there is no such subject, or nothing that can tell"},
        ("sudo leaktop trace kmalloc-2k", "sudo leaktop trace filp --for 30s --json", "sudo leaktop trace --list"),
    ),
    "kmemleak": About(
        {0: "done; no leak is listed", 1: "scan and show: leaks are listed", 2: "it cannot be told or done"},
        ("sudo leaktop kmemleak scan", "sudo leaktop kmemleak show report.txt --module mydriver"),
    ),
    "oom": About(
        {0: "there is a report", 1: "there is none", 2: "the log cannot be read"},
        ("sudo leaktop oom", "leaktop oom dmesg.txt --json"),
    ),
    "config": About(
        {0: "printed; with --check: nothing is wrong", 1: _FAILED_TO_WRITE, 2: "with --check: something is wrong"},
        ("leaktop config", "leaktop config --template > config.toml", "leaktop config --check config.toml"),
    ),
    "completion": About(
        {0: "printed", 1: _FAILED_TO_WRITE, 2: "no such shell"},
        ("leaktop completion bash > ~/.local/share/bash-completion/completions/leaktop",),
    ),
    "manual": About({0: "printed", 1: _FAILED_TO_WRITE}, ("leaktop manual | man -l -",)),
}  # fmt: skip
"""By name; "" is the live screen."""
NOTES = {
    "record": "with COMMAND its own status, 128 and more where a signal ended it.",
}
_WIDTH = 78


def epilog(verb: str) -> str:
    """For the end of a verb's help: examples, and every exit status."""
    from textwrap import wrap

    about = ABOUT[verb]
    lines = ["examples:", *(f"  {example}" for example in about.examples), "", "exit status:"]
    for status, words in statuses(verb):
        first, *more = wrap(words, _WIDTH - 8)
        lines += [f"  {status:<4}  {first}", *(f"        {line}" for line in more)]
    return "\n".join(lines)


def statuses(verb: str) -> Iterator[tuple[str, str]]:
    """(status, what it means) of a verb, those that mean the same for all included."""
    merged = {**EVERYWHERE, **ABOUT[verb].exits}
    yield from ((str(status), merged[status]) for status in sorted(merged) if merged[status])
    if verb in NOTES:
        yield "else", NOTES[verb]


def verbs_in_groups(helps: Iterable[tuple[str, str]]) -> str:
    """The verbs for the end of the main help, each with a line of what it does."""
    from textwrap import wrap

    known = dict(helps)
    lines = []
    for title, verbs in GROUPS.items():
        lines.append(f"{title}:")
        for verb in verbs:
            first, *more = wrap(known.get(verb, ""), _WIDTH - 16)
            lines += [f"  {verb:<12}  {first}", *(f"{'':16}{line}" for line in more)]
    return "\n".join(lines)


def status_table() -> str:
    """Every verb and what its exit status means, in Markdown: the README has it."""
    lines = ["| | 0 | 1 | 2 |", "| --- | --- | --- | --- |"]
    for verb, about in ABOUT.items():
        words = [about.exits.get(status, "") for status in (0, 1)] + [about.exits.get(2, EVERYWHERE[2])]
        lines.append(f"| {f'`{verb}`' if verb else 'the screen'} | {' | '.join(words)} |")
    return "\n".join(lines)
