"""The targets of this project, and whether it reaches them."""

import dataclasses
import math

from contenders import NAMES, auto, clone_and_archive, incremental, merged, naive, over_git, packed_git, packed_ours

MEGABYTE = 1_000_000
LATENCY = 15

# Processor and wall time from the pack on disk to the zip, relative to git archive: the more deltas, the more to deflate.
PACKED = {"git": (0.22, 0.15), "rust-analyzer": (0.18, 0.13), "babel": (0.32, 0.22), "test262": (0.50, 0.30)}
PACKED_OTHERS = (0.65, 0.40)


@dataclasses.dataclass
class Target:
    what: str
    where: str
    wanted: str
    measured: str
    met: bool


def targets(results):
    for repository in results.usual():
        yield from on_usual(results, repository)
    yield from merges(results)
    yield from peaks(results)
    yield from start(results)
    yield from growth(results)


def on_usual(results, repository):
    of = lambda contender, latency=0: results.of(repository, NAMES[contender], latency)
    where = repository["name"]
    ours, git = of(packed_ours), of(packed_git)
    if ours and git:
        cpu, wall = PACKED.get(where, PACKED_OTHERS)
        yield at_most("CPU, pack on disk to zip, ÷ `git archive`", where, ours["cpu"] / git["cpu"], cpu)
        yield at_most("wall, pack on disk to zip, ÷ `git archive`", where, ours["wall"] / git["wall"], wall)
        yield at_most("size of the zip, ÷ `git archive`", where, ours["zip"] / git["zip"], 1.005, digits=4)
    if ours and where == "git":
        most = 0.15
        yield at_most("seconds from the last byte of the pack to the last of the zip", where, ours["after_last_byte"], most)
        yield at_least("share of the compressed bytes that equal `git archive`'s", where, ours["same"], 0.9)
    ours = of(auto, LATENCY)
    for contender, most in ((naive, 1 / 25), (clone_and_archive, 0.7)):
        if ours and (theirs := of(contender, LATENCY)):
            yield at_most(f"end to end at {LATENCY} ms, ÷ {NAMES[contender]}", where, ours["wall"] / theirs["wall"], most)
    cold, warm = of(over_git), of(incremental)
    if cold:
        yield at_most("cold over Git: requests to CodeCommit", where, cold["reading"], 6, digits=0)
    if cold and git:
        yield at_most("cold over Git: CPU ÷ `git archive`", where, cold["cpu"] / git["cpu"], 0.35)
    if warm:
        most = 5 + 1 + repository["folders_above"] + repository["unarchived_attributes"]
        yield at_most("one file pushed: requests to CodeCommit", where, warm["reading"], most, digits=0)
    if cold and warm:
        yield at_most("one file pushed: CPU ÷ cold over Git", where, warm["cpu"] / max(cold["cpu"], 0.01), 0.35)


def merges(results):
    for repository in results.repositories:
        if figure := results.of(repository, NAMES[merged]):
            what = "every tenth file pushed: bytes from CodeCommit ÷ compressed size of what changed"
            yield at_most(what, repository["name"], figure["read"] / repository["merged_bytes"], 1.5)


def peaks(results):
    """Returns the largest of each kind, over all sources and runs."""
    made = results.made()
    usual = [(each, 62 if each["name"] == "git" else 80) for each in results.usual()]
    many = [(each, 126) for each in made[-1:] if each["files"] > 10_000]
    blob = [(each, 126) for each in results.repositories if each["kind"] == "blob"]
    for repository, most in usual + many + blob:
        if peak := results.most(repository, "memory"):
            measured = peak / MEGABYTE
            yield Target("peak anonymous memory", repository["name"], f"≤ {most} MB", f"{measured:.0f} MB", measured <= most)


def start(results):
    if figures := results.start:
        measured = figures["difference"]
        what = "start to the first `next`, above bare clients"
        yield Target(what, f"{figures['starts']} starts", "≤ 0.8 ms", f"{measured:.1f} ms", measured <= 0.8)


def growth(results):
    """Returns the exponent of a power law through the points. 1 is linear. Less means that fixed costs are still visible."""
    for contender, number, what in ((over_git, "wall", "time"), (over_git, "cpu", "CPU")):
        points = [(each["files"], results.of(each, NAMES[contender])) for each in results.made()]
        points = [(files, figure[number]) for files, figure in points if figure and figure[number] > 0]
        if len(points) >= 3:
            measured = exponent(points)
            where = f"{points[0][0]:,} to {points[-1][0]:,} files"
            yield at_most(f"growth of {what}: exponent over the number of files", where, measured, 1.1)


def exponent(points):
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs))
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)


def at_most(what, where, measured, most, digits=3):
    return Target(what, where, f"≤ {most:.{digits}f}", f"{measured:.{digits}f}", measured <= most)


def at_least(what, where, measured, least, digits=3):
    return Target(what, where, f"≥ {least:.{digits}f}", f"{measured:.{digits}f}", measured >= least)
