"""The bucket's policy, evaluated for principals by another project's implementation of IAM (ministack)."""

import functools

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from test_templates import SETS, stack

ACCOUNT = "111122223333"
KEY, RECORD, OTHER = "source.zip", "source.zip.deliveries/0123", "other.zip"
WRITES = ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging", "s3:ReplicateObject", "s3:AbortMultipartUpload"]
READS = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucketVersions"]


@functools.cache
def rendered(name):
    """Returns the policy of the bucket and the ARNs of all roles, also of nested stacks, for a set of parameters."""
    top = stack(**SETS[name])
    policy = dict(top.resources())["ArtifactBucketPolicy"]["Properties"]
    roles, waiting = {}, [top]
    while waiting:
        current = waiting.pop()
        waiting.extend(child for _, child in current.nested())
        named = [name for name, body in current.resources() if body["Type"] == "AWS::IAM::Role"]
        roles.update((name, current.evaluate({"Fn::GetAtt": [name, "Arn"]})) for name in named)
    return policy, roles


def denied(name, principal, action, key, tls=True):
    """Returns whether the bucket's policy denies a request. It allows nothing: that is for the principal's own policies."""
    policy, _ = rendered(name)
    request = EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=f"arn:aws:s3:::{policy['Bucket']}/{key}",
        region="eu-central-1",
        secure_transport=tls,
    )
    decision = evaluate_resource_policy(policy["PolicyDocument"], request).decision
    assert decision in ("Deny", "ImplicitDeny")
    return decision == "Deny"


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@pytest.mark.parametrize("name", ["quick start", "everything on"])
def test_of_all_roles_of_the_stack_only_the_function_writes(name):
    _, roles = rendered(name)
    for key in (KEY, RECORD):
        writing = {role for role, arn in roles.items() for action in WRITES if not denied(name, arn, action, key)}
        assert writing == {"UpdatesRole"}
        assert not any(denied(name, arn, action, key) for arn in roles.values() for action in READS)


@pytest.mark.parametrize("name", ["quick start", "everything on"])
@pytest.mark.parametrize(
    "principal",
    [
        role("admin"),
        role("demo-UpdatesRole2"),
        role("aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Dev_1"),
        f"arn:aws:iam::{ACCOUNT}:user/somebody",
        f"arn:aws:iam::{ACCOUNT}:root",
    ],
)
def test_nobody_else_writes_and_everybody_may_read(name, principal):
    for key in (KEY, RECORD):
        assert all(denied(name, principal, action, key) for action in WRITES)
        assert not any(denied(name, principal, action, key) for action in READS)
    assert not any(denied(name, principal, action, OTHER) for action in WRITES), "only the zip and the records"


@pytest.mark.parametrize("principal", [role("developers"), role("aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Ops_1")])
def test_the_named_writers_write(principal):
    for key in (KEY, RECORD):
        assert not any(denied("everything on", principal, action, key) for action in WRITES)
        assert all(denied("quick start", principal, action, key) for action in WRITES)


def test_nobody_writes_without_tls():
    _, roles = rendered("quick start")
    assert denied("quick start", roles["UpdatesRole"], "s3:PutObject", KEY, tls=False)


def test_a_bucket_of_others_keeps_its_own_policy():
    assert "ArtifactBucketPolicy" not in dict(stack(**SETS["a pipeline that exists, in China"]).resources())
