"""Every CodePipeline operation that the emulator models, with boto3."""

import copy
import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

SUMMARY = "codepipeline-artifact-revision-summary"


@pytest.fixture
def s3(client):
    return client("s3")


@pytest.fixture
def codepipeline(client):
    return client("codepipeline")


@pytest.fixture
def unchecked(client):
    """A client that sends invalid requests, so that the service checks them and not boto3."""
    return client("codepipeline", config=Config(parameter_validation=False))


@pytest.fixture
def bucket(s3):
    name = f"artifacts-{uuid.uuid4()}"
    where = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def declaration(bucket):
    return {
        "name": f"dev-{uuid.uuid4()}",
        "roleArn": "arn:aws:iam::123456789012:role/dev",
        "artifactStore": {"type": "S3", "location": bucket},
        "pipelineType": "V2",
        "executionMode": "PARALLEL",
        "variables": [
            {"name": "BRANCH_NAME", "defaultValue": "main", "description": "what is built"},
            {"name": "COMMIT_ID", "defaultValue": "-"},
        ],
        "stages": [
            {
                "name": "Source",
                "actions": [s3_source("Source", "SourceOutput", bucket, "dev/source.zip")],
            },
            {
                "name": "Build",
                "actions": [
                    {
                        "name": "Build",
                        "actionTypeId": kind("Build", "CodeBuild"),
                        "configuration": {"ProjectName": "dev"},
                        "inputArtifacts": [{"name": "SourceOutput"}],
                    }
                ],
            },
        ],
    }


@pytest.fixture
def pipeline(codepipeline, declaration):
    codepipeline.create_pipeline(pipeline=declaration)
    return declaration["name"]


def kind(category, provider):
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def s3_source(name, artifact, bucket, key, **configuration):
    return {
        "name": name,
        "actionTypeId": kind("Source", "S3"),
        "configuration": {
            "S3Bucket": bucket,
            "S3ObjectKey": key,
            "PollForSourceChanges": "false",
            **configuration,
        },
        "outputArtifacts": [{"name": artifact}],
    }


def revision(value, *, action="Source", kind="S3_OBJECT_VERSION_ID"):
    return {"actionName": action, "revisionType": kind, "revisionValue": value}


def put(s3, bucket, key="dev/source.zip", summary=None):
    metadata = {SUMMARY: summary} if summary else {}
    return s3.put_object(Bucket=bucket, Key=key, Body=b"zip", Metadata=metadata)["VersionId"]


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)
    assert error["Error"]["Message"]


class TestPipelines:
    def test_create_and_get(self, codepipeline, declaration):
        made = codepipeline.create_pipeline(
            pipeline=declaration, tags=[{"key": "team", "value": "one"}]
        )
        assert made["tags"] == [{"key": "team", "value": "one"}]
        got = codepipeline.get_pipeline(name=declaration["name"])
        assert got["pipeline"] == made["pipeline"]
        assert got["pipeline"]["version"] == 1
        for name in ("roleArn", "artifactStore", "pipelineType", "executionMode", "variables"):
            assert got["pipeline"][name] == declaration[name]
        source, build = (stage["actions"][0] for stage in got["pipeline"]["stages"])
        assert source["configuration"]["PollForSourceChanges"] == "false"
        assert (source["runOrder"], source["inputArtifacts"]) == (1, [])
        assert build["inputArtifacts"] == [{"name": "SourceOutput"}]
        metadata = got["metadata"]
        arn = f"arn:aws:codepipeline:eu-central-1:123456789012:{declaration['name']}"
        assert metadata["pipelineArn"] == arn
        assert metadata["created"] == metadata["updated"]
        assert abs(metadata["created"] - datetime.now(timezone.utc)) < timedelta(minutes=5)

    def test_defaults(self, codepipeline, declaration):
        for name in ("pipelineType", "executionMode", "variables"):
            del declaration[name]
        made = codepipeline.create_pipeline(pipeline=declaration)["pipeline"]
        assert (made["pipelineType"], made["executionMode"]) == ("V1", "SUPERSEDED")

    def test_a_name_is_used_once(self, codepipeline, declaration, pipeline):
        refused("PipelineNameInUseException", codepipeline.create_pipeline, pipeline=declaration)

    def test_update_makes_a_version(self, codepipeline, declaration, pipeline):
        changed = {**declaration, "executionMode": "QUEUED"}
        updated = codepipeline.update_pipeline(pipeline=changed)["pipeline"]
        assert (updated["version"], updated["executionMode"]) == (2, "QUEUED")
        assert codepipeline.get_pipeline(name=pipeline)["pipeline"] == updated
        first = codepipeline.get_pipeline(name=pipeline, version=1)["pipeline"]
        assert first["executionMode"] == "PARALLEL"
        refused("PipelineVersionNotFoundException", codepipeline.get_pipeline, name=pipeline, version=3)

    def test_delete(self, codepipeline, pipeline):
        codepipeline.delete_pipeline(name=pipeline)
        refused("PipelineNotFoundException", codepipeline.get_pipeline, name=pipeline)
        codepipeline.delete_pipeline(name=pipeline)

    def test_pipelines_are_paged(self, codepipeline, declaration):
        prefix = f"page-{uuid.uuid4()}-"
        names = [f"{prefix}{number}" for number in range(5)]
        for name in names:
            codepipeline.create_pipeline(pipeline={**declaration, "name": name})
        for size in (1, 2, 1000):
            pages = codepipeline.get_paginator("list_pipelines").paginate(PaginationConfig={"PageSize": size})
            listed = [it for it in pages.search("pipelines[]") if it["name"].startswith(prefix)]
            assert [it["name"] for it in listed] == names
            assert {(it["version"], it["pipelineType"], it["executionMode"]) for it in listed} == {(1, "V2", "PARALLEL")}
        refused("InvalidNextTokenException", codepipeline.list_pipelines, nextToken="?")
        refused("ValidationException", codepipeline.list_pipelines, maxResults=1001)


