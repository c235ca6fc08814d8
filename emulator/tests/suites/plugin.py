"""Points a suite's clients at an emulator, in moto's suite a fresh one for each test. `run.py` loads it as a plugin of pytest."""

import os
import select
import subprocess
import tempfile
import time

import botocore.session
import pytest

START_LIMIT = 30
S3_TESTS = """
[DEFAULT]
host = 127.0.0.1
port = {port}
is_secure = False
[fixtures]
bucket prefix = suite-{{random}}-
""" + "".join(
    f"""
[{section}]
display_name = emulator
user_id = emulator
email = emulator@example.com
api_name = eu-central-1
tenant = tenant
access_key = {{key}}
secret_key = {{secret}}
"""
    for section in ("s3 main", "s3 alt", "s3 tenant", "iam", "iam root", "iam alt root")
)


folder = tempfile.TemporaryDirectory()


class Emulator:
    """The emulator as a child process."""

    def __init__(self, folder):
        command = [os.environ["EMULATOR"], "--port", "0", "--quiet", "--repositories", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        printed, deadline = b"", time.monotonic() + START_LIMIT
        while b"CODECOMMIT_GIT_URL" not in printed:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert part, "the emulator did not start"
            printed += part
        exports = [line[7:].split("=", 1) for line in printed.decode().splitlines() if line.startswith("export ")]
        self.variables = dict(exports)

    def end(self):
        self.process.terminate()
        self.process.wait(START_LIMIT)


current = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Starts an emulator before a test's fixtures run. The s3-tests read their configuration once and clean up themselves."""
    if os.environ["SUITE"] == "moto":
        start()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    if os.environ["SUITE"] == "moto":
        end()


def pytest_unconfigure(config):
    end()


def start():
    global current
    current = Emulator(tempfile.mkdtemp(dir=folder.name))
    os.environ.update(current.variables)


def end():
    global current
    if current is not None:
        current.end()
        current = None


def configure_s3_tests():
    start()
    variables = current.variables
    port = variables["AWS_ENDPOINT_URL"].rsplit(":", 1)[1]
    text = S3_TESTS.format(port=port, key=variables["AWS_ACCESS_KEY_ID"], secret=variables["AWS_SECRET_ACCESS_KEY"])
    os.environ["S3TEST_CONF"] = f"{folder.name}/s3tests.conf"
    with open(os.environ["S3TEST_CONF"], "w") as file:
        file.write(text)


def locate(params, **_):
    """Adds the emulator's region to a new bucket: the suites expect us-east-1, where none is needed."""
    params["CreateBucketConfiguration"] = {"LocationConstraint": current.variables["AWS_REGION"]}


def pytest_configure(config):
    is_moto = os.environ["SUITE"] == "moto"
    if is_moto:
        os.environ |= {"TEST_SERVER_MODE": "true", "MOTO_CALL_RESET_API": "false"}
    else:
        configure_s3_tests()
    create_client = botocore.session.Session.create_client

    def redirected(self, service_name, region_name=None, **options):
        """Redirects boto3 to the emulator and its region, whatever keys and endpoint a test of moto gives it."""
        variables = current.variables
        if is_moto:
            options["endpoint_url"] = variables["AWS_ENDPOINT_URL"]
            options["aws_access_key_id"] = variables["AWS_ACCESS_KEY_ID"]
            options["aws_secret_access_key"] = variables["AWS_SECRET_ACCESS_KEY"]
        client = create_client(self, service_name, variables["AWS_REGION"], **options)
        client.meta.events.register("before-parameter-build.s3.CreateBucket", locate)
        return client

    botocore.session.Session.create_client = redirected
