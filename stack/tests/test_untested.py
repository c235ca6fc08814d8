"""docs/untested.md and the scripts that check its assumptions name the same ones."""

import re
import subprocess

from test_templates import ROOT

DOCUMENT = (ROOT / "docs/untested.md").read_text(encoding="utf-8")


def sections():
    """Yields each section's rows, as cells, and the scripts that it names."""
    for section in DOCUMENT.split("\n## ")[1:]:
        rows = [line.strip("|").split(" | ") for line in section.splitlines() if re.match(r"\| [A-Z]+\d+ \|", line)]
        yield [[cell.strip() for cell in row] for row in rows], re.findall(r"`([\w/]+\.sh) ", section)


def test_every_belief_has_its_cost_its_command_and_what_is_expected():
    numbers = []
    for rows, _ in sections():
        for row in rows:
            assert len(row) == 5 and all(row), row[0]
            numbers.append(row[0])
    assert len(numbers) >= 20 and len(set(numbers)) == len(numbers)


def test_a_script_settles_beliefs_of_the_document():
    for rows, scripts in sections():
        for script in scripts:
            text = (ROOT / script).read_text(encoding="utf-8")
            settled = re.findall(r"^check ([A-Z]+\d+) ", text, re.MULTILINE)
            assert settled and set(settled) <= {row[0] for row in rows}, script


def test_the_script_takes_the_pattern_out_of_the_template():
    """The only part of the script that needs no account."""
    script = (ROOT / "stack/untested.sh").read_text(encoding="utf-8")
    python = re.search(r"<<'PYTHON'\n(.*?)\nPYTHON\n", script, re.DOTALL)[1]
    output = subprocess.run(["python3", "-c", python, ROOT / "template.yaml"], capture_output=True, text=True, check=True)
    assert "(?=" in output.stdout and '"Branches"' in output.stdout
