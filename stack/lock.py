"""Locks the requirements of the tools: lock.py UV. Each requirements/NAME.in becomes NAME.txt, with the versions and hashes of all that it needs.

The hashes are those of every file of a release, so that pip installs the same release on every platform and verifies it.
"""

import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).with_name("requirements")
OPTIONS = [
    *("--universal", "--python-version", "3.10", "--generate-hashes", "--quiet"),
    *("--no-annotate", "--no-strip-extras", "--no-emit-index-url", "--custom-compile-command", "make requirements"),
]
# Only the program itself is needed, see the Makefile.
WITHOUT_DEPENDENCIES = ["cargo-lambda.in"]


def main():
    uv = pathlib.Path(sys.argv[1]).resolve()
    for source in sorted(FOLDER.glob("*.in")):
        target = source.with_suffix(".txt")
        alone = ["--no-deps"] if source.name in WITHOUT_DEPENDENCIES else []
        subprocess.run([uv, "pip", "compile", *OPTIONS, *alone, source.name, "-o", target.name], cwd=FOLDER, check=True)
        target.write_text(with_plain_names(target.read_text(encoding="utf-8")), encoding="utf-8")


def with_plain_names(text):
    """Adds `name==1` to each `name[extra]==1`: pip takes the second for the package with its extra only, and refuses the package."""
    return re.sub(r"^([\w.-]+)\[[^]]+\](==(?:.*\\\n)*.*\n)", r"\g<0>\1\2", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main()
