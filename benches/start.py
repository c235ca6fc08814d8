"""Measures the time from the start of a binary to its first request for an event, as a Runtime API sees it."""

import socket
import statistics
import subprocess
import time

from git import ENVIRONMENT

STARTS = 20
PATIENCE_SECS = 30
NEXT = b"GET /2018-06-01/runtime/invocation/next "


def compare(updates, bare, starts=STARTS):
    """Returns the median of each in milliseconds, and the difference of the medians. The two programs start in turn."""
    pairs = [(milliseconds(updates), milliseconds(bare)) for _ in range(starts)]
    ours, theirs = zip(*pairs)
    return {
        "updates": statistics.median(ours),
        "bare": statistics.median(theirs),
        "difference": statistics.median(ours) - statistics.median(theirs),
        "starts": starts,
    }


def milliseconds(program):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_SECS)
        began = time.perf_counter()
        child = subprocess.Popen([program], env=environment(server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until_next(server)
            return (time.perf_counter() - began) * 1000
        finally:
            child.kill()
            child.wait()


def until_next(server):
    connection, _ = server.accept()
    with connection:
        connection.settimeout(PATIENCE_SECS)
        received = b""
        while NEXT not in received:
            part = connection.recv(4096)
            if not part:
                raise SystemExit("the binary closed its connection before it asked for an event")
            received += part


def environment(server):
    return {
        "PATH": ENVIRONMENT["PATH"],
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % server.getsockname()[1],
        "AWS_LAMBDA_FUNCTION_NAME": "updates",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PIPELINE_NAME": "dev",
    }
