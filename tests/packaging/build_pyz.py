"""Builds leaktop.pyz, all of leaktop in one file: `python -m tests.packaging.build_pyz`.

It runs with one version of Python, on machines of the same kind: some of what leaktop needs is compiled.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REPO = Path(__file__).resolve().parents[2]
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that the same input gives the same file."""
_NEEDLESS = ("bin", "*.dist-info/RECORD", "*.dist-info/direct_url.json", "*.dist-info/REQUESTED")


def build(target: Path, python: str = HERE) -> None:
    """Write the archive.

    Args:
        target: where to; replaced if there is one.
        python: the version that it is for, as in "3.12".

    Raises:
        subprocess.CalledProcessError: pip could not install it; it has said why.
    """
    with tempfile.TemporaryDirectory() as directory:
        site = Path(directory, "site")
        _install(site, python)
        for pattern in _NEEDLESS:
            for path in site.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if python == HERE:  # another one has another bytecode, and compiles when it starts first
            # Never compared with the source again, so that root's first start writes nothing more.
            _run("compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", directory, str(site))
        files = {
            str(path.relative_to(directory)): path.read_bytes() for path in sorted(site.rglob("*")) if path.is_file()
        }
        digest = hashlib.sha256()
        for name, content in files.items():
            digest.update(name.encode() + b"\0" + content)
        facts = {"name": digest.hexdigest()[:32], "python": python, "machine": os.uname().machine}
        start = Path(__file__).with_name("pyz_main.py").read_bytes()
        _write(target, {"__main__.py": start, "build.json": json.dumps(facts).encode(), **files})


def _install(site: Path, python: str) -> None:
    """Leaktop and all that it needs."""
    pip = ("pip", "--quiet", "--disable-pip-version-check")
    with tempfile.TemporaryDirectory() as wheels:
        _run(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, str(REPO))
        [wheel] = Path(wheels).iterdir()
        other = () if python == HERE else ("--python-version", python, "--only-binary=:all:")
        _run(*pip, "install", "--no-compile", "--target", str(site), *other, str(wheel))


def _run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, stdin=subprocess.DEVNULL)


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    part = target.with_name(f".{target.name}.part")
    with part.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(_entry(name), content)
    part.chmod(0o755)
    part.replace(target)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def main() -> int:
    """Build it, and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.packaging.build_pyz", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=REPO / "dist" / "leaktop.pyz", metavar="FILE")
    parser.add_argument("--python", default=HERE, metavar="VERSION", help=f"that it is for (default: {HERE}, this one)")
    choices = parser.parse_args()
    target: Path = choices.output.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        build(target, choices.python)
    except subprocess.CalledProcessError as error:
        return error.returncode
    print(f"{target}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
