"""Writes the folder of a release, which a person with only the AWS CLI deploys: release.py VERSION FOLDER.

The same commit makes the same bytes, in any folder and on any day: paths are mapped away, times are those of the commit, and
entries are sorted.
"""

import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

import licenses
import manual
import plain
import sbom
import zip as archive

ROOT = plain.ROOT
TRIPLES = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
TEMPLATES = {
    "hub": "template.yaml",
    "project": "stack/project.yaml",
    "cleanup": "stack/cleanup.yaml",
    "product": "stack/product.yaml",
    "source-account": "stack/source-account.yaml",
}
# What a person reads or copies, as it is in the project.
COPIES = ["LICENSE", "CHANGELOG.md", "buildspec.example.yml", "stack/large.buildspec.yml"]
COPIES += ["stack/deployer-policy.json", "stack/developer-policy.json"]
SUMS = "SHA256SUMS"
READABLE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH


def main():
    wanted, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if wanted != plain.version():
        sys.exit(f"VERSION={wanted}, but Cargo.toml has {plain.version()}: change it there, and run cargo update --workspace")
    built = {name: build(name, triple) for name, triple in TRIPLES.items() if has_target(triple)}
    for name in TRIPLES.keys() - built.keys():
        print(f"{name}: left out, because Rust's library is missing: rustup target add {TRIPLES[name]}")
    crates = sbom.linked(ROOT, [TRIPLES[name] for name in built])
    write(folder, built, crates, commit_time())
    print(f"{folder} is written:")
    print((folder / SUMS).read_text(encoding="utf-8"), end="")


def has_target(triple):
    library = subprocess.run(["rustc", "--print", "target-libdir", "--target", triple], cwd=ROOT, capture_output=True, text=True)
    return library.returncode == 0 and pathlib.Path(library.stdout.strip()).is_dir()


def build(architecture, triple):
    """Builds the function and the command line. Returns the folder with both."""
    programs = "PROGRAMS=--package codecommit-multibranch --package codecommit-cli --bin updates --bin codecommit"
    make = ["make", "--no-print-directory", "--file", "sam.mk", "bootstrap", f"ARCH={architecture}", programs]
    subprocess.run(make, cwd=ROOT, check=True)
    return ROOT / "target" / triple / "release"


def commit_time():
    """Returns the seconds of the commit, or what SOURCE_DATE_EPOCH has in its place."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    log = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True)
    return int(log.stdout)


def write(folder, built, crates, seconds):
    """Writes all files. `built` has the folder of the binaries for each architecture."""
    version = plain.version()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, source in TEMPLATES.items():
        put(folder / f"{name}.json", plain.text(plain.plain(ROOT / source, sorted(built, reverse=True))))
    for architecture, binaries in built.items():
        archive.write(binaries / "updates", folder / f"updates-{architecture}.zip")
        command = folder / f"codecommit-{architecture}"
        shutil.copyfile(binaries / "codecommit", command)
        command.chmod(0o755)
    pages = folder / "codecommit-man.tar.gz"
    pages.write_bytes(manual.archive(built, seconds))
    pages.chmod(READABLE)
    for source in COPIES:
        put(folder / pathlib.Path(source).name, (ROOT / source).read_text(encoding="utf-8"))
    put(folder / "sbom.cdx.json", sbom.text(version, crates, seconds))
    put(folder / "THIRD-PARTY-LICENSES.txt", licenses.text(crates))
    put(folder / "INSTALL.md", install(version))
    put(folder / SUMS, "".join(f"{digest(path)}  {path.name}\n" for path in sorted(folder.iterdir())))
    for path in folder.iterdir():
        os.utime(path, (seconds, seconds))


def put(path, text):
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(READABLE)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install(version):
    return re.sub(r"\bVERSION\b", version, (ROOT / "stack/INSTALL.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
