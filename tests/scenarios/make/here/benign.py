"""Work that leaks nothing, one a sub-command: python3 benign.py NAME, until SIGTERM; then it leaves nothing behind.

SCEN_SOURCES is a directory with bash_*.orig.tar.gz and lua5.4_*.orig.tar.gz (apt-get source --download-only). The
names are those of the recordings; `busy` is the work beside user-leak-slow-busy.
"""

from __future__ import annotations

import glob
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from leaks import KIB, MIB, name_process, paced

SOURCES = os.environ.get("SCEN_SOURCES", ".")
PORT = 15150
SCRATCH = tempfile.mkdtemp(prefix="scenario-", dir="/var/tmp")
SHM = "/dev/shm/render-cache"


def run(command: str, **places: str) -> None:
    """Run it in a shell in the scratch directory, quietly; whether it succeeds does not matter."""
    subprocess.run(
        command,
        shell=True,
        cwd=SCRATCH,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **places},
        check=False,
    )


def source(pattern: str) -> str:
    """The one file of SOURCES that matches."""
    return os.path.abspath(glob.glob(f"{SOURCES}/{pattern}")[0])


def idle() -> None:
    """Nothing."""
    signal.pause()


def find_root() -> None:
    """Walk and stat the whole disk, part by part, again and again, from cold caches."""
    run("sync; echo 3 > /proc/sys/vm/drop_caches")
    time.sleep(15)
    while True:
        for part in ("/var/tmp", "/usr/share", "/usr/lib", "/root", "/usr/include", "/opt", "/work"):
            for folder in sorted(os.listdir(part)):
                run(f"find {part}/{folder} -xdev -type f -printf '%s %u %T@\\n'")
                time.sleep(0.4)


def big_copy() -> None:
    """Make a file of 512 MiB; copy it, and read a copy, every 20 s."""
    run("head -c 512M /dev/urandom > original")
    for number in range(7):
        time.sleep(10)
        run(f"cp original copy{number}")
        time.sleep(10)
        run(f"sha256sum copy{number // 2}")
    signal.pause()


def c_build() -> None:
    """Build bash with make -j3, again and again."""
    while True:
        run(f"tar xf {source('bash_*.orig.tar.gz')} && cd bash-* && ./configure && make -j3")
        run("rm -rf bash-*")


def pip_build() -> None:
    """Make a virtual environment, install into it, build C in it; throw it away; again."""
    while True:
        run("python3 -m venv venv && venv/bin/pip install --cache-dir cache attrs pyyaml requests")
        run("venv/bin/pip install --cache-dir cache --no-binary psutil,markupsafe,regex psutil markupsafe regex")
        run("rm -rf venv; rm -rf cache/wheels")


def grow_then_free() -> None:
    """Five times: 600 MB over 40 s, then free it all."""
    time.sleep(8)
    for _ in range(5):
        kept = []
        for number in paced(15):
            if number == 600:
                break
            kept.append(bytearray(b"\1") * MIB)
        kept.clear()
        time.sleep(4)
    signal.pause()


def container_churn() -> None:
    """Namespaces and cgroups made and removed several times a second."""
    for number in paced(5):
        run("unshare -mnpf --mount-proc sh -c 'ip link set lo up; ls /proc'")
        run(f"ip netns add churn{number} && ip netns exec churn{number} ip link set lo up; ip netns del churn{number}")
        for controller in ("memory", "pids"):
            group = f"/sys/fs/cgroup/{controller}/churn{number}"
            run(f"mkdir {group} && sh -c 'echo $$ > {group}/cgroup.procs; head -c 2M /dev/zero | tail' ; rmdir {group}")


def tmpfs_churn() -> None:
    """Five times: 400 MB into /dev/shm over 30 s, then removed."""
    time.sleep(6)
    for _ in range(5):
        with open(SHM, "wb") as cache:
            for number in paced(10):
                if number == 300:
                    break
                cache.write(os.urandom(64 * KIB) * 21)
        time.sleep(2)
        os.unlink(SHM)
        time.sleep(2)
    signal.pause()


def time_wait() -> None:
    """For 80 s a hundred short connections a second over lo; then quiet."""
    server = socket.create_server(("127.0.0.1", PORT), backlog=256)

    def answer() -> None:
        while True:
            with server.accept()[0] as connection:
                connection.recv(64)
                connection.send(b"pong")

    threading.Thread(target=answer, daemon=True).start()
    time.sleep(20)
    for number in paced(100):
        if number == 8000:
            break
        with socket.create_connection(("127.0.0.1", PORT)) as connection:
            connection.send(b"ping")
            connection.recv(64)
    signal.pause()


