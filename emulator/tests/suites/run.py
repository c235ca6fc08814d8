#!/usr/bin/env python3
"""Runs test suites of other projects against the emulator: moto's in server mode, and Ceph's s3-tests.

    EMULATOR=target/debug/emulator emulator/tests/suites/run.py [moto] [s3-tests] [--checkouts DIR]

Each suite is cloned into .tools/suites at a fixed commit, unless DIR has a folder of its name. Most of what a suite tests
is not modeled, so a failure is no error here: the report counts what passed, what failed because an operation or option is
not modeled, and lists the rest.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections import Counter

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parents[2] / ".tools" / "suites"
# The limit for one test and for a whole suite, in seconds.
TEST_LIMIT, SUITE_LIMIT = 20, 1200

MOTO = {
    "url": "https://github.com/getmoto/moto",
    "commit": "0af643a5dbfc98797f08ee64f5be3ef8002d56ff",
    "install": [".[s3,codecommit,codepipeline]", "freezegun"],
    "tests": ["tests/test_codecommit", "tests/test_codepipeline", "tests/test_s3"],
}
S3_TESTS = {
    "url": "https://github.com/ceph/s3-tests",
    "commit": "8f0ae7b404a3a2fcf7038bf1e6bf29544fe9b6a3",
    "install": ["-r", "requirements.txt"],
    "tests": ["s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py"],
}
SUITES = {"moto": MOTO, "s3-tests": S3_TESTS}
# The emulator's answer to what it does not model, in the text of a failed test.
NOT_MODELLED = re.compile(r"NotImplemented|does not model|\b501\b")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{' or '.join(SUITES)}; by default both")
    parser.add_argument("--checkouts", type=pathlib.Path, default=TOOLS, help="a folder with the suites")
    arguments = parser.parse_args()
    if "EMULATOR" not in os.environ:
        parser.error("EMULATOR must name the emulator's binary")
    os.environ["EMULATOR"] = str(pathlib.Path(os.environ["EMULATOR"]).resolve())
    for name in arguments.suites or SUITES:
        if name not in SUITES:
            parser.error(f"there is no suite {name}")
        checkout = arguments.checkouts.resolve() / name
        prepare(SUITES[name], checkout)
        print_report(name, run(name, SUITES[name], checkout))


def prepare(suite, checkout):
    """Clones the suite and installs what it needs, unless that is done."""
    if not checkout.exists():
        subprocess.run(["git", "clone", "--quiet", "--filter=blob:none", suite["url"], checkout], check=True)
        subprocess.run(["git", "-C", checkout, "checkout", "--quiet", suite["commit"]], check=True)
    venv = TOOLS / f"{checkout.name}.venv"
    if not (venv / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "pytest", "pytest-timeout", *suite["install"]], check=True, cwd=checkout)
        (venv / "done").touch()


def run(name, suite, checkout):
    """Runs the suite and returns the file of its results."""
    results = TOOLS / f"{name}.xml"
    results.unlink(missing_ok=True)
    python = TOOLS / f"{name}.venv" / "bin" / "python"
    options = ["-p", "plugin", "-p", "no:cacheprovider", "-q", "--no-header", "--continue-on-collection-errors", "--tb=short", "-W", "ignore"]
    limits = [f"--timeout={TEST_LIMIT}", f"--session-timeout={SUITE_LIMIT}", f"--junitxml={results}"]
    environment = os.environ | {"PYTHONPATH": str(HERE), "SUITE": name}
    with open(TOOLS / f"{name}.log", "wb") as log:
        command = [python, "-m", "pytest", *options, *limits, *suite["tests"]]
        subprocess.run(command, cwd=checkout, env=environment, stdout=log, stderr=log, timeout=SUITE_LIMIT + 120)
    return results


def print_report(name, results):
    """Prints the counts, and the failures that the emulator does not explain by a 501."""
    counts, others = Counter(), []
    for case in xml.parse(results).iter("testcase"):
        failure = next((part for part in case if part.tag in ("failure", "error")), None)
        if failure is not None:
            text = f"{failure.get('message')} {failure.text}"
            kind = "not modeled" if NOT_MODELLED.search(text) else "other failures"
            # These files start a server of moto's own.
            kind = "not run" if "No module named 'flask'" in text else kind
            if kind == "other failures":
                others.append(f"{case.get('classname')}::{case.get('name')}: {failure.get('message') or ''}"[:200])
        else:
            kind = "skipped" if case.find("skipped") is not None else "passed"
        counts[kind] += 1
    print(f"{name}: " + ", ".join(f"{counts[kind]} {kind}" for kind in ("passed", "not modeled", "other failures", "skipped", "not run")))
    for line in others:
        print("  " + " ".join(line.split()))


if __name__ == "__main__":
    main()
