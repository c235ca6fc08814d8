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
from measure import LONGEST_SECS, Failed, Spent, instructions, run, watched
from repositories import MERGED, REFERENCE

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
    return after_archive(programs, repository, latency, repository.pushed, REFERENCE)


def merged(programs, repository, latency):
    """A push that changes every tenth file, in the same way."""
    return after_archive(programs, repository, latency, repository.merged, MERGED)


def after_archive(programs, repository, latency, commit, reference):
    with Emulator(programs.emulator, repository.path, latency, programs.updates) as emulator:
        emulator.function()
        emulator.invoke(repository.commit)
        process = emulator.renewed_function()
        emulator.requests()
        return invoked(emulator, process, commit, reference)


def invoked(emulator, process, commit, reference=REFERENCE):
    with watched(process) as spent:
        answer = emulator.invoke(commit, reference)
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
    zipped, printed = programs.folder / "ours.zip", programs.folder / "ours.txt"
    with printed.open("w") as output:
        spent = run(from_pack(programs, repository, zipped), env={"PATH": ENVIRONMENT["PATH"]}, stdout=output)
    git_zip = programs.folder / "git.zip"
    if contents(zipped) != contents(git_zip):
        raise Failed("our zip differs from git's")
    return figure(spent, zipped.stat().st_size) | {
        "after_last_byte": float(printed.read_text()) / 1000,
        "same": same_bytes(zipped, git_zip),
    }


def from_pack(programs, repository, zipped):
    return [programs.from_pack, repository.pack, repository.commit, zipped]


def packed_instructions(programs, repository):
    """Returns the instructions of git and of ours, from a pack on disk to the zip."""
    git = git_archive_command(repository.packed, repository.commit, programs.folder / "git.zip")
    ours = from_pack(programs, repository, programs.folder / "ours.zip")
    return {"git": instructions(git, ENVIRONMENT), "ours": instructions(ours, {"PATH": ENVIRONMENT["PATH"]})}


def same_bytes(ours, theirs):
    """Returns the share of the compressed bytes of one zip that are the same, entry for entry, in the other."""
    with zipfile.ZipFile(ours) as a, zipfile.ZipFile(theirs) as b, ours.open("rb") as a_file, theirs.open("rb") as b_file:
        same = total = 0
        for mine, its in zip(a.infolist(), b.infolist()):
            total += mine.compress_size
            if mine.compress_size == its.compress_size:
                same += mine.compress_size if data_of(a_file, mine) == data_of(b_file, its) else 0
    return same / max(total, 1)


def data_of(file, entry):
    """Returns the bytes of an entry as they are in the zip. Its name and extra field are before them."""
    file.seek(entry.header_offset + 26)
    lengths = file.read(4)
    file.seek(int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"), os.SEEK_CUR)
    return file.read(entry.compress_size)


def git_archive(repository, commit, target):
    return run(git_archive_command(repository, commit, target), env=ENVIRONMENT), target


def git_archive_command(repository, commit, target):
    return ["git", "--git-dir", repository, "archive", "--format=zip", "-6", f"--output={target}", commit]


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
        "read": sum(request["bytes_out"] for request in requests if request["service"] in READING),
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
    merged: "ours, every tenth file pushed",
    packed_git: "git archive, pack on disk",
    packed_ours: "ours, pack on disk",
}
