"""The comparison in words: Markdown for the terminal and for BENCHMARKS.md. The figures of each run are rows of a table beside it."""

import pathlib

import plot
from contenders import NAMES, api, auto, clone_and_archive, incremental, local_archive, naive, over_git, packed_git, packed_ours
from targets import LATENCY, MEGABYTE, targets

# Comments on missed targets, written by a person.
REMARKS = pathlib.Path(__file__).with_name("remarks.md")
COLUMNS = ("repository", "contender", "latency", "run", "wall", "cpu", "memory", "zip", "fetched", "read", "after_last_byte", "same")


def write(results, target, rows, drawing):
    """Writes the whole report, the figures of each run, and the plot."""
    plotted = draw(results, drawing)
    link = [f"![Time and memory against the number of files]({drawing.relative_to(target.parent)})"] if plotted else []
    target.write_text("\n\n".join(["# Benchmarks", *sections(results, rows.name, link)]) + "\n")
    rows.write_text("".join("\t".join(row) + "\n" for row in raw_rows(results)))


def sections(results, rows, link=()):
    yield f"Written by `make bench`: one comparison, in which the contenders take turns. The figures of each run are in [{rows}]({rows})."
    yield conditions(results)
    yield "## Targets\n\n" + target_table(results)
    if REMARKS.exists():
        yield REMARKS.read_text().strip()
    yield "## Repositories\n\n" + repository_table(results)
    if link:
        yield "\n\n".join(["## Growth", *link])
    yield notes(results)


def conditions(results):
    data, machine = results.data, results.data["machine"]
    lines = [
        f"- {data['date']}; medians of {data['runs']}",
        f"- {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB of memory; "
        f"load {machine['load']} before the first run",
        f"- {machine['system']}; {machine['git']}; {machine['rust']}; {machine['python']}",
        f"- `{data['command']}`",
    ]
    return "\n".join(lines)


def target_table(results):
    rows = [(each.what, each.where, each.wanted, each.measured, "met" if each.met else "**missed**") for each in targets(results)]
    return table(("what", "on", "target", "measured", ""), rows)


def repository_table(results):
    head = (
        "repository", "files", "MB", "pack to zip: CPU", "wall", "zip", "instructions", "cold over Git: CPU",
        f"cold at {LATENCY} ms: s", "÷ boto3", "÷ clone", "one file pushed: s", "CPU s", "requests to CodeCommit", "peak MB",
    )
    return table(head, [repository_row(results, each) for each in results.repositories if each["kind"] != "growth"])


def repository_row(results, repository):
    of = lambda contender, latency=0: results.of(repository, NAMES[contender], latency)
    number = lambda figure, name, digits: f"{figure[name]:.{digits}f}" if figure else "–"
    divided = lambda a, b, name: f"{a[name] / b[name]:.3f}" if a and b else "–"
    ours, git, cold, pushed = of(packed_ours), of(packed_git), of(auto, LATENCY), of(incremental, LATENCY)
    counted = results.data["instructions"].get(repository["name"])
    return (
        repository["name"],
        f"{repository['files']:,}",
        f"{repository['megabytes']:.1f}",
        divided(ours, git, "cpu"),
        divided(ours, git, "wall"),
        divided(ours, git, "zip"),
        f"{counted['ours'] / counted['git']:.3f}" if counted and counted["git"] else "–",
        divided(of(over_git), git, "cpu"),
        number(cold, "wall", 2),
        divided(cold, of(naive, LATENCY), "wall"),
        divided(cold, of(clone_and_archive, LATENCY), "wall"),
        number(pushed, "wall", 2),
        number(pushed, "cpu", 2),
        number(pushed, "reading", 0),
        f"{(results.most(repository, 'memory') or 0) / MEGABYTE:.0f}",
    )


def raw_rows(results):
    yield (*COLUMNS, "requests")
    for each in results.data["figures"]:
        yield (*(cell(each.get(name, "")) for name in COLUMNS), in_words(each["requests"]))
    for each in results.data["skipped"]:
        yield (each["repository"], each["contender"], str(each["latency"]), each["why"])


def cell(value):
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def in_words(requests):
    """Formats counts by operation, the most frequent first. A count of one is left out."""
    ordered = sorted(requests.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{operation} × {count}" if count > 1 else operation for operation, count in ordered)


LINES = {"ours, SOURCE=git": over_git, "ours, SOURCE=api": api, "git archive": local_archive}


def draw(results, path):
    made = results.made()
    if len(made) < 2:
        return False
    panels = [
        (title, [(name, points(results, made, contender, number, unit)) for name, contender in LINES.items()])
        for title, number, unit in (("Time in seconds", "wall", 1), ("Peak anonymous memory in MB", "memory", MEGABYTE))
    ]
    plot.growth(panels, path)
    return True


def points(results, made, contender, number, unit):
    figures = [(each["files"], results.of(each, NAMES[contender])) for each in made]
    return [(files, figure[number] / unit) for files, figure in figures if figure]


def notes(results):
    return f"""## How it is measured

- Everything is on one machine: the emulator, which serves CodeCommit, Git, S3 and CodePipeline, shares its cores with what is measured.
  Its processor time is not counted. It lets each request wait for the given milliseconds.
- CPU is user plus system time: for the function from the event to the answer, for git with all child processes. Instructions are counted
  by valgrind, on small repositories. Memory is the largest sum of RssAnon of a process and its descendants, sampled every 10 ms.
- `pack to zip` is our time divided by the time of `git archive`. Both read one pack that has only this commit. Our time includes indexing
  the pack; git's index exists before. Both zips have the same entries and checksums. The pairs are repeated until the runs agree:
  {agreement(results)}.
- `cold over Git` is the time of the whole function, divided by the time of the same `git archive`.
- The function's process is started before the event is sent, and the event is its first. Each run has a new process, a new emulator and an
  empty bucket. For `one file pushed`, another process of the function has archived the commit before. The time of `boto3` does not include
  the start of Python and the imports.
- `git clone` is `--bare`, so that no working tree is written.
- Generated files have 10 kB of text on average, and are the same in every run. What takes boto3 over a minute is run once.
- {counted(results)}"""


def agreement(results):
    """Returns the spread that was reached, in words."""
    pair = [NAMES[packed_git], NAMES[packed_ours]]
    usual = [each for each in results.repositories if results.of(each, pair[1])]
    worst = max((results.spread(each, pair) for each in usual), default=0.0)
    return f"the middle half of them is within {worst:.1%} of the median" if worst < 1 else "there were too few"


def counted(results):
    """Says whether the function's own count of requests is right."""
    differences = sorted({difference(each) for each in results.miscounted()})
    if not differences:
        return "In every run the function's own count of requests was what the emulator saw."
    return "The function counted otherwise than the emulator saw (requests given up count, too): " + "; ".join(differences) + "."


def difference(figure):
    told, seen = figure["told"], figure["requests"]
    differing = [name for name in sorted(told | seen) if told.get(name) != seen.get(name)]
    counts = ", ".join(f"{name} {told.get(name, 0)} for {seen.get(name, 0)}" for name in differing)
    return f"{figure['contender']} on {figure['repository']}: {counts}"


def table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)
