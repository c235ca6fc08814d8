"""Every CodeCommit operation that the emulator models, with boto3; the answers are compared with Git's."""

import shutil
import uuid

import pytest
from botocore.exceptions import ClientError

REPOSITORY = "fixture"
ABSENT = "f" * 40
LAMBDA = "arn:aws:lambda:eu-central-1:123456789012:function:updates"


def refused(call, /, **arguments):
    """Returns the error code of a refused call."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


def pages(call, result, token="nextToken", **arguments):
    """Returns all items of a paged operation, and the number of pages."""
    items, count, more = [], 0, {}
    while True:
        answer = call(**arguments, **more)
        items += answer[result]
        count += 1
        if token not in answer:
            return items, count
        more = {token: answer[token]}


def tree(git, treeish):
    """Returns git ls-tree -r -t as a dict of path to (mode, kind, id)."""
    entries = {}
    for line in git("ls-tree", "-r", "-t", "-z", treeish).split(b"\0")[:-1]:
        head, path = line.split(b"\t", 1)
        mode, kind, object_id = head.decode().split()
        entries[path] = (mode, kind, object_id)
    return entries


def commit_id(git, name):
    return git("rev-parse", f"{name}^{{commit}}").decode().strip()


# Repositories and branches


def test_repositories_are_listed(codecommit):
    names = [r["repositoryName"] for r in codecommit.list_repositories()["repositories"]]
    assert names == ["fixture", "ordinary", "void"]
    descending = codecommit.list_repositories(order="descending", sortBy="repositoryName")["repositories"]
    assert [r["repositoryName"] for r in descending] == names[::-1]
    by_date = codecommit.list_repositories(sortBy="lastModifiedDate")["repositories"]
    assert sorted(r["repositoryName"] for r in by_date) == names
    assert refused(codecommit.list_repositories, sortBy="size") == "InvalidSortByException"
    assert refused(codecommit.list_repositories, order="random") == "InvalidOrderException"
    assert refused(codecommit.list_repositories, nextToken="x") == "InvalidContinuationTokenException"


def test_a_repository_made_later_is_served_and_lists_are_paged(codecommit, folder, git):
    made = []
    for number in range(6):
        path = folder / f"later-{number}.git"
        git("init", "--quiet", "--bare", str(path))
        made.append(path)
    repositories, count = pages(codecommit.list_repositories, "repositories")
    assert count == 2 and len(repositories) == 9
    assert len({r["repositoryId"] for r in repositories}) == 9
    for path in made:
        shutil.rmtree(path)
    assert len(codecommit.list_repositories()["repositories"]) == 3


def test_a_repository_is_described(codecommit):
    metadata = codecommit.get_repository(repositoryName=REPOSITORY)["repositoryMetadata"]
    assert metadata["defaultBranch"] == "main"
    assert metadata["Arn"] == "arn:aws:codecommit:eu-central-1:123456789012:fixture"
    assert metadata["accountId"] == "123456789012"
    assert metadata["cloneUrlHttp"].endswith("/v1/repos/fixture")
    assert metadata["creationDate"].year > 2000
    uuid.UUID(metadata["repositoryId"])
    assert "defaultBranch" not in codecommit.get_repository(repositoryName="void")["repositoryMetadata"]


REPOSITORY_OPERATIONS = {
    "get_repository": {},
    "list_branches": {},
    "get_branch": {"branchName": "main"},
    "get_commit": {"commitId": ABSENT},
    "batch_get_commits": {"commitIds": [ABSENT]},
    "get_folder": {"folderPath": ""},
    "get_file": {"filePath": "README.md"},
    "get_blob": {"blobId": ABSENT},
    "get_differences": {"afterCommitSpecifier": "main"},
    "get_repository_triggers": {},
    "put_repository_triggers": {"triggers": []},
    "test_repository_triggers": {"triggers": []},
}


@pytest.mark.parametrize("operation", REPOSITORY_OPERATIONS)
def test_every_operation_checks_the_repository(codecommit, operation):
    call, arguments = getattr(codecommit, operation), REPOSITORY_OPERATIONS[operation]
    assert refused(call, **arguments) == "RepositoryNameRequiredException"
    for name in ["a b", "x" * 101, "fixture.git", "../fixture"]:
        assert refused(call, repositoryName=name, **arguments) == "InvalidRepositoryNameException"
    assert refused(call, repositoryName="absent", **arguments) == "RepositoryDoesNotExistException"


def test_what_is_not_modeled_answers_501(codecommit):
    with pytest.raises(ClientError) as error:
        codecommit.delete_repository(repositoryName=REPOSITORY)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_branches_are_those_of_git(codecommit, git):
    expected = git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").decode().split()
    branches, count = pages(codecommit.list_branches, "branches", repositoryName=REPOSITORY)
    assert branches == expected and count == 2
    for name in branches:
        branch = codecommit.get_branch(repositoryName=REPOSITORY, branchName=name)["branch"]
        assert branch == {"branchName": name, "commitId": commit_id(git, f"refs/heads/{name}")}
    assert codecommit.list_branches(repositoryName="void")["branches"] == []
    token = {"repositoryName": REPOSITORY, "nextToken": "bm8"}
    assert refused(codecommit.list_branches, **token) == "InvalidContinuationTokenException"


def test_a_branch_must_be_named_and_exist(codecommit):
    def code(**arguments):
        return refused(codecommit.get_branch, repositoryName=REPOSITORY, **arguments)

    assert code() == "BranchNameRequiredException"
    assert code(branchName="absent") == "BranchDoesNotExistException"
    for name in ["main~1", "a..b", "a b", "x" * 257, "@{-1}", "a.lock", "/main", ":x"]:
        assert code(branchName=name) == "InvalidBranchNameException"


# Commits


def test_commits_are_those_of_git(codecommit, git):
    for line in git("rev-list", "--all").decode().split():
        commit = codecommit.get_commit(repositoryName=REPOSITORY, commitId=line)["commit"]
        shape = "%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B"
        fields = git("log", "-1", "--date=raw", f"--format={shape}", line).decode()[:-1].split("\0")
        author = dict(zip(["name", "email", "date"], fields[3:6]))
        committer = dict(zip(["name", "email", "date"], fields[6:9]))
        assert commit == {
            "commitId": fields[0],
            "treeId": fields[1],
            "parents": fields[2].split(),
            "author": author,
            "committer": committer,
            "message": fields[9],
            "additionalData": "",
        }


def test_a_commit_must_be_a_whole_id_of_a_commit(codecommit, git):
    def code(**arguments):
        return refused(codecommit.get_commit, repositoryName=REPOSITORY, **arguments)

    assert code() == "CommitIdRequiredException"
    assert code(commitId="main") == "InvalidCommitIdException"
    assert code(commitId=commit_id(git, "main")[:12]) == "InvalidCommitIdException"
    assert code(commitId=ABSENT) == "CommitIdDoesNotExistException"
    assert code(commitId=git("rev-parse", "main^{tree}").decode().strip()) == "CommitIdDoesNotExistException"


def test_commits_come_in_batches(codecommit, git):
    ids = git("rev-list", "--all").decode().split()
    answer = codecommit.batch_get_commits(repositoryName=REPOSITORY, commitIds=[*ids, ABSENT, "main"])
    assert [c["commitId"] for c in answer["commits"]] == ids
    errors = {e["commitId"]: e["errorCode"] for e in answer["errors"]}
    assert errors == {ABSENT: "CommitIdDoesNotExistException", "main": "InvalidCommitIdException"}

    def code(**arguments):
        return refused(codecommit.batch_get_commits, repositoryName=REPOSITORY, **arguments)

    assert code() == code(commitIds=[]) == "CommitIdsListRequiredException"
    assert code(commitIds=[ABSENT] * 101) == "CommitIdsLimitExceededException"


# Folders, files, blobs

FILE_MODES = {"100644": "NORMAL", "100755": "EXECUTABLE", "120000": "SYMLINK"}


def walk(codecommit, repository, specifier, path=""):
    """Returns all entries below a folder from GetFolder: path to (mode, id), and the IDs of folders."""
    folder = codecommit.get_folder(repositoryName=repository, commitSpecifier=specifier, folderPath=path)
    assert folder["folderPath"] == path
    entries = {path: ("tree", folder["treeId"])}
    for file in folder["files"] + folder["symbolicLinks"]:
        entries[file["absolutePath"]] = (file["fileMode"], file["blobId"])
    for module in folder["subModules"]:
        entries[module["absolutePath"]] = ("commit", module["commitId"])
    for below in folder["subFolders"]:
        assert below["absolutePath"] == (f"{path}/" if path else "") + below["relativePath"]
        found = walk(codecommit, repository, specifier, below["absolutePath"])
        assert found[below["absolutePath"]] == ("tree", below["treeId"])
        entries |= found
    return entries


@pytest.mark.parametrize(
    ("repository", "name"),
    [("fixture", name) for name in ["main", "first", "feature/a/b", "v1.0", "merged", "empty"]]
    + [("ordinary", name) for name in ["main", "first", "v1.0"]],
)
def test_folders_are_those_of_git(codecommit, git, repository, name):
    expected = {"": ("tree", git("rev-parse", f"{name}^{{tree}}").decode().strip())}
    for path, (mode, kind, object_id) in tree(git, f"{name}^{{tree}}").items():
        expected[path.decode()] = (FILE_MODES.get(mode, kind), object_id)
    assert walk(codecommit, repository, name) == expected
    assert walk(codecommit, repository, commit_id(git, name)) == expected


def test_a_folder_is_found_by_any_name_of_its_commit(codecommit, git):
    def get(**arguments):
        answer = codecommit.get_folder(repositoryName=REPOSITORY, folderPath="src", **arguments)
        return answer["commitId"], answer["treeId"]

    main = commit_id(git, "main"), git("rev-parse", "main:src").decode().strip()
    for arguments in [{}, *({"commitSpecifier": s} for s in ["HEAD", "main", "refs/heads/main", "refs/tags/v1.0"])]:
        assert get(**arguments) == main
    assert codecommit.get_folder(repositoryName=REPOSITORY, folderPath="/src/")["folderPath"] == "src"
    assert codecommit.get_folder(repositoryName=REPOSITORY, folderPath="/")["folderPath"] == ""


def test_a_folder_must_be_named_and_exist(codecommit):
    def code(repository=REPOSITORY, **arguments):
        return refused(codecommit.get_folder, repositoryName=repository, **arguments)

    assert code() == "PathRequiredException"
    for path in ["absent", "README.md", "src/deep/er/file", "README.md/x", "vendor/module"]:
        assert code(folderPath=path) == "FolderDoesNotExistException"
    for path in ["src//deep", "src/../many", ".", "a\0b"]:
        assert code(folderPath=path) == "InvalidPathException"
    for commit in [ABSENT, "absent", "refs/heads/absent", "abcdef"]:
        assert code(folderPath="", commitSpecifier=commit) == "CommitDoesNotExistException"
    for commit in ["main~1", "main^{tree}", "a b", "main:src"]:
        assert code(folderPath="", commitSpecifier=commit) == "InvalidCommitException"
    assert code("void", folderPath="") == "CommitDoesNotExistException"


def test_an_old_mode_is_shown_as_normal_and_its_tree_id_kept(codecommit, git):
    folder = codecommit.get_folder(repositoryName=REPOSITORY, commitSpecifier="legacy", folderPath="")
    assert git("cat-file", "tree", "legacy^{tree}").startswith(b"100664 old\0")
    assert [f["fileMode"] for f in folder["files"]] == ["NORMAL"]
    assert folder["treeId"] == git("rev-parse", "legacy^{tree}").decode().strip()


def test_a_name_that_is_not_utf_8_is_replaced(codecommit):
    folder = codecommit.get_folder(repositoryName=REPOSITORY, commitSpecifier="latin", folderPath="")
    assert [f["absolutePath"] for f in folder["files"]] == ["latin-\ufffd"]


def test_blobs_and_files_are_those_of_git(codecommit, git):
    for path, (mode, kind, object_id) in tree(git, "first").items():
        if kind != "blob":
            continue
        content = git("cat-file", "blob", object_id)
        assert codecommit.get_blob(repositoryName=REPOSITORY, blobId=object_id)["content"] == content
        file = codecommit.get_file(repositoryName=REPOSITORY, commitSpecifier="first", filePath=path.decode())
        del file["ResponseMetadata"]
        assert file == {
            "commitId": commit_id(git, "first"),
            "blobId": object_id,
            "filePath": path.decode(),
            "fileMode": FILE_MODES[mode],
            "fileSize": len(content),
            "fileContent": content,
        }


def test_a_file_may_have_6_mb_and_not_a_byte_more(codecommit, git):
    large = {"repositoryName": REPOSITORY, "commitSpecifier": "large"}
    assert codecommit.get_file(filePath="exact", **large)["fileSize"] == 6 << 20
    assert refused(codecommit.get_file, filePath="large", **large) == "FileTooLargeException"
    blobs = {name: git("rev-parse", f"large:{name}").decode().strip() for name in ["exact", "large"]}
    exact = codecommit.get_blob(repositoryName=REPOSITORY, blobId=blobs["exact"])
    assert exact["content"] == bytes(6 << 20)
    too_large = {"repositoryName": REPOSITORY, "blobId": blobs["large"]}
    assert refused(codecommit.get_blob, **too_large) == "FileTooLargeException"


def test_files_and_blobs_must_be_named_and_exist(codecommit, git):
    def file(**arguments):
        return refused(codecommit.get_file, repositoryName=REPOSITORY, **arguments)

    def blob(**arguments):
        return refused(codecommit.get_blob, repositoryName=REPOSITORY, **arguments)

    assert file() == "PathRequiredException"
    for path in ["absent", "src", "vendor/module", "README.md/x"]:
        assert file(filePath=path) == "FileDoesNotExistException"
    assert file(filePath="a/../b") == "InvalidPathException"
    assert file(filePath="README.md", commitSpecifier=ABSENT) == "CommitDoesNotExistException"
    assert blob() == "BlobIdRequiredException"
    assert blob(blobId="abc") == blob(blobId="main:README.md") == "InvalidBlobIdException"
    assert blob(blobId=ABSENT) == blob(blobId=commit_id(git, "main")) == "BlobIdDoesNotExistException"


# Differences


def differences_by_git(git, before, after):
    raw = git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", before, after)
    fields = raw.decode().split("\0")[:-1]
    result = []
    for head, path in zip(fields[::2], fields[1::2]):
        old_mode, mode, old_id, new_id, status = head.lstrip(":").split()
        change = {"changeType": "M" if status == "T" else status}
        if status != "A":
            change["beforeBlob"] = {"blobId": old_id, "path": path, "mode": old_mode}
        if status != "D":
            change["afterBlob"] = {"blobId": new_id, "path": path, "mode": mode}
        result.append(change)
    return result


def differences(codecommit, **arguments):
    return pages(codecommit.get_differences, "differences", "NextToken", repositoryName=REPOSITORY, **arguments)


EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@pytest.mark.parametrize("size", [None, 1, 3, 100])
@pytest.mark.parametrize("before", ["first", "feature/a/b", "main", None])
def test_differences_are_those_of_git(codecommit, git, before, size):
    expected = differences_by_git(git, before or EMPTY_TREE, "main")
    arguments = {"afterCommitSpecifier": "main"}
    arguments |= {"beforeCommitSpecifier": before} if before else {}
    arguments |= {"MaxResults": size} if size else {}
    found, count = differences(codecommit, **arguments)
    assert found == expected
    assert count == max(1, -(-len(expected) // (size or 5)))


def test_differences_can_be_limited_to_a_path(codecommit, git):
    whole = differences_by_git(git, "first", "main")

    def below(path, **paths):
        arguments = {"beforeCommitSpecifier": "first", "afterCommitSpecifier": "main", **paths}
        expected = [d for d in whole if d.get("afterBlob", d.get("beforeBlob"))["path"].startswith(path)]
        assert expected and differences(codecommit, **arguments)[0] == expected

    below("src/", afterPath="src", beforePath="src")
    below("src/", afterPath="/src/")
    below("many/", beforePath="many")
    below("README.md", afterPath="README.md")
    below("many/3", beforePath="many/3")
    moved, _ = differences(
        codecommit,
        beforeCommitSpecifier="first",
        afterCommitSpecifier="first",
        beforePath="src/deep",
        afterPath="src/deep/er",
    )
    assert [d["changeType"] for d in moved] == ["D", "A"]
    assert moved[0]["beforeBlob"]["path"] == moved[1]["afterBlob"]["path"] == "src/deep/er/file"


def test_differences_are_refused_for_what_is_wrong(codecommit):
    def code(**arguments):
        return refused(codecommit.get_differences, repositoryName=REPOSITORY, **arguments)

    assert code() == "CommitRequiredException"
    assert code(afterCommitSpecifier=ABSENT) == "CommitDoesNotExistException"
    assert code(afterCommitSpecifier="main", beforeCommitSpecifier="absent") == "CommitDoesNotExistException"
    assert code(afterCommitSpecifier="main~1") == "InvalidCommitException"
    assert code(afterCommitSpecifier="main", afterPath="absent") == "PathDoesNotExistException"
    assert code(afterCommitSpecifier="main", afterPath="a//b") == "InvalidPathException"
    for limit in [0, -1]:
        assert code(afterCommitSpecifier="main", MaxResults=limit) == "InvalidMaxResultsException"
    token = codecommit.get_differences(repositoryName=REPOSITORY, afterCommitSpecifier="main")["NextToken"]
    assert code(afterCommitSpecifier="first", NextToken=token) == "InvalidContinuationTokenException"


# Triggers


def trigger(**members):
    return {"name": "all", "destinationArn": LAMBDA, "branches": [], "events": ["all"]} | members


def test_triggers_are_kept_and_replaced(codecommit):
    before = codecommit.get_repository_triggers(repositoryName=REPOSITORY)
    assert before["triggers"] == []
    some = {"branches": ["main", "feature/a/b"], "events": ["createReference", "deleteReference"]}
    first = [trigger(customData="x" * 1000), trigger(name="B.2_-", **some)]
    answer = codecommit.put_repository_triggers(repositoryName=REPOSITORY, triggers=first)
    assert answer["configurationId"] != before["configurationId"]
    kept = codecommit.get_repository_triggers(repositoryName=REPOSITORY)
    assert kept["triggers"] == first and kept["configurationId"] == answer["configurationId"]
    assert codecommit.get_repository_triggers(repositoryName="void")["triggers"] == []
    second = [trigger(name="other", destinationArn="arn:aws:sns:eu-central-1:123456789012:topic")]
    codecommit.put_repository_triggers(repositoryName=REPOSITORY, triggers=second)
    assert codecommit.get_repository_triggers(repositoryName=REPOSITORY)["triggers"] == second
    codecommit.put_repository_triggers(repositoryName=REPOSITORY, triggers=[])
    assert codecommit.get_repository_triggers(repositoryName=REPOSITORY)["triggers"] == []


def without(member):
    return {name: value for name, value in trigger().items() if name != member}


WRONG_TRIGGERS = [
    (None, "RepositoryTriggersListRequiredException"),
    ([trigger(name=str(n)) for n in range(11)], "MaximumRepositoryTriggersExceededException"),
    ([trigger(), trigger()], "InvalidRepositoryTriggerNameException"),
    ([trigger(name="a b")], "InvalidRepositoryTriggerNameException"),
    ([trigger(name="x" * 101)], "InvalidRepositoryTriggerNameException"),
    ([without("name")], "RepositoryTriggerNameRequiredException"),
    ([without("destinationArn")], "RepositoryTriggerDestinationArnRequiredException"),
    ([trigger(destinationArn="updates")], "InvalidRepositoryTriggerDestinationArnException"),
    ([trigger(destinationArn=LAMBDA.replace("lambda", "sqs"))], "InvalidRepositoryTriggerDestinationArnException"),
    ([trigger(destinationArn=LAMBDA.replace("central", "west"))], "InvalidRepositoryTriggerRegionException"),
    ([trigger(customData="x" * 1001)], "InvalidRepositoryTriggerCustomDataException"),
    ([without("branches")], "RepositoryTriggerBranchNameListRequiredException"),
    ([trigger(branches=[str(n) for n in range(11)])], "MaximumBranchesExceededException"),
    ([trigger(branches=["a b"])], "InvalidRepositoryTriggerBranchNameException"),
    ([without("events")], "RepositoryTriggerEventsListRequiredException"),
    ([trigger(events=[])], "RepositoryTriggerEventsListRequiredException"),
    ([trigger(events=["push"])], "InvalidRepositoryTriggerEventsException"),
    ([trigger(events=["all", "updateReference"])], "InvalidRepositoryTriggerEventsException"),
]


@pytest.mark.parametrize(("triggers", "code"), WRONG_TRIGGERS)
@pytest.mark.parametrize("operation", ["put_repository_triggers", "test_repository_triggers"])
def test_wrong_triggers_are_refused(codecommit, operation, triggers, code):
    arguments = {"repositoryName": REPOSITORY} | ({} if triggers is None else {"triggers": triggers})
    assert refused(getattr(codecommit, operation), **arguments) == code


def test_triggers_can_be_tested(codecommit):
    triggers = [trigger(), trigger(name="topic", destinationArn="arn:aws:sns:eu-central-1:123456789012:topic")]
    answer = codecommit.test_repository_triggers(repositoryName="void", triggers=triggers)
    assert answer["successfulExecutions"] == ["all"]
    assert [f["trigger"] for f in answer["failedExecutions"]] == ["topic"]


# Signatures


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIAOTHER"}, "UnrecognizedClientException"),
    ],
)
def test_a_foreign_signature_is_refused(emulator, credentials, code):
    assert refused(emulator.client("codecommit", **credentials).list_repositories) == code


def test_a_session_token_is_accepted(emulator):
    assert emulator.client("codecommit", aws_session_token="token").list_repositories()["repositories"]


class TestWrites:
    """CreateRepository, DeleteRepository, CreateBranch and DeleteBranch."""

    def test_a_repository_is_created_and_deleted(self, codecommit, folder):
        made = codecommit.create_repository(repositoryName="made", repositoryDescription="For a test")
        metadata = made["repositoryMetadata"]
        assert (metadata["repositoryName"], metadata["repositoryDescription"]) == ("made", "For a test")
        assert "defaultBranch" not in metadata
        assert codecommit.get_repository(repositoryName="made")["repositoryMetadata"] == metadata
        assert refused(codecommit.create_repository, repositoryName="made") == "RepositoryNameExistsException"
        assert (folder / "made.git" / "HEAD").read_text() == "ref: refs/heads/main\n"
        deleted = codecommit.delete_repository(repositoryName="made")
        assert deleted["repositoryId"] == metadata["repositoryId"]
        assert not (folder / "made.git").exists()
        assert refused(codecommit.get_repository, repositoryName="made") == "RepositoryDoesNotExistException"
        assert "repositoryId" not in codecommit.delete_repository(repositoryName="made")

    def test_the_first_branch_is_the_default(self, codecommit):
        named = {"repositoryName": "first"}
        codecommit.create_repository(**named)
        made = codecommit.put_file(**named, branchName="trunk", filePath="file", fileContent=b"x")
        assert codecommit.get_repository(**named)["repositoryMetadata"]["defaultBranch"] == "trunk"
        assert codecommit.get_file(**named, filePath="file")["commitId"] == made["commitId"]
        codecommit.create_branch(**named, branchName="other", commitId=made["commitId"])
        assert refused(codecommit.delete_branch, **named, branchName="trunk") == "DefaultBranchCannotBeDeletedException"
        codecommit.delete_repository(**named)

    def test_repositories_of_others_are_not_deleted(self, codecommit, folder):
        with pytest.raises(ClientError) as caught:
            codecommit.delete_repository(repositoryName="void")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert (folder / "void" / "HEAD").exists()

    def test_names_that_are_refused(self, codecommit):
        for name in ("a b", "a.git", "n" * 101):
            assert refused(codecommit.create_repository, repositoryName=name) == "InvalidRepositoryNameException"
        assert refused(codecommit.create_repository) == "RepositoryNameRequiredException"

    def test_a_branch_is_created_and_deleted(self, codecommit, git):
        commit = git("rev-parse", "main").decode().strip()
        branch = {"repositoryName": "fixture", "branchName": "made/here"}
        codecommit.create_branch(**branch, commitId=commit)
        assert git("rev-parse", "made/here").decode().strip() == commit
        assert refused(codecommit.create_branch, **branch, commitId=commit) == "BranchNameExistsException"
        for name in ("made", "made/here/too"):
            beside = branch | {"branchName": name}
            assert refused(codecommit.create_branch, **beside, commitId=commit) == "InvalidBranchNameException"
        deleted = codecommit.delete_branch(**branch)["deletedBranch"]
        assert deleted == {"branchName": "made/here", "commitId": commit}
        assert "deletedBranch" not in codecommit.delete_branch(**branch)

    def test_branches_that_are_refused(self, codecommit):
        fixture = {"repositoryName": "fixture"}
        create, delete = codecommit.create_branch, codecommit.delete_branch
        absent = {"commitId": "0" * 39 + "1"}
        assert refused(create, **fixture, branchName="new", **absent) == "CommitDoesNotExistException"
        assert refused(create, **fixture, branchName="new", commitId="main") == "InvalidCommitIdException"
        assert refused(create, **fixture, branchName="new") == "CommitIdRequiredException"
        assert refused(create, **fixture, branchName="a..b", **absent) == "InvalidBranchNameException"
        assert refused(delete, **fixture, branchName="main") == "DefaultBranchCannotBeDeletedException"
        assert refused(delete, **fixture) == "BranchNameRequiredException"
