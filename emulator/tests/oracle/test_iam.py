"""IAM's simulation, and Lambda's configuration of the function, with boto3. Another implementation of IAM decides the same."""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import Emulator
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

ROLE = "arn:aws:iam::123456789012:role/updates"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "S3:putobject"], "Resource": ["arn:aws:s3:::bucket/a?c", "arn:aws:s3:::bucket/*/größe"]},
        {"Sid": "No", "Effect": "Deny", "Action": "s3:*Version", "Resource": "*"},
        {"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": "arn:aws:codecommit:*:123456789012:demo-*"},
    ],
}
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:GetObjectVersion", "codecommit:GitPull", "codecommit:GetBranch"]
RESOURCES = [
    "*",
    "arn:aws:s3:::bucket/abc",
    "arn:aws:s3:::bucket/ABC",
    "arn:aws:s3:::bucket/a/größe",
    "arn:aws:s3:::bucket/abbc",
    "arn:aws:codecommit:eu-central-1:123456789012:demo-x",
    "arn:aws:codecommit:eu-central-1:123456789012:other",
]
WORDS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}


@pytest.fixture
def with_policy(tmp_path):
    started = []

    def start(policy):
        file = tmp_path / "policy.json"
        file.write_text(json.dumps(policy), encoding="utf-8")
        started.append(Emulator("--quiet", "--role-policy", str(file)))
        return started[-1]

    yield start
    for emulator in started:
        emulator.end()


def test_decisions_are_those_of_another_implementation(with_policy):
    iam = with_policy(POLICY).client("iam")
    answer = iam.simulate_principal_policy(PolicySourceArn=ROLE, ActionNames=ACTIONS, ResourceArns=RESOURCES)
    assert not answer["IsTruncated"]
    decided = {(one["EvalActionName"], one["EvalResourceName"]): one["EvalDecision"] for one in answer["EvaluationResults"]}
    expected = {}
    for action in ACTIONS:
        for resource in RESOURCES:
            context = EvalContext(ROLE, "AssumedRole", "123456789012", action, resource, "eu-central-1")
            expected[action, resource] = WORDS[evaluate(context, [parse_policy_document(POLICY)]).decision]
    assert decided == expected
    assert {"allowed", "explicitDeny", "implicitDeny"} <= set(decided.values())


def test_without_a_policy_the_role_may_do_everything(client):
    answer = client("iam").simulate_principal_policy(PolicySourceArn=ROLE, ActionNames=ACTIONS)
    assert {one["EvalDecision"] for one in answer["EvaluationResults"]} == {"allowed"}


def test_what_is_not_modeled_is_a_501(with_policy, client):
    conditional = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}]}
    simulate = {"PolicySourceArn": ROLE, "ActionNames": ACTIONS}
    for call in (
        lambda: with_policy(conditional).client("iam").simulate_principal_policy(**simulate),
        lambda: client("iam").simulate_principal_policy(**simulate, CallerArn="arn:aws:iam::123456789012:user/a"),
        lambda: client("iam").list_roles(),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_another_role_does_not_exist_and_a_wrong_key_is_refused(client):
    for options, code in [({}, "NoSuchEntity"), ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException")]:
        with pytest.raises(ClientError) as error:
            client("iam", **options).simulate_principal_policy(PolicySourceArn=ROLE + "2", ActionNames=ACTIONS)
        assert error.value.response["Error"]["Code"] == code


def test_the_functions_configuration(client):
    function = client("lambda")
    for name in ("updates", "arn:aws:lambda:eu-central-1:123456789012:function:updates", "updates:$LATEST"):
        configuration = function.get_function_configuration(FunctionName=name)
        assert (configuration["FunctionName"], configuration["Role"]) == ("updates", ROLE)
    for options, code in [({}, "ResourceNotFoundException"), ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException")]:
        with pytest.raises(ClientError) as error:
            client("lambda", **options).get_function_configuration(FunctionName="gone")
        assert error.value.response["Error"]["Code"] == code