def two_sources_alike(it):
    it["stages"][0]["actions"].append(copy.deepcopy(it["stages"][0]["actions"][0]))
    it["stages"][0]["actions"][1]["outputArtifacts"][0]["name"] = "Other"


STRUCTURES = {
    "one stage": ("InvalidStructureException", lambda it: it["stages"].pop()),
    "no source": ("InvalidStructureException", lambda it: it["stages"].pop(0)),
    "stages alike": ("InvalidStructureException", lambda it: it["stages"][1].update(name="Source")),
    "source late": (
        "InvalidStructureException",
        lambda it: it["stages"][1]["actions"].append(s3_source("Late", "Late", "bucket", "key")),
    ),
    "build first": (
        "InvalidStructureException",
        lambda it: it["stages"][0]["actions"].append(it["stages"][1]["actions"][0]),
    ),
    "actions alike": ("InvalidStructureException", two_sources_alike),
    "artifact unknown": (
        "InvalidStructureException",
        lambda it: it["stages"][1]["actions"][0].update(inputArtifacts=[{"name": "Unknown"}]),
    ),
    "artifacts alike": (
        "InvalidStructureException",
        lambda it: it["stages"][1]["actions"][0].update(outputArtifacts=[{"name": "SourceOutput"}]),
    ),
    "no store": ("InvalidStructureException", lambda it: it.pop("artifactStore")),
    "mode needs V2": (
        "InvalidStructureException",
        lambda it: (it.update(pipelineType="V1"), it.pop("variables")),
    ),
    "variables need V2": (
        "InvalidStructureException",
        lambda it: it.update(pipelineType="V1", executionMode="SUPERSEDED"),
    ),
    "variables alike": (
        "InvalidStructureException",
        lambda it: it["variables"].append({"name": "COMMIT_ID"}),
    ),
    "empty stage": (
        "InvalidStageDeclarationException",
        lambda it: it["stages"][1].update(actions=[]),
    ),
    "no key": (
        "InvalidActionDeclarationException",
        lambda it: it["stages"][0]["actions"][0]["configuration"].pop("S3ObjectKey"),
    ),
    "no output": (
        "InvalidActionDeclarationException",
        lambda it: (
            it["stages"][0]["actions"][0].pop("outputArtifacts"),
            it["stages"][1]["actions"][0].pop("inputArtifacts"),
        ),
    ),
    "name": ("ValidationException", lambda it: it.update(name="with space")),
    "long name": ("ValidationException", lambda it: it.update(name="n" * 101)),
    "no name": ("ValidationException", lambda it: it.pop("name")),
    "role": ("ValidationException", lambda it: it.update(roleArn="dev")),
    "no stages": ("ValidationException", lambda it: it.pop("stages")),
    "mode": ("ValidationException", lambda it: it.update(executionMode="SERIAL")),
    "variable name": ("ValidationException", lambda it: it["variables"][0].update(name="A.B")),
    "empty default": ("ValidationException", lambda it: it["variables"][0].update(defaultValue="")),
    "category": (
        "ValidationException",
        lambda it: it["stages"][1]["actions"][0]["actionTypeId"].update(category="Make"),
    ),
    "number as name": ("SerializationException", lambda it: it.update(name=1)),
}


