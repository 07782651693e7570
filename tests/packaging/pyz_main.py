"""The `__main__` of leaktop.pyz: unpacks it once to a private place, and runs it from there.

Compiled modules cannot be imported out of a zip. Root will run what was unpacked, so it goes where nobody else can have
put anything: every directory on the way belongs to this user or root, and no other may write to it.

Written so that an old Python gets as far as the sentence that says which one it takes.
"""

import atexit
import json
import os
import pwd
import shutil
import stat
import sys
import tempfile
import zipfile

PLACE = os.path.join(".cache", "leaktop")
LAST_RESORTS = ("/run", "/tmp")
"""For a home that cannot be written; a directory of a random name in there, which goes when the program ends."""


def is_safe(path: str) -> bool:
    """Whether nobody but this user and root can have made, or can change, what lies at a path.

    Args:
        path: absolute; all of it is looked at, from the root on.
    """
    here = os.path.realpath(path)
    if here != path:  # a link may be led elsewhere between this look and the next
        return False
    while True:
        status = os.lstat(here)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            return False
        if here == "/":
            return True
        here = os.path.dirname(here)


def private_place() -> str:
    """The directory for unpacked versions, mode 0700; "" where there can be none that is safe.

    The home is the one of the password file: sudo may leave another user's in $HOME.
    """
    try:
        place = os.path.join(os.path.realpath(pwd.getpwuid(os.geteuid()).pw_dir), PLACE)
        os.makedirs(place, mode=0o700, exist_ok=True)
        if not is_safe(place):
            return ""
        os.chmod(place, 0o700)
        return place if os.access(place, os.W_OK) else ""
    except (KeyError, OSError):
        return ""


def passing_place() -> str:
    """A directory of a name that cannot be guessed, mode 0700, for this run only."""
    for parent in LAST_RESORTS:
        try:
            place = tempfile.mkdtemp(prefix="leaktop-", dir=parent)
        except OSError:
            continue
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        return place
    sys.exit(f"leaktop.pyz: there is no place to unpack to: make ~/{PLACE} writable for its owner alone")


def unpacked(archive: str, name: str) -> str:
    """The directory that the archive is unpacked in.

    Args:
        archive: the path of the zip.
        name: of the directory, from a digest of what is in it.
    """
    place = private_place() or passing_place()
    target = os.path.join(place, name)
    if os.path.isdir(target):
        return target
    # Under another name first: what was cut off in the middle must not be taken for the whole.
    part = tempfile.mkdtemp(prefix=".unpacking-", dir=place)
    try:
        with zipfile.ZipFile(archive) as whole:
            whole.extractall(part, [entry for entry in whole.namelist() if entry.startswith("site/")])
        os.rename(part, target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if not os.path.isdir(target):  # another one of us may have been faster
            sys.exit(f"leaktop.pyz: cannot unpack to {place}: {error.strerror}")
    return target


def run() -> int:
    """Run leaktop, and return its exit status."""
    archive = os.path.abspath(sys.path[0])
    with zipfile.ZipFile(archive) as whole:
        build = json.loads(whole.read("build.json").decode())
    version, machine = f"{sys.version_info[0]}.{sys.version_info[1]}", os.uname().machine
    if (version, machine) != (build["python"], build["machine"]):
        sys.exit(
            f"leaktop.pyz: built for Python {build['python']} on {build['machine']}, "
            f"and this is {version} on {machine}: run it with python{build['python']}, or build one here"
        )
    sys.path[0] = os.path.join(unpacked(archive, build["name"]), "site")
    from leaktop.cli import main  # not there before it is unpacked

    status: int = main()
    return status


if __name__ == "__main__":
    sys.argv[0] = "leaktop"
    sys.exit(run())