def log_rotation() -> None:
    """5 MB/s of log, a new file every 50 MB, three old ones kept."""
    line = b"2026-11-21 12:00:00 INFO request served in 12 ms\n" * 1000
    while True:
        for number in (2, 1, 0):
            if os.path.exists(f"{SCRATCH}/app.log.{number}"):
                os.rename(f"{SCRATCH}/app.log.{number}", f"{SCRATCH}/app.log.{number + 1}")
        with open(f"{SCRATCH}/app.log.0", "wb") as log:
            for number in paced(100):
                if number == 1000:
                    break
                log.write(line)


def startup_step() -> None:
    """Load 800 MB in 10 s; then serve out of it, with small churn."""
    time.sleep(15)
    table = []
    for number in paced(80):
        if number == 800:
            break
        table.append(bytearray(b"\1") * MIB)
    recent: list[bytes] = []
    for _ in paced(200):
        random.choice(table)[random.randrange(MIB)] = 2
        recent.append(os.urandom(random.randrange(100, 20_000)))
        if len(recent) > 500:
            del recent[: random.randrange(1, 400)]


def cron_jobs() -> None:
    """Every 30 s a job that takes 200 MB for 8 s."""
    time.sleep(10)
    job = "import time; data = [bytearray(b'x') * 1000000 for _ in range(200)]; time.sleep(8)"
    for _ in paced(1 / 30):
        subprocess.Popen([sys.executable, "-c", job])


def database() -> None:
    """Insert, select, delete and vacuum in SQLite with a page cache of 64 MB."""
    base = sqlite3.connect(f"{SCRATCH}/shop.db", isolation_level=None)
    base.execute("PRAGMA cache_size = -65536")
    base.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, note BLOB)")
    base.execute("CREATE INDEX by_customer ON orders (customer)")
    for number in paced(20):
        rows = [(random.randrange(5000), os.urandom(random.randrange(50, 900))) for _ in range(200)]
        base.execute("BEGIN")
        base.executemany("INSERT INTO orders (customer, note) VALUES (?, ?)", rows)
        base.execute("COMMIT")
        base.execute(
            "SELECT count(*), max(length(note)) FROM orders WHERE customer < ?", (random.randrange(500),)
        ).fetchall()
        if number % 400 == 399:
            base.execute("DELETE FROM orders WHERE id % 3 = 0")
        if number % 800 == 799:
            base.execute("VACUUM")


def busy() -> None:
    """What a developer's machine does: compile, git, pip download, Python's own tests; it comes and goes."""
    choice = random.Random(7)
    lua = source("lua5.4_*.orig.tar.gz")
    commit = "git -c user.name=a -c user.email=a@example.org commit -qm one"
    history = f"{commit} && git gc -q && git log -p | wc -c && git grep -c static"
    jobs = (
        f"rm -rf lua-*; tar xf {lua} && cd lua-* && make -j2 linux",
        f"rm -rf tree; mkdir tree && cd tree && tar xf {lua} && git init -q && git add . && {history}",
        "rm -rf wheels; pip download --no-cache-dir --no-deps -d wheels attrs pyyaml requests",
        "python3 -m test test_json test_dict test_heapq test_textwrap test_statistics",
        f"rm -rf lib; cp -r {os.path.dirname(os.__file__)}/asyncio lib; python3 -m compileall -qf lib",
    )
    while True:
        run(choice.choice(jobs))
        time.sleep(choice.uniform(1, 12))


WORK = {
    "idle-here": ("idle", idle),
    "find-root": ("nightly-find", find_root),
    "big-copy": ("backup-job", big_copy),
    "c-build": ("build-bot", c_build),
    "pip-build": ("ci-runner", pip_build),
    "grow-then-free": ("batch-sorter", grow_then_free),
    "container-churn": ("pod-churner", container_churn),
    "tmpfs-churn": ("renderer", tmpfs_churn),
    "time-wait": ("short-lived-web", time_wait),
    "log-rotation": ("chatty-logger", log_rotation),
    "startup-step": ("table-server", startup_step),
    "cron-jobs": ("cron-lookalike", cron_jobs),
    "database": ("shop-database", database),
    "busy": ("dev-work", busy),
}
"""The worker's comm, and what it does."""


def main(name: str) -> None:
    """Work until SIGTERM, then tidy up."""
    comm, work = WORK[name]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    name_process(comm)
    try:
        work()
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
        if os.path.exists(SHM):
            os.unlink(SHM)


if __name__ == "__main__":
    main(sys.argv[1])
