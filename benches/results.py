"""All measurements of one comparison, and the medians over its runs."""

import statistics

NUMBERS = ("wall", "cpu", "memory", "zip", "reading", "fetched")


class Results:
    """What compare.py has written down; `data` is plain JSON."""

    def __init__(self, data):
        self.data = data
        self.repositories = data["repositories"]
        self.start = data["start"]

    def of(self, repository, contender, latency=0):
        """The medians of a contender, or None where it was not measured."""
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
        """The most of all our measurements on a repository: no median hides a peak."""
        ours = [each for each in self.data["figures"] if each["repository"] == repository["name"]]
        return max((each[number] for each in ours if each["contender"].startswith("ours")), default=None)

    def miscounted(self):
        """Measurements in which the function says it sent something else than the emulator saw."""
        return [each for each in self.data["figures"] if each["told"] is not None and each["told"] != each["requests"]]

    def made(self):
        """The made repositories of many files, by their number."""
        listed = [each for each in self.repositories if each["kind"] in ("made", "growth")]
        return sorted(listed, key=lambda each: each["files"])

    def usual(self):
        """Those of about 5,000 files, for which the targets are; all, where there is none such."""
        listed = [each for each in self.repositories if each["kind"] in ("given", "made")]
        return [each for each in listed if 2500 <= each["files"] <= 10_000] or listed
