"""Sends the pushes in a stack's failure queue to its function again, and removes each from the queue after Lambda has accepted it.

A message is the record of Lambda's on-failure destination (the event as `requestPayload`, the function in `requestContext`), or
an event that EventBridge could not deliver, as it was. Only the stack's own functions are invoked. Requests of CloudFormation and
ticks of the schedule are never sent again: CloudFormation has gone on, and the schedule comes by itself; they are only removed.
What cannot be read, and what belongs to another target, stays in the queue.
"""

import argparse
import dataclasses
import json
import sys

# Long enough to read the list and to answer the question. Messages that are not sent become visible again at the end.
HIDDEN_SECONDS = 600
# A wait makes SQS query all of its servers, so that an empty answer means an empty queue.
WAIT_SECONDS = 2
BATCH = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stack")
    parser.add_argument("--dry-run", action="store_true", help="show the messages, change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    arguments = parser.parse_args()

    # Imported here, so that --help works without boto3.
    import boto3

    outputs = stack_outputs(boto3.client("cloudformation"), arguments.stack)
    functions = [outputs[name] for name in ("UpdatesFunctionArn", "LifecycleFunctionArn", "ReportFunctionArn") if name in outputs]
    queue = Queue(boto3.client("sqs"), outputs["FailureQueueUrl"])
    confirm = (lambda: False) if arguments.dry_run else (lambda: True) if arguments.yes else ask
    sys.exit(redrive(queue, boto3.client("lambda"), functions, confirm))


def stack_outputs(cloudformation, stack):
    described = cloudformation.describe_stacks(StackName=stack)
    return {output["OutputKey"]: output["OutputValue"] for output in described["Stacks"][0]["Outputs"]}


def ask():
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print("nobody answers; --yes does not ask")
        return False


def redrive(queue, client, functions, confirm):
    """Lists the queue, asks, and sends the messages. Returns the exit code: 1 if a message could not be sent."""
    messages = []
    try:
        for message in queue.receive_all():
            messages.append((message, read(message, functions)))
            print(json.dumps({"message": message["MessageId"]} | dataclasses.asdict(messages[-1][1])))
        counts = [sum(found.action == action for _, found in messages) for action in ("invoke", "remove", "leave")]
        print("{} to invoke again, {} to remove, {} to leave in the queue".format(*counts))
        if not any(counts[:2]) or not confirm():
            print("nothing changed")
            return 0
        return send(queue, client, messages)
    finally:
        queue.release()


def send(queue, client, messages):
    failed = 0
    for message, found in messages:
        try:
            if found.action == "invoke":
                client.invoke(FunctionName=found.function, InvocationType="Event", Payload=json.dumps(found.event))
            if found.action != "leave":
                queue.remove(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other messages must not wait for it
            failed += 1
            print(f"{message['MessageId']} stays in the queue: {error}", file=sys.stderr)
    print(f"done, {failed} failed")
    return 1 if failed else 0


@dataclasses.dataclass
class Found:
    """A message, and the action for it: invoke, remove or leave."""

    action: str
    reason: str
    function: str | None = None
    error: str | None = None
    event: object = None


def read(message, functions):
    """Reads a message of the queue."""
    try:
        body = json.loads(message["Body"])
    except ValueError as error:
        return Found("leave", f"not JSON: {error}")
    if not isinstance(body, dict):
        return Found("leave", "not an event")
    if "requestPayload" in body:
        event, target = body["requestPayload"], (body.get("requestContext") or {}).get("functionArn", "")
        error = (body.get("responsePayload") or {}).get("errorType")
        error = error or (body.get("requestContext") or {}).get("condition")
    else:
        attributes = {name: value.get("StringValue") for name, value in message.get("MessageAttributes", {}).items()}
        # EventBridge says which target it could not reach, and why.
        event, target, error = body, attributes.get("TARGET_ARN") or functions[0], attributes.get("ERROR_CODE")
    return classify(event, target, error, functions)


def classify(event, target, error, functions):
    if not isinstance(event, dict):
        return Found("leave", "not an event", error=error, event=event)
    if "ResponseURL" in event:
        # Its URL is a credential, so it is not shown.
        return Found("remove", "a request of CloudFormation, which no longer waits", error=error)
    if event.get("detail-type") == "Scheduled Event":
        return Found("remove", "a tick of the schedule, which comes again by itself", error=error, event=event)
    # Either name may have a version or an alias after it. The stack's output says which one to invoke.
    own = {unqualified(function): function for function in functions}
    function = own.get(unqualified(target))
    if function is None:
        return Found("leave", f"not for a function of this stack but for {target or 'nobody'}", error=error, event=event)
    return Found("invoke", "a push", function, error, event)


def unqualified(arn):
    return ":".join(arn.split(":")[:7])


class Queue:
    """The failure queue, and its messages that are currently hidden from others."""

    def __init__(self, sqs, url):
        self.sqs, self.url, self.hidden = sqs, url, {}

    def receive_all(self):
        """Yields every message once. An answer without a new message means that all are read."""
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            fresh = [message for message in messages if message["MessageId"] not in self.hidden]
            self.hidden.update((message["MessageId"], message["ReceiptHandle"]) for message in messages)
            if not fresh:
                return
            yield from fresh

    def remove(self, message):
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=self.hidden[message["MessageId"]])
        del self.hidden[message["MessageId"]]

    def release(self):
        """Makes all hidden messages visible again."""
        handles, self.hidden = list(self.hidden.values()), {}
        for start in range(0, len(handles), BATCH):
            entries = [
                {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for index, handle in enumerate(handles[start : start + BATCH])
            ]
            self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)


if __name__ == "__main__":
    main()
