"""The questions of a first deployment, and the settings from the answers."""

import re
import tomllib

import botocore.session
import configure
import pytest
import render
from botocore.stub import Stubber
from test_templates import ROOT


@pytest.fixture
def client():
    session = botocore.session.get_session()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return session.create_client("codecommit", region_name="eu-central-1", **keys)


def answers(*texts):
    """Answers question after question; an empty text takes the default, as Enter does."""
    waiting = list(texts)
    return lambda question, default=None: waiting.pop(0) or default


def configured(client, responses, *texts, repository="demo"):
    with Stubber(client) as stub:
        for operation, answer in responses:
            if isinstance(answer, str):
                stub.add_client_error(operation, service_error_code=answer)
            else:
                stub.add_response(operation, answer)
        parameters, notes = configure.configure(client, lambda: repository, answers(*texts))
        stub.assert_no_pending_responses()
    return parameters, list(notes)


REPOSITORY = ("get_repository", {"repositoryMetadata": {"defaultBranch": "master"}})
FILE = {"commitId": "a" * 40, "blobId": "b" * 40, "filePath": "buildspec.yml", "fileMode": "NORMAL", "fileSize": 1, "fileContent": b"x"}


def test_the_trunk_is_the_repositorys_default_branch(client):
    parameters, notes = configured(client, [REPOSITORY, ("get_file", FILE)], "")
    assert parameters == {"RepositoryName": "demo", "TrunkBranch": "master", "NamePrefix": "demo"}
    assert notes == []


def test_a_missing_buildspec_is_said_before_the_first_build_fails(client):
    _, notes = configured(client, [REPOSITORY, ("get_file", "FileDoesNotExistException")], "")
    assert len(notes) == 1 and "buildspec.example.yml" in notes[0]


def test_a_repository_that_is_missing_is_made_on_request(client):
    parameters, _ = configured(client, [("get_repository", "RepositoryDoesNotExistException")], "", "")
    assert parameters["CreateRepository"] == "true" and parameters["TrunkBranch"] == "main"
    with pytest.raises(SystemExit):
        configured(client, [("get_repository", "RepositoryDoesNotExistException")], "no")


def test_without_permission_the_questions_still_have_answers(client):
    parameters, notes = configured(client, [("get_repository", "AccessDeniedException")], "trunk")
    assert parameters["TrunkBranch"] == "trunk"
    assert "AccessDenied" in notes[0]


@pytest.mark.parametrize("repository", ["demo", "a" * 100, "team.service-1_x", "._-", "-x", "1st"])
def test_what_is_written_is_toml_that_the_template_takes(client, repository):
    responses = [("get_repository", {"repositoryMetadata": {}})]
    parameters, _ = configured(client, responses, "", repository=repository)
    deploy = tomllib.loads(configure.samconfig("eu-central-1", parameters))["default"]["deploy"]["parameters"]
    given = dict(override.split("=", 1) for override in deploy["parameter_overrides"])
    stack = render.Stack(ROOT / "template.yaml", given, {"AWS::StackName": deploy["stack_name"]})
    assert re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,127}", deploy["stack_name"])
    assert given == parameters and stack.broken_rules() == []


def test_the_example_is_toml_that_the_template_takes():
    sections = tomllib.loads((ROOT / "samconfig.toml.example").read_text(encoding="utf-8"))
    checked = 0
    for section in sections.values():
        if isinstance(section, dict):
            overrides = section["deploy"]["parameters"]["parameter_overrides"]
            given = dict(override.split("=", 1) for override in overrides)
            assert render.Stack(ROOT / "template.yaml", given).broken_rules() == []
            checked += 1
    assert checked == 2
