"""The script that cleans up after deleted branches, run by bash against a stand-in for the AWS command line."""

import os
import subprocess

import pytest
from test_provision import A, B, C, DEADLINE_SECONDS, STACK, Catalog, check_call, services

__all__ = ["services"]

SELF = {"CODEBUILD_BUILD_ID": "demo-cleanup:1", "PIPELINE_NAME": "demo-dev", "BRANCHES": "**,!main,!wip/*"}


class Pipeline(Catalog):
    """What the stand-in knows: branches, runs and builds."""

    def __init__(self, folder):
        super().__init__(folder)
        self.state |= {"executions": [], "builds": [], "tips": {"main": A}}

    def ran(self, branch, status="Succeeded", commit=A, repository="demo", **more):
        """Adds a run, which is newer than those before it."""
        number = len(self.state["executions"])
        variables = {"REPOSITORY_NAME": repository, "BRANCH_NAME": branch, "COMMIT_ID": commit}
        run = {"pipelineExecutionId": f"{number:08x}-0000-0000-0000-000000000000", "status": status, "looks": 1}
        run |= {"lastUpdateTime": f"2026-11-24T01:{number:02}:00+00:00", "variables": variables} | more
        self.state["executions"].insert(0, run)
        return run["pipelineExecutionId"]

    def clean_up(self, branch="", **variables):
        settings = SELF | {"PROJECTS": "demo-own-cleanup demo-product-cleanup"} | variables
        return self.end(self.start(B if branch else "", branch, script="cleanup.sh", **settings))

    def started(self):
        return [
            (call["projectName"], *(item["value"] for item in call["environmentVariablesOverride"]))
            for call in self.called("StartBuild")
        ]

    def statuses(self):
        return {run["pipelineExecutionId"]: run["status"] for run in self.state["executions"]}


@pytest.fixture
def pipeline(tmp_path, services):
    pipeline = Pipeline(tmp_path)
    yield pipeline
    for service, operation, arguments in pipeline.state["calls"]:
        check_call(services[service].operation_model(operation).input_shape, arguments)


def test_runs_are_stopped_and_then_the_builds_follow_one_after_the_other(pipeline):
    own = pipeline.ran("feature/login", "InProgress")
    others = [
        pipeline.ran("feature/other", "InProgress"),
        pipeline.ran("feature/login", "InProgress", repository="elsewhere"),
        pipeline.ran("feature/login", "InProgress", variables={}),
    ]
    code, output = pipeline.clean_up("feature/login")
    assert code == 0, output
    assert pipeline.statuses() == {own: "Stopped"} | dict.fromkeys(others, "InProgress")
    builds = ["demo-own-cleanup", "demo-product-cleanup"]
    assert pipeline.started() == [(project, "feature/login", B) for project in builds]
    names = [name for _, name, _ in pipeline.state["calls"]]
    # The branch is looked for once more when its runs have ended, and a build is waited for before the next.
    assert names.index("StopPipelineExecution") < len(names) - names[::-1].index("GetBranch") - 1 < names.index("StartBuild")
    assert "BatchGetBuilds" in names[names.index("StartBuild") : len(names) - names[::-1].index("StartBuild")]


@pytest.mark.parametrize(
    ("branch", "tips", "reason"),
    [
        ("feature/login", {"feature/login": C}, "is there again"),
        # It is gone at first, and pushed again while its runs end.
        ("feature/login", [None, C], "is there again"),
        ("wip/try", {}, "does not select"),
        ("main", {}, "does not select"),
    ],
)
def test_what_is_in_use_or_was_never_run_is_left_alone(pipeline, branch, tips, reason):
    pipeline.state["tips"] = tips
    code, output = pipeline.clean_up(branch)
    assert code == 0 and reason in output
    assert pipeline.started() == []


def test_a_build_that_fails_does_not_keep_the_next_and_fails_the_cleanup(pipeline):
    pipeline.state["broken"] = ["demo-own-cleanup"]
    code, output = pipeline.clean_up("feature/login")
    assert code == 1, output
    assert [project for project, *_ in pipeline.started()] == ["demo-own-cleanup", "demo-product-cleanup"]


def test_a_branch_that_cannot_be_looked_for_is_not_cleaned_up(pipeline):
    pipeline.state["get_branch_refusal"] = "AccessDeniedException"
    code, output = pipeline.clean_up("feature/login")
    assert code != 0 and "AccessDenied" in output
    assert pipeline.started() == []