@pytest.mark.parametrize("fault", STRUCTURES)
def test_structures_that_are_refused(unchecked, declaration, fault):
    code, spoil = STRUCTURES[fault]
    spoiled = copy.deepcopy(declaration)
    spoil(spoiled)
    refused(code, unchecked.create_pipeline, pipeline=spoiled)


def started_by_request(codepipeline, pipeline):
    """Returns the executions of a pipeline without the one that its creation started."""
    listed = codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
    assert listed.pop()["trigger"]["triggerType"] == "CreatePipeline"
    return listed


class TestExecutions:
    def test_a_pinned_execution(self, codepipeline, s3, bucket, pipeline):
        pinned = put(s3, bucket, summary="Fix the build")
        put(s3, bucket, summary="Newer")
        started = codepipeline.start_pipeline_execution(
            name=pipeline,
            sourceRevisions=[revision(pinned)],
            variables=[{"name": "BRANCH_NAME", "value": "feature/a/b"}],
            clientRequestToken="token-1",
        )
        key = {"pipelineName": pipeline, "pipelineExecutionId": started["pipelineExecutionId"]}
        execution = codepipeline.get_pipeline_execution(**key)["pipelineExecution"]
        [artifact] = execution.pop("artifactRevisions")
        assert artifact == {
            "name": "SourceOutput",
            "revisionId": pinned,
            "revisionSummary": "Fix the build",
        }
        variables = {it["name"]: it["resolvedValue"] for it in execution.pop("variables")}
        assert variables == {"BRANCH_NAME": "feature/a/b", "COMMIT_ID": "-"}
        trigger = {
            "triggerType": "StartPipelineExecution",
            "triggerDetail": "arn:aws:iam::123456789012:user/emulator",
        }
        assert execution == {
            **key,
            "pipelineVersion": 1,
            "status": "Succeeded",
            "executionMode": "PARALLEL",
            "trigger": trigger,
        }

        [listed] = started_by_request(codepipeline, pipeline)
        [source] = listed["sourceRevisions"]
        assert source == {
            "actionName": "Source",
            "revisionId": pinned,
            "revisionSummary": "Fix the build",
        }
        assert listed["pipelineExecutionId"] == key["pipelineExecutionId"]
        assert (listed["status"], listed["trigger"]) == ("Succeeded", trigger)
        assert listed["startTime"] <= listed["lastUpdateTime"]

    def test_without_a_revision_the_newest_version_is_taken(self, codepipeline, s3, bucket, pipeline):
        put(s3, bucket)
        newest = put(s3, bucket)
        [source] = self.start(codepipeline, pipeline)["sourceRevisions"]
        assert source["revisionId"] == newest
        assert source["revisionSummary"] == f"Amazon S3 version id: {newest}"

    def test_without_an_object_it_fails(self, codepipeline, pipeline):
        execution = self.start(codepipeline, pipeline)
        assert (execution["status"], execution["sourceRevisions"]) == ("Failed", [])

    def start(self, codepipeline, pipeline, **options):
        codepipeline.start_pipeline_execution(name=pipeline, **options)
        return codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"][0]

    def test_a_token_starts_once(self, codepipeline, declaration, s3, bucket, pipeline):
        version = put(s3, bucket)
        start = {"sourceRevisions": [revision(version)], "clientRequestToken": "a-Z09" * 25 + "abc"}
        first = codepipeline.start_pipeline_execution(name=pipeline, **start)["pipelineExecutionId"]
        put(s3, bucket)
        again = codepipeline.start_pipeline_execution(name=pipeline, **start)["pipelineExecutionId"]
        assert again == first
        other = {**declaration, "name": f"other-{uuid.uuid4()}"}
        codepipeline.create_pipeline(pipeline=other)
        elsewhere = codepipeline.start_pipeline_execution(name=other["name"], **start)
        assert elsewhere["pipelineExecutionId"] != first
        assert len(started_by_request(codepipeline, pipeline)) == 1

    def test_revisions_that_are_refused(self, codepipeline, unchecked, s3, bucket, pipeline):
        version = put(s3, bucket)
        elsewhere = put(s3, bucket, key="other.zip")
        s3.delete_object(Bucket=bucket, Key="dev/source.zip")
        marker = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"][0]["VersionId"]
        for wrong in [
            [revision("A" * 32)],
            [revision(elsewhere)],
            [revision(marker)],
            [revision(version, action="Build")],
            [revision(version, action="None")],
            [revision("0" * 40, kind="COMMIT_ID")],
            [revision("other.zip", kind="S3_OBJECT_KEY")],
            [revision(version), revision(version)],
        ]:
            refused("ValidationException", codepipeline.start_pipeline_execution, name=pipeline, sourceRevisions=wrong)
        for wrong in [
            [revision(version)] * 51,
            [revision(version, kind="VERSION")],
            [revision("")],
            [revision("x" * 1501)],
            [{"actionName": "Source", "revisionType": "COMMIT_ID"}],
            [revision(version, action="a b")],
        ]:
            refused("ValidationException", unchecked.start_pipeline_execution, name=pipeline, sourceRevisions=wrong)
        assert not started_by_request(codepipeline, pipeline)

    def test_another_key_where_the_source_allows_it(self, codepipeline, declaration, s3, bucket):
        settings = {"AllowOverrideForS3ObjectKey": "true"}
        source = s3_source("Source", "SourceOutput", bucket, "dev/source.zip", **settings)
        declaration["stages"][0]["actions"] = [source]
        codepipeline.create_pipeline(pipeline=declaration)
        first = put(s3, bucket, key="branch.zip")
        newest = put(s3, bucket, key="branch.zip")
        key = revision("branch.zip", kind="S3_OBJECT_KEY")
        for revisions, expected in [([key], newest), ([key, revision(first)], first)]:
            [taken] = self.start(codepipeline, declaration["name"], sourceRevisions=revisions)["sourceRevisions"]
            assert taken["revisionId"] == expected

    def test_a_commit_for_codecommit(self, codepipeline, declaration, s3, bucket):
        version = put(s3, bucket)
        repository = {
            "name": "Repository",
            "actionTypeId": kind("Source", "CodeCommit"),
            "configuration": {"RepositoryName": "repository", "BranchName": "main"},
            "outputArtifacts": [{"name": "RepositoryOutput"}],
        }
        declaration["stages"][0]["actions"].append(repository)
        codepipeline.create_pipeline(pipeline=declaration)
        commit = revision("0" * 40, action="Repository", kind="COMMIT_ID")
        taken = self.start(codepipeline, declaration["name"], sourceRevisions=[commit])["sourceRevisions"]
        assert [(it["actionName"], it["revisionId"]) for it in taken] == [("Source", version), ("Repository", "0" * 40)]

    def test_variables_that_are_refused(self, codepipeline, unchecked, declaration, s3, bucket, pipeline):
        put(s3, bucket)
        start = codepipeline.start_pipeline_execution
        value = {"name": "BRANCH_NAME", "value": "x" * 1000}
        start(name=pipeline, variables=[value])
        start(name=pipeline, variables=[{"name": "UNKNOWN", "value": "x"}])
        unchecked.start_pipeline_execution(name=pipeline, variables=[])
        for wrong in [
            [value] * 2,
            [value] * 51,
            [{"name": "BRANCH_NAME", "value": ""}],
            [{"name": "BRANCH_NAME", "value": "x" * 1001}],
            [{"name": "BRANCH_NAME", "value": "two\nlines"}],
            [{"name": "BRANCH NAME", "value": "x"}],
            [{"name": "BRANCH_NAME"}],
        ]:
            refused("ValidationException", unchecked.start_pipeline_execution, name=pipeline, variables=wrong)
        for name in ("pipelineType", "executionMode", "variables"):
            del declaration[name]
        old = {**declaration, "name": f"old-{uuid.uuid4()}"}
        codepipeline.create_pipeline(pipeline=old)
        refused("ValidationException", start, name=old["name"], variables=[value])

    def test_a_start_without_a_required_variable_fails_at_once(self, codepipeline, declaration, s3, bucket):
        declaration["variables"] = [{"name": "COMMIT_ID"}]
        codepipeline.create_pipeline(pipeline=declaration)
        put(s3, bucket)
        start = codepipeline.start_pipeline_execution
        start(name=declaration["name"])
        start(name=declaration["name"], variables=[{"name": "COMMIT_ID", "value": "0" * 40}])
        done, failed = started_by_request(codepipeline, declaration["name"])
        assert (done["status"], failed["status"]) == ("Succeeded", "Failed")
        assert failed["statusSummary"] == "Values for required variables haven't been provided: COMMIT_ID"

    @pytest.mark.parametrize("token", ["under_score", "", "x" * 129, "a b"])
    def test_tokens_that_are_refused(self, unchecked, pipeline, token):
        start = unchecked.start_pipeline_execution
        refused("ValidationException", start, name=pipeline, clientRequestToken=token)

    def test_executions_are_paged_the_newest_first(self, codepipeline, unchecked, s3, bucket, pipeline):
        put(s3, bucket)
        start = codepipeline.start_pipeline_execution
        started = [start(name=pipeline)["pipelineExecutionId"] for _ in range(5)]
        pattern = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        assert all(re.fullmatch(pattern, it) for it in started)
        for size in (1, 2, 5, 100):
            pages = codepipeline.get_paginator("list_pipeline_executions").paginate(
                pipelineName=pipeline, PaginationConfig={"PageSize": size}
            )
            listed = pages.search("pipelineExecutionSummaries[].pipelineExecutionId")
            assert list(listed)[:-1] == started[::-1]
        page = codepipeline.list_pipeline_executions(pipelineName=pipeline, maxResults=2)
        start(name=pipeline)
        rest = codepipeline.list_pipeline_executions(pipelineName=pipeline, nextToken=page["nextToken"])
        rest = [it["pipelineExecutionId"] for it in rest["pipelineExecutionSummaries"]]
        assert rest[:-1] == started[2::-1]
        refused("InvalidNextTokenException", codepipeline.list_pipeline_executions, pipelineName=pipeline, nextToken="?")
        for wrong in (0, 101):
            refused("ValidationException", unchecked.list_pipeline_executions, pipelineName=pipeline, maxResults=wrong)

    def test_actions_are_listed_the_newest_first(self, codepipeline, s3, bucket, pipeline):
        version = put(s3, bucket, summary="Fix the build")
        started = codepipeline.start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
        filter = {"pipelineExecutionId": started}
        pages = codepipeline.get_paginator("list_action_executions").paginate(
            pipelineName=pipeline, filter=filter, PaginationConfig={"PageSize": 1}
        )
        build, source = pages.search("actionExecutionDetails[]")
        assert [(it["stageName"], it["actionName"], it["status"]) for it in (build, source)] == [
            ("Build", "Build", "Succeeded"),
            ("Source", "Source", "Succeeded"),
        ]
        result = {"externalExecutionId": version, "externalExecutionSummary": "Fix the build"}
        assert source["output"]["executionResult"] == result
        assert build["input"]["inputArtifacts"] == [{"name": "SourceOutput"}]

    def test_an_execution_that_has_ended_cannot_be_stopped(self, codepipeline, s3, bucket, pipeline):
        put(s3, bucket)
        started = codepipeline.start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
        for execution in (started, str(uuid.uuid4())):
            refused(
                "PipelineExecutionNotStoppableException",
                codepipeline.stop_pipeline_execution,
                pipelineName=pipeline,
                pipelineExecutionId=execution,
            )

    def test_what_is_not_there(self, codepipeline, pipeline):
        execution = {"pipelineExecutionId": str(uuid.uuid4())}
        for call, arguments in [
            (codepipeline.get_pipeline, {"name": "none"}),
            (codepipeline.start_pipeline_execution, {"name": "none"}),
            (codepipeline.list_pipeline_executions, {"pipelineName": "none"}),
            (codepipeline.get_pipeline_execution, {"pipelineName": "none", **execution}),
        ]:
            refused("PipelineNotFoundException", call, **arguments)
        get = codepipeline.get_pipeline_execution
        refused("PipelineExecutionNotFoundException", get, pipelineName=pipeline, **execution)
        refused("ValidationException", get, pipelineName=pipeline, pipelineExecutionId="1")

    def test_what_is_not_modeled(self, codepipeline, pipeline):
        with pytest.raises(ClientError) as caught:
            codepipeline.get_pipeline_state(name=pipeline)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
