"""The emulator as a child, and the function as the emulator's."""

import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import time
import urllib.parse
import uuid

from git import ENVIRONMENT
from measure import LONGEST_SECS, Failed, children
from repositories import REFERENCE

PATIENCE_SECS = 30
NAME = "bench"
BUCKET = "artifacts"
KEY = "source.zip"
PIPELINE = "dev"
ACCOUNT = "123456789012"


class Emulator:
    """One repository, one bucket, one pipeline, and the function with these settings if it is named."""

    def __init__(self, program, repository, latency, function=None, **settings):
        command = [program, "--port", "0", "--repository", f"{NAME}={repository}", "--latency", str(latency)]
        command += ["--bucket", BUCKET, "--pipeline", PIPELINE, "--key", KEY, "--timeout", str(LONGEST_SECS)]
        command += ["--function", function] if function else []
        environment = {"PATH": ENVIRONMENT["PATH"], "RUST_LOG": "warn"} | settings
        # The function's log goes to standard error.
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        self.variables = self._introduction()
        self.address = urllib.parse.urlsplit(self.variables["AWS_ENDPOINT_URL"]).netloc

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(PATIENCE_SECS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def _introduction(self):
        printed, deadline = b"", time.monotonic() + PATIENCE_SECS
        while b"CODECOMMIT_GIT_URL=" not in printed or not printed.endswith(b"\n"):
            ready, _, _ = select.select([self.child.stdout], [], [], max(0, deadline - time.monotonic()))
            part = self.child.stdout.read1() if ready else b""
            if not part:
                raise Failed("the emulator did not start")
            printed += part
        lines = printed.decode().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))

    def function(self):
        """Waits until the function is connected to the emulator, and returns its process ID."""
        deadline = time.monotonic() + PATIENCE_SECS
        while time.monotonic() < deadline:
            found = [child for child in children(self.child.pid) if is_waiting(child)]
            if found:
                return found[0]
            time.sleep(0.01)
        raise Failed("the function did not start")

    def renewed_function(self):
        """Returns a new process of the function: the emulator starts one when the old one ends."""
        old = self.function()
        os.kill(old, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_SECS
        while (new := self.function()) == old and time.monotonic() < deadline:
            time.sleep(0.01)
        return new

    def invoke(self, commit, reference=REFERENCE):
        """Pushes a commit. Returns the function's answer: the run that it started."""
        path = "/2015-03-31/functions/updates/invocations"
        answer = json.loads(self._request("POST", path, json.dumps(event(self.variables["AWS_REGION"], commit, reference))))
        if not answer.get("started"):
            raise Failed(f"the function did not start the pipeline: {answer}")
        return answer["started"][0]

    def requests(self):
        """Returns the requests since the last call, except those that invoke the function."""
        listed = json.loads(self._request("GET", "/_emulator/requests"))
        self._request("DELETE", "/_emulator/requests")
        return [request for request in listed if request["service"] != "lambda"]

    def clone_url(self):
        """Returns the address for `git clone`, with CodeCommit's signed password, which is valid for 15 minutes."""
        url = urllib.parse.urlsplit(self.variables["CODECOMMIT_GIT_URL"] + NAME)
        user = self.variables["AWS_ACCESS_KEY_ID"]
        password = git_password(self.variables["AWS_SECRET_ACCESS_KEY"], self.variables["AWS_REGION"], url)
        return f"http://{user}:{password}@{url.netloc}{url.path}"

    def _request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.address, timeout=LONGEST_SECS)
        try:
            headers = {"X-Emulator-Token": self.variables["EMULATOR_CONTROL_TOKEN"]}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200 or answer.headers["X-Amz-Function-Error"]:
            raise Failed(f"{method} {path}: {answer.status} {content.decode(errors='replace')[:500]}")
        return content


def is_waiting(pid):
    """Returns whether a process is the function and has started: only this child of the emulator has a connection."""
    try:
        tables = pathlib.Path(f"/proc/{pid}/net/tcp").read_text()
        sockets = own_sockets(pid)
    except OSError:
        return False
    established = {row.split()[9] for row in tables.splitlines()[1:] if row.split()[3] == "01"}
    return bool(sockets & established)


def own_sockets(pid):
    targets = [str(link.readlink()) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return {target.removeprefix("socket:[").rstrip("]") for target in targets if target.startswith("socket:[")}


def event(region, commit, reference):
    """Returns the event of a repository's trigger."""
    record = {
        "awsRegion": region,
        "codecommit": {"references": [{"ref": reference, "commit": commit}]},
        "customData": None,
        "eventId": str(uuid.uuid4()),
        "eventName": "ReferenceChanges",
        "eventPartNumber": 1,
        "eventSource": "aws:codecommit",
        "eventSourceARN": f"arn:aws:codecommit:{region}:{ACCOUNT}:{NAME}",
        "eventTime": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "eventTotalParts": 1,
        "eventTriggerConfigId": str(uuid.uuid4()),
        "eventTriggerName": "bench",
        "eventVersion": "1.0",
        "userIdentityARN": f"arn:aws:iam::{ACCOUNT}:user/bench",
    }
    return {"Records": [record]}


def git_password(secret, region, url):
    """Signs like aws/git-remote-codecommit: a Signature Version 4 of the method GIT, with no Z in the time that is signed."""
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S")
    request = f"GIT\n{url.path}\n\nhost:{url.hostname}\n\nhost\n"
    digest = hashlib.sha256(request.encode()).hexdigest()
    scope = [moment[:8], region, "codecommit", "aws4_request"]
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}\n{digest}"
    return f"{moment}Z{hmac.digest(key, text.encode(), 'sha256').hex()}"
