"""Every operation of the services' models: it is on the README's list, or it is a 501 in the caller's protocol."""

import datetime
import pathlib
import re

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

README = pathlib.Path(__file__).parents[2] / "README.md"
SERVICES = {"codecommit": "CodeCommit", "codepipeline": "CodePipeline", "s3": "S3"}


def modeled(service):
    row = re.search(rf"^\| {SERVICES[service]} \| (.*) \|$", README.read_text(), re.MULTILINE)
    return set(row.group(1).split(", "))


def operations(service):
    return Session().get_service_model(service).operation_names


def smallest(shape):
    """The smallest input that has every required member."""
    match shape.type_name:
        case "structure":
            return {name: smallest(shape.members[name]) for name in shape.required_members}
        case "list":
            return [smallest(shape.member)]
        case "map":
            return {}
        case "string":
            return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(3, shape.metadata.get("min", 0))
        case "integer" | "long" | "float" | "double":
            return 1
        case "boolean":
            return True
        case "timestamp":
            return datetime.datetime(2026, 1, 1)
        case "blob":
            return b"x"


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_names_operations_of_the_service(service):
    assert modeled(service) <= set(operations(service))


@pytest.mark.parametrize("service, operation", [(s, o) for s in SERVICES for o in operations(s)])
def test_an_operation_is_modeled_or_a_501(client, service, operation):
    options = Config(parameter_validation=False, inject_host_prefix=False, s3={"addressing_style": "path"})
    caller = client(service, config=options)
    model = caller.meta.service_model.operation_model(operation)
    arguments = smallest(model.input_shape) if model.input_shape else {}
    try:
        answer = caller._make_api_call(operation, arguments)
    except ClientError as error:
        answer = error.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    if operation in modeled(service):
        assert status != 501, answer
    else:
        assert status == 501, answer
        assert answer["Error"]["Code"] == "NotImplemented" and answer["Error"]["Message"], answer
