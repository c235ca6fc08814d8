"""All measurements of one comparison, and the medians over its runs."""

import statistics

NUMBERS = ("wall", "cpu", "memory", "zip", "reading", "fetched", "read")
OPTIONAL = ("after_last_byte", "same")  # only from a pack on disk


class Results:
    """The results that compare.py wrote. `data` is plain JSON."""

    def __init__(self, data):
        self.data = data
        self.repositories = data["repositories"]
        self.start = data["start"]

    def of(self, repository, contender, latency=0):
        """Returns the medians of a contender, or None if it was not measured."""
        found = self.all_of(repository, contender, latency)
        if not found:
            return None
        names = [*NUMBERS, *(name for name in OPTIONAL if name in found[0])]
        medians = {name: statistics.median(each[name] for each in found) for name in names}
        return medians | {"requests": found[-1]["requests"], "runs": len(found)}

    def all_of(self, repository, contender, latency=0):
        """Returns the measurements of a contender, one for each run."""
        wanted = (repository["name"], contender, latency)
        return [each for each in self.data["figures"] if (each["repository"], each["contender"], each["latency"]) == wanted]

    def spread(self, repository, contenders, number="cpu"):
        """Returns half the range of the middle half of the runs, relative to the median: the largest of the contenders."""
        return max((spread([each[number] for each in self.all_of(repository, name)]) for name in contenders), default=0.0)

    def most(self, repository, number):
        """Returns the largest of our measurements on a repository, because a median would hide a peak."""
        ours = [each for each in self.data["figures"] if each["repository"] == repository["name"]]
        return max((each[number] for each in ours if each["contender"].startswith("ours")), default=None)

    def miscounted(self):
        """Returns the measurements in which the function and the emulator report different requests."""
        return [each for each in self.data["figures"] if each["told"] is not None and each["told"] != each["requests"]]

    def made(self):
        """Returns the generated repositories of many files, by their number of files."""
        listed = [each for each in self.repositories if each["kind"] in ("made", "growth")]
        return sorted(listed, key=lambda each: each["files"])

    def usual(self):
        """Returns the repositories of about 5,000 files, which the targets are for, or all if there is none."""
        listed = [each for each in self.repositories if each["kind"] in ("given", "made")]
        return [each for each in listed if 2500 <= each["files"] <= 10_000] or listed


def spread(values):
    """Returns half of the interquartile range, relative to the median. Infinite for fewer than three values."""
    if len(values) < 3:
        return float("inf")
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / middle
