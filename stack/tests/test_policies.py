"""The check of policies finds its faults, and finds none in correct policies."""

import pathlib

import policies
import pytest
import render
import yaml

PRODUCT = "arn:aws:catalog:eu-central-1:111122223333:product/prod-abcdefghijklm"
REPOSITORY = "arn:aws:codecommit:eu-central-1:111122223333:demo"


def faults(effect="Allow", condition=None, **statement):
    body = {"Effect": effect, **statement} | ({"Condition": condition} if condition else {})
    return list(policies.check_statement(body))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("codecommit:GetCommit", REPOSITORY),
        ("codecommit:GetCommit", "arn:aws:codecommit:*:111122223333:team-*"),
        ("s3:PutObject", "arn:aws:s3:::bucket/a/b/source.zip"),
        ("s3:PutObject", "arn:aws:s3:::bucket/*"),
        ("s3:ListBucket", "arn:aws:s3:::bucket"),
        ("s3:ListBucket", "*"),
        ("servicecatalog:ProvisionProduct", PRODUCT),
        ("servicecatalog:UpdateProvisionedProduct", "*"),
        ("codepipeline:StartPipelineExecution", "arn:aws-cn:codepipeline:cn-north-1:111122223333:dev"),
        ("logs:PutLogEvents", "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/codebuild/dev:*"),
        ("events:PutEvents", "arn:aws:events:eu-central-1:111122223333:event-bus/default"),
        ("sts:AssumeRole", "arn:aws:iam::444455556666:role/path/source"),
    ],
)
def test_what_iam_can_match_is_no_fault(action, resource):
    assert faults(Action=action, Resource=resource) == []


@pytest.mark.parametrize(
    ("action", "resource", "reason"),
    [
        ("servicecatalog:UpdateProvisionedProduct", PRODUCT, "has no resource type"),
        ("codecommit:GetComit", REPOSITORY, "is not an action"),
        ("s3:PutObject", "arn:aws:s3:::bucket", "matches none of"),
        ("s3:ListBucket", "arn:aws:s3:::bucket/key", "matches none of"),
        ("codepipeline:GetPipeline", "arn:aws:codepipeline:eu-central-1:111122223333:pipeline/dev", "matches none of"),
        ("cloudformation:ValidateTemplate", "arn:aws:cloudformation:eu-central-1:111122223333:stack/a/b", "only"),
        ("kms:Decrypt", "arn:aws:kms:eu-central-1:111122223333:alias/demo", "matches none of"),
        ("ec2:CreateNetworkInterface", "arn:aws:ec2:eu-central-1:111122223333:subnet/a", "also needs"),
    ],
)
def test_what_iam_can_never_match_is_found(action, resource, reason):
    found = faults(Action=action, Resource=resource)
    assert found and reason in found[0]


def test_one_right_action_does_not_hide_a_wrong_one():
    found = faults(Action=["s3:GetObject", "s3:ListBucket"], Resource=["arn:aws:s3:::bucket/*"])
    assert len(found) == 1 and "s3:ListBucket" in found[0]


def test_a_resource_that_no_action_takes_is_found():
    found = faults(Action="s3:GetObject", Resource=["arn:aws:s3:::bucket/*", REPOSITORY])
    assert found == [f"no action of ['s3:GetObject'] takes {REPOSITORY}"]


def test_a_condition_key_that_the_action_does_not_have_is_found():
    level = {"StringEquals": {"servicecatalog:roleLevel": "self"}}
    assert faults(Action="servicecatalog:DescribeRecord", Resource="*", condition=level) == []
    found = faults(Action="servicecatalog:ProvisionProduct", Resource=PRODUCT, condition=level)
    assert "has no condition key servicecatalog:roleLevel" in found[0]
    source = {"StringEquals": {"events:source": "aws.codecommit"}}
    assert faults(Action="events:PutEvents", Resource="*", condition=source) == []


def test_a_denied_wildcard_covers_bucket_and_objects():
    resources = ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]
    assert faults("Deny", {"Bool": {"aws:SecureTransport": "false"}}, Action="s3:*", Resource=resources) == []


def planted(folder, action, resource):
    role = {
        "Type": "AWS::IAM::Role",
        "Condition": "Wanted",
        "Properties": {
            "Policies": [{"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}}]
        },
    }
    template = {
        "Parameters": {"On": {"Type": "String", "Default": "no"}},
        "Conditions": {"Wanted": {"Fn::Equals": [{"Ref": "On"}, "yes"]}},
        "Resources": {"Role": role},
    }
    path = pathlib.Path(folder, "planted.yaml")
    path.write_text(yaml.safe_dump(template), encoding="utf-8")


def test_a_fault_behind_a_condition_is_found_in_a_whole_template(tmp_path):
    planted(tmp_path, "servicecatalog:UpdateProvisionedProduct", {"Fn::Sub": PRODUCT})
    sets = {"planted.yaml": {"off": {}, "on": {"On": "yes"}}}
    fault, *_ = policies.check_all(sets, tmp_path)
    assert fault.startswith("on: planted.yaml: Role/Policies/0") and "UpdateProvisionedProduct" in fault


def test_a_policy_that_no_set_renders_is_found(tmp_path):
    planted(tmp_path, "s3:GetObject", "arn:aws:s3:::bucket/*")
    (fault,) = policies.check_all({"planted.yaml": {"off": {}}}, tmp_path)
    assert fault == "planted.yaml: no parameter set has Wanted true"


def test_a_reference_to_what_is_not_made_is_found(tmp_path):
    planted(tmp_path, "s3:GetObject", "arn:aws:s3:::bucket/*")
    template = render.load(tmp_path / "planted.yaml")
    template["Resources"]["Bucket"] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Role"}}}
    (tmp_path / "planted.yaml").write_text(yaml.safe_dump(template), encoding="utf-8")
    found, *_ = policies.check_all({"planted.yaml": {"off": {}, "on": {"On": "yes"}}}, tmp_path)
    assert found == f"off: {tmp_path}/planted.yaml: Role is referred to but not made (Wanted is false)"
