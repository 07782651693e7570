"""`leaktop check -- COMMAND`: run a test again and again, and fail if the kernel keeps memory of every run."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from leaktop.cli.junit import junit
from leaktop.cli.kmemleak_trial import KmemleakTrial
from leaktop.cli.options import count, seconds, size
from leaktop.cli.outcome import Outcome, document, loss, text
from leaktop.cli.saying import say
from leaktop.cli.signals import heed, leave
from leaktop.cli.trial import LAST_REST, Plan, Trial, TrialError
from leaktop.engine.gate import FEWEST, judge
from leaktop.private_file import create_private, remove_private

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.cli.kmemleak_trial import Lost
    from leaktop.cli.outcome import Verdict
    from leaktop.engine.gate import Finding

_STDERR = 2
_STATUS: dict[Verdict, int] = {"none": 0, "leak": 1, "unknown": 2}


def add_parser(verbs: Any) -> None:
    """The options of `check`."""
    parser = verbs.add_parser(
        "check",
        help="run a test again and again, and fail if the kernel keeps memory of every run",
        usage="leaktop check [options] -- COMMAND ...",
        description="Run COMMAND again and again, and say what grows with every run.",
    )
    parser.add_argument("--iterations", type=count, default=10, metavar="N", help="measured runs (default 10)")
    parser.add_argument(
        "--warmup", type=_time, default=0.0, metavar="TIME", help="run unmeasured for so long first (default: one run)"
    )
    parser.add_argument(
        "--settle", type=_time, default=0.2, metavar="TIME", help="wait so long before each measure (default 0.2s)"
    )
    parser.add_argument(
        "--max-growth",
        type=_growth,
        default=0,
        metavar="SIZE",
        help="allow so much with each run: 64K/iter (default 0)",
    )
    parser.add_argument(
        "--drop-caches",
        action="store_true",
        help="drop and shrink all caches before each measure, to find single objects; slows the whole machine",
    )
    parser.add_argument(
        "--kmemleak",
        action="store_true",
        help="ask the kernel's leak detector too, which names the function; clears its report, after saving it",
    )
    parser.add_argument("--json", action="store_true", help="for programs; COMMAND's output goes to standard error")
    parser.add_argument("--junit", metavar="FILE", help="write the result to a new file, as JUnit XML")
    parser.add_argument("--read-only", action="store_true", default=argparse.SUPPRESS, help="never write to the kernel")
    parser.set_defaults(run=run, takes_command=True)


def run(choices: argparse.Namespace) -> int:
    """Run COMMAND, and judge.

    Returns:
        0 where nothing leaks, 1 where something does, 2 where that cannot be told.
    """
    heed(leave)
    report = None
    try:
        if choices.junit:
            report = create_private(choices.junit)
    except OSError as error:
        left = "; it is left alone" if isinstance(error, FileExistsError) else ""
        say(f"{choices.junit}: {error.strerror}{left}")
        return 2
    began = time.monotonic()
    try:
        outcome = _outcome(choices)
    except BaseException:
        if report is not None:
            os.close(report)
            remove_private(choices.junit)
        raise
    try:
        if report is not None:
            with open(report, "wb") as file:
                file.write(junit(outcome, time.monotonic() - began))
        _print(outcome, as_json=choices.json)
    except BrokenPipeError:
        raise
    except OSError as error:  # left to others it would end with 1, which is a leak here
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say(f"cannot write: {error.strerror}")
        return 2
    return _STATUS[outcome.verdict]


def _outcome(choices: argparse.Namespace) -> Outcome:
    if refusal := _refusal(choices):
        return Outcome(choices.command, "unknown", refusal)
    stdout = _STDERR if choices.json else None
    detector = KmemleakTrial() if choices.kmemleak else None
    when_warm = detector.begin if detector else lambda: None
    trial = Trial(
        Plan(
            choices.command, choices.iterations, choices.warmup, choices.settle, choices.drop_caches, stdout, when_warm
        )
    )
    findings: tuple[Finding, ...] = ()
    lost: Lost | None = None
    verdict: Verdict = "unknown"
    status: int | None = 0
    try:
        findings = _findings(trial, choices.max_growth)
        if detector is not None:
            is_grown = any(finding.leak or finding.tolerated for finding in findings)
            lost = detector.end(len(trial.rounds), choices.max_growth, has_rested=is_grown)
            findings = (*lost.findings, *findings)  # first what names a function
        leaks = [finding for finding in findings if finding.leak]
        verdict, reason = "leak" if leaks else "none", _reason(leaks, len(trial.rounds))
    except TrialError as error:
        reason, status = str(error), error.status
    except Exception as error:  # a traceback would end with 1, which is a leak here
        reason, status = f"leaktop failed ({type(error).__name__}: {error}); please report it", None
    finally:
        trial.close()
    return Outcome(
        choices.command, verdict, reason, len(trial.rounds), findings, trial.unread, status,
        choices.max_growth, choices.drop_caches, lost,
    )  # fmt: skip


def _findings(trial: Trial, max_growth: int) -> tuple[Finding, ...]:
    """What grows; where it may be a leak, after a wait for what is freed late."""
    trial.run()
    found = judge(trial.start, trial.rounds, None, max_growth)
    if not any(finding.leak or finding.tolerated for finding in found):
        return found
    if sys.stderr.isatty():
        say(f"something grew; waiting {LAST_REST:.0f}s to see whether it stays")
    return judge(trial.start, trial.rounds, trial.rest(), max_growth)


def _refusal(choices: argparse.Namespace) -> str:
    """Why there can be no answer, before anything runs; empty where there can be one."""
    if not choices.command:
        return "no command; write it behind --"
    if choices.iterations < FEWEST:
        return f"{choices.iterations} iterations cannot tell a leak from chance; {FEWEST} are the least"
    if choices.root != "/":
        return "a captured tree cannot show what runs here"
    if choices.read_only and (choices.drop_caches or choices.kmemleak):
        option = "--drop-caches" if choices.drop_caches else "--kmemleak"
        return f"{option} writes to the kernel, which --read-only forbids"
    return ""


def _reason(leaks: Sequence[Finding], iterations: int) -> str:
    if not leaks:
        return f"nothing grew with each of {iterations} runs and stayed"
    more = f", and memory elsewhere ({len(leaks) - 1} more)" if len(leaks) > 1 else ""
    return f"each of {iterations} runs lost {loss(leaks[0])}{more}"


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        json.dump(document(outcome), sys.stdout, indent=1, ensure_ascii=True)
        print()
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
            sys.stdout.reconfigure(errors="backslashreplace")
        for line in text(outcome):
            print(line)
    sys.stdout.flush()


def _time(given: str) -> float:
    """Seconds; here 0 is a time too."""
    return 0.0 if given in {"0", "0s"} else seconds(given)


def _growth(given: str) -> int:
    """Bytes with each iteration: 64K, or 64K/iter."""
    return size(given.removesuffix("/iter"))
