"""The measured repositories, each with a bare copy, a push of one file, and a pack of its commit alone."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import tarfile
import zlib

import made
from git import ENVIRONMENT, git, line

REFERENCE = "refs/heads/feature/bench"
MERGED = "refs/heads/feature/merged"
MERGED_AT = 20_000  # the files of the repository that gets a push of many files
MERGED_EVERY = 10  # that push changes every tenth file


@dataclasses.dataclass
class Repository:
    name: str
    path: pathlib.Path  # a bare copy, which is served and pushed to
    commit: str
    pushed: str  # a commit on top, with one file changed
    merged: str | None  # a commit on top, with every tenth file changed, if there are enough files
    merged_bytes: int  # the compressed size of what that commit changes
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
    usual = usual_files(entries)
    changed = usual[len(usual) // 2]  # mostly not at the top level
    pushed = push(copy, commit, [changed], REFERENCE)
    merged = push(copy, commit, usual[::MERGED_EVERY], MERGED) if len(entries) == MERGED_AT else None
    attributes = {path for path in entries if pathlib.PurePosixPath(path).name == ".gitattributes"}
    return Repository(
        name=name,
        path=copy,
        commit=commit,
        pushed=pushed,
        merged=merged,
        merged_bytes=changed_bytes(copy, commit, merged) if merged else 0,
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


def usual_files(entries):
    """Returns the files that a push may change."""
    usual = [path for path, (mode, _) in entries.items() if mode == b"100644" and "\n" not in path]
    return [path for path in usual if pathlib.PurePosixPath(path).name != ".gitattributes"]


def push(repository, commit, paths, reference):
    """Makes a commit that adds a line to files, without a working tree. The same each time."""
    stream = [f"commit {reference}\n{made.STAMP}\ndata 8\nChanged\n\nfrom {commit}\n".encode()]
    names = "".join(f"{commit}:{path}\n" for path in paths)
    for path, old in zip(paths, contents(repository, os.fsencode(names))):
        content = old + b"another %s\n" % os.fsencode(path)
        stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (quoted(path), len(content), content))
    git("fast-import", "--quiet", "--force", directory=repository, input=b"".join(stream))
    return line("rev-parse", reference, directory=repository)


def quoted(path):
    """Quotes a path as git's fast-import reads it."""
    escaped = (b"\\%03o" % byte if byte in b'"\\' or not 32 <= byte < 127 else bytes([byte]) for byte in os.fsencode(path))
    return b'"%s"' % b"".join(escaped)


def changed_bytes(repository, old, new):
    """Returns the compressed size of the objects that a commit adds: each deflated as a whole, at git's level."""
    listed = git("rev-list", "--objects", "--no-object-names", new, f"^{old}", directory=repository)
    return sum(len(zlib.compress(content, 6)) for content in contents(repository, listed))


def contents(repository, names):
    """Yields the contents of objects, which are named one a line."""
    answer = git("cat-file", "--batch", directory=repository, input=names)
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def pack(repository, commit, target):
    """Makes a bare repository with only a commit and its tree, packed as CodeCommit does: deltas name their bases by id."""
    objects = git("rev-list", "--objects", "--no-object-names", "--max-count=1", commit, directory=repository)
    git("init", "--quiet", "--bare", target)
    git("pack-objects", "--quiet", target / "objects/pack/pack", directory=repository, input=objects)
    (target / "shallow").write_text(commit + "\n")
    git("update-ref", "refs/heads/main", commit, directory=target)
