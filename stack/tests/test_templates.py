"""The parameters that the templates refuse, and the resources for each set of parameters."""

import json
import pathlib
import re

import policies
import pytest
import render
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = render.load(ROOT / "template.yaml")
VALUES = yaml.safe_load((ROOT / "stack/tests/parameter-values.yaml").read_text(encoding="utf-8"))
SETS = yaml.safe_load((ROOT / "stack/checks/parameter-sets.yaml").read_text(encoding="utf-8"))["template.yaml"]


def stack(**given):
    pseudo = {key: value for key, value in given.items() if key.startswith("AWS::")}
    return render.Stack(ROOT / "template.yaml", {key: given[key] for key in given if key not in pseudo}, pseudo)


def stacks_of(given):
    """Yields the stack of a set of parameters, and its nested stacks."""
    waiting = [stack(**given)]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(child for _, child in current.nested())


def takes(parameter, value):
    declared = TEMPLATE["Parameters"][parameter]
    if "AllowedValues" in declared:
        return value in declared["AllowedValues"]
    if declared["Type"] == "Number":
        return value.lstrip("-").isdecimal() and declared["MinValue"] <= int(value) <= declared["MaxValue"]
    fits = declared.get("MinLength", 0) <= len(value) <= declared.get("MaxLength", 4096)
    # Like CloudFormation, this matches the whole value.
    return fits and re.fullmatch(declared.get("AllowedPattern", ".*"), value, re.DOTALL) is not None


@pytest.mark.parametrize("parameter", VALUES)
def test_the_template_refuses_what_the_function_would_refuse(parameter):
    row = VALUES[parameter]
    accepted = [value for value in row["accepted"] if not takes(parameter, str(value))]
    refused = [value for value in row.get("refused", []) + row.get("stricter", []) if takes(parameter, str(value))]
    assert (accepted, refused) == ([], []), "accepted values that it refuses, refused values that it takes"


def test_every_text_that_the_function_checks_has_a_pattern_in_the_table():
    """A free text that reaches the function's settings must be in the table; the others have AllowedValues."""
    environment = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    used = {name for name in TEMPLATE["Parameters"] if re.search(rf"\b{name}\b", str(environment))}
    free = {name for name in used if "AllowedValues" not in TEMPLATE["Parameters"][name]}
    assert free - {"RepositoryAccountId"} <= set(VALUES)


# The services' limits, and CodePipeline's 20 characters that become the artifacts' key.
LIMITS = {
    "AWS::CodePipeline::Pipeline": 20,
    "AWS::CodeBuild::Project": 150,
    "AWS::CodeStarNotifications::NotificationRule": 64,
    "AWS::Logs::QueryDefinition": 255,
}


@pytest.mark.parametrize("name", SETS)
def test_names_fit_their_limits_whatever_the_stacks_name(name):
    for current in stacks_of(SETS[name]):
        for logical, resource in current.resources():
            limit = LIMITS.get(resource["Type"])
            if limit:
                assert len(resource["Properties"]["Name"]) <= limit, logical


def test_the_dev_build_cannot_read_what_the_ops_pipeline_stores():
    (nested,) = [child for _, child in stack(**SETS["everything on"]).nested()]
    resources = dict(nested.resources())
    readable = re.findall(r"arn:aws:s3:::[^']+", str(resources["DevBuildRole"]))
    stored = {name: resources[name]["Properties"]["Name"] for name in ("DevPipelineOfBranches", "OpsPipelineOfTrunk")}
    assert len(readable) == 1 and readable[0].endswith(f"/{stored['DevPipelineOfBranches']}/*")
    # A role may write only to its own kind of log stream.
    assert "log-stream:dev/*" in str(resources["DevBuildRole"]) and "log-stream:ops/*" in str(resources["OpsBuildRole"])
    assert stored["OpsPipelineOfTrunk"] not in str(resources["DevBuildRole"])


def test_the_lifecycle_role_hands_over_only_with_branch_triggers():
    for value, hands_over in [("on", True), ("off", False)]:
        role = dict(stack(RepositoryName="demo", BranchTriggers=value).resources())["LifecycleRole"]["Properties"]
        statements = [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]
        invoked = [s["Resource"] for s in statements if s["Action"] == "lambda:InvokeFunction"]
        assert [arn.rsplit(":", 1)[1] for arn in invoked] == ["demo-UpdatesFunction"] * hands_over
        assert not role["ManagedPolicyArns"], "it delivers nothing itself"


def test_triggers_are_checked_in_every_mode_and_an_alarm_says_so():
    for given, checked in [
        ({}, True),
        ({"BranchTriggers": "on"}, True),
        ({"Route": "eventbridge"}, False),
        ({"Route": "none"}, False),
    ]:
        names = dict(stack(RepositoryName="demo", **given).resources())
        for name in ("ReconcileRule", "ReconcilePermission", "RouteBroken"):
            assert (name in names) == checked, (given, name)


