"""Starts the emulator named by EMULATOR over fixture repositories; boto3 is the client, Git the judge."""

import os
import pathlib
import select
import subprocess
import time

import boto3
import pytest
from botocore.config import Config

FIXTURE = pathlib.Path(__file__).parent.parent / "fixtures" / "repository.sh"
PATIENCE = 30


class Emulator:
    """A child process, with the clients that point at it."""

    def __init__(self, *arguments):
        program = os.environ["EMULATOR"]
        self.process = subprocess.Popen([program, "--port", "0", *arguments], stdout=subprocess.PIPE)
        self.variables = self._introduction()
        self.endpoint = self.variables["AWS_ENDPOINT_URL"]

    def _introduction(self):
        """Reads what the emulator prints until it has named its last variable."""
        printed, deadline = b"", time.monotonic() + PATIENCE
        output = self.process.stdout.fileno()
        while not (b"CODECOMMIT_GIT_URL" in printed and printed.endswith(b"\n")):
            ready, _, _ = select.select([output], [], [], max(0, deadline - time.monotonic()))
            part = os.read(output, 65536) if ready else b""
            assert part, "the emulator did not start"
            printed += part
        lines = [line for line in printed.decode().splitlines() if line.startswith("export ")]
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def client(self, service, **options):
        config = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE)
        settings = {
            "endpoint_url": self.endpoint,
            "region_name": self.variables["AWS_REGION"],
            "aws_access_key_id": self.variables["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.variables["AWS_SECRET_ACCESS_KEY"],
            "config": config.merge(options.pop("config", Config())),
        }
        return boto3.client(service, **(settings | options))

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of repositories: the fixture, an ordinary clone of it, an empty one; and what is none."""
    folder = tmp_path_factory.mktemp("repositories")
    subprocess.run([FIXTURE, folder / "fixture.git"], check=True)
    subprocess.run(["git", "clone", "-q", folder / "fixture.git", folder / "ordinary"], check=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder / "void"], check=True)
    (folder / "not-a-repository").mkdir()
    return folder


@pytest.fixture(scope="session")
def emulator(folder):
    emulator = Emulator("--repositories", str(folder), "--page-size", "5")
    yield emulator
    emulator.end()


@pytest.fixture(scope="session")
def endpoint(emulator):
    return emulator.endpoint


@pytest.fixture(scope="session")
def client(emulator):
    return emulator.client


@pytest.fixture(scope="session")
def codecommit(client):
    """A client that lets wrong requests through, so that the service is asked and not boto3."""
    return client("codecommit", config=Config(parameter_validation=False))


@pytest.fixture(scope="session")
def git(folder):
    """Runs git on the fixture and returns its output in bytes."""

    def run(*arguments):
        command = ["git", "--git-dir", folder / "fixture.git", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    return run