def test_a_name_with_quotes_and_commas_arrives_as_it_is(pipeline):
    name = 'fix/"#7",x=\'y\''
    run = pipeline.ran(name.replace('"', "'"), "InProgress")
    code, output = pipeline.clean_up(name, PROJECTS="demo-own-cleanup")
    assert code == 0, output
    assert pipeline.started() == [("demo-own-cleanup", name, B)]
    assert pipeline.statuses() == {run: "Stopped"}


def test_the_sweep_does_what_lost_events_would_have_done(pipeline):
    pipeline.state["tips"] = {"main": A, "feature/there": A}
    pipeline.ran("feature/lost", commit=A)
    pipeline.ran("feature/lost", commit=C)
    for branch in ["feature/there", "wip/try", "-"]:
        pipeline.ran(branch)
    pipeline.ran("feature/elsewhere", repository="other")
    code, output = pipeline.clean_up()
    assert code == 0, output
    assert pipeline.started() == [("demo-cleanup", "feature/lost", C)]
    # While that build is in progress, and when it has succeeded, nothing is left to do.
    for status in ("IN_PROGRESS", "SUCCEEDED"):
        pipeline.state["builds"][0] |= {"buildStatus": status, "looks": 9, "endTime": "2026-11-24T03:00:00+00:00"}
        code, output = pipeline.clean_up()
        assert code == 0 and len(pipeline.started()) == 1, output
    # A build that failed is tried again, and so is a branch that has run since.
    pipeline.state["builds"][0]["buildStatus"] = "FAILED"
    assert pipeline.clean_up()[0] == 0 and len(pipeline.started()) == 2
    pipeline.state["builds"] = [pipeline.state["builds"][0] | {"buildStatus": "SUCCEEDED", "endTime": "2026-11-24T00:30:00+00:00"}]
    assert pipeline.clean_up()[0] == 0 and len(pipeline.started()) == 3


def test_a_cleanup_is_known_after_many_sweeps(pipeline):
    pipeline.ran("feature/gone", commit=A)
    assert pipeline.clean_up()[0] == 0 and len(pipeline.started()) == 1
    (build,) = pipeline.state["builds"]
    build |= {"buildStatus": "SUCCEEDED", "endTime": "2026-11-24T03:00:00+00:00"}
    sweep = build | {"environment": {"environmentVariables": []}}
    pipeline.state["builds"] = [build] + [sweep | {"id": f"demo-cleanup:sweep-{number}"} for number in range(250)]
    code, output = pipeline.clean_up()
    assert code == 0 and "0 branches to clean up" in output, output


def test_a_sweep_is_bounded(pipeline):
    for number in range(5):
        pipeline.ran(f"feature/{number}")
    assert pipeline.clean_up(SWEEP_MAX="2")[0] == 0
    assert len(pipeline.started()) == 2


GLOBS = ["**", "*", "feature/*", "feature/**", "**/x", "a/**/b", "rele?se/1.?", "feature/[ab]*", "feature/[!ab]*", "a**b", "v1.0", "x+(y)"]
NAMES = ["main", "x", "a/x", "a/b", "a/c/b", "a/c/d/b", "ab", "acb", "feature/a", "feature/ab/c", "feature/c", "release/1.2", "v1.0", "v1x0", "x+(y)"]


def test_globs_mean_what_they_mean_to_git(tmp_path):
    """Git's pathspecs have the same rules, over paths: each name is a path of its own repository."""
    script = "source <(head -n -1 cleanup.sh); for name; do selected \"$name\" && echo \"$name\"; done; true"
    for glob in GLOBS:
        environment = os.environ | SELF | {"BRANCHES": glob}
        command = ["bash", "-c", script, "bash", *NAMES]
        run = subprocess.run(command, cwd=STACK, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True)
        assert run.stdout.split() == matched(tmp_path, glob), glob


def matched(folder, glob):
    """The names that Git matches as whole paths."""
    git = ["git", "-C", str(folder)]
    if not (folder / ".git").exists():
        subprocess.run([*git, "init", "--quiet"], check=True, timeout=DEADLINE_SECONDS)
    found = []
    for name in NAMES:
        blob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
        subprocess.run([*git, "read-tree", "--empty"], check=True, timeout=DEADLINE_SECONDS)
        subprocess.run([*git, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}"], check=True, timeout=DEADLINE_SECONDS)
        listed = subprocess.run([*git, "ls-files", "-z", "--", f":(glob){glob}"], check=True, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
        found += [name] if listed.stdout else []
    return found
