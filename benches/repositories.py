"""The measured repositories, each with a bare copy, a push of one file, and a pack of its commit alone."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import tarfile

import made
from git import ENVIRONMENT, git, line

REFERENCE = "refs/heads/feature/bench"


@dataclasses.dataclass
class Repository:
    name: str
    path: pathlib.Path  # a bare copy, which is served and pushed to
    commit: str
    pushed: str  # a commit on top, with one file changed
    packed: pathlib.Path  # a bare repository with the commit alone, as one pack
    files: int
    megabytes: float
    folders_above: int  # of the changed file, the root included
    unarchived_attributes: int  # .gitattributes in the tree that are not in the archive

    @property
    def pack(self):
        (pack,) = (self.packed / "objects/pack").glob("*.pack")
        return pack


def given(argument, folder):
    """A local repository: PATH, or NAME=PATH."""
    path = pathlib.Path(argument.rpartition("=")[2]).resolve()
    return prepared(name_of(argument), path, folder)


def name_of(argument):
    name, _, path = argument.rpartition("=")
    return name or pathlib.Path(path).name.removesuffix(".git")


def of_files(count, folder):
    return prepared(f"made, {count:,} files", made.files(folder, count), folder)


def of_one_blob(folder):
    return prepared("made, one 2 GB file", made.blob(folder), folder)


def prepared(name, original, folder):
    commit = line("rev-parse", "HEAD^{commit}", directory=git_dir(original))
    work = folder / f"{name.replace(' ', '-').replace(',', '')}-{commit[:10]}"
    copy, packed = work / "served.git", work / "packed.git"
    if not work.exists():
        unfinished = work.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        git("clone", "--quiet", "--mirror", "--shared", original, unfinished / "served.git")
        pack(git_dir(original), commit, unfinished / "packed.git")
        unfinished.rename(work)
    entries = listing(copy, commit)
    changed = usual_file(entries)
    pushed = push(copy, commit, changed)
    attributes = {path for path in entries if pathlib.PurePosixPath(path).name == ".gitattributes"}
    return Repository(
        name=name,
        path=copy,
        commit=commit,
        pushed=pushed,
        packed=packed,
        files=len(entries),
        megabytes=sum(size for _, size in entries.values()) / 1e6,
        folders_above=changed.count("/") + 1,
        unarchived_attributes=len(attributes - archived(copy, commit)) if attributes else 0,
    )


def git_dir(path):
    return path / ".git" if (path / ".git").exists() else path


def listing(repository, commit):
    """The files of a commit by their paths: mode and size."""
    entries = {}
    for row in git("ls-tree", "-r", "-z", "--long", commit, directory=repository).split(b"\0")[:-1]:
        head, path = row.split(b"\t", 1)
        mode, _, _, size = head.split()
        if size != b"-":
            entries[os.fsdecode(path)] = (mode, int(size))
    return entries


def archived(repository, commit):
    """The paths of a commit that git archives."""
    command = ["git", "--git-dir", repository, "archive", "--format=tar", commit]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as child:
        with tarfile.open(fileobj=child.stdout, mode="r|") as archive:
            return {entry.name for entry in archive}


def usual_file(entries):
    """Returns the file that the push changes: an ordinary one in the middle of the listing, usually not at the top level."""
    usual = [path for path, (mode, _) in entries.items() if mode == b"100644"]
    usual = [path for path in usual if pathlib.PurePosixPath(path).name != ".gitattributes"]
    return usual[len(usual) // 2]


def push(repository, commit, path):
    """Makes a commit that changes one file, without a working tree. The same each time."""
    index = {"GIT_INDEX_FILE": str(repository / "bench-index")}
    blob = line("hash-object", "-w", "--stdin", directory=repository, input=f"another {path}\n".encode())
    git("read-tree", commit, directory=repository, environment=index)
    git("update-index", "--cacheinfo", f"100644,{blob},{path}", directory=repository, environment=index)
    tree = line("write-tree", directory=repository, environment=index)
    pushed = line("commit-tree", tree, "-p", commit, "-m", "One file changed", directory=repository)
    git("update-ref", REFERENCE, pushed, directory=repository)
    return pushed


def pack(repository, commit, target):
    """Makes a bare repository with only a commit and its tree, packed as CodeCommit does: deltas name their bases by id."""
    objects = git("rev-list", "--objects", "--no-object-names", "--max-count=1", commit, directory=repository)
    git("init", "--quiet", "--bare", target)
    git("pack-objects", "--quiet", target / "objects/pack/pack", directory=repository, input=objects)
    (target / "shallow").write_text(commit + "\n")
    git("update-ref", "refs/heads/main", commit, directory=target)
