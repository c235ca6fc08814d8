"""Gives every event in a stack's failure queue to its function again, and removes it from the queue once Lambda has taken it.

A message is either the record of Lambda's on-failure destination, with the event as `requestPayload` and the
function in `requestContext`, or an event that EventBridge could not deliver, as it was.
"""

import argparse
import json

import boto3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--dry-run", action="store_true", help="show the events, change nothing")
    arguments = parser.parse_args()
    outputs = stack_outputs(arguments.stack)
    redrive(outputs["FailureQueueUrl"], outputs["UpdatesFunctionArn"], arguments.dry_run)


def stack_outputs(stack):
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)
    return {output["OutputKey"]: output["OutputValue"] for output in described["Stacks"][0]["Outputs"]}


def redrive(queue, default_function, dry_run):
    sqs, functions = boto3.client("sqs"), boto3.client("lambda")
    seen = set()
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages"):
        fresh = [message for message in messages if message["MessageId"] not in seen]
        for message in fresh:
            seen.add(message["MessageId"])
            function, event, error = unwrap(json.loads(message["Body"]), default_function)
            print(json.dumps({"message": message["MessageId"], "function": function, "error": error, "event": event}))
            if not dry_run:
                functions.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        # Everything in the queue has been seen: what comes again failed again, and is for the next redrive.
        if not fresh:
            break
    print(f"{len(seen)} events" + (", nothing changed" if dry_run else " invoked again"))


def unwrap(body, default_function):
    if "requestPayload" not in body:
        return default_function, body, None
    # The context names a version or $LATEST after the function; the function alone is what we may always invoke.
    function = ":".join(body["requestContext"]["functionArn"].split(":")[:7])
    return function, body["requestPayload"], (body.get("responsePayload") or {}).get("errorType")


if __name__ == "__main__":
    main()
