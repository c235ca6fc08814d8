"""The comparison in words: Markdown for the terminal and for BENCHMARKS.md."""

import pathlib

import plot
from contenders import NAMES, api, clone_and_archive, local_archive, naive, over_git
from targets import MEGABYTE, targets

RATIOS = {"÷ boto3": naive, "÷ clone": clone_and_archive, "÷ archive": local_archive}


# Comments on missed targets, written by a person.
REMARKS = pathlib.Path(__file__).with_name("remarks.md")


def write(results, target, drawing):
    """Writes the whole report and the plot."""
    plotted = draw(results, drawing)
    link = [f"![Time and memory against the number of files]({drawing.relative_to(target.parent)})"] if plotted else []
    target.write_text("\n\n".join(["# Benchmarks", *sections(results, link)]) + "\n")


def sections(results, link=()):
    yield "Written by `make bench`: one comparison, in which the contenders take turns."
    yield conditions(results)
    yield "## Targets\n\n" + target_table(results)
    if REMARKS.exists():
        yield REMARKS.read_text().strip()
    for repository in results.repositories:
        if repository["kind"] != "growth":
            yield f"## {repository['name']}\n\n{description(repository)}\n\n{figures_table(results, repository)}"
    if growth := growth_table(results):
        yield "\n\n".join(["## Growth", *link, growth])
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


def description(repository):
    commit = "" if repository["kind"] != "given" else f", commit `{repository['commit']}`"
    return f"{repository['files']:,} files, {repository['megabytes']:.1f} MB{commit}."


def figures_table(results, repository):
    head = ("", "ms a request", "wall s", "CPU s", "peak MB", "fetched MB", "zip MB", *RATIOS, "requests")
    rows = [
        row(results, repository, name, latency)
        for latency in results.data["latencies"]
        for name in NAMES.values()
        if results.of(repository, name, latency)
    ]
    return table(head, rows + skipped_rows(results, repository, len(head)))


def row(results, repository, name, latency):
    figure = results.of(repository, name, latency)
    once = "" if figure["runs"] == results.data["runs"] else f" ({figure['runs']} run)"
    return (
        name + once,
        f"{latency}" if figure["requests"] else "–",
        f"{figure['wall']:.3f}",
        f"{figure['cpu']:.2f}",
        f"{figure['memory'] / MEGABYTE:.0f}",
        f"{figure['fetched'] / MEGABYTE:.2f}",
        f"{figure['zip'] / MEGABYTE:.2f}",
        *(ratio(results, repository, name, latency, other) for other in RATIOS.values()),
        in_words(figure["requests"]) or "–",
    )


def in_words(requests):
    """Formats counts by operation, the most frequent first. A count of one is left out."""
    ordered = sorted(requests.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{operation} × {count}" if count > 1 else operation for operation, count in ordered)


def ratio(results, repository, name, latency, contender):
    """Formats the wall times. The local archive has no network, and is measured once for all latencies."""
    other = results.of(repository, NAMES[contender], 0 if contender is local_archive else latency)
    if not other or not name.startswith("ours, ") or "pack" in name:
        return ""
    return f"{results.of(repository, name, latency)['wall'] / other['wall']:.3f}"


def skipped_rows(results, repository, width):
    found = [each for each in results.data["skipped"] if each["repository"] == repository["name"]]
    return [(each["contender"], str(each["latency"]), each["why"], *[""] * (width - 3)) for each in found]


LINES = {"ours, SOURCE=git": over_git, "ours, SOURCE=api": api, "git archive": local_archive}


def growth_table(results):
    made = [each for each in results.made() if results.of(each, NAMES[over_git])]
    if len(made) < 2:
        return None
    head = ("files", "MB", *(f"{name}, {unit}" for name in LINES for unit in ("s", "CPU s", "µs a file", "MB")))
    return table(head, [growth_row(results, each) for each in made])


def growth_row(results, repository):
    cells = [f"{repository['files']:,}", f"{repository['megabytes']:.0f}"]
    for contender in LINES.values():
        figure = results.of(repository, NAMES[contender])
        if figure is None:
            cells += ["–"] * 4
            continue
        each = figure["wall"] / repository["files"] * 1e6
        cells += [f"{figure['wall']:.2f}", f"{figure['cpu']:.2f}", f"{each:.0f}", f"{figure['memory'] / MEGABYTE:.0f}"]
    return cells


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
  Its processor time is not counted. It lets each request wait for the milliseconds in the second column.
- CPU is user and system time; of the function from the event to the answer, of git with all its children. Memory is the most RssAnon at
  once of a process and its children, looked at every 10 ms. Fetched is all that was answered, S3 included.
- The function runs before the event comes, but has done nothing yet; each run has a new one, a new emulator and an empty bucket. For
  `one file pushed` the commit before was archived by another process of it. `boto3` is measured without its start and imports.
- `git clone` is `--bare`, so that no working tree is written. `local clone` is a mirror with the whole history, `pack on disk` is a pack
  with this commit alone, for both; ours indexes it first, git has its index. Both zips then have the same entries and checksums.
- Made files are 10 kB of text on average, the same each time. What takes boto3 over a minute is run once.
- {counted(results)}"""


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