@pytest.mark.parametrize(
    ("trunk", "branches"),
    [("", "**,!main,!master"), ("master", "**,!master"), ("trunk/2.x", "**,!trunk/2.x")],
)
def test_the_trunk_is_excluded_whatever_its_name(trunk, branches):
    current = stack(RepositoryName="demo", TrunkBranch=trunk)
    environment = current.evaluate(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
    assert environment["BRANCHES"] == branches
    assert dict(current.resources())["RepositoryTrigger"]["Properties"]["Branches"] == branches


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_links_lead_to_the_console_of_the_partition(partition, region, host):
    current = stack(**{"RepositoryName": "demo", "AWS::Partition": partition, "AWS::Region": region})
    link = current.evaluate(TEMPLATE["Outputs"]["DevPipelineConsole"]["Value"])
    assert link.startswith(f"https://{host}/codesuite/codepipeline/pipelines/stack-0123abcd-dev/")


@pytest.mark.parametrize("name", SETS)
def test_every_alarm_also_tells_that_all_is_well(name):
    current = stack(**SETS[name])
    alarms = [body["Properties"] for _, body in current.resources() if body["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    for alarm in alarms:
        assert alarm.get("AlarmActions") == alarm.get("OKActions")
        assert ("AlarmActions" in alarm) == ("AlarmTopicArn" in SETS[name])


def test_the_hub_hands_every_parameter_to_its_project():
    nested_project = render.load(ROOT / "stack/project.yaml")
    assert set(TEMPLATE["Resources"]["Project"]["Properties"]["Parameters"]) == set(nested_project["Parameters"])
    for resource, path in [("Product", "stack/product.yaml"), ("CleanupOfBranches", "stack/cleanup.yaml")]:
        nested = render.load(ROOT / path)
        assert set(nested_project["Resources"][resource]["Properties"]["Parameters"]) == set(nested["Parameters"])


PROJECT = {"HubName": "branches", "NamePrefix": "demo", "RepositoryName": "demo", "TrunkBranch": "main", "Cleanup": "on"}


def project(**given):
    return render.Stack(ROOT / "stack/project.yaml", PROJECT | given)


@pytest.mark.parametrize("route", ["hub", "trigger", "eventbridge"])
def test_a_project_of_a_hub_is_a_dozen_resources_with_its_route(route):
    made = dict(project(Route=route).resources())
    assert len(made) <= 12
    assert [name for name in made if name.startswith(("Project", "Trigger"))] == {
        "hub": [], "trigger": ["ProjectTrigger", "TriggerCheck"], "eventbridge": ["ProjectRule"],
    }[route]
    source = made["DevPipelineOfBranches"]["Properties"]["Stages"][0]["Actions"][0]["Configuration"]
    assert source["S3ObjectKey"] == "demo/source.zip"


@pytest.mark.parametrize("paths", ["", "api/**,!**/*.md"])
def test_a_projects_trigger_and_rule_carry_its_settings(paths):
    wanted = {"pipeline_name": "demo-dev", "branches": "feature/**,!main", "paths": paths}
    made = dict(project(Route="trigger", Branches="feature/**", Paths=paths).resources())
    trigger = made["ProjectTrigger"]["Properties"]
    assert json.loads(trigger["CustomData"]) == wanted
    (target,) = made["TriggerCheck"]["Properties"]["Targets"]
    check = json.loads(target["Input"])
    # The check repairs what the resource made.
    assert check["detail-type"] == "Scheduled Event"
    assert check["check"] == {name: trigger[name] for name in ("RepositoryName", "FunctionArn", "TriggerNamePrefix", "CustomData")}
    assert made["TriggerCheck"]["DependsOn"] == "ProjectTrigger"
    made = dict(project(Route="eventbridge", Branches="feature/**", Paths=paths).resources())
    (target,) = made["ProjectRule"]["Properties"]["Targets"]
    event = json.loads(target["InputTransformer"]["InputTemplate"].replace("<aws.events.event.json>", "{}"))
    assert event == {"settings": wanted, "event": {}}
    assert "DeadLetterConfig" in target


def hub(**given):
    return stack(Repositories="*", Pipelines="*-dev", **given)


def test_a_hub_has_one_set_of_everything_and_no_project():
    made = dict(hub().resources())
    assert "RepositoryTrigger" not in made and "Project" not in made and "ReconcileRule" not in made
    assert {"LifecycleFunction", "ArtifactBucket", "PipelineBucket", "FailureQueue", "RouteBroken"} <= set(made)
    for name in ("UpdatesTriggerPermission", "PushRulePermission", "ReconcilePermission"):
        assert made[name]["Properties"]["SourceAccount"] == "111122223333" and made[name]["Properties"]["SourceArn"].endswith("*")
    one_rule = dict(stack(Repositories="demo,other", PipelineName="{repository}-dev", Route="eventbridge").resources())
    pattern = one_rule["PushRule"]["Properties"]["EventPattern"]
    assert pattern["detail"]["repositoryName"] == ["demo", "other"] and pattern["account"] == ["111122223333"]
    for given, name in [({}, "demo"), ({"HubName": "branches"}, "branches")]:
        current = hub(**given)
        exports = [body["Export"]["Name"] for body in TEMPLATE["Outputs"].values() if "Export" in body]
        imports = set(re.findall(r"\$\{HubName\}(-\w+)", str(render.load(ROOT / "stack/project.yaml"))))
        assert set(map(current.evaluate, exports)) == {name + end for end in imports}


def test_names_and_a_tag_limit_what_the_hubs_roles_may_do():
    limited = dict(hub(PolicyRepositories="team-*", PolicyPipelines="team-*-dev", PolicyTag="on").resources())
    whole = dict(hub().resources())
    roles = ("DeliveryPolicy", "LifecycleRole", "ReportRole")
    for name in roles:
        for statement in statements(limited[name]):
            if re.search(r"codecommit:|codepipeline:", str(statement["Action"])):
                assert "team-*" in statement["Resource"], (name, statement)
                assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/codecommit-multibranch": "on"}}
        assert all("Condition" not in statement for statement in statements(whole[name]))


def statements(resource):
    return [statement for _, statement in policies.statements(resource["Properties"]) if "Principal" not in statement]


def test_an_organization_needs_one_statement():
    made = dict(stack(**SETS["some repositories of an organization"]).resources())
    statement = made["OrganizationsEvents"]["Properties"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:PrincipalOrgID": "o-0123456789",
        "events:source": "aws.codecommit",
        "events:detail-type": "CodeCommit Repository State Change",
    }
    assert "account" not in made["PushRule"]["Properties"]["EventPattern"]
    (assume,) = [one for one in statements(made["DeliveryPolicy"]) if one["Action"] == "sts:AssumeRole"]
    assert assume["Resource"] == "arn:aws:iam::*:role/codecommit-multibranch-source"


def test_a_project_has_at_most_a_dozen_resources_of_its_own():
    """The dev and the ops pipeline without options. Each option adds to them."""
    assert len(list(project(HubName="", Cleanup="off", PipelineBucketName="pipelines", OpsPipeline="on").resources())) <= 12


@pytest.mark.parametrize(
    "given",
    [
        {"RepositoryName": ""},
        {"Repositories": "*"},
        {"RepositoryName": "", "Repositories": "*", "CreateRepository": "true"},
        {"RepositoryName": "", "Repositories": "*", "BranchTriggers": "on"},
        {"RepositoryName": "", "Repositories": "*", "OrganizationId": "o-0123456789", "Route": "eventbridge", "Report": "off"},
        {"OrganizationId": "o-0123456789"},
        {"PipelineName": "dev"},
        {"ArtifactBucketName": "bucket"},
        {"ArtifactKmsKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1"},
        {"RepositoryAccountId": "444455556666"},
        {"SourceRoleArn": "arn:aws:iam::444455556666:role/source"},
        {"BranchTriggers": "on", "Route": "none"},
        {"OpsPipeline": "on"},
        {"PipelineName": "dev", "ArtifactBucketName": "bucket", "ServiceCatalogProductId": "prod-a"},
        {"Approve": "on", "Report": "off"},
        {"CleanupBuildspec": "cleanup.yml", "Cleanup": "off"},
        {"PipelineName": "dev", "ArtifactBucketName": "bucket", "CleanupBuildspec": "cleanup.yml"},
        {"PipelineName": "dev", "ArtifactBucketName": "bucket", "WriterArns": "arn:aws:iam::111122223333:role/a"},
    ],
)
def test_parameters_that_contradict_each_other_are_refused(given):
    assert stack(**{"RepositoryName": "demo"} | given).broken_rules()


@pytest.mark.parametrize(
    ("template", "project", "script"),
    [
        ("product.yaml", "ProvisionBuild", "provision.sh"),
        ("product.yaml", "TerminateBuild", "terminate.sh"),
        ("cleanup.yaml", "CleanupBuild", "cleanup.sh"),
    ],
)
def test_a_build_carries_its_script_word_for_word(template, project, script):
    resources = render.load(ROOT / "stack" / template)["Resources"]
    source = resources[project]["Properties"]["Source"]["BuildSpec"]
    (command,) = yaml.safe_load(source)["phases"]["build"]["commands"]
    assert command == (ROOT / "stack" / script).read_text(encoding="utf-8")
    # CodeBuild's limit for a build specification within a project.
    assert len(source) < 25_600
