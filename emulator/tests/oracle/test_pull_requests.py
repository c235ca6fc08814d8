"""Pull requests and merge options with boto3; the answers are compared with Git's."""

import subprocess
import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from conftest import Emulator

NAME = "reviewed"


def refused(call, /, **arguments):
    """Returns the error code of a refused call."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


class World:
    """A repository with a trunk and a branch, served by an emulator of its own."""

    def __init__(self, folder):
        self.path = folder / f"{NAME}.git"
        self.git("init", "--quiet", "--bare", "-b", "main", str(self.path), git_dir=False)
        self.commit("main", "base")
        self.git("branch", "feature/x", "main")
        self.commit("feature/x", "change")
        self.emulator = Emulator("--repositories", str(folder), "--page-size", "2")
        options = Config(parameter_validation=False)
        self.codecommit = self.emulator.client("codecommit", config=options)

    def git(self, *arguments, git_dir=True, stdin=b""):
        prefix = ["git", "--git-dir", str(self.path)] if git_dir else ["git"]
        return subprocess.run([*prefix, *arguments], check=True, capture_output=True, input=stdin).stdout.decode().strip()

    def commit(self, branch, message):
        """Adds a commit with a file of its own to a branch, and returns its ID."""
        parent = subprocess.run(["git", "--git-dir", str(self.path), "rev-parse", "-q", "--verify", f"refs/heads/{branch}"], capture_output=True)
        origin = f"from refs/heads/{branch}^0\n" if parent.returncode == 0 else ""
        name = message.replace(" ", "-")
        stream = (
            f"commit refs/heads/{branch}\ncommitter C <c@example.com> 1700000000 +0000\n"
            f"data {len(message)}\n{message}\n{origin}M 100644 inline {name}.txt\ndata {len(name)}\n{name}\n"
        )
        self.git("fast-import", "--quiet", stdin=stream.encode())
        return self.id(branch)

    def id(self, name):
        return self.git("rev-parse", name)

    def create(self, **changes):
        target = {"repositoryName": NAME, "sourceReference": "feature/x", "destinationReference": "main"}
        arguments = {"title": "Log in", "targets": [target], "clientRequestToken": f"t-{time.monotonic_ns()}"}
        return self.codecommit.create_pull_request(**(arguments | changes))["pullRequest"]

    def get(self, request):
        return self.codecommit.get_pull_request(pullRequestId=request["pullRequestId"])["pullRequest"]

    def comments(self, request):
        found, more = [], {}
        while True:
            answer = self.codecommit.get_comments_for_pull_request(pullRequestId=request["pullRequestId"], **more)
            found += [comment for group in answer["commentsForPullRequestData"] for comment in group["comments"]]
            if "nextToken" not in answer:
                return found
            more = {"nextToken": answer["nextToken"]}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.emulator.end()


def test_a_pull_request_shows_both_branches_and_follows_its_source(world):
    request = world.create(description="More")
    target = request["pullRequestTargets"][0]
    assert (request["pullRequestStatus"], request["title"], request["description"]) == ("OPEN", "Log in", "More")
    assert (target["sourceReference"], target["destinationReference"]) == ("refs/heads/feature/x", "refs/heads/main")
    assert (target["sourceCommit"], target["destinationCommit"]) == (world.id("feature/x"), world.id("main"))
    assert target["mergeBase"] == world.git("merge-base", "main", "feature/x")
    assert world.get(request) == request
    commit = world.commit("feature/x", "more")
    moved = world.get(request)
    assert moved["pullRequestTargets"][0]["sourceCommit"] == commit
    assert moved["revisionId"] != request["revisionId"] and len(moved["revisionId"]) == 64
    trunk = world.commit("main", "elsewhere")
    assert world.get(request)["pullRequestTargets"][0]["destinationCommit"] == trunk
    assert world.get(request)["revisionId"] == moved["revisionId"]
    world.git("branch", "-D", "feature/x")
    assert world.get(request)["pullRequestStatus"] == "CLOSED"
    assert world.get(request)["pullRequestTargets"][0]["sourceCommit"] == commit


def test_a_creation_is_idempotent_and_checked(world):
    first = world.create(clientRequestToken="one")
    assert world.create(clientRequestToken="one")["pullRequestId"] == first["pullRequestId"]
    create = world.create

    def code(**changes):
        return refused(create, **changes)

    target = {"repositoryName": NAME, "sourceReference": "feature/x", "destinationReference": "main"}
    assert code(clientRequestToken="one", title="Other") == "IdempotencyParameterMismatchException"
    assert code(clientRequestToken="") == "ClientRequestTokenRequiredException"
    assert code(title="") == "TitleRequiredException"
    assert code(title="x" * 151) == "InvalidTitleException"
    assert code(targets=[]) == "TargetRequiredException"
    assert code(targets=[target, target]) == "InvalidTargetsException"
    assert code(targets=[target | {"sourceReference": "main"}]) == "SourceAndDestinationAreSameException"
    assert code(targets=[target | {"sourceReference": "none"}]) == "ReferenceDoesNotExistException"
    assert code(targets=[target | {"sourceReference": "a b"}]) == "InvalidReferenceNameException"
    assert code(targets=[target | {"sourceReference": "refs/tags/v1"}]) == "ReferenceTypeNotSupportedException"
    assert code(targets=[target | {"repositoryName": "none"}]) == "RepositoryDoesNotExistException"


def test_pull_requests_are_listed_by_status(world):
    requests = [world.create() for _ in range(5)]
    closed = world.codecommit.update_pull_request_status(pullRequestId="2", pullRequestStatus="CLOSED")["pullRequest"]
    assert closed["pullRequestStatus"] == "CLOSED"

    def listed(**more):
        pages = world.emulator.client("codecommit").get_paginator("list_pull_requests").paginate(repositoryName=NAME, **more)
        return sorted(id for page in pages for id in page["pullRequestIds"])

    assert listed() == [request["pullRequestId"] for request in requests]
    assert listed(pullRequestStatus="OPEN") == ["1", "3", "4", "5"]
    assert listed(pullRequestStatus="CLOSED") == ["2"]
    listing, update = world.codecommit.list_pull_requests, world.codecommit.update_pull_request_status
    assert refused(listing, repositoryName=NAME, pullRequestStatus="x") == "InvalidPullRequestStatusException"
    assert refused(listing, repositoryName="none") == "RepositoryDoesNotExistException"
    assert refused(update, pullRequestId="2", pullRequestStatus="OPEN") == "InvalidPullRequestStatusUpdateException"
    assert refused(update, pullRequestId="9", pullRequestStatus="OPEN") == "PullRequestDoesNotExistException"
    assert refused(update, pullRequestId="x", pullRequestStatus="OPEN") == "InvalidPullRequestIdException"
    assert refused(world.codecommit.get_pull_request) == "PullRequestIdRequiredException"


def test_a_comment_is_posted_once_and_can_be_updated(world):
    request = world.create()
    target = request["pullRequestTargets"][0]
    arguments = {
        "pullRequestId": request["pullRequestId"],
        "repositoryName": NAME,
        "beforeCommitId": target["mergeBase"],
        "afterCommitId": target["sourceCommit"],
        "content": "**Failed**",
        "clientRequestToken": "one",
    }
    post, update = world.codecommit.post_comment_for_pull_request, world.codecommit.update_comment
    posted = post(**arguments)["comment"]
    again = post(**arguments)["comment"]
    assert posted["commentId"] == again["commentId"] and len(world.comments(request)) == 1
    assert refused(post, **arguments | {"content": "other"}) == "IdempotencyParameterMismatchException"
    update(commentId=posted["commentId"], content="**Succeeded**")
    assert [comment["content"] for comment in world.comments(request)] == ["**Succeeded**"]
    assert post(**arguments)["comment"]["content"] == "**Succeeded**", "an old token changes nothing"
    for number in range(4):
        post(**arguments | {"clientRequestToken": f"more-{number}"})
    assert len(world.comments(request)) == 5, "all pages"
    cases = {
        "CommentContentRequiredException": {"content": ""},
        "CommentContentSizeLimitExceededException": {"content": "x" * 10241},
        "CommitDoesNotExistException": {"afterCommitId": "f" * 40},
        "InvalidCommitIdException": {"afterCommitId": "main"},
        "BeforeCommitIdAndAfterCommitIdAreSameException": {"afterCommitId": target["mergeBase"]},
        "PullRequestDoesNotExistException": {"pullRequestId": "9"},
        "RepositoryDoesNotExistException": {"repositoryName": "none"},
        "ClientRequestTokenRequiredException": {"clientRequestToken": ""},
    }
    for code, change in cases.items():
        assert refused(post, **arguments | change) == code
    post(**arguments | {"content": "x" * 10240, "clientRequestToken": "long"})
    assert refused(update, commentId="none", content="x") == "CommentDoesNotExistException"
    assert refused(update, content="x") == "CommentIdRequiredException"
    assert refused(update, commentId=posted["commentId"], content="") == "CommentContentRequiredException"


def test_an_approval_belongs_to_a_revision(world):
    request = world.create()
    update, states = world.codecommit.update_pull_request_approval_state, world.codecommit.get_pull_request_approval_states
    names = {"pullRequestId": request["pullRequestId"], "revisionId": request["revisionId"]}
    assert states(**names)["approvals"] == []
    update(**names, approvalState="APPROVE")
    assert [state["approvalState"] for state in states(**names)["approvals"]] == ["APPROVE"]
    update(**names, approvalState="REVOKE")
    assert states(**names)["approvals"] == []
    assert refused(update, **names, approvalState="x") == "InvalidApprovalStateException"
    assert refused(update, **names) == "ApprovalStateRequiredException"
    assert refused(update, **names | {"revisionId": "x"}, approvalState="APPROVE") == "InvalidRevisionIdException"
    world.commit("feature/x", "more")
    assert refused(update, **names, approvalState="APPROVE") == "RevisionNotCurrentException"
    world.codecommit.update_pull_request_status(pullRequestId=request["pullRequestId"], pullRequestStatus="CLOSED")
    assert refused(update, **names, approvalState="APPROVE") == "PullRequestAlreadyClosedException"


def test_merge_options_have_the_base_of_git(world):
    options = world.codecommit.get_merge_options

    def base(source, destination):
        names = {"sourceCommitSpecifier": source, "destinationCommitSpecifier": destination}
        return options(repositoryName=NAME, **names)

    found = base("feature/x", "main")
    assert found["baseCommitId"] == world.git("merge-base", "feature/x", "main")
    assert (found["sourceCommitId"], found["destinationCommitId"]) == (world.id("feature/x"), world.id("main"))
    assert "FAST_FORWARD_MERGE" in found["mergeOptions"]
    fork = world.id("main")
    world.commit("main", "elsewhere")
    found = base(world.id("feature/x"), "refs/heads/main")
    assert found["baseCommitId"] == fork and "FAST_FORWARD_MERGE" not in found["mergeOptions"]
    names = {"sourceCommitSpecifier": "feature/x", "destinationCommitSpecifier": "main"}
    assert refused(options, repositoryName=NAME, **names | {"sourceCommitSpecifier": "none"}) == "CommitDoesNotExistException"
    assert refused(options, repositoryName="none", **names) == "RepositoryDoesNotExistException"


def test_boto3_accepts_every_answer(world):
    """The client with its checks on knows every member that the emulator answers."""
    checked = world.emulator.client("codecommit")
    with pytest.raises(ParamValidationError):
        checked.get_pull_request()
    request = world.create()
    shape = checked.meta.service_model.operation_model("GetPullRequest").output_shape.members["pullRequest"]
    assert set(request) <= set(shape.members)
    target = request["pullRequestTargets"][0]
    names = {"beforeCommitId": target["mergeBase"], "afterCommitId": target["sourceCommit"]}
    posted = checked.post_comment_for_pull_request(
        pullRequestId=request["pullRequestId"], repositoryName=NAME, content="x", **names
    )
    shape = checked.meta.service_model.operation_model("PostCommentForPullRequest").output_shape
    assert set(posted) - {"ResponseMetadata"} <= set(shape.members)
