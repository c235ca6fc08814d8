"""Fixtures: the emulator that EMULATOR names, over fixture repositories, with boto3 as its client and Git as the reference."""

import os
import pathlib
import select
import subprocess
import time

import boto3
import pytest
from botocore.config import Config

FIXTURE = pathlib.Path(__file__).parent.parent / "fixtures" / "repository.sh"
TIMEOUT = 30


class Emulator:
    """The emulator as a child process, and clients for it."""

    def __init__(self, *arguments):
        program = os.environ["EMULATOR"]
        self.process = subprocess.Popen([program, "--port", "0", *arguments], stdout=subprocess.PIPE)
        self.variables = self._introduction()
        self.endpoint = self.variables["AWS_ENDPOINT_URL"]

    def _introduction(self):
        """Reads the emulator's output up to its last variable."""
        printed, deadline = b"", time.monotonic() + TIMEOUT
        output = self.process.stdout.fileno()
        while not (b"CODECOMMIT_GIT_URL" in printed and printed.endswith(b"\n")):
            ready, _, _ = select.select([output], [], [], max(0, deadline - time.monotonic()))
            part = os.read(output, 65536) if ready else b""
            assert part, "the emulator did not start"
            printed += part
        lines = [line for line in printed.decode().splitlines() if line.startswith("export ")]
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def client(self, service, **options):
        config = Config(retries={"total_max_attempts": 1}, read_timeout=TIMEOUT)
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
        self.process.wait(TIMEOUT)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with the fixture, a clone with a worktree, an empty repository, and a folder that is no repository."""
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
    """A client that sends invalid requests, so that the service checks them and not boto3."""
    return client("codecommit", config=Config(parameter_validation=False))


@pytest.fixture(scope="session")
def git(folder):
    """Runs git on the fixture and returns its output in bytes."""

    def run(*arguments):
        command = ["git", "--git-dir", folder / "fixture.git", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    return run
