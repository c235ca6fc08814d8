"""The folder of a release: the same bytes in every folder, whole lists of what is linked in, and commands that work as they are written."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request

import plain
import pytest
import release
import render
import sbom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(sys.executable).parent
DEADLINE_SECONDS = 300
# The time of the release's commit.
COMMITTED = 1_700_000_000
# What the emulator of CloudFormation does not make. A handle takes its place, which has a name and no properties.
NOT_EMULATED = (
    "AWS::CodePipeline::Pipeline",
    "AWS::CodeStarNotifications::NotificationRule",
    "AWS::CodeCommit::Repository",
    "AWS::Events::EventBusPolicy",
    "AWS::Logs::QueryDefinition",
    "Custom::RepositoryTrigger",
)


@pytest.fixture(scope="module")
def crates():
    return sbom.linked(ROOT, release.TRIPLES.values())


@pytest.fixture
def binaries(tmp_path):
    """Stand-ins for the programs, for both architectures."""
    built = {}
    for architecture in release.TRIPLES:
        built[architecture] = tmp_path / "built" / architecture
        built[architecture].mkdir(parents=True)
        (built[architecture] / "updates").write_text(f"updates for {architecture}", encoding="utf-8")
        program = f'#!/bin/sh\ncase $1 in --version) echo codecommit {plain.version()} ;; man) echo page >"$2/codecommit.1" ;; esac\n'
        command = built[architecture] / "codecommit"
        command.write_text(program, encoding="utf-8")
        command.chmod(0o755)
    return built


def test_two_folders_have_the_same_bytes(tmp_path, binaries, crates):
    first, second = tmp_path / "first", tmp_path / "elsewhere/second"
    for folder in (first, second):
        release.write(folder, binaries, crates, COMMITTED)
    files = {path.name: path.read_bytes() for path in first.iterdir()}
    assert files == {path.name: path.read_bytes() for path in second.iterdir()}
    assert {path.stat().st_mtime for path in first.iterdir()} == {COMMITTED}
    assert str(ROOT).encode() not in b"".join(files.values()), "the folder of the build is named"
    check = subprocess.run(["sha256sum", "--check", "--strict", release.SUMS], cwd=first, capture_output=True, text=True)
    assert check.returncode == 0 and check.stdout.count(": OK") == len(files) - 1, check.stderr


def test_the_manual_is_in_it(tmp_path, binaries, crates):
    release.write(tmp_path / "folder", binaries, crates, COMMITTED)
    with tarfile.open(tmp_path / "folder/codecommit-man.tar.gz") as tar:
        (page,) = tar.getmembers()
        assert (page.name, page.mode, page.mtime) == ("man1/codecommit.1", 0o644, COMMITTED)
        assert tar.extractfile(page).read() == b"page\n"


def test_an_old_release_leaves_no_file(tmp_path, binaries, crates):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/updates-riscv.zip").touch()
    release.write(tmp_path / "folder", {"x86_64": binaries["x86_64"]}, crates, COMMITTED)
    assert not list((tmp_path / "folder").glob("*riscv*")) and not list((tmp_path / "folder").glob("*arm64*"))
    architecture = json.loads((tmp_path / "folder/hub.json").read_text(encoding="utf-8"))["Parameters"]["Architecture"]
    assert architecture["AllowedValues"] == ["x86_64"], "a person cannot choose a zip that is not there"


def test_the_version_is_that_of_cargo_toml():
    command = [sys.executable, ROOT / "stack/release.py", "9.9.9", "unused"]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1 and f"Cargo.toml has {plain.version()}" in refused.stderr
    for source in release.TEMPLATES.values():
        assert render.load(ROOT / source)["Outputs"]["Version"]["Value"] == plain.version(), source


@pytest.mark.parametrize("source", release.TEMPLATES.values())
def test_a_template_is_plain(source):
    template = plain.plain(ROOT / source)
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    assert "Transform" not in template and "AWS::CloudFormation::Stack" not in kinds
    assert not any(kind.startswith("AWS::Serverless") for kind in kinds)
    assert json.loads(plain.text(template)) == template
    # CloudFormation's quotas.
    assert len(template.get("Parameters", {})) <= 200 and len(template["Resources"]) <= 500


def test_the_code_has_the_releases_version_in_its_key():
    """A parameter with the version would keep its old value in an upgrade, and the functions their old code."""
    template = plain.plain(ROOT / "template.yaml")
    functions = [body for body in template["Resources"].values() if body["Type"] == "AWS::Lambda::Function"]
    keys = {body["Properties"]["Code"]["S3Key"]["Fn::Sub"] for body in functions}
    assert keys == {f"${{CodePrefix}}{plain.version()}/updates-${{Architecture}}.zip"}
    assert plain.version() not in template["Parameters"]["CodePrefix"]["Default"]


def test_the_bill_of_materials_is_valid_and_whole(crates):
    bill = sbom.text(plain.version(), crates, COMMITTED)
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill)
    assert error is None, error
    bill = json.loads(bill)
    names = {component["name"] for component in bill["components"]}
    assert {"codecommit", "git-archive", "aws-sdk-s3", "aws-lc-sys", "lambda_runtime", "clap", "rust-std"} <= names
    assert not names & {"emulator", "oracle", "proptest", "syn", "cc"}, "tests, macros and build scripts are not linked in"
    refs = [component["bom-ref"] for component in bill["components"]]
    assert len(refs) == len(set(refs))
    needed = {need for row in bill["dependencies"] for need in row["dependsOn"]}
    alone = set(refs) - needed
    assert {ref.split("@")[0] for ref in alone} <= {"pkg:cargo/rust-std"}, "each crate is there because another needs it"
    # The checksums are those of Cargo.lock, for all but our own crates and Rust's library.
    without = {component["name"] for component in bill["components"] if "hashes" not in component}
    assert without == {"codecommit", "codecommit-cli", "codecommit-multibranch", "git-archive", "rust-std"}


def test_each_crate_has_its_license(crates, tmp_path, binaries):
    release.write(tmp_path / "folder", binaries, crates, COMMITTED)
    text = (tmp_path / "folder/THIRD-PARTY-LICENSES.txt").read_text(encoding="utf-8")
    for crate in crates:
        if crate.checksum:
            # Once in the list, and at least once above a text.
            assert text.count(f"{crate.name} {crate.version}") >= 2, crate.name
    for words in ("Permission is hereby granted", "Apache License", "UNICODE LICENSE V3", "OpenSSL"):
        assert words in text, words


@pytest.fixture
def emulator(tmp_path):
    """The address of an emulator of S3, STS and CloudFormation."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0"}
    settings |= {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([PROGRAMS / "ministack"], env=settings, cwd=tmp_path, **quiet) as process:
        try:
            yield started(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def started(address):
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_ministack/health", timeout=10):
                return address
        except OSError:
            assert time.monotonic() < end, "the emulator does not start"
            time.sleep(0.1)


def commands():
    """Returns the commands of INSTALL.md, in their order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", release.install(plain.version()), re.DOTALL | re.MULTILINE))


def test_the_commands_of_install_md_work_as_they_are_written(tmp_path, binaries, crates, emulator):
    folder = tmp_path / "release"
    release.write(folder, binaries, crates, COMMITTED)
    hub = json.loads((folder / "hub.json").read_text(encoding="utf-8"))
    for resource in hub["Resources"].values():
        if resource["Type"] in NOT_EMULATED or "Metrics" in resource.get("Properties", {}):
            resource["Type"] = "AWS::CloudFormation::WaitConditionHandle"
            resource["Properties"] = {}
    release.put(folder / "hub.json", plain.text(hub))
    sums = [f"{release.digest(path)}  {path.name}\n" for path in sorted(folder.iterdir()) if path.name != release.SUMS]
    release.put(folder / release.SUMS, "".join(sums))
    given = {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path), "AWS_ENDPOINT_URL": emulator}
    given |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_PAGER": ""}

    def bash(script):
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    printed = bash(commands())
    assert re.search(rf"Version *\| *{re.escape(plain.version())}\b", printed), printed
    assert f"codecommit {plain.version()}" in printed
    # An upgrade repeats them: the bucket is there, and the stack needs no change.
    bash(commands())
    ask = "aws cloudformation describe-stacks --region eu-central-1 --query 'Stacks[].[StackName,StackStatus]' --output text"
    assert bash(ask).split() == ["demo-branches", "CREATE_COMPLETE"]
    ask = "aws s3 ls --region eu-central-1 --recursive s3://codecommit-multibranch-000000000000-eu-central-1"
    uploaded = {line.split()[-1] for line in bash(ask).splitlines()}
    wanted = {f"codecommit-multibranch/{plain.version()}/{path.name}" for path in folder.iterdir()}
    assert wanted <= uploaded, "the template's keys begin so, too"
