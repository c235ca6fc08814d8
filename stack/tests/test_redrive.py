"""The redrive against the queues of ministack, another SQS server. Lambda is a list of its invocations."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import boto3
import pytest
import redrive

EVENTS = pathlib.Path(__file__).resolve().parents[2] / "events"
DEADLINE_SECONDS = 60
# ministack is one server, so it reads the whole queue without a wait.
redrive.WAIT_SECONDS = 0
UPDATES = "arn:aws:lambda:eu-central-1:111122223333:function:demo-Updates:live"
LIFECYCLE = "arn:aws:lambda:eu-central-1:111122223333:function:demo-Lifecycle:live"


@pytest.fixture(scope="module")
def sqs():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "sqs", "IOT_MTLS_ENABLED": "0"}
    program = pathlib.Path(sys.executable).with_name("ministack")
    server = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline and server.poll() is None, "ministack does not listen"
            time.sleep(0.05)
        yield boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
    finally:
        server.terminate()
        server.wait(DEADLINE_SECONDS)


@pytest.fixture
def queue(sqs, request):
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:80]
    return redrive.Queue(sqs, sqs.create_queue(QueueName=name)["QueueUrl"])


class Functions:
    """Lambda's client, which records its calls and refuses some of them."""

    def __init__(self, refuses=()):
        self.invoked, self.refuses = [], refuses

    def invoke(self, FunctionName, InvocationType, Payload):  # noqa: N803 - boto3's names
        assert InvocationType == "Event"
        if FunctionName in self.refuses:
            raise RuntimeError("AccessDeniedException: lambda:InvokeFunction")
        self.invoked.append((FunctionName, json.loads(Payload)))


def event(name):
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def record(payload, function="demo-Updates:$LATEST"):
    context = {"functionArn": f"arn:aws:lambda:eu-central-1:111122223333:function:{function}", "condition": "RetriesExhausted"}
    return {"requestContext": context, "requestPayload": payload, "responsePayload": {"errorType": "SourceDenied"}}


def put(queue, body, target=None):
    attributes = {"TARGET_ARN": {"DataType": "String", "StringValue": target}} if target else {}
    text = body if isinstance(body, str) else json.dumps(body)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody=text, MessageAttributes=attributes)


def visible(queue):
    """Removes every message that can be received now."""
    found = []
    while messages := queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10).get("Messages"):
        found.extend(json.loads(message["Body"]) if message["Body"][0] == "{" else message["Body"] for message in messages)
    return found


def yes():
    return True


def no():
    return False


def run(queue, functions, confirm=yes):
    return redrive.redrive(queue, functions, [UPDATES, LIFECYCLE], confirm)


def test_a_dry_run_shows_every_message_and_leaves_it_visible(queue, capsys):
    bodies = [record(event("branch-updated") | {"number": number}) for number in range(25)]
    for body in bodies:
        put(queue, body)
    functions = Functions()
    assert run(queue, functions, no) == 0
    shown = [json.loads(line)["event"]["number"] for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert sorted(shown) == list(range(25))
    assert functions.invoked == []
    assert sorted(body["requestPayload"]["number"] for body in visible(queue)) == list(range(25))


def test_pushes_go_to_the_function_that_failed_by_the_name_in_the_stacks_outputs(queue):
    put(queue, record(event("branch-updated")))
    put(queue, record(event("branch-created"), "demo-Lifecycle:live"))
    functions = Functions()
    assert run(queue, functions) == 0
    wanted = [(LIFECYCLE, event("branch-created")), (UPDATES, event("branch-updated"))]
    assert sorted(functions.invoked, key=str) == sorted(wanted, key=str)
    assert visible(queue) == []


def test_an_event_that_eventbridge_could_not_deliver_goes_to_its_target(queue):
    put(queue, event("eventbridge-updated"), target=UPDATES)
    put(queue, event("eventbridge-created"))
    functions = Functions()
    assert run(queue, functions) == 0
    assert sorted(name for name, _ in functions.invoked) == [UPDATES, UPDATES]


def test_cloudformation_and_the_schedule_are_never_sent_again(queue, capsys):
    put(queue, record(event("custom-resource-create"), "demo-Lifecycle"))
    put(queue, record(event("schedule"), "demo-Lifecycle"))
    put(queue, event("schedule"), target=LIFECYCLE)
    functions = Functions()
    assert run(queue, functions) == 0
    assert functions.invoked == []
    assert visible(queue) == []
    assert "ResponseURL" not in capsys.readouterr().out


@pytest.mark.parametrize("body", ["not JSON", "[1]", '{"requestPayload": null}', '{"requestPayload": "x", "requestContext": null}'])
def test_what_cannot_be_read_stays_and_does_not_stop_the_rest(queue, body):
    put(queue, body)
    put(queue, record(event("branch-updated")))
    functions = Functions()
    assert run(queue, functions) == 0
    assert [name for name, _ in functions.invoked] == [UPDATES]
    (left,) = visible(queue)
    assert left == (json.loads(body) if body[0] == "{" else body)


def test_a_function_of_somebody_else_is_not_invoked(queue):
    put(queue, record(event("branch-updated"), "payroll"))
    put(queue, event("eventbridge-updated"), target="arn:aws:codepipeline:eu-central-1:111122223333:demo-ops")
    functions = Functions()
    assert run(queue, functions) == 0
    assert functions.invoked == []
    assert len(visible(queue)) == 2


def test_a_refused_invocation_keeps_its_message_and_is_the_exit_code(queue, capsys):
    put(queue, record(event("branch-updated")))
    put(queue, record(event("branch-created"), "demo-Lifecycle"))
    functions = Functions(refuses=[UPDATES])
    assert run(queue, functions) == 1
    assert [name for name, _ in functions.invoked] == [LIFECYCLE]
    assert [body["requestPayload"] for body in visible(queue)] == [event("branch-updated")]
    assert "AccessDeniedException" in capsys.readouterr().err


def test_nothing_is_sent_unless_somebody_says_yes(queue, monkeypatch):
    put(queue, record(event("branch-updated")))
    for answer in ["", "n", "nonsense"]:
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert run(queue, Functions(refuses=[UPDATES]), redrive.ask) == 0

    def closed(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert run(queue, Functions(refuses=[UPDATES]), redrive.ask) == 0
    monkeypatch.setattr("builtins.input", lambda _: "y")
    functions = Functions()
    assert run(queue, functions, redrive.ask) == 0
    assert len(functions.invoked) == 1


def test_an_empty_queue_asks_nothing(queue):
    def never():
        raise AssertionError("nobody is asked")

    assert run(queue, Functions(), never) == 0


def test_the_outputs_of_a_stack_are_read():
    class CloudFormation:
        def describe_stacks(self, StackName):  # noqa: N803 - boto3's name
            return {"Stacks": [{"StackName": StackName, "Outputs": [{"OutputKey": "A", "OutputValue": "b"}]}]}

    assert redrive.stack_outputs(CloudFormation(), "demo") == {"A": "b"}
