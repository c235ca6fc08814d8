"""The resources of a process, measured from outside: wall time, processor time, anonymous memory."""

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

EVERY_SECS = 0.01
LONGEST_SECS = 1200


class Failed(Exception):
    """A contender failed. The others continue."""


@dataclasses.dataclass
class Spent:
    wall: float = 0.0
    cpu: float = 0.0  # seconds, user and system, of the process and what it started
    memory: int = 0  # the most anonymous bytes at once, of all of them

    def __add__(self, other):
        return Spent(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


class Peak:
    """Samples a process and its children while it is open, and keeps the largest memory."""

    def __init__(self, pid):
        self.pid, self.bytes, self.closed = pid, anonymous_bytes(pid), threading.Event()
        self.sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self):
        self.sampler.start()
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.sampler.join()

    def _sample(self):
        while not self.closed.wait(EVERY_SECS):
            self.bytes = max(self.bytes, anonymous_bytes(self.pid))


@contextlib.contextmanager
def watched(pid):
    """The resources of a running process while this is open, without its children."""
    spent = Spent()
    with Peak(pid) as peak:
        began, cpu = time.monotonic(), cpu_seconds(pid)
        yield spent
        spent.wall, spent.cpu = time.monotonic() - began, cpu_seconds(pid) - cpu
    spent.memory = peak.bytes


def run(command, **options):
    """Measures a command from start to end, with its children. Fails if the command fails or does not end."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    overdue = threading.Timer(LONGEST_SECS, child.kill)
    overdue.start()
    with Peak(child.pid) as peak:
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
    overdue.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failed(f"{pathlib.Path(command[0]).name} ended with {child.returncode}")
    return Spent(wall, usage.ru_utime + usage.ru_stime, peak.bytes)


def instructions(command, environment):
    """Returns the instructions of a command, as valgrind counts them, or None without valgrind."""
    if not shutil.which("valgrind"):
        return None
    counter = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    counted = subprocess.run(
        counter, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_SECS
    )
    found = re.search(r"Collected : (\d+)", counted.stderr)
    if counted.returncode != 0 or not found:
        raise Failed(f"valgrind cannot count the instructions of {pathlib.Path(command[0]).name}")
    return int(found[1])


def cpu_seconds(pid):
    """Returns the processor time in seconds, from the clock of clock_getcpuclockid(3). /proc/PID/stat has a resolution of only 10 ms."""
    return time.clock_gettime(~pid << 3 | 2)


def anonymous_bytes(pid):
    """Returns the anonymous memory (RssAnon) of the process and all its descendants."""
    return sum(own_anonymous_bytes(each) for each in [pid, *descendants(pid)])


def own_anonymous_bytes(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0  # it has just ended
    found = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(found[0].split()[1]) * 1024 if found else 0


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def children(pid):
    try:
        lists = [task.joinpath("children").read_text() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    return [int(child) for listed in lists for child in listed.split()]
