"""The contenders. Each turns a commit into a zip, and returns its measurements."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import zipfile
from collections import Counter

import emulated
from emulated import Emulator
from git import ENVIRONMENT
from measure import LONGEST_SECS, Failed, Spent, run, watched

READING = ("codecommit", "git")


@dataclasses.dataclass
class Programs:
    updates: pathlib.Path
    emulator: pathlib.Path
    from_pack: pathlib.Path
    bare: pathlib.Path
    folder: pathlib.Path  # for zips and clones, which are removed again


def api(programs, repository, latency):
    return cold(programs, repository, latency, "api")


def over_git(programs, repository, latency):
    return cold(programs, repository, latency, "git")


def auto(programs, repository, latency):
    return cold(programs, repository, latency, "auto")


def cold(programs, repository, latency, source):
    with Emulator(programs.emulator, repository.path, latency, programs.updates, SOURCE=source) as emulator:
        return invoked(emulator, emulator.function(), repository.commit)


def incremental(programs, repository, latency):
    """A push of one file after a commit that is already archived, in a process that has archived nothing yet."""
    with Emulator(programs.emulator, repository.path, latency, programs.updates) as emulator:
        emulator.function()
        emulator.invoke(repository.commit)
        process = emulator.renewed_function()
        emulator.requests()
        return invoked(emulator, process, repository.pushed)


def invoked(emulator, process, commit):
    with watched(process) as spent:
        answer = emulator.invoke(commit)
    told = {operation: count for operation, count in answer["api_calls"].items() if count}
    return figure(spent, answer["bytes"], emulator.requests(), told=told)


def naive(programs, repository, latency):
    with Emulator(programs.emulator, repository.path, latency) as emulator:
        script = pathlib.Path(__file__).with_name("naive.py")
        command = [sys.executable, script, emulated.NAME, emulated.BUCKET, emulated.KEY, emulated.PIPELINE]
        environment = {"PATH": ENVIRONMENT["PATH"], "AWS_DEFAULT_REGION": emulator.variables["AWS_REGION"]}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        child = subprocess.Popen(command, env=environment | emulator.variables, **pipes)
        overdue = threading.Timer(LONGEST_SECS, child.kill)
        overdue.start()
        try:
            expect(child, "ready")
            with watched(child.pid) as spent:
                print(repository.commit, file=child.stdin, flush=True)
                _, size = expect(child, "done")
            return figure(spent, int(size), emulator.requests())
        finally:
            child.stdin.close()
            child.wait()
            overdue.cancel()


def expect(child, word):
    words = child.stdout.readline().split()
    if not words or words[0] != word:
        raise Failed(f"it ended before it was {word}")
    return words


def clone_and_archive(programs, repository, latency):
    clone = programs.folder / "clone.git"
    shutil.rmtree(clone, ignore_errors=True)
    with Emulator(programs.emulator, repository.path, latency) as emulator:
        command = ["git", "clone", "--quiet", "--bare", "--depth", "1", emulator.clone_url(), clone]
        cloned = run(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        requests = emulator.requests()
    archived, zipped = git_archive(clone, "HEAD", programs.folder / "cloned.zip")
    shutil.rmtree(clone)
    return figure(cloned + archived, taken_size(zipped), requests)


def local_archive(programs, repository, _):
    spent, zipped = git_archive(repository.path, repository.commit, programs.folder / "local.zip")
    return figure(spent, taken_size(zipped))


def packed_git(programs, repository, _):
    spent, zipped = git_archive(repository.packed, repository.commit, programs.folder / "git.zip")
    return figure(spent, zipped.stat().st_size)


def packed_ours(programs, repository, _):
    """Runs after [`packed_git`], because ours is compared with its zip."""
    zipped = programs.folder / "ours.zip"
    spent = run([programs.from_pack, repository.pack, repository.commit, zipped], env={"PATH": ENVIRONMENT["PATH"]})
    if contents(zipped) != contents(programs.folder / "git.zip"):
        raise Failed("our zip differs from git's")
    return figure(spent, taken_size(zipped))


def git_archive(repository, commit, target):
    command = ["git", "--git-dir", repository, "archive", "--format=zip", "-6", f"--output={target}", commit]
    return run(command, env=ENVIRONMENT), target


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return [(entry.filename, entry.CRC, entry.file_size, entry.external_attr) for entry in archive.infolist()]


def taken_size(path):
    size = path.stat().st_size
    os.unlink(path)
    return size


def figure(spent: Spent, size, requests=(), told=None):
    """Returns one measurement as plain data. `requests` are the emulator's records, `told` are the requests that the function reports."""
    return {
        "wall": spent.wall,
        "cpu": spent.cpu,
        "memory": spent.memory,
        "zip": size,
        "requests": dict(Counter(request["operation"] for request in requests)),
        "reading": sum(request["service"] in READING for request in requests),
        "fetched": sum(request["bytes_out"] for request in requests),
        "told": told,
    }


NAMES = {
    naive: "boto3, one after the other",
    clone_and_archive: "git clone --depth 1, git archive",
    local_archive: "git archive, local clone",
    api: "ours, SOURCE=api",
    over_git: "ours, SOURCE=git",
    auto: "ours, SOURCE=auto",
    incremental: "ours, one file pushed",
    packed_git: "git archive, pack on disk",
    packed_ours: "ours, pack on disk",
}
