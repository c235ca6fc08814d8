"""The script that provisions a branch's product, run by bash against a stand-in for the AWS command line."""

import json
import os
import pathlib
import subprocess
import sys

import botocore.session
import botocore.validate
import pytest

STACK = pathlib.Path(__file__).resolve().parents[1]
A, B, C = (letter * 40 for letter in "abc")
DEADLINE_SECONDS = 300


class Catalog:
    """The state of the stand-in: branch tips, versions, provisioned products."""

    def __init__(self, folder):
        self.path = folder / "state.json"
        self.state = {
            "calls": [],
            "tips": [A],
            "versions": [],
            "products": [],
            "records": {},
            "broken": [],
            "kept": [],
            "refusals": 0,
        }

    def version(self, commit, number=None):
        number = len(self.state["versions"]) if number is None else number
        self.state["versions"].append({"Id": f"pa-{number}", "Name": commit, "CreatedTime": f"2026-11-24T00:{number:02}:00Z"})
        return f"pa-{number}"

    def start(self, commit, branch="feature/login", **variables):
        """Starts the script for a commit, as CodeBuild would."""
        self.path.write_text(json.dumps(self.state), encoding="utf-8")
        return self.again(commit, branch, **variables)

    def again(self, commit, branch="feature/login", script="provision.sh", **variables):
        path = os.pathsep.join([str(STACK / "tests/bin"), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
        run = {"PRODUCT_ID": "prod-1", "REPOSITORY_NAME": "demo", "BRANCH_NAME": branch, "COMMIT_ID": commit}
        environment = os.environ | {"PATH": path, "STUB_STATE": str(self.path), "PAUSE_SECONDS": "0"} | run | variables
        command = ["bash", str(STACK / script)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, commit, **variables):
        return self.end(self.start(commit, **variables))

    def end(self, process):
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        self.state = json.loads(self.path.read_text(encoding="utf-8"))
        return process.returncode, output

    def called(self, operation):
        return [arguments for _, name, arguments in self.state["calls"] if name == operation]

    @property
    def product(self):
        (product,) = self.state["products"]
        return product


@pytest.fixture(scope="module")
def services():
    session = botocore.session.get_session()
    return {name: session.get_service_model(name) for name in ("codebuild", "codecommit", "codepipeline", "servicecatalog")}


@pytest.fixture
def catalog(tmp_path, services):
    catalog = Catalog(tmp_path)
    yield catalog
    for service, operation, arguments in catalog.state["calls"]:
        check_call(services[service].operation_model(operation).input_shape, arguments)


def check_call(shape, arguments):
    """Checks a call against botocore's model of the service, as the real command line does."""
    given = dict(arguments)
    if "AccessLevelFilter" in given:
        given["AccessLevelFilter"] = dict(part.split("=") for part in given["AccessLevelFilter"].split(","))
    for name, member in shape.members.items():
        # The AWS CLI generates these.
        if member.metadata.get("idempotencyToken"):
            given.setdefault(name, "token")
    assert set(given) <= set(shape.members), f"{shape.name}: {set(given) - set(shape.members)}"
    report = botocore.validate.ParamValidator().validate(given, shape)
    assert not report.has_errors(), report.generate_report()


def test_ten_pushes_provision_once_and_update_nine_times(catalog):
    for number in range(10):
        commit = f"{number:040x}"
        catalog.state["tips"] = [commit]
        version = catalog.version(commit)
        code, output = catalog.run(commit)
        assert code == 0, output
        assert catalog.product["ProvisioningArtifactId"] == version
    assert len(catalog.called("ProvisionProduct")) == 1
    assert len(catalog.called("UpdateProvisionedProduct")) == 9


def test_two_runs_of_one_branch_at_once_end_at_the_newer_commit(catalog):
    catalog.version(A)
    newer = catalog.version(B)
    catalog.state["tips"] = [B]
    runs = [catalog.start(A), catalog.again(B), catalog.again(B)]
    ended = [catalog.end(run) for run in runs]
    assert [code for code, _ in ended] == [0, 0, 0], ended
    assert catalog.product["ProvisioningArtifactId"] == newer
    assert catalog.product["Status"] == "AVAILABLE"


def test_an_older_commit_is_never_deployed_over_a_newer_one(catalog):
    catalog.version(A)
    newer = catalog.version(B)
    catalog.state["tips"] = [B]
    assert catalog.run(B)[0] == 0
    code, output = catalog.run(A)
    assert code == 0 and f"{B} is newer" in output
    assert catalog.product["ProvisioningArtifactId"] == newer
    assert len(catalog.called("UpdateProvisionedProduct")) == 0


def test_a_change_in_progress_is_waited_for(catalog):
    wanted = catalog.version(A)
    name = product_name(catalog)
    catalog.state["products"] = [
        {"Id": "pp-x", "Name": name, "Status": "UNDER_CHANGE", "ProvisioningArtifactId": "pa-old", "Looks": 3}
    ]
    code, output = catalog.run(A)
    assert code == 0, output
    assert output.count("waiting") == 3
    assert catalog.product["ProvisioningArtifactId"] == wanted


def test_a_run_that_was_overtaken_while_it_waited_leaves_the_product_alone(catalog):
    catalog.version(A)
    name = product_name(catalog)
    catalog.state["tips"] = [A, A, B]
    catalog.state["products"] = [
        {"Id": "pp-x", "Name": name, "Status": "UNDER_CHANGE", "ProvisioningArtifactId": "pa-old", "Looks": 9}
    ]
    code, output = catalog.run(A)
    assert code == 0 and f"{B} is newer" in output
    assert catalog.called("UpdateProvisionedProduct") == []


def test_a_change_that_is_refused_is_tried_again_and_not_for_ever(catalog):
    catalog.version(A)
    catalog.state["refusals"] = 2
    assert catalog.run(A)[0] == 0
    catalog.state["refusals"] = 99
    catalog.state["tips"] = [B]
    catalog.version(B)
    code, output = catalog.run(B)
    assert code == 1 and output.count("InvalidParametersException") == 5


def test_a_failed_launch_is_terminated_by_the_next_push(catalog):
    catalog.state["broken"] = [catalog.version(A)]
    assert catalog.run(A)[0] == 1
    assert catalog.product["Status"] == "ERROR"
    fixed = catalog.version(B)
    catalog.state["tips"] = [B]
    code, output = catalog.run(B)
    assert code == 0, output
    assert len(catalog.called("TerminateProvisionedProduct")) == 1
    assert catalog.product["ProvisioningArtifactId"] == fixed


def test_a_failed_update_is_repaired_by_the_next_push(catalog):
    catalog.version(A)
    assert catalog.run(A)[0] == 0
    catalog.state["broken"] = [catalog.version(B)]
    catalog.state["tips"] = [B]
    assert catalog.run(B)[0] == 1
    assert catalog.product["Status"] == "TAINTED"
    fixed = catalog.version(C)
    catalog.state["tips"] = [C]
    assert catalog.run(C)[0] == 0
    assert catalog.product["ProvisioningArtifactId"] == fixed
    assert catalog.called("TerminateProvisionedProduct") == []


def test_a_branch_that_is_gone_gets_nothing(catalog):
    catalog.version(A)
    catalog.state["tips"] = []
    code, output = catalog.run(A)
    assert code == 0 and "the branch is gone" in output
    assert catalog.called("ProvisionProduct") == []


def test_branches_with_similar_names_have_products_of_their_own(catalog):
    names = {product_name(catalog, branch) for branch in ["a/b", "a-b", "a_b", "a" * 256, "a" * 255]}
    assert len(names) == 5
    assert max(map(len, names)) <= 128


def test_old_versions_go_unless_they_are_new_or_in_use(catalog):
    versions = [catalog.version(f"{number:040x}") for number in range(30)]
    catalog.state["tips"] = [f"{29:040x}"]
    catalog.state["kept"] = ["pa-3"]
    catalog.state["products"] = [{"Id": "pp-y", "Name": "other", "Status": "AVAILABLE", "ProvisioningArtifactId": "pa-5"}]
    code, output = catalog.run(f"{29:040x}", KEEP_VERSIONS="20")
    assert code == 0, output
    left = [version["Id"] for version in catalog.state["versions"]]
    assert left == ["pa-3", "pa-5", *versions[10:]]


def test_the_newest_of_two_versions_of_one_commit_is_taken(catalog):
    newest = catalog.version(A, 7)
    catalog.version(A, 3)
    assert catalog.run(A)[0] == 0
    assert catalog.product["ProvisioningArtifactId"] == newest


@pytest.mark.parametrize(("commit", "branch", "reason"), [("-", "-", "started by hand"), (B, "feature/login", "has no version")])
def test_what_cannot_be_deployed_fails_with_the_reason(catalog, commit, branch, reason):
    code, output = catalog.end(catalog.start(commit, branch))
    assert code == 1 and reason in output


def product_name(catalog, branch="feature/login"):
    """Returns the name that the script makes for a branch, from a separate run."""
    other = Catalog(catalog.path.parent)
    other.version(A)
    code, output = other.end(other.start(A, branch))
    assert code == 0, output
    return other.product["Name"]
