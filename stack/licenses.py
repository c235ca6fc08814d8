"""Collects the licenses of the crates that are linked in: their names, and the texts that each crate carries.

A text that several crates share is printed once, below their names.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
LINE = "=" * 100


def text(crates):
    """Returns a list of all foreign crates, followed by the texts."""
    foreign = [crate for crate in crates if crate.checksum or crate.folder is None]
    rows = "".join(f"{crate.name} {crate.version}: {crate.license}\n" for crate in foreign)
    texts = {}
    for crate in foreign:
        for body in list(carried(crate)) or [standard(crate)]:
            texts.setdefault(body, []).append(f"{crate.name} {crate.version}")
    parts = [f"{LINE}\n{wrapped(names)}\n{LINE}\n\n{body}\n" for body, names in sorted(texts.items(), key=lambda row: row[1])]
    return "The programs of this release contain these crates. Their license texts follow.\n\n" + rows + "\n" + "\n".join(parts)


def carried(crate):
    """Yields the license texts in a crate's sources."""
    if crate.folder is None:
        return
    for path in sorted(crate.folder.rglob("*")):
        names_a_license = FILES.match(path.name) and path.suffix.lower() in ("", ".txt", ".md", ".apache", ".mit")
        if names_a_license and path.is_file() and not tests(path.relative_to(crate.folder)):
            body = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip()
            if body:
                yield body


def standard(crate):
    """Returns the text of the license of a crate that carries none."""
    choices = crate.license.split(" OR ")
    _, mit, apache = (ROOT / "LICENSE").read_text(encoding="utf-8").split("-" * 80)
    if "Apache-2.0" in choices:
        return apache.strip()
    if "MIT" in choices:
        return f"Copyright (c) the authors of {crate.name}\n\n" + mit[mit.index("Permission") :].strip()
    raise ValueError(f"{crate.name} has no text of its license, {crate.license}")


def tests(path):
    """Tells whether a file belongs to the tests of a crate, which are not linked in."""
    return any(part in ("tests", "test", "benches", "fuzz", "examples") for part in path.parts)


def wrapped(names):
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > 98:
            lines.append("")
        lines[-1] += (", " if lines[-1] else "") + name
    return ",\n".join(lines)
