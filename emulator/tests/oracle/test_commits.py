"""PutFile, DeleteFile and CreateCommit with boto3, judged by Git."""

import subprocess

import pytest
from botocore.exceptions import ClientError

NOBODY = {"name": "Nobody", "email": "nobody@example.com"}


class Branch:
    """A branch of a repository that boto3 writes to and Git reads."""

    def __init__(self, codecommit, path, repository):
        self.codecommit, self.path, self.repository = codecommit, path, repository

    def git(self, *arguments):
        command = ["git", "--git-dir", self.path, *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()

    def tip(self):
        return self.git("rev-parse", "main").strip()

    def files(self):
        """Mode and blob by path, as Git lists them."""
        lines = self.git("ls-tree", "-r", "-z", "main").split("\0")[:-1]
        return {line.split("\t")[1]: tuple(line.split("\t")[0].split(" ")[::2]) for line in lines}

    def blob(self, content):
        done = subprocess.run(["git", "hash-object", "--stdin"], input=content, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def put(self, path, content, parent=True, **options):
        options |= {"parentCommitId": self.tip()} if parent is True else {}
        target = {"repositoryName": self.repository, "branchName": "main"}
        return self.codecommit.put_file(**(target | {"filePath": path, "fileContent": content} | options))

    def delete(self, path, **options):
        target = {"repositoryName": self.repository, "branchName": "main", "parentCommitId": self.tip()}
        return self.codecommit.delete_file(**(target | {"filePath": path} | options))

    def commit(self, **options):
        target = {"repositoryName": self.repository, "branchName": "main", "parentCommitId": self.tip()}
        return self.codecommit.create_commit(**(target | options))


@pytest.fixture
def branch(codecommit, folder):
    """The branch main of a new repository with one file."""
    codecommit.create_repository(repositoryName="written")
    branch = Branch(codecommit, folder / "written.git", "written")
    branch.put("README.md", b"Read me\n", parent=None, commitMessage="First\n", **NOBODY)
    yield branch
    codecommit.delete_repository(repositoryName="written")


def code(call, *arguments, **options):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **options)
    return caught.value.response["Error"]["Code"]


def test_the_first_file_makes_the_default_branch(branch, codecommit):
    assert branch.files() == {"README.md": ("100644", branch.blob(b"Read me\n"))}
    assert branch.git("log", "--format=%an <%ae> %cn <%ce>%n%B", "main") == (
        "Nobody <nobody@example.com> Nobody <nobody@example.com>\nFirst\n\n"
    )
    assert codecommit.get_repository(repositoryName="written")["repositoryMetadata"]["defaultBranch"] == "main"
    branch.git("fsck", "--strict")


def test_files_are_put_with_their_modes(branch):
    first = branch.tip()
    answer = branch.put("a/b/größe.txt", b"\0binary\xff", fileMode="EXECUTABLE")
    assert answer["commitId"] == branch.tip() and answer["blobId"] == branch.blob(b"\0binary\xff")
    assert answer["treeId"] == branch.git("rev-parse", "main^{tree}").strip()
    assert branch.git("rev-parse", "main^").strip() == first
    branch.put("link", b"README.md", fileMode="SYMLINK")
    branch.put("README.md", b"")
    assert branch.files() == {
        "README.md": ("100644", branch.blob(b"")),
        "a/b/größe.txt": ("100755", branch.blob(b"\0binary\xff")),
        "link": ("120000", branch.blob(b"README.md")),
    }
    branch.git("fsck", "--strict")


def test_a_file_is_deleted_with_its_folder(branch):
    put = branch.put("folder/only", b"x")
    answer = branch.delete("folder/only", commitMessage="Gone")
    assert (answer["blobId"], answer["filePath"], answer["commitId"]) == (put["blobId"], "folder/only", branch.tip())
    assert list(branch.files()) == ["README.md"]
    branch.delete("README.md")
    assert branch.files() == {}


def test_a_commit_changes_many_files(branch):
    branch.put("old", b"old")
    branch.put("script", b"#!/bin/sh\n")
    answer = branch.commit(
        putFiles=[
            {"filePath": "new/one", "fileContent": b"1"},
            {"filePath": "README.md", "fileContent": b"2", "fileMode": "EXECUTABLE"},
        ],
        deleteFiles=[{"filePath": "old"}],
        setFileModes=[{"filePath": "script", "fileMode": "EXECUTABLE"}],
        authorName="Nobody",
        commitMessage="Many",
    )
    assert branch.files() == {
        "README.md": ("100755", branch.blob(b"2")),
        "new/one": ("100644", branch.blob(b"1")),
        "script": ("100755", branch.blob(b"#!/bin/sh\n")),
    }

    def file(path, content, mode):
        return {"absolutePath": path, "blobId": branch.blob(content), "fileMode": mode}

    assert answer["filesAdded"] == [file("new/one", b"1", "NORMAL")]
    assert answer["filesUpdated"] == [
        file("README.md", b"2", "EXECUTABLE"),
        file("script", b"#!/bin/sh\n", "EXECUTABLE"),
    ]
    assert answer["filesDeleted"] == [file("old", b"old", "NORMAL")]
    assert answer["commitId"] == branch.tip()


def test_what_the_service_refuses(branch):
    first = branch.tip()
    branch.put("folder/file", b"x")
    assert code(branch.put, "folder/file", b"x") == "SameFileContentException"
    assert code(branch.put, "folder", b"y") == "FileNameConflictsWithDirectoryNameException"
    assert code(branch.put, "README.md/x", b"y") == "DirectoryNameConflictsWithFileNameException"
    assert code(branch.put, "a/../b", b"y") == "InvalidPathException"
    assert code(branch.put, "", b"y") == "PathRequiredException"
    assert code(branch.put, "large", b"x" * ((6 << 20) + 1)) == "FileContentSizeLimitExceededException"
    assert code(branch.put, "x", b"y", fileMode="DEVICE") == "InvalidFileModeException"
    assert code(branch.put, "x", b"y", branchName="absent") == "BranchDoesNotExistException"
    assert code(branch.put, "x", b"y", parent=None) == "ParentCommitIdRequiredException"
    assert code(branch.put, "x", b"y", parent=None, parentCommitId=first) == "ParentCommitIdOutdatedException"
    assert code(branch.put, "x", b"y", parent=None, parentCommitId="1" * 40) == "ParentCommitDoesNotExistException"
    assert code(branch.put, "x", b"y", parent=None, parentCommitId="main") == "InvalidParentCommitIdException"
    assert code(branch.delete, "absent") == "FileDoesNotExistException"
    assert code(branch.commit) == "FileEntryRequiredException"
    same = [{"filePath": "README.md", "fileContent": b"Read me\n"}]
    assert code(branch.commit, putFiles=same) == "NoChangeException"
    assert code(branch.commit, putFiles=same, deleteFiles=[{"filePath": "README.md"}]) == "SamePathRequestException"
    assert code(branch.commit, putFiles=[{"filePath": str(n), "fileContent": b""} for n in range(101)]) == (
        "MaximumFileEntriesExceededException"
    )
    assert code(branch.delete, "README.md", keepEmptyFolders=True) == "NotImplemented"
    assert branch.git("rev-list", "--count", "main") == "2\n"


def test_a_worktree_follows_or_is_left_alone(codecommit, folder):
    branch = Branch(codecommit, folder / "ordinary" / ".git", "ordinary")
    branch.put("from-the-api", b"here\n")
    worktree = folder / "ordinary"
    assert (worktree / "from-the-api").read_text() == "here\n"
    status = ["git", "-C", worktree, "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True).stdout == b""
    (worktree / "from-the-api").write_text("mine\n")
    tip = branch.tip()
    assert code(branch.put, "from-the-api", b"theirs\n") == "InternalFailure"
    assert ((worktree / "from-the-api").read_text(), branch.tip()) == ("mine\n", tip)
    subprocess.run(["git", "-C", worktree, "reset", "--hard", "--quiet", "HEAD~1"], check=True)
