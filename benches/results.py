"""All measurements of one comparison, and the medians over its runs."""

import statistics

NUMBERS = ("wall", "cpu", "memory", "zip", "reading", "fetched")


class Results:
    """The results that compare.py wrote. `data` is plain JSON."""

    def __init__(self, data):
        self.data = data
        self.repositories = data["repositories"]
        self.start = data["start"]

    def of(self, repository, contender, latency=0):
        """Returns the medians of a contender, or None if it was not measured."""
        found = [
            each
            for each in self.data["figures"]
            if (each["repository"], each["contender"], each["latency"]) == (repository["name"], contender, latency)
        ]
        if not found:
            return None
        medians = {name: statistics.median(each[name] for each in found) for name in NUMBERS}
        return medians | {"requests": found[-1]["requests"], "runs": len(found)}

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
