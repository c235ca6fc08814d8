"""Requests for what the emulator does not model, and signatures for another region or service."""

import hashlib
import hmac
import subprocess
from datetime import datetime, timezone

import pytest
from botocore.exceptions import ClientError

CALLS = [
    ("codecommit", "delete_comment_content", {"commentId": "1"}),
    ("codecommit", "list_associated_approval_rule_templates_for_repository", {"repositoryName": "no-such-repository"}),
    ("codepipeline", "get_pipeline_state", {"name": "no-such-pipeline"}),
    ("sts", "get_caller_identity", {}),
    ("sns", "list_topics", {}),
    ("logs", "describe_log_groups", {}),
    ("dynamodb", "list_tables", {}),
    ("events", "list_rules", {}),
    ("apigateway", "get_rest_apis", {}),
    ("cloudwatch", "list_metrics", {}),
    ("lambda", "list_layers", {}),
    ("s3", "get_bucket_acl", {"Bucket": "bucket"}),
]


@pytest.mark.parametrize("service, operation, arguments", CALLS)
def test_what_is_not_modeled_is_a_501_that_the_client_understands(client, service, operation, arguments):
    with pytest.raises(ClientError) as caught:
        getattr(client(service), operation)(**arguments)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 501, error
    assert "NotImplemented" in error["Error"]["Code"], error
    assert error["Error"]["Message"] not in ("", "Unknown"), error


@pytest.mark.parametrize("service, operation", [("codecommit", "list_repositories"), ("codepipeline", "list_pipelines")])
def test_a_signature_for_another_region_is_refused(client, service, operation):
    with pytest.raises(ClientError) as caught:
        getattr(client(service, region_name="us-east-1"), operation)()
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidSignatureException" and "us-east-1" in error["Message"]


@pytest.mark.parametrize("with_port", [False, True])
def test_the_git_password_is_signed_with_or_without_the_port(emulator, tmp_path, with_port):
    variables = emulator.variables
    host = emulator.endpoint.removeprefix("http://")
    path = "/v1/repos/fixture"
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
    signed_host = host if with_port else host.split(":")[0]
    request = f"GIT\n{path}\n\nhost:{signed_host}\n\nhost\n"
    scope = [moment[:8], variables["AWS_REGION"], "codecommit", "aws4_request"]
    key = f"AWS4{variables['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}\n{hashlib.sha256(request.encode()).hexdigest()}"
    password = f"{moment}Z{hmac.digest(key, text.encode(), 'sha256').hex()}"
    url = f"http://{variables['AWS_ACCESS_KEY_ID']}:{password}@{host}{path}"
    subprocess.run(["git", "ls-remote", "--quiet", url], check=True, capture_output=True, cwd=tmp_path)


def test_a_key_of_another_service_is_no_key(client, emulator):
    """A request that is signed for S3 is no request to CodeCommit."""
    with pytest.raises(ClientError) as caught:
        other = client("codecommit")
        other.meta.events.register("choose-signer", lambda **_: None)
        other._client_config.signing_name = "s3"
        other._request_signer._signing_name = "s3"
        other.list_repositories()
    assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"
