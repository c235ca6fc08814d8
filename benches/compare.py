"""Compares the function with the programs that a user would choose instead, in one run, and writes BENCHMARKS.md.

    compare.py [--runs 3] [--counts 1000,5000] [--no-blob] [NAME=]PATH…
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import repositories
import report
import start
from contenders import (
    NAMES, Programs, api, auto, clone_and_archive, incremental, local_archive, merged, naive, over_git, packed_git,
    packed_instructions, packed_ours,
)
from git import line
from measure import Failed
from results import Results

LATENCIES = (0, 15)
COUNTS = "1000,2000,5000,10000,20000,50000,100000"
COMPARED_UP_TO = 5000  # made repositories with more files show the growth only
COUNTED_UP_TO = 1500  # files of repositories whose instructions are counted: valgrind takes fifty times as long
STEADY, MOST_ROUNDS = 0.05, 12  # the spread to reach from a pack on disk, and the rounds after which to give up
NAIVE_CALL_SECS = 0.004
NAIVE_ONCE_SECS, NAIVE_NEVER_SECS = 60, 600

NETWORK = (naive, clone_and_archive, api, over_git, auto, incremental)
LOCAL = (local_archive, packed_git, packed_ours)
GROWTH = (api, over_git, local_archive)
BLOB = (clone_and_archive, over_git, local_archive, packed_git, packed_ours)


def main():
    options = arguments()
    if options.again:
        results = Results(json.loads(options.again.read_text()))
    else:
        results = Results(measured(options))
    report.write(results, options.output, options.rows, options.drawing)
    print("\n\n".join(report.sections(results, options.rows.name)))


def arguments():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repositories", nargs="*", metavar="[NAME=]PATH", help="local repositories; HEAD is archived")
    parser.add_argument("--programs", type=pathlib.Path, default=root / "target/release", help="where the built binaries are")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--counts", default=COUNTS, help="files of the made repositories")
    parser.add_argument("--no-blob", dest="blob", action="store_false", help="without the file of 2 GB")
    parser.add_argument("--folder", type=pathlib.Path, default=root / ".tools/bench", help="for what is made and left over")
    parser.add_argument("--output", type=pathlib.Path, default=root / "BENCHMARKS.md")
    parser.add_argument("--rows", type=pathlib.Path, default=root / "BENCHMARKS.tsv", help="for the figure of each run")
    parser.add_argument("--drawing", type=pathlib.Path, default=root / "docs/growth.svg")
    parser.add_argument("--again", type=pathlib.Path, metavar="RESULTS", help="only write the report of a results.json again")
    return parser.parse_args()


def measured(options):
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = options.programs.resolve()
    examples = folder / "examples"
    programs = Programs(folder / "updates", folder / "emulator", examples / "from_pack", examples / "bare", options.folder)
    data = {
        "date": datetime.date.today().isoformat(),
        "command": command(options),
        "runs": options.runs,
        "latencies": LATENCIES,
        "machine": machine(),
        "repositories": [],
        "figures": [],
        "skipped": [],
        "instructions": {},
    }
    say("start")
    data["start"] = start.compare(programs.updates, programs.bare)
    for kind, prepare in wanted(options):
        repository = prepare()
        say(f"{repository.name}: {repository.files:,} files, {repository.megabytes:.1f} MB")
        data["repositories"].append(described(kind, repository))
        compare(data, kind, repository, programs, options.runs)
        # Write after each one, so that an interrupted comparison is not lost: `--again` reports the existing figures.
        (options.folder / "results.json").write_text(json.dumps(data, indent=1))
    return data


def wanted(options):
    """The kind of each repository, and its preparation."""
    for argument in options.repositories:
        yield "given", lambda: repositories.given(argument, options.folder)
    for count in map(int, filter(None, options.counts.split(","))):
        kind = "made" if count <= COMPARED_UP_TO else "growth"
        yield kind, lambda: repositories.of_files(count, options.folder)
    if options.blob:
        yield "blob", lambda: repositories.of_one_blob(options.folder)


def described(kind, repository):
    fields = ("name", "commit", "files", "megabytes", "folders_above", "unarchived_attributes", "merged_bytes")
    return {"kind": kind} | {field: getattr(repository, field) for field in fields}


def compare(data, kind, repository, programs, runs):
    """Measures in rounds, so that a slow moment of the machine affects all contenders."""
    turns = list(contenders(kind, repository))
    for run in range(1 if kind == "blob" else runs):
        for contender, latency in list(turns):
            if run > 0 and contender is naive and naive_secs(repository, latency) > NAIVE_ONCE_SECS:
                continue
            turn = {"repository": repository.name, "contender": NAMES[contender], "latency": latency}
            try:
                data["figures"].append(turn | {"run": run} | figure(contender, programs, repository, latency))
            except Failed as failed:
                say(f"    {NAMES[contender]}: {failed}")
                data["skipped"].append(turn | {"why": str(failed)})
                turns.remove((contender, latency))
    if (packed_ours, 0) in turns:
        steady(data, repository, programs, runs)
        if repository.files <= COUNTED_UP_TO:
            data["instructions"][repository.name] = packed_instructions(programs, repository)


def steady(data, repository, programs, runs):
    """Repeats the pairs from a pack on disk until the machine is quiet enough for them to agree."""
    pair = (packed_git, packed_ours)
    names = [NAMES[each] for each in pair]
    for run in range(runs, MOST_ROUNDS):
        if Results(data).spread({"name": repository.name}, names) <= STEADY:
            return
        for contender in pair:
            turn = {"repository": repository.name, "contender": NAMES[contender], "latency": 0, "run": run}
            data["figures"].append(turn | figure(contender, programs, repository, 0))


def figure(contender, programs, repository, latency):
    estimate = naive_secs(repository, latency)
    if contender is naive and estimate > NAIVE_NEVER_SECS:
        raise Failed(f"not run: about {estimate / 60:.0f} minutes")
    figure = contender(programs, repository, latency)
    taken = f"{figure['wall']:9.3f} s {figure['cpu']:8.2f} s CPU {figure['memory'] / 1e6:7.1f} MB"
    say(f"    {NAMES[contender]:34} {latency:3} ms {taken}")
    return figure


def naive_secs(repository, latency):
    return repository.files * (NAIVE_CALL_SECS + latency / 1000)


def contenders(kind, repository):
    if kind == "blob":
        return [(each, 0) for each in BLOB]
    if kind == "growth":
        merge = [(merged, 0)] if repository.merged else []
        return [(each, 0) for each in GROWTH] + merge
    return [(each, latency) for latency in LATENCIES for each in NETWORK] + [(each, 0) for each in LOCAL]


def command(options):
    """Returns the command line without this machine's paths."""
    names = " ".join(repositories.name_of(argument) for argument in options.repositories)
    blob = "" if options.blob else " BLOB=no"
    return f"make bench REPOS='{names}' RUNS={options.runs} COUNTS={options.counts}{blob}"


def machine():
    """Returns the facts that the figures depend on, without anything that identifies the machine."""
    cpu = [each.partition(":")[2].strip() for each in read("/proc/cpuinfo").splitlines() if each.startswith("model name")]
    memory = int(read("/proc/meminfo").split()[1]) * 1024
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9),
        "load": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "git": line("--version"),
        "rust": subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip(),
        "python": f"Python {platform.python_version()}",
    }


def read(path):
    return pathlib.Path(path).read_text()


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
