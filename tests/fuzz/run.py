"""`python -m tests.fuzz.run [TARGET ...] [--for 5m]`: fuzz targets, one by one, by the coverage that they reach.

With atheris (`pip install '.[fuzz]'`) each runs in a process of its own, and --corpus DIR keeps what it found; without
it the plain mutations of tests/fuzz/mutation.py have to do, and --plain asks for them. A crash is kept in
tests/fuzz/crashers/TARGET/, where the ordinary tests run it from then on; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from leaktop.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

CRASHERS = Path(__file__).parent / "crashers"
_SLOWEST = 20
"""Seconds that one input may take; what is slower counts as a crash."""
_MOST_MEMORY = 1024
"""MiB."""
_LARGEST = 1 << 16
"""Bytes of an input."""
_FIGURES = re.compile(rb"cov: (\d+) ft: (\d+) corp: (\d+)")
_RUNS = re.compile(rb"Done (\d+) runs")


def crashers(target: str) -> list[Path]:
    """The inputs that have broken it once."""
    return sorted(path for path in (CRASHERS / target).glob("*") if path.is_file())


def keep(target: str, content: bytes) -> Path:
    """Keep an input that broke it."""
    path = CRASHERS / target / f"crash-{hashlib.sha256(content).hexdigest()[:16]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def fuzz_here(target: str) -> None:
    """Let atheris have this process; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["leaktop"]):
        from tests.fuzz.targets import targets

        run = targets()[target]  # imports the parsers
    atheris.Setup(sys.argv, run)
    atheris.Fuzz()


def guided(target: str, seconds: float, corpus: Path) -> bool:
    """Fuzz one target by coverage, in a process of its own, and say what came of it; whether it held."""
    from tests.fuzz.targets import targets

    place = corpus / target
    place.mkdir(parents=True, exist_ok=True)
    for seed in targets()[target].seeds():
        (place / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    (CRASHERS / target).mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.fuzz.run", "--inside", target, str(place), f"-max_total_time={seconds:.0f}",
            f"-timeout={_SLOWEST}", f"-rss_limit_mb={_MOST_MEMORY}", f"-max_len={_LARGEST}",
            f"-artifact_prefix={CRASHERS / target}/",
        ],
        stderr=subprocess.STDOUT, stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    runs, figures = _RUNS.search(done.stdout), _FIGURES.findall(done.stdout)
    coverage = "{} edges, {} features, {} inputs kept".format(*map(bytes.decode, figures[-1])) if figures else "-"
    with_runs = f"{int(runs[1]):>9,} runs" if runs else "  crashed"
    print(f"{target:<34} {with_runs} in {time.monotonic() - began:>4.0f} s: {coverage}", flush=True)
    if done.returncode:
        print(done.stdout.decode(errors="backslashreplace")[-3000:])
    if not crashers(target):
        (CRASHERS / target).rmdir()
    return done.returncode == 0


def plain(target: str, seconds: float) -> bool:
    """Fuzz one target with plain mutations, and say how often; whether it held."""
    from tests.fuzz.mutation import mutations
    from tests.fuzz.targets import targets

    run, runs, began = targets()[target], 0, time.monotonic()
    for content in mutations(run.seeds(), Random(began)):
        if time.monotonic() - began > seconds:
            break
        try:
            run(content)
        except Exception as error:
            print(f"{target}: {type(error).__name__}: {error!r}: {keep(target, content)}")
            return False
        runs += 1
    print(f"{target:<34} {runs:>9,} runs in {seconds:.0f} s", flush=True)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; 1 where something broke."""
    from tests.fuzz.targets import targets

    parser = argparse.ArgumentParser(description="Fuzz what takes bytes from strangers.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(targets())}")
    parser.add_argument("--for", dest="duration", type=parse_duration, default=60.0, help="in all (default 60s)")
    parser.add_argument("--corpus", type=Path, help="keep what reaches new code here, and begin with it")
    parser.add_argument("--plain", action="store_true", help="without atheris, though it is installed")
    choices = parser.parse_args(arguments)
    names = choices.targets or list(targets())
    if unknown := set(names) - targets().keys():
        parser.error(f"no target {', '.join(sorted(unknown))}")
    each = max(choices.duration / len(names), 1.0)
    if choices.plain or importlib.util.find_spec("atheris") is None:
        held = [plain(name, each) for name in names]  # all of them, also behind one that broke
        return int(not all(held))
    with tempfile.TemporaryDirectory(prefix="leaktop-corpus-") as scratch:
        held = [guided(name, each, choices.corpus or Path(scratch)) for name in names]
    return int(not all(held))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        target = sys.argv.pop(2)
        del sys.argv[1]
        fuzz_here(target)
    raise SystemExit(main())
